"""How a large picture is looked at: once as a whole, and in overlapping tiles at a scale that shows small things.

The whole picture shrunk to the network's input shows large things and their surroundings; tiles show small ones. The
overlap of the tiles is at least the size of the largest thing that the shrunk whole cannot show, so that everything
is seen uncut at least once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vision.errors import InvalidValueError

SMALLEST_OBJECT_M: Mapping[str, float] = {
    "standing_water": 1.5,
    "waste": 1.0,
    "person": 0.5,
    "fishing_gear": 0.5,
    "boat": 2.5,
    "vehicle": 3.5,
    "dock_or_lift": 2.0,
    "waste_bin": 0.6,
    "overflowing_bin": 0.6,
}
"""Shorter side, seen from above, of the smallest thing of a label that somebody would be sent for."""

LEAST_OBJECT_PX = 12
"""A thing must show on this many pixels of the network's input to be recognised."""

LEAST_OVERLAP = 0.2
MOST_OVERLAP = 0.5
TILE_ABOVE = 1.5
"""Tiles are cut where the picture is longer than this many times the network's input."""


@dataclass(frozen=True, kw_only=True)
class View:
    """A rectangle of the (scaled) picture that the network sees at once.

    Attributes:
        left: First column, in pixels.
        top: First row.
        right: One past the last column.
        bottom: One past the last row.
    """

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size_wh_px(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.right - self.left, self.bottom - self.top


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The views of one picture.

    Attributes:
        scale: Factor from the picture to the scaled picture in which the views lie, at most 1.
        size_wh_px: Width and height of the scaled picture.
        views: The whole first, if it is among them; then the tiles, row by row.
        overlap_px: Overlap of neighbouring tiles; 0 without tiles.
    """

    scale: float
    size_wh_px: tuple[int, int]
    views: tuple[View, ...]
    overlap_px: int


def plan_views(size_wh_px: tuple[int, int], input_wh_px: tuple[int, int], *, scale: float = 1.0) -> Plan:
    """Choose how a picture is looked at.

    Args:
        size_wh_px: Width and height of the picture.
        input_wh_px: Width and height of the network's input.
        scale: Factor by which the picture is shrunk before tiles are cut, see `working_scale`.

    Returns:
        The whole alone for a small picture, the whole and tiles of the network's size for a large one.

    Raises:
        InvalidValueError: If the scale is not in (0, 1].
    """
    if not 0 < scale <= 1:
        raise InvalidValueError(f"scale must lie in (0, 1], not {scale}")
    width, height = (max(1, round(side * scale)) for side in size_wh_px)
    whole = View(left=0, top=0, right=width, bottom=height)
    shrink = max(width / input_wh_px[0], height / input_wh_px[1])
    if shrink <= TILE_ABOVE:
        return Plan(scale=scale, size_wh_px=(width, height), views=(whole,), overlap_px=0)
    smaller_side = min(input_wh_px)
    wanted = max(LEAST_OVERLAP * smaller_side, LEAST_OBJECT_PX * shrink)
    overlap = math.ceil(min(wanted, MOST_OVERLAP * smaller_side))
    tiles = (
        View(left=left, top=top, right=min(left + input_wh_px[0], width), bottom=min(top + input_wh_px[1], height))
        for top in _starts(height, input_wh_px[1], overlap)
        for left in _starts(width, input_wh_px[0], overlap)
    )
    return Plan(scale=scale, size_wh_px=(width, height), views=(whole, *tiles), overlap_px=overlap)


def working_scale(
    ground_resolution_m: float | None,
    labels: Iterable[str],
    *,
    model_resolution_m: tuple[float, float] | None = None,
    smallest_object_m: Mapping[str, float] | None = None,
) -> float:
    """How far a picture may be shrunk with the smallest thing of interest still recognisable.

    Args:
        ground_resolution_m: Metres of ground per pixel of the picture; None if not known: nothing is shrunk then.
        labels: What is looked for.
        model_resolution_m: Finest and coarsest resolution at which the model was seen to work, if known.
        smallest_object_m: Sizes that override `SMALLEST_OBJECT_M`.

    Returns:
        A factor in (0, 1].
    """
    if ground_resolution_m is None:
        return 1.0
    sizes_m = {**SMALLEST_OBJECT_M, **(smallest_object_m or {})}
    known = [sizes_m[label] for label in labels if label in sizes_m]
    if not known:
        return 1.0
    wanted_m = min(known) / LEAST_OBJECT_PX
    if model_resolution_m is not None:
        wanted_m = min(max(wanted_m, model_resolution_m[0]), model_resolution_m[1])
    return min(1.0, ground_resolution_m / wanted_m)


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    """First pixels of tiles that cover a length evenly, none beyond its end."""
    if length <= tile:
        return [0]
    count = math.ceil((length - overlap) / (tile - overlap))
    return [round(i * (length - tile) / (count - 1)) for i in range(count)]
