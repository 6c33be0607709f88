"""What a flight saw, in columns: to keep an object for each sighting costs more than all that is reckoned with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.gaussian import Estimate
from geo.identity.plane import Plane
from geo.identity.point import Point, outline_of
from geo.sighting import Sighting

if TYPE_CHECKING:
    from geo.identity.ground import FlightGround


class Record:
    """A flight's sightings by row, in the order they came; what else a point has is reckoned anew in the rare case.

    Attributes:
        plane: The metres that it is told in.
        sightings: The sightings.
        pictures: The numbers of their pictures.
        settled: Their settled places.
    """

    __slots__ = ("_floor_m2", "_most_variance_m2", "_outlines", "_sure", "pictures", "plane", "settled", "sightings")

    def __init__(self, plane: Plane, *, floor_m2: float, most_variance_m2: float) -> None:
        self.plane = plane
        self.sightings: list[Sighting] = []
        self.pictures: list[int] = []
        self.settled: list[Estimate] = []
        self._sure = bytearray()
        self._outlines: dict[int, BaseGeometry | None] = {}
        self._floor_m2, self._most_variance_m2 = floor_m2, most_variance_m2

    def add(self, point: Point) -> int:
        """Keep a point; returns its row."""
        self.sightings.append(point.sighting)
        self.pictures.append(point.picture)
        self.settled.append(point.settled)
        self._sure.append(point.sure)
        return len(self._sure) - 1

    def point(self, row: int, ground: FlightGround) -> Point:
        """A point as it was kept."""
        sighting = self.sightings[row]
        seen_s = math.nan if sighting.seen_at is None else sighting.seen_at.timestamp()
        picture, floor_m2, most_variance_m2 = self.pictures[row], self._floor_m2, self._most_variance_m2
        point = Point(sighting, self.plane, ground, picture, seen_s, floor_m2, most_variance_m2)
        point.settled = self.settled[row]
        return point

    def is_sure(self, row: int) -> bool:
        """Whether a point's whole error is small enough to join anything."""
        return bool(self._sure[row])

    def table(self, rows: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
        """Settled places (n, 5) of n rows, whether they are sure (n,), and their pictures (n,)."""
        return (
            np.array([self.settled[row] for row in rows]),
            np.array([self._sure[row] for row in rows], dtype=bool),
            np.array([self.pictures[row] for row in rows], dtype=np.int64),
        )

    def outline(self, row: int) -> BaseGeometry | None:
        """A sighting's outline in metres, made when first asked for: most are grouped by place alone."""
        if row not in self._outlines:
            self._outlines[row] = outline_of(self.sightings[row], self.plane)
        return self._outlines[row]
