"""The pictures of a report: curves and tables of real and of rendered pictures, each by itself."""

from __future__ import annotations

from pathlib import Path

from vision.matching import precision_at_recalls
from vision.training.charts import Point, save_confusion, save_precision_recall
from vision.training.exam import Exam, ObjectsRow
from vision.training.scores import answers_for, confusion, is_rendered


def save_pictures(exam: Exam, folder: Path) -> dict[str, Path]:
    """Draw what an exam shows.

    Args:
        exam: The exam.
        folder: Folder to write to.

    Returns:
        The files by what they show: `precision_recall` and `confusion`, with `_rendered` for rendered pictures.
    """
    files: dict[str, Path] = {}
    for kind, ending in (("real", ""), ("rendered", "_rendered")):
        rows = [row for row in exam.objects if is_rendered(row) == (kind == "rendered")]
        labels = [label for label in exam.labels if any(len(row.truth.of(label)) for row in rows)]
        if not labels:
            continue
        parts = "+".join(dict.fromkeys(row.sample.part for row in rows))
        words = f"{parts}, {len(rows)} {kind} pictures"
        curves = folder / f"precision_recall{ending}.png"
        _curves(curves, rows, labels, f"Precision and recall at IoU 0.5 · {words}")
        table = confusion(rows, exam.labels)
        taken = folder / f"confusion{ending}.png"
        save_confusion(taken, table["labels"], table["counts"], f"What was taken for what · {words}")
        files |= {f"precision_recall{ending}": curves, f"confusion{ending}": taken}
    return files


def _curves(path: Path, rows: list[ObjectsRow], labels: list[str], title: str) -> None:
    curves, operating = {}, {}
    for label in labels:
        answers = answers_for(rows, label)
        kept = ~answers.ignored[:, 0]
        curves[label] = precision_at_recalls(answers.right[kept, 0], answers.confidence[kept], answers.truths)
        point = _operating_point(rows, label)
        if point is not None:
            operating[label] = point
    save_precision_recall(path, curves, operating, title)


def _operating_point(rows: list[ObjectsRow], label: str) -> Point | None:
    """Recall and precision at the card's threshold; None where nothing was found."""
    believed = answers_for(rows, label, believed=True)
    hits, counted = int(believed.right.sum()), int((~believed.ignored).sum())
    return (hits / believed.truths, hits / counted) if counted and believed.truths else None
