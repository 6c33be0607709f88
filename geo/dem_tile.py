"""An elevation model around one camera, and the march of rays over it.

A ray is a straight line in the model's cells, too: over the few hundred metres that it goes above ground, a map
projection bends by a fraction of a millimetre. So each ray is turned into columns and rows once. Where it passes high
above everything near, it is followed in strides of many cells, then cell by cell until it is under the surface, and
the crossing is closed in on between the last two steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from geo.dem_surface import Ceilings, DemSurface, steepest
from geo.frames import LocalFrame

Floats = npt.NDArray[np.float64]

_CLOSE_M = 1e-3
_MOST_CLOSINGS = 40
_BETWEEN_CELLS, _ASKED_PER_SIDE = 0.18, 41
# While more than this share of the rays are under way, those that have arrived are taken along: sorting them out costs
# as much as a step.
_WORTH_GOING_ON = 0.7


@dataclass(frozen=True, kw_only=True, eq=False)
class DemTile:
    """A model in the local frame of the camera that it lies around.

    Attributes:
        frame: Where it is around.
        reach_m: How far it is asked about.
        surface: The heights.
        to_cell: (6, 2) coefficients of (1, e, n, e², en, n²) that give the surface's column and row: map projections
            bend so little over a kilometre or two that a parabola follows them to a fraction of a cell.
        cell_m: Size of a cell on the ground.
        lowest_m: The lowest height within reach; NaN where nothing is known.
        highest_m: The highest.
    """

    frame: LocalFrame
    reach_m: float
    surface: DemSurface
    to_cell: Floats
    cell_m: float
    lowest_m: float = field(init=False)
    highest_m: float = field(init=False)

    def __post_init__(self) -> None:
        around = np.linspace(-self.reach_m, self.reach_m, 5)
        low, high = self.surface.extremes_m(*self.cells(*(axis.ravel() for axis in np.meshgrid(around, around))))
        object.__setattr__(self, "lowest_m", low)
        object.__setattr__(self, "highest_m", high)

    def cells(self, east_m: Floats, north_m: Floats) -> tuple[Floats, Floats]:
        """Column and row of the surface."""
        (c0, r0), (c1, r1), (c2, r2), (c3, r3), (c4, r4), (c5, r5) = self.to_cell
        return (
            c0 + east_m * (c1 + c3 * east_m + c4 * north_m) + north_m * (c2 + c5 * north_m),
            r0 + east_m * (r1 + r3 * east_m + r4 * north_m) + north_m * (r2 + r5 * north_m),
        )

    def sample(self, en_m: Floats) -> Floats:
        """Bilinear heights (n,) at metres east, north (n, 2); NaN in gaps and outside."""
        return self.surface.at(*self.cells(en_m[:, 0], en_m[:, 1]))

    def believes(self, absolute_m: float, above_home_m: float | None, under_m: float, slack_m: float) -> bool:
        """Whether an absolute altitude fits this model: above its ground, and taken off from a height that it has."""
        if not math.isfinite(self.highest_m) or (math.isfinite(under_m) and absolute_m <= under_m):
            return False
        if above_home_m is None:
            return absolute_m > self.lowest_m
        take_off_m = absolute_m - above_home_m
        return self.lowest_m - slack_m <= take_off_m <= self.highest_m + slack_m

    def relief_m(self, height_m: float) -> float:
        """How much the ground's height varies within some heights of the camera, one sigma."""
        span = np.linspace(-2 * abs(height_m), 2 * abs(height_m), 21)
        heights = self.sample(np.column_stack([axis.ravel() for axis in np.meshgrid(span, span)]))
        known = heights[np.isfinite(heights)]
        return float(known.std()) if known.size else 0.0

    @cached_property
    def between_cells_m(self) -> float:
        """How far the ground between the model's cells lies off the straight way between them, one sigma.

        Estimated from how far each height lies off the straight way between its neighbours, two cells apart. Smooth
        hills have 0.09 of that between the cells, very rough ground 0.25.
        """
        around = np.linspace(-self.reach_m, self.reach_m, _ASKED_PER_SIDE) / 2
        column, row = (np.round(axis) for axis in self.cells(*(a.ravel() for a in np.meshgrid(around, around))))
        here = 2 * self.surface.at(column, row)
        across = self.surface.at(column - 1, row) + self.surface.at(column + 1, row) - here
        down = self.surface.at(column, row - 1) + self.surface.at(column, row + 1) - here
        off2 = across * across + down * down
        known = off2[np.isfinite(off2)]
        return _BETWEEN_CELLS * math.sqrt(float(known.mean())) if known.size else 0.0

    def normals(self, en_m: Floats) -> Floats:
        """Upward normals (n, 3) of the surface, over a cell to each side; level where a neighbour is unknown."""
        reach = max(1, round(1.0 / self.cell_m))
        by_column, by_row = self.surface.slopes(*self.cells(en_m[:, 0], en_m[:, 1]), reach)
        # Per metre: the columns and rows that a metre east and a metre north are worth.
        (ce, re), (cn, rn) = self.to_cell[1:3]
        normal = np.ones((3, len(en_m)))
        normal[0] = -steepest(ce * by_column + re * by_row)
        normal[1] = -steepest(cn * by_column + rn * by_row)
        normal /= np.sqrt(normal[0] * normal[0] + normal[1] * normal[1] + 1.0)
        return normal.T

    def march(self, camera_alt_m: float, rays: Floats) -> Floats:
        """How many times its own length each ray (n, 3) goes to the surface; NaN where it meets none."""
        east, north, up = rays.T
        start, end = self._limits(camera_alt_m, east, north, up)
        with np.errstate(invalid="ignore"):
            index = np.flatnonzero((up < 0) & (end > start))
        result = np.full(len(rays), np.nan)
        if len(index):
            start, end = start[index], end[index]
            column, row = self.cells(east[index] * start, north[index] * start)
            to_column, to_row = self.cells(east[index] * end, north[index] * end)
            alt_m, by_alt_m = camera_alt_m + up[index] * start, up[index] * (end - start)
            way = np.stack((column, row, alt_m, to_column - column, to_row - row, by_alt_m))
            result[index] = start + _crossings(self.surface, way) * (end - start)
        return result

    def _limits(self, camera_alt_m: float, east: Floats, north: Floats, up: Floats) -> tuple[Floats, Floats]:
        """Between which multiples of its length each ray can meet the surface."""
        low, high = self.lowest_m, self.highest_m
        with np.errstate(divide="ignore", invalid="ignore"):
            reach, per_metre = self.reach_m / np.hypot(east, north), 1.0 / up
            for narrower in (True, False):
                start = np.fmax((high + 0.01 - camera_alt_m) * per_metre, 0.0)
                end = np.fmin((low - 0.01 - camera_alt_m) * per_metre, reach)
                going = (up < 0) & (end > start)
                if not narrower or not going.any():
                    break
                # The ground that these rays can meet is less than all within reach, and so are its heights.
                asked = (east[going], north[going])
                begins = self.cells(*(axis * start[going] for axis in asked))
                ends = self.cells(*(axis * end[going] for axis in asked))
                low, high = self.surface.extremes_m(*(np.concatenate(both) for both in zip(begins, ends, strict=True)))
                if not math.isfinite(low):
                    break
        return start, end


