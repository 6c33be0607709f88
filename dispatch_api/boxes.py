"""`bbox`: a part of the earth between two meridians and two parallels, as addresses write it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from dispatch_api.errors import InvalidRequest
from dispatch_api.store.dialects import cases_within, near_many_boxes
from dispatch_api.store.schema import case


@dataclass(frozen=True, kw_only=True)
class Box:
    """West, south, east and north in degrees (WGS 84); west of more than east runs over the meridian of 180°."""

    west: float
    south: float
    east: float
    north: float

    def parts(self) -> tuple[tuple[float, float, float, float], ...]:
        """The box as (west, south, east, north), in two where it runs over the meridian of 180°."""
        if self.west <= self.east:
            return ((self.west, self.south, self.east, self.north),)
        return (self.west, self.south, 180.0, self.north), (-180.0, self.south, self.east, self.north)

    def holds_cases(self) -> ColumnElement[bool]:
        """The condition for cases whose place lies in it."""
        return or_(*(cases_within(case.c.seq, case.c.lon, case.c.lat, *part) for part in self.parts()))

    def holds(self, lon: ColumnElement[float], lat: ColumnElement[float]) -> ColumnElement[bool]:
        """The condition that a place lies in it, by the place alone: no index of places is asked."""
        return or_(*(and_(lon.between(w, e), lat.between(s, n)) for w, s, e, n in self.parts()))

    def cases_near(self, connection: Connection) -> Select[Any]:
        """The `seq` of cases whose own box meets it, by the index of places: more than lie in it, never fewer."""
        boxes = json.dumps(self.parts())
        near = near_many_boxes(connection.dialect.name).bindparams(boxes=boxes).subquery("near")
        return select(near.c.seq)

    def meets(self, bounds: tuple[float, float, float, float]) -> bool:
        """Whether anything of these bounds (west, south, east, north) lies in it."""
        west, south, east, north = bounds
        return any(w <= east and west <= e and s <= north and south <= n for w, s, e, n in self.parts())


def box_of(text: str) -> Box:
    """Read `west,south,east,north`; with six numbers the heights are passed over.

    Raises:
        InvalidRequest: It is no box: not four or six numbers, outside the earth, or its south lies north of its north.
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (4, 6) or not all(map(math.isfinite, numbers)):
        raise _refused("write west,south,east,north in degrees")
    half = len(numbers) // 2
    west, south, east, north = *numbers[:2], *numbers[half : half + 2]
    if max(abs(west), abs(east)) > 180 or max(abs(south), abs(north)) > 90:
        raise _refused("longitudes are -180 to 180, latitudes -90 to 90")
    if south > north:
        raise _refused("its south lies north of its north; write west,south,east,north")
    return Box(west=west, south=south, east=east, north=north)


def _refused(problem: str) -> InvalidRequest:
    return InvalidRequest(field="bbox", problem=problem)
