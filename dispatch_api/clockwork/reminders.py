"""Reminders in the store: what is to happen when, written with the change that starts the clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from dispatch_api.cases.clocks import Clock, WorkingCalendar
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.records import is_new_case
from dispatch_api.clockwork.rules import Running
from dispatch_api.store.schema import reminder
from dispatch_api.store.unit import known, write_later

RESUME = "resume"
"""The reminder that ends a suspension."""


class ReminderState(StrEnum):
    """Where a reminder stands; it leaves `waiting` for `done` or `dropped` once."""

    WAITING = "waiting"
    PAUSED = "paused"
    DONE = "done"
    DROPPED = "dropped"


_OF_KEYS = select(reminder.c.key).where(reminder.c.key.in_(bindparam("of_keys", expanding=True)))
_OF_CASE = select(reminder).where(reminder.c.case_id == bindparam("of_case"), reminder.c.state == bindparam("in_state"))


def start_clock(
    connection: Connection,
    *,
    case_id: str,
    task_id: int | None = None,
    running: Running,
    clock: Clock | None,
    from_at: datetime,
    at: datetime,
    matters: Matters,
) -> None:
    """Write down what happens as a clock runs; asked again for the same clock it changes nothing.

    Args:
        connection: The transaction that starts the clock.
        case_id: Of which case.
        task_id: Of which task, for a department's clocks.
        running: Which clock.
        clock: How long; None where none runs.
        from_at: When it started.
        at: Now. Of steps that lie behind already only the last one is kept: nobody is told what is overtaken.
        matters: The city's, with its calendar and its escalation.
    """
    if clock is None:
        return

    def steps() -> list[tuple[str, datetime, str]]:
        begun = f"{from_at.timestamp():.6f}"
        due = [
            (step.key, matters.calendar.deadline(from_at, clock.share(step.at)), f"{step.key}:{begun}")
            for step in matters.escalation.steps_of(running)
        ]
        behind = [key for key, when, _ in due if when <= at]
        return [step for step in due if step[0] not in behind[:-1]]

    # All tasks of all cases that come in together start the same few clocks at the same moment.
    to_come = known(connection, f"{running} of {clock.text} from {from_at.timestamp()} at {at.timestamp()}", steps)
    subject = case_id if task_id is None else f"task-{task_id}"
    rows = [
        {
            "key": f"{subject}:{key}",
            "case_id": case_id,
            "task_id": task_id,
            "kind": kind,
            "due_at": when,
            "state": ReminderState.WAITING.value,
        }
        for kind, when, key in to_come
    ]
    # A task's clock is started with the task or after its reminders were dropped; a case's may be asked for twice.
    anew = task_id is not None or is_new_case(connection, case_id)
    there = set() if anew else _known(connection, [str(row["key"]) for row in rows])
    for row in rows:
        if row["key"] not in there:
            write_later(connection, reminder, row, key=row["key"])


def _known(connection: Connection, keys: Sequence[str]) -> set[str]:
    return set(connection.execute(_OF_KEYS, {"of_keys": keys}).scalars())


def remind_to_resume(connection: Connection, *, case_id: str, at: datetime) -> None:
    """A suspended case goes on by itself at `at`."""
    key = f"{case_id}:{RESUME}:{at.timestamp():.0f}"
    if not connection.execute(_OF_KEYS, {"of_keys": [key]}).first():
        values = {"key": key, "case_id": case_id, "kind": RESUME, "due_at": at, "state": ReminderState.WAITING.value}
        write_later(connection, reminder, values | {"task_id": None}, key=key)


def drop_task_reminders(connection: Connection, task_id: int) -> None:
    """Forget what was to come for a task: its clock starts anew, or it is over."""
    waiting = [ReminderState.WAITING.value, ReminderState.PAUSED.value]
    connection.execute(
        update(reminder)
        .where(reminder.c.task_id == task_id, reminder.c.state.in_(waiting))
        .values(state=ReminderState.DROPPED.value)
    )


def hand_over_reminders(connection: Connection, *, of_task: int, to_task: int) -> None:
    """What was to come for a task comes for the one that took its place: the clock runs on."""
    connection.execute(
        update(reminder)
        .where(reminder.c.task_id == of_task, reminder.c.state == ReminderState.WAITING.value)
        .values(task_id=to_task)
    )


def pause_reminders(connection: Connection, case_id: str) -> None:
    """The clocks of a case's tasks stand still."""
    connection.execute(
        update(reminder)
        .where(
            reminder.c.case_id == case_id,
            reminder.c.task_id.is_not(None),
            reminder.c.state == ReminderState.WAITING.value,
        )
        .values(state=ReminderState.PAUSED.value)
    )


def resume_reminders(
    connection: Connection,
    case_id: str,
    *,
    paused_at: datetime,
    at: datetime,
    is_working: Mapping[int, bool],
    calendar: WorkingCalendar,
) -> None:
    """The clocks run on: what was left when they stopped is left now.

    Args:
        connection: The transaction that ends the suspension.
        case_id: Of the case.
        paused_at: When they stopped.
        at: Now.
        is_working: By task: whether its clock counts working time.
        calendar: The city's.
    """
    for row in reminders_of(connection, case_id, ReminderState.PAUSED):
        due_at = put_off(row.due_at, paused_at=paused_at, at=at, working=is_working[row.task_id], calendar=calendar)
        values = {"due_at": due_at, "state": ReminderState.WAITING.value}
        connection.execute(update(reminder).where(reminder.c.reminder_id == row.reminder_id).values(values))
    connection.execute(
        update(reminder)
        .where(
            reminder.c.case_id == case_id,
            reminder.c.kind == RESUME,
            reminder.c.state == ReminderState.WAITING.value,
        )
        .values(state=ReminderState.DROPPED.value)
    )


def put_off(
    due_at: datetime, *, paused_at: datetime, at: datetime, working: bool, calendar: WorkingCalendar
) -> datetime:
    """When something is due that was due at `due_at`, after a pause from `paused_at` to `at`; past dates stay."""
    if due_at <= paused_at:
        return due_at
    return calendar.later(at, calendar.between(paused_at, due_at, working=working), working=working)


def reminders_of(connection: Connection, case_id: str, state: ReminderState) -> Sequence[Row[Any]]:
    """The reminders of a case that stand so."""
    return connection.execute(_OF_CASE, {"of_case": case_id, "in_state": state.value}).all()
