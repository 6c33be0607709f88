"""Which things count: found in enough pictures, and in enough of those that looked at their place."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import shapely
import shapely.affinity
from numpy.typing import NDArray

from flyonce.interpretation import Confirmation

# A thing near a picture's edge is easily cut or missed there, so only the middle of a footprint counts as a look.
_MIDDLE = 0.92


class Verdict(StrEnum):
    """What repeated looks say of a thing."""

    CONFIRMED = "confirmed"
    """Found often enough: it counts."""
    NOT_SEEN_AGAIN = "not_seen_again"
    """The place was looked at often enough, and the thing was missing too often: a false alarm."""
    TOO_FEW_LOOKS = "too_few_looks"
    """The thing was not found often enough to be sure, nor missing often enough to be dropped: a person must say."""


class LookLedger:
    """Which ground each picture of a flight showed."""

    def __init__(self) -> None:
        self._middles: list[shapely.Polygon] = []

    def add(self, footprint_lonlat: NDArray[np.float64]) -> None:
        """Note one picture's footprint: shape (n, 2), longitude before latitude, degrees."""
        self._middles.append(shapely.affinity.scale(shapely.Polygon(footprint_lonlat), _MIDDLE, _MIDDLE))

    def looks_at(self, lon: float, lat: float) -> int:
        """How many pictures showed this place well inside their edges."""
        if not self._middles:
            return 0
        return int(np.count_nonzero(shapely.contains_xy(np.array(self._middles), lon, lat)))


def verdict(*, hits: int, looks: int, needed: Confirmation) -> Verdict:
    """Judge a thing found in `hits` pictures out of `looks` that showed its place.

    A thing may be found in a picture whose middle missed it, so looks are at least the hits.
    """
    looks = max(hits, looks)
    if looks >= needed.min_frames and hits < needed.min_hit_share * looks:
        return Verdict.NOT_SEEN_AGAIN
    return Verdict.CONFIRMED if hits >= needed.min_frames else Verdict.TOO_FEW_LOOKS
