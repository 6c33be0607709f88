"""Who acts: accounts, roles, and the system itself."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What an account is for; `pipeline` is for machine keys alone."""

    OPERATOR = "operator"
    CENTRE = "centre"
    HANDLER = "handler"
    LEADER = "leader"
    AUDITOR = "auditor"
    ADMIN = "admin"
    PIPELINE = "pipeline"


class Scope(StrEnum):
    """What a key opens."""

    SIGHTINGS_WRITE = "sightings:write"
    CASES_READ = "cases:read"
    FEATURES_READ = "features:read"
    REPORTS_WRITE = "reports:write"


DEPARTMENT_ROLES = frozenset({Role.HANDLER, Role.LEADER})
"""Roles of people who work for one department."""

PEOPLE_ROLES = frozenset(Role) - {Role.PIPELINE}
"""Roles of people, who log in."""

SEES_EVERY_CASE = frozenset({Role.OPERATOR, Role.CENTRE, Role.AUDITOR})
"""Roles that see every case; a department's people see those of their department and what is under it."""

_LONGEST_SUBJECT = 59
_READS_CASES = frozenset({Scope.CASES_READ, Scope.FEATURES_READ})


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Whoever makes a change: a person with a role, or the system (`role` None) under the name of what moved it."""

    name: str
    role: Role | None
    department: str | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("an actor has a name")
        if self.role is not Role.PIPELINE and (self.role in DEPARTMENT_ROLES) != (self.department is not None):
            raise ValueError("a handler or leader names the department, and no other person does")

    @property
    def is_system(self) -> bool:
        """True for a change that follows from a rule or from another change."""
        return self.role is None


def system_actor(reason: str) -> Actor:
    """The system, named after what moved it, like `auto-rule` or `tasks`."""
    return Actor(name=f"system:{reason}", role=None)


def command_line_actor(user: str) -> Actor:
    """Whoever gives commands on the machine itself, under the name that its operating system has for them."""
    return system_actor(f"command-line:{user}")


def provider_account_name(subject: str) -> str:
    """The account of somebody whom the city's own log-in knows under a subject."""
    # A name that the provider gives out again would hand one person's account to the next; a subject never is. With its
    # own beginning it meets no account that was made here.
    plain = len(subject) <= _LONGEST_SUBJECT and subject.isprintable() and subject.strip() == subject
    return f"oidc:{subject if plain else hashlib.sha256(subject.encode()).hexdigest()[:40]}"


@dataclass(frozen=True, kw_only=True)
class Account:
    """Whoever asks, a person or a machine with a key, as the service sees them; no secret is part of it.

    Attributes:
        account_id: Its number; of a key, the key's.
        name: Its log-in name; of a key, `key:` and its name.
        display_name_zh: How it is called in Chinese.
        display_name_en: How it is called in English.
        role: What it is for.
        department: Whom it works for, for `DEPARTMENT_ROLES`; of a key, the department to which it is kept, if to one.
        below: The departments under that one, whose work it sees and does not touch.
        scopes: What a key opens; empty for people.
    """

    account_id: int
    name: str
    display_name_zh: str
    display_name_en: str
    role: Role
    department: str | None
    below: tuple[str, ...] = ()
    scopes: frozenset[Scope] = frozenset()

    @property
    def actor(self) -> Actor:
        """The account as somebody who acts."""
        return Actor(name=self.name, role=self.role, department=self.department)

    @property
    def of_department(self) -> bool:
        """Whether it is for one department: of its people, or a key that is kept to it."""
        return self.department is not None

    @property
    def sees_every_case(self) -> bool:
        """Whether no case is kept from it."""
        reads = self.role is Role.PIPELINE and self.department is None and not self.scopes.isdisjoint(_READS_CASES)
        return reads or self.role in SEES_EVERY_CASE

    @property
    def sees_departments(self) -> frozenset[str]:
        """The departments whose tasks it sees because it works for them, or for one above them."""
        return frozenset((self.department, *self.below)) if self.department is not None else frozenset()
