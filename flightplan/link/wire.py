"""One connection with everything that shares it: packets in and out, our heartbeat, signatures, listeners."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import LinkClosed
from flightplan.link.signing import SigningKey, check_incoming, sign_outgoing
from flightplan.link.transports import Transport

Message = Any  # pymavlink's messages carry no types
Listener = Callable[[bytes, datetime], None]

GROUND_STATION_SYSTEM = 255
GROUND_STATION_COMPONENT = 190
HEARTBEAT_PERIOD_S = 1.0
_AUTOPILOT_COMPONENT = 1
# Of telemetry that nobody fetches, the latest is kept: about a minute of a fast simulation.
_MOST_PENDING = 50_000
_SIGNED_FLAG = 1


class Wire:
    """A transport, and the links to the vehicles behind it.

    Any number of threads may wait for messages: one of them reads for all. Our heartbeat is sent by a thread of its
    own, because a vehicle takes a silent ground station for a lost one.

    Args:
        transport: An open connection.
        url: For error messages.
        system_id: Our own, as a ground station.
        component_id: Our own.
        key: Signs what is sent, and drops what comes unsigned or wrongly signed.
        reopen: Opens the same connection anew; without it, a broken one stays broken.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        url: str = "",
        system_id: int = GROUND_STATION_SYSTEM,
        component_id: int = GROUND_STATION_COMPONENT,
        key: SigningKey | None = None,
        reopen: Callable[[], Transport] | None = None,
    ) -> None:
        self.url = url
        self.key = key
        self.system_id = system_id
        self.component_id = component_id
        self.autopilots_heard: set[int] = set()
        self.refused_packets = 0
        self.hears_signatures = False
        self._transport = transport
        self._reopen = reopen
        self._out = dialect.MAVLink(None, srcSystem=system_id, srcComponent=component_id)
        self._in = dialect.MAVLink(None)
        self._in.robust_parsing = True
        if key is not None:
            sign_outgoing(self._out, key)
            check_incoming(self._in, key)
        self._sending = threading.Lock()
        self._arrived = threading.Condition()
        self._reading = False
        self._queues: list[deque[Message]] = []
        self._listeners: list[Listener] = []
        self._telling = threading.Lock()
        self._closed = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="mavlink-heartbeat", daemon=True)
        self._heart.start()

    def subscribe(self) -> deque[Message]:
        """A queue that gets every message from now on."""
        queue: deque[Message] = deque(maxlen=_MOST_PENDING)
        with self._arrived:
            self._queues.append(queue)
        return queue

    def leave(self, queue: deque[Message]) -> None:
        """Gives a queue back; with the last one the connection ends."""
        with self._arrived:
            self._queues = [other for other in self._queues if other is not queue]
            is_last = not self._queues
        if is_last:
            self._close()

    def send(self, message: Message) -> None:
        """Sends one message.

        Raises:
            LinkClosed: The connection broke.
        """
        with self._sending:
            if self.key is not None:
                self._out.signing.timestamp = self.key.next_stamp()
            packet = bytes(message.pack(self._out))
            self._out.seq = (self._out.seq + 1) % 256
            try:
                self._transport.write(packet)
            except OSError as error:
                raise self._broken(error) from error
        self._tell(packet)

    def wait(self, queue: deque[Message], timeout_s: float) -> None:
        """Returns when something is in the queue, or may be, or time is over.

        Raises:
            LinkClosed: The connection broke.
        """
        with self._arrived:
            if queue:
                return
            if self._reading:
                self._arrived.wait(timeout_s)
                return
            self._reading = True
        try:
            self._read(timeout_s)
        finally:
            self._reads_no_more()

    def reopen(self) -> None:
        """Opens the connection anew.

        Raises:
            LinkClosed: It cannot be opened, now or ever.
        """
        if self._reopen is None:
            raise LinkClosed(url=self.url, problem="this connection cannot be opened again")
        with self._alone(), self._sending:
            # First closed: a listener's port, or a serial line, is free only then.
            self._transport.close()
            self._transport = self._reopen()

    @property
    def can_reopen(self) -> bool:
        """Whether a broken connection may be opened anew."""
        return self._reopen is not None

    def add_listener(self, listener: Listener) -> None:
        """Calls `listener` with every packet, received or sent, and the time (aware UTC), one after another."""
        with self._telling:
            self._listeners.append(listener)

    def remove_listener(self, listener: Listener) -> None:
        """Stops calling it; once this returns, no call is under way."""
        with self._telling:
            self._listeners.remove(listener)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """While the context lasts no other thread reads."""
        with self._arrived:
            self._arrived.wait_for(lambda: not self._reading)
            self._reading = True
        try:
            yield
        finally:
            self._reads_no_more()

    def _reads_no_more(self) -> None:
        with self._arrived:
            self._reading = False
            self._arrived.notify_all()

    def _close(self) -> None:
        self._closed.set()
        self._heart.join(timeout=2 * HEARTBEAT_PERIOD_S)
        self._transport.close()

    def _read(self, timeout_s: float) -> None:
        try:
            data = self._transport.read(timeout_s)
        except (OSError, ValueError) as error:  # ValueError: closed by another thread in the meantime
            raise self._broken(error) from error
        messages = (self._in.parse_buffer(data) or ()) if data else ()
        for message in messages:
            if message.get_type() == "BAD_DATA":
                self.refused_packets += message.reason == "Invalid signature"
                continue
            self._note(message)
            self._tell(bytes(message.get_msgbuf()))
            with self._arrived:
                for queue in self._queues:
                    queue.append(message)

    def _note(self, message: Message) -> None:
        self.hears_signatures |= bool(message.get_header().incompat_flags & _SIGNED_FLAG)
        has_attitude = message.get_srcComponent() == _AUTOPILOT_COMPONENT and message.get_type() == "ATTITUDE"
        if has_attitude or is_from_autopilot(message):
            self.autopilots_heard.add(message.get_srcSystem())

    def _tell(self, packet: bytes) -> None:
        with self._telling:
            now = datetime.now(UTC)
            for listener in self._listeners:
                listener(packet, now)

    def _broken(self, error: Exception) -> LinkClosed:
        return LinkClosed(url=self.url, problem=f"the connection broke ({error})")

    def _beat(self) -> None:
        for _ in itertools.count():
            try:
                self.send(heartbeat())
            except LinkClosed:
                if not self.can_reopen:
                    return
            if self._closed.wait(HEARTBEAT_PERIOD_S):
                return


def is_from_autopilot(message: Message) -> bool:
    """Whether it is the heartbeat of an autopilot.

    Stations, gimbals and cameras have heartbeats too, and not all of them say that they are no autopilot.
    """
    if message.get_type() != "HEARTBEAT" or message.type == dialect.MAV_TYPE_GCS:
        return False
    known = (dialect.MAV_AUTOPILOT_ARDUPILOTMEGA, dialect.MAV_AUTOPILOT_PX4)
    is_first = message.get_srcComponent() == _AUTOPILOT_COMPONENT
    return message.autopilot in known or (is_first and message.autopilot != dialect.MAV_AUTOPILOT_INVALID)


def heartbeat() -> Message:
    """HEARTBEAT of a ground station."""
    return dialect.MAVLink_heartbeat_message(
        dialect.MAV_TYPE_GCS, dialect.MAV_AUTOPILOT_INVALID, 0, 0, dialect.MAV_STATE_ACTIVE, 3
    )
