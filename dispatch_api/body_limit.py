"""Refusing what is too large before it is read into memory."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dispatch_api.problems import Refusal, Speaker

MAX_BODY_BYTES = 1_000_000
"""For one change, one report, one sighting."""
MAX_BATCH_BYTES = 32_000_000
"""For addresses that end with `:batch`."""


def most_bytes(path: str) -> int:
    """How large a body may be that is sent to an address."""
    return MAX_BATCH_BYTES if path.endswith(":batch") else MAX_BODY_BYTES


class BodyLimit:
    """ASGI middleware: 413 for a body over the limit, whether its length is told beforehand or not."""

    def __init__(self, app: ASGIApp, speaker: Speaker, limit: Callable[[str], int] = most_bytes) -> None:
        self._app = app
        self._speaker = speaker
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit(scope["path"])
        told = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if told.isdigit() and (len(told) > 15 or int(told) > limit):
            await self._speaker(Request(scope), _too_large(limit))(scope, receive, send)
            return
        await self._app(scope, _counting(receive, limit), send)


def _counting(receive: Receive, limit: int) -> Receive:
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise HTTPException(413, _too_large(limit).detail)
        return message

    return counted


def _too_large(limit: int) -> Refusal:
    detail = f"a body sent to this address has {limit:,} bytes at most; send less at once."
    return Refusal(status=413, slug="http-413", title="Request Entity Too Large", detail=detail)
