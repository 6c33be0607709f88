"""Which detection goes to which track: the assignment with the greatest overlap, boxes widened by what is uncertain."""

from __future__ import annotations

from collections.abc import Sequence

import lap
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def overlap(expected: Floats, margin_px: Floats, found: Floats, *, shared_of_smaller: NDArray[np.bool_]) -> Floats:
    """How well boxes fit each other, 0 to 1.

    Args:
        expected: Boxes (n, 4) of tracks.
        margin_px: By how much each of them, and what is compared with it, is widened on every side, shape (n,).
        found: Boxes (m, 4) of detections.
        shared_of_smaller: Shape (n,): of tracks whose box was cut off, the shared area counts against the smaller box
            instead of against both.

    Returns:
        Shape (n, m).
    """
    wide = expected + margin_px[:, None] * (-1.0, -1.0, 1.0, 1.0)
    low = np.maximum(wide[:, None, :2], found[None, :, :2] - margin_px[:, None, None])
    high = np.minimum(wide[:, None, 2:], found[None, :, 2:] + margin_px[:, None, None])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    own = (wide[:, 2:] - wide[:, :2]).prod(axis=1)[:, None]
    other = (found[None, :, 2:] - found[None, :, :2] + 2 * margin_px[:, None, None]).prod(axis=2)
    against = np.where(shared_of_smaller[:, None], np.minimum(own, other), own + other - shared)
    return np.asarray(shared / np.maximum(against, 1e-9))


def assigned(similarity: Floats, least: float) -> list[tuple[int, int]]:
    """Pairs (row, column) of the best assignment; none is worse than `least`."""
    if 0 in similarity.shape or similarity.max() < least:
        return []
    _, columns, _ = lap.lapjv(1.0 - similarity, extend_cost=True, cost_limit=1.0 - least)
    return [(row, int(column)) for row, column in enumerate(columns) if column >= 0]


def without(rows: Sequence[int], taken: Sequence[int]) -> list[int]:
    """Those of `rows` that are not among `taken`."""
    gone = set(taken)
    return [row for row in rows if row not in gone]
