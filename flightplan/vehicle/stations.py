"""Ground stations as the simulated vehicle sees them: TCP connections, and addresses that sent UDP packets."""

from __future__ import annotations

import socket
import time
from collections import deque
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.link.signing import SigningKey, check_incoming, sign_outgoing

Message = Any
# Host and port; IPv6 adds flow and scope.
Address = tuple[Any, ...]

_AUTOPILOT_COMPONENT = 1
_GREATEST_BACKLOG_BYTES = 8_388_608
_TELEMETRY_BACKLOG_BYTES = 262_144
# Copies of a packet that the network made come within seconds; the packets' numbers begin again after 256.
_REMEMBERED_PACKETS = 64
_COPIES_WITHIN_S = 5.0


class Station:
    """The MAVLink side of one ground station: parses what it sends, packs what it gets."""

    def __init__(self, key: SigningKey | None) -> None:
        self._key = key
        self._in = dialect.MAVLink(None)
        self._in.robust_parsing = True
        if key is not None:
            check_incoming(self._in, key)
        self._out: dict[int, Any] = {}
        self._seen: deque[tuple[float, bytes]] = deque(maxlen=_REMEMBERED_PACKETS)
        self.closed = False

    @property
    def keeps_up(self) -> bool:
        """Whether it takes what is sent."""
        return True

    def send(self, system_id: int, message: Message) -> None:
        """Sends a message of one vehicle."""
        if self.closed:
            return
        codec = self._out.get(system_id)
        if codec is None:
            codec = self._out[system_id] = self._codec(system_id)
        if self._key is not None:
            codec.signing.timestamp = self._key.next_stamp()
        packet = bytes(message.pack(codec))
        codec.seq = (codec.seq + 1) % 256
        self.write(packet)

    def parsed(self, data: bytes) -> list[Message]:
        """The messages in what came; a command that the network doubled comes once."""
        messages = self._in.parse_buffer(data) or []
        return [one for one in messages if one.get_type() != "BAD_DATA" and not self._is_copy(one)]

    def write(self, packet: bytes) -> None:
        """Sends a packet."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends the connection."""
        self.closed = True

    def _codec(self, system_id: int) -> Any:  # noqa: ANN401 - pymavlink's MAVLink carries no types
        codec = dialect.MAVLink(None, srcSystem=system_id, srcComponent=_AUTOPILOT_COMPONENT)
        if self._key is not None:
            sign_outgoing(codec, self._key)
        return codec

    def _is_copy(self, message: Message) -> bool:
        if message.get_type() not in ("COMMAND_LONG", "COMMAND_INT"):
            return False
        packet, now_s = bytes(message.get_msgbuf()), time.monotonic()
        if any(packet == known and now_s - at_s < _COPIES_WITHIN_S for at_s, known in self._seen):
            return True
        self._seen.append((now_s, packet))
        return False


class TcpStation(Station):
    """A station on a TCP connection of its own."""

    def __init__(self, connection: socket.socket, key: SigningKey | None) -> None:
        super().__init__(key)
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connection
        self._outgoing = bytearray()

    @property
    def backlog(self) -> int:
        """Bytes that wait for the station to read."""
        return len(self._outgoing)

    @property
    def keeps_up(self) -> bool:
        """Whether it reads what is sent."""
        return len(self._outgoing) < _TELEMETRY_BACKLOG_BYTES

    def read(self) -> list[Message]:
        """Messages that came; marks the station as closed at the end of its stream."""
        try:
            data = self.socket.recv(65_536)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self.close()
            return []
        return self.parsed(data)

    def write(self, packet: bytes) -> None:
        """Sends now what the socket takes, the rest later."""
        self._outgoing += packet
        self.flush()

    def flush(self) -> None:
        """Writes as much as the socket takes; a station that reads nothing for long is dropped."""
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
        super().close()
        self._outgoing.clear()
        self.socket.close()


class UdpStation(Station):
    """A station at an address; what the network does not take at once is lost, as on a radio."""

    def __init__(self, shared: socket.socket, address: Address, key: SigningKey | None, *, stays: bool) -> None:
        super().__init__(key)
        self._socket = shared
        self.address = address
        self.stays = stays
        self.heard_s = 0.0

    def write(self, packet: bytes) -> None:
        """Sends a packet, or loses it."""
        try:
            self._socket.sendto(packet, self.address)
        except OSError:
            return
