"""Which ground each flight's pictures showed, and when: what tells a place that was looked at and found clean."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import chain

import numpy as np
import shapely

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
            if flown.pictures_of(place_lonlat, after, before) >= self._least:
                return True
        return False


class _Flown:
    """The pictures of one flight."""

    def __init__(self, at: datetime) -> None:
        self._fresh: list[Sequence[LonLat]] = []
        self._asked: tuple[LonLat, datetime, datetime] | None = None
        self._answer = 0
        self._times: list[datetime] = []
        self.first_at = self.last_at = at
        self._tree = shapely.STRtree([])

    def add(self, ring: Sequence[LonLat], at: datetime) -> None:
        if at < self.first_at:
            self.first_at = at
        if at > self.last_at:
            self.last_at = at
        self._fresh.append(ring)
        self._times.append(at)

    def pictures_of(self, place: LonLat, after: datetime, before: datetime) -> int:
        """How many pictures between two times showed a place."""
        if self._fresh:
            self._draw()
        # A place that one flight found clean is asked for a second time, without other flights.
        elif self._asked == (place, after, before):
            return self._answer
        near = self._tree.query(shapely.Point(place))
        inside = near[shapely.contains_xy(self._tree.geometries[near], *place)]
        self._asked = place, after, before
        self._answer = sum([after < self._times[index] < before for index in inside])
        return self._answer

    def _draw(self) -> None:
        """Draw the pictures that came since the last time."""
        numbers = chain.from_iterable(chain.from_iterable(self._fresh))
        sizes = [len(ring) for ring in self._fresh]
        corners = np.fromiter(numbers, dtype=float, count=2 * sum(sizes)).reshape(-1, 2)
        rings = shapely.linearrings(corners, indices=np.repeat(np.arange(len(sizes)), sizes))
        self._tree = shapely.STRtree(np.concatenate((self._tree.geometries, np.asarray(shapely.polygons(rings)))))
        self._fresh.clear()
