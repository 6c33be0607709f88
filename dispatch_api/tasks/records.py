"""Tasks in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from dispatch_api.accounts.model import Actor
from dispatch_api.deliveries.notices import tell_of_task
from dispatch_api.errors import NotFound
from dispatch_api.store.history import append_event
from dispatch_api.store.schema import task
from dispatch_api.store.times import iso
from dispatch_api.tasks.model import ENDED_STATES, Task, TaskKind, TaskState, advance_task

TaskRow = Row[Any]
_OF_CASE = select(task).where(task.c.case_id == bindparam("of_case")).order_by(task.c.task_id)
_UPDATE = update(task).where(task.c.task_id == bindparam("of_task")).values(version=task.c.version + 1).returning(task)
_INSERT = insert(task).returning(task)


def get_task(connection: Connection, task_id: int) -> TaskRow:
    """The row of a task.

    Raises:
        NotFound: There is none.
    """
    row = connection.execute(select(task).where(task.c.task_id == task_id)).first()
    if row is None:
        raise NotFound(kind="task", key=str(task_id))
    return row


def tasks_of(connection: Connection, case_id: str) -> Sequence[TaskRow]:
    """The tasks of a case, in the order of their making."""
    return connection.execute(_OF_CASE, {"of_case": case_id}).all()


def task_of(row: TaskRow) -> Task:
    """What the table of states needs to know of a row."""
    return Task(
        task_id=row.task_id,
        case_id=row.case_id,
        department=row.department,
        kind=TaskKind(row.kind),
        state=TaskState(row.state),
    )


def insert_task(connection: Connection, **columns: Any) -> TaskRow:  # noqa: ANN401 - columns of the task table
    """Add a task, `queued`."""
    return connection.execute(_INSERT, {"state": TaskState.QUEUED.value, **columns}).one()


def update_task(connection: Connection, task_id: int, **columns: Any) -> TaskRow:  # noqa: ANN401 - columns
    """Change columns of a task."""
    row = connection.execute(_UPDATE, {**columns, "of_task": task_id}).first()
    if row is None:
        raise NotFound(kind="task", key=str(task_id))
    return row


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
