"""`flyonce plan --fleet`: a city's areas shared out among its docks, with times, a chart and missions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import shapely

from flightplan.files.areas import areas_of, shapes_of
from flightplan.fleet.as_flown import plan_as_flown
from flightplan.fleet.missions import FleetMissions
from flightplan.fleet.model import Fleet
from flightplan.fleet.plan import FleetPlan, Survey, plan_fleet
from flightplan.fleet.reading import read_fleet
from flightplan.fleet.schedule import Schedule, schedule
from flightplan.ground.meridian import REMEDY, is_across_180
from flightplan.mission.limits import FlightLimits
from flightplan.mission.wind import Wind
from flyonce.cli.output import EXIT_BAD_INPUT, EXIT_FAILURE, emit_json, fail, progress, say
from flyonce.fleet_files import FleetFiles
from flyonce.plan_rules import FlightRules
from vision.drawing import Language

# Less than this left over is the edge of the area, not a part of it.
_LEAST_UNREACHED_M2 = 1.0
# No-fly areas that come into force within this time are planned round, for nobody knows yet who flies when.
_LONGEST = timedelta(days=30)
_MOST_TOLD = 5
_OVER_HILLS = "; over hills, a wider band (--band-m) lets them climb less"


@dataclass(frozen=True, kw_only=True)
class FleetOrders:
    """What was asked for.

    Attributes:
        areas: File with the areas.
        fleet: The fleet's file.
        no_fly: Files with places that nobody may fly over.
        survey: Height and overlaps.
        first_day: Of flying; None for tomorrow, in the city's time.
        out: Folder for the files.
        missions: Whether every flight gets a mission's files.
        lang: Of the chart.
        rules: What each flight is held to.
        wind: At flying height; None for still air.
        lowest_m: Least height above ground that flights may come down to.
    """

    areas: Path
    fleet: Path
    no_fly: tuple[Path, ...]
    survey: Survey
    first_day: date | None
    out: Path
    missions: bool
    lang: Language
    rules: FlightRules
    wind: Wind | None = None
    lowest_m: float = 0.0


def plan_for_fleet(orders: FleetOrders, *, as_json: bool) -> None:
    """Plan, write and tell.

    Leaves with code 2 where a part of the area is out of every drone's reach, and with 1 where a flight is unlawful.
    """
    if any((orders.out / "missions").glob("*")):
        fail(f"{orders.out}: it holds the missions of an earlier plan. Choose another folder, or remove them.")
    _check_height(orders)
    areas = areas_of(orders.areas)
    no_fly = [place for path in orders.no_fly for place in shapes_of(path)]
    fleet = read_fleet(orders.fleet)
    lons = [lon for area in areas for lon in area.polygon.bounds[::2]]
    if is_across_180([*lons, *(dock.lon for dock in fleet.docks)]):
        fail(f"{orders.areas}: areas and docks lie on both sides of the 180° meridian. {REMEDY}.")
    calmed: tuple[str, ...] = ()
    if orders.wind is not None:
        fleet, calmed = fleet.in_wind(orders.wind)
    first_day = orders.first_day or datetime.now(fleet.time_zone).date() + timedelta(days=1)
    began = perf_counter()
    with progress("planning") as ticker:

        def told(word: str, done: int, total: int) -> None:
            ticker.describe(f"planning: {word}")
            ticker.reached(done, total if total > 1 else None)

        shut = list(no_fly)
        begins_at = datetime.combine(first_day, time(0), tzinfo=fleet.time_zone)
        airspace = replace(orders.rules.airspace, time_zone=fleet.time_zone)
        rules = replace(orders.rules, takes_off_at=begins_at, airspace=airspace)
        shut += [*rules.no_fly(orders.survey.altitude_m, lasting=_LONGEST), *rules.too_high(orders.lowest_m)]
        grounds = [part for area in areas for part in shapely.get_parts(area.polygon)]
        if orders.survey.terrain is None and orders.wind is None:
            planned = plan_fleet(grounds, fleet, orders.survey, no_fly=shut, told=told)
            makes = FleetMissions(planned)
        else:
            planned, makes = plan_as_flown(grounds, fleet, orders.survey, no_fly=shut, told=told)
        told("times", 0, 1)
        times = schedule(planned, fleet, first_day, missions=makes)
        seconds = perf_counter() - began
        ticker.describe("writing")
        ticker.reached(0, planned.flights)
        files = FleetFiles(
            plan=planned, schedule=times, missions=makes, rules=rules, keep_out=tuple(shut), lang=orders.lang
        )
        try:
            written, unlawful = files.write(orders.out, missions=orders.missions, on_flight=ticker.advance)
        except OSError as error:
            fail(f"{orders.out}: cannot be written to ({error.strerror}). Choose another folder with --out.")
    result = _told(planned, times, fleet, seconds) | {"files": [str(path) for path in written]}
    result["docks_left_out"] = list(calmed)
    result["unlawful_flights"] = [
        {"flight": name, "violations": [asdict(one) for one in violations]} for name, violations in unlawful.items()
    ]
    if as_json:
        emit_json(result)
    else:
        _say(result)
    for name, violations in list(unlawful.items())[:_MOST_TOLD]:
        say(f"{name} is a draft only: {violations[0]}")
    if unlawful:
        fail(
            f"{len(unlawful)} of {planned.flights} flights may not be flown; they were written as drafts only.",
            code=EXIT_FAILURE,
        )
    if planned.unreached_m2 >= _LEAST_UNREACHED_M2:
        fail(
            f"{planned.unreached_m2 / 1e6:.2f} km² lie out of every drone's reach and are not planned. "
            f"Add docks there, or allow the drones to fly farther{_OVER_HILLS if orders.survey.terrain else ''}.",
            code=EXIT_BAD_INPUT,
        )


def _check_height(orders: FleetOrders) -> None:
    """Refuse at once what no approval allows: a city takes minutes to plan."""
    altitude_m, open_m = orders.survey.altitude_m, FlightLimits.max_height_agl_m
    if altitude_m > max([open_m, *(one.ceiling_m for one in orders.rules.airspace.approvals)]):
        fail(
            f"{altitude_m:g} m above ground exceeds {open_m:g} m, and no approval allows that. "
            "Fly lower, or give an approval with --airspace."
        )


def _told(planned: FleetPlan, times: Schedule, fleet: Fleet, seconds: float) -> dict[str, Any]:
    lasts = np.array([tour.seconds for tour in planned.tours])
    busiest = int(lasts.argmax())
    last = max(departure.lands_at for departure in times.departures)
    return {
        "area_km2": round(planned.area_m2 / 1e6, 3),
        "unreached_km2": round(planned.unreached_m2 / 1e6, 3),
        "drones": len(planned.stations),
        "rows": sum(len(flight.runs_uv) for tour in planned.tours for flight in tour.flights),
        "row_spacing_m": round(planned.strips.spacing_m, 1),
        "row_angle_deg": planned.strips.angle_deg,
        "flights": planned.flights,
        "days": times.days,
        "first_take_off_at": times.departures[0].takes_off_at.isoformat(),
        "last_landing_at": last.isoformat(),
        "hours": round(planned.seconds / 3_600, 3),
        "least_hours": round(planned.least_s / 3_600, 3),
        "over_least": round(planned.seconds / planned.least_s, 4) if planned.least_s else None,
        "mean_over_busiest": round(float(lasts.mean() / lasts[busiest]), 4),
        "busiest": planned.stations[busiest].name,
        "time_of_busiest": {name: round(seconds / 3_600, 3) for name, seconds in planned.time_of(busiest).items()},
        "delayed_flights": times.delayed,
        "docks": [_dock(planned, times, number) for number in range(len(planned.stations))],
        "fleet": fleet.source,
        "seconds": round(seconds, 3),
    }


def _dock(planned: FleetPlan, times: Schedule, number: int) -> dict[str, Any]:
    flights: Sequence[Any] = planned.tours[number].flights
    in_air_s = sum(flight.seconds for flight in flights)
    mine = [departure for departure in times.departures if departure.station == number]
    return {
        "drone": planned.stations[number].name,
        "flights": len(flights),
        "hours": round(planned.tours[number].seconds / 3_600, 3),
        "hours_in_the_air": round(in_air_s / 3_600, 3),
        "share_of_busiest": round(planned.tours[number].seconds / planned.seconds, 4),
        "last_landing_at": max(departure.lands_at for departure in mine).isoformat() if mine else None,
    }


def _say(result: dict[str, Any]) -> None:
    say(
        f"{result['area_km2']:,.2f} km², {result['drones']} drones, {result['flights']} flights, {result['rows']} rows "
        f"{result['row_spacing_m']} m apart: {result['days']} days, the last landing {result['last_landing_at']}"
    )
    shares = ", ".join(f"{name.replace('_', ' ')} {hours:.2f} h" for name, hours in result["time_of_busiest"].items())
    say(f"busiest drone {result['busiest']}: {result['hours']:.2f} h without nights ({shares})")
    if result["over_least"] is not None:
        say(
            f"however these rows are shared out, each with the way to it and back, it takes at least "
            f"{result['least_hours']:.2f} h; this plan {result['over_least']:.3f} times that"
        )
    say(f"on average the drones are busy for {result['mean_over_busiest']:.0%} of the busiest one's time")
    if result["delayed_flights"]:
        say(f"{result['delayed_flights']} flights wait on the ground to keep clear of others")
    if result["docks_left_out"]:
        say(f"left out, for their drones may not fly in that wind: {', '.join(result['docks_left_out'])}")
    for path in result["files"]:
        say(path)
