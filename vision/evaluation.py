"""How good detections are: boxes against labelled boxes, water masks against drawn masks. Numpy only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.detections import Detections
from vision.errors import InvalidValueError

SAME_THING_IOU = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class TrueBoxes:
    """What is really in a picture.

    Attributes:
        boxes_xyxy_px: Shape (n, 4): left, top, right, bottom in pixels of the picture.
        labels: n class names.

    Raises:
        InvalidValueError: If the columns differ in length.
    """

    boxes_xyxy_px: NDArray[np.float32]
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.boxes_xyxy_px.shape != (len(self.labels), 4):
            raise InvalidValueError(f"{len(self.labels)} labels do not fit boxes {self.boxes_xyxy_px.shape}")

    def of(self, label: str) -> NDArray[np.float32]:
        """Boxes of one label, shape (k, 4)."""
        return self.boxes_xyxy_px[np.array([name == label for name in self.labels], dtype=np.bool_)]


@dataclass(frozen=True, kw_only=True)
class BoxScore:
    """How well one label is found.

    Attributes:
        label: The label.
        truths: Labelled things.
        ap50: Area under precision over recall at IoU 0.5, 0..1; None without a labelled thing.
        threshold: Least confidence for the two figures below.
        precision: Share of the found that is true; None where nothing was found.
        recall: Share of the true that is found; None without a labelled thing.
        false_alarms: Found things that are not true.
    """

    label: str
    truths: int
    ap50: float | None
    threshold: float
    precision: float | None
    recall: float | None
    false_alarms: int


@dataclass(frozen=True, kw_only=True)
class MaskScore:
    """How well a surface is outlined; pixels of all pictures pooled, unless said otherwise.

    Attributes:
        pictures: Number of pictures.
        iou: Shared over united area, 0..1; None without any surface, drawn or found.
        f1: Harmonic mean of precision and recall.
        precision: Share of the found area that is true; None where nothing was found.
        recall: Share of the true area that is found; None without a true area.
        mean_picture_iou: Mean of the single pictures' IoU over those with any surface.
        dry_pictures: Pictures without a true surface.
        dry_pictures_with_alarm: Those of them in which a surface was found.
    """

    pictures: int
    iou: float | None
    f1: float | None
    precision: float | None
    recall: float | None
    mean_picture_iou: float | None
    dry_pictures: int
    dry_pictures_with_alarm: int


def iou_matrix(a_xyxy: NDArray[np.float32], b_xyxy: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return intersection over union of each box of `a` (n, 4) with each of `b` (m, 4), shape (n, m), 0..1."""
    a, b = a_xyxy.astype(np.float64)[:, None], b_xyxy.astype(np.float64)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.clip(sides, 0, None).prod(axis=-1)
    united = (a[..., 2:] - a[..., :2]).prod(axis=-1) + (b[..., 2:] - b[..., :2]).prod(axis=-1) - shared
    overlap: NDArray[np.float64] = np.divide(shared, united, out=np.zeros_like(shared), where=united > 0)
    return overlap


def true_positives(
    found_xyxy: NDArray[np.float32],
    confidence: NDArray[np.float32],
    true_xyxy: NDArray[np.float32],
    least_iou: float = SAME_THING_IOU,
) -> NDArray[np.bool_]:
    """Say which found boxes are right; of several on one thing only the most confident is.

    Args:
        found_xyxy: Shape (n, 4), boxes of one label in one picture.
        confidence: Shape (n,).
        true_xyxy: Shape (m, 4).
        least_iou: Overlap at which a box counts as the thing, 0..1.

    Returns:
        Shape (n,), in the order given.
    """
    overlap = iou_matrix(found_xyxy, true_xyxy)
    right = np.zeros(len(found_xyxy), np.bool_)
    if not overlap.size:
        return right
    for i in np.argsort(-confidence, kind="stable"):
        best = int(overlap[i].argmax())
        if overlap[i, best] >= least_iou:
            right[i] = True
            overlap[:, best] = 0.0
    return right


