"""Answers below a model's threshold, got beside those that reach it without changing one of them.

Asking a detector for less confidence in general is not the same: a doubtful box seen whole would take the place of a
believed one that a tile's edge cuts. So believed and doubtful rows are merged apart, and the doubtful ones only fill
the gaps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vision.boxes import iou_matrix, share_of_smaller
from vision.detections import Detections
from vision.merging import merge_views
from vision.model_card import ModelCard
from vision.tiling import View

_SAME_BY_IOU = 0.5
_SAME_BY_SHARE = 0.75


def with_doubts(card: ModelCard, floors: Mapping[str, float]) -> ModelCard:
    """The card with its thresholds lowered to `floors` where these are lower."""
    return replace(
        card, thresholds={label: min(card.threshold(label), floors.get(label, 1.0)) for label in card.labels}
    )


def believed_rows(found: Detections, card: ModelCard) -> NDArray[np.bool_]:
    """Which detections reach the card's threshold of their label, shape (n,)."""
    least = np.array([card.threshold(label) for label in found.labels], np.float32)
    return np.asarray(found.confidence >= least, np.bool_)


def merge_apart(
    parts: Sequence[tuple[View, Detections]], size_wh_px: tuple[int, int], believed: ModelCard
) -> Detections:
    """Make one answer of what each view saw, as `merge_views` does, and add what is only doubted.

    Args:
        parts: Each view with its detections, in pixels of the scaled picture, doubtful ones among them.
        size_wh_px: Width and height of the scaled picture.
        believed: The card whose thresholds tell the two apart.

    Returns:
        First exactly what `merge_views` makes of the believed rows, then the doubtful rows that show something else.
    """
    sure, doubtful = [], []
    for view, found in parts:
        rows = believed_rows(found, believed)
        sure.append((view, found.where(rows)))
        doubtful.append((view, found.where(~rows)))
    answer = merge_views(sure, size_wh_px)
    rest = merge_views(doubtful, size_wh_px)
    return Detections.concatenate([answer, rest.where(~_are_shown(rest, answer))])


def _are_shown(rest: Detections, answer: Detections) -> NDArray[np.bool_]:
    """Which rows of `rest` show a thing that `answer` has already, shape (n,)."""
    ours, theirs = rest.boxes_xyxy_px, answer.boxes_xyxy_px
    same = (iou_matrix(ours, theirs) > _SAME_BY_IOU) | (share_of_smaller(ours, theirs) > _SAME_BY_SHARE)
    alike = np.array(rest.labels)[:, None] == np.array(answer.labels)[None]
    return np.asarray((same & alike).any(axis=1), np.bool_)
