"""How the service says that it cannot: one shape (RFC 9457, `application/problem+json`) for every error of the API.

Doors that follow a standard with a shape of its own hand in a `Speaker` for their addresses.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from dispatch_api.errors import DispatchError, IllegalTransition, InvalidRequest, TooManyAttempts, http_face
from dispatch_api.headers import SECURITY_HEADERS

PROBLEM_JSON = "application/problem+json"
INVALID = "invalid-request"

_SURROGATES = re.compile("[\ud800-\udfff]")
_log = logging.getLogger(__name__)


class Problem(BaseModel):
    """What went wrong, in the one shape of every error.

    Attributes:
        type: Names the kind of problem, like `urn:flyonce:problem:not-found`; does not change between versions.
        title: The kind in words.
        status: The HTTP status.
        detail: What is wrong with this request, and the remedy.
        field: The part of the request that is wrong, where one is.
        current: The state that something is in, where a change of state was refused.
        to: The state that was asked for.
        allowed: The states that the asker may choose instead.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    current: str | None = None
    to: str | None = None
    allowed: list[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A problem before it is written: its status, slug, words, what else it carries, and headers."""

    status: int
    slug: str
    title: str
    detail: str
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


Speaker = Callable[[Request, Refusal], Response]
"""Writes a refusal in the shape of a door."""


def problem(request: Request, refusal: Refusal) -> Response:
    """A refusal as problem+json."""
    content = {
        "type": f"urn:flyonce:problem:{refusal.slug}",
        "title": refusal.title,
        "status": refusal.status,
        "detail": _sendable(refusal.detail),
        **refusal.more,
    }
    return JSONResponse(content, refusal.status, headers=dict(refusal.headers), media_type=PROBLEM_JSON)


def speaker_of(speakers: Mapping[str, Speaker]) -> Speaker:
    """One speaker of several, by the beginning of the address asked; problem+json elsewhere."""

    def spoken(request: Request, refusal: Refusal) -> Response:
        path = request.url.path
        speaker = next((one for start, one in speakers.items() if path.startswith(start)), problem)
        return speaker(request, refusal)

    return spoken


def add_problem_handlers(app: FastAPI, speaker: Speaker) -> None:
    """Let every error of `app` be answered, in the shape that `speaker` gives it."""
    app.add_exception_handler(DispatchError, lambda request, error: speaker(request, _of_domain(error)))
    app.add_exception_handler(RequestValidationError, lambda request, error: speaker(request, _of_validation(error)))
    app.add_exception_handler(HTTPException, lambda request, error: speaker(request, _of_http(error)))
    app.add_exception_handler(Exception, lambda request, _error: speaker(request, _DEFECT))


# The server logs the error itself; the outermost layer answers here, beyond the middleware that sets the headers.
_DEFECT = Refusal(
    status=500,
    slug="failure",
    title="The service failed",
    detail="The service failed; its log says why.",
    headers=SECURITY_HEADERS,
)


def _of_domain(error: Exception) -> Refusal:
    if not isinstance(error, DispatchError):  # pragma: no cover - the registration above says what comes here
        raise error
    status, slug, title = http_face(error)
    if status >= 500:
        _log.error("%s", error)
    more: dict[str, Any] = {}
    headers: dict[str, str] = {}
    if isinstance(error, IllegalTransition):
        more = {"current": error.current, "to": error.to, "allowed": list(error.allowed)}
    if isinstance(error, InvalidRequest):
        more = {"field": error.field}
    if isinstance(error, TooManyAttempts):
        headers = {"Retry-After": str(error.retry_after_s)}
    # What went wrong inside names files of this machine: that is for the log, not for the page.
    detail = str(error) if status < 500 or status == 503 else title
    return Refusal(status=status, slug=slug, title=title, detail=detail, more=more, headers=headers)


def _of_validation(error: Exception) -> Refusal:
    found = error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": (), "msg": str(error)}
    place = _sendable(".".join(str(step) for step in found["loc"]))
    return Refusal(
        status=422,
        slug=INVALID,
        title="The request lacks something",
        detail=f"{place}: {found['msg']}",
        more={"field": place},
    )


def _of_http(error: Exception) -> Refusal:
    if not isinstance(error, HTTPException):  # pragma: no cover - the registration above says what comes here
        raise error
    status = error.status_code
    title = HTTPStatus(status).phrase
    headers = dict(error.headers or {})
    return Refusal(status=status, slug=f"http-{status}", title=title, detail=str(error.detail), headers=headers)


def _sendable(text: str) -> str:
    # What somebody sent may be quoted; half a character cannot go out as UTF-8.
    return _SURROGATES.sub("\ufffd", text)
