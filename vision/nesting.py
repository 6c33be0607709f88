"""Boxes that a detector sets several times on one thing: around the whole of it, and around parts of it."""

from __future__ import annotations

from collections.abc import Container

import numpy as np

from vision.boxes import share_of_smaller
from vision.detections import Detections

NESTED_SHARE = 0.9
"""A box that has this share of its own area inside another one of its label lies inside it. Chosen on the rendered
pictures for validation: none of 15 second boxes on one person is left, and 43 of 47 persons found keep a box."""


def without_nested(found: Detections, labels: Container[str], *, share: float = NESTED_SHARE) -> Detections:
    """Leave one of the boxes that lie inside one another: the most confident, be it the larger or the smaller.

    This is for counting things and for putting them on the ground. Answers that are to be scored do without: of two
    persons close together one may be lost, and the surest box is not always the one that fits best.

    Args:
        found: What was found in one picture.
        labels: Labels of things that do not stand inside one another; rows of other labels all stay.
        share: The share of the smaller box's area, 0 to 1, from which on it lies inside the larger.

    Returns:
        The rows that are left, in their order.
    """
    names = np.array(found.labels)
    boxes = found.boxes_xyxy_px
    left = np.ones(len(found), np.bool_)
    for i in np.argsort(-found.confidence, kind="stable"):
        if not left[i] or found.labels[i] not in labels:
            continue
        left &= (share_of_smaller(boxes[i], boxes)[0] < share) | (names != names[i])
        left[i] = True
    return found.where(left)
