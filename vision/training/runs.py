"""A run from the command line: the data set checked and written down for the trainer, the run's facts kept."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from vision.training.cards import sha256_of
from vision.training.dataset import WATER, DataSet, read_data_set
from vision.training.errors import BadDataSetError, BadSourceError, ResumeError
from vision.training.kept_knowledge import write_judged
from vision.training.train import BEST, RUN_FILE, START, Recipe, note_run, run_facts

DATA_FOLDER = "data"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to train.

    Attributes:
        model: `objects` or `water`.
        data: Folder with the `data.yaml` that the trainer reads.
        weights: Weights to begin with; None for a run that is resumed.
        out: Folder of the run.
        recipe: Length and size.
        teacher: COCO weights that answer for what nobody labelled; None where all is labelled.
    """

    model: str
    data: Path
    weights: Path | None
    out: Path
    recipe: Recipe
    teacher: Path | None = None


def prepare_run(
    place: Path, *, model: str, weights: Path, out: Path, recipe: Recipe, teacher: Path | None = None
) -> Plan:
    """Check a data set and write down for the trainer where its pictures are.

    Args:
        place: The data set.
        model: `objects` or `water`.
        weights: Weights to begin with.
        out: Folder of the run.
        recipe: Length and size.
        teacher: COCO weights that answer for what nobody labelled (objects only); mosaic is then off.

    Returns:
        The plan.

    Raises:
        BadDataSetError: It cannot be trained on: a part is missing, or a missing label would be learnt as background.
        BadSourceError: The weights are not there or teach nothing, or the folder holds another run.
    """
    if not weights.is_file():
        raise BadSourceError(weights, "is no file of weights", "give a .pt with --weights")
    if teacher is not None and not teacher.is_file():
        raise BadSourceError(teacher, "is no file of weights", "give the COCO weights with --teacher")
    if teacher is not None and model == "water":
        raise BadSourceError(teacher, "cannot teach where water is", "leave --teacher out")
    if model != "water" and (recipe.overlap or recipe.bfloat16):
        raise BadSourceError(place, "overlap and bfloat16 are for water alone", "leave them out, or train water")
    if teacher is not None:  # four pictures in one are not labelled alike
        recipe = replace(recipe, mosaic=0.0)
    if (out / "run.json").is_file():
        raise BadSourceError(out, "holds a run already", "resume it with --resume, or name another folder with --out")
    data = read_data_set(place)
    judged = {WATER} if model == "water" else set(data.names)
    # a picture in which nobody looked for any of it has nothing to teach, and would teach that nothing is there
    if teacher is None:
        data = replace(data, samples=tuple(sample for sample in data.samples if sample.labelled & judged))
    _check(data, model, taught=teacher is not None)
    folder = out / DATA_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    parts = {part: [s for s in data.samples if s.part == part] for part in ("train", "val")}
    for part, samples in parts.items():
        lines = "".join(f"{sample.path.absolute()}\n" for sample in samples)
        (folder / f"{part}.txt").write_text(lines, encoding="utf-8")
    names = [WATER] if model == "water" else list(data.names)
    table: dict[str, Any] = {
        "path": str(folder.resolve()),
        "train": "train.txt",
        "val": "val.txt",
        "names": dict(enumerate(names)),
        **({"masks_dir": "masks"} if model == "water" else {}),
    }
    (folder / "data.yaml").write_text(yaml.safe_dump(table, sort_keys=False), encoding="utf-8")
    if teacher is not None:
        write_judged(folder, {str(sample.path.absolute()): sample.labelled for sample in parts["train"]})
    pictures = Counter(f"{sample.part}/{sample.source}" for sample in data.samples if sample.part in parts)
    note_run(
        out, pictures=dict(sorted(pictures.items())), data_set=str(data.root), names=names,
        weights_sha256=sha256_of(weights), teacher_sha256=sha256_of(teacher) if teacher else None,
    )  # fmt: skip
    return Plan(model=model, data=folder, weights=weights, out=out, recipe=recipe, teacher=teacher)


def facts_of_begun_run(out: Path) -> dict[str, Any]:
    """Read what the folder of a run that was begun says of itself.

    Raises:
        ResumeError: There is no run, or none that began.
    """
    facts = run_facts(out)
    missing = [key for key in ("model", "data", "recipe") if key not in facts]
    if missing:
        raise ResumeError(out, f"holds a run that never began ({RUN_FILE} lacks {', '.join(missing)})")
    return facts


def plan_of_run(out: Path) -> Plan:
    """Read the plan of a run that is to be resumed.

    Raises:
        ResumeError: There is no run.
    """
    facts = facts_of_begun_run(out)
    try:
        recipe = Recipe(**facts["recipe"])
    except (TypeError, ValueError) as error:
        raise ResumeError(out, f"holds a run whose recipe is none ({error})") from error
    return Plan(model=facts["model"], data=Path(facts["data"]), weights=None, out=out, recipe=recipe)


def discard_unbegun(plan: Plan) -> None:
    """Take away what `prepare_run` wrote, if the training never began: the same command can then be given again."""
    if (plan.out / START).exists():
        return
    shutil.rmtree(plan.out / DATA_FOLDER, ignore_errors=True)
    (plan.out / RUN_FILE).unlink(missing_ok=True)
    with suppress(OSError):  # not empty: somebody else's files are in it
        plan.out.rmdir()


def held_out_pictures(out: Path, count: int) -> list[Path]:
    """Return a few pictures of the run's val part.

    Raises:
        ResumeError: There is no run.
    """
    lines = (Path(run_facts(out)["data"]) / "val.txt").read_text(encoding="utf-8").splitlines()
    return [Path(line) for line in lines[:count]]


def finish(plan: Plan) -> dict[str, Any]:
    """Read what a finished run's own log says, in its best epoch on val.

    Returns:
        `model`, `seed`, `epochs` (done), `best` (that row of the log) and `checkpoint_sha256`.
    """
    with (plan.out / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = [{key.strip(): value.strip() for key, value in row.items()} for row in csv.DictReader(file)]
    measure = next((key for key in rows[0] if "mAP50-95" in key or "mIoU" in key), None)
    best = max(rows, key=lambda row: float(row[measure])) if measure else rows[-1]
    return {
        "model": plan.model,
        "seed": plan.recipe.seed,
        "epochs": len(rows),
        "best": {key: float(value) for key, value in best.items()},
        "checkpoint_sha256": sha256_of(plan.out / BEST),
    }


def _check(data: DataSet, model: str, *, taught: bool) -> None:
    for part in ("train", "val"):
        if part not in data.parts:
            raise BadDataSetError(data.root, f"has no part {part}", "add it to data.yaml, with pictures")
    samples = [sample for sample in data.samples if sample.part in {"train", "val"}]
    if model == "water":
        without = next((sample for sample in samples if sample.mask_path is None), None)
        if without is not None:
            raise BadDataSetError(without.path, "has no mask", "write one; all 0 for a dry picture")
        return
    for sample in () if taught else samples:
        unjudged = set(data.names) - {""} - sample.labelled
        complete = sample.labels_path.parent.parent.name  # `labels` beside `labels_given` is completed by guesses
        if unjudged and complete != "labels_given":
            raise BadDataSetError(
                sample.path,
                f"nobody looked for {', '.join(sorted(unjudged))} in it, so they would be learnt as background",
                "leave these classes out of data.yaml, say in card.yaml what was looked for, or complete the labels "
                "with `python -m vision.training pseudo-label`, or name COCO weights that know them with --teacher",
            )
