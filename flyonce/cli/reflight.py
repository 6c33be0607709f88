"""`flyonce reflight` and `flyonce due`: what is to be looked at again, and which fixed plans a day brings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import typer
from shapely.geometry import Polygon

from flightplan.files.areas import shapes_of
from flightplan.fleet.model import Fleet
from flightplan.fleet.reading import read_fleet
from flightplan.ground.terrain import DemTerrain
from flightplan.mission.wind import Wind
from flightplan.reflight.departures import departures_of
from flightplan.reflight.dynamic import DynamicRules, hot_spots, overdue_cells
from flightplan.reflight.model import Target
from flightplan.reflight.plan import MOST_TARGETS, ReflightPlan, plan_reflight
from flightplan.reflight.reading import read_targets
from flightplan.reflight.recurring import read_fixed_plans
from flightplan.reflight.views import ViewRules
from flyonce.cli.options import AsJson, StoreUrl, finite, flying_day, goes_with
from flyonce.cli.output import EXIT_BAD_INPUT, EXIT_FAILURE, emit_json, fail, progress, say
from flyonce.one_drone import wind_of
from flyonce.plan_rules import FlightRules
from flyonce.reflight_files import ReflightFiles

# Over hills flights climb more than the search counts.
_BATTERY_SHARE_OVER_HILLS = 0.9
_MOST_DAYS = 3_660
_FINEST_CM, _COARSEST_CM = 0.1, 1_000.0


class ViewKind(StrEnum):
    """How a case is looked at."""

    nadir = "nadir"
    oblique = "oblique"


@dataclass(frozen=True, kw_only=True)
class _Sources:
    """Where targets come from."""

    cases: Path | None
    store: str | None
    cells: Path | None
    complaints: Path | None

    def targets(
        self, fleet: Fleet, day: date, rules: DynamicRules, view: ViewKind, resolution_m: float
    ) -> Iterator[Target]:
        if self.cases is not None:
            yield from read_targets(self.cases, resolution_m)
        if self.store is not None:
            # The store's libraries take their time to load.
            from flyonce.waiting_cases import waiting_cases

            yield from waiting_cases(self.store, view=view.value, resolution_m=resolution_m, time_zone=fleet.time_zone)
        if self.cells is not None:
            yield from overdue_cells(self.cells, day, rules)
        if self.complaints is not None:
            yield from hot_spots(self.complaints, day, rules)


def reflight(
    cases: Annotated[Path | None, typer.Argument(help="JSON or YAML with the cases that wait for proof.")] = None,
    fleet: Annotated[Path, typer.Option(help="fleet.yaml: docks, drones and hours.")] = Path("fleet.yaml"),
    out: Annotated[Path, typer.Option(help="Folder for the plan and its missions.")] = Path("reflight"),
    store: StoreUrl = None,
    cells: Annotated[Path | None, typer.Option(help="CSV or JSON of cells: last seen, priority; overdue ones.")] = None,
    complaints: Annotated[Path | None, typer.Option(help="CSV or JSON of complaints; where many are close.")] = None,
    view: Annotated[ViewKind | None, typer.Option(help="With --store: how cases are looked at; usually nadir.")] = None,
    resolution_cm: Annotated[
        float, typer.Option(callback=finite, help="Centimetres of ground per pixel, where a file does not say.")
    ] = 3.0,
    every_days: Annotated[
        int | None, typer.Option(help="With --cells: looked at so often, where a row does not say; usually 7.")
    ] = None,
    altitude_m: Annotated[float, typer.Option(callback=finite, help="Height above ground on the way.")] = 80.0,
    lowest_m: Annotated[float, typer.Option(callback=finite, help="Least height above ground for photos.")] = 30.0,
    pitch_deg: Annotated[float, typer.Option(callback=finite, help="Of the camera in oblique views.")] = -45.0,
    no_fly: Annotated[
        list[Path] | None, typer.Option(help="Places that nobody may fly over: GeoJSON, KML, GeoPackage.")
    ] = None,
    obstacles: Annotated[
        list[Path] | None, typer.Option(help="Masts, towers, cranes, cables with height_m (docs/planning.md).")
    ] = None,
    airspace: Annotated[
        list[Path] | None, typer.Option(help="Dated no-fly and controlled areas, and approvals. May be repeated.")
    ] = None,
    terrain: Annotated[Path | None, typer.Option(help="GeoTIFF of the ground's height; level ground without.")] = None,
    wind_m_s: Annotated[float | None, typer.Option(callback=finite, help="Wind at flying height.")] = None,
    wind_from_deg: Annotated[
        float | None, typer.Option(callback=finite, help="Where it comes from, clockwise from north.")
    ] = None,
    most_flights: Annotated[int | None, typer.Option(help="No more flights; the least urgent wait.")] = None,
    first_day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Of flying; default tomorrow. Overdue by that day.")
    ] = None,
    vehicle: Annotated[
        str,
        typer.Option(help="What flies: ardupilot, px4, or the m30, m30t, m3d, m3td of a DJI dock."),
    ] = "ardupilot",
    as_json: AsJson = False,
) -> None:
    """Plan the cheapest flights that look again at cases waiting for proof, at hot-spots, and at overdue ground."""
    if all(source is None for source in (cases, store, cells, complaints)):
        fail("Give a file of cases, --store, --cells or --complaints: something to look at again.")
    if store is None:
        goes_with("--store", view=view)
    if cells is None:
        goes_with("--cells", every_days=every_days)
    if any((out / "missions").glob("*")):
        fail(f"{out}: it holds the missions of an earlier plan. Choose another folder, or remove them.")
    if not _FINEST_CM <= resolution_cm <= _COARSEST_CM:
        fail(f"{resolution_cm:g} cm per pixel are out of range. Give {_FINEST_CM:g} to {_COARSEST_CM:,.0f} cm.")
    views = ViewRules(altitude_m=altitude_m, lowest_m=lowest_m, pitch_deg=pitch_deg)
    ground = None if terrain is None else DemTerrain.open(terrain)
    crew, calmed = _in_wind(read_fleet(fleet), wind_of(wind_m_s, wind_from_deg))
    tomorrow = datetime.now(crew.time_zone).date() + timedelta(days=1)
    day = tomorrow if first_day is None else flying_day(first_day.date())
    rules = FlightRules.read(
        airspace or (), takes_off_at=None, vehicle=vehicle, obstacles=obstacles or (), terrain=ground
    )
    # What is lower is flown over on the way; where a drone comes down beside it, the flight is judged.
    shut = [*_polygons(no_fly or []), *rules.no_fly(altitude_m), *rules.too_high(altitude_m)]
    often = DynamicRules.every_days if every_days is None else every_days
    dynamic = DynamicRules(every_days=often, resolution_m=resolution_cm / 100)
    sources = _Sources(cases=cases, store=store, cells=cells, complaints=complaints)
    targets = list(sources.targets(crew, day, dynamic, view or ViewKind.nadir, resolution_cm / 100))
    if not targets:
        say("nothing waits to be looked at again")
        if as_json:
            emit_json({"flights": [], "not_planned": [], "left_for_later": [], "files": []})
        return
    targets.sort(key=lambda target: target.urgency)
    now, later = targets[:MOST_TARGETS], targets[MOST_TARGETS:]
    began = perf_counter()
    with progress("planning") as ticker:
        planned = plan_reflight(
            now,
            crew,
            views,
            no_fly=shut,
            most_flights=most_flights,
            battery_share=1.0 if ground is None else _BATTERY_SHARE_OVER_HILLS,
            told=ticker.reached,
        )
        planned = replace(
            planned,
            left_for_later=(*planned.left_for_later, *(one.target_id for one in later)),
            docks_left_out=(*planned.docks_left_out, *calmed),
        )
        files = ReflightFiles(
            plan=planned,
            departures=departures_of(planned, day),
            rules=rules,
            keep_out=tuple(shut),
            terrain=ground,
        )
        ticker.describe("writing")
        ticker.reached(0, len(planned.sorties))
        try:
            account = files.write(out, on_flight=ticker.advance)
        except OSError as error:
            fail(f"{out}: cannot be written to ({error.strerror}). Choose another folder with --out.")
    _tell(account, planned, out, perf_counter() - began, as_json=as_json)


def _in_wind(fleet: Fleet, wind: Wind | None) -> tuple[Fleet, tuple[str, ...]]:
    """The fleet on that day, and the docks whose drones stay in."""
    return (fleet, ()) if wind is None else fleet.in_wind(wind)


def _polygons(files: list[Path]) -> list[Polygon]:
    return [shape for path in files for shape in shapes_of(path)]


def _tell(account: dict[str, Any], planned: ReflightPlan, out: Path, seconds: float, *, as_json: bool) -> None:
    drafts = [flight for flight in account["flights"] if flight["breaches"]]
    if as_json:
        files = [str(out / name) for name in ("plan.json", "flights.geojson")]
        emit_json({**account, "files": files, "seconds": round(seconds, 3)})
    else:
        for flight in account["flights"]:
            say(
                f"{flight['name']}: {flight['takes_off_at']}, {len(flight['cases'])} cases, {flight['photos']} photos, "
                f"{flight['length_m'] / 1000:.2f} km → {out / flight['mission']}"
            )
        if planned.docks_left_out:
            say(f"left out, where nobody may fly, or not in that wind: docks {', '.join(planned.docks_left_out)}")
        if planned.left_for_later:
            say(f"{len(planned.left_for_later)} wait for later flights")
        for one in account["not_planned"]:
            say(f"{one['id']}: not planned: {one['reason']}")
    if drafts:
        fail(
            f"{len(drafts)} flights may not be flown, and are drafts only. "
            f"{drafts[0]['name']}: {drafts[0]['breaches'][0]}",
            code=EXIT_FAILURE,
        )
    if planned.not_planned:
        fail(
            f"{len(planned.not_planned)} of what was asked for cannot be flown to, like "
            f"{planned.not_planned[0][0]}: {planned.not_planned[0][1]}.",
            code=EXIT_BAD_INPUT,
        )


def due(
    plans: Annotated[Path, typer.Argument(help="JSON or YAML with fixed plans that recur, and holidays.")],
    begin: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day; default today.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=_MOST_DAYS, help="How many days.")] = 14,
    as_json: AsJson = False,
) -> None:
    """Tell which fixed plans are due on which day."""
    first = datetime.now().astimezone().date() if begin is None else flying_day(begin.date())
    last = first + timedelta(days=days - 1)
    found = sorted(
        (day, plan.name, plan.area) for plan in read_fixed_plans(plans) for day in plan.recurrence.days(first, last)
    )
    if as_json:
        emit_json({"due": [{"day": day.isoformat(), "name": name, "area": area} for day, name, area in found]})
        return
    for day, name, area in found:
        say(f"{day:%a %Y-%m-%d}  {name}  {area}")
    if not found:
        say(f"no plan is due from {first} to {last}")
