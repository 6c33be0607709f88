"""Routes of log-in, and of the accounts that a demo shows."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from dispatch_api.accounts.access import EVERYBODY, open_to, open_to_anybody
from dispatch_api.accounts.sessions import SESSION_LIFE, LogIn
from dispatch_api.admission import check_origin, cookie_name
from dispatch_api.parts import PartsOf, SessionOf

router = APIRouter(tags=["session"])


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


@router.delete("/session", status_code=204)
@open_to(EVERYBODY)
def log_out(parts: PartsOf, request: Request, session: SessionOf) -> Response:
    """Log out."""
    parts.sessions.log_out(session.token)
    response = Response(status_code=204)
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
