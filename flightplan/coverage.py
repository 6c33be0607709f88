"""From an area, a camera and overlaps to missions that show every spot of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely

from flightplan.area import PatrolArea
from flightplan.errors import CannotPlan
from flightplan.footprints import CoverageShare, share
from flightplan.heights import GroundFollower, HeightBand
from flightplan.kinematics import Kinematics
from flightplan.limits import FlightLimits
from flightplan.mission import Mission, MissionFigures
from flightplan.parts import in_order
from flightplan.pattern_search import MAPPED_SHARE, PHOTOS_PER_SPOT, Run, Task, find_survey, run_between
from flightplan.seen import Footprint, GroundGrid, View
from flightplan.shots import STRAIGHT_DOWN_DEG, shots_of
from flightplan.site import HOLE_CLEARANCE_M, Departure, Site, site_of
from flightplan.sorties import MissionBuilder
from flightplan.terrain import Terrain
from geo.camera import Camera

__all__ = ["HOLE_CLEARANCE_M", "CoveragePlan", "camera_speed", "check_overlaps", "plan_coverage"]

# Over hills rows are laid closer, in these steps, until what was asked for is seen on the real ground.
_CLOSER = (1.0, 0.94, 0.88, 0.82, 0.75, 0.68, 0.6)


@dataclass(frozen=True, kw_only=True)
class CoveragePlan:
    """Missions over one area, and what they will show of it.

    Attributes:
        area: The area planned for.
        missions: One per battery, in flying order; each begins and ends at home.
        figures: Length, duration, turns and photos of each mission.
        coverage: Share of the ground to be shown (0 to 1) that at least one photo shows, and at least five.
        photos_lonlat: Where photos are due, degrees (longitude, latitude), in flying order.
        angle_deg: Direction of the rows, counter-clockwise from east; of the largest part where there are several.
        row_spacing_m: Greatest distance between rows.
        speed_m_s: Ground speed on rows; lower than asked where the camera would not keep up.
        left_out_m2: What of the area lies in no-fly areas and is not counted.
    """

    area: PatrolArea
    missions: tuple[Mission, ...]
    figures: tuple[MissionFigures, ...]
    coverage: CoverageShare
    photos_lonlat: tuple[tuple[float, float], ...]
    angle_deg: float
    row_spacing_m: float
    speed_m_s: float
    left_out_m2: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Shooting:
    """How photos are taken.

    Attributes:
        camera: Mounted with the width of its pictures across the rows.
        altitude_agl_m: Height above the ground, metres.
        frontlap: Least overlap of one photo and the next, 0 to below 1.
        sidelap: Least overlap of neighbouring rows, 0 to below 1.
        pitch_deg: Of the camera, -90 straight down.
        cross_hatch: Fly the area a second time, in rows across the first ones.
    """

    camera: Camera
    altitude_agl_m: float
    frontlap: float = 0.7
    sidelap: float = 0.6
    pitch_deg: float = STRAIGHT_DOWN_DEG
    cross_hatch: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.altitude_agl_m) and self.altitude_agl_m > 0):
            raise CannotPlan(
                problem=f"altitude {self.altitude_agl_m:g} is out of range", remedy="Give a finite number above 0"
            )
        check_overlaps(self.frontlap, self.sidelap)

    @property
    def footprint(self) -> Footprint:
        """What one photo shows of level ground."""
        return Footprint.of(self.camera, self.altitude_agl_m, self.pitch_deg)


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
    no_fly: Sequence[PatrolArea] = (),
    terrain: Terrain | None = None,
    band_m: float | None = None,
    pitch_deg: float = STRAIGHT_DOWN_DEG,
    cross_hatch: bool = False,
    limits: FlightLimits | None = None,
    kinematics: Kinematics | None = None,
) -> CoveragePlan:
    """Lawn-mower rows over the whole area, in the direction that is flown fastest.

    Legs never enter a hole of the area, nor a no-fly area. An area that takes longer than one battery becomes several
    missions.

    Args:
        area: Where; holes are left out by `hole_clearance_m`.
        camera: Mounted with the width of its pictures across the rows.
        altitude_agl_m: Height above the ground; without terrain, above home's.
        frontlap: Least overlap of one photo and the next, 0 to below 1.
        sidelap: Least overlap of neighbouring rows, 0 to below 1.
        home_lonlat: Take-off and landing place, degrees (longitude, latitude).
        home_alt_msl_m: Ground height there above mean sea level, where no terrain tells it.
        speed_m_s: Ground speed wished for; reduced where photos would follow too fast.
        endurance_s: Longest flight on one battery, reserve already taken off.
        hole_clearance_m: Distance kept from holes and no-fly areas.
        no_fly: Places that no leg may lead over; what of the area lies in them is left out.
        terrain: The ground; heights then follow it.
        band_m: How far over and under `altitude_agl_m` the height above the ground may be, with terrain; a tenth of it
            if None. The greatest height that the limits allow is never passed.
        pitch_deg: Of the camera; -90 straight down, -30 at the flattest.
        cross_hatch: Fly the area a second time, in rows across the first ones.
        limits: What each mission is held to.
        kinematics: The drone's limits of motion, and the wind.

    Raises:
        CannotPlan: A setting is out of range, home is in a hole or too far off, a battery is too small, the ground is
            not known or too steep, or the wind too strong.
        InvalidMission: The settings break a limit, such as the greatest height.
    """
    shooting = Shooting(
        camera=camera,
        altitude_agl_m=altitude_agl_m,
        frontlap=frontlap,
        sidelap=sidelap,
        pitch_deg=pitch_deg,
        cross_hatch=cross_hatch,
    )
    limits, kinematics = limits or FlightLimits(), kinematics or Kinematics()
    check_flying(speed_m_s, endurance_s, kinematics)
    departure = Departure(
        home_lonlat=home_lonlat,
        home_alt_msl_m=home_alt_msl_m,
        no_fly=no_fly,
        clearance_m=hole_clearance_m,
        terrain=terrain,
    )
    site = site_of(area.polygon, departure, limits)
    drone = Drone(speed_m_s=speed_m_s, endurance_s=endurance_s, limits=limits, kinematics=kinematics)
    if terrain is None:
        return _plan(area, site, shooting, drone, closer=1.0, band_m=None)
    best: CoveragePlan | None = None
    for closer in _CLOSER:
        plan = _plan(area, site, shooting, drone, closer=closer, band_m=band_m)
        if _is_enough(plan, shooting):
            return plan
        if best is None or plan.coverage.seen_once > best.coverage.seen_once:
            best = plan
    assert best is not None
    return best


@dataclass(frozen=True, kw_only=True)
class Drone:
    """What flies: ground speed wished for, seconds on one battery, limits of its missions and of its motion."""

    speed_m_s: float
    endurance_s: float
    limits: FlightLimits
    kinematics: Kinematics

    def builder(self, site: Site, shooting: Shooting, speed_m_s: float, band_m: float | None) -> MissionBuilder:
        """What makes missions of runs over that site."""
        return MissionBuilder(
            frame=site.frame,
            router=site.router,
            home=site.home,
            home_en=site.home_en,
            altitude_m=shooting.altitude_agl_m,
            speed_m_s=speed_m_s,
            limits=replace(self.limits, max_duration_s=max(self.limits.max_duration_s, self.endurance_s)),
            kinematics=self.kinematics,
            pitch_deg=shooting.pitch_deg,
            follower=self._follower(site, shooting.altitude_agl_m, band_m),
        )

    def _follower(self, site: Site, altitude_m: float, band_m: float | None) -> GroundFollower | None:
        if site.terrain is None:
            return None
        half_m = altitude_m / 10 if band_m is None else band_m
        if not (math.isfinite(half_m) and half_m > 0):
            raise CannotPlan(problem=f"a height band of {half_m:g} m is out of range", remedy="Give metres above 0")
        most_m, least_m = self.limits.max_height_agl_m, self.limits.min_height_agl_m
        if altitude_m > most_m:
            raise CannotPlan(
                problem=f"{altitude_m:g} m above ground exceeds {most_m:g} m",
                remedy="Fly lower, or get an approval and raise the limit",
            )
        band = HeightBand(
            low_m=max(altitude_m - half_m, least_m), wanted_m=altitude_m, high_m=min(altitude_m + half_m, most_m)
        )
        return GroundFollower(
            terrain=site.terrain,
            frame=site.frame,
            home_alt_msl_m=site.home.alt_msl_m,
            band=band,
            kinematics=self.kinematics,
        )


def _is_enough(plan: CoveragePlan, shooting: Shooting) -> bool:
    photos = math.floor(1 / (1 - shooting.sidelap)) * math.floor(1 / (1 - shooting.frontlap))
    maps = photos >= PHOTOS_PER_SPOT
    return plan.coverage.seen_once == 1.0 and (not maps or plan.coverage.seen_five_times >= MAPPED_SHARE)


def _plan(
    area: PatrolArea, site: Site, shooting: Shooting, drone: Drone, *, closer: float, band_m: float | None
) -> CoveragePlan:
    """One plan; its pictures are taken to be `closer` times as large as on level ground."""
    footprint = shooting.footprint
    along_m, across_m = footprint.along_m * closer, footprint.across_m * closer
    trigger_m, spacing_m = along_m * (1 - shooting.frontlap), across_m * (1 - shooting.sidelap)
    least_s = drone.limits.min_photo_interval_s
    speed = camera_speed(drone.speed_m_s, min(trigger_m, along_m / 4), least_s)
    parts = site.parts()
    tasks = [
        Task(
            area_en=part,
            blocked_en=site.blocked_en,
            along_m=along_m,
            across_m=across_m,
            trigger_m=trigger_m,
            spacing_m=spacing_m,
            # A little more than needed, because lengths are rounded on the way to the vehicle.
            closest_m=speed * least_s + 0.1,
            speed_m_s=speed,
            home_en=site.home_en,
        )
        for part in parts
    ]
    surveys = [find_survey(task, drone.kinematics) for task in tasks]
    if shooting.cross_hatch:
        surveys += [
            find_survey(replace(task, angles_deg=((survey.angle_deg + 90) % 180,)), drone.kinematics)
            for task, survey in zip(tasks, surveys, strict=True)
        ]
    runs = in_order([survey.runs for survey in surveys], site.home_en) if len(surveys) > 1 else list(surveys[0].runs)
    if footprint.ahead_m:
        runs = _held_back(runs, footprint.ahead_m, site, tasks[0].closest_m)
    builder = drone.builder(site, shooting, speed, band_m)
    missions = builder.missions(area.name, builder.sorties(runs, drone.endurance_s))
    shots = shots_of(missions, site.frame)
    is_plain = site.terrain is None and shooting.pitch_deg == STRAIGHT_DOWN_DEG and len(surveys) == 1
    coverage = surveys[0].coverage if is_plain else measured(site, shooting, missions)
    return CoveragePlan(
        area=area,
        missions=missions,
        figures=tuple(mission.figures(drone.kinematics) for mission in missions),
        coverage=coverage,
        photos_lonlat=tuple((lon, lat) for lon, lat in site.frame.lonlat_from_en(shots.en_m).tolist()),
        angle_deg=surveys[0].angle_deg,
        row_spacing_m=spacing_m,
        speed_m_s=speed,
        left_out_m2=site.left_out_m2,
    )


def measured(site: Site, shooting: Shooting, missions: Sequence[Mission]) -> CoverageShare:
    """What the missions' own photos show of the ground as it is: part by part, weighed by their size."""
    shots, view = shots_of(missions, site.frame), View.of(shooting.camera)
    once = five_times = total = 0.0
    for part in site.parts():
        grid = GroundGrid(part, site.frame, site.terrain, site.home.alt_msl_m)
        unknown = grid.unknown_en_m()
        if len(unknown):
            lon, lat = site.frame.lonlat_from_en(unknown[:1])[0]
            raise CannotPlan(
                problem=f"the elevation model has no ground at longitude {lon:.6f}, latitude {lat:.6f}",
                remedy="Give one that covers the area, home and the way between them",
            )
        found = share(grid.counts(shots, view))
        once, five_times = once + part.area * found.seen_once, five_times + part.area * found.seen_five_times
        total += part.area
    return CoverageShare(seen_once=min(once / total, 1.0), seen_five_times=min(five_times / total, 1.0))


