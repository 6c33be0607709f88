"""The mission on board as places and legs, in the vehicle's own frame."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from flightplan.link.mavlink import (
    FRAME_GLOBAL,
    NAV_LAND,
    NAV_RETURN_TO_LAUNCH,
    NAV_TAKEOFF,
    NAV_WAYPOINT,
    MissionItem,
    lonlat_from_xy,
)
from flightplan.mission.kinematics import Kinematics, turn_deg
from flightplan.mission.mission import Home
from flightplan.projection import LocalFrame
from flightplan.vehicle.body import Body, Leg, Point

NAVIGATION = (NAV_WAYPOINT, NAV_RETURN_TO_LAUNCH, NAV_LAND, NAV_TAKEOFF)
_SAME_PLACE_M = 0.5


@dataclass(frozen=True, kw_only=True)
class Route:
    """A mission's items, item 0 (home) included, and the frame they are flown in."""

    items: tuple[MissionItem, ...]
    home: Home
    frame: LocalFrame

    def leg(self, number: int, body: Body, cruise_m_s: float, kinematics: Kinematics) -> Leg:
        """The way from where the body is to waypoint `number`, left as fast as the next corner allows."""
        item = self.items[number]
        end = self._places_en[number]
        after = self._waypoint_after(number)
        leave = 0.0
        if after is not None and not item.params[0] > 0:
            course = _course_deg((body.east_m, body.north_m), end)
            here = body.course_deg if body.distance_to(end) < 1.0 else course
            leave = kinematics.corner_speed_m_s(turn_deg(here, _course_deg(end, after)), cruise_m_s)
        return Leg(end_en=end, end_alt_m=self.alt_home_m(item), cruise_m_s=cruise_m_s, leave_m_s=leave)

    def course_after(self, number: int) -> float | None:
        """The course of the leg that follows waypoint `number`, degrees; None where none follows."""
        here, after = self._places_en[number], self._waypoint_after(number)
        if after is None or math.dist(here, after) < _SAME_PLACE_M:
            return None
        return _course_deg(here, after)

    @cached_property
    def _places_en(self) -> list[Point]:
        """Of every item; reckoned once, for they are asked for in every step of a flight."""
        return [self.place_en(item) for item in self.items]

    def place_en(self, item: MissionItem) -> Point:
        """Metres east and north of home."""
        return en_from_lonlat(self.frame, lonlat_from_xy(item.x, item.y))

    def alt_home_m(self, item: MissionItem) -> float:
        """Height above home; there is no terrain model on board, so heights above terrain count as such."""
        return item.z - self.home.alt_msl_m if item.frame in (0, FRAME_GLOBAL) else item.z

    def _waypoint_after(self, number: int) -> Point | None:
        """The place of the next item that moves the vehicle, when it is a waypoint."""
        for later in range(number + 1, len(self.items)):
            if self.items[later].command in NAVIGATION:
                return self._places_en[later] if self.items[later].command == NAV_WAYPOINT else None
        return None


def en_from_lonlat(frame: LocalFrame, lonlat: tuple[float, float]) -> Point:
    """Metres east and north of one place."""
    east, north = frame.en_from_lonlat(np.array([lonlat]))[0]
    return float(east), float(north)


def _course_deg(begin: Point, end: Point) -> float:
    return math.degrees(math.atan2(end[0] - begin[0], end[1] - begin[1])) % 360
