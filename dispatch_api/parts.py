"""The parts that the service is made of, and how a route gets at them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from dispatch_api.accounts.keys import KeyDesk
from dispatch_api.accounts.model import Account
from dispatch_api.accounts.oidc import OidcDesk
from dispatch_api.accounts.service import AccountDesk
from dispatch_api.accounts.sessions import LogIn, SessionDesk
from dispatch_api.cases.intake import Intake
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.service import CaseDesk
from dispatch_api.departments.routing import Routing
from dispatch_api.doors.sighting_desk import SightingDesk
from dispatch_api.evidence.vault import Vault
from dispatch_api.store import Store
from dispatch_api.storms.service import StormDesk
from dispatch_api.tasks.service import TaskDesk
from dispatch_api.visits.service import VisitDesk


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
    accounts: AccountDesk
    keys: KeyDesk
    cases: CaseDesk
    tasks: TaskDesk
    intake: Intake
    visits: VisitDesk
    storms: StormDesk
    sightings: SightingDesk
    oidc: OidcDesk | None
    demo_accounts: tuple[DemoAccount, ...]
    static_dir: Path


def parts_of(request: Request) -> Parts:
    """The parts of the application that serves this request."""
    parts: Parts = request.app.state.parts
    return parts


# None of these waits for anything: as plain functions each would cost every request a turn in a thread.
async def _parts(request: Request) -> Parts:
    return parts_of(request)


async def _asker(request: Request) -> Account:
    account: Account = request.state.account
    return account


async def _session(request: Request) -> LogIn:
    session: LogIn = request.state.session
    return session


PartsOf = Annotated[Parts, Depends(_parts)]

# `admission` has put them there, or refused the request by the route's access rule.
Reader = Annotated[Account, Depends(_asker)]
"""Whoever asks."""

Writer = Annotated[Account, Depends(_asker)]
"""Whoever asks for a change; a browser's CSRF token has been checked."""

SessionOf = Annotated[LogIn, Depends(_session)]
"""The session of a person, on routes that no key opens."""
