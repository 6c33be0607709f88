"""What follows from a case's end or from sending it back: for its tasks, their clocks, and supervision."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from dispatch_api.accounts.model import system_actor
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.records import CaseRow
from dispatch_api.clockwork.starting import clocks_of, restart_task
from dispatch_api.clockwork.supervision import supervise
from dispatch_api.tasks.dispatching import tell_task
from dispatch_api.tasks.model import TaskKind, TaskState
from dispatch_api.tasks.moves import move_task
from dispatch_api.tasks.records import TaskRow, tasks_of

VERIFICATION = system_actor("verification")
_UNFINISHED = frozenset({TaskState.SENT, TaskState.SIGNED, TaskState.WORKING})


def accept_tasks(connection: Connection, row: CaseRow, *, at: datetime) -> CaseRow:
    """A case has been closed: what was done is accepted, what nobody did is withdrawn."""
    for task in tasks_of(connection, row.case_id):
        if task.state == TaskState.DONE:
            _move_task(connection, task, TaskState.ACCEPTED, at=at, why="case closed")
        elif task.state in _UNFINISHED:
            _move_task(connection, task, TaskState.CANCELLED, at=at, why="case closed")
    return row


def send_back(connection: Connection, row: CaseRow, *, why: str, at: datetime, matters: Matters) -> CaseRow:
    """A case has been sent back to work: its lead tasks begin anew, and are supervised where that happened before."""
    clocks = clocks_of(row, matters)
    for task in tasks_of(connection, row.case_id):
        if task.kind == TaskKind.LEAD and task.state == TaskState.DONE:
            restarted = restart_task(connection, task, clocks, at=at, matters=matters)
            _move_task(connection, restarted, TaskState.REWORK, at=at, why=why)
    if row.reworks >= matters.escalation.supervise_at_rework:
        why = f"sent back {row.reworks} times"
        row, _ = supervise(connection, row, why=why, by=VERIFICATION, at=at, matters=matters)
    return row


def _move_task(connection: Connection, task: TaskRow, to: TaskState, *, at: datetime, why: str) -> None:
    moved = move_task(connection, task, to, by=VERIFICATION, at=at, why=why)
    tell_task(connection, moved, at=at)
