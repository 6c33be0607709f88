"""What several overlapping views of one picture saw, made into one answer without doubles or seams."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from vision.boxes import iou_matrix, share_of_smaller
from vision.detections import Detections, Polygon, detections_of
from vision.tiling import View

_Floats = NDArray[np.float32]

SAME_BY_IOU = 0.5
SAME_BY_SHARE = 0.75
"""Two boxes of different views show one thing if this share of the smaller lies in the larger."""

SAME_IF_CUT_BY_SHARE = 0.5
"""The same for a part cut by its view's edge and a box that was seen whole."""

CUT_WITHIN_PX = 3.0
CUT_WITHIN_SHARE = 0.06
"""A side counts as cut by a view's edge if it ends within so many pixels, or this share of the box, of the edge."""


@dataclass(frozen=True, kw_only=True)
class _Rows:
    boxes: _Floats  # (n, 4)
    confidence: _Floats  # (n,)
    view: NDArray[np.intp]  # (n,): which view saw it
    cut: NDArray[np.bool_]  # (n, 4): left, top, right, bottom side lies on an inner edge of its view


def suppress(boxes_xyxy: _Floats, confidence: _Floats, class_id: NDArray[np.intp], iou: float) -> NDArray[np.intp]:
    """Non-maximum suppression per class within one view.

    Args:
        boxes_xyxy: Shape (n, 4).
        confidence: Shape (n,).
        class_id: Shape (n,).
        iou: Two boxes of a class that overlap more are one.

    Returns:
        Positions of the rows that remain, most confident first.
    """
    if len(boxes_xyxy) == 0:
        return np.empty(0, np.intp)
    xywh = boxes_xyxy.copy()
    xywh[:, 2:] -= xywh[:, :2]
    kept = cv2.dnn.NMSBoxesBatched(xywh.tolist(), confidence.tolist(), class_id.tolist(), 0.0, iou)
    rows = np.asarray(kept, dtype=np.intp).reshape(-1)
    return rows[np.argsort(-confidence[rows], kind="stable")]


def merge_views(parts: Sequence[tuple[View, Detections]], size_wh_px: tuple[int, int]) -> Detections:
    """Make one answer of what each view saw.

    A thing seen whole wins over one cut by a tile's edge; halves of a thing that no view saw whole are joined.

    Args:
        parts: Each view with its detections, in pixels of the scaled picture.
        size_wh_px: Width and height of the scaled picture.

    Returns:
        Detections in pixels of the scaled picture, label by label, most confident first.
    """
    if len(parts) == 1:
        return parts[0][1]
    everything = Detections.concatenate(found for _, found in parts)
    if not len(everything):
        return everything
    view = np.concatenate([np.full(len(found), i, np.intp) for i, (_, found) in enumerate(parts)])
    cut = np.concatenate([_cut_sides(found.boxes_xyxy_px, part, size_wh_px) for part, found in parts])
    labels = np.array(everything.labels)
    merged = [_merge_label(everything, np.flatnonzero(labels == label), view, cut) for label in sorted(set(labels))]
    return Detections.concatenate(merged)


def _merge_label(
    everything: Detections, chosen: NDArray[np.intp], view: NDArray[np.intp], cut: NDArray[np.bool_]
) -> Detections:
    found = everything.where(chosen)
    rows = _Rows(boxes=found.boxes_xyxy_px, confidence=found.confidence, view=view[chosen], cut=cut[chosen])
    kept = _drop_doubles(rows)
    joined = _join_halves(found.where(kept), rows.view[kept], rows.cut[kept])
    return joined.where(np.argsort(-joined.confidence, kind="stable"))


def _cut_sides(boxes: _Floats, view: View, size_wh_px: tuple[int, int]) -> NDArray[np.bool_]:
    edges = np.array([view.left, view.top, view.right, view.bottom], np.float32)
    inner = np.array([view.left > 0, view.top > 0, view.right < size_wh_px[0], view.bottom < size_wh_px[1]])
    within = np.maximum(CUT_WITHIN_PX, CUT_WITHIN_SHARE * np.tile(boxes[:, 2:] - boxes[:, :2], 2))
    return np.asarray((np.abs(boxes - edges) <= within) & inner, np.bool_)


