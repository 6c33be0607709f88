"""A fleet's plan over hills or in wind: as over level ground in still air, with time set aside for what they take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from shapely.geometry import Polygon

from flightplan.errors import CannotPlan
from flightplan.fleet.missions import FleetMissions
from flightplan.fleet.model import Fleet
from flightplan.fleet.plan import FleetPlan, Survey, Told, plan_fleet
from flightplan.fleet.tours import Flight, Tour, Ways, plan_tour

# A little more is set aside than was missing: other flights are made of what is left.
_MORE = 0.97
_LEAST_SHARE = 0.2


def plan_as_flown(
    areas: Sequence[Polygon],
    fleet: Fleet,
    survey: Survey,
    *,
    no_fly: Sequence[Polygon] = (),
    told: Told = lambda word, done, total: None,
) -> tuple[FleetPlan, FleetMissions]:
    """A plan whose missions fit the batteries in the wind and over the ground as they are, with those missions.

    Rows are shared out and cut into flights by times over level ground in still air. Where a mission then lasts longer
    than its drone may fly, that dock's flights are planned for so much less, and all is planned once more. What is
    too long even then is cut in parts.

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
    short = _short(plan, missions, told)
    if short:
        usable = {dock: max(share * _MORE, _LEAST_SHARE) for dock, share in short.items()}
        plan = plan_fleet(areas, fleet, survey, no_fly=no_fly, usable=usable, told=told)
        missions = FleetMissions(plan)
    return _as_flown(plan, missions, told), missions


def _short(plan: FleetPlan, missions: FleetMissions, told: Told) -> dict[str, float]:
    """By dock, what share of its drone's time its longest mission would have had to take to fit, where one does not."""
    short: dict[str, float] = {}
    done = 0
    for number, (station, tour) in enumerate(zip(plan.stations, plan.tours, strict=True)):
        for flight in tour.flights:
            told("heights", done, plan.flights)
            done += 1
            share = station.dock.drone.usable_s / missions.seconds(number, flight)
            if share < 1.0:
                short[station.dock.name] = min(short.get(station.dock.name, 1.0), share)
    return short


def _as_flown(plan: FleetPlan, missions: FleetMissions, told: Told) -> FleetPlan:
    """The plan with the missions' own times, and what lasts too long cut in parts."""
    tours, done, ways = [], 0, Ways(plan.router)
    for number, (station, tour) in enumerate(zip(plan.stations, plan.tours, strict=True)):
        flights: list[Flight] = []
        for flight in tour.flights:
            told("heights", done, plan.flights)
            done += 1
            for part in _parts(plan, missions, number, flight, ways):
                flights.append(replace(part, seconds=missions.seconds(number, part)))
        waits_s = station.turnaround_s * max(len(flights) - 1, 0)
        tours.append(Tour(flights=tuple(flights), seconds=sum(flight.seconds for flight in flights) + waits_s))
    return replace(plan, tours=tuple(tours))


def _parts(plan: FleetPlan, missions: FleetMissions, number: int, flight: Flight, ways: Ways) -> Sequence[Flight]:
    """The flight, or several over the same cells where it lasts longer than its drone may fly."""
    station = plan.stations[number]
    most_s = station.dock.drone.usable_s
    flights: Sequence[Flight] = (flight,)
    share = station.usable_share
    while (longest_s := max(missions.seconds(number, one) for one in flights)) > most_s:
        share *= min(most_s / longest_s, 1.0) * _MORE
        shorter = replace(station, usable_share=share)
        tour = plan_tour(plan.strips, np.array(flight.cells), shorter, ways) if share >= _LEAST_SHARE else None
        if tour is None:
            raise CannotPlan(
                problem=f"dock {station.dock.name}: hills or wind take too much of a battery there",
                remedy="Give the height a wider band, add docks, or wait for less wind",
            )
        flights = tour.flights
    return flights
