"""From an area, a camera and overlaps to missions that show every spot of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon

from flightplan.coverage.asked import Drone, Shooting
from flightplan.coverage.contours import contour_angle_deg
from flightplan.coverage.footprints import CoverageShare, share
from flightplan.coverage.mending import mended, unseen_places
from flightplan.coverage.parts import in_order
from flightplan.coverage.pattern_search import MAPPED_SHARE, Run, Task, find_survey, run_between
from flightplan.coverage.seen import GroundGrid, View
from flightplan.coverage.site import HOLE_CLEARANCE_M, Departure, Site, site_of
from flightplan.errors import CannotPlan
from flightplan.ground.area import PatrolArea
from flightplan.ground.terrain import Terrain
from flightplan.mission.kinematics import Kinematics
from flightplan.mission.limits import FlightLimits
from flightplan.mission.mission import Mission, MissionFigures
from flightplan.mission.shots import STRAIGHT_DOWN_DEG, shots_of
from geo.camera import Camera

# Rows are laid closer, in these steps, until what was asked for is seen on the real ground.
_CLOSER = (1.0, 0.94, 0.88, 0.82, 0.75, 0.68, 0.6)
_SAME_DIRECTION_DEG = 5.0
# Where only so little is missing, a few rows over it cost less than rows closer everywhere.
_LEAST_TO_MEND = 0.97
_MENDED_TIMES = 2


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
        left_out_m2: What of the area lies in no-fly areas, or is shut in by them, and is not counted.
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
class Pattern:
    """Runs over a whole site, in flying order, and how they lie.

    Attributes:
        runs: In flying order.
        angle_deg: Direction of the rows, counter-clockwise from east.
        row_spacing_m: Greatest distance between rows.
        speed_m_s: Ground speed on rows.
        task: How photos are taken, of the first part where there are several; None where no row may be added.
        coverage: Where it was measured already.
    """

    runs: Sequence[Run]
    angle_deg: float
    row_spacing_m: float
    speed_m_s: float
    task: Task | None = None
    coverage: CoverageShare | None = None


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
    no_fly: Sequence[Polygon | MultiPolygon] = (),
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
        camera: As `Shooting`, and so are the next three.
        altitude_agl_m: Height above the ground; without terrain, above home's.
        frontlap: Least overlap of one photo and the next.
        sidelap: Least overlap of neighbouring rows.
        home_lonlat: As `Departure`.
        home_alt_msl_m: Ground height there above mean sea level, where no terrain tells it.
        speed_m_s: As `Drone`.
        endurance_s: As `Drone`.
        hole_clearance_m: Distance kept from holes and no-fly areas.
        no_fly: Places (degrees) that no leg may lead over; what of the area lies in them is left out.
        terrain: The ground; heights then follow it.
        band_m: As `Shooting`, and so are the next two.
        pitch_deg: Of the camera.
        cross_hatch: Fly the area twice.
        limits: What each mission is held to.
        kinematics: The drone's limits of motion, and the wind.

    Raises:
        CannotPlan: A setting is out of range, home is in a hole or too far off, a battery is too small, the ground is
            not known or too steep, or the wind too strong.
        InvalidMission: The settings break a limit, such as the greatest height.
    """
    departure = Departure(
        home_lonlat=home_lonlat,
        home_alt_msl_m=home_alt_msl_m,
        no_fly=no_fly,
        clearance_m=hole_clearance_m,
        terrain=terrain,
    )
    shooting = Shooting(
        camera=camera,
        altitude_agl_m=altitude_agl_m,
        frontlap=frontlap,
        sidelap=sidelap,
        pitch_deg=pitch_deg,
        cross_hatch=cross_hatch,
        band_m=band_m,
    )
    drone = Drone(
        speed_m_s=speed_m_s,
        endurance_s=endurance_s,
        limits=limits or FlightLimits(),
        kinematics=kinematics or Kinematics(),
    )
    return plan_area(area, shooting, drone, departure)


def plan_area(area: PatrolArea, shooting: Shooting, drone: Drone, departure: Departure) -> CoveragePlan:
    """As `plan_coverage`, everything asked for in one value each.

    Raises:
        CannotPlan: As `plan_coverage`.
        InvalidMission: As `plan_coverage`.
    """
    site = site_of(area.polygon, departure, drone.limits)

    if site.terrain is None:
        return flown(area, site, shooting, drone, _rows(site, shooting, drone, 1.0))

    def over_hills(angle_deg: float | None) -> CoveragePlan:
        return closest_needed(
            area, site, shooting, drone, lambda closer: _rows(site, shooting, drone, closer, angle_deg)
        )

    # The direction that is quickest on level ground, and the one that climbs least.
    plan, contour_deg = over_hills(None), contour_angle_deg(site)
    if contour_deg is None or abs((contour_deg - plan.angle_deg + 90) % 180 - 90) < _SAME_DIRECTION_DEG:
        return plan
    return min(
        (plan, over_hills(contour_deg)),
        key=lambda one: (-one.coverage.seen_once, sum(figures.duration_s for figures in one.figures)),
    )


