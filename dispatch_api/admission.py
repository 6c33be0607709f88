"""Admission: each request is held against its route's access rule before anything of it is looked at."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from dispatch_api.accounts.access import Access, rule_of
from dispatch_api.accounts.model import Account
from dispatch_api.accounts.sessions import LogIn
from dispatch_api.errors import Forbidden, NotAdmitted, NotLoggedIn
from dispatch_api.parts import parts_of

PLAIN_COOKIE = "flyonce"
SECURE_COOKIE = "__Host-flyonce"
CSRF_HEADER = "X-CSRF-Token"
_BEARER = "bearer "
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


async def admit(request: Request) -> None:
    """Let a request through to its route, with `request.state.account` and, of a person, `request.state.session`.

    A key counts before a cookie, and alone: a wrong one is refused even where a good cookie comes along.

    Raises:
        AccessUndeclared: The route has no rule; nobody is let in.
        NotLoggedIn: The route is not for anybody, and the request carries no session or key that holds.
        NotAdmitted: It is not for this role, or not for this key.
        Forbidden: A browser's change comes from another site, or lacks its token.
    """
    rule = rule_of(getattr(request.scope.get("route"), "endpoint", None))
    if rule.anybody:
        return
    key = bearer_of(request.headers)
    if key is None:
        await run_in_threadpool(_admit_person, request, rule)
        return
    keys = parts_of(request).keys
    account = keys.account_once(key) if rule.key_checked_at_commit else None
    if account is None:
        account = await run_in_threadpool(keys.account_of, key)
    _check_scope(rule, account)
    request.state.account = account


def bearer_of(headers: Mapping[str, str]) -> str | None:
    """The key of an `Authorization: Bearer` header, None where there is none."""
    said = headers.get("authorization", "")
    return said[len(_BEARER) :].strip() if said[: len(_BEARER)].lower() == _BEARER else None


def cookie_name(request: Request) -> str:
    """Name of the session cookie: over https one that no other host and no plain connection can set."""
    return SECURE_COOKIE if request.url.scheme == "https" else PLAIN_COOKIE


def check_origin(request: Request) -> None:
    """Refuse a change that another site asks for.

    Raises:
        Forbidden: The browser names another origin.
    """
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Forbidden("the request comes from another site.")


def _check_scope(rule: Access, account: Account) -> None:
    if rule.scope is None:
        raise NotAdmitted("this address is for people; a key does not open it.")
    if rule.scope not in account.scopes:
        raise NotAdmitted(f"the key lacks the scope {rule.scope}.")


def _admit_person(request: Request, rule: Access) -> None:
    if request.method not in _READING:
        check_origin(request)
    session = parts_of(request).sessions.of_token(request.cookies.get(cookie_name(request)))
    if request.method not in _READING:
        _check_csrf(request, session)
    if session.account.role not in rule.roles:
        if not rule.roles:
            raise NotLoggedIn("this address is for machines: send `Authorization: Bearer KEY`.")
        raise NotAdmitted(f"the role {session.account.role} may not do that.")
    request.state.session = session
    request.state.account = session.account


def _check_csrf(request: Request, session: LogIn) -> None:
    if not secrets.compare_digest(request.headers.get(CSRF_HEADER, "").encode(), session.csrf.encode()):
        raise Forbidden(f"the header {CSRF_HEADER} is missing or is not this session's.")
