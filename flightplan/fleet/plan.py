"""From areas and a fleet to flights of every drone, and a time to hold them against."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from flightplan.coverage.asked import Shooting, camera_speed, check_overlaps
from flightplan.coverage.heights import GroundFollower, HeightBand
from flightplan.coverage.routing import Router, obstacles
from flightplan.coverage.rows import turned
from flightplan.errors import CannotPlan
from flightplan.fleet.hills import Climber, over_hills
from flightplan.fleet.improving import Assignment, improve
from flightplan.fleet.model import Dock, Fleet
from flightplan.fleet.sharing import share_out
from flightplan.fleet.strips import Strips, lay_strips
from flightplan.fleet.tours import Tour, Ways
from flightplan.fleet.work import Station, Work, stations_of, work_of
from flightplan.ground.terrain import Terrain
from flightplan.mission.limits import FlightLimits
from flightplan.projection import LocalFrame
from geo.camera import Camera, camera_by_name

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

# So many blocks, or so many for each drone: few enough for the programme, small enough to share out evenly.
_LEAST_BLOCKS, _BLOCKS_PER_STATION = 2_000, 30
# What is moved to even out is so much smaller than what is shared out.
_FINER = 6
# The first sharing knows no tours yet; more than these teach little.
_SHARINGS = 3
_LEAST = {"altitude_m": 2.0, "cell_m": 50.0, "min_photo_interval_s": 0.01, "clearance_m": 0.0}


@dataclass(frozen=True, kw_only=True)
class Survey:
    """How the ground is to be flown over.

    Attributes:
        altitude_m: Above the docks' ground; with terrain, above the ground straight below.
        frontlap: Least overlap of one photo and the next, 0 to below 1.
        sidelap: Least overlap of neighbouring rows.
        cell_m: Rows are shared out in cells of about this length; flights begin and end between them.
        angle_deg: Direction of the rows, counter-clockwise from east; None for the one that is flown fastest.
        clearance_m: Distance kept from where nobody may fly.
        min_photo_interval_s: Shortest time between photos that the cameras manage.
        terrain: The ground; missions then follow it, and rows lie as close as the lowest flight needs.
        limits: What missions are held to besides what the drones say: what vehicles store.
        band_m: With terrain, how far over and under `altitude_m` flights may be; a tenth of it if None.
    """

    altitude_m: float = 120.0
    frontlap: float = 0.7
    sidelap: float = 0.2
    cell_m: float = 1_000.0
    angle_deg: float | None = None
    clearance_m: float = 3.0
    min_photo_interval_s: float = 1.0
    terrain: Terrain | None = None
    band_m: float | None = None
    limits: FlightLimits = field(default_factory=FlightLimits)

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= least):
                raise CannotPlan(
                    problem=f"{name} is out of range", remedy=f"Give a finite number of at least {least:g}"
                )
        most_m = self.limits.max_height_agl_m
        if self.altitude_m > most_m:
            raise CannotPlan(
                problem=f"{self.altitude_m:g} m above ground exceeds {most_m:g} m",
                remedy="Fly lower, or get an approval",
            )
        if self.angle_deg is not None and not math.isfinite(self.angle_deg):
            raise CannotPlan(problem="angle_deg is out of range", remedy="Give a finite number")
        check_overlaps(self.frontlap, self.sidelap)

    def band(self, camera: Camera) -> HeightBand:
        """Where to fly above the ground, with terrain.

        Raises:
            CannotPlan: The band is none.
        """
        return Shooting(camera=camera, altitude_agl_m=self.altitude_m, band_m=self.band_m).band(FlightLimits())

    def picture_m(self, camera: Camera) -> tuple[float, float]:
        """What a picture is sure to show, across and along the row: over hills, from the lowest height."""
        return camera.footprint_wh_m(self.altitude_m if self.terrain is None else self.band(camera).low_m)


@dataclass(frozen=True, kw_only=True, eq=False)
class FleetPlan:
    """Who flies what.

    Attributes:
        frame: Metres east and north of the city.
        strips: Rows within reach in a straight line; where no way round obstacles is short enough, in no tour.
        stations: Every drone of every dock.
        tours: The flights of each, aligned with `stations`.
        survey: How the ground is flown over.
        blocked_en: Where nobody may fly, metres east and north.
        router: Ways round it, in the frame of the rows.
        trigger_m: Greatest distance between photos along a row, of each station.
        least_s: A time that no sharing of these rows beats at the costs of `flightplan.fleet.work`, without nights.
        area_m2: Ground to be shown.
        unreached_m2: Ground that no drone reaches, about.
    """

    frame: LocalFrame
    strips: Strips
    stations: tuple[Station, ...]
    tours: tuple[Tour, ...]
    survey: Survey
    blocked_en: BaseGeometry
    router: Router
    trigger_m: tuple[float, ...]
    least_s: float
    area_m2: float
    unreached_m2: float

    @property
    def seconds(self) -> float:
        """From the first take-off to the last landing, were the days without nights."""
        return max((tour.seconds for tour in self.tours), default=0.0)

    @property
    def flights(self) -> int:
        """How many flights there are."""
        return sum(len(tour.flights) for tour in self.tours)

    def time_of(self, number: int) -> dict[str, float]:
        """What the time of one drone goes into, seconds; over rows, hills included."""
        station, tour = self.stations[number], self.tours[number]
        cells = [cell for flight in tour.flights for cell in flight.cells]
        over_rows_s = float(self.strips.level_m[cells].sum()) / station.speed_m_s
        in_air_s = sum(flight.seconds for flight in tour.flights)
        climbing_s = station.vertical_s * len(tour.flights)
        return {
            "over_rows": over_rows_s,
            "on_the_way_and_turning": in_air_s - over_rows_s - climbing_s,
            "climbing_and_landing": climbing_s,
            "charging": tour.seconds - in_air_s,
        }


Told = Callable[[str, int, int], None]
"""Called with what is being done, and how much of how much of it is."""


def plan_fleet(
    areas: Sequence[Polygon],
    fleet: Fleet,
    survey: Survey | None = None,
    *,
    no_fly: Sequence[Polygon] = (),
    told: Told = lambda word, done, total: None,
) -> FleetPlan:
    """Share areas out among the drones of a fleet, and cut each drone's part into flights.

    Args:
        areas: Degrees, longitude before latitude; holes are not flown over.
        fleet: Docks and drones.
        survey: Heights and overlaps.
        no_fly: More places that nobody may fly over, degrees.
        told: Told what is going on.

    Raises:
        CannotPlan: Nothing is left to fly over, no drone reaches any of it, or a dock stands where nobody may fly.
    """
    survey = survey or Survey()
    if not areas:
        raise CannotPlan(problem="there is no area to fly over", remedy="Give at least one")
    frame = _frame(areas)
    areas_en = [frame.local_polygon(area) for area in areas]
    blocked = _blocked(areas_en, [frame.local_polygon(place) for place in no_fly], survey.clearance_m)
    docks_en = frame.en_from_lonlat(np.array([(dock.lon, dock.lat) for dock in fleet.docks]))
    _check_docks(fleet.docks, docks_en, blocked)
    told("rows", 0, 1)
    spacing_m = _row_spacing_m(fleet, survey)
    strips = _laid(areas_en, blocked, spacing_m, survey)
    if not len(strips):
        raise CannotPlan(problem="nothing is left to fly over", remedy="Check the areas and where nobody may fly")
    speeds = [
        camera_speed(
            dock.drone.speed_m_s, _trigger_m(dock, survey), survey.min_photo_interval_s, whose=f"dock {dock.name}: "
        )
        for dock in fleet.docks
    ]
    stations = stations_of(
        fleet.docks,
        docks_en,
        angle_deg=strips.angle_deg,
        speeds_m_s=speeds,
        height_m=survey.altitude_m,
    )
    for station in stations:
        if station.usable_s <= station.vertical_s:
            raise CannotPlan(
                problem=f"dock {station.dock.name}: drone {station.dock.drone.name} may fly {station.usable_s:.0f} s, "
                f"less than climbing to {survey.altitude_m:g} m and landing take",
                remedy="Give it more endurance or a smaller reserve",
            )
    work = work_of(strips, stations)
    if not work.reachable.any():
        raise CannotPlan(
            problem="no dock reaches any of the area",
            remedy="Check that longitude comes before latitude in the fleet, or add docks nearer to it",
        )
    router = Router(shapely.transform(blocked, lambda points: turned(points, strips.angle_deg)))
    flown, work = _flown(strips, work, frame, stations, survey, told)
    assignment, least_s = _shared(flown, work, stations, Ways(router), told)
    return FleetPlan(
        frame=frame,
        strips=flown,
        stations=tuple(stations),
        tours=tuple(assignment.tours),
        survey=survey,
        blocked_en=blocked,
        router=router,
        trigger_m=tuple(_trigger_m(station.dock, survey) for station in stations),
        least_s=least_s,
        area_m2=float(shapely.union_all(areas_en).difference(blocked).area),
        unreached_m2=float(strips.length_m.sum() - flown.length_m[assignment.station_of_row >= 0].sum()) * spacing_m,
    )


def recut(plan: FleetPlan, slow: Floats, told: Told = lambda word, done, total: None) -> FleetPlan:
    """The same rows shared out as before, cut into flights and evened out again with what their cells now take.

    Args:
        plan: Made before.
        slow: (n,) how many times as long each of its cells takes as over level ground.
        told: Told what is going on.

    Raises:
        CannotPlan: A drone cannot fly its share any more.
    """
    owner = np.full(len(plan.strips), -1)
    for number, tour in enumerate(plan.tours):
        owner[[cell for flight in tour.flights for cell in flight.cells]] = number
    had = np.flatnonzero(owner >= 0)
    strips, stations = replace(plan.strips, slow=slow).where(had), plan.stations
    rows_each = _rows_each(strips, stations)
    again = Assignment(
        strips=strips,
        work=work_of(strips, stations),
        stations=stations,
        ways=Ways(plan.router),
        block_of_row=strips.blocks(math.ceil(rows_each / _FINER)),
        station_of_row=owner[had],
    )
    again.plan()
    told("evening out", 0, 1)
    improve(again)
    left_m = float(strips.length_m[again.station_of_row < 0].sum())
    return replace(
        plan,
        strips=strips,
        tours=tuple(again.tours),
        unreached_m2=plan.unreached_m2 + left_m * strips.spacing_m,
    )


def _flown(
    strips: Strips, work: Work, frame: LocalFrame, stations: Sequence[Station], survey: Survey, told: Told
) -> tuple[Strips, Work]:
    """The rows that somebody reaches and what they cost, hills included."""
    flown = strips.where(work.reachable)
    if survey.terrain is None:
        return flown, work.where(work.reachable)
    climbers = {}
    for station in stations:
        drone = station.dock.drone
        follower = GroundFollower(
            terrain=survey.terrain,
            frame=frame,
            home_alt_msl_m=0.0,
            band=survey.band(camera_by_name(drone.camera)),
            kinematics=drone.kinematics,
        )
        climbers[drone.name, station.speed_m_s] = Climber(follower=follower, speed_m_s=station.speed_m_s)
    flown = over_hills(flown, list(climbers.values()), lambda done, total: told("hills", done, total))
    work = work_of(flown, stations)
    return flown.where(work.reachable), work.where(work.reachable)


def _rows_each(strips: Strips, stations: Sequence[Station]) -> int:
    """How many rows make a block."""
    return math.ceil(len(strips) / max(_LEAST_BLOCKS, _BLOCKS_PER_STATION * len(stations)))


def _shared(
    strips: Strips, work: Work, stations: Sequence[Station], ways: Ways, told: Told
) -> tuple[Assignment, float]:
    """The best of a few sharings, each with what the one before taught of every drone's time, then evened out."""
    rows_each = _rows_each(strips, stations)
    block_of_row, finer = strips.blocks(rows_each), strips.blocks(math.ceil(rows_each / _FINER))
    after_s = np.array([station.turnaround_s for station in stations])
    dearness, least_s = np.ones(len(stations)), 0.0
    best: Assignment | None = None
    for number in range(_SHARINGS):
        told("sharing out", number, _SHARINGS)
        shares = share_out(work, block_of_row, stations, dearness)
        least_s = max(least_s, shares.least_s)
        found = Assignment(
            strips=strips,
            work=work,
            stations=stations,
            ways=ways,
            block_of_row=finer,
            station_of_row=shares.station_of_block[block_of_row],
        )
        found.plan()
        if best is None or found.seconds.max() < best.seconds.max():
            best = found
        cycles_s = found.seconds + after_s
        dearness = dearness * cycles_s / cycles_s.mean()
    assert best is not None
    told("evening out", 0, 1)
    improve(best)
    return best, least_s


