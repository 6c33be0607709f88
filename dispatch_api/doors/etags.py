"""Entity tags: what a case, a task, a visit or a storm is at, and `If-Match` against lost updates."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Depends, Header, Response

from dispatch_api.versions import Expected

_STRONG = re.compile(r'(?<!W/)"([0-9]{1,18})"')


def _if_match(
    if_match: Annotated[
        str | None,
        Header(max_length=1000, description="The `ETag` that was read; a 412 where it has changed in between."),
    ] = None,
) -> Expected:
    if if_match is None or if_match.strip() == "*":
        return None
    # A tag that is none of ours, or a weak one, is one that nothing here has: it matches nothing (RFC 9110, 13.1.1).
    return frozenset(int(version) for version in _STRONG.findall(if_match))


IfMatch = Annotated[Expected, Depends(_if_match)]
"""The versions that an `If-Match` header names; None where there is no such header, or it takes any."""


def tagged(response: Response, shown: dict[str, Any]) -> dict[str, Any]:
    """What is shown, with its version as the answer's `ETag`.

    The tag follows the thing's own record: it is for `If-Match`, not for caches.
    """
    response.headers["ETag"] = f'"{shown["version"]}"'
    return shown


def made_at(meaning: str) -> dict[int | str, dict[str, Any]]:
    """What the description of a route says of the answer to whoever made something: where it is."""
    headers = {"Location": {"description": meaning, "schema": {"type": "string"}}}
    return {201: {"description": "Created", "headers": headers}}
