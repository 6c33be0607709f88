"""What a flight saw, in columns: to keep an object for each sighting costs more than all that is reckoned with it."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.gaussian import Estimate
from geo.identity.plane import Plane
from geo.identity.point import Point, outline_of
from geo.sighting import Sighting

# Where a row has what.
_SETTLED, _SURE, _PICTURE, _WIDTH = slice(8, 13), 19, 20, 21
_NO_BOX = (math.nan, math.nan, math.nan, math.nan)


class Record:
    """A flight's sightings by row, in the order they came.

    Attributes:
        plane: The metres that it is told in.
        sightings: The sightings.
    """

    __slots__ = ("_numbers", "_outlines", "plane", "sightings")

    def __init__(self, plane: Plane) -> None:
        self.sightings: list[Sighting] = []
        self.plane = plane
        self._numbers = array("d")
        self._outlines: dict[int, BaseGeometry | None] = {}

    def add(self, point: Point) -> int:
        """Keep a point; returns its row."""
        self.sightings.append(point.sighting)
        self._numbers.extend(
            point.told
            + point.shared
            + point.settled
            + (point.box or _NO_BOX)
            + (point.solid_m2, point.seen_s, point.sure, point.picture)
        )
        return len(self.sightings) - 1

    def point(self, row: int) -> Point:
        """A point as it was kept: what was only needed for settling its picture is gone."""
        e, n, ee, en, nn, see, sen, snn, *rest = self._numbers[row * _WIDTH : (row + 1) * _WIDTH]
        point = Point.__new__(Point)
        point.sighting = self.sightings[row]
        point.told, point.shared = (e, n, ee, en, nn), (see, sen, snn)
        e, n, ee, en, nn, west, south, east, north, point.solid_m2, point.seen_s, sure, picture = rest
        point.settled = (e, n, ee, en, nn)
        point.box = None if math.isnan(west) else (west, south, east, north)
        point.sure, point.picture = sure > 0, int(picture)
        return point

    def told(self, row: int) -> Estimate:
        """A point's place as the flight told it."""
        east, north, ee, en, nn = self._numbers[row * _WIDTH : row * _WIDTH + 5]
        return east, north, ee, en, nn

    def is_sure(self, row: int) -> bool:
        """Whether a point's whole error is small enough to join anything."""
        return self._numbers[row * _WIDTH + _SURE] > 0

    def pictures(self, rows: Sequence[int]) -> list[int]:
        """The numbers of the pictures that rows are of."""
        numbers = self._numbers
        return [int(numbers[row * _WIDTH + _PICTURE]) for row in rows]

    def table(self, rows: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
        """Settled places (n, 5) of n rows, whether they are sure (n,), and their pictures (n,)."""
        # A copy, for nothing may be added to an array while something else looks into it.
        numbers = np.frombuffer(self._numbers).reshape(-1, _WIDTH)[np.asarray(rows, dtype=np.int64)]
        return numbers[:, _SETTLED], numbers[:, _SURE] > 0, numbers[:, _PICTURE].astype(np.int64)

    def outline(self, row: int) -> BaseGeometry | None:
        """A sighting's outline in metres, made when first asked for: most are grouped by place alone."""
        if row not in self._outlines:
            self._outlines[row] = outline_of(self.sightings[row], self.plane)
        return self._outlines[row]
