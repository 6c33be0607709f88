"""Which ground each flight's pictures showed, and when: what tells a place that was looked at and found clean."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import chain

import numpy as np

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
        flown = self._flights.get(flight_id)
        if flown is None:
            flown = self._flights[flight_id] = _Flown(at)
        flown.add(footprint_lonlat, at)

    def clean_look(
        self, place_lonlat: LonLat, after: datetime, before: datetime, but_not: frozenset[str] = frozenset()
    ) -> bool:
        """Whether a flight between two times, none of `but_not`, looked at a place often enough."""
        for flight_id, flown in self._flights.items():
            if flown.first_at >= before or flown.last_at <= after or flight_id in but_not:
                continue
            if flown.shows(place_lonlat, after, before, often=self._least):
                return True
        return False


class _Flown:
    """The pictures of one flight."""

    def __init__(self, at: datetime) -> None:
        self.first_at = self.last_at = at
        self._rings: list[Sequence[LonLat]] = []
        self._times: list[datetime] = []
        # West, south, -east and -north of the first pictures, as rows: those that came since are boxed when asked for.
        self._boxes = np.empty((4, 0))

    def add(self, ring: Sequence[LonLat], at: datetime) -> None:
        if at < self.first_at:
            self.first_at = at
        if at > self.last_at:
            self.last_at = at
        self._rings.append(ring)
        self._times.append(at)

    def shows(self, place: LonLat, after: datetime, before: datetime, *, often: int) -> bool:
        """Whether so many pictures between two times showed a place."""
        if self._boxes.shape[1] < len(self._rings):
            self._box()
        lon, lat = place
        near = np.flatnonzero((self._boxes < np.array(((lon,), (lat,), (-lon,), (-lat,)))).all(axis=0)).tolist()
        if len(near) < often:
            return False
        found = 0
        for index in near:
            if after < self._times[index] < before and _is_inside(lon, lat, self._rings[index]):
                found += 1
                if found == often:
                    return True
        return False

    def _box(self) -> None:
        """Box the pictures that came since the last time."""
        rings = self._rings[self._boxes.shape[1] :]
        sizes = [len(ring) for ring in rings]
        numbers = np.fromiter(chain.from_iterable(chain.from_iterable(rings)), dtype=float, count=2 * sum(sizes))
        corners = numbers.reshape(-1, 2).T
        starts = np.cumsum([0, *sizes[:-1]])
        boxes = (np.minimum.reduceat(corners, starts, axis=1), -np.maximum.reduceat(corners, starts, axis=1))
        self._boxes = np.concatenate((self._boxes, np.concatenate(boxes)), axis=1)


def _is_inside(lon: float, lat: float, ring: Sequence[LonLat]) -> bool:
    """Whether a place lies inside a ring: a ray to the east crosses it an odd number of times.

    The few pictures around a place are told sooner so than geometries of all pictures are made.
    """
    inside = False
    west, south = ring[-1]
    for east, north in ring:
        if (south > lat) != (north > lat) and lon < west + (east - west) * (lat - south) / (north - south):
            inside = not inside
        west, south = east, north
    return inside
