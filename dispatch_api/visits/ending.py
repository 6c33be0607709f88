"""The end of a visit: what was reported done moves on through the desk of tasks, and all of it is sealed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from dispatch_api.accounts.model import Account
from dispatch_api.accounts.records import account_of
from dispatch_api.cases.model import ENDED_STATES as ENDED_CASES
from dispatch_api.cases.records import get_case
from dispatch_api.cases.schemas import Change
from dispatch_api.errors import InvalidRequest
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import account
from dispatch_api.tasks.model import TaskState
from dispatch_api.tasks.records import get_task
from dispatch_api.tasks.service import TaskDesk
from dispatch_api.visits.model import LineResult, VisitState
from dispatch_api.visits.records import LineRow, VisitRow, lines_of, seal_of, update_visit
from dispatch_api.visits.signing import holds

_WAY_TO_DONE: dict[TaskState, tuple[TaskState, ...]] = {
    TaskState.SENT: (TaskState.SIGNED, TaskState.WORKING, TaskState.DONE),
    TaskState.SIGNED: (TaskState.WORKING, TaskState.DONE),
    TaskState.REWORK: (TaskState.WORKING, TaskState.DONE),
    TaskState.WORKING: (TaskState.DONE,),
}
"""Every step of the tasks' own table that leads to `done`; in other states a task needs no report, or takes none."""


def end_visit(
    connection: Connection,
    row: VisitRow,
    lines: Sequence[LineRow],
    *,
    tasks: TaskDesk,
    by: Account,
    at: datetime,
    why: str,
) -> VisitRow:
    """End a visit.

    A line that was reported done moves its task step by step, as whoever reported it and under that account's rights:
    so whoever reported may not close afterwards. Tasks that were ended meanwhile are left as they are.

    Args:
        connection: The writing transaction; an error takes back all of it.
        row: The visit, under way.
        lines: Its lines.
        tasks: The desk of tasks.
        by: Who ends it.
        at: Now.
        why: What else is to be said.

    Raises:
        InvalidRequest: A line has no result, nobody signed what stands there now, or who reported a line is no longer
            here.
        IllegalTransition: A task's own table does not allow its step, as while its case is suspended.
        Forbidden: Who reported a line may no longer do that.
    """
    _check_complete(row, lines)
    moved = [line.line_id for line in lines if line.result == LineResult.DONE and _report(connection, line, row, tasks)]
    row = update_visit(connection, row.visit_id, state=VisitState.DONE.value, ended_at=at)
    lines = lines_of(connection, row.visit_id)
    row = update_visit(connection, row.visit_id, seal=seal_of(row, lines))
    for case_id in dict.fromkeys(line.case_id for line in lines):
        data = {
            "visit_id": row.visit_id,
            "number": row.number,
            "seal": row.seal,
            "results": {
                line.department: {"task_id": line.task_id, "result": line.result, "moved": line.line_id in moved}
                for line in lines
                if line.case_id == case_id
            },
        }
        append_event(connection, Event(at=at, who=by.name, kind="case.visited", case_id=case_id, why=why, data=data))
    return row


def _check_complete(row: VisitRow, lines: Sequence[LineRow]) -> None:
    open_lines = [line for line in lines if line.result is None]
    if open_lines:
        told = ", ".join(f"{line.line_id} ({line.department})" for line in open_lines)
        raise InvalidRequest(field="to", problem=f"visit {row.number}: these lines have no result yet: {told}")
    if not row.signatures:
        raise InvalidRequest(field="to", problem=f"visit {row.number}: nobody has signed")
    if not any(holds(one, lines) for one in row.signatures):
        problem = f"visit {row.number}: lines were changed after everybody signed; somebody signs again"
        raise InvalidRequest(field="to", problem=problem)


def _report(connection: Connection, line: LineRow, row: VisitRow, tasks: TaskDesk) -> bool:
    state = TaskState(get_task(connection, line.task_id).state)
    if get_case(connection, line.case_id).state in ENDED_CASES:
        return False
    way = _WAY_TO_DONE.get(state, ())
    reporter = _reporter(connection, line) if way else None
    for to in way:
        if reporter is not None:
            change = Change(to=to.value, reason=f"{row.number}: {line.note}"[:2000])
            tasks.transition_within(connection, line.task_id, change, by=reporter)
    return bool(way)


def _reporter(connection: Connection, line: LineRow) -> Account:
    found = connection.execute(select(account).where(account.c.name == line.done_by)).first()
    if found is None or found.disabled_at is not None:
        problem = f"{line.done_by} reported line {line.line_id} and is no longer here; let somebody else report it"
        raise InvalidRequest(field="to", problem=problem)
    return account_of(found)
