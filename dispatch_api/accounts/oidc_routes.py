"""Routes of the log-in with the city's own provider."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from dispatch_api.accounts.access import open_to_anybody
from dispatch_api.accounts.oidc import OidcDesk, Pending
from dispatch_api.accounts.routes import LOGGED_OUT, OUT_COOKIE, set_session_cookie
from dispatch_api.errors import NotFound, WrongCredentials
from dispatch_api.parts import Parts, PartsOf

BEGIN = "/session/oidc"
_COOKIE = "flyonce-oidc"
_MINUTES = 10

router = APIRouter(tags=["session"])
Word = Annotated[str, Query(max_length=4000)]

_TURNED_AWAY: dict[int | str, dict[str, Any]] = {
    status: {"description": HTTPStatus(status).phrase} for status in (401, 404, 502)
}


@router.get("/session/methods")
@open_to_anybody
def methods(parts: PartsOf, request: Request) -> dict[str, Any]:
    """The ways to log in: by password, and by the city's own provider where there is one."""
    begin = (
        {"name": parts.oidc.name, "url": request.url.path.removesuffix("/methods") + "/oidc"} if parts.oidc else None
    )
    return {"password": True, "oidc": begin}


@router.get(BEGIN, status_code=302, response_class=RedirectResponse, responses=_TURNED_AWAY)
@open_to_anybody
def begin(parts: PartsOf, request: Request) -> RedirectResponse:
    """Go to the provider; a 404 where there is none."""
    url, pending = _desk(parts).begin(_callback(request))
    answer = RedirectResponse(url, status_code=302)
    answer.set_cookie(
        _COOKIE,
        pending.packed(),
        max_age=_MINUTES * 60,
        path=request.url.path,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return answer


@router.get(f"{BEGIN}/callback", status_code=302, response_class=RedirectResponse, responses=_TURNED_AWAY)
@open_to_anybody
def callback(parts: PartsOf, request: Request, state: Word = "", code: Word = "", error: Word = "") -> RedirectResponse:
    """Come back from the provider: sets the session cookie and goes on to the pages."""
    desk = _desk(parts)
    pending = Pending.unpacked(request.cookies.get(_COOKIE))
    if error or not code:
        raise WrongCredentials(f"{desk.name} does not accept this log-in.")
    session = desk.finish(pending, _callback(request), code=code, state=state)
    answer = RedirectResponse("/", status_code=302)
    answer.delete_cookie(_COOKIE, path=request.url.path.removesuffix("/callback"), httponly=True)
    set_session_cookie(answer, request, session)
    return answer


@router.get(LOGGED_OUT, status_code=302, response_class=RedirectResponse, responses=_TURNED_AWAY)
@open_to_anybody
def logged_out(parts: PartsOf, request: Request, state: Word = "") -> RedirectResponse:
    """Come back from the provider after logging out there, and go on to the pages."""
    _desk(parts)
    answer = RedirectResponse("/", status_code=302)
    begun = request.cookies.get(OUT_COOKIE, "")
    # Whoever comes back from elsewhere finds the pages too, and leaves a log-out that is still under way alone.
    if begun and secrets.compare_digest(begun.encode(), state.encode()):
        answer.delete_cookie(OUT_COOKIE, path=request.url.path, httponly=True)
    return answer


class LogOutNotice(BaseModel):
    """What the provider sends of somebody who logged out there."""

    logout_token: str = Field(min_length=1, max_length=16_000)


@router.post(f"{BEGIN}/backchannel", response_class=Response, responses={200: {"description": "OK"}})
@open_to_anybody
def told_by_provider(parts: PartsOf, told: Annotated[LogOutNotice, Form()]) -> Response:
    """Hear from the provider that somebody logged out there (OpenID Connect Back-Channel Logout 1.0)."""
    try:
        _desk(parts).exit.told_by_provider(told.logout_token)
    except WrongCredentials as error:
        # The standard wants this status, and only this one.
        raise HTTPException(400, str(error)) from error
    return Response(status_code=200, headers={"Cache-Control": "no-store"})


def _desk(parts: Parts) -> OidcDesk:
    if parts.oidc is None:
        raise NotFound(kind="log-in", key="oidc")
    return parts.oidc


def _callback(request: Request) -> str:
    path = request.url.path.removesuffix("/callback")
    return str(request.url.replace(path=f"{path}/callback", query="", fragment=""))