def _crossings(surface: DemSurface, way: Floats) -> Floats:
    """The share (0 to 1) of each way at which it first goes under the surface; NaN where it never does.

    Args:
        surface: The heights.
        way: (6, n) columns: column, row and altitude at the way's beginning, and their change to its end.
    """
    cells = np.maximum(np.maximum(np.abs(way[3]), np.abs(way[4])), 1.0)
    first = np.zeros(len(cells))
    for ceilings in surface.ceilings:
        first = _high_above(ceilings, way, first, ceilings.side / cells)
    low, stride, over, under = _stepped(surface, way, first, 1.0 / np.ceil(cells))
    result = np.full(way.shape[1], np.nan)
    found = np.flatnonzero(under <= 0)
    if len(found) == len(result):
        return _closed(surface, way, low, stride, over, under)
    if len(found):
        result[found] = _closed(surface, way[:, found], low[found], stride[found], over[found], under[found])
    return result


def _high_above(ceilings: Ceilings, way: Floats, first: Floats, stride: Floats) -> Floats:
    """The share of each way, from `first` on, up to which it is higher than anything within a block of it.

    A stride is as long as a block, so from its middle it stays within the block or its neighbours.
    """
    result = first.copy()
    index, going, begin, by, half = np.arange(len(first)), way, result.copy(), stride, stride / 2
    live = np.ones(len(index), dtype=bool)
    while True:
        middle, end = begin + half, begin + by
        highest = ceilings.at(going[0] + going[3] * middle, going[1] + going[4] * middle)
        live &= going[2] + going[5] * end > highest
        live &= end < 1.0
        count = np.count_nonzero(live)
        np.copyto(begin, end, where=live)
        if count > _WORTH_GOING_ON * len(live):
            continue
        result[index] = begin
        if not count:
            return result
        kept = np.flatnonzero(live)
        index, going, begin = index.take(kept), going.take(kept, axis=1), begin.take(kept)
        by, half, live = by.take(kept), half.take(kept), np.ones(count, dtype=bool)


