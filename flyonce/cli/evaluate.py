"""`flyonce evaluate`: how good the models are on labelled pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from flyonce.cli.options import AsJson
from flyonce.cli.output import EXIT_BAD_INPUT, emit_json, fail, progress, say, stdout
from flyonce.settings import Settings
from vision.errors import ModelError
from vision.training.dataset import DataSet, read_data_set
from vision.training.errors import TrainingError
from vision.training.evaluate import choose_thresholds, write_figures, write_thresholds
from vision.training.exam import Exam, examine
from vision.training.pictures import save_pictures
from vision.training.scores import report

REPORT_FILE = "report.json"


def evaluate(
    dataset: Annotated[Path, typer.Argument(help="Labelled pictures: data.yaml, or the folder that holds it.")],
    models: Annotated[
        Path | None, typer.Option(help="Folder of models, or of one; default: the installed ones.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="Part to measure on: train, val or test. Default: test, else val, else all."),
    ] = None,
    label: Annotated[list[str] | None, typer.Option(help="Only this label; may be given several times.")] = None,
    labelled: Annotated[
        str | None, typer.Option(help="Labels that people looked for, as a,b,c, if no card of the data set says so.")
    ] = None,
    rename: Annotated[
        list[str] | None, typer.Option(help="THEIRS=OURS: a class of the data set by our name; THEIRS= passes it over.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of report, curves and answers. Default: evaluation/<data set>-<part>.")
    ] = None,
    choose: Annotated[
        bool,
        typer.Option("--choose-thresholds", help="Choose thresholds on val and write them into the models' cards."),
    ] = False,
    write_card: Annotated[bool, typer.Option("--write-card", help="Write the figures into the models' cards.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure the models on labelled pictures, as `flyonce detect` would answer.

    mAP50 and mAP50-95 by COCO's rules, precision and recall at the models' own thresholds, IoU and F1 of water and the
    share of dry pictures called water; per label, size of the things in pixels, viewpoint and source. Photographs and
    rendered pictures are never mixed in one figure. A label counts only in pictures in which people looked for it.

    A run that was stopped goes on where it was. Pictures that cannot be used are listed, and the exit code is 2.
    """
    settings = Settings()
    model_folder = models or settings.models_dir
    try:
        data = _data(dataset, "val" if choose and split is None else split, labelled, rename or [], label or [])
        folder = out or Path("evaluation") / f"{data.root.name}-{'+'.join(data.parts)}"
        with _made(folder):
            exam = _examined(data, model_folder, folder, settings.workers)
        result = _result(data, exam)
        if choose:
            choices = choose_thresholds(data, exam)
            written = write_thresholds(model_folder, choices, data)
            result["thresholds_chosen"] = {
                name: {"threshold": choice.value, "chosen_by": choice.by, "truths": choice.truths}
                for name, choice in sorted(choices.items())
            }
            result["cards_written"] = [str(path) for path in written]
        elif write_card:
            result["cards_written"] = [str(path) for path in write_figures(model_folder, exam, data)]
    except (TrainingError, ModelError) as error:
        fail(error)
    result["pictures"] = {name: str(path) for name, path in save_pictures(exam, folder).items()}
    (folder / REPORT_FILE).write_text(json.dumps(result, indent=1, ensure_ascii=False), encoding="utf-8")
    result["report"] = str(folder / REPORT_FILE)
    if as_json:
        emit_json(result)
    else:
        _tell(result)
    for problem in exam.problems:
        say(f"error: {problem}")
    if exam.problems:
        say(f"{len(exam.problems)} of {len(data.samples)} pictures could not be used")
        raise typer.Exit(EXIT_BAD_INPUT)


def _data(place: Path, part: str | None, labelled: str | None, renames: list[str], wanted: list[str]) -> DataSet:
    renamed = dict(_pair(text) for text in renames)
    given = None if labelled is None else frozenset(name.strip() for name in labelled.split(",") if name.strip())
    data = read_data_set(place, part=part, labelled=given, renamed=renamed, only=frozenset(wanted) or None)
    held_out = next((name for name in ("test", "val") if name in data.parts), None)
    if part is not None or held_out is None:
        return data
    return replace(data, samples=tuple(sample for sample in data.samples if sample.part == held_out))


