"""What a reminder does when it is due: it happens once or not at all, in the transaction that names the next step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from dispatch_api.accounts.model import system_actor
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.model import CaseState, Colour
from dispatch_api.cases.moves import tell_case
from dispatch_api.cases.records import CaseRow, get_case, update_case
from dispatch_api.cases.suspension import resume
from dispatch_api.clockwork.reminders import RESUME, Reminder, ReminderState, StepToCome, go_on_with
from dispatch_api.clockwork.rules import Audience, EscalationStep, Running
from dispatch_api.clockwork.supervision import supervise
from dispatch_api.deliveries.outbox import post
from dispatch_api.deliveries.places import place_name
from dispatch_api.departments.model import CENTRE
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import reminder
from dispatch_api.store.times import iso
from dispatch_api.storms.holding import holds_back
from dispatch_api.tasks.dispatching import tell_task
from dispatch_api.tasks.model import OPEN_STATES, TaskState
from dispatch_api.tasks.records import TaskRow, get_task

BATCH = 100
_CLOCKWORK = system_actor("clockwork")
_URGENCY = {Colour.GREEN: 0, Colour.YELLOW: 1, Colour.RED: 2}
_UNSIGNED = frozenset({TaskState.QUEUED, TaskState.SENT})


def fire_due(connection: Connection, *, matters: Matters, at: datetime) -> int:
    """Do what is due, the longest overdue first, for at most `BATCH` tasks and cases.

    Returns:
        For how many: their steps were told, dropped as no longer meant, or put off until the quiet hours end.
    """
    query = (
        select(reminder)
        .where(reminder.c.state == ReminderState.WAITING.value, reminder.c.due_at <= at)
        .order_by(reminder.c.due_at, reminder.c.reminder_id)
        .limit(BATCH)
    )
    rows = [Reminder.of(row) for row in connection.execute(query).all()]
    for row in rows:
        if row.steps[0].kind == RESUME:
            _go_on(connection, row, matters=matters, at=at)
        else:
            go_on_with(connection, row, _settle(connection, row, matters=matters, at=at))
    return len(rows)


def next_due(connection: Connection) -> datetime | None:
    """When the next reminder is due; None where none waits."""
    query = (
        select(reminder.c.due_at)
        .where(reminder.c.state == ReminderState.WAITING.value)
        .order_by(reminder.c.due_at)
        .limit(1)
    )
    due_at: datetime | None = connection.execute(query).scalar()
    return due_at


def _settle(connection: Connection, row: Reminder, *, matters: Matters, at: datetime) -> list[StepToCome]:
    """Do what is due by the clocks of a task, or by one of a case.

    Returns:
        What is still to come.
    """
    left = [step for step in row.steps if step.due_at > at]
    for due, step in _last_of_each_clock(row, matters, at=at):
        case = get_case(connection, row.case_id)
        task = get_task(connection, row.task_id) if row.task_id is not None else None
        if not _still_runs(step.of, case, task):
            continue
        zone, quiet = matters.calendar.time_zone, matters.escalation.quiet
        is_red = Colour.RED in {Colour(case.colour), step.colour}
        if not is_red and quiet.has(at, zone):
            left.append(replace(due, due_at=quiet.end(at, zone)))
            continue
        _act(connection, case, task, step, due_at=due.due_at, matters=matters, at=at)
        # What waited for the end of the quiet hours is overtaken by what did not.
        overtaken = {other.key for other in matters.escalation.steps_of(step.of) if other.at <= step.at}
        left = [other for other in left if other.kind not in overtaken]
    return left


def _last_of_each_clock(row: Reminder, matters: Matters, *, at: datetime) -> list[tuple[StepToCome, EscalationStep]]:
    """Of what is due the last of each clock: people are told nothing that is overtaken, or configured no longer."""
    last: dict[Running, tuple[StepToCome, EscalationStep]] = {}
    for due in row.steps:
        step = matters.escalation.step(due.kind) if due.due_at <= at else None
        if step is not None and (step.of not in last or last[step.of][1].at <= step.at):
            last[step.of] = (due, step)
    return list(last.values())


def _still_runs(running: Running, case: CaseRow, task: TaskRow | None) -> bool:
    if running is Running.T1:
        return bool(case.state == CaseState.PENDING_REVIEW)
    if running is Running.VERIFY:
        return bool(case.state == CaseState.PENDING_VERIFY)
    if task is None or case.state == CaseState.SUSPENDED:
        return False
    return task.state in (_UNSIGNED if running is Running.T2 else OPEN_STATES)


def _act(
    connection: Connection,
    case: CaseRow,
    task: TaskRow | None,
    step: EscalationStep,
    *,
    due_at: datetime,
    matters: Matters,
    at: datetime,
) -> None:
    changes = _changes(case, [other for other in matters.escalation.steps_of(step.of) if other.at <= step.at])
    data = {"step": step.key, "due_at": iso(due_at), "share": step.at, **changes, "was": case.colour}
    append_event(
        connection,
        Event(
            at=at,
            who=_CLOCKWORK.name,
            kind="case.reminded" if task is None else "task.reminded",
            why=step.text.en,
            case_id=case.case_id,
            task_id=None if task is None else task.task_id,
            data=data,
        ),
    )
    number = None
    if changes:
        case = update_case(connection, case.case_id, changes)
    if step.supervise:
        case, number = supervise(connection, case, why=step.text.en, by=_CLOCKWORK, at=at, matters=matters)
    _tell(connection, case, task, step, number, at=at)
    if changes or number:
        tell_case(connection, case, kind="case.updated", at=at, matters=matters)
    if task is not None:
        tell_task(connection, task, at=at)


def _changes(case: CaseRow, passed: Sequence[EscalationStep]) -> dict[str, Any]:
    """What the steps that have been passed make of a case: overtaken ones count, though nobody heard of them."""
    changes: dict[str, Any] = {}
    colour = max((other.colour for other in passed if other.colour), key=_URGENCY.__getitem__, default=Colour.GREEN)
    if _URGENCY[colour] > _URGENCY[Colour(case.colour)]:
        changes["colour"] = colour.value
    if any(other.overdue for other in passed):
        changes["overdue"] = True
    return changes


def _tell(
    connection: Connection,
    case: CaseRow,
    task: TaskRow | None,
    step: EscalationStep,
    number: str | None,
    *,
    at: datetime,
) -> None:
    kind = "case.reminder.v1" if task is None else "task.reminder.v1"
    if number is None and holds_back(connection, case.case_id, kind):
        return
    departments = [task.department] if task is not None else []
    if Audience.CENTRE in step.tell:
        departments.append(CENTRE)
    deadline_at = case.verify_deadline_at if task is None else task.deadline_at
    post(
        connection,
        type=kind,
        subject=f"cases/{case.case_id}" if task is None else f"tasks/{task.task_id}",
        case_id=case.case_id,
        departments=departments,
        colour=case.colour,
        at=at,
        data={
            "case_id": case.case_id,
            "number": case.number,
            "matter": case.matter,
            "state": case.state,
            "colour": case.colour,
            "place": place_name(case.address, case.grid_name),
            "link": f"/cases/{case.case_id}",
            "step": step.key,
            "text": step.text.model_dump(),
            "tell": list(step.tell),
            "deadline_at": iso(deadline_at),
            "notice": number,
        },
    )


def _go_on(connection: Connection, row: Reminder, *, matters: Matters, at: datetime) -> None:
    go_on_with(connection, row, ())
    case = get_case(connection, row.case_id)
    if case.state != CaseState.SUSPENDED:
        return
    why = "the date set for it has come"
    moved = resume(connection, case, by=_CLOCKWORK, at=at, why=why, matters=matters)
    tell_case(connection, moved, kind="case.updated", at=at, matters=matters)
