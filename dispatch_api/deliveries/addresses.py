"""Where messages may go: URLs of a safe form, and addresses that are not the city's own inside.

A receiver's URL is somebody's input, and this service stands inside the city's network. So names are resolved once, and
every address is judged as what it leads to: an IPv4 address inside an IPv6 one counts as itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from dispatch_api.errors import AddressRefused, InvalidRequest

Network = IPv4Network | IPv6Network

MAX_URL_CHARS = 2048
_DEFAULT_PORTS = {"https": 443, "http": 80}
_LOWEST_FREE_PORT = 1024
# Databases, caches and consoles that do as they are told by anybody inside: no receiver lives there.
_TAKEN_PORTS = frozenset({1433, 1521, 2049, 2375, 2376, 2379, 3306, 3389, 5432, 5900, 6379, 9200, 11211, 27017})
# What looks like any public address and is not: reserved for protocols, and where a cloud tells its guests' secrets.
_NOT_PUBLIC = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"), IPv4Network("168.63.129.16/32"))
# NAT64 (its own prefix, and the local ones), and the old IPv4-compatible addresses.
_CARRIERS = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"), IPv6Network("::/96"))
# The whole world of IPv6; everything else is local, reserved or not given out.
_UNICAST = IPv6Network("2000::/3")
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")


@dataclass(frozen=True, kw_only=True)
class Target:
    """A URL taken apart: `host` as it is asked of the resolver (ASCII), `path` with its query."""

    scheme: str
    host: str
    port: int
    path: str


def target_of(url: str) -> Target:
    """Take a receiver's URL apart.

    Raises:
        InvalidRequest: It is none that a message may be sent to, whatever its host resolves to.
    """
    if len(url) > MAX_URL_CHARS or _UNSAFE.search(url):
        raise _bad(f"a URL has at most {MAX_URL_CHARS} characters, and neither spaces nor backslashes among them")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _bad(f"it cannot be read ({error})") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise _bad("it begins with https:// (or http:// into an allowed network)")
    if parts.username is not None or parts.password is not None:
        raise _bad("it carries no name or password; messages are signed instead")
    if not host or parts.fragment:
        raise _bad("it names a host, and no fragment (#)")
    try:
        host = host if ":" in host else host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise _bad("its host's name cannot be written in ASCII") from error
    port = _DEFAULT_PORTS[parts.scheme] if port is None else port
    free = port >= _LOWEST_FREE_PORT and port not in _TAKEN_PORTS
    if not free and port not in _DEFAULT_PORTS.values():
        raise _bad(f"port {port} belongs to another kind of service")
    query = f"?{parts.query}" if parts.query else ""
    return Target(scheme=parts.scheme, host=host, port=port, path=f"{parts.path or '/'}{query}")


@dataclass(frozen=True, kw_only=True)
class Guard:
    """Judges addresses: those of the whole world are fine, others only in `allowed` networks."""

    allowed: tuple[Network, ...] = ()

    def chosen(self, target: Target, addresses: Sequence[str]) -> str:
        """The address to connect to, of those that a resolver gave.

        One bad address spoils all: a name that leads outside and inside at once is an attack or a mistake.

        Raises:
            AddressRefused: The host has no address, or one that messages must not go to.
        """
        if not addresses:
            raise AddressRefused(host=target.host, problem="it has no address")
        for address in addresses:
            self._check(target, address)
        return addresses[0]

    def _check(self, target: Target, address: str) -> None:
        leads_to = real_addresses(address)
        if all(self._is_allowed(one) for one in leads_to):
            return
        if not all(is_public(one) or self._is_allowed(one) for one in leads_to):
            raise AddressRefused(
                host=target.host, problem="it leads into a private, local or reserved network that is not allowed"
            )
        if target.scheme != "https":
            raise AddressRefused(host=target.host, problem="outside the allowed networks only https:// is sent to")

    def _is_allowed(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address.version == network.version and address in network for network in self.allowed)


def networks_of(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read an allow-list like `10.20.0.0/16, fd00:1::/32`.

    Raises:
        InvalidRequest: One of them is no network.
    """
    words = [word for text in texts for word in re.split(r"[,\s]+", text) if word]
    try:
        return tuple(ip_network(word) for word in words)
    except ValueError as error:
        raise InvalidRequest(field="networks", problem=f"{error}; write 10.20.0.0/16 or fd00:1::/32") from error


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address belongs to the world at large."""
    if not address.is_global or address.is_multicast:
        return False
    if isinstance(address, IPv6Address):
        return address in _UNICAST
    return not address.is_reserved and not any(address in network for network in _NOT_PUBLIC)


def real_addresses(text: str) -> tuple[IPv4Address | IPv6Address, ...]:
    """What an address leads to: itself, and where it carries an IPv4 address (mapped, NAT64, 6to4, Teredo) that one.

    Raises:
        AddressRefused: It is no address.
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError as error:
        raise AddressRefused(host=text, problem="it is no address") from error
    if isinstance(address, IPv4Address):
        return (address,)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    return tuple(_inside(address)) or (address,)


def _inside(address: IPv6Address) -> Iterable[IPv4Address | IPv6Address]:
    low = IPv4Address(int(address) & 0xFFFFFFFF)
    if any(address in network for network in _CARRIERS) and int(address) > 1:
        yield low
    elif address.sixtofour is not None:
        yield address.sixtofour
    elif address.teredo is not None:
        yield from address.teredo


def _bad(problem: str) -> InvalidRequest:
    return InvalidRequest(field="url", problem=problem)
