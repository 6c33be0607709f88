"""A case's life as a table: which state may follow which, who may do it, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from dispatch_api.accounts.model import Actor, Role
from dispatch_api.errors import Forbidden, IllegalTransition, InvalidRequest
from dispatch_api.store.history import Event


class CaseState(StrEnum):
    """Where a case stands."""

    DETECTED = "detected"
    PENDING_REVIEW = "pending_review"
    REJECTED = "rejected"
    MERGED = "merged"
    OPENED = "opened"
    DISPATCHED = "dispatched"
    RETURNED = "returned"
    ARBITRATION = "arbitration"
    IN_PROGRESS = "in_progress"
    SUSPENDED = "suspended"
    REPORTED_DONE = "reported_done"
    PENDING_VERIFY = "pending_verify"
    UNVERIFIABLE = "unverifiable"
    REWORKED = "reworked"
    CLOSED = "closed"
    RECURRED = "recurred"


class Colour(StrEnum):
    """How urgent a case is."""

    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"


CASE_STATE_NAMES: dict[CaseState, tuple[str, str]] = {
    CaseState.DETECTED: ("发现", "Detected"),
    CaseState.PENDING_REVIEW: ("待核实", "To be reviewed"),
    CaseState.REJECTED: ("不予立案", "Rejected"),
    CaseState.MERGED: ("合并", "Merged"),
    CaseState.OPENED: ("立案", "Opened"),
    CaseState.DISPATCHED: ("任务派遣", "Dispatched"),
    CaseState.RETURNED: ("退回", "Returned"),
    CaseState.ARBITRATION: ("裁定", "Arbitration"),
    CaseState.IN_PROGRESS: ("任务处理", "In progress"),
    CaseState.SUSPENDED: ("缓办", "Suspended"),
    CaseState.REPORTED_DONE: ("处理反馈", "Reported done"),
    CaseState.PENDING_VERIFY: ("待核查", "To be verified"),
    CaseState.UNVERIFIABLE: ("无法核查", "Cannot be verified"),
    CaseState.REWORKED: ("返工", "Rework"),
    CaseState.CLOSED: ("核查结案", "Closed"),
    CaseState.RECURRED: ("反复", "Recurred"),
}
"""Chinese and English name of each state."""

ENDED_STATES = frozenset({CaseState.REJECTED, CaseState.MERGED, CaseState.CLOSED, CaseState.RECURRED})
"""States in which a case takes no further observations of the same thing."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One allowed change: who may make it by hand, and what it must carry. No role: it follows from something else.

    `event` names it in the history where the new state's name would not tell what happened.
    """

    roles: frozenset[Role] = frozenset()
    needs_reason: bool = False
    needs_lead: bool = False
    needs_date: bool = False
    needs_duplicate_of: bool = False
    takes_reason_code: bool = False
    event: str = ""


_FOLLOWS = Step()
_CENTRE = frozenset({Role.CENTRE})

CASE_STEPS: dict[CaseState, dict[CaseState, Step]] = {
    CaseState.DETECTED: {
        CaseState.PENDING_REVIEW: _FOLLOWS,
        CaseState.OPENED: _FOLLOWS,
        CaseState.MERGED: _FOLLOWS,
    },
    CaseState.PENDING_REVIEW: {
        CaseState.OPENED: Step(roles=_CENTRE),
        CaseState.REJECTED: Step(roles=_CENTRE, needs_reason=True, takes_reason_code=True),
        CaseState.MERGED: Step(roles=_CENTRE, needs_duplicate_of=True),
    },
    CaseState.REJECTED: {},
    CaseState.MERGED: {CaseState.PENDING_REVIEW: Step(roles=_CENTRE, needs_reason=True, event="unmerged")},
    CaseState.OPENED: {CaseState.DISPATCHED: Step(roles=_CENTRE, needs_lead=True, needs_reason=True)},
    CaseState.DISPATCHED: {CaseState.IN_PROGRESS: _FOLLOWS, CaseState.RETURNED: _FOLLOWS},
    CaseState.RETURNED: {
        CaseState.DISPATCHED: Step(roles=_CENTRE, needs_lead=True, needs_reason=True),
        CaseState.ARBITRATION: _FOLLOWS,
    },
    CaseState.ARBITRATION: {CaseState.DISPATCHED: Step(roles=_CENTRE, needs_lead=True, needs_reason=True)},
    CaseState.IN_PROGRESS: {
        CaseState.REPORTED_DONE: _FOLLOWS,
        CaseState.SUSPENDED: Step(roles=_CENTRE, needs_reason=True, needs_date=True),
        CaseState.RETURNED: _FOLLOWS,
    },
    CaseState.SUSPENDED: {CaseState.IN_PROGRESS: Step(roles=_CENTRE)},
    CaseState.REPORTED_DONE: {CaseState.PENDING_VERIFY: _FOLLOWS},
    CaseState.PENDING_VERIFY: {
        CaseState.CLOSED: Step(roles=_CENTRE, needs_reason=True),
        CaseState.REWORKED: Step(roles=_CENTRE, needs_reason=True),
        CaseState.UNVERIFIABLE: Step(roles=_CENTRE, needs_reason=True),
    },
    CaseState.UNVERIFIABLE: {
        CaseState.CLOSED: Step(roles=_CENTRE, needs_reason=True),
        CaseState.PENDING_VERIFY: Step(roles=_CENTRE),
    },
    CaseState.REWORKED: {CaseState.IN_PROGRESS: _FOLLOWS},
    CaseState.CLOSED: {CaseState.RECURRED: _FOLLOWS},
    CaseState.RECURRED: {CaseState.OPENED: _FOLLOWS},
}
"""The whole life of a case: from each state, the states that may follow and what each needs."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What the table needs to know of a case; `reporters` are the accounts that reported its work as done."""

    case_id: str
    state: CaseState
    reporters: frozenset[str] = frozenset()
    refusals: int = 0
    reworks: int = 0

    def __post_init__(self) -> None:
        if not self.case_id:
            raise ValueError("a case needs an id")
        if self.refusals < 0 or self.reworks < 0:
            raise ValueError("refusals and reworks are counts")


