"""When each flight takes off: within the hours, after charging, and apart from every other flight in the air."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from flightplan.errors import CannotPlan
from flightplan.fleet.missions import FleetMissions
from flightplan.fleet.model import Fleet
from flightplan.fleet.plan import FleetPlan
from flightplan.fleet.separation import Track, near_in_space, too_near
from flightplan.fleet.tours import Flight
from flightplan.times import Stretch

# Nobody waits longer than this for an hour in which to fly.
_MOST_SHUT_DAYS = 60
_WAIT_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Departure:
    """A flight with its time.

    Attributes:
        station: Number of the drone in the plan.
        flight: What it flies.
        takes_off_at: In the city's time.
        lands_at: In the city's time.
    """

    station: int
    flight: Flight
    takes_off_at: datetime
    lands_at: datetime


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """All flights with their times.

    Attributes:
        departures: In order of take-off.
        delayed: How many waited on the ground to keep flights apart.
        windows: When flights might take place, in order, from the first take-off's to the last landing's.
    """

    departures: tuple[Departure, ...]
    delayed: int = 0
    windows: tuple[Stretch, ...] = ()

    @property
    def days(self) -> int:
        """On how many days somebody takes off."""
        return len({departure.takes_off_at.date() for departure in self.departures})


def schedule(
    plan: FleetPlan,
    fleet: Fleet,
    first_day: date,
    *,
    missions: FleetMissions | None = None,
    apart_m: float = 150.0,
) -> Schedule:
    """Give every flight its time.

    Each drone flies as early as it may. Where a flight would come nearer than `apart_m` in the air to one that takes
    off before it, it waits on the ground. Drones climb and descend over their own docks.

    Args:
        plan: The flights.
        fleet: Hours and curfews.
        first_day: The first day of flying, in the city's time.
        missions: The plan's, which say who is where at what time; made if not given.
        apart_m: Least distance of two drones in the air, level, metres.

    Raises:
        CannotPlan: A flight is longer than any hours in which it may take place.
        InvalidMission: A flight breaks a limit.
    """
    windows = _Windows(fleet, first_day)
    makes = missions or FleetMissions(plan)
    tracks = [
        Track.of(makes.flown(number, flight), plan.stations[number].dock.drone.kinematics, plan.frame)
        for number, tour in enumerate(plan.tours)
        for flight in tour.flights
    ]
    owners = [number for number, tour in enumerate(plan.tours) for _ in tour.flights]
    beside = _beside(tracks, owners, apart_m)
    begins: dict[int, datetime] = {}
    waited: set[int] = set()
    first_of = np.r_[0, np.cumsum([len(tour.flights) for tour in plan.tours])].tolist()
    flights = [flight for tour in plan.tours for flight in tour.flights]
    # Always the flight that could take off first is next: it waits until those already fixed leave it room.
    due = [
        (windows.first_fit(None, _lasts_s(flights[first])), first)
        for first, tour in zip(first_of, plan.tours, strict=False)
        if tour.flights
    ]
    heapq.heapify(due)
    while due:
        start, number = heapq.heappop(due)
        is_free = not any(
            other in begins
            and too_near(tracks[number], tracks[other], 0.0, (begins[other] - start).total_seconds(), apart_m)
            for other in beside.get(number, ())
        )
        if not is_free:
            waited.add(number)
            later = windows.first_fit(start + timedelta(seconds=_WAIT_S), _lasts_s(flights[number]))
            heapq.heappush(due, (later, number))
            continue
        begins[number] = start
        after = number + 1
        if after < first_of[owners[number] + 1]:
            rest_s = _lasts_s(flights[number]) + math.ceil(plan.stations[owners[number]].turnaround_s)
            ready = windows.first_fit(start + timedelta(seconds=rest_s), _lasts_s(flights[after]))
            heapq.heappush(due, (ready, after))
    departures = [
        Departure(
            station=owners[number],
            flight=flights[number],
            takes_off_at=start.astimezone(fleet.time_zone),
            lands_at=(start + timedelta(seconds=_lasts_s(flights[number]))).astimezone(fleet.time_zone),
        )
        for number, start in sorted(begins.items(), key=lambda one: (one[1], one[0]))
    ]
    return Schedule(departures=tuple(departures), delayed=len(waited), windows=windows.known)


def _beside(tracks: Sequence[Track], owners: Sequence[int], apart_m: float) -> dict[int, list[int]]:
    """For each flight, those of other drones whose ways come near its own."""
    beside: dict[int, list[int]] = {}
    for a, b in near_in_space(tracks, apart_m):
        if owners[a] != owners[b]:
            beside.setdefault(a, []).append(b)
            beside.setdefault(b, []).append(a)
    return beside


class _Windows:
    """The stretches of time in which flights may take place, found as far ahead as anybody asks."""

    def __init__(self, fleet: Fleet, first_day: date) -> None:
        self._fleet = fleet
        self._day = first_day
        self._known: list[Stretch] = []

    @property
    def known(self) -> tuple[Stretch, ...]:
        """Those that somebody asked about, in order."""
        return tuple(self._known)

    def first_fit(self, not_before: datetime | None, seconds: float) -> datetime:
        """The earliest take-off, from `not_before` on, of a flight that lands inside the same window."""
        shut_days, index = 0, 0
        while True:
            while index < len(self._known):
                begins, ends = self._known[index]
                start = begins if not_before is None else max(begins, not_before)
                if start + timedelta(seconds=seconds) <= ends:
                    return start
                index += 1
            shut_days += 1
            if shut_days > _MOST_SHUT_DAYS:
                raise CannotPlan(
                    problem=f"a flight of {seconds / 60:.0f} min fits into no hours of {_MOST_SHUT_DAYS} days",
                    remedy="Open longer hours in the fleet file, or drop a curfew",
                )
            for begins, ends in self._fleet.open_windows(self._day):
                if self._known and begins <= self._known[-1][1]:
                    self._known[-1] = self._known[-1][0], max(ends, self._known[-1][1])
                    index = min(index, len(self._known) - 1)
                else:
                    self._known.append((begins, ends))
            self._day += timedelta(days=1)


def _lasts_s(flight: Flight) -> int:
    """Whole seconds: what is printed is what is flown."""
    return math.ceil(flight.seconds)
