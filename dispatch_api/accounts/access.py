"""Who may call a route: every route carries a rule, and one without a rule is never served."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from fastapi import APIRouter
from fastapi.routing import APIRoute

from dispatch_api.accounts.model import PEOPLE_ROLES, SEES_EVERY_CASE, Role, Scope
from dispatch_api.errors import AccessUndeclared

_ATTRIBUTE = "access_rule"
F = TypeVar("F", bound=Callable[..., Any])


class Subject(StrEnum):
    """What a route's path names, so that the right to that one object counts too (404 without it)."""

    CASE = "case"
    TASK = "task"
    FLIGHT = "flight"
    VISIT = "visit"
    STORM = "storm"


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who may call a route.

    Attributes:
        anybody: True for what needs no log-in; nothing else is asked then.
        roles: The roles of people who may.
        scope: The scope with which a key may; None keeps keys out.
        of: What the path names, where the right to that object counts as well.
        key_checked_at_commit: True where the transaction that records the request asks whether its key holds, so that
            admission need not ask the store too.
    """

    anybody: bool = False
    roles: frozenset[Role] = frozenset()
    scope: Scope | None = None
    of: Subject | None = None
    key_checked_at_commit: bool = False

    def __post_init__(self) -> None:
        if self.anybody and (self.roles or self.scope or self.of):
            raise ValueError("what is open to anybody asks for nothing else")
        if not self.anybody and not self.roles and self.scope is None:
            raise ValueError("a route is open to somebody")
        if not self.roles <= PEOPLE_ROLES:
            raise ValueError("machines come by a key's scope, not by a role")


EVERYBODY = PEOPLE_ROLES
"""Whoever has logged in."""

SEES_CASES = SEES_EVERY_CASE | {Role.HANDLER, Role.LEADER}
"""The roles that have cases to see at all."""

CHANGES_CASES = SEES_CASES - {Role.AUDITOR}
"""The roles that the tables of states are asked about; an auditor changes nothing."""


def open_to_anybody(endpoint: F) -> F:
    """Declare that a route needs no log-in."""
    setattr(endpoint, _ATTRIBUTE, Access(anybody=True))
    return endpoint


def open_to(
    roles: Iterable[Role] = (),
    *,
    scope: Scope | None = None,
    of: Subject | None = None,
    key_checked_at_commit: bool = False,
) -> Callable[[F], F]:
    """Declare who may call a route.

    Args:
        roles: People of these roles.
        scope: Keys with this scope.
        of: What the route's path names, where the right to that object counts as well; the route asks `sight` for it.
        key_checked_at_commit: That the route records what a key asks for only after `KeyDesk.holding` has told, in
            that very transaction, that the key holds.
    """
    rule = Access(roles=frozenset(roles), scope=scope, of=of, key_checked_at_commit=key_checked_at_commit)

    def declare(endpoint: F) -> F:
        setattr(endpoint, _ATTRIBUTE, rule)
        return endpoint

    return declare


def rule_of(endpoint: object) -> Access:
    """The rule of a route's function.

    Raises:
        AccessUndeclared: It has none.
    """
    rule = getattr(endpoint, _ATTRIBUTE, None)
    if not isinstance(rule, Access):
        raise AccessUndeclared(route=getattr(endpoint, "__qualname__", repr(endpoint)))
    return rule


@dataclass(frozen=True, kw_only=True)
class DeclaredRoute:
    """One method of one path, with its rule."""

    method: str
    path: str
    access: Access


def declared_routes(routers: Iterable[tuple[str, APIRouter]]) -> Iterator[DeclaredRoute]:
    """Every route of routers with the prefixes under which they are served.

    Raises:
        AccessUndeclared: One of them has no rule, or is of a kind that cannot carry one.
    """
    for prefix, router in routers:
        for route in router.routes:
            if not isinstance(route, APIRoute):
                raise AccessUndeclared(route=f"{prefix}{getattr(route, 'path', route)}")
            for method in sorted(route.methods or ()):
                yield DeclaredRoute(method=method, path=prefix + route.path, access=rule_of(route.endpoint))
