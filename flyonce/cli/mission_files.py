"""`flyonce convert`: a mission from one file format into another, and in words what does not go along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flightplan.files import read_mission, read_wpml, write_plan, write_waypoints, write_wpml
from flightplan.files.geojson import write_mission_geojson
from flightplan.files.kml import write_kml
from flightplan.files.wpml_model import AIRCRAFT, WpmlOptions
from flightplan.ground.terrain import DemTerrain
from flightplan.mission.items import Home
from flightplan.mission.limits import VEHICLES, FlightLimits
from flightplan.mission.mission import Mission
from flightplan.mission.return_height import return_height_m
from flyonce.cli.options import AsJson, finite, goes_with, lonlat
from flyonce.cli.output import emit_json, fail, say

Aircraft = StrEnum("Aircraft", {name: name for name in AIRCRAFT})  # type: ignore[misc]  # typer makes choices of it
_USUAL = Aircraft("m3d")


class LinkLost(StrEnum):
    """What a dock's drone does when it hears nothing any more."""

    goBack = "goBack"  # noqa: N815 - DJI's own words
    landing = "landing"
    hover = "hover"
    goContinue = "goContinue"  # noqa: N815


def convert(
    source: Annotated[Path, typer.Argument(help="A mission: .plan, .waypoints, or DJI's .kmz.")],
    out: Annotated[Path, typer.Argument(help="What to write: .plan, .waypoints, .kmz, or as a map .kml or .geojson.")],
    drone: Annotated[Aircraft | None, typer.Option(help="For .kmz: the drone in the dock; usually m3d.")] = None,
    lens: Annotated[
        list[str] | None,
        typer.Option(help="For .kmz: keep the photos of this lens: wide, zoom or ir. May be repeated."),
    ] = None,
    on_link_lost: Annotated[
        LinkLost | None,
        typer.Option(help="For .kmz: what the drone does when it hears nothing any more; usually goBack."),
    ] = None,
    rth_height_m: Annotated[
        float | None, typer.Option(callback=finite, help="For .kmz: height above the dock for flying back.")
    ] = None,
    geoid_m: Annotated[
        float | None,
        typer.Option(
            callback=finite,
            help="For .kmz: the geoid's height above the ellipsoid at the dock; heights are then ellipsoid heights.",
        ),
    ] = None,
    home: Annotated[
        str | None, typer.Option(help="LON,LAT of the dock, for a .kmz that does not tell its place of take-off.")
    ] = None,
    home_alt_msl_m: Annotated[
        float | None, typer.Option(callback=finite, help="With --home: ground height there above the sea; usually 0.")
    ] = None,
    terrain: Annotated[
        Path | None,
        typer.Option(help="Elevation model (GeoTIFF) that heights of a .plan or .waypoints are held against."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Convert a mission; it is checked on the way, and nothing is written where a limit is broken."""
    if out.suffix.lower() != ".kmz":
        goes_with(
            "a .kmz to be written",
            drone=drone, lens=lens, on_link_lost=on_link_lost, rth_height_m=rth_height_m, geoid_m=geoid_m,
        )  # fmt: skip
    if home is None:
        goes_with("--home", home_alt_msl_m=home_alt_msl_m)
    options = WpmlOptions(
        aircraft=(drone or _USUAL).value,
        lenses=tuple(lens or ()),
        on_link_lost=(on_link_lost or LinkLost.goBack).value,
        rth_height_m=rth_height_m,
        geoid_m=geoid_m,
    )
    mission, lost = _read(source, home, home_alt_msl_m or 0.0, terrain)
    if mission.clearance is not None and mission.clearance.owed and out.suffix.lower() in (".waypoints", ".kmz"):
        fail(
            f"{source}: a part of it is new, and nobody has looked at it; {out.suffix} has no place to say so. "
            "Keep it a .plan, or plan the rest anew."
        )
    options = _returning_over(mission, options)
    try:
        lost += _writer(out, options)(mission)
    except OSError as error:
        fail(f"{out}: cannot be written ({error.strerror or error}). Choose another place.")
    figures = mission.figures()
    if as_json:
        emit_json(
            {
                "file": str(out),
                "waypoints": len(mission.waypoints),
                "length_m": round(figures.length_m, 1),
                "duration_s": round(figures.duration_s, 1),
                "photos": figures.photos,
                "not_carried_over": list(lost),
            }
        )
        return
    for line in lost:
        say(f"not carried over: {line}")
    say(f"{len(mission.waypoints)} waypoints, {figures.length_m / 1000:.2f} km, {figures.photos} photos → {out}")


def _read(
    source: Path, home: str | None, home_alt_msl_m: float, terrain: Path | None
) -> tuple[Mission, tuple[str, ...]]:
    if source.suffix.lower() != ".kmz":
        if home is not None:
            fail("--home goes with a .kmz; other missions tell where home is.")
        return read_mission(source, terrain=None if terrain is None else DemTerrain.open(terrain)), ()
    goes_with("a .plan or .waypoints", terrain=terrain)
    lon, lat = lonlat(home) if home is not None else (0.0, 0.0)
    place = Home(lon=lon, lat=lat, alt_msl_m=home_alt_msl_m) if home is not None else None
    read = read_wpml(source, FlightLimits(store=VEHICLES["dji"]), home=place)
    return read.mission, read.lost


def _writer(out: Path, options: WpmlOptions) -> Callable[[Mission], tuple[str, ...]]:
    match out.suffix.lower():
        case ".kmz":
            return lambda mission: write_wpml(out, mission, options, made_at=datetime.now(UTC))
        case ".plan":
            return lambda mission: _plan(out, mission)
        case ".waypoints":
            return lambda mission: _waypoints(out, mission)
        case ".kml":
            return lambda mission: _map(lambda: write_kml(out, [mission]))
        case ".geojson":
            return lambda mission: _map(lambda: write_mission_geojson(out, mission))
    fail(
        f"{out}: {out.suffix or 'no ending'} is no format of missions. "
        "End it in .plan, .waypoints, .kmz, .kml or .geojson."
    )


def _plan(out: Path, mission: Mission) -> tuple[str, ...]:
    write_plan(out, _for_autopilot(mission))
    return ()


def _waypoints(out: Path, mission: Mission) -> tuple[str, ...]:
    write_waypoints(out, _for_autopilot(mission))
    guards = (
        ("when it may take off, and its approvals", mission.clearance is not None and not mission.clearance.is_open),
        ("the fence", mission.fence is not None),
        (f"{len(mission.rally)} rally points", bool(mission.rally)),
        (f"{len(mission.obstacles)} obstacles", bool(mission.obstacles)),
        ("the height for flying home over the ground", mission.least_return_m is not None),
    )
    return tuple(f"{what}: the format has none; a .plan has" for what, is_there in guards if is_there)


def _returning_over(mission: Mission, options: WpmlOptions) -> WpmlOptions:
    """The options, with a height for flying back that clears the ground, as far as it is known, and obstacles."""
    if not mission.obstacles and mission.terrain is None and mission.least_return_m is None:
        return options
    try:
        needed_m = return_height_m(mission)
    except ValueError as error:
        fail(f"{error}. Give an elevation model that covers it.")
    if options.rth_height_m is not None and options.rth_height_m < needed_m:
        fail(
            f"--rth-height-m {options.rth_height_m:g} does not clear the ground, or what stands on the way home. "
            f"Give {needed_m:g}."
        )
    return replace(options, rth_height_m=options.rth_height_m or needed_m)


def _for_autopilot(mission: Mission) -> Mission:
    """The mission, held to what an autopilot keeps, which is less than a dock."""
    return replace(mission, limits=replace(mission.limits, store=FlightLimits().store))


def _map(write: Callable[[], None]) -> tuple[str, ...]:
    write()
    return ("speeds, camera and photos: this is a map, and nothing flies it",)