def average_precision(right: NDArray[np.bool_], confidence: NDArray[np.float32], truths: int) -> float:
    """Area under the precision-recall curve, every point used, precision made monotonous.

    Args:
        right: Shape (n,), which answers are right, over all pictures.
        confidence: Shape (n,).
        truths: Number of true things, at least 1.

    Raises:
        InvalidValueError: If there is no true thing, so that there is no recall.
    """
    if truths < 1:
        raise InvalidValueError("average precision needs at least one true thing")
    hits = np.cumsum(right[np.argsort(-confidence, kind="stable")])
    precision = hits / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(hits, prepend=0) / truths
    return float((steps * envelope).sum())


def _pooled(
    pairs: Iterable[tuple[Detections, TrueBoxes]], label: str
) -> tuple[NDArray[np.bool_], NDArray[np.float32], int]:
    """Right or wrong, confidence and number of truths of one label over all pictures."""
    right: list[NDArray[np.bool_]] = [np.empty(0, np.bool_)]
    confidence: list[NDArray[np.float32]] = [np.empty(0, np.float32)]
    truths = 0
    for found, truth in pairs:
        mine, true_xyxy = found.labelled(label), truth.of(label)
        right.append(true_positives(mine.boxes_xyxy_px, mine.confidence, true_xyxy))
        confidence.append(mine.confidence)
        truths += len(true_xyxy)
    return np.concatenate(right), np.concatenate(confidence), truths


def score_label(pairs: Sequence[tuple[Detections, TrueBoxes]], label: str, threshold: float) -> BoxScore:
    """Score one label over pictures in which people looked for it.

    Args:
        pairs: Per picture what was found, down to a confidence far below `threshold` (for AP), and the truth.
        label: The label.
        threshold: Least confidence for precision and recall, 0..1.
    """
    right, confidence, truths = _pooled(pairs, label)
    believed = confidence >= threshold
    hits = int(right[believed].sum())
    return BoxScore(
        label=label,
        truths=truths,
        ap50=average_precision(right, confidence, truths) if truths else None,
        threshold=threshold,
        precision=hits / int(believed.sum()) if believed.any() else None,
        recall=hits / truths if truths else None,
        false_alarms=int(believed.sum()) - hits,
    )


def best_threshold(
    pairs: Sequence[tuple[Detections, TrueBoxes]], label: str, candidates: Sequence[float], *, beta: float = 1.0
) -> float | None:
    """Choose the confidence with the best F-beta; the higher of equals. Use a part of the data kept for choosing.

    Args:
        pairs: As for `score_label`.
        label: The label.
        candidates: Thresholds to try, each 0..1.
        beta: Below 1, false alarms weigh more than misses.

    Returns:
        The threshold, or None where nothing true was found at any of them: there is nothing to choose by.
    """
    right, confidence, truths = _pooled(pairs, label)
    if not right[confidence >= min(candidates)].any():
        return None

    def f_beta(threshold: float) -> float:
        believed = confidence >= threshold
        hits = int(right[believed].sum())
        return (1 + beta**2) * hits / (beta**2 * truths + max(int(believed.sum()), 1))

    return max(sorted(candidates, reverse=True), key=f_beta)


def score_masks(pairs: Iterable[tuple[NDArray[np.bool_], NDArray[np.bool_]]]) -> MaskScore:
    """Score surfaces.

    Args:
        pairs: Per picture the found and the true mask, both of shape (height, width).

    Raises:
        InvalidValueError: If two masks of a pair differ in shape.
    """
    shared = found_px = true_px = pictures = dry = alarms = 0
    single: list[float] = []
    for found, true in pairs:
        if found.shape != true.shape:
            raise InvalidValueError(f"masks {found.shape} and {true.shape} are not of one picture")
        both, either = int((found & true).sum()), int((found | true).sum())
        pictures, shared = pictures + 1, shared + both
        found_px, true_px = found_px + int(found.sum()), true_px + int(true.sum())
        dry += not true.any()
        alarms += bool(not true.any() and found.any())
        if either:
            single.append(both / either)
    united = found_px + true_px - shared
    return MaskScore(
        pictures=pictures,
        iou=shared / united if united else None,
        f1=2 * shared / (found_px + true_px) if united else None,
        precision=shared / found_px if found_px else None,
        recall=shared / true_px if true_px else None,
        mean_picture_iou=float(np.mean(single)) if single else None,
        dry_pictures=dry,
        dry_pictures_with_alarm=alarms,
    )
