"""Routes of tasks."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from dispatch_api.accounts.access import CHANGES_CASES, SEES_CASES, Subject, open_to
from dispatch_api.accounts.model import Scope
from dispatch_api.cases.schemas import Change
from dispatch_api.cursors import CursorParam, RowId, words_of
from dispatch_api.doors.etags import IfMatch, tagged
from dispatch_api.parts import PartsOf, Reader, Writer
from dispatch_api.store.times import utc_now
from dispatch_api.tasks.model import TaskState
from dispatch_api.tasks.views import one_task, task_page

router = APIRouter(tags=["tasks"])


@router.get("/tasks")
@open_to(SEES_CASES, scope=Scope.CASES_READ)
def tasks(
    parts: PartsOf,
    account: Reader,
    state: str | None = None,
    department: str | None = None,
    cursor: CursorParam = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> dict[str, Any]:
    """A page of tasks, the newest first; a department gets its own, whatever it asks for."""
    with parts.store.read() as connection:
        return task_page(
            connection,
            account=account,
            matters=parts.matters,
            routing=parts.routing,
            states=words_of(state, TaskState, "state"),
            department=department,
            cursor=cursor,
            limit=limit,
            at=utc_now(),
        )


@router.get("/tasks/{task_id}")
@open_to(SEES_CASES, scope=Scope.CASES_READ, of=Subject.TASK)
def task(parts: PartsOf, account: Reader, response: Response, task_id: RowId) -> dict[str, Any]:
    """One task; its `ETag` goes into the `If-Match` of a change."""
    with parts.store.read() as connection:
        return tagged(
            response,
            one_task(connection, task_id, account=account, matters=parts.matters, routing=parts.routing, at=utc_now()),
        )


@router.post("/tasks/{task_id}/transitions")
@open_to(CHANGES_CASES, of=Subject.TASK)
def move(
    parts: PartsOf, account: Writer, response: Response, expected: IfMatch, task_id: RowId, change: Change
) -> dict[str, Any]:
    """Move a task to another state; answers with the task as it stands then."""
    parts.tasks.transition(task_id, change, by=account, expected=expected)
    return task(parts, account, response, task_id)
