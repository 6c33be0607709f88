"""`flyonce train`: fine-tune a model on labelled pictures; a stopped run is resumed."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from flyonce.cli.options import AsJson
from flyonce.cli.output import Ticker, emit_json, fail, progress, say, stdout
from vision.training.errors import TrainingError
from vision.training.runs import Plan, discard_unbegun, finish, plan_of_run, prepare_run
from vision.training.train import Recipe, Step, Watch, train_objects, train_water

_CONFIG_KEYS = {"model", "data", "weights", "out", "teacher"} | {field.name for field in fields(Recipe)}


def train(
    source: Annotated[
        Path, typer.Argument(help="A data set (data.yaml or its folder), a YAML of settings, or with --resume a run.")
    ],
    model: Annotated[str | None, typer.Option(help="What to train: objects (boxes) or water (surfaces).")] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights to begin with (.pt).")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the training part.")] = None,
    input_px: Annotated[int | None, typer.Option(help="Side of the input, a multiple of 32.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Pictures per step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="At the start; falls along a cosine.")] = None,
    mosaic: Annotated[float | None, typer.Option(min=0, max=1, help="Probability of four pictures as one.")] = None,
    turned: Annotated[
        bool | None, typer.Option("--turned", help="Turn and flip: for pictures from above only.")
    ] = None,
    freeze: Annotated[int | None, typer.Option(min=0, help="First layers that stay as they are.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, or the number of a GPU.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything drawn by lot.")] = None,
    degrees: Annotated[float | None, typer.Option(min=0, max=180, help="Greatest turn of a picture.")] = None,
    perspective: Annotated[float | None, typer.Option(help="Greatest tilt of a picture, up to 0.001.")] = None,
    overlap: Annotated[
        float | None, typer.Option(help="Weight of a term for the overlap (IoU) of surfaces; water only.")
    ] = None,
    bfloat16: Annotated[
        bool | None, typer.Option("--bfloat16", help="Run in 16 bits: three times as fast on a CPU with AMX.")
    ] = None,
    teacher: Annotated[
        Path | None, typer.Option(help="COCO weights (.pt) that answer for what nobody labelled; objects only.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint of the run.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fine-tune a model on labelled pictures; needs the extra `train`.

    A YAML of settings has the options' names as keys (`data`, `model`, `weights`, `out`, `epochs`, `input_px` …);
    options win over it. Nothing is fetched from any network. `flyonce train RUN --resume` goes on after a stop.
    """
    given = {
        "model": model, "weights": weights, "out": out, "epochs": epochs, "input_px": input_px, "batch": batch,
        "learning_rate": learning_rate, "mosaic": mosaic, "turned": turned, "freeze": freeze, "threads": threads,
        "device": device, "seed": seed, "degrees": degrees, "perspective": perspective, "overlap": overlap,
        "bfloat16": bfloat16, "teacher": teacher,
    }  # fmt: skip
    options = {key: value for key, value in given.items() if value is not None}
    try:
        plan = plan_of_run(source) if resume else _plan(source, options)
    except TrainingError as error:
        fail(error)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}; make room, or name another folder with --out")
    try:
        with progress("preparing", total=None) as ticker:
            best = _run(plan, resume=resume, watch=_shown_by(ticker))
    except TrainingError as error:
        if not resume:
            discard_unbegun(plan)
        fail(error)
    facts = finish(plan)
    if as_json:
        emit_json({"run": str(plan.out), "checkpoint": str(best), **facts})
        return
    stdout.print(f"{best}: {plan.model}, {facts['epochs']} epochs, seed {plan.recipe.seed}", markup=False)
    say(f"next: flyonce export {plan.out} --out models/<name>")


def _run(plan: Plan, *, resume: bool, watch: Watch) -> Path:
    if plan.model == "water":
        return train_water(plan.data, plan.weights, plan.out, plan.recipe, resume=resume, watch=watch)
    return train_objects(
        plan.data, plan.weights, plan.out, plan.recipe, teacher=plan.teacher, resume=resume, watch=watch
    )


def _shown_by(ticker: Ticker) -> Any:  # noqa: ANN401 - a function of Step
    def show(step: Step) -> None:
        losses = " ".join(f"{name.removesuffix('_loss')} {value:.3f}" for name, value in step.losses.items())
        ticker.describe(f"epoch {step.epoch}/{step.epochs}  {losses}")
        ticker.reached(step.step, step.steps)

    return show


def _plan(source: Path, options: dict[str, Any]) -> Plan:
    settings = {**_config(source), **options}
    missing = [f"--{key}" for key in ("model", "weights", "out", "epochs") if key not in settings]
    if missing:
        fail(f"{source}: give {', '.join(missing)}, or a YAML of settings with them")
    if settings["model"] not in {"objects", "water"}:
        fail(f"model is {settings['model']!r}; give objects or water")
    chosen = {field.name: settings[field.name] for field in fields(Recipe) if field.name in settings}
    try:
        recipe = Recipe(**chosen)
    except (TypeError, ValueError) as error:
        fail(f"{source}: {error}")
    return prepare_run(
        Path(settings["data"]),
        model=settings["model"],
        weights=Path(settings["weights"]),
        out=Path(settings["out"]),
        recipe=recipe,
        teacher=Path(settings["teacher"]) if "teacher" in settings else None,
    )


def _config(source: Path) -> dict[str, Any]:
    """Settings from a YAML; a data set stands for settings that name nothing else."""
    if source.suffix not in {".yaml", ".yml"} or not source.is_file():
        return {"data": source}
    try:
        table = yaml.safe_load(source.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        fail(f"{source}: cannot be read as YAML ({str(error).splitlines()[0]}); correct it")
    if isinstance(table, dict) and "names" in table:
        return {"data": source}
    if not isinstance(table, dict) or "data" not in table:
        fail(f"{source}: is neither a data.yaml (with names) nor settings (with data); give one of them")
    unknown = set(table) - _CONFIG_KEYS
    if unknown:
        known = ", ".join(sorted(_CONFIG_KEYS))
        fail(f"{source}: unknown settings {', '.join(sorted(map(str, unknown)))}; known: {known}")
    crooked = [key for key in ("data", "weights", "out", "teacher") if not isinstance(table.get(key, ""), str)]
    if crooked:
        fail(f"{source}: {', '.join(crooked)} must be a path; correct it")
    beside = {key: source.parent / table[key] for key in ("data", "weights", "out", "teacher") if key in table}
    return {**table, **beside}