def allowed_steps(case: Case, actor: Actor) -> dict[CaseState, Step]:
    """The changes that this actor may make to this case now."""
    steps = CASE_STEPS[case.state]
    return {to: step for to, step in steps.items() if _refusal(case, to, step, actor) is None}


def advance(
    case: Case,
    to: CaseState,
    *,
    by: Actor,
    at: datetime,
    why: str = "",
    data: Mapping[str, Any] | None = None,
) -> tuple[Case, Event]:
    """Move a case to another state.

    Args:
        case: As it stands; it is not changed.
        to: The wanted state.
        by: Who does it. The system may make every change of the table; people those of their role.
        at: When, aware.
        why: The reason, where the step needs one.
        data: What else the history shall keep of it, as JSON values.

    Returns:
        The case in its new state, and the event that records the change.

    Raises:
        IllegalTransition: The table does not allow it, or the actor reported the work done and may not close.
        Forbidden: It is in the table, but not for this role.
        InvalidRequest: The step needs a reason.
    """
    step = CASE_STEPS[case.state].get(to)
    if step is None:
        raise _illegal(case, to, by)
    refusal = _refusal(case, to, step, by)
    if refusal is not None:
        if step.roles and by.role in step.roles:
            raise _illegal(case, to, by, refusal)
        raise Forbidden(f"case {case.case_id}: {refusal}.")
    if step.needs_reason and not by.is_system and not why.strip():
        raise InvalidRequest(field="reason", problem=f"the change to {to} needs one")
    moved = replace(
        case,
        state=to,
        refusals=case.refusals + (to is CaseState.RETURNED),
        reworks=case.reworks + (to is CaseState.REWORKED),
    )
    event = Event(
        at=at,
        who=by.name,
        kind=f"case.{step.event or to}",
        why=why,
        case_id=case.case_id,
        from_state=case.state,
        to_state=to,
        data=dict(data or {}),
    )
    return moved, event


def _refusal(case: Case, to: CaseState, step: Step, actor: Actor) -> str | None:
    if actor.is_system:
        return None
    if not step.roles:
        return f"the change to {to} follows from the tasks, nobody makes it by hand"
    if actor.role not in step.roles:
        return f"the role {actor.role} may not change it to {to}"
    if to is CaseState.CLOSED and actor.name in case.reporters:
        return "whoever reports done may not close"
    return None


def _illegal(case: Case, to: CaseState, by: Actor, why: str = "") -> IllegalTransition:
    allowed = tuple(allowed_steps(case, by))
    if to is CaseState.PENDING_REVIEW and not why:
        why = f"only a merged case is taken apart, and this one is {case.state}"
    return IllegalTransition(subject=f"case {case.case_id}", current=case.state, to=to, allowed=allowed, why=why)
