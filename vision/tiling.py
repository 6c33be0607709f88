"""How a large picture is looked at: once as a whole, and in overlapping tiles at a scale that shows small things.

The whole picture shrunk to the network's input shows large things and their surroundings; tiles show small ones. The
overlap of the tiles is at least the size of the largest thing that the shrunk whole cannot show, so that everything
is seen uncut at least once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vision.errors import InvalidValueError
from vision.letterbox import INPUT_STEP_PX, least_input

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
OVERLAP_OF_KNOWN_SCALE = 0.1
"""Least overlap where a ground resolution is known: what is larger than this shows in the shrunk whole, by far."""

TILE_ABOVE = 1.5
"""Without a ground resolution, tiles are cut where the picture is longer than this many times the network's input."""

NEARLY_ONE = 1.002
"""With a ground resolution, tiles are cut where the picture is longer than the input by more than rounding."""

LEAST_SHARE_OF_CELL = 0.1
"""Of a cell of interest no more than this is left to a tile that is not looked at."""

MOST_TILES = 96
"""Without a ground resolution, a picture is shrunk before it makes more tiles than this. 20 megapixels make 77 of 640;
cameras of 48 and more share one colour filter among four pixels, and show little more when they are not shrunk."""


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
        scale_known: True if the scale was asked for; False if nobody knew one.
    """

    scale: float
    size_wh_px: tuple[int, int]
    views: tuple[View, ...]
    overlap_px: int
    scale_known: bool = False

    def only(self, of_interest: NDArray[np.bool_] | None) -> Plan:
        """The whole, and of the tiles those that show something of interest better than their neighbours do.

        Args:
            of_interest: A grid over the picture, shape (rows, columns), bool; None for everywhere.

        Returns:
            The plan without the other tiles.
        """
        if of_interest is None:
            return self
        rows, columns = of_interest.shape
        across = _shown_by({(view.left, view.right) for view in self.views}, self.size_wh_px[0], columns)
        down = _shown_by({(view.top, view.bottom) for view in self.views}, self.size_wh_px[1], rows)
        return replace(
            self,
            views=tuple(
                view
                for view in self.views
                if view.size_wh_px == self.size_wh_px
                or of_interest[np.ix_(down[view.top, view.bottom], across[view.left, view.right])].any()
            ),
        )

    def input_for(self, view: View, input_wh_px: tuple[int, int], *, any_size: bool) -> tuple[int, int]:
        """Width and height of the network's input for one of the views.

        Args:
            view: One of the plan's views.
            input_wh_px: Width and height of the network's input.
            any_size: True if the network also takes smaller inputs.

        Returns:
            The whole fills the input as far as its shape allows; a tile keeps its scale, for the plan chose it.
        """
        if not any_size:
            return input_wh_px
        if view.size_wh_px == self.size_wh_px:
            return least_input(view.size_wh_px, input_wh_px)
        width, height = (_in_steps(side) for side in view.size_wh_px)
        return min(width, input_wh_px[0]), min(height, input_wh_px[1])


def plan_views(
    size_wh_px: tuple[int, int],
    input_wh_px: tuple[int, int],
    *,
    scale: float | None = None,
    any_size: bool = False,
) -> Plan:
    """Choose how a picture is looked at.

    Args:
        size_wh_px: Width and height of the picture.
        input_wh_px: Width and height of the network's input.
        scale: Factor at which the smallest thing of interest can just be recognised, see `working_scale`; the plan
            keeps to it. None if nobody knows: small pictures are then looked at as a whole, and of huge ones no more
            than `MOST_TILES` are made.
        any_size: True if the network also takes smaller inputs: tiles are then no larger than needed.

    Returns:
        The whole alone for a picture that shows all at the network's size, else the whole and tiles. The whole alone
        is shrunk to the network's size, for there is nothing to be cut from more.

    Raises:
        InvalidValueError: If the scale is not in (0, 1].
    """
    if scale is not None and not 0 < scale <= 1:
        raise InvalidValueError(f"scale must lie in (0, 1], not {scale}")
    shrink = max(size_wh_px[0] / input_wh_px[0], size_wh_px[1] / input_wh_px[1])
    if shrink * (scale or 1.0) <= (TILE_ABOVE if scale is None else NEARLY_ONE):
        return _whole_alone(size_wh_px, min(1.0, 1 / shrink))
    scale_known = scale is not None
    if scale is None:
        scale = _scale_of_most_tiles(size_wh_px, input_wh_px)
        least_overlap = LEAST_OVERLAP
    else:
        least_overlap = OVERLAP_OF_KNOWN_SCALE
    size = _scaled_size(size_wh_px, scale)
    overlap = _overlap(size, input_wh_px, least_overlap)
    tiles = _tiles(size, input_wh_px, overlap, any_size)
    whole = View(left=0, top=0, right=size[0], bottom=size[1])
    return Plan(scale=scale, size_wh_px=size, views=(whole, *tiles), overlap_px=overlap, scale_known=scale_known)


def working_scale(
    ground_resolution_m: float | None,
    labels: Iterable[str],
    *,
    model_resolution_m: tuple[float, float] | None = None,
    smallest_object_m: Mapping[str, float] | None = None,
) -> float | None:
    """How far a picture may be shrunk with the smallest thing of interest still recognisable.

    Args:
        ground_resolution_m: Metres of ground per pixel of the picture; None if not known.
        labels: What is looked for.
        model_resolution_m: Finest and coarsest resolution at which the model was seen to work, if known.
        smallest_object_m: Sizes that override `SMALLEST_OBJECT_M`.

    Returns:
        A factor in (0, 1]; None if it cannot be told.
    """
    if ground_resolution_m is None:
        return None
    sizes_m = {**SMALLEST_OBJECT_M, **(smallest_object_m or {})}
    known = [sizes_m[label] for label in labels if label in sizes_m]
    if not known:
        return None
    wanted_m = min(known) / LEAST_OBJECT_PX
    if model_resolution_m is not None:
        wanted_m = min(max(wanted_m, model_resolution_m[0]), model_resolution_m[1])
    return min(1.0, ground_resolution_m / wanted_m)


def _whole_alone(size_wh_px: tuple[int, int], scale: float) -> Plan:
    width, height = _scaled_size(size_wh_px, scale)
    whole = View(left=0, top=0, right=width, bottom=height)
    return Plan(scale=scale, size_wh_px=(width, height), views=(whole,), overlap_px=0)


def _scaled_size(size_wh_px: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(1, round(size_wh_px[0] * scale)), max(1, round(size_wh_px[1] * scale))


def _scale_of_most_tiles(size_wh_px: tuple[int, int], input_wh_px: tuple[int, int]) -> float:
    """The largest scale, in steps of a twentieth, that makes no more than `MOST_TILES`."""
    scale = 1.0
    while True:
        size = _scaled_size(size_wh_px, scale)
        if math.prod(_counts(size, input_wh_px, _overlap(size, input_wh_px, LEAST_OVERLAP))) <= MOST_TILES:
            return scale
        scale *= 0.95


def _overlap(size_wh_px: tuple[int, int], input_wh_px: tuple[int, int], least: float) -> int:
    """As large as the largest thing that the shrunk whole cannot show, within limits."""
    shrink = max(size_wh_px[0] / input_wh_px[0], size_wh_px[1] / input_wh_px[1])
    side = min(input_wh_px)
    return math.ceil(min(max(least * side, LEAST_OBJECT_PX * shrink), MOST_OVERLAP * side))


def _counts(size_wh_px: tuple[int, int], input_wh_px: tuple[int, int], overlap: int) -> tuple[int, int]:
    """How many tiles lie beside and above each other."""
    across, down = (
        1 if length <= tile else math.ceil((length - overlap) / (tile - overlap))
        for length, tile in zip(size_wh_px, input_wh_px, strict=True)
    )
    return across, down


def _tiles(size_wh_px: tuple[int, int], input_wh_px: tuple[int, int], overlap: int, any_size: bool) -> Iterator[View]:
    counts = _counts(size_wh_px, input_wh_px, overlap)
    width, height = (
        min(length, _least_tile(length, count, overlap) if any_size else most)
        for length, count, most in zip(size_wh_px, counts, input_wh_px, strict=True)
    )
    for top in _starts(size_wh_px[1], height, counts[1]):
        for left in _starts(size_wh_px[0], width, counts[0]):
            yield View(left=left, top=top, right=left + width, bottom=top + height)


def _shown_by(stretches: set[tuple[int, int]], length: int, cells: int) -> dict[tuple[int, int], NDArray[np.intp]]:
    """Which of so many cells along a length each tile is there to show; the midst of an overlap parts neighbours."""
    tiles = sorted(one for one in stretches if one != (0, length)) or [(0, length)]
    bounds = [0.0, *((before[1] + after[0]) / 2 for before, after in itertools.pairwise(tiles)), float(length)]
    edges = np.linspace(0, length, cells + 1)
    shown: dict[tuple[int, int], NDArray[np.intp]] = {(0, length): np.arange(cells)}
    for tile, low, high in zip(tiles, bounds[:-1], bounds[1:], strict=True):
        within = np.minimum(edges[1:], high) - np.maximum(edges[:-1], low)
        shown[tile] = np.flatnonzero(within > LEAST_SHARE_OF_CELL * length / cells)
    return shown


def _least_tile(length: int, count: int, overlap: int) -> int:
    """The smallest side, in steps of the input, of so many tiles that cover a length with this overlap."""
    return _in_steps((length + (count - 1) * overlap) / count)


def _in_steps(length: float) -> int:
    return math.ceil(length / INPUT_STEP_PX) * INPUT_STEP_PX


def _starts(length: int, tile: int, count: int) -> list[int]:
    """First pixels of so many tiles, spread evenly over a length."""
    return [round(i * (length - tile) / (count - 1)) for i in range(count)] if count > 1 else [0]