def _stepped(surface: DemSurface, way: Floats, first: Floats, stride: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """The step in which each way goes under the surface.

    Returns:
        The share at which it begins, its length, and the heights above the surface there and at its end; the last one
        is above 0, or NaN, where there is no such step.
    """
    low, over, under = first.copy(), np.full(len(first), np.nan), np.full(len(first), np.nan)
    index, going, share, by = np.arange(len(first)), way, first.copy(), stride
    last = _above(surface, going, share)
    live = np.ones(len(index), dtype=bool)
    while True:
        end = share + by
        now = _above(surface, going, end)
        live &= ~(now <= 0)
        live &= end < 1.0
        count = np.count_nonzero(live)
        if count == len(live):
            share, last = end, now
            continue
        ended = np.flatnonzero(~live)
        at = index.take(ended)
        # Only a step that began above known ground crosses it: otherwise the way came out of a gap.
        before = last.take(ended)
        low[at], over[at] = share.take(ended), before
        under[at] = np.where(before >= 0, now.take(ended), np.nan)
        if not count:
            return low, stride, over, under
        kept = np.flatnonzero(live)
        index, going, share = index.take(kept), going.take(kept, axis=1), end.take(kept)
        by, last, live = by.take(kept), now.take(kept), np.ones(count, dtype=bool)


def _closed(surface: DemSurface, way: Floats, low: Floats, stride: Floats, over: Floats, under: Floats) -> Floats:
    """The crossing between shares `low`, above the surface by `over`, and a stride on, at `under` (negative) or on it.

    A straight line between both ends; where one end stays put, its height counts less the next time (Anderson and
    Björck). Those that have not arrived after a few rounds go on by themselves.
    """
    result, index = low.copy(), np.arange(len(low))
    low, high, over, under = low.copy(), low + stride, over.copy(), under.copy()
    for _ in range(_MOST_CLOSINGS):
        with np.errstate(divide="ignore", invalid="ignore"):
            part = over / (over - under)
        np.copyto(part, 0.5, where=~np.isfinite(part))
        middle = high - low
        middle *= part
        middle += low
        gap = _above(surface, way, middle)
        away = ~(np.abs(gap) < _CLOSE_M)
        count = np.count_nonzero(away)
        result[index] = middle
        if not count:
            break
        if count < _WORTH_GOING_ON * len(away):
            kept = np.flatnonzero(away)
            index, way, gap, middle = index.take(kept), way.take(kept, axis=1), gap.take(kept), middle.take(kept)
            low, high, over, under = (column.take(kept) for column in (low, high, over, under))
        gone = np.isnan(gap)
        if gone.any():
            # The step went over the corner of a gap in the model.
            result[index[gone]] = np.nan
            gap = np.where(gone, 0.0, gap)
        above = gap > 0
        below = ~above
        with np.errstate(divide="ignore", invalid="ignore"):
            less = 1.0 - gap / np.where(above, over, under)
        np.copyto(less, 0.5, where=~(less > 0))
        np.copyto(low, middle, where=above)
        np.copyto(high, middle, where=below)
        np.multiply(under, less, out=under, where=above)
        np.multiply(over, less, out=over, where=below)
        np.copyto(over, gap, where=above)
        np.copyto(under, gap, where=below)
    return result


def _above(surface: DemSurface, way: Floats, share: Floats) -> Floats:
    column, row, alt_m, by_column, by_row, by_alt_m = way
    height: Floats = by_alt_m * share
    height += alt_m
    height -= surface.at(column + by_column * share, row + by_row * share)
    return height
