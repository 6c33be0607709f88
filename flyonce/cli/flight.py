"""`flyonce vehicle`, `upload` and `fly`: from a mission file to a flown mission."""

from __future__ import annotations

import signal
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from flightplan.flight import fly as fly_mission
from flightplan.link import open_link
from flightplan.upload import upload as upload_mission
from flightplan.vehicle import SimulatedVehicle
from flyonce.cli.lawful import AirspaceFiles, TerrainFile, mission_to_fly
from flyonce.cli.options import AsJson, LinkUrl, lonlat
from flyonce.cli.output import emit_json, progress, say


def vehicle(
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port on loopback; 0 picks a free one.")] = 5760,
    home: Annotated[
        str | None,
        typer.Option(help="Where it stands, LON,LAT in degrees; default: at the home of the first uploaded mission."),
    ] = None,
    home_alt_msl_m: Annotated[float, typer.Option(help="Ground height there above mean sea level.")] = 0.0,
    speedup: Annotated[float, typer.Option(min=0.1, max=200, help="How much faster than real time it flies.")] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Run a simulated MAVLink vehicle until it is stopped with Ctrl-C."""
    lon, lat = lonlat(home) if home else (None, None)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    simulated = SimulatedVehicle(port=port, home_lon=lon, home_lat=lat, home_alt_msl_m=home_alt_msl_m, speedup=speedup)
    if as_json:
        emit_json({"link": f"tcp:127.0.0.1:{simulated.port}", "port": simulated.port, "speedup": speedup})
    say(f"simulated vehicle at tcp:127.0.0.1:{simulated.port}; stop it with Ctrl-C")
    simulated.serve(stop)


def upload(
    mission_file: Annotated[Path, typer.Argument(help="A .plan or .waypoints file.")],
    link: LinkUrl,
    terrain: TerrainFile = None,
    airspace: AirspaceFiles = None,
    as_json: AsJson = False,
) -> None:
    """Upload a mission, read it back and compare."""
    mission = mission_to_fly(mission_file, terrain, airspace)
    with open_link(link) as connection, progress("uploading") as ticker:
        done = upload_mission(connection, mission, ticker.reached)
    if as_json:
        emit_json({"verified": True, **asdict(done)})
    else:
        say(f"{done.items} items uploaded, read back and equal, in {done.seconds:.1f} s")


def fly(
    mission_file: Annotated[Path, typer.Argument(help="The mission that was uploaded: .plan or .waypoints.")],
    link: LinkUrl,
    tlog: Annotated[Path | None, typer.Option(help="Telemetry log to write.")] = None,
    terrain: TerrainFile = None,
    airspace: AirspaceFiles = None,
    as_json: AsJson = False,
) -> None:
    """Arm, start the uploaded mission and follow it to its end; refused unless the vehicle holds this very mission."""
    mission = mission_to_fly(mission_file, terrain, airspace)
    record = tlog or mission_file.with_suffix(".tlog")
    planned = mission.figures()
    with open_link(link) as connection, progress("flying", total=planned.photos) as ticker:
        flown = fly_mission(connection, mission, on_photo=lambda _: ticker.advance(), tlog_path=record)
    result = {
        "flown_m": round(flown.flown_m, 1),
        "planned_m": round(planned.length_m, 1),
        "photos": len(flown.photos),
        "planned_photos": planned.photos,
        "flight_s": round(flown.duration_s, 1),
        "completed": flown.completed,
        "tlog": str(record),
    }
    if as_json:
        emit_json(result)
    else:
        say(f"flown {flown.flown_m / 1000:.2f} km, {len(flown.photos)} photos; log in {record}")
