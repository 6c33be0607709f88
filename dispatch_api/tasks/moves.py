"""Changing a task's state in the store: the table decides, the history records, the department is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from dispatch_api.accounts.model import Actor
from dispatch_api.deliveries.notices import tell_of_task
from dispatch_api.store.history import append_event
from dispatch_api.store.times import iso
from dispatch_api.tasks.model import ENDED_STATES, TaskState, advance_task
from dispatch_api.tasks.records import TaskRow, task_of, update_task


def move_task(
    connection: Connection, row: TaskRow, to: TaskState, *, by: Actor, at: datetime, why: str = ""
) -> TaskRow:
    """Move a task to another state and record it.

    Raises:
        IllegalTransition: The table does not allow it.
        Forbidden: It is not for this actor.
        InvalidRequest: The step needs a reason.
    """
    _, event = advance_task(task_of(row), to, by=by, at=at, why=why)
    if to is TaskState.DONE:
        # The history by itself tells whether work was reported in time; deadlines move.
        event = replace(event, data={**event.data, "deadline_at": iso(row.deadline_at)})
    append_event(connection, event)
    stamps = {TaskState.SIGNED: "signed_at", TaskState.DONE: "done_at"}
    stamp = {stamps[to]: at} if to in stamps else {}
    if to in ENDED_STATES:
        stamp["ended_at"] = at
    changed = update_task(connection, row.task_id, state=to.value, **stamp)
    tell_of_task(connection, changed, at=at, why=why)
    return changed
