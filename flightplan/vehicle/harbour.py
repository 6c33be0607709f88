"""The sockets of the simulated vehicles: one port, for TCP and for UDP, with the ground stations on it."""

from __future__ import annotations

import contextlib
import select
import socket
import time

from flightplan.errors import LinkClosed
from flightplan.link.signing import SigningKey
from flightplan.link.transports import udp_address
from flightplan.vehicle.stations import Address, Message, Station, TcpStation, UdpStation

# A station on UDP sends a heartbeat each second; one that is silent for so long has gone.
_UDP_GONE_S = 30.0
_MOST_UDP_STATIONS = 64
_MOST_UDP_READS = 256
_TRIES = 16
_BIGGEST_PACKET = 65_536


class Harbour:
    """Lets ground stations in, and tells what they say."""

    def __init__(self, host: str, port: int, key: SigningKey | None, udp_to: tuple[Address, ...]) -> None:
        self._key = key
        self._tcp: list[TcpStation] = []
        self._udp: dict[Address, UdpStation] = {}
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        spoken_to = _resolved(udp_to, family)
        self._listener, self._udp_socket = _listen(host, port, family)
        self.host: str = self._listener.getsockname()[0]
        self.port: int = self._listener.getsockname()[1]
        for address in spoken_to:
            self._udp[address] = UdpStation(self._udp_socket, address, key, stays=True)

    def stations(self) -> list[Station]:
        """Who is there."""
        return [*self._tcp, *self._udp.values()]

    def exchange(self, wait_s: float) -> tuple[list[Station], list[tuple[Station, Message]]]:
        """Accepts, reads and writes whatever is ready; returns who is new, and every message with its sender."""
        # A station may have been closed while it was written to; its socket must not be waited for.
        self._tcp = [station for station in self._tcp if not station.closed]
        readers = [self._listener, self._udp_socket, *(station.socket for station in self._tcp)]
        writers = [station.socket for station in self._tcp if station.backlog]
        readable, writable, _ = select.select(readers, writers, [], wait_s)
        newcomers: list[Station] = []
        messages: list[tuple[Station, Message]] = []
        for station in self._tcp:
            if station.socket in readable:
                messages += [(station, message) for message in station.read()]
            if station.socket in writable:
                station.flush()
        if self._udp_socket in readable:
            self._read_udp(newcomers, messages)
        if self._listener in readable:
            newcomers += self._accepted()
        return newcomers, messages

    def drop_stations(self) -> None:
        """Breaks every connection."""
        for station in self.stations():
            station.close()
        self._udp = {address: station for address, station in self._udp.items() if station.stays}
        for station in self._udp.values():
            station.closed = False

    def close(self) -> None:
        """Closes the port and every connection."""
        for station in self._tcp:
            station.close()
        self._tcp.clear()
        self._udp.clear()
        self._listener.close()
        self._udp_socket.close()

    def _accepted(self) -> list[Station]:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return []  # the station was gone again before it was let in
        station = TcpStation(connection, self._key)
        self._tcp.append(station)
        return [station]

    def _read_udp(self, newcomers: list[Station], messages: list[tuple[Station, Message]]) -> None:
        now_s = time.monotonic()
        for _ in range(_MOST_UDP_READS):
            try:
                data, address = self._udp_socket.recvfrom(_BIGGEST_PACKET)
            except OSError:  # nothing more, or an earlier packet to a station that is gone came back
                break
            station = self._udp.get(address)
            if station is None:
                if len(self._udp) >= _MOST_UDP_STATIONS:
                    continue
                station = self._udp[address] = UdpStation(self._udp_socket, address, self._key, stays=False)
                newcomers.append(station)
            station.heard_s = now_s
            messages += [(station, message) for message in station.parsed(data)]
        gone = [
            address
            for address, station in self._udp.items()
            if not station.stays and now_s - station.heard_s > _UDP_GONE_S
        ]
        for address in gone:
            del self._udp[address]


def _resolved(addresses: tuple[Address, ...], ours: socket.AddressFamily) -> list[Address]:
    """Names are looked up once and not with every packet, and one that means nothing here is refused at once."""
    found: list[Address] = []
    for host, port in addresses:
        try:
            family, address = udp_address(host, port)
        except OSError as error:
            raise LinkClosed(
                url=f"udpout:{host}:{port}", problem=f"names a host that is not known here ({error.strerror})"
            ) from error
        if family != ours:
            raise LinkClosed(url=f"udpout:{host}:{port}", problem="is not of the kind that the vehicle listens on")
        found.append(address)
    return found


def _listen(host: str, port: int, family: socket.AddressFamily) -> tuple[socket.socket, socket.socket]:
    """One port for TCP and UDP; of free ports, another one where only half of the first is free."""
    for left in range(_TRIES - 1, -1, -1):
        listener = socket.socket(family, socket.SOCK_STREAM)
        datagrams = socket.socket(family, socket.SOCK_DGRAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            datagrams.bind((host, listener.getsockname()[1]))
            listener.listen()
        except OSError as error:
            listener.close()
            datagrams.close()
            if port or not left:
                raise LinkClosed(
                    url=f"tcp:{host}:{port}", problem=f"the vehicle cannot listen here ({error.strerror})"
                ) from error
            continue
        listener.setblocking(False)
        datagrams.setblocking(False)
        with contextlib.suppress(OSError):
            datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_048_576)
        return listener, datagrams
    raise AssertionError("the last try returns or raises")