def _held_back(runs: Sequence[Run], ahead_m: float, site: Site, closest_m: float) -> list[Run]:
    """Runs flown from farther back, because the camera looks ahead; cut off where an obstacle begins."""
    found = []
    for run in runs:
        start, end = np.array(run.start), np.array(run.end)
        length_m = run.length_m
        if length_m <= 0:
            found.append(run)
            continue
        back = ahead_m * (end - start) / length_m
        free = shapely.difference(shapely.linestrings([start - back, end - back]), site.blocked_en)
        pieces = [piece for piece in shapely.get_parts(free) if piece.length > 0]
        if pieces:
            first, last = shapely.get_coordinates(max(pieces, key=lambda piece: piece.length))[[0, -1]]
            found.append(run_between(first, last, run.trigger_m, closest_m))
    return found


def check_flying(speed_m_s: float, endurance_s: float, kinematics: Kinematics) -> None:
    """Refuse a speed, an endurance or a wind that no flight can have.

    Raises:
        CannotPlan: A figure is out of range, or the wind is stronger than the drone can fly in.
    """
    for name, value in (("speed", speed_m_s), ("endurance", endurance_s)):
        if not (math.isfinite(value) and value > 0):
            raise CannotPlan(problem=f"{name} {value:g} is out of range", remedy="Give a finite number above 0")
    wind = kinematics.wind
    if wind is not None and wind.speed_m_s > kinematics.max_wind_m_s:
        raise CannotPlan(
            problem=f"a wind of {wind.speed_m_s:g} m/s is more than the drone may fly in "
            f"({kinematics.max_wind_m_s:g} m/s)",
            remedy="Wait for less wind",
        )


def check_overlaps(frontlap: float, sidelap: float) -> None:
    """Refuse overlaps that no flight can keep.

    Raises:
        CannotPlan: One is not a share from 0 to 0.95.
    """
    for name, value in (("frontlap", frontlap), ("sidelap", sidelap)):
        if not 0 <= value <= 0.95:
            raise CannotPlan(problem=f"{name} {value:g} is out of range", remedy="Give a share between 0 and 0.95")


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
