"""How far a piece of ground is on its way through the picture, and whether it was seen too rarely on that way."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EDGE = 0.04
"""Ground nearer to the picture's edge than this share of a side does not count as seen: things are cut off there."""

_SLACK = 0.3
"""The last look is due this much of one step before the ground leaves: frames come one at a time, cells have a size."""

_LEAST_PASSAGE = 0.4
"""Ground that only cuts a corner of the picture, on a shorter way than this share of a side, asks for no look."""


def step_between_looks(looks: int) -> float:
    """Share of a passage between two looks."""
    return 1.0 / (looks + _SLACK)


def is_inside(unit_xy: Floats) -> NDArray[np.bool_]:
    """Which points (n, 2) of the unit square lie in the picture and off its edge; False for NaN."""
    return np.asarray(((unit_xy > EDGE) & (unit_xy < 1 - EDGE)).all(axis=1))


def is_due(now_xy: Floats, before_xy: Floats, seen: NDArray[np.integer], looks: int) -> NDArray[np.bool_]:
    """Which pieces of ground were seen too rarely for how far they are through the picture.

    The k-th of n looks is due when k of n parts of the passage lie behind, so that looks come at different angles; the
    passage is the straight line through the picture along which the piece moved since the last look.

    Args:
        now_xy: Where they are now, shape (n, 2), in the unit square and off its edge.
        before_xy: Where they were at the last look, or would have been; NaN where that cannot be told.
        seen: How often each was seen, shape (n,).
        looks: How often each ought to be seen before it leaves.

    Returns:
        Shape (n,).
    """
    moved = now_xy - before_xy
    length = np.hypot(moved[:, 0], moved[:, 1])
    with np.errstate(divide="ignore", invalid="ignore"):
        along = moved / length[:, None]
        behind = _way_to_edge(now_xy, -along)
        ahead = _way_to_edge(now_xy, along)
        part = behind / (behind + ahead)
    wanted = np.floor(np.nan_to_num(part) * (looks + _SLACK))
    return np.asarray((seen < np.minimum(wanted, looks)) & (behind + ahead >= _LEAST_PASSAGE))


def _way_to_edge(from_xy: Floats, along: Floats) -> Floats:
    """Way from points inside the frame to its edge, shape (n,), along unit vectors (n, 2)."""
    limit = np.where(along > 0, 1 - EDGE, EDGE)
    with np.errstate(divide="ignore", invalid="ignore"):
        way = np.where(along != 0, (limit - from_xy) / along, math.inf)
    return np.asarray(way.min(axis=1))
