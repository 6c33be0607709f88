"""From an area, a camera and overlaps to missions that show every spot of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon

from flightplan.area import PatrolArea, lonlat_problem
from flightplan.errors import CannotPlan
from flightplan.footprints import CoverageShare
from flightplan.kinematics import Kinematics
from flightplan.limits import FlightLimits
from flightplan.mission import (
    Home,
    Item,
    Mission,
    MissionFigures,
    PhotosByDistance,
    PhotosOff,
    PointCamera,
    ReturnHome,
    SetSpeed,
    TakeOff,
    Waypoint,
)
from flightplan.pattern_search import Point, Run, Survey, Task, find_survey
from flightplan.projection import LocalFrame
from flightplan.routing import Router
from geo.camera import Camera

HOLE_CLEARANCE_M = 3.0
SHORTEST_RUN_M = 50.0
_ITEMS_PER_RUN = 4
_ITEMS_BESIDES_RUNS = 5


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
    blocked = _blocked(area_en, hole_clearance_m)
    home_en = _point(frame.en_from_lonlat(np.array([home_lonlat]))[0])
    router = Router(blocked)
    if router.is_inside(home_en):
        raise CannotPlan(problem="home lies in a hole of the area, where no flight is allowed", remedy="Move home")
    speed = _camera_speed(speed_m_s, min(trigger_m, along_m / 4), limits)
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
    planner = _MissionBuilder(
        frame=frame,
        router=router,
        home=Home(lon=home_lonlat[0], lat=home_lonlat[1], alt_msl_m=home_alt_msl_m),
        home_en=home_en,
        altitude_m=altitude_agl_m,
        speed_m_s=speed,
        limits=replace(limits, max_duration_s=max(limits.max_duration_s, endurance_s)),
        kinematics=kinematics,
    )
    missions = planner.missions(area.name, survey.runs, endurance_s)
    return CoveragePlan(
        area=area,
        missions=missions,
        figures=tuple(mission.figures(kinematics) for mission in missions),
        coverage=survey.coverage,
        photos_lonlat=_photo_places(frame, survey),
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


def _camera_speed(speed_m_s: float, trigger_m: float, limits: FlightLimits) -> float:
    """The wished speed, or the greatest at which the camera keeps up with the photo distance (0.1 m/s steps)."""
    fastest = math.floor(trigger_m * 0.9 / limits.min_photo_interval_s * 10) / 10
    if fastest < 0.5:
        raise CannotPlan(
            problem=f"a photo every {trigger_m:.2f} m is closer than the camera can take them in flight",
            remedy="Fly higher, or ask for less frontlap",
        )
    return min(speed_m_s, fastest)


def _blocked(area_en: Polygon, clearance_m: float) -> Polygon | MultiPolygon:
    holes = [
        Polygon(ring).buffer(max(clearance_m, 0.1), join_style="mitre", mitre_limit=2) for ring in area_en.interiors
    ]
    if not holes:
        return MultiPolygon()
    union = shapely.union_all(holes)
    assert isinstance(union, Polygon | MultiPolygon)
    return union


def _photo_places(frame: LocalFrame, survey: Survey) -> tuple[tuple[float, float], ...]:
    if not survey.runs:
        return ()
    places = []
    for run in survey.runs:
        shares = np.arange(0.0, run.length_m + 1e-6, run.trigger_m)[:, None] / max(run.length_m, 1e-9)
        places.append(np.array(run.start) + shares * (np.array(run.end) - np.array(run.start)))
    return tuple((float(lon), float(lat)) for lon, lat in frame.lonlat_from_en(np.vstack(places)))


def _point(pair: Sequence[float] | np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Point:
    return float(pair[0]), float(pair[1])


@dataclass(frozen=True, kw_only=True)
class _MissionBuilder:
    """Turns runs into missions that fit a battery."""

    frame: LocalFrame
    router: Router
    home: Home
    home_en: Point
    altitude_m: float
    speed_m_s: float
    limits: FlightLimits
    kinematics: Kinematics

    def missions(self, name: str, runs: Sequence[Run], endurance_s: float) -> tuple[Mission, ...]:
        """As few missions as the battery allows, runs in the given order."""
        groups: list[list[Run]] = []
        left = list(runs)
        while left:
            count = self._most_runs(left, endurance_s)
            if count == 0:
                left[:1] = self._halves(left[0])
                continue
            groups.append(left[:count])
            left = left[count:]
        titles = (
            [name] if len(groups) == 1 else [f"{name} {number}/{len(groups)}" for number in range(1, len(groups) + 1)]
        )
        return tuple(self._mission(title, group) for title, group in zip(titles, groups, strict=True))

    def _most_runs(self, runs: list[Run], endurance_s: float) -> int:
        low, high = 0, min(len(runs), (self.limits.max_items - _ITEMS_BESIDES_RUNS) // (_ITEMS_PER_RUN + 1))
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._seconds(runs[:middle]) <= endurance_s else (low, middle - 1)
        return low

    def _seconds(self, runs: list[Run]) -> float:
        path = [point for leg in self._legs(runs) for point in leg]
        vertical_s = self.altitude_m / self.kinematics.climb_m_s + self.altitude_m / self.kinematics.sink_m_s
        return vertical_s + self.kinematics.path_seconds(path, self.speed_m_s) + 10.0

    def _halves(self, run: Run) -> list[Run]:
        if run.length_m < 2 * SHORTEST_RUN_M:
            raise CannotPlan(
                problem="one battery does not reach from home to the area and back",
                remedy="Take off nearer to the area, fly faster, or give more endurance",
            )
        middle = ((run.start[0] + run.end[0]) / 2, (run.start[1] + run.end[1]) / 2)
        return [replace(run, end=middle), replace(run, start=middle)]

    def _legs(self, runs: list[Run]) -> list[list[Point]]:
        """Ways between runs, home first and last: each from the end of one run to the start of the next."""
        stops = [self.home_en, *(point for run in runs for point in (run.start, run.end)), self.home_en]
        ways = []
        for start, end in zip(stops[::2], stops[1::2], strict=True):
            way = self.router.route(start, end)
            if not way:
                raise CannotPlan(
                    problem="there is no way round the holes to a part of the area", remedy="Reduce the clearance"
                )
            ways.append(way)
        return ways

    def _mission(self, name: str, runs: list[Run]) -> Mission:
        ways = self._legs(runs)
        items: list[Item] = [
            TakeOff(alt_home_m=self.altitude_m),
            SetSpeed(speed_m_s=self.speed_m_s),
            PointCamera(pitch_deg=-90.0),
            *self._waypoints(ways[0][1:-1]),
        ]
        for run, way in zip(runs, ways[1:], strict=True):
            items += self._waypoints([run.start])
            items.append(PhotosByDistance(distance_m=run.trigger_m))
            items += self._waypoints([run.end])
            items.append(PhotosOff())
            items += self._waypoints(way[1:-1])
        items.append(ReturnHome())
        return Mission(name=name, home=self.home, items=tuple(items), limits=self.limits)

    def _waypoints(self, points: Sequence[Point]) -> list[Waypoint]:
        if not points:
            return []
        lonlat = self.frame.lonlat_from_en(np.array(points))
        return [Waypoint(lon=float(lon), lat=float(lat), alt_m=self.altitude_m) for lon, lat in lonlat]
