"""The figures of an exam: per label, size of the things in pixels, viewpoint and source; real and rendered apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.boxes import iou_matrix, share_inside
from vision.detections import Detections
from vision.evaluation import score_masks
from vision.matching import IOU_STEPS, SAME_THING_IOU, Answers, average_precisions, matched
from vision.training.exam import Exam, ObjectsRow, WaterRow
from vision.training.looking import CARD

SIZES_PX: dict[str, tuple[float, float]] = {
    "px_0_8": (0, 8),
    "px_8_16": (8, 16),
    "px_16_32": (16, 32),
    "small": (0, 32),
    "medium": (32, 96),
    "large": (96, float("inf")),
}
"""Ranges of the side of a square with a box's area, in pixels of the picture; the last three are COCO's."""

NOTHING = "nothing"

Table = dict[str, Any]


def is_rendered(row: ObjectsRow | WaterRow) -> bool:
    """Whether a row is of a picture that is no photograph."""
    return row.sample.viewpoint == "rendered"


def objects_block(rows: Sequence[ObjectsRow], labels: Sequence[str]) -> Table | None:
    """Score boxes over pictures of one kind; None without a picture.

    Args:
        rows: The pictures.
        labels: The labels to score.
    """
    if not rows:
        return None
    return {
        **_table(rows, labels),
        "by_size": {name: _sized(rows, labels, *span) for name, span in SIZES_PX.items()},
        "by_viewpoint": {
            name: {**_table(part, labels), "by_size": {s: _sized(part, labels, *span) for s, span in SIZES_PX.items()}}
            for name, part in _grouped(rows, lambda row: row.sample.viewpoint)
        },
        "by_source": {name: _table(part, labels) for name, part in _grouped(rows, lambda row: row.sample.source)},
        "confusion": confusion(rows, labels),
    }


def answers_for(
    rows: Sequence[ObjectsRow], label: str, span_px: tuple[float, float] = (0, float("inf")), *, believed: bool = False
) -> Answers:
    """Match one label over the pictures in which it was looked for.

    Args:
        rows: The pictures.
        label: The label.
        span_px: Least and greatest side of the things that count; what is found out of it is not held against anyone.
        believed: Take the answers at the card's thresholds, and IoU 0.5 only.
    """
    steps = [SAME_THING_IOU] if believed else list(IOU_STEPS)
    parts = []
    for row in rows:
        if label not in row.sample.labelled:
            continue
        found = (row.believed if believed else row.doubtful).labelled(label)
        true = row.truth.of(label)
        parts.append(
            matched(
                found.boxes_xyxy_px,
                found.confidence,
                true,
                least_ious=steps,
                regions_xyxy=row.truth.regions_xyxy_px,
                true_counts=_within(true, span_px),
                found_counts=_within(found.boxes_xyxy_px, span_px),
            )
        )
    return Answers.pooled(parts, len(steps))


def confusion(rows: Sequence[ObjectsRow], labels: Sequence[str]) -> Table:
    """Count what true things were taken for, at the cards' thresholds and IoU 0.5, whatever the label.

    Returns:
        `labels`, the last of which is `nothing`, and `counts` with a row per true and a column per found label.
    """
    names = [*labels, NOTHING]
    counts = np.zeros((len(names), len(names)), np.int64)
    for row in rows:
        true = [name if name in labels else None for name in row.truth.labels]
        for truth, found in _pairs(row.believed, row, true):
            counts[names.index(truth), names.index(found)] += 1
    return {"labels": names, "counts": counts.tolist()}


def water_block(rows: Sequence[WaterRow], threshold: str = CARD) -> Table | None:
    """Score surfaces over pictures of one kind; None without a picture."""
    if not rows:
        return None
    tried = [name for name in rows[0].counts if name != CARD]
    return {
        **_mask_table(rows, threshold),
        "by_viewpoint": {
            name: _mask_table(part, threshold) for name, part in _grouped(rows, lambda row: row.sample.viewpoint)
        },
        "by_source": {
            name: _mask_table(part, threshold) for name, part in _grouped(rows, lambda row: row.sample.source)
        },
        "by_threshold": {
            name: {
                key: value
                for key, value in _mask_table(rows, name).items()
                if key in {"iou", "f1", "precision", "recall", "dry_share_found"}
            }
            for name in tried
        },
    }


def report(exam: Exam) -> Table:
    """Score an exam.

    Returns:
        `measured_on` (`real` or `rendered`), `objects` and `water` for that kind of picture (None where there is
        none), and `rendered` with the same two if there are rendered pictures beside real ones.
    """
    rows: list[ObjectsRow | WaterRow] = [*exam.objects, *exam.water]
    real = not all(is_rendered(row) for row in rows)
    result: Table = {"measured_on": "real" if real else "rendered", **_blocks(exam, rendered=not real)}
    if real and any(is_rendered(row) for row in rows):
        result["rendered"] = _blocks(exam, rendered=True)
    return result


def _blocks(exam: Exam, *, rendered: bool) -> Table:
    objects = [row for row in exam.objects if is_rendered(row) == rendered]
    water = [row for row in exam.water if is_rendered(row) == rendered]
    thresholds = {label: card.threshold(label) for card in exam.cards for label in card.labels}
    block = objects_block(objects, exam.labels)
    if block is not None:
        for label, table in block["labels"].items():
            table["threshold"] = thresholds[label]
    surface = water_block(water)
    if surface is not None:
        surface["threshold"] = thresholds.get("standing_water")
    return {"objects": block, "water": surface}


def _table(rows: Sequence[ObjectsRow], labels: Sequence[str]) -> Table:
    """Figures per label, and their means over the labels that have a true thing."""
    tables = {label: _label_table(rows, label) for label in labels}
    looked_for = {label: table for label, table in tables.items() if table["pictures"]}
    return {"pictures": len(rows), **_means(looked_for), "labels": looked_for}


def _label_table(rows: Sequence[ObjectsRow], label: str) -> Table:
    answers, believed = answers_for(rows, label), answers_for(rows, label, believed=True)
    hits, counted = int(believed.right.sum()), int((~believed.ignored).sum())
    precision = hits / counted if counted else None
    recall = hits / answers.truths if answers.truths else None
    return {
        "pictures": sum(label in row.sample.labelled for row in rows),
        "truths": answers.truths,
        **_ap(answers),
        "precision": _rounded(precision),
        "recall": _rounded(recall),
        "f1": _rounded(2 * precision * recall / (precision + recall) if precision and recall else None),
        "false_alarms": counted - hits,
    }


def _sized(rows: Sequence[ObjectsRow], labels: Sequence[str], least_px: float, most_px: float) -> Table:
    tables = {}
    for label in labels:
        answers = answers_for(rows, label, (least_px, most_px))
        if not answers.truths:
            continue
        believed = answers_for(rows, label, (least_px, most_px), believed=True)
        hits, counted = int(believed.right.sum()), int((~believed.ignored).sum())
        tables[label] = {
            "truths": answers.truths,
            **_ap(answers),
            "precision": _rounded(hits / counted if counted else None),
            "recall": _rounded(hits / answers.truths),
        }
    return {"side_px": [least_px, most_px if np.isfinite(most_px) else None], **_means(tables), "labels": tables}


def _ap(answers: Answers) -> Table:
    if not answers.truths:
        return {"ap50": None, "ap50_95": None}
    values = average_precisions(answers)
    return {"ap50": _rounded(float(values[0])), "ap50_95": _rounded(float(values.mean()))}


def _means(tables: dict[str, Table]) -> Table:
    def mean(key: str) -> float | None:
        values = [table[key] for table in tables.values() if table[key] is not None]
        return _rounded(float(np.mean(values))) if values else None

    return {"map50": mean("ap50"), "map50_95": mean("ap50_95")}


def _mask_table(rows: Sequence[WaterRow], threshold: str) -> Table:
    table = asdict(score_masks([row.counts[threshold] for row in rows]))
    return {key: _rounded(value) if isinstance(value, float) else value for key, value in table.items()}


def _pairs(believed: Detections, row: ObjectsRow, true: Sequence[str | None]) -> list[tuple[str, str]]:
    """Pairs (true label, found label) of one picture; `nothing` where one of the two is missing."""
    overlap = iou_matrix(believed.boxes_xyxy_px, row.truth.boxes_xyxy_px)
    pairs = []
    missed = set(range(len(true)))
    for i in np.argsort(-believed.confidence, kind="stable"):
        best = max(missed, key=lambda j: overlap[i, j], default=None)
        if best is not None and overlap[i, best] >= SAME_THING_IOU:
            missed.discard(best)
            pairs.append((true[best] or NOTHING, believed.labels[i]))
        elif not _excused(believed, int(i), row):
            pairs.append((NOTHING, believed.labels[i]))
    return [*pairs, *((name, NOTHING) for j in missed if (name := true[j]))]


def _excused(believed: Detections, i: int, row: ObjectsRow) -> bool:
    share = share_inside(believed.boxes_xyxy_px[i : i + 1], row.truth.regions_xyxy_px)
    return bool(share.max(initial=0.0) >= SAME_THING_IOU)


def _within(boxes_xyxy: NDArray[np.float32], span_px: tuple[float, float]) -> NDArray[np.bool_]:
    sides = np.sqrt((boxes_xyxy[:, 2:].astype(float) - boxes_xyxy[:, :2]).prod(axis=1))
    inside: NDArray[np.bool_] = (sides >= span_px[0]) & (sides < span_px[1])
    return inside


def _grouped(rows: Sequence[Any], key: Callable[[Any], str]) -> list[tuple[str, list[Any]]]:
    groups: dict[str, list[Any]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return sorted(groups.items())


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
