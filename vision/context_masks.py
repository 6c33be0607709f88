"""Parts of a picture that somebody who knows the place has named: water that belongs there, ground that deceives.

The polygons come from outside, already in this picture's pixels: nothing here knows where on earth they lie.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from vision.detections import Detections, Polygon, detections_of
from vision.errors import InvalidValueError
from vision.surfaces import SLIT_PX, cut_open

# What is left of an outline is a finding of its own only if it is this large: 12 × 12 pixels.
LEAST_LEFT_PX = 144.0
# A cut that takes less than this share of an outline does not change it: edges of masks and outlines are never exact.
_UNTOUCHED = 0.02


@dataclass(frozen=True, kw_only=True, eq=False)
class PictureMask:
    """Polygons in one picture, and what they do to what is found there.

    Attributes:
        name: For counts: what became of a detection.
        effect: "cut" takes the part under the polygons away from outlines; "drop" takes away whole detections whose
            point of contact lies under them.
        rings_px: Outlines (k >= 3, 2) in pixels, x before y, not closed, without holes.
        labels: The labels that it acts on; None for all.
    """

    name: str
    effect: Literal["cut", "drop"]
    rings_px: tuple[NDArray[np.floating], ...]
    labels: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if any(ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 3 for ring in self.rings_px):
            raise InvalidValueError(f"mask {self.name!r}: every ring needs at least three points (k, 2)")

    def acts_on(self, label: str) -> bool:
        """Whether detections of this label are masked."""
        return self.labels is None or label in self.labels


def masked(detections: Detections, masks: Iterable[PictureMask]) -> tuple[Detections, Counter[str]]:
    """What is left of detections under masks.

    Args:
        detections: What was found in a picture.
        masks: Masks in the same pixels, applied one after the other.

    Returns:
        The detections that remain, and by mask's name how many vanished whole. An outline of which a part is cut away
        comes back as one detection per remaining part, with its confidence.
    """
    gone: Counter[str] = Counter()
    for mask in masks:
        if len(detections) and any(mask.acts_on(label) for label in detections.labels):
            detections = _one(detections, mask, gone)
    return detections, gone


def _one(detections: Detections, mask: PictureMask, gone: Counter[str]) -> Detections:
    area = shapely.union_all([shapely.make_valid(shapely.Polygon(ring)) for ring in mask.rings_px])
    if area.is_empty:
        return detections
    shapely.prepare(area)
    kept: list[Detections] = []
    for index, label in enumerate(detections.labels):
        row = detections.where([index])
        if mask.acts_on(label):
            row = _cut(row, area) if mask.effect == "cut" else _dropped(row, area)
            gone[mask.name] += not len(row)
        kept.append(row)
    return Detections.concatenate(kept)


def _dropped(row: Detections, area: BaseGeometry) -> Detections:
    x, y = contact_px(row.boxes_xyxy_px[0], row.polygons_px[0])
    return Detections.empty() if area.covers(shapely.Point(x, y)) else row


def contact_px(box_xyxy_px: NDArray[np.float32], polygon_px: Polygon | None) -> tuple[float, float]:
    """Where a thing stands on the ground, near enough for a mask: in its outline, else on its box's lower edge."""
    if polygon_px is not None:
        inside = shapely.make_valid(shapely.Polygon(polygon_px)).representative_point()
        return inside.x, inside.y
    left, _, right, bottom = (float(side) for side in box_xyxy_px)
    return (left + right) / 2, bottom


def _cut(row: Detections, area: BaseGeometry) -> Detections:
    polygon = row.polygons_px[0]
    outline = shapely.box(*row.boxes_xyxy_px[0]) if polygon is None else shapely.make_valid(shapely.Polygon(polygon))
    left = shapely.difference(outline, area)
    if left.area >= (1 - _UNTOUCHED) * outline.area:
        return row
    parts = [part for part in shapely.get_parts(left) if isinstance(part, shapely.Polygon)]
    return detections_of(
        [
            ((*part.bounds,), float(row.confidence[0]), row.labels[0], _ring(part))
            for part in sorted(parts, key=lambda part: -part.area)
            if part.area >= LEAST_LEFT_PX
        ]
    )


def _ring(part: shapely.Polygon) -> Polygon:
    return np.asarray(cut_open(part, SLIT_PX).exterior.coords[:-1], dtype=np.float32)
