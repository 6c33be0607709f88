"""Routes of log-in, and of the accounts that a demo shows."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from dispatch_api.accounts.access import EVERYBODY, open_to, open_to_anybody
from dispatch_api.accounts.sessions import SESSION_LIFE, LogIn
from dispatch_api.admission import check_origin, cookie_name
from dispatch_api.parts import Parts, PartsOf, SessionOf

LOGGED_OUT = "/session/oidc/logged-out"
OUT_COOKIE = "flyonce-oidc-out"

router = APIRouter(tags=["session"])
_LOGGED_OUT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Logged out here; the provider is still to be told.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["provider"],
                    "properties": {
                        "provider": {
                            "type": "object",
                            "required": ["name", "url"],
                            "properties": {"name": {"type": "string"}, "url": {"type": "string", "format": "uri"}},
                        }
                    },
                }
            }
        },
    },
    204: {"description": "Logged out."},
}


class Credentials(BaseModel):
    """Name and password."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(max_length=64)
    password: str = Field(max_length=1024)


class PasswordChange(BaseModel):
    """The old password and the new one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    old: str = Field(max_length=1024)
    new: str = Field(max_length=1024)


@router.post("/session")
@open_to_anybody
def log_in(parts: PartsOf, request: Request, response: Response, credentials: Credentials) -> dict[str, Any]:
    """Log in: sets the session cookie, answers with the account and the CSRF token."""
    check_origin(request)
    address = request.client.host if request.client else "unknown"
    session = parts.sessions.log_in(credentials.name, credentials.password, address=address)
    set_session_cookie(response, request, session)
    return _shown(session)


@router.get("/session")
@open_to(EVERYBODY)
def who_am_i(session: SessionOf) -> dict[str, Any]:
    """The account that is logged in."""
    return _shown(session)


@router.delete("/session", status_code=204, response_class=Response, responses=_LOGGED_OUT)
@open_to(EVERYBODY)
def log_out(parts: PartsOf, request: Request, session: SessionOf) -> Response:
    """Log out.

    Whoever came by the city's own log-in gets a 200 with `provider.url` where that offers to be logged out of: the
    browser goes there, and comes back. Here they are logged out already.
    """
    id_token = parts.sessions.log_out(session.token)
    response = _on_to_the_provider(parts, request, id_token) or Response(status_code=204)
    response.delete_cookie(cookie_name(request), path="/", secure=request.url.scheme == "https", httponly=True)
    return response


@router.put("/session/password", status_code=204)
@open_to(EVERYBODY)
def change_password(parts: PartsOf, request: Request, session: SessionOf, wanted: PasswordChange) -> Response:
    """Change one's own password; one's other sessions end."""
    address = request.client.host if request.client else "unknown"
    with parts.sessions.attempt(session.account.name, address):
        parts.accounts.change_own_password(session.account.name, old=wanted.old, new=wanted.new, token=session.token)
    return Response(status_code=204)


@router.get("/demo")
@open_to_anybody
def demo(parts: PartsOf) -> dict[str, Any]:
    """Whether this is a demo store, and then its accounts."""
    return {"demo": bool(parts.demo_accounts), "accounts": [asdict(account) for account in parts.demo_accounts]}


def _on_to_the_provider(parts: Parts, request: Request, id_token: str | None) -> Response | None:
    if parts.oidc is None or id_token is None:
        return None
    back = request.url.path.removesuffix("/session") + LOGGED_OUT
    way = parts.oidc.exit.way_out(id_token, str(request.url.replace(path=back, query="", fragment="")))
    if way is None:
        return None
    response = JSONResponse({"provider": {"name": parts.oidc.name, "url": way.url}})
    secure = request.url.scheme == "https"
    response.set_cookie(OUT_COOKIE, way.state, max_age=600, path=back, secure=secure, httponly=True, samesite="lax")
    return response


def set_session_cookie(response: Response, request: Request, session: LogIn) -> None:
    """Give a browser its session."""
    response.set_cookie(
        cookie_name(request),
        session.token,
        max_age=int(SESSION_LIFE.total_seconds()),
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def _shown(session: LogIn) -> dict[str, Any]:
    account = session.account
    return {
        "account": {
            "name": account.name,
            "display_name_zh": account.display_name_zh,
            "display_name_en": account.display_name_en,
            "role": account.role,
            "department": account.department,
        },
        "csrf": session.csrf,
        "expires_at": session.expires_at,
    }
