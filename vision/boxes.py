"""Boxes against boxes: what they share, of both together, of one, or of the smaller."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_Boxes = NDArray[np.floating] | Sequence[Sequence[float]]
_Floats = NDArray[np.float64]


def box_areas(boxes_xyxy: _Boxes) -> _Floats:
    """Area of each box (n, 4) of left, top, right, bottom, shape (n,), in the square of the boxes' unit."""
    boxes = _array(boxes_xyxy)
    return np.asarray(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1))


def iou_matrix(a_xyxy: _Boxes, b_xyxy: _Boxes) -> _Floats:
    """Intersection over union of each box of `a` (n, 4) with each of `b` (m, 4), shape (n, m), 0..1."""
    shared = _shared(a_xyxy, b_xyxy)
    return _share(shared, box_areas(a_xyxy)[:, None] + box_areas(b_xyxy)[None] - shared)


def share_of_smaller(a_xyxy: _Boxes, b_xyxy: _Boxes) -> _Floats:
    """What each box of `a` (n, 4) and each of `b` (m, 4) share, of the smaller of the two, shape (n, m), 0..1."""
    return _share(_shared(a_xyxy, b_xyxy), np.minimum(box_areas(a_xyxy)[:, None], box_areas(b_xyxy)[None]))


def share_inside(a_xyxy: _Boxes, b_xyxy: _Boxes) -> _Floats:
    """Which share of each box of `a` (n, 4) lies in each of `b` (m, 4), shape (n, m), 0..1."""
    return _share(_shared(a_xyxy, b_xyxy), box_areas(a_xyxy)[:, None])


def _array(boxes_xyxy: _Boxes) -> _Floats:
    return np.asarray(boxes_xyxy, np.float64).reshape(-1, 4)


def _shared(a_xyxy: _Boxes, b_xyxy: _Boxes) -> _Floats:
    a, b = _array(a_xyxy)[:, None], _array(b_xyxy)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    return np.asarray(np.clip(sides, 0, None).prod(axis=-1))


def _share(shared: _Floats, whole: _Floats) -> _Floats:
    """Of nothing, nothing is shared."""
    return np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0)
