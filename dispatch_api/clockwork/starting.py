"""Starting the clocks of a case's life: review, signing, disposal, verification."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from dispatch_api.cases.matters import Clocks, Matters
from dispatch_api.cases.model import Colour
from dispatch_api.cases.records import CaseRow, update_case
from dispatch_api.clockwork.reminders import Started, drop_task_reminders, start_clocks
from dispatch_api.clockwork.rules import Running
from dispatch_api.tasks.records import TaskRow, update_task


def clocks_of(row: CaseRow, matters: Matters) -> Clocks:
    """The clocks of a case's matter at its colour; none where the matter is configured no longer."""
    matter = matters.by_key.get(row.matter)
    return matter.clocks_for(Colour(row.colour)) if matter else Clocks()


def start_review(connection: Connection, row: CaseRow, *, at: datetime, matters: Matters) -> CaseRow:
    """A case begins to wait for a person (T1)."""
    t1 = clocks_of(row, matters).t1
    start_clocks(connection, [Started(Running.T1, t1, at)], case_id=row.case_id, at=at, matters=matters)
    deadline_at = matters.calendar.deadline(at, t1) if t1 else None
    return update_case(connection, row.case_id, {"verify_deadline_at": deadline_at})


def start_verification(connection: Connection, row: CaseRow, *, at: datetime, matters: Matters) -> CaseRow:
    """A case begins to wait for its proof."""
    clock = matters.escalation.verify
    start_clocks(connection, [Started(Running.VERIFY, clock, at)], case_id=row.case_id, at=at, matters=matters)
    return update_case(connection, row.case_id, {"verify_deadline_at": matters.calendar.deadline(at, clock)})


def start_tasks(
    connection: Connection,
    tasks: Sequence[TaskRow],
    clocks: Clocks,
    *,
    dispatched_at: datetime,
    at: datetime,
    matters: Matters,
) -> None:
    """Departments have new tasks on a case: they sign within T2 of now, and dispose within T3 of its dispatch."""
    if tasks:
        started = [Started(Running.T2, clocks.t2, at), Started(Running.T3, clocks.t3, dispatched_at)]
        numbers = [task.task_id for task in tasks]
        start_clocks(connection, started, case_id=tasks[0].case_id, tasks=numbers, at=at, matters=matters)


def restart_task(connection: Connection, task: TaskRow, clocks: Clocks, *, at: datetime, matters: Matters) -> TaskRow:
    """A task goes back to work: T3 runs anew from now."""
    drop_task_reminders(connection, case_id=task.case_id, task_id=task.task_id)
    t3 = clocks.t3
    started = [Started(Running.T3, t3, at)]
    start_clocks(connection, started, case_id=task.case_id, tasks=[task.task_id], at=at, matters=matters)
    deadline_at = matters.calendar.deadline(at, t3) if t3 else None
    return update_task(connection, task.task_id, deadline_at=deadline_at, done_at=None, t3=t3.text if t3 else None)
