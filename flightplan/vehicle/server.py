"""Simulated vehicles behind sockets: several ground stations may connect, by TCP and UDP, together or in turn."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from flightplan.link.signing import SigningKey
from flightplan.mission.mission import Home
from flightplan.projection import LocalFrame
from flightplan.vehicle.autopilot import Autopilot
from flightplan.vehicle.craft import Craft, Message
from flightplan.vehicle.harbour import Harbour
from flightplan.vehicle.setup import VehicleSetup
from flightplan.vehicle.stations import Address

_SOMEWHERE = Home(lon=118.87, lat=28.94, alt_msl_m=70.0)
_LOOP_S = 0.01
_LONGEST_CATCH_UP_S = 0.25
_APART_M = 4.0


class SimulatedVehicle:
    """One or several ArduCopter or PX4 look-alikes on a port.

    Args:
        port: Where to listen, for TCP and UDP; 0 takes a free port (see `address`).
        home_lon: Where it stands, degrees. Left out, it stands where the first mission has its home.
        home_lat: Where it stands, degrees.
        home_alt_msl_m: Ground height there.
        speedup: Simulated seconds per second, while armed; on the ground it runs in real time.
        host: Address to listen on; loopback unless told.
        setup: What it can do, and whose dialect it speaks.
        count: How many vehicles there are on this port, 4 m apart from west to east.
        system_id: Of the first one; the others count on.
        key: It signs what it sends and obeys only what is signed with this key.
        udp_to: Addresses of ground stations that wait to be spoken to.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        home_lon: float | None = None,
        home_lat: float | None = None,
        home_alt_msl_m: float = 0.0,
        speedup: float = 1.0,
        host: str = "127.0.0.1",
        setup: VehicleSetup | None = None,
        count: int = 1,
        system_id: int = 1,
        key: SigningKey | None = None,
        udp_to: tuple[Address, ...] = (),
    ) -> None:
        if not 0 < speedup <= 1000:
            raise ValueError(f"speedup must lie between 0 and 1000, not {speedup:g}")
        if (home_lon is None) != (home_lat is None):
            raise ValueError("home needs both a longitude and a latitude")
        if not 1 <= system_id <= system_id + count - 1 <= 254:
            raise ValueError("system ids must lie between 1 and 254")
        home = _SOMEWHERE
        if home_lon is not None and home_lat is not None:
            home = Home(lon=home_lon, lat=home_lat, alt_msl_m=home_alt_msl_m)
        self.speedup = speedup
        self.crafts = tuple(
            Craft(
                system_id=system_id + number,
                home=_beside(home, number * _APART_M),
                setup=setup or VehicleSetup(),
                speedup=speedup,
                broadcast=self._broadcast,
                takes_home_from_mission=home_lon is None,
            )
            for number in range(count)
        )
        self._dropping = threading.Event()
        self._harbour = Harbour(host, port, key, udp_to)

    @property
    def autopilot(self) -> Autopilot:
        """The first vehicle's."""
        return self.crafts[0].autopilot

    @property
    def address(self) -> str:
        """The link address, `tcp:host:port`."""
        return f"tcp:{self._bracketed_host}:{self.port}"

    @property
    def udp_address(self) -> str:
        """The link address for UDP, `udpout:host:port`."""
        return f"udpout:{self._bracketed_host}:{self.port}"

    @property
    def _bracketed_host(self) -> str:
        host = self._harbour.host
        return f"[{host}]" if ":" in host else host

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._harbour.port

    def serve(self, stop: threading.Event) -> None:
        """Runs until `stop` is set, then closes every connection."""
        last_s = time.monotonic()
        try:
            while not stop.is_set():
                self._exchange()
                now_s = time.monotonic()
                for craft in self.crafts:
                    craft.advance(min(now_s - last_s, _LONGEST_CATCH_UP_S), now_s)
                last_s = now_s
        finally:
            self.close()

    @contextlib.contextmanager
    def running(self) -> Iterator[SimulatedVehicle]:
        """Serves in a thread while the context lasts."""
        stop = threading.Event()
        thread = threading.Thread(target=self.serve, args=(stop,), name="simulated-vehicle", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            stop.set()
            thread.join(timeout=5.0)

    def close(self) -> None:
        """Closes the port and every connection."""
        self._harbour.close()

    def drop_clients(self) -> None:
        """Breaks every connection from the next turn on, as a lost radio link does; stations may connect again."""
        self._dropping.set()

    def _exchange(self) -> None:
        """Reads and answers whatever has come."""
        if self._dropping.is_set():
            self._dropping.clear()
            self._harbour.drop_stations()
        newcomers, messages = self._harbour.exchange(_LOOP_S)
        for station in newcomers:
            for craft in self.crafts:
                station.send(craft.system_id, craft.telemetry.heartbeat())
        now_s = time.monotonic()
        for station, message in messages:
            for craft in self.crafts:
                craft.handle(message, partial(station.send, craft.system_id), now_s)

    def _broadcast(self, system_id: int, message: Message, must: bool) -> None:
        """To everybody; what is not a must is left out for a station that does not keep up."""
        for station in self._harbour.stations():
            if must or station.keeps_up:
                station.send(system_id, message)


def _beside(home: Home, east_m: float) -> Home:
    if east_m == 0.0:
        return home
    lon, lat = LocalFrame(lon=home.lon, lat=home.lat).lonlat_from_en(np.array([[east_m, 0.0]]))[0]
    return replace(home, lon=float(lon), lat=float(lat))
