"""The simulated vehicle as a TCP server: several ground stations may connect, together or one after another."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import LinkClosed
from flightplan.kinematics import Kinematics
from flightplan.mavlink import MissionItem, home_from_item
from flightplan.mission import Home
from flightplan.vehicle.autopilot import Autopilot
from flightplan.vehicle.commands import CommandDesk
from flightplan.vehicle.mission_desk import MissionDesk
from flightplan.vehicle.telemetry import Telemetry

Message = Any

VEHICLE_SYSTEM = 1
_SOMEWHERE = Home(lon=118.87, lat=28.94, alt_msl_m=70.0)
_AUTOPILOT_COMPONENT = 1
_STEP_S = 0.05
_LOOP_S = 0.01
_LONGEST_CATCH_UP_S = 0.25
_FAST_PERIOD_S = 0.25
_SLOW_PERIOD_S = 1.0
_TELEMETRY_BACKLOG_BYTES = 262_144
_GREATEST_BACKLOG_BYTES = 8_388_608


class SimulatedVehicle:
    """An ArduCopter look-alike on a TCP port.

    Args:
        port: Where to listen; 0 takes a free port (see `address`).
        home_lon: Where it stands, degrees. Left out, it stands where the first mission has its home.
        home_lat: Where it stands, degrees.
        home_alt_msl_m: Ground height there.
        speedup: Simulated seconds per second, while armed; on the ground it runs in real time.
        host: Address to listen on; loopback unless told.
        kinematics: Its limits of motion.
        endurance_s: Flight time of a full battery.
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
        kinematics: Kinematics | None = None,
        endurance_s: float = 3_600.0,
    ) -> None:
        if not 0 < speedup <= 1000:
            raise ValueError(f"speedup must lie between 0 and 1000, not {speedup:g}")
        if (home_lon is None) != (home_lat is None):
            raise ValueError("home needs both a longitude and a latitude")
        home = _SOMEWHERE
        if home_lon is not None and home_lat is not None:
            home = Home(lon=home_lon, lat=home_lat, alt_msl_m=home_alt_msl_m)
        self._takes_home_from_mission = home_lon is None
        self.speedup = speedup
        self.autopilot = Autopilot(home=home, kinematics=kinematics or Kinematics(), endurance_s=endurance_s)
        self._telemetry = Telemetry(self.autopilot, datetime.now(UTC))
        self._missions = MissionDesk(self._load)
        self._commands = CommandDesk(self.autopilot, self._telemetry)
        self.autopilot.on_photo = lambda photo: self._broadcast(self._telemetry.photo(photo), must=True)
        self.autopilot.on_reached = lambda seq: self._broadcast_progress(seq)
        self.autopilot.on_text = lambda text: self._broadcast(_text(text), must=True)
        self._clients: list[_Client] = []
        self._dropping = threading.Event()
        self._fast_due_s = self._slow_due_s = 0.0
        self._listener = _listen(host, port)

    @property
    def address(self) -> str:
        """The link address, `tcp:host:port`."""
        host, port = self._listener.getsockname()[:2]
        return f"tcp:{host}:{port}"

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._listener.getsockname()[1])

    def serve(self, stop: threading.Event) -> None:
        """Runs until `stop` is set, then closes every connection."""
        last_s = time.monotonic()
        heartbeat_due_s = last_s
        try:
            while not stop.is_set():
                self._exchange(_LOOP_S)
                now_s = time.monotonic()
                self._advance(min(now_s - last_s, _LONGEST_CATCH_UP_S))
                last_s = now_s
                self._missions.tick(now_s)
                if now_s >= heartbeat_due_s:
                    self._broadcast(self._telemetry.heartbeat(), must=True)
                    heartbeat_due_s = now_s + 1.0
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
        for client in self._clients:
            client.close()
        self._clients.clear()
        self._listener.close()

    def drop_clients(self) -> None:
        """Breaks every connection from the next turn on, as a lost radio link does; stations may connect again."""
        self._dropping.set()

    def _load(self, items: tuple[MissionItem, ...]) -> Home:
        """Gives the autopilot a mission; returns where home then is."""
        if self._takes_home_from_mission and items and not self.autopilot.armed:
            self.autopilot.stand_at(home_from_item(items[0]))
        self.autopilot.load(items)
        return self.autopilot.home

    def _advance(self, wall_s: float) -> None:
        """Moves the simulated time on, in steps, and reports on the way."""
        left_s = wall_s * (self.speedup if self.autopilot.armed else 1.0)
        while left_s > 0:
            step_s = min(_STEP_S, left_s)
            was_armed = self.autopilot.armed
            self.autopilot.step(step_s)
            left_s -= step_s
            self._report()
            if was_armed and not self.autopilot.armed:
                self._broadcast(self._telemetry.heartbeat(), must=True)
                return

    def _report(self) -> None:
        now_s = self.autopilot.time_s
        if now_s >= self._fast_due_s:
            self._fast_due_s = now_s + _FAST_PERIOD_S - (now_s - self._fast_due_s) % _FAST_PERIOD_S
            self._broadcast_all(self._telemetry.fast())
        if now_s >= self._slow_due_s:
            self._slow_due_s = now_s + _SLOW_PERIOD_S - (now_s - self._slow_due_s) % _SLOW_PERIOD_S
            self._broadcast_all(self._telemetry.slow())

    def _exchange(self, wait_s: float) -> None:
        """Accepts, reads and writes whatever is ready."""
        if self._dropping.is_set():
            self._dropping.clear()
            for client in self._clients:
                client.close()
        # A client may have been closed while it was written to; its socket must not be waited for.
        self._clients = [client for client in self._clients if not client.closed]
        readers = [self._listener, *(client.socket for client in self._clients)]
        writers = [client.socket for client in self._clients if client.backlog]
        readable, writable, _ = select.select(readers, writers, [], wait_s)
        if self._listener in readable:
            self._accept()
        for client in self._clients:
            if client.socket in readable:
                for message in client.read():
                    self._handle(client, message)
            if client.socket in writable:
                client.flush()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # the station was gone again before it was let in
        client = _Client(connection)
        self._clients.append(client)
        client.send(self._telemetry.heartbeat())

    def _handle(self, client: _Client, message: Message) -> None:
        if getattr(message, "target_system", 0) not in (0, VEHICLE_SYSTEM):
            return
        if not self._missions.handle(message, client.send, time.monotonic()):
            was_armed, mode = self.autopilot.armed, self.autopilot.mode
            self._commands.handle(message, client.send)
            if (was_armed, mode) != (self.autopilot.armed, self.autopilot.mode):
                self._broadcast(self._telemetry.heartbeat(), must=True)

    def _broadcast_progress(self, seq: int) -> None:
        self._broadcast(dialect.MAVLink_mission_item_reached_message(seq), must=True)
        self._broadcast(self._telemetry.mission_current(), must=True)

    def _broadcast_all(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self._broadcast(message)

    def _broadcast(self, message: Message, must: bool = False) -> None:
        """To everybody; what is not a must is left out for a client that does not keep up."""
        for client in self._clients:
            if must or client.backlog < _TELEMETRY_BACKLOG_BYTES:
                client.send(message)


class _Client:
    """One connected ground station."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connection
        self.closed = False
        self._codec = dialect.MAVLink(None, srcSystem=VEHICLE_SYSTEM, srcComponent=_AUTOPILOT_COMPONENT)
        self._codec.robust_parsing = True
        self._outgoing = bytearray()

    @property
    def backlog(self) -> int:
        """Bytes that wait for the client to read."""
        return len(self._outgoing)

    def read(self) -> list[Message]:
        """Messages that came; marks the client as closed at the end of its stream."""
        try:
            data = self.socket.recv(65_536)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self.close()
            return []
        messages = self._codec.parse_buffer(data) or []
        return [message for message in messages if message.get_type() != "BAD_DATA"]

    def send(self, message: Message) -> None:
        """Sends now what the socket takes, the rest later."""
        if self.closed:
            return
        self._outgoing += message.pack(self._codec)
        self._codec.seq = (self._codec.seq + 1) % 256
        self.flush()

    def flush(self) -> None:
        """Writes as much as the socket takes; a client that reads nothing for long is dropped."""
        try:
            while self._outgoing:
                del self._outgoing[: self.socket.send(self._outgoing)]
        except BlockingIOError:
            if len(self._outgoing) > _GREATEST_BACKLOG_BYTES:
                self.close()
        except OSError:
            self.close()

    def close(self) -> None:
        """Ends the connection."""
        self.closed = True
        self._outgoing.clear()
        self.socket.close()


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise LinkClosed(
            url=f"tcp:{host}:{port}", problem=f"the vehicle cannot listen here ({error.strerror})"
        ) from error
    listener.listen()
    listener.setblocking(False)
    return listener


def _text(text: str) -> Message:
    return dialect.MAVLink_statustext_message(dialect.MAV_SEVERITY_INFO, text.encode()[:50])
