"""Which things count: found in enough pictures, and in enough of those that looked at their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import shapely
import shapely.affinity
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from flyonce.rules import Confirmation

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


@dataclass(frozen=True, kw_only=True)
class LookAt:
    """One picture that showed a place: its key, and the flight's clock (None where unknown)."""

    key: str
    clock_s: float | None


class LookLedger:
    """Which ground each picture of a flight showed, and when."""

    def __init__(self) -> None:
        self._middles: list[BaseGeometry] = []
        self._looks: list[LookAt] = []
        self._clocks: dict[str, float | None] = {}
        self._bounds = np.empty((64, 4))

    def add(
        self,
        footprint_lonlat: NDArray[np.float64],
        *,
        key: str,
        clock_s: float | None,
        parts_lonlat: Sequence[NDArray[np.float64]] | None = None,
    ) -> None:
        """Note one picture.

        Args:
            footprint_lonlat: The ground it shows, shape (n, 2), longitude before latitude, degrees.
            key: Its name among all pictures of the flight.
            clock_s: The flight's clock at it; None where unknown.
            parts_lonlat: The parts of that ground that were looked at, each of shape (m, 2); None for all of it.
        """
        middle: BaseGeometry = shapely.affinity.scale(shapely.Polygon(footprint_lonlat), _MIDDLE, _MIDDLE)
        if parts_lonlat is not None:
            looked_at = shapely.union_all([shapely.make_valid(shapely.Polygon(part)) for part in parts_lonlat])
            middle = shapely.intersection(middle, looked_at)
        if middle.is_empty:
            self._clocks[key] = clock_s
            return
        if len(self._middles) == len(self._bounds):
            self._bounds = np.concatenate((self._bounds, np.empty_like(self._bounds)))
        self._bounds[len(self._middles)] = middle.bounds
        self._middles.append(middle)
        self._looks.append(LookAt(key=key, clock_s=clock_s))
        self._clocks[key] = clock_s

    def looks_at(self, lon: float, lat: float) -> tuple[LookAt, ...]:
        """The pictures that showed this place well inside their edges, in the order they came."""
        west, south, east, north = self._bounds[: len(self._middles)].T
        near = np.flatnonzero((west <= lon) & (lon <= east) & (south <= lat) & (lat <= north))
        return tuple(self._looks[index] for index in near if shapely.contains_xy(self._middles[index], lon, lat))

    def clock_of(self, key: str) -> float | None:
        """The flight's clock at a picture; None where unknown."""
        return self._clocks.get(key)


def verdict(*, hits: int, looks: int, needed: Confirmation) -> Verdict:
    """Judge a thing found in `hits` pictures out of `looks` that showed its place.

    A thing may be found in a picture whose middle missed it, so looks are at least the hits.
    """
    looks = max(hits, looks)
    if looks >= needed.min_frames and hits < needed.min_hit_share * looks:
        return Verdict.NOT_SEEN_AGAIN
    return Verdict.CONFIRMED if hits >= needed.min_frames else Verdict.TOO_FEW_LOOKS
