"""From an area, a camera and overlaps to missions that show every spot of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from shapely.geometry import Polygon

from flightplan.area import PatrolArea, lonlat_problem
from flightplan.errors import CannotPlan
from flightplan.footprints import CoverageShare
from flightplan.kinematics import Kinematics
from flightplan.limits import FlightLimits
from flightplan.mission import Home, Mission, MissionFigures
from flightplan.pattern_search import Point, Run, Task, find_survey
from flightplan.projection import LocalFrame
from flightplan.routing import Router, obstacles
from flightplan.sorties import MissionBuilder
from geo.camera import Camera

HOLE_CLEARANCE_M = 3.0


@dataclass(frozen=True, kw_only=True)
class CoveragePlan:
    """Missions over one area, and what they will show of it.

    Attributes:
        area: The area planned for.
        missions: One per battery, in flying order; each begins and ends at home.
        figures: Length, duration, turns and photos of each mission.
        coverage: Share of the area (0 to 1) that at least one photo shows, and at least five.
        photos_lonlat: Where photos are due, degrees (longitude, latitude), in flying order.
        angle_deg: Direction of the rows, counter-clockwise from east.
        row_spacing_m: Greatest distance between rows.
        speed_m_s: Ground speed on rows; lower than asked where the camera would not keep up.
    """

    area: PatrolArea
    missions: tuple[Mission, ...]
    figures: tuple[MissionFigures, ...]
    coverage: CoverageShare
    photos_lonlat: tuple[tuple[float, float], ...]
    angle_deg: float
    row_spacing_m: float
    speed_m_s: float


def plan_coverage(
    area: PatrolArea,
    camera: Camera,
    altitude_agl_m: float,
    frontlap: float = 0.7,
    sidelap: float = 0.6,
    *,
    home_lonlat: tuple[float, float],
    home_alt_msl_m: float = 0.0,
    speed_m_s: float = 15.0,
    endurance_s: float = 1_500.0,
    hole_clearance_m: float = HOLE_CLEARANCE_M,
    limits: FlightLimits | None = None,
    kinematics: Kinematics | None = None,
) -> CoveragePlan:
    """Lawn-mower rows over the whole area, camera straight down, in the direction that is flown fastest.

    Legs never enter a hole of the area. An area that takes longer than one battery becomes several missions.

    Args:
        area: Where; holes are left out by `hole_clearance_m`.
        camera: Mounted with the width of its pictures across the rows.
        altitude_agl_m: Height above home's ground, metres.
        frontlap: Least overlap of one photo and the next, 0 to below 1.
        sidelap: Least overlap of neighbouring rows, 0 to below 1.
        home_lonlat: Take-off and landing place, degrees (longitude, latitude).
        home_alt_msl_m: Ground height there above mean sea level.
        speed_m_s: Ground speed wished for; reduced where photos would follow too fast.
        endurance_s: Longest flight on one battery, reserve already taken off.
        hole_clearance_m: Distance kept from holes.
        limits: What each mission is held to.
        kinematics: The drone's limits of motion.

    Raises:
        CannotPlan: A setting is out of range, home is in a hole or too far off, or a battery is too small.
        InvalidMission: The settings break a limit, such as the greatest height.
    """
    limits, kinematics = limits or FlightLimits(), kinematics or Kinematics()
    _check_settings(altitude_agl_m, frontlap, sidelap, speed_m_s, endurance_s)
    _check_home(area, home_lonlat, limits)
    across_m, along_m = camera.footprint_wh_m(altitude_agl_m)
    trigger_m, spacing_m = along_m * (1 - frontlap), across_m * (1 - sidelap)
    frame = area.frame()
    area_en = frame.local_polygon(area.polygon)
    blocked = obstacles([Polygon(ring) for ring in area_en.interiors], hole_clearance_m)
    home_en = _point(frame.en_from_lonlat(np.array([home_lonlat]))[0])
    router = Router(blocked)
    if router.is_inside(home_en):
        raise CannotPlan(problem="home lies in a hole of the area, where no flight is allowed", remedy="Move home")
    speed = camera_speed(speed_m_s, min(trigger_m, along_m / 4), limits.min_photo_interval_s)
    task = Task(
        area_en=area_en,
        blocked_en=blocked,
        along_m=along_m,
        across_m=across_m,
        trigger_m=trigger_m,
        spacing_m=spacing_m,
        # A little more than needed, because lengths are rounded on the way to the vehicle.
        closest_m=speed * limits.min_photo_interval_s + 0.1,
        speed_m_s=speed,
        home_en=home_en,
    )
    survey = find_survey(task, kinematics)
    planner = MissionBuilder(
        frame=frame,
        router=router,
        home=Home(lon=home_lonlat[0], lat=home_lonlat[1], alt_msl_m=home_alt_msl_m),
        home_en=home_en,
        altitude_m=altitude_agl_m,
        speed_m_s=speed,
        limits=replace(limits, max_duration_s=max(limits.max_duration_s, endurance_s)),
        kinematics=kinematics,
    )
    sorties = planner.sorties(survey.runs, endurance_s)
    missions = planner.missions(area.name, sorties)
    return CoveragePlan(
        area=area,
        missions=missions,
        figures=tuple(mission.figures(kinematics) for mission in missions),
        coverage=survey.coverage,
        photos_lonlat=_photo_places(frame, [run for runs in sorties for run in runs]),
        angle_deg=survey.angle_deg,
        row_spacing_m=spacing_m,
        speed_m_s=speed,
    )


def _check_settings(
    altitude_agl_m: float, frontlap: float, sidelap: float, speed_m_s: float, endurance_s: float
) -> None:
    for name, value in (("altitude", altitude_agl_m), ("speed", speed_m_s), ("endurance", endurance_s)):
        if not (math.isfinite(value) and value > 0):
            raise CannotPlan(problem=f"{name} {value:g} is out of range", remedy="Give a finite number above 0")
    check_overlaps(frontlap, sidelap)


def check_overlaps(frontlap: float, sidelap: float) -> None:
    """Refuse overlaps that no flight can keep.

    Raises:
        CannotPlan: One is not a share from 0 to 0.95.
    """
    for name, value in (("frontlap", frontlap), ("sidelap", sidelap)):
        if not 0 <= value <= 0.95:
            raise CannotPlan(problem=f"{name} {value:g} is out of range", remedy="Give a share between 0 and 0.95")


def _check_home(area: PatrolArea, home_lonlat: tuple[float, float], limits: FlightLimits) -> None:
    problem = lonlat_problem(*home_lonlat)
    if problem is not None:
        raise CannotPlan(problem=f"home: {problem[0]}", remedy=problem[1])
    distance_m = _distance_to_m(area, home_lonlat)
    if distance_m <= limits.max_range_m:
        return
    lat_first = (home_lonlat[1], home_lonlat[0])
    if lonlat_problem(*lat_first) is None and _distance_to_m(area, lat_first) <= limits.max_range_m:
        remedy = "Swap them: longitude comes first, in the area and in home alike"
    else:
        remedy = "Move home nearer, and check that longitude comes before latitude in both"
    raise CannotPlan(
        problem=f"home lies {distance_m / 1000:,.1f} km from the area, more than {limits.max_range_m / 1000:g} km",
        remedy=remedy,
    )


def _distance_to_m(area: PatrolArea, lonlat: tuple[float, float]) -> float:
    frame = LocalFrame(lon=lonlat[0], lat=lonlat[1])
    return float(shapely.distance(frame.local_polygon(area.polygon), shapely.Point(0, 0)))


def camera_speed(speed_m_s: float, trigger_m: float, min_photo_interval_s: float, *, whose: str = "") -> float:
    """The wished speed, or the greatest at which the camera keeps up with the photo distance (0.1 m/s steps).

    Args:
        speed_m_s: Wished for.
        trigger_m: Distance between photos.
        min_photo_interval_s: Shortest time between photos that the camera manages.
        whose: Begins the message of the refusal, where there are several.

    Raises:
        CannotPlan: It would keep up with hardly any speed.
    """
    fastest = math.floor(trigger_m * 0.9 / min_photo_interval_s * 10) / 10
    if fastest < 0.5:
        raise CannotPlan(
            problem=f"{whose}a photo every {trigger_m:.2f} m is closer than the camera can take them in flight",
            remedy="Fly higher, or ask for less frontlap",
        )
    return min(speed_m_s, fastest)


def _photo_places(frame: LocalFrame, runs: Sequence[Run]) -> tuple[tuple[float, float], ...]:
    if not runs:
        return ()
    places = []
    for run in runs:
        shares = np.arange(0.0, run.length_m + 1e-6, run.trigger_m)[:, None] / max(run.length_m, 1e-9)
        places.append(np.array(run.start) + shares * (np.array(run.end) - np.array(run.start)))
    return tuple((float(lon), float(lat)) for lon, lat in frame.lonlat_from_en(np.vstack(places)))


def _point(pair: Sequence[float] | np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Point:
    return float(pair[0]), float(pair[1])
