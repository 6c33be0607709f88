"""What one flight saw of one thing without doubt: the unit that merging joins and undoing parts again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import shapely
from shapely.geometry.base import BaseGeometry

from geo import gaussian
from geo.gaussian import Sym, Vec
from geo.identity.point import Box, Point

if TYPE_CHECKING:
    from geo.identity.gathering import Gathering
    from geo.identity.ground import FlightGround


_NOWHERE: Box = (math.inf, math.inf, -math.inf, -math.inf)
# A piece has to move or to grow by so much before it is noted anew.
_SPARE_M = 1.0
# Outlines whose common box is this many times the largest of them are parts of something large.
_IN_PARTS, _SWAY_SIGMAS = 6.0, 4.0


Pull = tuple[float, float, float, float, float]
"""What tells a weighted mean of places: the information (ee, en, nn), and that times the mean (east, north)."""

_NO_PULL: Pull = (0.0, 0.0, 0.0, 0.0, 0.0)


def _pulled(pull: Pull, en_m: Vec, noise: Sym) -> tuple[Pull, Vec, Sym]:
    """A mean that takes in one more place, and its error. Written out, for it is the busiest place of all."""
    ee, en, nn = noise
    east, north = en_m
    a, b, c, pe, pn = pull
    det = ee * nn - en * en
    ie, io, inn = nn / det, -en / det, ee / det
    a, b, c, pe, pn = a + ie, b + io, c + inn, pe + ie * east + io * north, pn + io * east + inn * north
    det = a * c - b * b
    return (a, b, c, pe, pn), ((c * pe - b * pn) / det, (a * pn - b * pe) / det), (c / det, -b / det, a / det)


class Piece:
    """Sightings of one flight that are of one thing; their noise averages, the flight's offset does not.

    Attributes:
        piece_id: Its number, that of the thing it founded.
        flight: Its flight.
        ground: What its flight saw of its family.
        gathering: The thing it belongs to now.
        points: Its sightings, in the order they came.
        place: Their weighted mean, metres, as the flight tells it.
        noise: The error of that mean without the flight's offset.
        settled_m: The mean of its sightings' settled places: sharp among its flight's, but it drifts along it.
        settled_noise: The error of that.
        box: Around all outlines, None where there are none.
        solid_m2: The area of the largest outline: all of them together have no less.
        first_seen_at: Earliest time, None where no picture told one.
        last_seen_at: Latest time.
        noted: The ground it says it lies on, with some to spare, as it was noted.
        squares: The squares of its flight's ground where it is noted: west, south, east, north.
        changed: Whether it grew or moved since it was last compared with all around it.
    """

    __slots__ = (
        "_largest",
        "_outline",
        "_outlined",
        "_settled",
        "_shared",
        "_told",
        "box",
        "changed",
        "first_seen_at",
        "flight",
        "gathering",
        "ground",
        "last_seen_at",
        "noise",
        "noted",
        "piece_id",
        "place",
        "points",
        "settled_m",
        "settled_noise",
        "solid_m2",
        "squares",
    )

    def __init__(self, piece_id: int, ground: FlightGround, gathering: Gathering) -> None:
        self.piece_id = piece_id
        self.flight = ground.flight
        self.ground = ground
        self.gathering = gathering
        self.noted: Box = _NOWHERE
        self.squares: tuple[int, int, int, int] | None = None
        self.rebuild(())

    def rebuild(self, points: Sequence[Point]) -> None:
        """Hold these sightings and no others."""
        self.points: list[Point] = []
        self.place: Vec = (0.0, 0.0)
        self.settled_m: Vec = (0.0, 0.0)
        self.settled_noise: Sym = gaussian.ZERO
        self._told = self._settled = _NO_PULL
        self.noise: Sym = gaussian.ZERO
        self.box: Box | None = None
        self.solid_m2 = 0.0
        self._largest: Point | None = None
        self.first_seen_at: datetime | None = None
        self.last_seen_at: datetime | None = None
        self.changed = True
        self._shared: Sym = gaussian.ZERO
        self._outline: BaseGeometry | None = None
        self._outlined = 0
        for point in points:
            self.add(point)

    def add(self, point: Point) -> None:
        """Take in one more sighting."""
        self.points.append(point)
        self.changed = True
        self._told, self.place, self.noise = _pulled(self._told, point.en_m, point.noise)
        self._settled, self.settled_m, self.settled_noise = _pulled(self._settled, point.settled_m, point.settled_noise)
        shared, own = self._shared, point.shared
        self._shared = (shared[0] + own[0], shared[1] + own[1], shared[2] + own[2])
        box, other = self.box, point.box
        if other is not None:
            if point.solid_m2 > self.solid_m2:
                self.solid_m2 = point.solid_m2
                self._largest = point
            self.box = (
                other
                if box is None
                else (min(box[0], other[0]), min(box[1], other[1]), max(box[2], other[2]), max(box[3], other[3]))
            )
        at = point.sighting.seen_at
        if at is not None:
            if self.first_seen_at is None or at < self.first_seen_at:
                self.first_seen_at = at
            if self.last_seen_at is None or at > self.last_seen_at:
                self.last_seen_at = at

    def has_moved(self) -> bool:
        """Whether it left the ground on which it was noted; that ground is where it lies now, then."""
        (e, n), (east, north) = self.place, self.settled_m
        west, south, right, top = self.noted
        if west <= e <= right and south <= n <= top and west <= east <= right and south <= north <= top:
            box = self.box
            if box is None or (west <= box[0] and south <= box[1] and box[2] <= right and box[3] <= top):
                return False
        box = self.box or (e, n, e, n)
        self.noted = (
            min(box[0], e, east) - _SPARE_M,
            min(box[1], n, north) - _SPARE_M,
            max(box[2], e, east) + _SPARE_M,
            max(box[3], n, north) + _SPARE_M,
        )
        return True

    @property
    def shared(self) -> Sym:
        """The offset's covariance as its sightings claim it, on average."""
        return gaussian.scale(self._shared, 1.0 / len(self.points))

    @property
    def in_parts(self) -> bool:
        """Whether its outlines cover much more ground than one of them: parts of something large.

        How far the outlines of something small sway from picture to picture is no ground.
        """
        if self.box is None:
            return False
        west, south, east, north = self.box
        ee, _, nn = self.points[0].noise
        wide, high = east - west - _SWAY_SIGMAS * math.sqrt(ee), north - south - _SWAY_SIGMAS * math.sqrt(nn)
        return wide > 0 and high > 0 and wide * high > _IN_PARTS * self.solid_m2

    @property
    def extent(self) -> BaseGeometry | None:
        """The ground it covers, for comparison: all parts of something large, else the largest outline."""
        if self.in_parts:
            return self.outline
        if self._largest is None and self.box is not None:
            self._largest = max((p for p in self.points if p.box is not None), key=lambda p: p.solid_m2)
        return None if self._largest is None else self._largest.outline

    @property
    def outline(self) -> BaseGeometry | None:
        """All outlines together, in the flight's own metres; None where there are none."""
        if self._outlined < len(self.points):
            fresh = [point.outline for point in self.points[self._outlined :]]
            parts = [self._outline, *fresh]
            known = [part for part in parts if part is not None]
            self._outline = shapely.union_all(known) if known else None
            self._outlined = len(self.points)
        return self._outline
