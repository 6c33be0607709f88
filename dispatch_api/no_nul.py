"""Refusing the character NUL, which PostgreSQL keeps in no text and SQLite cuts off at: the same answer on both."""

from __future__ import annotations

import re

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dispatch_api.problems import INVALID, Refusal, Speaker

_IN_JSON = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_IN_FORM = re.compile(rb"%00|\x00")
_LONGEST = 6


class NoNul:
    """ASGI middleware: 422 where the path, the query or a body of text carries NUL."""

    def __init__(self, app: ASGIApp, speaker: Speaker) -> None:
        self._app = app
        self._speaker = speaker

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            detail = "path or query: text may not hold the character NUL."
            refusal = Refusal(status=422, slug=INVALID, title="The request lacks something", detail=detail)
            await self._speaker(Request(scope), refusal)(scope, receive, send)
        else:
            await self._app(scope, _watched(receive, _pattern(scope)), send)


def _pattern(scope: Scope) -> re.Pattern[bytes]:
    kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    return _IN_FORM if b"form" in kind.lower() else _IN_JSON


def _watched(receive: Receive, pattern: re.Pattern[bytes]) -> Receive:
    before = b""

    async def watched() -> Message:
        nonlocal before
        message = await receive()
        piece = before + message.get("body", b"")
        if pattern.search(piece):
            raise HTTPException(422, "body: text may not hold the character NUL.")
        before = piece[-_LONGEST:]
        return message

    return watched
