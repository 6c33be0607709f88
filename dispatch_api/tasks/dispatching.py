"""From a decision of routing to tasks in the departments' inboxes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from dispatch_api.accounts.model import Actor, system_actor
from dispatch_api.cases.matters import Clocks, Matters
from dispatch_api.cases.model import CaseState
from dispatch_api.cases.moves import move_case
from dispatch_api.cases.records import CaseRow, update_case
from dispatch_api.clockwork.starting import clocks_of, start_tasks
from dispatch_api.deliveries.notices import tell_of_task
from dispatch_api.departments.routing import Decision
from dispatch_api.store.feed import append_feed
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.times import iso
from dispatch_api.tasks.model import GONE_STATES, Task, TaskKind, TaskState, advance_task
from dispatch_api.tasks.moves import move_task
from dispatch_api.tasks.records import TaskRow, insert_task, tasks_of

INBOX = system_actor("inbox")


def dispatch(
    connection: Connection, row: CaseRow, decision: Decision, *, matters: Matters, by: Actor, at: datetime, why: str
) -> CaseRow:
    """Hand an opened, returned or arbitrated case to the departments that a decision names.

    A decision without a lead leaves the case where it is, marked for the centre.

    Raises:
        IllegalTransition: The case may not be dispatched now.
    """
    if not decision.lead:
        return _leave_to_centre(connection, row, decision, at=at)
    started_at = row.dispatched_at or at
    clocks = _clocks(row, decision, matters)
    row = move_case(
        connection,
        row,
        CaseState.DISPATCHED,
        by=by,
        at=at,
        why=why,
        data={"matter": row.matter, "colour": row.colour},
        rule=decision.printed,
        dispatched_at=started_at,
    )
    columns = {
        "case_id": row.case_id,
        "rule": decision.printed,
        "created_at": at,
        "sign_deadline_at": matters.calendar.deadline(at, clocks.t2) if clocks.t2 else None,
        "deadline_at": matters.calendar.deadline(started_at, clocks.t3) if clocks.t3 else None,
        "t3": clocks.t3.text if clocks.t3 else None,
    }
    _withdraw_leads(connection, row, at=at)
    busy = {task.department for task in tasks_of(connection, row.case_id) if task.state not in GONE_STATES}
    wanted = [(department, TaskKind.LEAD) for department in decision.lead]
    wanted += [(key, TaskKind.CO) for key in decision.co if key not in busy and key not in decision.lead]
    tasks = [issue(connection, columns, department=department, kind=kind, at=at) for department, kind in wanted]
    start_tasks(connection, tasks, clocks, dispatched_at=started_at, at=at, matters=matters)
    return row


def issue(connection: Connection, columns: dict[str, Any], *, department: str, kind: TaskKind, at: datetime) -> TaskRow:
    """Make one task and put it into the department's inbox."""
    # It is sent as soon as it is queued: nobody ever sees the row in between.
    row = insert_task(connection, **columns, department=department, kind=kind.value, state=TaskState.SENT.value)
    task = Task(task_id=row.task_id, case_id=row.case_id, department=department, kind=kind, state=TaskState.QUEUED)
    append_event(
        connection,
        Event(
            at=at,
            who=INBOX.name,
            kind="task.queued",
            case_id=task.case_id,
            task_id=task.task_id,
            to_state=TaskState.QUEUED,
            data={
                "department": department,
                "kind": kind.value,
                "rule": columns["rule"]["id"],
                "deadline_at": iso(columns["deadline_at"]),
            },
        ),
    )
    append_event(connection, advance_task(task, TaskState.SENT, by=INBOX, at=at)[1])
    tell_of_task(connection, row, at=at, why="")
    tell_task(connection, row, at=at)
    return row


def tell_task(connection: Connection, task: TaskRow, *, at: datetime) -> None:
    """Tell the watchers how a task stands now."""
    data = {
        "task_id": task.task_id,
        "case_id": task.case_id,
        "department": task.department,
        "kind": task.kind,
        "state": task.state,
    }
    append_feed(connection, kind="task.changed", at=at, case_id=task.case_id, departments=[task.department], data=data)


def _withdraw_leads(connection: Connection, row: CaseRow, *, at: datetime) -> None:
    for task in tasks_of(connection, row.case_id):
        if task.kind == TaskKind.LEAD and task.state in {TaskState.SENT, TaskState.SIGNED, TaskState.WORKING}:
            moved = move_task(
                connection, task, TaskState.CANCELLED, by=INBOX, at=at, why="another department leads now"
            )
            tell_task(connection, moved, at=at)


def _clocks(row: CaseRow, decision: Decision, matters: Matters) -> Clocks:
    clocks = clocks_of(row, matters)
    return clocks.overridden_by(decision.rule.clocks) if decision.rule else clocks


def _leave_to_centre(connection: Connection, row: CaseRow, decision: Decision, *, at: datetime) -> CaseRow:
    append_event(
        connection,
        Event(
            at=at,
            who=system_actor("routing").name,
            kind="case.undecided",
            why="; ".join(note.en for note in decision.notes),
            case_id=row.case_id,
            data={"candidates": [rule.id for rule in decision.candidates]},
        ),
    )
    return update_case(connection, row.case_id, {"rule": decision.printed})
