"""Where in a picture ground is worth looking at: a coarse grid laid over it, which chooses the tiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Grid = NDArray[np.bool_]

ROWS, COLUMNS = 2, 4
"""The grid of a picture: that of the tiles of a 1080p film. In a finer one, ground that a tile shows beside what it was
chosen for would not count as seen."""

_THIN_SHARE = 0.25
"""A cell is of interest if ground that was seen too rarely fills this share of it; or if any is due there, for else the
next frame would be wanted for the same ground."""


def nothing() -> Grid:
    """A grid without anything of interest, shape (rows, columns)."""
    return np.zeros((ROWS, COLUMNS), np.bool_)


def grid_of(unit_xy: Floats, *, thin: NDArray[np.bool_], due_xy: Floats) -> Grid:
    """The cells in which ground is due, or most of it was seen too rarely.

    Args:
        unit_xy: Samples of the ground in view, shape (n, 2), in the unit square.
        thin: Which of them were seen too rarely, shape (n,).
        due_xy: Where ground is that is to be seen now, shape (k, 2); what is not in the unit square is left out.

    Returns:
        Shape (rows, columns).
    """
    samples = np.bincount(_cell(unit_xy), minlength=ROWS * COLUMNS)
    rare = np.bincount(_cell(unit_xy[thin]), minlength=ROWS * COLUMNS)
    grid = (samples > 0) & (rare >= _THIN_SHARE * samples)
    grid[_cell(due_xy[((due_xy >= 0) & (due_xy < 1)).all(axis=1)])] = True
    return grid.reshape(ROWS, COLUMNS)


def mark(grid: Grid, around_xy: Floats) -> None:
    """Make what a box around points (n, 2) touches a part of interest; NaN is left out."""
    known = around_xy[np.isfinite(around_xy).all(axis=1)]
    if not len(known):
        return
    size = np.array([COLUMNS, ROWS])
    first = np.clip(np.floor(known.min(axis=0) * size), 0, size - 1).astype(int)
    last = np.clip(np.floor(known.max(axis=0) * size), 0, size - 1).astype(int)
    grid[first[1] : last[1] + 1, first[0] : last[0] + 1] = True


def is_of_interest(grid: Grid, unit_xy: Floats) -> NDArray[np.bool_]:
    """Which points (n, 2) of the unit square lie in a part of interest, shape (n,)."""
    return np.asarray(grid.ravel()[_cell(unit_xy)], np.bool_)


def _cell(unit_xy: Floats) -> NDArray[np.int64]:
    column, row = np.clip((unit_xy * (COLUMNS, ROWS)).astype(np.int64), 0, (COLUMNS - 1, ROWS - 1)).T
    return np.asarray(row * COLUMNS + column)
