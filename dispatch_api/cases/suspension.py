"""Suspending a case (缓办): its tasks' clocks stand still, and run on with what was left."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from dispatch_api.accounts.model import Actor
from dispatch_api.cases.clocks import Clock
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.model import CaseState
from dispatch_api.cases.moves import move_case
from dispatch_api.cases.records import CaseRow, update_case
from dispatch_api.clockwork.reminders import pause_reminders, put_off, remind_to_resume, resume_reminders
from dispatch_api.tasks.model import OPEN_STATES
from dispatch_api.tasks.records import TaskRow, tasks_of, update_task


def suspend(connection: Connection, row: CaseRow) -> CaseRow:
    """Stop the clocks of a case that has just been suspended, until the date that was set."""
    pause_reminders(connection, row.case_id)
    remind_to_resume(connection, case_id=row.case_id, at=row.suspended_until)
    return row


def resume(connection: Connection, row: CaseRow, *, by: Actor, at: datetime, why: str, matters: Matters) -> CaseRow:
    """Let a suspended case go on, and its clocks with it.

    Args:
        connection: The transaction that ends the suspension.
        row: The case as it is suspended.
        by: Who lets it go on.
        at: Now.
        why: The reason.
        matters: The city's.

    Returns:
        The case; how long it was suspended is counted apart, in seconds by the clock on the wall.

    Raises:
        IllegalTransition: The table does not allow it.
        Forbidden: It is not for this actor.
    """
    paused_at, calendar = row.suspended_at or at, matters.calendar
    row = move_case(
        connection, row, CaseState.IN_PROGRESS, by=by, at=at, why=why, suspended_at=None, suspended_until=None
    )
    tasks = tasks_of(connection, row.case_id)
    for task in tasks:
        if task.deadline_at is not None and task.state in OPEN_STATES:
            deadline_at = put_off(
                task.deadline_at, paused_at=paused_at, at=at, working=_counts_working_time(task), calendar=calendar
            )
            update_task(connection, task.task_id, deadline_at=deadline_at)
    resume_reminders(
        connection,
        row.case_id,
        paused_at=paused_at,
        at=at,
        is_working={task.task_id: _counts_working_time(task) for task in tasks},
        calendar=calendar,
    )
    paused_s = row.paused_s + (at - paused_at).total_seconds()
    return update_case(connection, row.case_id, {"paused_s": paused_s})


def _counts_working_time(task: TaskRow) -> bool:
    return task.t3 is not None and Clock.parse(task.t3).is_working
