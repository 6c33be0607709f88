"""The live stream: what the feed table grows by, as server-sent events, resumable and filtered for the watcher."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Header, Query
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Row, select
from sse_starlette import EventSourceResponse, ServerSentEvent

from dispatch_api.accounts.access import SEES_CASES, open_to
from dispatch_api.accounts.model import Account
from dispatch_api.accounts.sessions import LogIn
from dispatch_api.accounts.sight import visible_cases
from dispatch_api.cursors import MAX_ROW_ID, RowId
from dispatch_api.errors import EventsGone, InvalidRequest, NotLoggedIn
from dispatch_api.parts import Parts, PartsOf, SessionOf
from dispatch_api.store.feed import forgotten_until, last_feed_id
from dispatch_api.store.schema import case, feed

POLL_S = 0.25
HEARTBEAT_S = 15
STOP_WITHIN_S = 2.0
SESSION_CHECK_S = 5.0
BATCH = 500
_ID = re.compile(r"[0-9]{1,19}")

router = APIRouter(tags=["stream"])


@dataclass(frozen=True, kw_only=True)
class _Batch:
    """What comes next: the rows that the watcher may see, the last one looked at, and whether some before are gone."""

    rows: Sequence[Row[Any]]
    last_id: int
    has_gap: bool = False


@router.get(
    "/stream",
    response_class=EventSourceResponse,
    responses={410: {"description": "What came after that event is not kept any more: load everything anew"}},
)
@open_to(SEES_CASES)
async def stream(
    parts: PartsOf,
    session: SessionOf,
    last_event_id: Annotated[str | None, Header()] = None,
    after: Annotated[RowId | None, Query()] = None,
) -> EventSourceResponse:
    """Everything that changes from now on, or from `Last-Event-ID` (or `after`, a collection's `feed_id`) on.

    Where what came then is not kept any more, the answer is a 410: load everything anew, and go on from there.
    """
    start = await run_in_threadpool(_start, parts, last_event_id, after)
    stopping = anyio.Event()
    return EventSourceResponse(
        _events(parts, session, start, stopping),
        ping=HEARTBEAT_S,
        shutdown_event=stopping,
        shutdown_grace_period=STOP_WITHIN_S,
    )


def _start(parts: Parts, last_event_id: str | None, after: int | None) -> int:
    if last_event_id is not None:
        if not _ID.fullmatch(last_event_id) or int(last_event_id) > MAX_ROW_ID:
            raise InvalidRequest(field="Last-Event-ID", problem="it is the id of an event of this stream")
        after = int(last_event_id)
    with parts.store.read() as connection:
        newest = last_feed_id(connection)
        if after is None:
            return newest
        # One that is newer than all comes from a store that this one took the place of.
        if not forgotten_until(connection) <= after <= newest:
            raise EventsGone(after=after)
        return after


async def _events(parts: Parts, session: LogIn, last_id: int, stopping: anyio.Event) -> AsyncIterator[ServerSentEvent]:
    check_at = anyio.current_time() + SESSION_CHECK_S
    while not stopping.is_set():
        batch = await run_in_threadpool(_read, parts, session.account, last_id)
        if batch.has_gap:
            # It comes back, and is told to load everything anew.
            return
        for row in batch.rows:
            yield ServerSentEvent(id=str(row.feed_id), event=row.type, data=json.dumps(row.data, ensure_ascii=False))
        last_id = batch.last_id
        if anyio.current_time() >= check_at:
            if not await run_in_threadpool(_still_logged_in, parts, session):
                return
            check_at = anyio.current_time() + SESSION_CHECK_S
        if not batch.rows:
            await anyio.sleep(POLL_S)


def _read(parts: Parts, account: Account, last_id: int) -> _Batch:
    with parts.store.read() as connection:
        rows = connection.execute(
            select(feed).where(feed.c.feed_id > last_id).order_by(feed.c.feed_id).limit(BATCH)
        ).all()
        newest = rows[-1].feed_id if rows else last_id
        if rows and rows[0].feed_id > last_id + 1 and forgotten_until(connection) > last_id:
            return _Batch(rows=(), last_id=newest, has_gap=True)
        if not account.sees_every_case:
            case_ids = {row.case_id for row in rows if row.case_id is not None}
            query = select(case.c.case_id).where(case.c.case_id.in_(case_ids), visible_cases(account))
            seen = set(connection.execute(query).scalars())
            rows = [row for row in rows if _may_see(row, account, seen)]
    return _Batch(rows=rows, last_id=newest)


def _may_see(row: Row[Any], account: Account, seen_cases: set[str]) -> bool:
    addressed = row.departments is None or not account.sees_departments.isdisjoint(row.departments)
    return addressed and (row.case_id is None or row.case_id in seen_cases)


def _still_logged_in(parts: Parts, session: LogIn) -> bool:
    try:
        parts.sessions.of_token(session.token)
    except NotLoggedIn:
        return False
    return True
