"""Byte streams that MAVLink runs over: TCP, UDP and serial lines, opened by address."""

from __future__ import annotations

import contextlib
import importlib
import select
import socket
import time
from typing import Any, Protocol

from flightplan.errors import LinkClosed

# Host and port; IPv6 adds flow and scope.
SocketAddress = tuple[Any, ...]
_BIGGEST_READ = 65_536
_DEFAULT_PORTS = {"tcp": 5760, "udp": 14550, "udpout": 14550}
_DEFAULT_BAUD = 57_600
_CONNECT_TIMEOUT_S = 5.0
_WRITE_TIMEOUT_S = 5.0
_MOST_PEERS = 16
_PEER_FORGOTTEN_S = 60.0


class Transport(Protocol):
    """What a link needs of a connection."""

    def read(self, timeout_s: float) -> bytes:
        """Bytes that have come, or nothing when none came in time. Raises OSError when the connection broke."""

    def write(self, packet: bytes) -> None:
        """Sends one packet. Raises OSError when the connection broke."""

    def close(self) -> None:
        """Ends the connection."""


def open_transport(url: str) -> Transport:
    """Opens `tcp:host:port`, `udp:host:port` (listens), `udpout:host:port` (sends) or `serial:device[:baud]`.

    Raises:
        LinkClosed: The address is not one of these, or nothing answers there.
    """
    kind, _, rest = url.partition(":")
    try:
        match kind:
            case "tcp":
                return _TcpTransport(_host_port(url, kind, rest))
            case "udp" | "udpin":
                return _UdpTransport(bind=_host_port(url, "udp", rest))
            case "udpout":
                return _UdpTransport(peer=_host_port(url, kind, rest))
            case "serial":
                return _serial(rest)
    except socket.gaierror as error:
        raise LinkClosed(url=url, problem=f"names a host that is not known here ({error.strerror})") from error
    except OSError as error:
        raise LinkClosed(url=url, problem=f"cannot be opened ({error.strerror or error})") from error
    except UnicodeError as error:
        raise LinkClosed(url=url, problem="names a host that cannot be one") from error
    raise LinkClosed(
        url=url, problem="is not an address like tcp:127.0.0.1:5760, udp:0.0.0.0:14550 or serial:/dev/tty…"
    )


def udp_address(host: str, port: int) -> tuple[socket.AddressFamily, SocketAddress]:
    """What a name or number means for UDP; where a name has both kinds of address, the IPv4 one.

    Raises:
        OSError: The name is not known.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    family, *_, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, address


def _host_port(url: str, kind: str, rest: str) -> tuple[str, int]:
    rest = rest.strip("/")
    if rest.startswith("["):
        host, closing, port = rest[1:].partition("]")
        if not closing or (port and not port.startswith(":")):
            raise LinkClosed(url=url, problem=f"is not an address like {kind}:[::1]:{_DEFAULT_PORTS[kind]}")
        port = port[1:]
    elif rest.count(":") > 1:
        problem = (
            f"has more than one port; an IPv6 address stands in brackets, like {kind}:[::1]:{_DEFAULT_PORTS[kind]}"
        )
        raise LinkClosed(url=url, problem=problem)
    else:
        host, _, port = rest.rpartition(":")
        if not host and port and not port.isdigit():
            host, port = port, ""
    try:
        number = int(port) if port else _DEFAULT_PORTS[kind]
    except ValueError as error:
        raise LinkClosed(url=url, problem=f"{port!r} is not a port number") from error
    if not 0 < number < 65_536:
        raise LinkClosed(url=url, problem=f"{number} is not a port number")
    return host or "127.0.0.1", number


class _TcpTransport:
    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address, timeout=_CONNECT_TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def read(self, timeout_s: float) -> bytes:
        if not select.select([self._socket], [], [], max(timeout_s, 0.0))[0]:
            return b""
        data = self._socket.recv(_BIGGEST_READ)
        if not data:
            raise ConnectionResetError("the vehicle closed the connection")
        return data

    def write(self, packet: bytes) -> None:
        self._socket.sendall(packet)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class _UdpTransport:
    """Either end of UDP; a listener answers everybody who wrote lately, because a link may hold several vehicles."""

    def __init__(self, *, bind: tuple[str, int] | None = None, peer: tuple[str, int] | None = None) -> None:
        family, address = udp_address(*(bind or peer or ("", 0)))
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._peer = address if peer is not None else None
        self._heard_s: dict[SocketAddress, float] = {}
        if bind is not None:
            try:
                if family == socket.AF_INET6:
                    # A listener to everybody hears IPv4 too.
                    self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
                self._socket.bind(address)
            except OSError:
                self._socket.close()
                raise

    def read(self, timeout_s: float) -> bytes:
        if not select.select([self._socket], [], [], max(timeout_s, 0.0))[0]:
            return b""
        data, sender = self._socket.recvfrom(_BIGGEST_READ)
        if self._peer is None:
            self._heard_s[sender] = time.monotonic()
            if len(self._heard_s) > _MOST_PEERS:
                del self._heard_s[min(self._heard_s, key=self._heard_s.__getitem__)]
        elif sender[1] != self._peer[1]:
            return b""
        return data

    def write(self, packet: bytes) -> None:
        if self._peer is not None:
            self._socket.sendto(packet, self._peer)
            return
        lately_s = time.monotonic() - _PEER_FORGOTTEN_S
        for peer in [peer for peer, heard_s in list(self._heard_s.items()) if heard_s >= lately_s]:
            self._socket.sendto(packet, peer)

    def close(self) -> None:
        self._socket.close()


class _SerialPort(Protocol):
    """The part of pyserial's `Serial` that is used."""

    timeout: float
    in_waiting: int

    def read(self, size: int) -> bytes: ...

    def write(self, data: bytes) -> int: ...

    def close(self) -> None: ...


class _SerialTransport:
    def __init__(self, port: _SerialPort) -> None:
        self._port = port

    def read(self, timeout_s: float) -> bytes:
        self._port.timeout = max(timeout_s, 0.0)
        first: bytes = self._port.read(1)
        return first + bytes(self._port.read(self._port.in_waiting)) if first else b""

    def write(self, packet: bytes) -> None:
        self._port.write(packet)

    def close(self) -> None:
        self._port.close()


def _serial(rest: str) -> Transport:
    # Loaded here: most links are sockets.
    serial = importlib.import_module("serial")
    device, _, baud = rest.rpartition(":")
    if not device or not baud.isdigit():
        device, baud = rest, str(_DEFAULT_BAUD)
    # A radio that takes nothing more must not hold everybody who sends.
    return _SerialTransport(serial.Serial(device, int(baud), write_timeout=_WRITE_TIMEOUT_S))
