"""When each flight takes off: within the hours, after charging, and apart from every other flight in the air."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flightplan.errors import CannotPlan
from flightplan.fleet.model import Fleet
from flightplan.fleet.plan import FleetPlan
from flightplan.fleet.separation import Track, near_in_space, too_near
from flightplan.fleet.tours import Flight

# Nobody waits longer than this for an hour in which to fly.
_MOST_SHUT_DAYS = 60
_WAIT_S = 60.0
_MOST_ROUNDS = 60


@dataclass(frozen=True, kw_only=True)
class Departure:
    """A flight with its time.

    Attributes:
        station: Number of the drone in the plan.
        flight: What it flies.
        takes_off_at: Aware.
        lands_at: Aware.
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
        delayed: How many were put off to keep flights apart.
        too_near: Pairs of departures (by number) that no waiting put apart; must be empty before anybody flies.
    """

    departures: tuple[Departure, ...]
    delayed: int = 0
    too_near: tuple[tuple[int, int], ...] = ()

    @property
    def days(self) -> int:
        """On how many days somebody takes off."""
        return len({departure.takes_off_at.date() for departure in self.departures})


def schedule(plan: FleetPlan, fleet: Fleet, first_day: date, *, apart_m: float = 150.0) -> Schedule:
    """Give every flight its time.

    Each drone flies as early as it may. Where two flights would come nearer than `apart_m` in the air, the one that
    takes off later waits. Drones climb and descend over their own docks.

    Args:
        plan: The flights.
        fleet: Hours and curfews.
        first_day: The first day of flying, in the city's time.
        apart_m: Least distance of two drones in the air, level, metres.

    Raises:
        CannotPlan: A flight is longer than any hours in which it may take place.
    """
    windows = _Windows(fleet, first_day)
    tracks = [
        Track.of(flight, station, plan.router)
        for station, tour in zip(plan.stations, plan.tours, strict=True)
        for flight in tour.flights
    ]
    owners = [number for number, tour in enumerate(plan.tours) for _ in tour.flights]
    crossing = [(a, b) for a, b in near_in_space(tracks, apart_m) if owners[a] != owners[b]]
    waits_s = [0.0] * len(tracks)
    near: list[tuple[int, int]] = []
    for _ in range(_MOST_ROUNDS):
        begins = _take_offs(plan, windows, waits_s)
        zero = min(begins)
        seconds = [(start - zero).total_seconds() for start in begins]
        near = [(a, b) for a, b in crossing if too_near(tracks[a], tracks[b], seconds[a], seconds[b], apart_m)]
        if not near:
            break
        # Of each pair the later one waits; one that is in several pairs waits once.
        for later in {max(pair, key=lambda number: (seconds[number], number)) for pair in near}:
            waits_s[later] += _WAIT_S
    return _in_order(plan, begins, waits_s, near)


class _Windows:
    """The stretches of time in which flights may take place, found as far ahead as anybody asks."""

    def __init__(self, fleet: Fleet, first_day: date) -> None:
        self._fleet = fleet
        self._day = first_day
        self._known: list[tuple[datetime, datetime]] = []

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


def _take_offs(plan: FleetPlan, windows: _Windows, waits_s: Sequence[float]) -> list[datetime]:
    """When each flight takes off, in the order of the tours."""
    begins: list[datetime] = []
    for station, tour in zip(plan.stations, plan.tours, strict=True):
        ready: datetime | None = None
        for flight in tour.flights:
            wait = timedelta(seconds=waits_s[len(begins)])
            start = windows.first_fit(ready, _lasts_s(flight) + wait.total_seconds()) + wait
            begins.append(start)
            ready = start + timedelta(seconds=_lasts_s(flight) + math.ceil(station.turnaround_s))
    return begins


def _lasts_s(flight: Flight) -> int:
    """Whole seconds: what is printed is what is flown."""
    return math.ceil(flight.seconds)


def _in_order(
    plan: FleetPlan, begins: Sequence[datetime], waits_s: Sequence[float], near: Sequence[tuple[int, int]]
) -> Schedule:
    flights = [(number, flight) for number, tour in enumerate(plan.tours) for flight in tour.flights]
    order = sorted(range(len(begins)), key=lambda number: (begins[number], flights[number][0]))
    place = {number: position for position, number in enumerate(order)}
    departures = [
        Departure(
            station=flights[number][0],
            flight=flights[number][1],
            takes_off_at=begins[number],
            lands_at=begins[number] + timedelta(seconds=_lasts_s(flights[number][1])),
        )
        for number in order
    ]
    return Schedule(
        departures=tuple(departures),
        delayed=sum(wait > 0 for wait in waits_s),
        too_near=tuple(sorted((min(place[a], place[b]), max(place[a], place[b])) for a, b in near)),
    )
