"""How good detections are: boxes against labelled boxes, water masks against drawn masks. Numpy only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vision.detections import Detections
from vision.errors import InvalidValueError
from vision.matching import Answers, average_precision, matched


@dataclass(frozen=True, kw_only=True, eq=False)
class TrueBoxes:
    """What is really in a picture.

    Attributes:
        boxes_xyxy_px: Shape (n, 4): left, top, right, bottom in pixels of the picture.
        labels: n class names.
        regions_xyxy_px: Shape (k, 4): parts in which nobody labelled single things; what is found there is neither
            right nor wrong.

    Raises:
        InvalidValueError: If the columns differ in length.
    """

    boxes_xyxy_px: NDArray[np.float32]
    labels: tuple[str, ...]
    regions_xyxy_px: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 4), np.float32))

    def __post_init__(self) -> None:
        if self.boxes_xyxy_px.shape != (len(self.labels), 4):
            raise InvalidValueError(f"{len(self.labels)} labels do not fit boxes {self.boxes_xyxy_px.shape}")
        if self.regions_xyxy_px.shape[1:] != (4,):
            raise InvalidValueError(f"regions must have the shape (k, 4), not {self.regions_xyxy_px.shape}")

    def of(self, label: str) -> NDArray[np.float32]:
        """Boxes of one label, shape (k, 4)."""
        return self.boxes_xyxy_px[np.array([name == label for name in self.labels], dtype=np.bool_)]


@dataclass(frozen=True, kw_only=True)
class BoxScore:
    """How well one label is found.

    Attributes:
        label: The label.
        truths: Labelled things.
        ap50: Mean precision over 101 recalls at IoU 0.5, 0..1; None without a labelled thing.
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
        dry_share_found: Share of the dry pictures' pixels in which a surface was found; None without a dry picture.
    """

    pictures: int
    iou: float | None
    f1: float | None
    precision: float | None
    recall: float | None
    mean_picture_iou: float | None
    dry_pictures: int
    dry_pictures_with_alarm: int
    dry_share_found: float | None


def answers_in(found: Detections, truth: TrueBoxes, label: str) -> Answers:
    """Match one label in one picture at IoU 0.5."""
    mine = found.labelled(label)
    return matched(mine.boxes_xyxy_px, mine.confidence, truth.of(label), regions_xyxy=truth.regions_xyxy_px)


def _pooled(
    pairs: Iterable[tuple[Detections, TrueBoxes]], label: str
) -> tuple[NDArray[np.bool_], NDArray[np.float32], int]:
    """Right or wrong, confidence and number of truths of one label over all pictures."""
    answers = Answers.pooled([answers_in(found, truth, label) for found, truth in pairs])
    counted = ~answers.ignored[:, 0]
    return answers.right[counted, 0], answers.confidence[counted], answers.truths


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


@dataclass(frozen=True, kw_only=True)
class MaskCounts:
    """How a found and a true surface of one picture overlap, in pixels.

    Attributes:
        shared: Both found and true.
        found: Found.
        true: True.
        total: The whole picture.
    """

    shared: int
    found: int
    true: int
    total: int

    @property
    def dry(self) -> bool:
        """Whether there is no true surface."""
        return self.true == 0

    @property
    def united(self) -> int:
        """Found or true."""
        return self.found + self.true - self.shared


def mask_counts(found: NDArray[np.bool_], true: NDArray[np.bool_]) -> MaskCounts:
    """Count the pixels of a found and a true mask, both of the same shape.

    Raises:
        InvalidValueError: If the two differ in shape.
    """
    if found.shape != true.shape:
        raise InvalidValueError(f"masks {found.shape} and {true.shape} are not of one picture")
    return MaskCounts(
        shared=int((found & true).sum()), found=int(found.sum()), true=int(true.sum()), total=int(true.size)
    )


def score_masks(counts: Sequence[MaskCounts]) -> MaskScore:
    """Score surfaces by the counts of each picture."""
    shared, found, true = (sum(getattr(c, name) for c in counts) for name in ("shared", "found", "true"))
    dry = [c for c in counts if c.dry]
    dry_px = sum(c.total for c in dry)
    united = found + true - shared
    single = [c.shared / c.united for c in counts if c.united]
    return MaskScore(
        pictures=len(counts),
        iou=shared / united if united else None,
        f1=2 * shared / (found + true) if united else None,
        precision=shared / found if found else None,
        recall=shared / true if true else None,
        mean_picture_iou=float(np.mean(single)) if single else None,
        dry_pictures=len(dry),
        dry_pictures_with_alarm=sum(c.found > 0 for c in dry),
        dry_share_found=sum(c.found for c in dry) / dry_px if dry_px else None,
    )
