"""The heights of an elevation model as a surface over its cells: bilinear between them, with gaps.

Columns and rows count from the middle of the first cell of a rim of gaps that is put around what was read, so that what
lies outside needs no question of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

_MOST_SLOPE = math.tan(math.radians(60.0))
# Sides, in cells, of the blocks whose highest heights are known beforehand: small ones, and large ones of those.
_BLOCK, _BLOCK_OF_BLOCKS = 2, 4
_LARGE = _BLOCK * _BLOCK_OF_BLOCKS


@dataclass(frozen=True, kw_only=True, eq=False)
class Ceilings:
    """How high the ground rises around each place.

    Attributes:
        side: Cells along the side of a block.
        highest_m: Per block the highest height of it and the blocks around it; NaN where there are only gaps.
    """

    side: int
    highest_m: Singles

    def at(self, column: Floats, row: Floats) -> Singles:
        """The highest height (n,) within a block of each place; NaN where there are only gaps."""
        down, across = self.highest_m.shape
        index = _kept_within(row * (1 / self.side), down + 1).astype(np.intp)
        index *= across
        index += _kept_within(column * (1 / self.side), across + 1).astype(np.intp)
        found: Singles = self.highest_m.take(index)
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class DemSurface:
    """Heights in cells.

    Attributes:
        heights_m: (rows, columns), float32, which tells millimetres up to the highest mountains; NaN in gaps.
        floors_m: Per large block of cells, the rim included, the lowest height; NaN where all are gaps.
        ceilings: Of large blocks, and of small ones.
    """

    heights_m: Singles
    floors_m: Singles = field(init=False)
    ceilings: tuple[Ceilings, Ceilings] = field(init=False)
    _flat: Singles = field(init=False, repr=False)
    _columns: int = field(init=False, repr=False)
    _rows: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        padded = np.pad(self.heights_m.astype(np.float32, copy=False), 1, constant_values=np.nan)
        object.__setattr__(self, "_flat", padded.ravel())
        object.__setattr__(self, "_columns", padded.shape[1])
        object.__setattr__(self, "_rows", padded.shape[0])
        object.__setattr__(self, "floors_m", _in_blocks(padded, np.fmin, _LARGE))
        small = _in_blocks(padded, np.fmax, _BLOCK)
        large = _in_blocks(small, np.fmax, _BLOCK_OF_BLOCKS)
        ceilings = tuple(
            Ceilings(side=side, highest_m=_with_neighbours(highest))
            for side, highest in ((_LARGE, large), (_BLOCK, small))
        )
        object.__setattr__(self, "ceilings", ceilings)

    def at(self, column: Floats, row: Floats) -> Floats:
        """Heights (n,), NaN in gaps and outside."""
        column, row = _kept_within(column, self._columns), _kept_within(row, self._rows)
        left, top = column.astype(np.intp), row.astype(np.intp)
        x, y = column - left, row - top
        index = top
        index *= self._columns
        index += left
        heights = self._flat
        upper, upper_right = heights.take(index), heights.take(index + 1)
        index += self._columns
        lower, lower_right = heights.take(index), heights.take(index + 1)
        upper_right -= upper
        lower_right -= lower
        at_top = x * upper_right
        at_top += upper
        x *= lower_right
        x += lower
        x -= at_top
        x *= y
        x += at_top
        return x

    def slopes(self, column: Floats, row: Floats, reach: int) -> tuple[Floats, Floats]:
        """Metres of height per cell to the right and down, over `reach` cells to each side; 0 beside gaps."""
        column, row = _kept_within(column + 0.5, self._columns), _kept_within(row + 0.5, self._rows)
        middle_column, middle_row = column.astype(np.intp), row.astype(np.intp)
        left, right = np.maximum(middle_column - reach, 0), np.minimum(middle_column + reach, self._columns - 1)
        top, bottom = np.maximum(middle_row - reach, 0), np.minimum(middle_row + reach, self._rows - 1)
        heights, width = self._flat, self._columns
        middle_row *= width
        by_column = heights.take(middle_row + right) - heights.take(middle_row + left)
        by_row = heights.take(bottom * width + middle_column) - heights.take(top * width + middle_column)
        span = 2.0 * reach
        return np.nan_to_num(by_column, copy=False) / span, np.nan_to_num(by_row, copy=False) / span

    def extremes_m(self, columns: Floats, rows: Floats) -> tuple[float, float]:
        """Lowest and highest height in the box around some places, and a little beyond; NaN where nothing is known."""
        window = (_blocks_of(rows), _blocks_of(columns))
        low, high = self.floors_m[window], self.ceilings[0].highest_m[window]
        if not np.isfinite(low).any():
            return math.nan, math.nan
        return float(np.nanmin(low)), float(np.nanmax(high))


def steepest(slope: Floats) -> Floats:
    """Slopes kept within what is still ground and no wall."""
    return np.clip(slope, -_MOST_SLOPE, _MOST_SLOPE)


def _kept_within(cells: Floats, count: int) -> Floats:
    """The same places, those outside put onto the rim; what is no number as well."""
    last = count - 1 - 1e-9
    if len(cells) and cells.min() >= 0.0 and cells.max() <= last:
        return cells
    with np.errstate(invalid="ignore"):
        return np.fmin(np.fmax(cells, 0.0), last)


def _blocks_of(cells: Floats) -> slice:
    """The blocks that hold these columns (or rows) and their right (or lower) neighbours."""
    return slice(max(int(cells.min() // _LARGE), 0), max(int((cells.max() + 1.0) // _LARGE) + 1, 0))


def _in_blocks(heights: Singles, pick: np.ufunc, side: int) -> Singles:
    """Per block of cells the height that `pick` prefers, NaN where all are gaps."""
    rows, columns = (-length % side for length in heights.shape)
    whole = np.pad(heights, ((0, rows), (0, columns)), constant_values=np.nan) if rows or columns else heights
    result: Singles = whole[::side]
    for shift in range(1, side):
        result = pick(result, whole[shift::side])
    whole, result = result, result[:, ::side]
    for shift in range(1, side):
        result = pick(result, whole[:, shift::side])
    return np.ascontiguousarray(result)


def _with_neighbours(highest: Singles) -> Singles:
    """The highest of each block and the eight around it."""
    for axis in (0, 1):
        wide = np.pad(highest, [(1, 1) if at == axis else (0, 0) for at in (0, 1)], constant_values=np.nan)
        parts = [np.take(wide, range(shift, shift + highest.shape[axis]), axis=axis) for shift in (0, 1, 2)]
        highest = np.fmax(np.fmax(parts[0], parts[1]), parts[2])
    return highest
