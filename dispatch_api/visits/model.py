"""A joint visit's life as a table: which state may follow which, and who may do it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dispatch_api.accounts.model import DEPARTMENT_ROLES, Actor, Role
from dispatch_api.errors import Forbidden, IllegalTransition, InvalidRequest


class VisitState(StrEnum):
    """Where a visit stands."""

    PLANNED = "planned"
    UNDER_WAY = "under_way"
    DONE = "done"
    CANCELLED = "cancelled"


class LineResult(StrEnum):
    """What a department reports of one of its tasks at a visit."""

    DONE = "done"
    NOT_DONE = "not_done"
    NOTHING_FOUND = "nothing_found"


VISIT_STATE_NAMES: dict[VisitState, tuple[str, str]] = {
    VisitState.PLANNED: ("已计划", "Planned"),
    VisitState.UNDER_WAY: ("检查中", "Under way"),
    VisitState.DONE: ("已完成", "Done"),
    VisitState.CANCELLED: ("已取消", "Cancelled"),
}
LINE_RESULT_NAMES: dict[LineResult, tuple[str, str]] = {
    LineResult.DONE: ("已处置", "Dealt with"),
    LineResult.NOT_DONE: ("未完成", "Not dealt with"),
    LineResult.NOTHING_FOUND: ("现场未发现", "Nothing found there"),
}
"""Chinese and English names."""

ENDED_STATES = frozenset({VisitState.DONE, VisitState.CANCELLED})
"""The visit is sealed, or never was."""


@dataclass(frozen=True, kw_only=True)
class VisitStep:
    """One allowed change: who may make it, and what it must carry."""

    roles: frozenset[Role]
    needs_reason: bool = False
    needs_results: bool = False
    needs_signature: bool = False


_CENTRE = frozenset({Role.CENTRE})
_ON_THE_SPOT = _CENTRE | DEPARTMENT_ROLES

VISIT_STEPS: dict[VisitState, dict[VisitState, VisitStep]] = {
    VisitState.PLANNED: {
        VisitState.UNDER_WAY: VisitStep(roles=_ON_THE_SPOT),
        VisitState.CANCELLED: VisitStep(roles=_CENTRE, needs_reason=True),
    },
    VisitState.UNDER_WAY: {
        VisitState.DONE: VisitStep(roles=_CENTRE | {Role.LEADER}, needs_results=True, needs_signature=True),
        VisitState.CANCELLED: VisitStep(roles=_CENTRE, needs_reason=True),
    },
    VisitState.DONE: {},
    VisitState.CANCELLED: {},
}
"""The whole life of a visit: from each state, the states that may follow and what each needs."""


def allowed_visit_steps(state: VisitState, by: Actor) -> dict[VisitState, VisitStep]:
    """The changes that somebody who sees the visit may make to it now."""
    return {to: step for to, step in VISIT_STEPS[state].items() if by.role in step.roles}


def check_step(number: str, state: VisitState, to: VisitState, *, by: Actor, why: str) -> VisitStep:
    """The step from one state to another, if it may be made.

    Args:
        number: The visit's number, for the message.
        state: Where it stands.
        to: The wanted state.
        by: Who asks.
        why: The reason given.

    Raises:
        IllegalTransition: The table does not allow it.
        Forbidden: It is not for this role.
        InvalidRequest: The step needs a reason.
    """
    step = VISIT_STEPS[state].get(to)
    if step is None:
        allowed = tuple(allowed_visit_steps(state, by))
        raise IllegalTransition(subject=f"visit {number}", current=state, to=to, allowed=allowed)
    if by.role not in step.roles:
        raise Forbidden(f"visit {number}: the role {by.role} may not change it to {to}.")
    if step.needs_reason and not why.strip():
        raise InvalidRequest(field="reason", problem=f"the change to {to} needs one")
    return step
