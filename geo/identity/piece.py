"""What one flight saw of one thing without doubt: the unit that merging joins and undoing parts again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import shapely
from shapely.geometry.base import BaseGeometry

from geo import gaussian
from geo.gaussian import Estimate, Sym
from geo.identity.point import Box, Point
from geo.sighting import Sighting

if TYPE_CHECKING:
    from geo.identity.gathering import Gathering
    from geo.identity.ground import FlightGround


_NOWHERE: Box = (math.inf, math.inf, -math.inf, -math.inf)
# A piece has to move or to grow by so much before it is noted anew.
_SPARE_M = 1.0
# Outlines whose common box is this many times the largest of them are parts of something large.
_IN_PARTS, _SWAY_SIGMAS = 6.0, 4.0


class Piece:
    """Sightings of one flight that are of one thing; their noise averages, the flight's offset does not.

    Attributes:
        piece_id: Its number, that of the thing it founded.
        flight: Its flight.
        ground: What its flight saw of its family.
        gathering: The thing it belongs to now.
        rows: Its sightings in its flight's record, in the order they came.
        settled: The mean of its sightings' settled places: sharp among its flight's, but it drifts along it.
        shared_sum: The sum of the offset's covariances as its sightings claim it.
        box: Around all outlines, None where there are none.
        solid_m2: The area of the largest outline: all of them together have no less.
        first_s: Earliest time, seconds since 1970; infinite where no picture told one.
        last_s: Latest time; minus infinite where none did.
        noted: The ground it says it lies on, with some to spare, as it was noted.
        squares: The squares of its flight's ground where it is noted: west, south, east, north.
        changed: Whether it grew or moved since it was last compared with all around it.
    """

    __slots__ = (
        "_largest",
        "_outline",
        "_outlined",
        "_settled_pull",
        "_told",
        "_told_pull",
        "box",
        "changed",
        "first_s",
        "flight",
        "gathering",
        "ground",
        "last_s",
        "noted",
        "piece_id",
        "rows",
        "settled",
        "shared_sum",
        "solid_m2",
        "squares",
    )

    def __init__(self, piece_id: int, ground: FlightGround, gathering: Gathering) -> None:
        self.piece_id = piece_id
        self.flight = ground.flight
        self.ground = ground
        self.gathering = gathering
        self.squares: tuple[int, int, int, int] | None = None
        self.rebuild(())

    def rebuild(self, rows: Sequence[int]) -> None:
        """Hold these sightings of its flight and no others."""
        self.rows: list[int] = []
        self.settled: Estimate = (0.0, 0.0, 0.0, 0.0, 0.0)
        self.noted = _NOWHERE
        self.changed = True
        self._settled_pull = self._told_pull = gaussian.NO_PULL
        self._told: Estimate | None = None
        self.shared_sum: Sym = gaussian.ZERO
        self.box: Box | None = None
        self.solid_m2 = 0.0
        self._largest: int | None = None
        self.first_s, self.last_s = math.inf, -math.inf
        self._outline: BaseGeometry | None = None
        self._outlined = 0
        for row in rows:
            self.add(self.flight.record.point(row, self.ground), row)

    def add(self, point: Point, row: int | None = None) -> None:
        """Take in one more sighting; where it has a row in its flight's record, that is named."""
        if row is None:
            row = self.flight.record.add(point)
        self.rows.append(row)
        self.changed = True
        self._told = None
        # `gaussian.pulled` and `gaussian.mean` written out, for this is the busiest place of all.
        a, b, c, pull_e, pull_n = self._settled_pull
        east, north, ee, en, nn = point.settled
        det = ee * nn - en * en
        ie, io, inn = nn / det, -en / det, ee / det
        a, b, c = a + ie, b + io, c + inn
        pull_e, pull_n = pull_e + ie * east + io * north, pull_n + io * east + inn * north
        self._settled_pull = a, b, c, pull_e, pull_n
        det = a * c - b * b
        self.settled = (c * pull_e - b * pull_n) / det, (a * pull_n - b * pull_e) / det, c / det, -b / det, a / det
        a, b, c, pull_e, pull_n = self._told_pull
        east, north, ee, en, nn = point.told
        det = ee * nn - en * en
        ie, io, inn = nn / det, -en / det, ee / det
        self._told_pull = (
            a + ie,
            b + io,
            c + inn,
            pull_e + ie * east + io * north,
            pull_n + io * east + inn * north,
        )
        (ee, en, nn), (see, sen, snn) = self.shared_sum, point.shared
        self.shared_sum = ee + see, en + sen, nn + snn
        seen_s = point.seen_s
        if seen_s > self.last_s:
            self.last_s = seen_s
        if seen_s < self.first_s:
            self.first_s = seen_s
        if (other := point.box) is not None:
            self._cover(row, other, point.solid_m2)

    def _cover(self, row: int, other: Box, solid_m2: float) -> None:
        """Take in an outline."""
        if solid_m2 > self.solid_m2 or self._largest is None:
            self.solid_m2 = solid_m2
            self._largest = row
        box = self.box
        if box is None:
            self.box = other
        elif other[0] < box[0] or other[1] < box[1] or other[2] > box[2] or other[3] > box[3]:
            self.box = min(box[0], other[0]), min(box[1], other[1]), max(box[2], other[2]), max(box[3], other[3])

    def has_moved(self) -> bool:
        """Whether it left the ground on which it was noted; that ground is where it lies now, then."""
        e, n, _, _, _ = self.settled
        west, south, right, top = self.noted
        box = self.box
        inside = box is None or (west <= box[0] and south <= box[1] and box[2] <= right and box[3] <= top)
        if inside and west <= e <= right and south <= n <= top:
            return False
        east, north, _, _, _ = self.told
        west, south, right, top = box or (e, n, e, n)
        self.noted = (
            min(west, e, east) - _SPARE_M,
            min(south, n, north) - _SPARE_M,
            max(right, e, east) + _SPARE_M,
            max(top, n, north) + _SPARE_M,
        )
        return True

    @property
    def told(self) -> Estimate:
        """The mean of its sightings' places, as the flight tells them, and its error without the flight's offset."""
        if self._told is None:
            self._told = gaussian.mean(self._told_pull)
        return self._told

    @property
    def is_timed(self) -> bool:
        """Whether any picture of it told its time."""
        return self.first_s <= self.last_s

    def is_longer_ago(self, seen_s: float, window_s: float) -> bool:
        """Whether it was last seen longer before a time than a window, or is first seen so long after it."""
        return self.is_timed and (seen_s - self.last_s > window_s or self.first_s - seen_s > window_s)

    def pictures(self) -> list[int]:
        """The numbers of the pictures that show it."""
        pictures = self.flight.record.pictures
        return [pictures[row] for row in self.rows]

    def sightings(self) -> list[Sighting]:
        """Its sightings, in the order they came."""
        sightings = self.flight.record.sightings
        return [sightings[row] for row in self.rows]

    @property
    def in_parts(self) -> bool:
        """Whether its outlines cover much more ground than one of them: parts of something large.

        How far the outlines of something small sway from picture to picture is no ground.
        """
        if (box := self.box) is None:
            return False
        west, south, east, north = box
        _, _, ee, _, nn = self.flight.record.point(self.rows[0], self.ground).told
        wide, high = east - west - _SWAY_SIGMAS * math.sqrt(ee), north - south - _SWAY_SIGMAS * math.sqrt(nn)
        return wide > 0 and high > 0 and wide * high > _IN_PARTS * self.solid_m2

    @property
    def extent(self) -> BaseGeometry | None:
        """The ground it covers, for comparison: all parts of something large, else the largest outline."""
        if self.in_parts:
            return self.outline
        return None if self._largest is None else self.flight.record.outline(self._largest)

    @property
    def outline(self) -> BaseGeometry | None:
        """All outlines together, in the flight's own metres; None where there are none."""
        if self._outlined < len(self.rows):
            fresh = [self.flight.record.outline(row) for row in self.rows[self._outlined :]]
            known = [part for part in (self._outline, *fresh) if part is not None]
            self._outline = shapely.union_all(known) if known else None
            self._outlined = len(self.rows)
        return self._outline
