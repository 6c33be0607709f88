"""Which ground each flight's pictures showed, and when: what tells a place that was looked at and found clean."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.sighting import LonLat


class PictureLooks:
    """Pictures of flights with the ground they showed."""

    def __init__(self, *, least_pictures: int = 4) -> None:
        """Begin with none.

        Args:
            least_pictures: A flight that showed a place in this many pictures looked at it.
        """
        self._least = least_pictures
        self._flights: dict[str, _Flown] = {}

    def add(self, footprint_lonlat: Sequence[LonLat], *, at: datetime, flight_id: str) -> None:
        """Note one picture: its footprint, corners as (lon, lat) degrees, and when it was taken (aware)."""
        self._flights.setdefault(flight_id, _Flown()).add(footprint_lonlat, at)

    def clean_look(
        self, place_lonlat: LonLat, after: datetime, before: datetime, but_not: frozenset[str] = frozenset()
    ) -> bool:
        """Whether a flight between two times, none of `but_not`, looked at a place often enough."""
        return any(
            flown.pictures_of(place_lonlat, after, before) >= self._least
            for flight_id, flown in self._flights.items()
            if flight_id not in but_not and flown.touches(after, before)
        )


class _Flown:
    """The pictures of one flight."""

    def __init__(self) -> None:
        self._rings: list[Sequence[LonLat]] = []
        self._times: list[datetime] = []
        self._first_at = self._last_at = datetime.max.replace(tzinfo=UTC)
        self._shown: NDArray[np.object_] = np.empty(0, dtype=object)
        self._bounds = np.empty((0, 4))

    def add(self, ring: Sequence[LonLat], at: datetime) -> None:
        self._first_at = min(self._first_at, at)
        self._last_at = max(self._last_at, at) if self._times else at
        self._rings.append(ring)
        self._times.append(at)

    def touches(self, after: datetime, before: datetime) -> bool:
        return self._first_at < before and self._last_at > after

    def pictures_of(self, place: LonLat, after: datetime, before: datetime) -> int:
        """How many pictures between two times showed a place."""
        if len(self._shown) < len(self._rings):
            fresh = np.array([shapely.Polygon(ring) for ring in self._rings[len(self._shown) :]], dtype=object)
            self._shown = np.concatenate((self._shown, fresh))
            self._bounds = np.concatenate((self._bounds, shapely.bounds(fresh)))
        west, south, east, north = self._bounds.T
        lon, lat = place
        near = np.flatnonzero((west <= lon) & (lon <= east) & (south <= lat) & (lat <= north))
        inside = near[shapely.contains_xy(self._shown[near], lon, lat)]
        return sum(after < self._times[index] < before for index in inside)
