"""Answers that leave in one piece: head and body of a small one are two writes for uvicorn, and two for the network.

Each write lets go of the interpreter, and under load waits until the store's writer lets go of it in its turn.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HELD_BYTES = 65_536


class OneWrite:
    """A transport that holds what is written until the loop goes round, and hands it on as one."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._bytes = 0

    def write(self, data: bytes) -> None:
        """Send this, with what else is written now."""
        if not self._held:
            self._loop.call_soon(self.flush)
        self._held.append(data)
        self._bytes += len(data)
        if self._bytes >= MOST_HELD_BYTES:
            # Of a long answer, the transport must know how much waits: it holds the writer back.
            self.flush()

    def flush(self) -> None:
        """Hand on what is held."""
        held, self._held, self._bytes = self._held, [], 0
        if held and not self._transport.is_closing():
            self._transport.write(b"".join(held))

    def close(self) -> None:
        """Send what is held, then close."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever else a transport has
        return getattr(self._transport, name)


class OneWriteProtocol(HttpToolsProtocol):
    """uvicorn's protocol on such a transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client has come."""
        super().connection_made(OneWrite(transport, self.loop))  # type: ignore[arg-type]  # it is one by its face
