"""Sends bytes over HTTP: to an address that was judged, within a time, reading no more of the answer than is of use."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpcore

from dispatch_api.deliveries.addresses import Guard, Target, target_of
from dispatch_api.errors import DispatchError

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""From host and port to addresses."""

MAX_ANSWER_BYTES = 64 * 1024
_KEEP_ALIVE_S = 30.0
_CONNECTIONS_EACH = 16


class NotSent(DispatchError):
    """No answer came: the text says in a few words why, and names no URL."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back: `retry_after` as the receiver wrote it, and the beginning of the `body`."""

    status: int
    retry_after: str | None
    body: bytes


async def system_addresses(host: str, port: int) -> Sequence[str]:
    """The addresses of a host as this machine's resolver tells them."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class _JudgedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to the very address that was judged: a name that changes its mind is never asked a second time."""

    def __init__(self, scheme: str, guard: Guard, resolver: Resolver) -> None:
        self._scheme = scheme
        self._guard = guard
        self._resolver = resolver
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, judge, connect; httpcore verifies the certificate against the name afterwards."""
        try:
            addresses = await self._resolver(host, port)
        except OSError as error:
            raise NotSent(f"{host} has no address ({error.strerror or error})") from error
        target = Target(scheme=self._scheme, host=host, port=port, path="/")
        address = self._guard.chosen(target, addresses)
        return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class Wire:
    """Posts to receivers. Redirects are not followed, proxies of the environment not asked, certificates verified."""

    def __init__(
        self,
        guard: Guard,
        *,
        timeout_s: float,
        resolver: Resolver = system_addresses,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Set up; nothing is connected yet.

        Args:
            guard: Judges addresses.
            timeout_s: From the first look-up to the end of the answer.
            resolver: Looks names up.
            tls: Which certificates are trusted; the system's where left out.
        """
        self._timeout_s = timeout_s
        self._guard = guard
        self._resolver = resolver
        self._trusted = tls or ssl.create_default_context()
        # Each receiver has its own: nobody waits for a neighbour's connections behind one gateway, and a pool looks
        # at every connection that it has before each request.
        self._pools: dict[tuple[object, str, str, int], httpcore.AsyncConnectionPool] = {}

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, owner: object = None) -> Answer:
        """Post once.

        Args:
            url: Where to.
            body: What.
            headers: Beside those of every request.
            owner: Whose connections are used.

        Raises:
            NotSent: No answer came in time, or none at all.
            AddressRefused: Messages must not go there.
            InvalidRequest: The URL is none that a message may be sent to.
        """
        target = target_of(url)
        answer: Answer | None = None
        try:
            async with asyncio.timeout(self._timeout_s):
                async with self._pool(owner, target).stream(
                    "POST", _url(target), headers=_headers(target, headers), content=body
                ) as response:
                    answer = Answer(status=response.status, retry_after=_retry_after(response), body=b"")
                    return Answer(status=answer.status, retry_after=answer.retry_after, body=await _beginning(response))
        except (TimeoutError, httpcore.TimeoutException) as error:
            # The status is the answer; whoever dawdles over the rest has taken the message all the same.
            if answer is not None:
                return answer
            raise NotSent(f"no answer within {self._timeout_s:g} s") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            if answer is not None:
                return answer
            raise NotSent(f"no connection ({_words(error)})") from error

    def _pool(self, owner: object, target: Target) -> httpcore.AsyncConnectionPool:
        key = owner, target.scheme, target.host, target.port
        if key not in self._pools:
            self._pools[key] = httpcore.AsyncConnectionPool(
                ssl_context=self._trusted,
                max_connections=_CONNECTIONS_EACH,
                keepalive_expiry=_KEEP_ALIVE_S,
                network_backend=_JudgedNetwork(target.scheme, self._guard, self._resolver),
            )
        return self._pools[key]

    async def close(self) -> None:
        """Let go of idle connections."""
        for pool in self._pools.values():
            await pool.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _beginning(response: httpcore.Response) -> bytes:
    # As it comes over the wire: nothing is unpacked, and leaving early closes the connection.
    got = b""
    async for chunk in response.aiter_stream():
        got += chunk
        if len(got) >= MAX_ANSWER_BYTES:
            break
    return got[:MAX_ANSWER_BYTES]


def _url(target: Target) -> httpcore.URL:
    return httpcore.URL(
        scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
    )


def _headers(target: Target, more: Mapping[str, str]) -> list[tuple[bytes | str, bytes | str]]:
    host = f"[{target.host}]" if ":" in target.host else target.host
    named = host if target.port in {80, 443} else f"{host}:{target.port}"
    return [("host", named), ("user-agent", "flyonce"), ("accept-encoding", "identity"), *more.items()]


def _retry_after(response: httpcore.Response) -> str | None:
    found = [value for name, value in response.headers if name.lower() == b"retry-after"]
    return found[0].decode("latin-1") if found else None


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
