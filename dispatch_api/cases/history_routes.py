"""The history as a list: what happened, in its order, for those who may see what it happened to."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime
from sqlalchemy import ColumnElement, or_, select, true

from dispatch_api.accounts.access import SEES_CASES, open_to
from dispatch_api.accounts.model import Account, Scope
from dispatch_api.accounts.sight import visible_cases, visible_tasks
from dispatch_api.cases.merges import PARTED, TOOK_IN
from dispatch_api.cursors import CursorParam, cursor_of, row_of
from dispatch_api.parts import PartsOf, Reader
from dispatch_api.store.schema import case, event, task
from dispatch_api.store.times import iso

router = APIRouter(tags=["events"])


@router.get("/events")
@open_to(SEES_CASES, scope=Scope.CASES_READ)
def events(
    parts: PartsOf,
    account: Reader,
    case_id: Annotated[str | None, Query(max_length=32)] = None,
    kind: Annotated[str | None, Query(max_length=64, description="like case.closed, account.*")] = None,
    at_from: AwareDatetime | None = None,
    at_until: AwareDatetime | None = None,
    newest: bool = False,
    cursor: CursorParam = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """A page of the history, the oldest first, or the `newest`; each entry's `hash` seals it and all before it.

    A department gets what happened to its cases and its own tasks; accounts and keys are for those who see everything.
    """
    beside = event.outerjoin(case, case.c.case_id == event.c.case_id)
    query = select(event, case.c.number).select_from(beside).where(_visible(account)).limit(limit + 1)
    query = query.order_by(event.c.seq.desc() if newest else event.c.seq)
    if case_id is not None:
        query = query.where(event.c.case_id == case_id)
    if kind:
        query = query.where(or_(*(_of_kind(word) for word in kind.split(","))))
    if at_from is not None:
        query = query.where(event.c.at >= at_from)
    if at_until is not None:
        query = query.where(event.c.at <= at_until)
    # A cursor of one order means nothing in the other.
    listed = "newest-events" if newest else "events"
    after = row_of(cursor, listed)
    if after is not None:
        query = query.where(event.c.seq < after if newest else event.c.seq > after)
    with parts.store.read() as connection:
        rows = connection.execute(query).all()
    page = rows[:limit]
    items = [
        {
            "seq": row.seq,
            "at": iso(row.at),
            "who": row.who,
            "kind": row.kind,
            "case_id": row.case_id,
            "case_number": row.number,
            "task_id": row.task_id,
            "from": row.from_state,
            "to": row.to_state,
            "why": row.why,
            "data": json.loads(row.data),
            "hash": row.hash,
        }
        for row in page
    ]
    return {"items": items, "next": cursor_of(listed, page[-1].seq) if len(rows) > limit else None}


def _of_kind(word: str) -> ColumnElement[bool]:
    if word.endswith(".*"):
        return event.c.kind.startswith(word.removesuffix("*"), autoescape=True)
    return event.c.kind == word


def _visible(account: Account) -> ColumnElement[bool]:
    if account.sees_every_case:
        return true()
    of_cases = event.c.case_id.in_(select(case.c.case_id).where(visible_cases(account)))
    of_tasks = event.c.task_id.is_(None) | event.c.task_id.in_(select(task.c.task_id).where(visible_tasks(account)))
    # These name another case, which may not be this department's.
    return of_cases & of_tasks & event.c.kind.not_in([TOOK_IN, PARTED])
