"""What a mission amounts to: metres, seconds, turns and photos."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from flightplan.mission.items import PhotosByDistance, PhotosOff, SetSpeed, TakeOff, Waypoint
from flightplan.mission.kinematics import Kinematics, turn_deg
from flightplan.projection import LocalFrame

if TYPE_CHECKING:
    from flightplan.mission.mission import Mission

# Above home, before the descent: the drone settles.
LANDING_OVERHEAD_S = 10.0
_DEFAULT_SPEED_M_S = 10.0


@dataclass(frozen=True, kw_only=True)
class MissionFigures:
    """What a mission amounts to.

    Attributes:
        length_m: Horizontal metres from home, through every waypoint, to the landing.
        survey_length_m: Horizontal metres from the first to the last place where photos are switched on or off.
        duration_s: From take-off to landing, with climb, turns, waits and descent.
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
    legs = [math.degrees(math.atan2(b[0] - a[0], b[1] - a[1])) for a, b in itertools.pairwise(survey) if a != b]
    return MissionFigures(
        length_m=_length_m(path),
        survey_length_m=_length_m(_between_photos(mission, survey)),
        duration_s=_times_s(mission, path, kinematics)[-1],
        turns=sum(abs(turn_deg(a, b)) > kinematics.stop_turn_deg for a, b in itertools.pairwise(legs)),
        photos=_photos(mission, survey),
    )


def path_times_s(mission: Mission, kinematics: Kinematics) -> NDArray[np.float64]:
    """Seconds (n + 2,) after take-off: on the ground, on leaving each of the n points of `path_en_m`, and landed."""
    return np.array(_times_s(mission, [(float(east), float(north)) for east, north in path_en_m(mission)], kinematics))


def _times_s(mission: Mission, path: list[tuple[float, float]], kinematics: Kinematics) -> list[float]:
    alts_m, speeds_m_s = _alts_home_m(mission, len(path)), _speeds_m_s(mission, len(path) - 1)
    legs_s = kinematics.legs_seconds(path, speeds_m_s, alts_m)
    waits_s = [*(point.hold_s for point in mission.waypoints), 0.0]
    landing_s = alts_m[-1] / kinematics.sink_m_s + LANDING_OVERHEAD_S
    parts = [alts_m[0] / kinematics.climb_m_s, *map(sum, zip(legs_s, waits_s, strict=False)), landing_s]
    return [0.0, *itertools.accumulate(parts)]


def _alts_home_m(mission: Mission, count: int) -> list[float]:
    """Height above home at each point of the path; where the vehicle follows ground of its own, as level as before."""
    alts_m = [next((item.alt_home_m for item in mission.items if isinstance(item, TakeOff)), 0.0)]
    for point in mission.waypoints:
        match point.alt_reference:
            case "home":
                alts_m.append(point.alt_m)
            case "msl":
                alts_m.append(point.alt_m - mission.home.alt_msl_m)
            case _:
                alts_m.append(alts_m[-1])
    return [*alts_m, *[alts_m[-1]] * (count - len(alts_m))]


def usual_speed_m_s(mission: Mission) -> float:
    """The speed before any is commanded: as the first one, or what vehicles usually fly with."""
    return next((item.speed_m_s for item in mission.items if isinstance(item, SetSpeed)), _DEFAULT_SPEED_M_S)


def _speeds_m_s(mission: Mission, legs: int) -> list[float]:
    """The speed commanded for each leg of the path."""
    speed_m_s = usual_speed_m_s(mission)
    speeds_m_s = []
    for item in mission.items:
        if isinstance(item, SetSpeed):
            speed_m_s = item.speed_m_s
        elif isinstance(item, Waypoint):
            speeds_m_s.append(speed_m_s)
    return [*speeds_m_s, *[speed_m_s] * (legs - len(speeds_m_s))]


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
