"""The parts that the service is made of, and how a route gets at them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from dispatch_api.accounts.model import Account
from dispatch_api.accounts.service import LogIn, SessionDesk
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.service import CaseDesk
from dispatch_api.departments.routing import Routing
from dispatch_api.errors import Forbidden
from dispatch_api.evidence.vault import Vault
from dispatch_api.store import Store
from dispatch_api.tasks.service import TaskDesk

PLAIN_COOKIE = "flyonce"
SECURE_COOKIE = "__Host-flyonce"
CSRF_HEADER = "X-CSRF-Token"


@dataclass(frozen=True, kw_only=True)
class DemoAccount:
    """An account of a demo store, whose password the log-in page shows."""

    name: str
    password: str
    role: str
    display_name_zh: str
    display_name_en: str


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Everything that the routes work with."""

    store: Store
    matters: Matters
    routing: Routing
    vault: Vault
    sessions: SessionDesk
    cases: CaseDesk
    tasks: TaskDesk
    demo_accounts: tuple[DemoAccount, ...]
    static_dir: Path


def parts_of(request: Request) -> Parts:
    """The parts of the application that serves this request."""
    parts: Parts = request.app.state.parts
    return parts


def cookie_name(request: Request) -> str:
    """Name of the session cookie: over https one that no other host and no plain connection can set."""
    return SECURE_COOKIE if request.url.scheme == "https" else PLAIN_COOKIE


def reading(request: Request) -> LogIn:
    """The session of a request that only reads.

    Raises:
        NotLoggedIn: There is none.
    """
    return parts_of(request).sessions.of_token(request.cookies.get(cookie_name(request)))


def writing(request: Request) -> LogIn:
    """The session of a request that changes something.

    Raises:
        NotLoggedIn: There is none.
        Forbidden: The request comes from another site, or lacks the session's CSRF token.
    """
    check_origin(request)
    session = reading(request)
    if not secrets.compare_digest(request.headers.get(CSRF_HEADER, "").encode(), session.csrf.encode()):
        raise Forbidden(f"the header {CSRF_HEADER} is missing or is not this session's.")
    return session


def check_origin(request: Request) -> None:
    """Refuse a change that another site asks for.

    Raises:
        Forbidden: The browser names another origin.
    """
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Forbidden("the request comes from another site.")


def _reader(session: Annotated[LogIn, Depends(reading)]) -> Account:
    return session.account


def _writer(session: Annotated[LogIn, Depends(writing)]) -> Account:
    return session.account


PartsOf = Annotated[Parts, Depends(parts_of)]
Reader = Annotated[Account, Depends(_reader)]
Writer = Annotated[Account, Depends(_writer)]
