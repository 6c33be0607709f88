"""Starting the clocks of a case's life: review, signing, disposal, verification."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from dispatch_api.cases.matters import Clocks, Matters
from dispatch_api.cases.model import Colour
from dispatch_api.cases.records import CaseRow, update_case
from dispatch_api.clockwork.reminders import drop_task_reminders, start_clock
from dispatch_api.clockwork.rules import Running
from dispatch_api.tasks.records import TaskRow, update_task


def clocks_of(row: CaseRow, matters: Matters) -> Clocks:
    """The clocks of a case's matter at its colour; none where the matter is configured no longer."""
    matter = matters.by_key.get(row.matter)
    return matter.clocks_for(Colour(row.colour)) if matter else Clocks()


def start_review(connection: Connection, row: CaseRow, *, at: datetime, matters: Matters) -> CaseRow:
    """A case begins to wait for a person (T1)."""
    t1 = clocks_of(row, matters).t1
    start_clock(
        connection,
        case_id=row.case_id,
        running=Running.T1,
        clock=t1,
        from_at=at,
        at=at,
        matters=matters,
    )
    deadline_at = matters.calendar.deadline(at, t1) if t1 else None
    return update_case(connection, row.case_id, {"verify_deadline_at": deadline_at})


def start_verification(connection: Connection, row: CaseRow, *, at: datetime, matters: Matters) -> CaseRow:
    """A case begins to wait for its proof."""
    clock = matters.escalation.verify
    start_clock(
        connection,
        case_id=row.case_id,
        running=Running.VERIFY,
        clock=clock,
        from_at=at,
        at=at,
        matters=matters,
    )
    return update_case(connection, row.case_id, {"verify_deadline_at": matters.calendar.deadline(at, clock)})


def start_task(
    connection: Connection, task: TaskRow, clocks: Clocks, *, dispatched_at: datetime, at: datetime, matters: Matters
) -> None:
    """A department has a new task: it signs within T2 of now, and disposes within T3 of the case's dispatch."""
    for running, clock, from_at in ((Running.T2, clocks.t2, at), (Running.T3, clocks.t3, dispatched_at)):
        start_clock(
            connection,
            case_id=task.case_id,
            task_id=task.task_id,
            running=running,
            clock=clock,
            from_at=from_at,
            at=at,
            matters=matters,
        )


def restart_task(connection: Connection, task: TaskRow, clocks: Clocks, *, at: datetime, matters: Matters) -> TaskRow:
    """A task goes back to work: T3 runs anew from now."""
    drop_task_reminders(connection, task.task_id)
    t3 = clocks.t3
    start_clock(
        connection,
        case_id=task.case_id,
        task_id=task.task_id,
        running=Running.T3,
        clock=t3,
        from_at=at,
        at=at,
        matters=matters,
    )
    deadline_at = matters.calendar.deadline(at, t3) if t3 else None
    return update_task(connection, task.task_id, deadline_at=deadline_at, done_at=None, t3=t3.text if t3 else None)
