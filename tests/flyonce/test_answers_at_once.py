"""The service's connections send small answers at once."""

from __future__ import annotations

import asyncio
import socket

import pytest

from flyonce.cli.serve import _listen


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_answer_does_not_wait_for_an_acknowledgement(host):
    found: list[int] = []

    class Seen(asyncio.Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:
            taken = transport.get_extra_info("socket")
            found.append(taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            transport.close()

    async def connect(listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Seen, sock=listening)
        reader, writer = await asyncio.open_connection(host, listening.getsockname()[1])
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        server.close()

    asyncio.run(connect(_listen(host, 0)))
    assert len(found) == 1
    assert found[0]
