"""A MAVLink connection to one vehicle: messages to it and from it; several links may share one connection."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from types import TracebackType

from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import LinkClosed, NoAnswer, SeveralVehicles, SignatureNeeded
from flightplan.link.mavlink import Autopilot
from flightplan.link.signing import SigningKey
from flightplan.link.transports import open_transport
from flightplan.link.wire import Listener, Message, Wire, is_from_autopilot

__all__ = ["Link", "Listener", "Message", "Wire", "open_link"]

_AUTOPILOT_COMPONENT = 1
_SLICE_S = 0.2
_MOST_DROPPING_S = 2.0
# Answers to one ground station; another one on the same link must not take them for its own.
_ADDRESSED = frozenset(
    {"COMMAND_ACK", "MISSION_ACK", "MISSION_COUNT", "MISSION_ITEM_INT", "MISSION_REQUEST", "MISSION_REQUEST_INT"}
)


class Link:
    """Messages to and from one vehicle.

    `receive` is for one thread at a time; `send` may be called from any.

    Args:
        wire: The connection; it ends when the last link on it is closed.
        system_id: Of the vehicle; left out, it is the first one that is heard.
    """

    def __init__(self, wire: Wire, *, system_id: int | None = None) -> None:
        self._wire = wire
        self._pending = wire.subscribe()
        self._closing = threading.Lock()
        self._closed = False
        self._is_chosen = system_id is not None
        self._heard_s = time.monotonic()
        self.vehicle_system = system_id or 0
        self.vehicle_component = _AUTOPILOT_COMPONENT
        self.autopilot = Autopilot.ARDUPILOT
        self.is_armed = False

    @property
    def url(self) -> str:
        """The address of the connection."""
        return self._wire.url

    @property
    def wire(self) -> Wire:
        """The connection, for further links to other vehicles on it."""
        return self._wire

    def wait_for_vehicle(self, timeout_s: float = 10.0) -> None:
        """Waits for the heartbeat of an autopilot, and speaks to it and in its dialect from then on.

        Raises:
            NoAnswer: No heartbeat came in time.
            SignatureNeeded: Only packets came that are not signed with this link's key.
            LinkClosed: The connection broke.
        """
        until = time.monotonic() + timeout_s
        while (left_s := until - time.monotonic()) > 0:
            message = self.receive(("HEARTBEAT",), left_s)
            if message is None or not is_from_autopilot(message):
                continue
            self.vehicle_system = message.get_srcSystem()
            self.vehicle_component = message.get_srcComponent()
            is_px4 = message.autopilot == Autopilot.PX4.value
            self.autopilot = Autopilot.PX4 if is_px4 else Autopilot.ARDUPILOT
            return
        if self._wire.refused_packets:
            raise SignatureNeeded(problem="what comes from the vehicle is not signed with the key of this link")
        raise NoAnswer(waiting_for="heartbeat", tries=1, seconds=timeout_s)

    def require_commandable(self) -> None:
        """Checks that commands will reach the vehicle that is meant.

        Raises:
            SeveralVehicles: More than one was heard on this connection, and none was chosen.
            SignatureNeeded: The vehicle signs its messages, and this link has no key.
        """
        heard = self._wire.autopilots_heard
        if not self._is_chosen and len(heard) > 1:
            raise SeveralVehicles(system_ids=tuple(sorted(heard)))
        if self._wire.hears_signatures and self._wire.key is None:
            raise SignatureNeeded(problem="the vehicle signs its messages and obeys only signed ones")

    def listen(self, seconds: float) -> None:
        """Hears who else is there, and keeps nothing of it."""
        until = time.monotonic() + seconds
        while (left_s := until - time.monotonic()) > 0:
            self.receive((), left_s)

    def silent_s(self) -> float:
        """Seconds since anything was heard from the vehicle."""
        return time.monotonic() - self._heard_s

    def send(self, message: Message) -> None:
        """Sends one message.

        Raises:
            LinkClosed: The connection broke.
        """
        self._wire.send(message)

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
                if not self._is_ours(message):
                    continue
                self._note(message)
                if not wanted or message.get_type() in wanted:
                    return message
            left_s = until - time.monotonic()
            if left_s < 0:
                return None
            self._wire.wait(self._pending, min(left_s, _SLICE_S))

    def drop_pending(self) -> None:
        """Forgets what has come so far, so that an old answer is not taken for a new one."""
        until = time.monotonic() + _MOST_DROPPING_S
        self._wire.wait(self._pending, 0.0)
        while self._pending and time.monotonic() < until:
            while self._pending:
                message = self._pending.popleft()
                if self._is_ours(message):
                    self._note(message)
            self._wire.wait(self._pending, 0.0)

    def reopen(self) -> None:
        """Opens the connection anew after it broke.

        Raises:
            LinkClosed: It cannot be opened.
        """
        self._wire.reopen()

    @property
    def can_reopen(self) -> bool:
        """Whether a broken connection may be opened anew."""
        return self._wire.can_reopen

    def add_listener(self, listener: Listener) -> None:
        """Calls `listener` with every packet on this connection, received or sent, and the time (aware UTC)."""
        self._wire.add_listener(listener)

    def remove_listener(self, listener: Listener) -> None:
        """Stops calling it; once this returns, no call is under way."""
        self._wire.remove_listener(listener)

    def close(self) -> None:
        """Leaves the connection; the last link ends it."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        self._wire.leave(self._pending)

    def __enter__(self) -> Link:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _note(self, message: Message) -> None:
        self._heard_s = time.monotonic()
        if is_from_autopilot(message):
            self.is_armed = bool(message.base_mode & dialect.MAV_MODE_FLAG_SAFETY_ARMED)

    def _is_ours(self, message: Message) -> bool:
        if self.vehicle_system not in (0, message.get_srcSystem()):
            return False
        return message.get_type() not in _ADDRESSED or message.target_system in (0, self._wire.system_id)


def open_link(
    url: str,
    *,
    timeout_s: float = 10.0,
    system_id: int | None = None,
    key: SigningKey | None = None,
    listen_s: float = 0.0,
) -> Link:
    """Opens `tcp:host:port`, `udp:host:port`, `udpout:host:port` or `serial:device[:baud]` and waits for a vehicle.

    Args:
        url: The address.
        timeout_s: Longest wait for the vehicle's heartbeat.
        system_id: Which vehicle is meant; left out, there must be only one.
        key: Signs what is sent, and lets only what is signed with it come in.
        listen_s: Then listens for so long, to find out who else is there.

    Raises:
        LinkClosed: Nothing answers at this address.
        NoAnswer: Something answers, but sends no heartbeat within `timeout_s`.
        SignatureNeeded: What comes is not signed with `key`.
    """
    wire = Wire(open_transport(url), url=url, key=key, reopen=lambda: open_transport(url))
    link = Link(wire, system_id=system_id)
    try:
        link.wait_for_vehicle(timeout_s)
        link.listen(listen_s)
    except BaseException:
        link.close()
        raise
    return link


def reopened(link: Link, *, for_s: float, every_s: float = 0.5) -> None:
    """Opens a broken connection anew, trying for so long.

    Raises:
        LinkClosed: It could not be opened.
    """
    until = time.monotonic() + for_s
    while True:
        try:
            link.reopen()
        except LinkClosed:
            if time.monotonic() >= until or not link.can_reopen:
                raise
            time.sleep(every_s)
        else:
            return
