"""A MAVLink connection to one vehicle: messages in and out, a heartbeat of our own, and listeners that record."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import LinkClosed, NoAnswer
from flightplan.mavlink import Autopilot
from flightplan.transports import Transport, open_transport

Message = Any  # pymavlink's messages carry no types
Listener = Callable[[bytes, datetime], None]

GROUND_STATION_SYSTEM = 255
GROUND_STATION_COMPONENT = 190
HEARTBEAT_PERIOD_S = 1.0
_AUTOPILOT_COMPONENT = 1
_SLICE_S = 0.2


class Link:
    """Messages to and from the vehicle behind a transport.

    `receive` is for one thread at a time; `send` may be called from any. Our heartbeat is sent by a thread of
    its own, because a vehicle takes a silent ground station for a lost one.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        url: str = "",
        system_id: int = GROUND_STATION_SYSTEM,
        component_id: int = GROUND_STATION_COMPONENT,
    ) -> None:
        self.url = url
        self._transport = transport
        self._codec = dialect.MAVLink(None, srcSystem=system_id, srcComponent=component_id)
        self._codec.robust_parsing = True
        self._lock = threading.Lock()
        self._pending: deque[Message] = deque()
        self._listeners: list[Listener] = []
        self._telling = threading.Lock()
        self._closed = threading.Event()
        self.vehicle_system = 0
        self.vehicle_component = _AUTOPILOT_COMPONENT
        self.autopilot = Autopilot.ARDUPILOT
        self._heart = threading.Thread(target=self._beat, name="mavlink-heartbeat", daemon=True)
        self._heart.start()

    def wait_for_vehicle(self, timeout_s: float = 10.0) -> None:
        """Waits for the heartbeat of an autopilot, and speaks to it and in its dialect from then on.

        Raises:
            NoAnswer: No heartbeat came in time.
            LinkClosed: The connection broke.
        """
        until = time.monotonic() + timeout_s
        while (left_s := until - time.monotonic()) > 0:
            message = self.receive(("HEARTBEAT",), left_s)
            if message is None or message.autopilot == dialect.MAV_AUTOPILOT_INVALID:
                continue
            self.vehicle_system = message.get_srcSystem()
            self.vehicle_component = message.get_srcComponent()
            is_px4 = message.autopilot == Autopilot.PX4.value
            self.autopilot = Autopilot.PX4 if is_px4 else Autopilot.ARDUPILOT
            return
        raise NoAnswer(waiting_for="heartbeat", tries=1, seconds=timeout_s)

    def send(self, message: Message) -> None:
        """Sends one message.

        Raises:
            LinkClosed: The connection broke.
        """
        with self._lock:
            packet = bytes(message.pack(self._codec))
            self._codec.seq = (self._codec.seq + 1) % 256
            try:
                self._transport.write(packet)
            except OSError as error:
                raise LinkClosed(url=self.url, problem=f"the connection broke ({error})") from error
        self._tell(packet)

    def receive(self, kinds: Iterable[str] = (), timeout_s: float = 1.0) -> Message | None:
        """The next message from the vehicle of one of `kinds` (of any, when empty), or None when none came in time.

        Messages of other kinds are dropped on the way, after the listeners had them.

        Raises:
            LinkClosed: The connection broke.
        """
        wanted = frozenset(kinds)
        until = time.monotonic() + timeout_s
        while True:
            while self._pending:
                message = self._pending.popleft()
                if self._is_ours(message) and (not wanted or message.get_type() in wanted):
                    return message
            left_s = until - time.monotonic()
            if left_s < 0:
                return None
            self._read(min(left_s, _SLICE_S))

    def drop_pending(self) -> None:
        """Forgets what has come so far, so that an old answer is not taken for a new one."""
        self._read(0.0)
        self._pending.clear()

    def add_listener(self, listener: Listener) -> None:
        """Calls `listener` with every packet, received or sent, and the time (aware UTC), one after another."""
        with self._telling:
            self._listeners.append(listener)

    def remove_listener(self, listener: Listener) -> None:
        """Stops calling it; once this returns, no call is under way."""
        with self._telling:
            self._listeners.remove(listener)

    def close(self) -> None:
        """Stops the heartbeat and ends the connection."""
        self._closed.set()
        self._heart.join(timeout=2 * HEARTBEAT_PERIOD_S)
        self._transport.close()

    def __enter__(self) -> Link:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _is_ours(self, message: Message) -> bool:
        if message.get_type() == "BAD_DATA":
            return False
        return self.vehicle_system in (0, message.get_srcSystem())

    def _read(self, timeout_s: float) -> None:
        try:
            data = self._transport.read(timeout_s)
        except OSError as error:
            raise LinkClosed(url=self.url, problem=f"the connection broke ({error})") from error
        for message in self._codec.parse_buffer(data) or () if data else ():
            self._pending.append(message)
            if message.get_type() != "BAD_DATA":
                self._tell(bytes(message.get_msgbuf()))

    def _tell(self, packet: bytes) -> None:
        with self._telling:
            now = datetime.now(UTC)
            for listener in self._listeners:
                listener(packet, now)

    def _beat(self) -> None:
        for _ in itertools.count():
            try:
                self.send(_heartbeat())
            except LinkClosed:
                return
            if self._closed.wait(HEARTBEAT_PERIOD_S):
                return


def open_link(url: str, *, timeout_s: float = 10.0) -> Link:
    """Opens `tcp:host:port`, `udp:host:port`, `udpout:host:port` or `serial:device[:baud]` and waits for a vehicle.

    Raises:
        LinkClosed: Nothing answers at this address.
        NoAnswer: Something answers, but sends no heartbeat within `timeout_s`.
    """
    link = Link(open_transport(url), url=url)
    try:
        link.wait_for_vehicle(timeout_s)
    except BaseException:
        link.close()
        raise
    return link


def _heartbeat() -> Message:
    return dialect.MAVLink_heartbeat_message(
        dialect.MAV_TYPE_GCS,
        dialect.MAV_AUTOPILOT_INVALID,
        0,
        0,
        dialect.MAV_STATE_ACTIVE,
        3,
    )