def _pair(text: str) -> tuple[str, str]:
    theirs, sign, ours = text.partition("=")
    if not theirs or not sign:
        fail(f"--rename {text}: write THEIRS=OURS, like garbage=waste")
    return theirs, ours


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder; where nothing comes of it, none that is empty is left behind."""
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"{folder}: cannot be made a folder ({error.strerror}); name another with --out")
    try:
        yield
    except (TrainingError, ModelError):
        with suppress(OSError):
            for place in new:
                place.rmdir()
        raise


def _examined(data: DataSet, models: Path, folder: Path, workers: int) -> Exam:
    with progress("evaluating", total=None) as ticker:
        return examine(data, models, answers=folder, workers=workers, on_total=ticker.total, on_picture=ticker.advance)


def _result(data: DataSet, exam: Exam) -> dict[str, Any]:
    return {
        "data_set": {
            "path": str(data.root),
            "parts": list(data.parts),
            "pictures": len(data.samples),
            "sources": _counted(sample.source for sample in data.samples),
            "viewpoints": _counted(sample.viewpoint for sample in data.samples),
            "labelled": _counted(name for sample in data.samples for name in sample.labelled),
            "notes": list(data.notes),
        },
        "models": [
            {"name": card.name, "task": card.task, "sha256": card.sha256, "thresholds": dict(card.thresholds)}
            for card in exam.cards
        ],
        **report(exam),
        "problems": list(exam.problems),
    }


def _counted(names: Any) -> dict[str, int]:  # noqa: ANN401 - any iterable of texts
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items()))


def _tell(result: dict[str, Any]) -> None:
    for note in result["data_set"]["notes"]:
        say(f"note: {note}")
    kinds = [(result["measured_on"], result)]
    if "rendered" in result:
        kinds.append(("rendered", result["rendered"]))
    for kind, block in kinds:
        if block["objects"]:
            _tell_objects(kind, block["objects"])
        if block["water"]:
            _tell_water(kind, block["water"])
    for name, choice in result.get("thresholds_chosen", {}).items():
        stdout.print(f"threshold of {name}: {choice['threshold']:g} (by {choice['chosen_by']})", markup=False)
    stdout.print(f"report and curves: {Path(result['report']).parent}", markup=False)


def _tell_objects(kind: str, block: dict[str, Any]) -> None:
    stdout.print(
        f"{kind} pictures: {block['pictures']}  mAP50 {_figure(block['map50'])}  mAP50-95 {_figure(block['map50_95'])}",
        markup=False,
    )
    stdout.print(f"  {'label':<18}{'things':>7}{'AP50':>8}{'AP50-95':>9}{'prec.':>8}{'recall':>8}{'false':>7}")
    for name, table in block["labels"].items():
        stdout.print(
            f"  {name:<18}{table['truths']:>7}{_figure(table['ap50']):>8}{_figure(table['ap50_95']):>9}"
            f"{_figure(table['precision']):>8}{_figure(table['recall']):>8}{table['false_alarms']:>7}",
            markup=False,
        )
    for title, groups in (("by size of the thing", block["by_size"]), ("by viewpoint", block["by_viewpoint"])):
        words = [f"{name} {_figure(part['map50'])}" for name, part in groups.items() if part["map50"] is not None]
        stdout.print(f"  mAP50 {title}: {', '.join(words) or '-'}", markup=False)


def _tell_water(kind: str, block: dict[str, Any]) -> None:
    stdout.print(
        f"water, {kind} pictures: {block['pictures']}  IoU {_figure(block['iou'])}  F1 {_figure(block['f1'])}  "
        f"precision {_figure(block['precision'])}  recall {_figure(block['recall'])}",
        markup=False,
    )
    if block["dry_pictures"]:
        stdout.print(
            f"  dry pictures: {block['dry_pictures']}, with an alarm {block['dry_pictures_with_alarm']}, "
            f"share of their pixels called water {100 * block['dry_share_found']:.2f} %",
            markup=False,
        )
    words = [f"{name} {_figure(part['iou'])}" for name, part in block["by_viewpoint"].items()]
    stdout.print(f"  IoU by viewpoint: {', '.join(words)}", markup=False)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