def _frame(areas: Sequence[Polygon]) -> LocalFrame:
    west, south, east, north = shapely.total_bounds(np.array(areas, dtype=object))
    return LocalFrame(lon=float(west + east) / 2, lat=float(south + north) / 2)


def _blocked(areas_en: Sequence[Polygon], no_fly_en: Sequence[Polygon], clearance_m: float) -> BaseGeometry:
    """Holes that no other area fills, and no-fly places, with the distance kept from them."""
    whole = shapely.union_all(areas_en)
    holes = [Polygon(ring) for part in shapely.get_parts(whole) for ring in part.interiors]
    # An island in a hole is an area of its own.
    return obstacles([*(shapely.difference(hole, whole) for hole in holes), *no_fly_en], clearance_m)


def _check_docks(docks: Sequence[Dock], docks_en: Floats, blocked: BaseGeometry) -> None:
    inside = np.atleast_1d(shapely.contains_xy(blocked, docks_en))
    if inside.any():
        dock = docks[int(inside.argmax())]
        raise CannotPlan(problem=f"dock {dock.name} stands where nobody may fly", remedy="Move it, or leave it out")


def _laid(areas_en: Sequence[Polygon], blocked: BaseGeometry, spacing_m: float, survey: Survey) -> Strips:
    """Rows in the asked direction, or in the one with the least to fly, each turn counted as some way."""
    whole = shapely.union_all(areas_en)
    box = np.diff(shapely.get_coordinates(shapely.oriented_envelope(whole)), axis=0)[:2]
    along = [round(math.degrees(math.atan2(north, east)) % 180, 1) for east, north in box.tolist()]
    angles = sorted({0.0, 90.0, *along}) if survey.angle_deg is None else [survey.angle_deg]
    laid = [
        lay_strips([whole], blocked, spacing_m=spacing_m, cell_m=survey.cell_m, angle_deg=angle) for angle in angles
    ]
    return min(laid, key=lambda strips: float(strips.length_m.sum()) + len(strips) * 2 * spacing_m)


def _row_spacing_m(fleet: Fleet, survey: Survey) -> float:
    """The distance at which the narrowest camera of the fleet keeps the overlap."""
    widths = [survey.picture_m(camera_by_name(dock.drone.camera))[0] for dock in fleet.docks]
    return min(widths) * (1 - survey.sidelap)


def _trigger_m(dock: Dock, survey: Survey) -> float:
    return survey.picture_m(camera_by_name(dock.drone.camera))[1] * (1 - survey.frontlap)
