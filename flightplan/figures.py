"""What a mission amounts to: metres, seconds, turns and photos."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from flightplan.items import PhotosByDistance, PhotosOff, SetSpeed, TakeOff, Waypoint
from flightplan.kinematics import Kinematics, turn_deg
from flightplan.projection import LocalFrame

if TYPE_CHECKING:
    from flightplan.mission import Mission

# Above home, before the descent: the drone settles.
LANDING_OVERHEAD_S = 10.0
_DEFAULT_SPEED_M_S = 10.0


@dataclass(frozen=True, kw_only=True)
class MissionFigures:
    """What a mission amounts to.

    Attributes:
        length_m: Horizontal metres from home, through every waypoint, to the landing.
        survey_length_m: Horizontal metres from the first to the last place where photos are switched on or off.
        duration_s: From take-off to landing, with climb, turns and descent.
        turns: Corners sharper than 20 degrees between the first and the last waypoint.
        photos: Photos that the distance trigger takes.
    """

    length_m: float
    survey_length_m: float
    duration_s: float
    turns: int
    photos: int


def path_en_m(mission: Mission) -> NDArray[np.float64]:
    """The path (n, 2) in metres east and north of home: home, every waypoint and, where it returns, home again."""
    frame = LocalFrame(lon=mission.home.lon, lat=mission.home.lat)
    return frame.en_from_lonlat(np.array(mission.path_lonlat()))


def mission_figures(mission: Mission, kinematics: Kinematics) -> MissionFigures:
    """Length, duration, turns and photos, with that model of motion."""
    path = [(float(east), float(north)) for east, north in path_en_m(mission)]
    survey = path[1 : len(mission.waypoints) + 1]
    speeds = [item.speed_m_s for item in mission.items if isinstance(item, SetSpeed)] or [_DEFAULT_SPEED_M_S]
    heights = [item.alt_home_m for item in mission.items if isinstance(item, TakeOff)]
    climb_s = heights[0] / kinematics.climb_m_s + heights[0] / kinematics.sink_m_s
    legs = [math.degrees(math.atan2(b[0] - a[0], b[1] - a[1])) for a, b in itertools.pairwise(survey) if a != b]
    return MissionFigures(
        length_m=_length_m(path),
        survey_length_m=_length_m(_between_photos(mission, survey)),
        duration_s=climb_s + kinematics.path_seconds(path, speeds[0]) + LANDING_OVERHEAD_S,
        turns=sum(abs(turn_deg(a, b)) > kinematics.stop_turn_deg for a, b in itertools.pairwise(legs)),
        photos=_photos(mission, survey),
    )


def _between_photos(mission: Mission, survey: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The waypoints from the first to the last camera command; all of them where there is none."""
    passed, at = 0, []
    for item in mission.items:
        passed += isinstance(item, Waypoint)
        if isinstance(item, PhotosByDistance | PhotosOff):
            at.append(passed)
    return survey[max(at[0] - 1, 0) : at[-1]] if at else survey


def _length_m(points: list[tuple[float, float]]) -> float:
    return sum(math.dist(a, b) for a, b in itertools.pairwise(points))


def _photos(mission: Mission, survey: list[tuple[float, float]]) -> int:
    """Photos of the distance trigger, switched on and off between waypoints."""
    photos, run_m, index = 0, 0.0, -1
    trigger: PhotosByDistance | None = None
    for item in (*mission.items, PhotosOff()):
        if isinstance(item, Waypoint):
            index += 1
            run_m += math.dist(survey[index - 1], survey[index]) if trigger and index else 0.0
        elif isinstance(item, PhotosByDistance | PhotosOff):
            photos += int(trigger.at_once) + math.floor(run_m / trigger.distance_m + 1e-6) if trigger else 0
            trigger, run_m = (item if isinstance(item, PhotosByDistance) else None), 0.0
    return photos
