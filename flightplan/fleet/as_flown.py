"""A fleet's plan over hills or in wind: flights as long as their missions last, each within its battery."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import Polygon

from flightplan.errors import CannotPlan
from flightplan.fleet.missions import FleetMissions
from flightplan.fleet.model import Fleet
from flightplan.fleet.plan import FleetPlan, Survey, Told, plan_fleet, recut
from flightplan.fleet.strips import Strips
from flightplan.fleet.tours import Flight, Tour, Ways, plan_tour
from flightplan.fleet.work import Station

Floats = NDArray[np.float64]
# Cells are charged a little more than their flight took: other flights are made of them.
_SPARE = 1.003
# What is too long even after so many trials is cut into parts that are so much shorter.
_MOST_TRIALS = 12
_SHORTER = 0.98
_LEAST_SHARE = 0.2
# Evening out again with what hills were found to take is worth so much of the time, and soon worth nothing.
_MOST_ROUNDS = 3
_WORTH = 0.003
_MOST_TOLD = 5


def plan_as_flown(
    areas: Sequence[Polygon],
    fleet: Fleet,
    survey: Survey,
    *,
    no_fly: Sequence[Polygon] = (),
    told: Told = lambda word, done, total: None,
) -> tuple[FleetPlan, FleetMissions]:
    """A plan whose missions fit the batteries in the wind and over the ground as they are, with those missions.

    What rows take over hills is known from the start; ways to them and back, and wind, are not. So the cells of a
    flight are charged what its mission takes more or less than planned, and all is cut and evened out again. Where a
    mission still lasts longer than its drone may fly, that drone's flights are cut anew until all fit. What no flight
    can show within a battery is not planned, and counts as ground that nobody reaches.

    Args:
        areas: As `plan_fleet`, and so are `no_fly` and `told`.
        fleet: Docks and drones; their limits of motion know the wind.
        survey: Heights and overlaps, and the terrain.
        no_fly: More places that nobody may fly over.
        told: Told what is going on.

    Raises:
        CannotPlan: As `plan_fleet`; or the ground is not known or too steep somewhere, or takes too much of a battery.
    """
    plan = plan_fleet(areas, fleet, survey, no_fly=no_fly, told=told)
    missions = FleetMissions(plan)
    slow = _learnt(plan, missions, told)
    if slow is not None:
        plan = recut(plan, slow, told)
        missions = missions.after(plan)
    best = plan = _settled(plan, missions, told)
    for _ in range(_MOST_ROUNDS if slow is not None else 0):
        again = recut(plan, plan.strips.slow, told)
        plan = _settled(again, missions.after(again), told)
        is_worth_it = plan.seconds < best.seconds * (1 - _WORTH)
        # Nothing is gained by what leaves more of the ground out.
        best = min(best, plan, key=lambda one: (round(one.unreached_m2), one.seconds))
        if not is_worth_it:
            break
    return best, missions.after(best)


def _learnt(plan: FleetPlan, missions: FleetMissions, told: Told) -> Floats | None:
    """What cells take as their missions have it; None where all missions fit already."""
    slow, fits = plan.strips.slow.copy(), True
    for number, flight in _flights(plan, told):
        station = plan.stations[number]
        seconds = missions.seconds(number, flight)
        fits = fits and seconds <= station.dock.drone.usable_s
        slow[list(flight.cells)] *= _longer(plan.strips, station, flight, seconds)
    return None if fits else slow


def _longer(strips: Strips, station: Station, flight: Flight, seconds: float) -> float:
    """How many times as long as planned its cells take, if they are to blame for all that the flight takes."""
    over_rows_s = float(strips.level_m[list(flight.cells)].sum()) / station.speed_m_s
    return max(1 + (seconds * _SPARE - flight.seconds) / over_rows_s, _LEAST_SHARE)


def _flights(plan: FleetPlan, told: Told) -> Iterator[tuple[int, Flight]]:
    """Every flight with its drone's number."""
    done = 0
    for number, tour in enumerate(plan.tours):
        for flight in tour.flights:
            told("heights", done, plan.flights)
            done += 1
            yield number, flight


def _settled(plan: FleetPlan, missions: FleetMissions, told: Told) -> FleetPlan:
    """The plan with the missions' own times, each drone's flights cut so that all of them fit."""
    ways, tours, left_m = Ways(plan.router), [], 0.0
    slow = plan.strips.slow.copy()
    for number, (station, tour) in enumerate(zip(plan.stations, plan.tours, strict=True)):
        told("heights", number, len(plan.tours))
        strips, trial = _fitted(plan, missions, number, ways)
        flights: list[Flight] = []
        for flight in trial.flights:
            parts = _parts(strips, station, flight, ways, partial(missions.seconds, number))
            if parts is None:
                left_m += float(strips.length_m[list(flight.cells)].sum())
                continue
            flights += [replace(part, seconds=missions.seconds(number, part)) for part in parts]
        mine = [cell for flight in tour.flights for cell in flight.cells]
        slow[mine] = strips.slow[mine]
        waits_s = station.turnaround_s * max(len(flights) - 1, 0)
        tours.append(Tour(flights=tuple(flights), seconds=sum(flight.seconds for flight in flights) + waits_s))
    if not any(tour.flights for tour in tours):
        names = [station.dock.name for station in plan.stations]
        more = f" and {len(names) - _MOST_TOLD} more" if len(names) > _MOST_TOLD else ""
        raise CannotPlan(
            problem=f"dock {', '.join(names[:_MOST_TOLD])}{more}: hills or wind take too much of a battery there",
            remedy="Give the height a wider band, add docks nearer to the area, or wait for less wind",
        )
    return replace(
        plan,
        strips=replace(plan.strips, slow=slow),
        tours=tuple(tours),
        unreached_m2=plan.unreached_m2 + left_m * plan.strips.spacing_m,
    )


def _fitted(plan: FleetPlan, missions: FleetMissions, number: int, ways: Ways) -> tuple[Strips, Tour]:
    """One drone's tour with flights that fit, and what its cells were found to take for that; some may still not."""
    strips, tour, station = plan.strips, plan.tours[number], plan.stations[number]
    cells = np.array([cell for flight in tour.flights for cell in flight.cells], dtype=np.intp)
    for _ in range(_MOST_TRIALS):
        lasts = [(flight, missions.seconds(number, flight)) for flight in tour.flights]
        long = [(flight, seconds) for flight, seconds in lasts if seconds > station.dock.drone.usable_s]
        if not long:
            break
        slow = strips.slow.copy()
        for flight, seconds in long:
            slow[list(flight.cells)] *= _longer(strips, station, flight, seconds)
        dearer = replace(strips, slow=slow)
        shorter = plan_tour(dearer, cells, station, ways)
        if shorter is None:
            break
        strips, tour = dearer, shorter
    return strips, tour


def _parts(
    strips: Strips, station: Station, flight: Flight, ways: Ways, lasts_s: Callable[[Flight], float]
) -> Sequence[Flight] | None:
    """The flight, or several over the same cells where it lasts longer than its drone may fly; None where none fit."""
    most_s = station.dock.drone.usable_s
    flights: Sequence[Flight] = (flight,)
    share = station.usable_share
    while (longest_s := max(map(lasts_s, flights))) > most_s:
        share *= min(most_s / longest_s, 1.0) * _SHORTER
        shorter = replace(station, usable_share=share)
        tour = plan_tour(strips, np.array(flight.cells), shorter, ways) if share >= _LEAST_SHARE else None
        if tour is None:
            return None
        flights = tour.flights
    return flights
