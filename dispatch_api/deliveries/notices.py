"""Which changes of cases and tasks are told, to whom, and in which words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from dispatch_api.cases.model import CaseState
from dispatch_api.cases.records import get_case
from dispatch_api.deliveries.outbox import MAX_REASON_CHARS, post
from dispatch_api.deliveries.places import place_name
from dispatch_api.store.times import iso
from dispatch_api.storms.holding import holds_back
from dispatch_api.tasks.model import GONE_STATES, TaskState
from dispatch_api.tasks.records import tasks_of

CASE_TYPES = {
    CaseState.OPENED: "case.opened.v1",
    CaseState.CLOSED: "case.closed.v1",
    CaseState.MERGED: "case.merged.v1",
    CaseState.REWORKED: "case.reopened.v1",
    CaseState.RECURRED: "case.reopened.v1",
    CaseState.REJECTED: "detection.rejected.v1",
}
TASK_TYPES = {
    TaskState.SENT: "task.dispatched.v1",
    TaskState.SIGNED: "task.signed.v1",
    TaskState.REFUSED: "task.refused.v1",
    TaskState.DONE: "task.done.v1",
    TaskState.CANCELLED: "task.cancelled.v1",
    TaskState.REWORK: "task.rework.v1",
}


def tell_of_case(connection: Connection, row: Row[Any], was: str, *, at: datetime, why: str) -> None:
    """Post what a case's change of state means to departments, if it means anything to them.

    Args:
        connection: The transaction of the change.
        row: The case as it stands now.
        was: The state that it left.
        at: When.
        why: The reason given.
    """
    to = CaseState(row.state)
    kind = "case.reopened.v1" if was == CaseState.MERGED else CASE_TYPES.get(to)
    if kind is None or holds_back(connection, row.case_id, kind):
        return
    departments = [task.department for task in tasks_of(connection, row.case_id) if task.state not in GONE_STATES]
    data = {**_case_data(row), "state": row.state, "from_state": was, "reason": why[:MAX_REASON_CHARS]}
    for name in ("duplicate_of", "recurrence_of"):
        if getattr(row, name) is not None:
            data[name] = getattr(row, name)
    subject = f"cases/{row.case_id}"
    post(
        connection,
        type=kind,
        subject=subject,
        case_id=row.case_id,
        departments=departments,
        colour=row.colour,
        at=at,
        data=data,
    )


def tell_of_task(connection: Connection, row: Row[Any], *, at: datetime, why: str) -> None:
    """Post what a task's change of state means to its department, if it means anything to it.

    Args:
        connection: The transaction of the change.
        row: The task as it stands now.
        at: When.
        why: The reason given.
    """
    kind = TASK_TYPES.get(TaskState(row.state))
    if kind is None or holds_back(connection, row.case_id, kind):
        return
    of_case = get_case(connection, row.case_id)
    data = {
        **_case_data(of_case),
        "task_id": row.task_id,
        "task_state": row.state,
        "department": row.department,
        "kind": row.kind,
        "rule_id": row.rule["id"],
        "sign_deadline_at": iso(row.sign_deadline_at),
        "deadline_at": iso(row.deadline_at),
        "reason": why[:MAX_REASON_CHARS],
    }
    post(
        connection,
        type=kind,
        subject=f"tasks/{row.task_id}",
        case_id=row.case_id,
        departments=[row.department],
        colour=of_case.colour,
        at=at,
        data=data,
    )


def _case_data(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row with these columns of the case table
    return {
        "case_id": row.case_id,
        "number": row.number,
        "matter": row.matter,
        "colour": row.colour,
        "place": place_name(row.address, row.grid_name),
        "link": f"/cases/{row.case_id}",
    }
