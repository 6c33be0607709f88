"""When re-flights take off: the most urgent first, within the fleet's hours, after charging, and apart in the air."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from flightplan.errors import CannotPlan
from flightplan.fleet.model import Dock, Fleet
from flightplan.fleet.separation import Track, too_near
from flightplan.reflight.plan import Point, ReflightPlan, Sortie
from flightplan.reflight.visits import DroneKind
from geo.camera import camera_by_name

APART_M = 150.0
# Nobody waits longer than this for an hour in which to fly.
_MOST_DAYS = 60
_WAIT = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True)
class Departure:
    """A sortie with its drone's name and its times, in the city's time."""

    sortie: Sortie
    drone: str
    takes_off_at: datetime
    lands_at: datetime


@dataclass(frozen=True, kw_only=True)
class _Fixed:
    """A flight that has its time."""

    departure: Departure
    track: Track


def departures_of(plan: ReflightPlan, first_day: date, *, apart_m: float = APART_M) -> tuple[Departure, ...]:
    """Times for all flights of a plan, the most urgent first.

    A flight that would come nearer than `apart_m` to one more urgent, both in the air, waits on the ground.

    Args:
        plan: The flights.
        first_day: Of flying, in the city's time.
        apart_m: Least distance of two drones in the air, level, metres.

    Raises:
        CannotPlan: Within two months there is no time for a flight.
    """
    fixed: list[_Fixed] = []
    free_at: dict[str, datetime] = {}
    for sortie in plan.sorties:
        track = track_of(plan, sortie)
        lasts = timedelta(seconds=math.ceil(sortie.seconds))
        drone = min(_drones(sortie.dock), key=lambda name: (free_at.get(name, _EVER), name))
        takes_off_at = _opening(plan.fleet, first_day, free_at.get(drone, _EVER), lasts)
        while any(_is_near(track, takes_off_at, one, apart_m) for one in fixed):
            takes_off_at = _opening(plan.fleet, first_day, takes_off_at + _WAIT, lasts)
        free_at[drone] = takes_off_at + lasts + timedelta(seconds=sortie.dock.drone.turnaround_s)
        zone = plan.fleet.time_zone
        departure = Departure(
            sortie=sortie,
            drone=drone,
            takes_off_at=takes_off_at.astimezone(zone),
            lands_at=(takes_off_at + lasts).astimezone(zone),
        )
        fixed.append(_Fixed(departure=departure, track=track))
    # Of those at one time, the most urgent stays first.
    return tuple(sorted((one.departure for one in fixed), key=lambda one: one.takes_off_at))


def track_of(plan: ReflightPlan, sortie: Sortie) -> Track:
    """Where a flight is at what time, as the search counts; drones climb and descend over their docks."""
    drone, rules = sortie.dock.drone, plan.rules
    kind = DroneKind(camera=camera_by_name(drone.camera), kinematics=drone.kinematics, speed_m_s=drone.speed_m_s)
    east, north = plan.frame.en_from_lonlat(np.array([(sortie.dock.lon, sortie.dock.lat)]))[0].tolist()
    points: list[Point] = [(east, north), (east, north)]
    at_s = [0.0, rules.altitude_m / drone.kinematics.climb_m_s]

    def reach(point: Point, more_s: float) -> None:
        points.append(point)
        at_s.append(at_s[-1] + more_s)

    def fly(point: Point) -> None:
        for a, b in itertools.pairwise(plan.router.route(points[-1], point) or [points[-1], point]):
            reach(b, float(kind.legs_s(np.subtract(b, a))))

    for visit in sortie.visits:
        depth_m = rules.altitude_m - visit.shots[0].height_m
        fly(visit.way[0])
        reach(visit.way[0], depth_m / drone.kinematics.sink_m_s)
        waits = {shot.point_en: rules.hold_s for shot in visit.shots}
        reach(visit.way[0], waits.get(visit.way[0], 0.0))
        for point in visit.way[1:]:
            fly(point)
            reach(point, waits.get(point, 0.0))
        reach(visit.way[-1], depth_m / drone.kinematics.climb_m_s)
    fly((east, north))
    reach((east, north), max(sortie.seconds - at_s[-1], 0.0))
    return Track(places_m=np.array(points), at_s=np.array(at_s), speed_m_s=drone.speed_m_s)


_EVER = datetime.min.replace(tzinfo=UTC)


def _drones(dock: Dock) -> list[str]:
    return [dock.name] if dock.drones == 1 else [f"{dock.name}/{number}" for number in range(1, dock.drones + 1)]


def _is_near(track: Track, takes_off_at: datetime, fixed: _Fixed, apart_m: float) -> bool:
    later_s = (fixed.departure.takes_off_at - takes_off_at).total_seconds()
    return too_near(track, fixed.track, 0.0, later_s, apart_m)


def _opening(fleet: Fleet, first_day: date, not_before: datetime, lasts: timedelta) -> datetime:
    """The earliest time at which a flight so long fits into the hours."""
    for number in range(_MOST_DAYS):
        for begins, ends in fleet.open_windows(first_day + timedelta(days=number)):
            takes_off_at = max(begins, not_before)
            if takes_off_at + lasts <= ends:
                return takes_off_at
    raise CannotPlan(
        problem=f"within {_MOST_DAYS} days there is no time for a flight of {lasts.total_seconds() / 60:.0f} min",
        remedy="Open longer hours in the fleet file, or check its curfews",
    )
