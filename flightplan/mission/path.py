"""A mission as a way in metres with planned times, and where on it a drone is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from flightplan.mission.figures import LANDING_OVERHEAD_S
from flightplan.mission.items import (
    LandHere,
    LookAt,
    PhotosByDistance,
    PhotosOff,
    PointCamera,
    ReturnHome,
    SetSpeed,
    TakeOff,
    Waypoint,
)
from flightplan.mission.kinematics import Kinematics, turn_deg
from flightplan.mission.mission import Mission
from flightplan.projection import LocalFrame

Point = tuple[float, float]
_DEFAULT_SPEED_M_S = 10.0


@dataclass(frozen=True, kw_only=True)
class InForce:
    """What the items before a leg have set: speed, where the camera looks, and photos.

    Attributes:
        speed_m_s: Commanded ground speed; None for the vehicle's own.
        camera: Its pitch, or the place that it looks at; None where nothing was said.
        photos: The distance trigger; None while no photos are taken.
    """

    speed_m_s: float | None = None
    camera: PointCamera | LookAt | None = None
    photos: PhotosByDistance | None = None


@dataclass(frozen=True, kw_only=True)
class PathLeg:
    """One straight piece of the way.

    Attributes:
        item: Number of the mission item that it leads to, from 1.
        begin_en: Metres east, north of home.
        end_en: Likewise.
        begin_alt_m: Height above home; None where only the vehicle's terrain model knows it.
        end_alt_m: Likewise.
        in_force: While it is flown.
        seconds: Planned duration, the turn at its beginning included.
        from_m: Metres of the way before it.
        from_s: Planned seconds before it.
    """

    item: int
    begin_en: Point
    end_en: Point
    begin_alt_m: float | None
    end_alt_m: float | None
    in_force: InForce
    seconds: float = 0.0
    from_m: float = 0.0
    from_s: float = 0.0

    @property
    def length_m(self) -> float:
        """Horizontal metres."""
        return math.dist(self.begin_en, self.end_en)

    def share_at(self, place_en: Point) -> float:
        """How far along the leg the nearest point to a place is, 0 to 1."""
        if self.length_m < 1e-6:
            return 0.0
        along = np.dot(np.subtract(place_en, self.begin_en), np.subtract(self.end_en, self.begin_en))
        return float(np.clip(along / self.length_m**2, 0.0, 1.0))

    def distance_m(self, place_en: Point) -> float:
        """Horizontal metres from a place to the leg."""
        share = self.share_at(place_en)
        nearest = np.add(self.begin_en, share * np.subtract(self.end_en, self.begin_en))
        return float(math.dist(place_en, nearest))


@dataclass(frozen=True, kw_only=True)
class OnPath:
    """Where on the way a drone is.

    Attributes:
        leg: The leg that it flies.
        along_m: Metres of the way behind it.
        planned_s: Seconds after take-off at which it was planned to be here.
        off_m: Horizontal metres beside the leg.
        above_m: Metres above the leg, below it negative; None where the planned height is not known.
    """

    leg: PathLeg
    along_m: float
    planned_s: float
    off_m: float
    above_m: float | None


class MissionPath:
    """The way of a mission, from the ground at home to the landing."""

    def __init__(self, mission: Mission, kinematics: Kinematics | None = None) -> None:
        kinematics = kinematics or Kinematics()
        self._frame = LocalFrame(lon=mission.home.lon, lat=mission.home.lat)
        self.legs = tuple(_timed(_legs(mission, self._frame), kinematics))
        last = self.legs[-1]
        descent_m = last.end_alt_m or 0.0
        self.length_m = last.from_m + last.length_m
        self.seconds = last.from_s + last.seconds + descent_m / kinematics.sink_m_s + LANDING_OVERHEAD_S

    def leg_to(self, item: int) -> PathLeg:
        """The leg that is flown while item number `item` (from 1) or the commands before it are at work."""
        return next((leg for leg in self.legs if leg.item >= item), self.legs[-1])

    def place(self, lon: float, lat: float, alt_home_m: float, item: int) -> OnPath:
        """Where on the way a place is, while the vehicle says that it is at item number `item`.

        Position and item come in messages of their own: of that leg and its two neighbours, the nearest one counts.
        """
        here = self._frame.en_from_lonlat(np.array([[lon, lat]]))[0]
        east_north = (float(here[0]), float(here[1]))
        index = self.legs.index(self.leg_to(item))
        near = self.legs[max(index - 1, 0) : index + 2]
        leg = min(near, key=lambda one: (round(one.distance_m(east_north), 1), one is not self.legs[index]))
        share = leg.share_at(east_north)
        if leg.length_m < 1e-6 and leg.end_alt_m:
            share = min(max(alt_home_m / leg.end_alt_m, 0.0), 1.0)
        planned_m = None
        if leg.begin_alt_m is not None and leg.end_alt_m is not None:
            planned_m = leg.begin_alt_m + share * (leg.end_alt_m - leg.begin_alt_m)
        return OnPath(
            leg=leg,
            along_m=leg.from_m + share * leg.length_m,
            planned_s=leg.from_s + share * leg.seconds,
            off_m=leg.distance_m(east_north),
            above_m=None if planned_m is None else alt_home_m - planned_m,
        )


def _legs(mission: Mission, frame: LocalFrame) -> Iterator[PathLeg]:
    here: Point = (0.0, 0.0)
    height: float | None = 0.0
    in_force = InForce()
    for number, item in enumerate(mission.items, 1):
        there, there_m = here, height
        match item:
            case TakeOff(alt_home_m=there_m):
                pass
            case Waypoint(lon=lon, lat=lat):
                east, north = frame.en_from_lonlat(np.array([[lon, lat]]))[0]
                there, there_m = (float(east), float(north)), _alt_home_m(item, mission.home.alt_msl_m)
            case ReturnHome():
                there = (0.0, 0.0)
            case LandHere():
                pass
            case _:
                in_force = _with(in_force, item)
                continue
        yield PathLeg(
            item=number, begin_en=here, end_en=there, begin_alt_m=height, end_alt_m=there_m, in_force=in_force
        )
        here, height = there, there_m


def _with(in_force: InForce, item: object) -> InForce:
    match item:
        case SetSpeed(speed_m_s=speed):
            return replace(in_force, speed_m_s=speed)
        case PointCamera() | LookAt():
            return replace(in_force, camera=item)
        case PhotosByDistance():
            return replace(in_force, photos=item)
        case PhotosOff():
            return replace(in_force, photos=None)
    return in_force


def _alt_home_m(waypoint: Waypoint, home_msl_m: float) -> float | None:
    match waypoint.alt_reference:
        case "home":
            return waypoint.alt_m
        case "msl":
            return waypoint.alt_m - home_msl_m
        case "terrain":
            return None


def _timed(legs: Iterator[PathLeg], kinematics: Kinematics) -> Iterator[PathLeg]:
    """The legs with planned times, by the planner's model of motion; corners are entered and left at a standstill."""
    from_m = from_s = 0.0
    course: float | None = None
    for leg in legs:
        speed = leg.in_force.speed_m_s or _DEFAULT_SPEED_M_S
        seconds = kinematics.leg_seconds(leg.length_m, speed)
        if leg.length_m > 0:
            east, north = np.subtract(leg.end_en, leg.begin_en)
            new = math.degrees(math.atan2(east, north))
            seconds += abs(turn_deg(course, new)) / kinematics.yaw_rate_deg_s if course is not None else 0.0
            course = new
        elif leg.begin_alt_m is not None and leg.end_alt_m is not None:
            seconds = abs(leg.end_alt_m - leg.begin_alt_m) / kinematics.climb_m_s
        yield replace(leg, seconds=seconds, from_m=from_m, from_s=from_s)
        from_m, from_s = from_m + leg.length_m, from_s + seconds
