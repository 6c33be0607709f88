"""Where a mission's own commands take photos, and how the camera is held at each."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flightplan.mission.items import LookAt, PhotosByDistance, PhotosOff, PointCamera, Waypoint
from flightplan.mission.mission import Mission
from flightplan.projection import LocalFrame

Floats = NDArray[np.float64]
STRAIGHT_DOWN_DEG = -90.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Shots:
    """Photos as they are due, in flying order.

    Attributes:
        en_m: (n, 2) metres east, north.
        alt_msl_m: (n,) height of the camera above mean sea level.
        course_deg: (n,) where the camera looks, clockwise from true north: along the leg, or at what it is kept on.
        pitch_deg: (n,) of the camera, -90 straight down.
    """

    en_m: Floats
    alt_msl_m: Floats
    course_deg: Floats
    pitch_deg: Floats

    def __len__(self) -> int:
        return len(self.en_m)


def shots_of(missions: Iterable[Mission], frame: LocalFrame) -> Shots:
    """The photos of all missions, in the metres of `frame`.

    The trigger counts horizontal metres along the legs from where it was switched on, round corners too. Heights above
    the vehicle's own terrain model are taken as heights above home.
    """
    rows = [row for mission in missions for row in _photos(mission, frame)]
    table: Floats = np.array(rows, dtype=float).reshape(-1, 5)
    return Shots(en_m=table[:, :2], alt_msl_m=table[:, 2], course_deg=table[:, 3], pitch_deg=table[:, 4])


def _photos(mission: Mission, frame: LocalFrame) -> Iterable[tuple[float, ...]]:
    """East, north, height, course and pitch of each photo."""
    points = frame.en_from_lonlat(np.array([(point.lon, point.lat) for point in mission.waypoints]))
    base_m = mission.home.alt_msl_m
    alts_m = [point.alt_m + (0.0 if point.alt_reference == "msl" else base_m) for point in mission.waypoints]
    pitch_deg, index = STRAIGHT_DOWN_DEG, -1
    looked_at: tuple[float, float, float] | None = None
    trigger: PhotosByDistance | None = None
    due_m = 0.0
    for item in mission.items:
        match item:
            case PointCamera(pitch_deg=pitch):
                pitch_deg, looked_at = pitch, None
            case LookAt(lon=lon, lat=lat, alt_home_m=height_m):
                east, north = frame.en_from_lonlat(np.array([[lon, lat]]))[0].tolist()
                looked_at = (east, north, base_m + height_m)
            case PhotosByDistance():
                trigger, due_m = item, 0.0 if item.at_once else item.distance_m
            case PhotosOff():
                trigger = None
            case Waypoint():
                index += 1
                if trigger is None or index == 0:
                    continue
                start, end = points[index - 1], points[index]
                length_m = math.dist(start, end)
                course_deg = math.degrees(math.atan2(end[0] - start[0], end[1] - start[1])) % 360
                while due_m <= length_m + 1e-6 and length_m > 0:
                    share = min(due_m / length_m, 1.0)
                    east, north = start + share * (end - start)
                    alt_m = alts_m[index - 1] + share * (alts_m[index] - alts_m[index - 1])
                    angles = (course_deg, pitch_deg) if looked_at is None else _towards((east, north, alt_m), looked_at)
                    yield float(east), float(north), alt_m, *angles
                    due_m += trigger.distance_m
                due_m -= length_m


def _towards(camera: tuple[float, float, float], place: tuple[float, float, float]) -> tuple[float, float]:
    """Course and pitch from the camera to a place, both metres east, north, up."""
    east_m, north_m, up_m = (to - at for to, at in zip(place, camera, strict=True))
    return math.degrees(math.atan2(east_m, north_m)) % 360, math.degrees(math.atan2(up_m, math.hypot(east_m, north_m)))
