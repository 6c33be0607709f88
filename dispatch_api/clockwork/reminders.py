"""Reminders in the store: what is to happen next, and what after it, written with the change that starts the clocks.

One row stands for all that is to come by the clocks of a task, or by one clock of a case. It names the next step and
holds the others; the transaction that settles a step has the row name the next one, and removes it after the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

import orjson
from sqlalchemy import Connection, Row, bindparam, delete, select, update

from dispatch_api.cases.clocks import Clock, WorkingCalendar
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.records import is_new_case
from dispatch_api.clockwork.rules import Running
from dispatch_api.store.schema import reminder
from dispatch_api.store.times import iso
from dispatch_api.store.types import as_json
from dispatch_api.store.unit import known, write_later

RESUME = "resume"
"""The reminder that ends a suspension."""


class ReminderState(StrEnum):
    """Whether a reminder's time runs."""

    WAITING = "waiting"
    PAUSED = "paused"


@dataclass(frozen=True)
class StepToCome:
    """One thing that is to happen.

    Attributes:
        due_at: When, aware.
        kind: The key of the escalation's step, or `RESUME`.
    """

    due_at: datetime
    kind: str


@dataclass(frozen=True)
class Reminder:
    """What is to come, the next first.

    Attributes:
        reminder_id: Its row.
        case_id: Of which case.
        task_id: Of which task; None for a case's own clocks.
        steps: At least one.
    """

    reminder_id: int
    case_id: str
    task_id: int | None
    steps: tuple[StepToCome, ...]

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Read a row of the table `reminder`."""
        rest = orjson.loads(row.to_come) if row.to_come else ()
        others = (StepToCome(datetime.fromisoformat(due_at), kind) for kind, due_at in rest)
        return cls(row.reminder_id, row.case_id, row.task_id, (StepToCome(row.due_at, row.kind), *others))


_OF_CASE = select(reminder).where(reminder.c.case_id == bindparam("of_case"), reminder.c.state == bindparam("in_state"))


@dataclass(frozen=True)
class Started:
    """A clock that starts.

    Attributes:
        running: Which.
        clock: How long; None where none runs.
        from_at: When it started.
    """

    running: Running
    clock: Clock | None
    from_at: datetime


def start_clocks(
    connection: Connection,
    started: Sequence[Started],
    *,
    case_id: str,
    tasks: Sequence[int] = (),
    at: datetime,
    matters: Matters,
) -> None:
    """Write down what happens as clocks run; a case's clock that runs already starts anew.

    Args:
        connection: The transaction that starts them.
        started: The clocks.
        case_id: Of which case.
        tasks: Of which tasks, for departments' clocks. They have none that run: they are new, or these were dropped.
        at: Now. Of a clock's steps that lie behind already only the last one is kept: nobody is told what is overtaken.
        matters: The city's, with its calendar and its escalation.
    """
    if not tasks and not is_new_case(connection, case_id):
        _drop_clocks_of_case(connection, case_id, [one.running for one in started], matters)
    # All tasks of all cases that come in together start the same few clocks at the same moment.
    row = known(connection, (*started, at), lambda: _columns_of(_steps(started, at=at, matters=matters)))
    if row is not None:
        for task_id in tasks or (None,):
            _write(connection, row, case_id=case_id, task_id=task_id)


def _steps(started: Iterable[Started], *, at: datetime, matters: Matters) -> list[StepToCome]:
    steps: list[StepToCome] = []
    for one in started:
        if one.clock is None:
            continue
        due = [
            StepToCome(matters.calendar.deadline(one.from_at, one.clock.share(step.at)), step.key)
            for step in matters.escalation.steps_of(one.running)
        ]
        behind = sum(step.due_at <= at for step in due)
        steps += due[max(behind - 1, 0) :]
    return sorted(steps, key=lambda step: step.due_at)


def _columns_of(steps: Sequence[StepToCome]) -> Mapping[str, Any] | None:
    """The columns of a row that hold steps (the next first); None where there are none."""
    if not steps:
        return None
    rest = [(step.kind, iso(step.due_at)) for step in steps[1:]]
    return {"kind": steps[0].kind, "due_at": steps[0].due_at, "to_come": as_json(rest) if rest else None}


def _write(connection: Connection, columns: Mapping[str, Any], *, case_id: str, task_id: int | None) -> None:
    of = {"case_id": case_id, "task_id": task_id, "state": ReminderState.WAITING.value}
    write_later(connection, reminder, {**of, **columns})


def remind_to_resume(connection: Connection, *, case_id: str, at: datetime) -> None:
    """A suspended case goes on by itself at `at`."""
    columns = _columns_of([StepToCome(at, RESUME)])
    assert columns is not None
    _write(connection, columns, case_id=case_id, task_id=None)


def go_on_with(connection: Connection, row: Reminder, steps: Iterable[StepToCome]) -> None:
    """After a step was settled: what is left (in any order) is still to come, and where nothing is, the row goes."""
    columns = _columns_of(sorted(steps, key=lambda step: step.due_at))
    if columns is None:
        connection.execute(delete(reminder).where(reminder.c.reminder_id == row.reminder_id))
    else:
        connection.execute(update(reminder).where(reminder.c.reminder_id == row.reminder_id).values(columns))


def _drop_clocks_of_case(connection: Connection, case_id: str, running: Iterable[Running], matters: Matters) -> None:
    kinds = [step.key for one in running for step in matters.escalation.steps_of(one)]
    of_case = (reminder.c.case_id == case_id, reminder.c.task_id.is_(None))
    connection.execute(delete(reminder).where(*of_case, reminder.c.kind.in_(kinds)))


def drop_task_reminders(connection: Connection, *, case_id: str, task_id: int) -> None:
    """Forget what was to come for a task: its clock starts anew."""
    connection.execute(delete(reminder).where(reminder.c.case_id == case_id, reminder.c.task_id == task_id))


def hand_over_reminders(connection: Connection, *, case_id: str, of_task: int, to_task: int) -> None:
    """What was to come for a task comes for the one that took its place: the clock runs on."""
    of = (reminder.c.case_id == case_id, reminder.c.task_id == of_task)
    connection.execute(update(reminder).where(*of).values(task_id=to_task))


def pause_reminders(connection: Connection, case_id: str) -> None:
    """The clocks of a case's tasks stand still."""
    of_tasks = (reminder.c.case_id == case_id, reminder.c.task_id.is_not(None))
    connection.execute(update(reminder).where(*of_tasks).values(state=ReminderState.PAUSED.value))


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
        working = row.task_id is not None and is_working[row.task_id]
        steps = [
            StepToCome(put_off(step.due_at, paused_at=paused_at, at=at, working=working, calendar=calendar), step.kind)
            for step in row.steps
        ]
        go_on_with(connection, row, steps)
    of_case = reminder.c.case_id == case_id
    connection.execute(delete(reminder).where(of_case, reminder.c.kind == RESUME))
    connection.execute(update(reminder).where(of_case).values(state=ReminderState.WAITING.value))


def put_off(
    due_at: datetime, *, paused_at: datetime, at: datetime, working: bool, calendar: WorkingCalendar
) -> datetime:
    """When something is due that was due at `due_at`, after a pause from `paused_at` to `at`; past dates stay."""
    if due_at <= paused_at:
        return due_at
    return calendar.later(at, calendar.between(paused_at, due_at, working=working), working=working)


def reminders_of(connection: Connection, case_id: str, state: ReminderState) -> list[Reminder]:
    """The reminders of a case that stand so."""
    return [Reminder.of(row) for row in connection.execute(_OF_CASE, {"of_case": case_id, "in_state": state.value})]
