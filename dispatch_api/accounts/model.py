"""Who acts: accounts, roles, and the system itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What an account is for."""

    OPERATOR = "operator"
    CENTRE = "centre"
    DEPARTMENT = "department"


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Whoever makes a change: a person with a role, or the system (`role` None) under the name of what moved it."""

    name: str
    role: Role | None
    department: str | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("an actor has a name")
        if (self.role is Role.DEPARTMENT) != (self.department is not None):
            raise ValueError("a department account names its department, and no other account does")

    @property
    def is_system(self) -> bool:
        """True for a change that follows from a rule or from another change."""
        return self.role is None


def system_actor(reason: str) -> Actor:
    """The system, named after what moved it, like `auto-rule` or `tasks`."""
    return Actor(name=f"system:{reason}", role=None)


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account as its owner and the service see it; the password's hash is not part of it."""

    account_id: int
    name: str
    display_name_zh: str
    display_name_en: str
    role: Role
    department: str | None

    @property
    def actor(self) -> Actor:
        """The account as somebody who acts."""
        return Actor(name=self.name, role=self.role, department=self.department)
