"""Tasks in the store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from dispatch_api.cases.records import is_new_case, note_department, rows_by_case
from dispatch_api.errors import NotFound
from dispatch_api.store.gathered import Gathered
from dispatch_api.store.schema import task
from dispatch_api.store.unit import read_ahead, read_once
from dispatch_api.tasks.model import Task, TaskKind, TaskState

TaskRow = Row[Any]
_OF_CASE = select(task).where(task.c.case_id == bindparam("of_case")).order_by(task.c.task_id)
_OF_CASES = select(task).where(task.c.case_id.in_(bindparam("of_cases", expanding=True))).order_by(task.c.task_id)
_ONE = select(task).where(task.c.task_id == bindparam("of_task"))
_UPDATE = update(task).where(task.c.task_id == bindparam("of_task")).values(version=task.c.version + 1).returning(task)
_NEW = Gathered(task, key="task_id", group="case_id")


def get_task(connection: Connection, task_id: int) -> TaskRow:
    """The row of a task.

    Raises:
        NotFound: There is none.
    """
    row = _NEW.get(connection, task_id) or connection.execute(_ONE, {"of_task": task_id}).first()
    if row is None:
        raise NotFound(kind="task", key=str(task_id))
    return row


def tasks_of(connection: Connection, case_id: str) -> Sequence[TaskRow]:
    """The tasks of a case, in the order of their making."""
    if is_new_case(connection, case_id):
        return _NEW.of_group(connection, case_id)
    of_case = {"of_case": case_id}
    rows: Sequence[TaskRow] = read_once(connection, task, case_id, lambda: connection.execute(_OF_CASE, of_case).all())
    return rows


def read_tasks_ahead(connection: Connection, case_ids: Collection[str]) -> None:
    """Read the tasks of many cases at once, for `tasks_of` to know them until any task changes."""
    rows = connection.execute(_OF_CASES, {"of_cases": list(case_ids)})
    read_ahead(connection, task, rows_by_case(rows, case_ids))


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
    """Add a task."""
    note_department(connection, columns["case_id"], columns["department"])
    return _NEW.add(connection, columns)


def update_task(connection: Connection, task_id: int, **columns: Any) -> TaskRow:  # noqa: ANN401 - columns
    """Change columns of a task."""
    row = _NEW.change(connection, task_id, columns)
    row = row or connection.execute(_UPDATE, {**columns, "of_task": task_id}).first()
    if row is None:
        raise NotFound(kind="task", key=str(task_id))
    return row
