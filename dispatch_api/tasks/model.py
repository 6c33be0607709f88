"""A task's life as a table: the work of one department on one case."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from dispatch_api.accounts.model import DEPARTMENT_ROLES, Actor, Role
from dispatch_api.errors import Forbidden, IllegalTransition, InvalidRequest
from dispatch_api.store.history import Event


class TaskState(StrEnum):
    """Where a task stands."""

    QUEUED = "queued"
    SENT = "sent"
    SIGNED = "signed"
    WORKING = "working"
    DONE = "done"
    ACCEPTED = "accepted"
    REWORK = "rework"
    REFUSED = "refused"
    HANDED_ON = "handed_on"
    CANCELLED = "cancelled"


class TaskKind(StrEnum):
    """Whether the department leads or helps."""

    LEAD = "lead"
    CO = "co"


TASK_STATE_NAMES: dict[TaskState, tuple[str, str]] = {
    TaskState.QUEUED: ("待发", "Queued"),
    TaskState.SENT: ("已推送", "Sent"),
    TaskState.SIGNED: ("已签收", "Signed"),
    TaskState.WORKING: ("处置中", "Working"),
    TaskState.DONE: ("已反馈", "Done"),
    TaskState.ACCEPTED: ("核查通过", "Accepted"),
    TaskState.REWORK: ("返工", "Rework"),
    TaskState.REFUSED: ("退回", "Refused"),
    TaskState.HANDED_ON: ("转办", "Handed on"),
    TaskState.CANCELLED: ("撤回", "Cancelled"),
}
"""Chinese and English name of each state."""

GONE_STATES = frozenset({TaskState.REFUSED, TaskState.HANDED_ON, TaskState.CANCELLED})
"""Side exits: the department has no more to do with the case."""

ENDED_STATES = GONE_STATES | {TaskState.ACCEPTED}
"""Nothing more happens to the task."""

SIGNED_STATES = frozenset({TaskState.SIGNED, TaskState.WORKING, TaskState.DONE, TaskState.ACCEPTED, TaskState.REWORK})
"""The department has taken the task."""

OPEN_STATES = frozenset({TaskState.QUEUED, TaskState.SENT, TaskState.SIGNED, TaskState.WORKING, TaskState.REWORK})
"""The department still has to do something."""


@dataclass(frozen=True, kw_only=True)
class TaskStep:
    """One allowed change: who may make it by hand, and what it must carry. No role: it follows from the case."""

    roles: frozenset[Role] = frozenset()
    needs_reason: bool = False
    needs_department: bool = False


_FOLLOWS = TaskStep()
_WORK = TaskStep(roles=frozenset({Role.HANDLER, Role.LEADER, Role.CENTRE}))
_REFUSE = TaskStep(roles=frozenset({Role.LEADER, Role.CENTRE}), needs_reason=True)
_HAND_ON = TaskStep(roles=frozenset({Role.LEADER, Role.CENTRE}), needs_reason=True, needs_department=True)
_CANCEL = TaskStep(roles=frozenset({Role.CENTRE}), needs_reason=True)

TASK_STEPS: dict[TaskState, dict[TaskState, TaskStep]] = {
    TaskState.QUEUED: {TaskState.SENT: _FOLLOWS, TaskState.CANCELLED: _CANCEL},
    TaskState.SENT: {
        TaskState.SIGNED: _WORK,
        TaskState.REFUSED: _REFUSE,
        TaskState.HANDED_ON: _HAND_ON,
        TaskState.CANCELLED: _CANCEL,
    },
    TaskState.SIGNED: {
        TaskState.WORKING: _WORK,
        TaskState.REFUSED: _REFUSE,
        TaskState.HANDED_ON: _HAND_ON,
        TaskState.CANCELLED: _CANCEL,
    },
    TaskState.WORKING: {
        TaskState.DONE: _WORK,
        TaskState.REFUSED: _REFUSE,
        TaskState.HANDED_ON: _HAND_ON,
        TaskState.CANCELLED: _CANCEL,
    },
    TaskState.DONE: {TaskState.ACCEPTED: _FOLLOWS, TaskState.REWORK: _FOLLOWS},
    TaskState.ACCEPTED: {},
    TaskState.REWORK: {TaskState.WORKING: _WORK},
    TaskState.REFUSED: {},
    TaskState.HANDED_ON: {},
    TaskState.CANCELLED: {},
}
"""The whole life of a task: from each state, the states that may follow and what each needs."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What the table needs to know of a task."""

    task_id: int
    case_id: str
    department: str
    kind: TaskKind
    state: TaskState


def allowed_task_steps(task: Task, actor: Actor) -> dict[TaskState, TaskStep]:
    """The changes that this actor may make to this task now."""
    return {to: step for to, step in TASK_STEPS[task.state].items() if _refusal(task, to, step, actor) is None}


def advance_task(task: Task, to: TaskState, *, by: Actor, at: datetime, why: str = "") -> tuple[Task, Event]:
    """Move a task to another state.

    Args:
        task: As it stands; it is not changed.
        to: The wanted state.
        by: Who does it. The system may make every change of the table; people those of their role and department.
        at: When, aware.
        why: The reason, where the step needs one.

    Returns:
        The task in its new state, and the event that records the change.

    Raises:
        IllegalTransition: The table does not allow it.
        Forbidden: It is in the table, but not for this account.
        InvalidRequest: The step needs a reason.
    """
    step = TASK_STEPS[task.state].get(to)
    if step is None:
        raise IllegalTransition(
            subject=f"task {task.task_id}", current=task.state, to=to, allowed=tuple(allowed_task_steps(task, by))
        )
    refusal = _refusal(task, to, step, by)
    if refusal is not None:
        raise Forbidden(f"task {task.task_id}: {refusal}.")
    if step.needs_reason and not by.is_system and not why.strip():
        raise InvalidRequest(field="reason", problem=f"the change to {to} needs one")
    event = Event(
        at=at,
        who=by.name,
        kind=f"task.{to}",
        why=why,
        case_id=task.case_id,
        task_id=task.task_id,
        from_state=task.state,
        to_state=to,
        data={"department": task.department, "kind": task.kind},
    )
    return replace(task, state=to), event


def _refusal(task: Task, to: TaskState, step: TaskStep, actor: Actor) -> str | None:
    if actor.is_system:
        return None
    if not step.roles:
        return f"the change to {to} follows from the case, nobody makes it by hand"
    if actor.role not in step.roles:
        return f"the role {actor.role} may not change it to {to}"
    if actor.role in DEPARTMENT_ROLES and actor.department != task.department:
        return f"it belongs to {task.department}"
    return None
