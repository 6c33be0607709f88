"""`flyonce vehicle` and `signing-key`: a simulated vehicle to fly against, and the key that a vehicle obeys."""

from __future__ import annotations

import signal
import threading
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flightplan.link.mavlink import Autopilot
from flightplan.link.signing import SigningKey
from flightplan.vehicle import SimulatedVehicle, VehicleSetup, Wind
from flyonce.cli.options import AsJson, lonlat
from flyonce.cli.output import emit_json, say


class Dialect(StrEnum):
    """Whose dialect of MAVLink is spoken."""

    ARDUPILOT = "ardupilot"
    PX4 = "px4"


def vehicle(
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP and UDP port on loopback; 0 picks one.")] = 5760,
    home: Annotated[
        str | None,
        typer.Option(help="Where it stands, LON,LAT in degrees; default: at the home of the first uploaded mission."),
    ] = None,
    home_alt_msl_m: Annotated[float, typer.Option(help="Ground height there above mean sea level.")] = 0.0,
    speedup: Annotated[float, typer.Option(min=0.1, max=200, help="How much faster than real time it flies.")] = 1.0,
    dialect: Annotated[Dialect, typer.Option(help="Whose dialect it speaks.")] = Dialect.ARDUPILOT,
    count: Annotated[int, typer.Option(min=1, max=50, help="Vehicles on this port, 4 m apart.")] = 1,
    system_id: Annotated[int, typer.Option(min=1, max=254, help="Of the first one; the others count on.")] = 1,
    udp_to: Annotated[
        list[str] | None, typer.Option(help="HOST:PORT of a ground station that waits to be spoken to.")
    ] = None,
    wind: Annotated[str | None, typer.Option(help="SPEED,FROM[,GUSTS] in m/s, degrees, m/s, like 6,270,1.5.")] = None,
    endurance_min: Annotated[float, typer.Option(min=0.1, help="Flight time of a full battery.")] = 60.0,
    max_airspeed_m_s: Annotated[float, typer.Option(min=0.5, help="Greatest speed through the air.")] = 23.0,
    station_timeout_s: Annotated[
        float | None, typer.Option(min=0.1, help="It returns after so long without a ground station; default never.")
    ] = None,
    fence_height_m: Annotated[
        float | None, typer.Option(min=1.0, help="Height limit of its fence, above home; default none.")
    ] = None,
    fence_radius_m: Annotated[
        float | None, typer.Option(min=1.0, help="Limit of its fence's distance from home; default none.")
    ] = None,
    signing_key: Annotated[
        Path | None, typer.Option(help="It signs, and obeys only what is signed, with the key in this file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run simulated MAVLink vehicles until they are stopped with Ctrl-C."""
    lon, lat = lonlat(home) if home else (None, None)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    simulated = SimulatedVehicle(
        port=port,
        home_lon=lon,
        home_lat=lat,
        home_alt_msl_m=home_alt_msl_m,
        speedup=speedup,
        setup=VehicleSetup(
            dialect=Autopilot.PX4 if dialect is Dialect.PX4 else Autopilot.ARDUPILOT,
            max_airspeed_m_s=max_airspeed_m_s,
            endurance_s=endurance_min * 60.0,
            station_timeout_s=station_timeout_s,
            max_height_m=fence_height_m,
            max_distance_m=fence_radius_m,
            wind=_wind(wind) if wind is not None else Wind(),
        ),
        count=count,
        system_id=system_id,
        key=SigningKey(signing_key) if signing_key is not None else None,
        udp_to=tuple(_host_port(one) for one in udp_to or ()),
    )
    ids = [craft.system_id for craft in simulated.crafts]
    if as_json:
        emit_json(
            {
                "link": simulated.address,
                "udp_link": simulated.udp_address,
                "port": simulated.port,
                "system_ids": ids,
                "speedup": speedup,
            }
        )
    who = "simulated vehicle" if count == 1 else f"{count} simulated vehicles ({ids[0]} to {ids[-1]})"
    say(f"{who} at {simulated.address} and {simulated.udp_address}; stop with Ctrl-C")
    simulated.serve(stop)


def signing_key(
    path: Annotated[Path, typer.Argument(help="The key file to make.")],
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help="Ask for words that other ground stations know too; else random.")
    ] = False,
) -> None:
    """Make the key of a vehicle that obeys only signed messages."""
    words = typer.prompt("passphrase", hide_input=True) if passphrase else None
    SigningKey.create(path, passphrase=words)
    say(f"{path}: new signing key; only its owner may read it")


def _wind(text: str) -> Wind:
    try:
        speed, direction, *gusts = (float(part) for part in text.split(","))
        (gust,) = gusts or (0.0,)
        return Wind(speed_m_s=speed, from_deg=direction, gust_m_s=gust)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not SPEED,FROM or SPEED,FROM,GUSTS, like 6,270,1.5") from None


def _host_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise typer.BadParameter(f"{text!r} is not HOST:PORT, like 127.0.0.1:14550")
    return host, int(port)
