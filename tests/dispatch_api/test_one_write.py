"""Answers that leave in one piece."""

from __future__ import annotations

import asyncio

from dispatch_api.one_write import MOST_HELD_BYTES, OneWrite


class Kept:
    """A transport that keeps what it is given."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def get_extra_info(self, name: str) -> str:
        return f"the {name}"


def test_head_and_body_leave_as_one_and_a_long_answer_does_not_pile_up():
    async def answer():
        under = Kept()
        transport = OneWrite(under, asyncio.get_running_loop())
        transport.write(b"head ")
        transport.write(b"body")
        assert under.written == []
        await asyncio.sleep(0)
        transport.write(b"a" * MOST_HELD_BYTES)
        long = len(under.written)
        transport.write(b"end")
        transport.close()
        await asyncio.sleep(0)
        return under, long, transport.get_extra_info("peer")

    under, long, peer = asyncio.run(answer())
    assert under.written == [b"head body", b"a" * MOST_HELD_BYTES, b"end"]
    assert (long, under.closed, peer) == (2, True, "the peer")