def closest_needed(
    area: PatrolArea, site: Site, shooting: Shooting, drone: Drone, pattern: Callable[[float], Pattern]
) -> CoveragePlan:
    """The loosest of a pattern's versions that shows what was asked for; the one that shows most where none does.

    Args:
        area: Told in the plan.
        site: Flown over.
        shooting: How.
        drone: With what.
        pattern: Makes a version for pictures that are taken to be so many times as large as on level ground.
    """
    plans = []
    for closer in _CLOSER:
        laid = pattern(closer)
        plan = flown(area, site, shooting, drone, laid)
        for _ in range(_MENDED_TIMES):
            if laid.task is None or not _LEAST_TO_MEND <= plan.coverage.seen_once < 1.0:
                break
            places = unseen_places(*_counted(site, shooting, plan.missions))
            laid = replace(laid, runs=mended(laid.runs, places, laid.task, drone.kinematics))
            plan = flown(area, site, shooting, drone, laid)
        mapped = not shooting.maps or plan.coverage.seen_five_times >= MAPPED_SHARE
        if plan.coverage.seen_once == 1.0 and mapped:
            return plan
        plans.append(plan)
    return max(plans, key=lambda one: (one.coverage.seen_once, one.coverage.seen_five_times))


def flown(area: PatrolArea, site: Site, shooting: Shooting, drone: Drone, pattern: Pattern) -> CoveragePlan:
    """The pattern as missions that fit the battery, with what they show."""
    builder = drone.builder(site, shooting, pattern.speed_m_s)
    missions = builder.missions(area.name, builder.sorties(pattern.runs, drone.endurance_s))
    photos = site.frame.lonlat_from_en(shots_of(missions, site.frame).en_m)
    return CoveragePlan(
        area=area,
        missions=missions,
        figures=tuple(mission.figures(drone.kinematics) for mission in missions),
        coverage=pattern.coverage or measured(site, shooting, missions),
        photos_lonlat=tuple((lon, lat) for lon, lat in photos.tolist()),
        angle_deg=pattern.angle_deg,
        row_spacing_m=pattern.row_spacing_m,
        speed_m_s=pattern.speed_m_s,
        left_out_m2=site.left_out_m2,
    )


def measured(site: Site, shooting: Shooting, missions: Sequence[Mission]) -> CoverageShare:
    """What the missions' own photos show of the ground as it is: part by part, weighed by their size."""
    weights = [part.area for part in site.parts()]
    found = [share(counts) for counts in _counted(site, shooting, missions)[1]]
    once = np.average([one.seen_once for one in found], weights=weights)
    five_times = np.average([one.seen_five_times for one in found], weights=weights)
    # Averages of ones may fall short of one by rounding.
    return CoverageShare(seen_once=round(float(once), 9), seen_five_times=round(float(five_times), 9))


def _counted(
    site: Site, shooting: Shooting, missions: Sequence[Mission]
) -> tuple[list[GroundGrid], list[NDArray[np.int32]]]:
    """Samples of every part, and how many photos show each.

    Raises:
        CannotPlan: The elevation model has no height for one.
    """
    shots, view = shots_of(missions, site.frame), View.of(shooting.camera)
    grids = [GroundGrid(part, site.frame, site.terrain, site.home.alt_msl_m) for part in site.parts()]
    for grid in grids:
        unknown = grid.unknown_en_m()
        if len(unknown):
            lon, lat = site.frame.lonlat_from_en(unknown[:1])[0]
            raise CannotPlan(
                problem=f"the elevation model has no ground at longitude {lon:.6f}, latitude {lat:.6f}",
                remedy="Give one that covers the area, home and the way between them",
            )
    return grids, [grid.counts(shots, view) for grid in grids]


def _rows(site: Site, shooting: Shooting, drone: Drone, closer: float, angle_deg: float | None = None) -> Pattern:
    """Rows over every part of the site, for pictures `closer` times as large as on level ground; in that direction."""
    footprint, least_s = shooting.footprint, drone.limits.min_photo_interval_s
    along_m, across_m = footprint.along_m * closer, footprint.across_m * closer
    trigger_m, spacing_m = along_m * (1 - shooting.frontlap), across_m * (1 - shooting.sidelap)
    speed = drone.row_speed_m_s(site, shooting, min(trigger_m, along_m / 4))
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
            angles_deg=None if angle_deg is None else (angle_deg,),
        )
        for part in site.parts()
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
    is_plain = site.terrain is None and not footprint.ahead_m and len(surveys) == 1
    return Pattern(
        runs=runs,
        task=None if footprint.ahead_m else tasks[0],
        angle_deg=surveys[0].angle_deg,
        row_spacing_m=spacing_m,
        speed_m_s=speed,
        coverage=surveys[0].coverage if is_plain else None,
    )


def _held_back(runs: Sequence[Run], ahead_m: float, site: Site, closest_m: float) -> list[Run]:
    """Straight runs flown from farther back, because the camera looks ahead; cut off where an obstacle begins."""
    found = []
    for run in runs:
        start, end = np.array(run.start), np.array(run.end)
        back = ahead_m * (end - start) / max(run.length_m, 1e-9)
        free = shapely.difference(shapely.linestrings([start - back, end - back]), site.blocked_en)
        pieces = [piece for piece in shapely.get_parts(free) if piece.length > 0]
        if pieces:
            first, last = shapely.get_coordinates(max(pieces, key=lambda piece: piece.length))[[0, -1]]
            found.append(run_between(first, last, run.trigger_m, closest_m))
    return found
