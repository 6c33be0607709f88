"""Found boxes against true ones: which answers are right, and the average precision that follows. Numpy only.

Boxes are matched, and average precision is interpolated, as the COCO evaluation does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.boxes import iou_matrix, share_inside
from vision.errors import InvalidValueError

SAME_THING_IOU = 0.5
IOU_STEPS = np.linspace(0.5, 0.95, 10)
"""The overlaps over which mAP50-95 is the mean."""

_RECALLS = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """What was answered for one label, in one picture or pooled over many.

    Attributes:
        confidence: Shape (n,), 0 to 1.
        right: Shape (n, t): whether the answer hit a thing, at each of t overlaps.
        ignored: Shape (n, t): whether it counts neither as right nor as wrong.
        truths: Number of true things that count.
    """

    confidence: NDArray[np.float32]
    right: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    truths: int

    @classmethod
    def pooled(cls, parts: Sequence[Answers], steps: int = 1) -> Answers:
        """Join the answers for many pictures.

        Args:
            parts: Answers, all with the same number of overlaps.
            steps: That number, for the case that there is no part.
        """
        nothing = np.empty((0, steps), np.bool_)
        return cls(
            confidence=np.concatenate([np.empty(0, np.float32), *(part.confidence for part in parts)]),
            right=np.concatenate([nothing, *(part.right for part in parts)]),
            ignored=np.concatenate([nothing, *(part.ignored for part in parts)]),
            truths=sum(part.truths for part in parts),
        )


def matched(
    found_xyxy: NDArray[np.float32],
    confidence: NDArray[np.float32],
    true_xyxy: NDArray[np.float32],
    *,
    least_ious: Sequence[float] | NDArray[np.float64] = (SAME_THING_IOU,),
    regions_xyxy: NDArray[np.float32] | None = None,
    true_counts: NDArray[np.bool_] | None = None,
    found_counts: NDArray[np.bool_] | None = None,
) -> Answers:
    """Match found boxes with true ones, most confident first; of several on one thing only the most confident is right.

    Args:
        found_xyxy: Shape (n, 4), boxes of one label in one picture.
        confidence: Shape (n,).
        true_xyxy: Shape (m, 4).
        least_ious: Overlaps at which a box counts as the thing, each 0..1.
        regions_xyxy: Shape (k, 4): parts in which nobody labelled single things.
        true_counts: Shape (m,): which true things count (all if None); a hit on another is neither right nor wrong.
        found_counts: Shape (n,): which misses count as wrong (all if None).

    Returns:
        The answers, in the order given.
    """
    order = np.argsort(-confidence, kind="stable")
    counts = np.ones(len(true_xyxy), np.bool_) if true_counts is None else true_counts
    overlap = iou_matrix(found_xyxy, true_xyxy)
    right = np.zeros((len(found_xyxy), len(least_ious)), np.bool_)
    ignored = np.zeros_like(right)
    excused = np.zeros(len(found_xyxy)) if regions_xyxy is None else _most(share_inside(found_xyxy, regions_xyxy))
    for column, least in enumerate(least_ious):
        free = np.ones(len(true_xyxy), np.bool_)
        for i in order[_most(overlap[order]) >= least]:
            hit = _best(overlap[i], least, free & counts)
            if hit is None:
                hit = _best(overlap[i], least, free & ~counts)
                ignored[i, column] = hit is not None
            else:
                right[i, column] = True
            if hit is not None:
                free[hit] = False
        ignored[:, column] |= ~right[:, column] & (excused >= least)
    if found_counts is not None:
        ignored |= ~right & ~found_counts[:, None]
    return Answers(confidence=confidence, right=right, ignored=ignored, truths=int(counts.sum()))


def _most(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the greatest of each row, 0 for a row without columns."""
    greatest: NDArray[np.float64] = values.max(axis=1, initial=0.0)
    return greatest


def _best(overlaps: NDArray[np.float64], least: float, free: NDArray[np.bool_]) -> int | None:
    """Return the position of the greatest overlap among the free ones, if it reaches the least."""
    reaching = np.where(free, overlaps, -1.0)
    best = int(reaching.argmax())
    return best if reaching[best] >= least else None


def precision_at_recalls(right: NDArray[np.bool_], confidence: NDArray[np.float32], truths: int) -> NDArray[np.float64]:
    """Precision at the recalls 0, 0.01, … 1, made monotonous; 0 at recalls that are not reached.

    Args:
        right: Shape (n,), which answers are right, over all pictures.
        confidence: Shape (n,).
        truths: Number of true things, at least 1.

    Returns:
        Shape (101,).

    Raises:
        InvalidValueError: If there is no true thing, so that there is no recall.
    """
    if truths < 1:
        raise InvalidValueError("average precision needs at least one true thing")
    hits = np.cumsum(right[np.argsort(-confidence, kind="stable")])
    precision = np.zeros(len(hits) + 1)
    precision[:-1] = hits / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    curve: NDArray[np.float64] = envelope[np.searchsorted(hits / truths, _RECALLS, side="left")]
    return curve


def average_precision(right: NDArray[np.bool_], confidence: NDArray[np.float32], truths: int) -> float:
    """Mean of the precision at 101 recalls, as COCO has it.

    Args:
        right: Shape (n,), which answers are right, over all pictures.
        confidence: Shape (n,).
        truths: Number of true things, at least 1.

    Raises:
        InvalidValueError: If there is no true thing, so that there is no recall.
    """
    return float(precision_at_recalls(right, confidence, truths).mean())


def average_precisions(answers: Answers) -> NDArray[np.float64]:
    """Average precision at each of the t overlaps, shape (t,).

    Raises:
        InvalidValueError: If there is no true thing.
    """
    columns = range(answers.right.shape[1])
    kept = [~answers.ignored[:, column] for column in columns]
    return np.array(
        [
            average_precision(answers.right[keep, column], answers.confidence[keep], answers.truths)
            for column, keep in zip(columns, kept, strict=True)
        ]
    )