def _drop_doubles(rows: _Rows) -> NDArray[np.intp]:
    is_cut = np.asarray(rows.cut.any(axis=1), np.bool_)
    order = np.lexsort((-rows.confidence, is_cut))
    alive = np.ones(len(order), np.bool_)
    kept: list[int] = []
    for i in order:
        if not alive[i]:
            continue
        kept.append(int(i))
        # Row by row: a huge picture has thousands of boxes before this, and their matrix would be gigabytes.
        iou, share = (measure(rows.boxes[i], rows.boxes)[0] for measure in (iou_matrix, share_of_smaller))
        enough = SAME_BY_SHARE if is_cut[i] else np.where(is_cut, SAME_IF_CUT_BY_SHARE, SAME_BY_SHARE)
        alive &= (rows.view == rows.view[i]) | ((iou <= SAME_BY_IOU) & (share <= enough))
    return np.array(kept, np.intp)


def _join_halves(found: Detections, view: NDArray[np.intp], cut: NDArray[np.bool_]) -> Detections:
    """Unite boxes that continue each other across the overlap of two tiles."""
    is_cut = cut.any(axis=1)
    if is_cut.sum() < 2:
        return found
    joined: list[Detections] = []
    no_view = itertools.count(-1, -1)
    open_rows = [(found.where([i]), int(view[i]), cut[i]) for i in np.flatnonzero(is_cut)]
    while open_rows:
        row, seen_by, sides = open_rows.pop(0)
        partner = next((i for i, other in enumerate(open_rows) if _continues(row, seen_by, sides, *other)), None)
        if partner is None:
            joined.append(row)
        else:
            other, _, other_sides = open_rows.pop(partner)
            both = _union(row, other)
            same = np.abs(both.boxes_xyxy_px[0] - row.boxes_xyxy_px[0]) < CUT_WITHIN_PX
            open_rows.append((both, next(no_view), np.where(same, sides, other_sides)))
    return Detections.concatenate([found.where(np.flatnonzero(~is_cut)), *joined])


def _continues(
    a: Detections,
    view_a: int,
    cut_a: NDArray[np.bool_],
    b: Detections,
    view_b: int,
    cut_b: NDArray[np.bool_],
) -> bool:
    if view_a == view_b:
        return False
    box_a, box_b = a.boxes_xyxy_px[0], b.boxes_xyxy_px[0]
    for axis in (0, 1):
        low, high, across_low, across_high = axis, axis + 2, 1 - axis, 3 - axis
        overlaps = min(box_a[high], box_b[high]) > max(box_a[low], box_b[low])
        meet = (cut_a[high] and cut_b[low]) or (cut_a[low] and cut_b[high])
        inter = min(box_a[across_high], box_b[across_high]) - max(box_a[across_low], box_b[across_low])
        union = max(box_a[across_high], box_b[across_high]) - min(box_a[across_low], box_b[across_low])
        if meet and overlaps and inter > 0.5 * union:
            return True
    return False


def _union(a: Detections, b: Detections) -> Detections:
    box_a, box_b = a.boxes_xyxy_px[0], b.boxes_xyxy_px[0]
    low, high = np.minimum(box_a[:2], box_b[:2]), np.maximum(box_a[2:], box_b[2:])
    box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    confidence = float(max(a.confidence[0], b.confidence[0]))
    return detections_of([(box, confidence, a.labels[0], _united(a.polygons_px[0], b.polygons_px[0]))])


def _united(a: Polygon | None, b: Polygon | None) -> Polygon | None:
    if a is None or b is None:
        return None
    union = shapely.union_all([shapely.make_valid(shapely.Polygon(ring)) for ring in (a, b)])
    parts = [part for part in shapely.get_parts(union) if isinstance(part, shapely.Polygon)]
    if not parts:
        return None
    return np.asarray(max(parts, key=lambda part: part.area).exterior.coords[:-1], np.float32)
