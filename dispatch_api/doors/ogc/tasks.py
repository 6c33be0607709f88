"""The collection of tasks, each at the place of its case, in the order of their making."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from dispatch_api.accounts.sight import visible_tasks
from dispatch_api.boxes import Box
from dispatch_api.cursors import cursor_of, row_id_of, row_of
from dispatch_api.doors.ogc.wanted import MOST_MATCHED, Feature, Found, Span, Wanted, cut, point
from dispatch_api.store.dialects import SQLITE
from dispatch_api.store.few import counted_up_to
from dispatch_api.store.schema import case, task
from dispatch_api.store.times import iso
from dispatch_api.tasks.counts import counted_tasks

CURSOR = "ogc.tasks"
FEW = 20_000
"""So many tasks may be looked at one by one; where there are more, a page is soon full in the order of their making."""

FEW_CASES = 6_000
"""The same of a box's cases, which are looked up for their tasks; of a million, with twice as many cases in the box a
page is full sooner: 60 ms on PostgreSQL where looking up 13,600 took 183."""

_OF_CASE = (case.c.number, case.c.matter, case.c.colour, case.c.lon, case.c.lat, case.c.address)
_WITH_CASE = task.join(case, case.c.case_id == task.c.case_id)


def find_tasks(connection: Connection, wanted: Wanted) -> Found:
    """A page of tasks."""
    if wanted.key is not None:
        key = row_id_of(wanted.key)
        one = select(task.c.task_id).where(visible_tasks(wanted.account), task.c.task_id == key)
        features = _features(connection, [] if key is None else connection.execute(one).scalars().all())
        return Found(features=features, matched=len(features))
    turn = wanted.turn
    seen = sum(counted_tasks(connection, wanted.account).values())
    matched = seen if wanted.box is None and wanted.span is None else None
    few = next(_few(connection, wanted, seen), None)
    # Who asks for the first page learns how many there are, where it does not take long to find out.
    counts = turn.is_first and matched is None and few is not None
    most = max(wanted.limit, MOST_MATCHED if counts else 0) + 1
    ids = connection.execute(_page(connection, wanted, few, most)).scalars().all()
    if turn.is_first and matched is None and len(ids) < most:
        matched = len(ids)
    kept, earlier, later = cut(ids, wanted)
    return Found(
        features=_features(connection, kept),
        matched=matched,
        before=cursor_of(CURSOR, kept[0]) if earlier else None,
        after=cursor_of(CURSOR, kept[-1]) if later else None,
    )


def _page(connection: Connection, wanted: Wanted, few: ColumnElement[bool] | None, most: int) -> Select[Any]:
    turn = wanted.turn
    beyond, backwards = row_of(turn.before or turn.after, CURSOR), turn.before is not None
    of = task if wanted.box is None else _WITH_CASE
    query = select(task.c.task_id).select_from(of).where(visible_tasks(wanted.account))
    if wanted.span is not None:
        query = query.where(*_in_time(wanted.span))
    if wanted.box is not None:
        # SQLite would sort all tasks of a large box rather than walk them in their order.
        walks = few is None and connection.dialect.name == SQLITE
        query = query.where(_inside(wanted.box, by_index=not walks))
    if few is not None:
        query = query.where(few)
    elif wanted.span is not None:
        query = query.where(*_made_between(wanted.span))
    if beyond is not None:
        query = query.where(task.c.task_id < beyond if backwards else task.c.task_id > beyond)
    order = task.c.task_id.desc() if backwards else task.c.task_id.asc()
    return query.order_by(order).limit(most).offset(turn.skip)


def _few(connection: Connection, wanted: Wanted, seen: int) -> Iterator[ColumnElement[bool]]:
    """Conditions that an index answers and that few tasks meet."""
    if not wanted.account.sees_every_case and seen <= FEW:
        own = select(task.c.task_id).where(visible_tasks(wanted.account))
        yield task.c.task_id.in_(own)
    if wanted.box is not None:
        near = wanted.box.cases_near(connection)
        if counted_up_to(connection, FEW_CASES, near) <= FEW_CASES:
            yield case.c.seq.in_(near)
    if wanted.span is not None:
        made = select(task.c.task_id).where(*_in_time(wanted.span))
        if counted_up_to(connection, FEW, made) <= FEW:
            yield task.c.task_id.in_(made)


def _inside(box: Box, *, by_index: bool) -> ColumnElement[bool]:
    # Reckoned, no index is taken for it.
    return box.holds(case.c.lon, case.c.lat) if by_index else box.holds(case.c.lon + 0.0, case.c.lat + 0.0)


def _in_time(span: Span) -> Iterator[ColumnElement[bool]]:
    start, end = span
    if start is not None:
        yield task.c.created_at >= start
    if end is not None:
        yield task.c.created_at <= end


def _made_between(span: Span) -> Iterator[ColumnElement[bool]]:
    """What an index of times tells of the numbers of tasks: they grow with the time, mostly."""
    of_time = select(func.min(task.c.task_id), func.max(task.c.task_id)).where(*_in_time(span)).subquery("of_time")
    first, last = of_time.c
    yield task.c.task_id >= select(first).scalar_subquery()
    yield task.c.task_id <= select(last).scalar_subquery()


def _features(connection: Connection, ids: Sequence[int]) -> list[Feature]:
    query = select(task, *_OF_CASE).select_from(_WITH_CASE).where(task.c.task_id.in_(ids)).order_by(task.c.task_id)
    return [point(row.task_id, row.lon, row.lat, _properties(row)) for row in connection.execute(query)]


def _properties(row: Any) -> Feature:  # noqa: ANN401 - a row
    return {
        "task_id": row.task_id,
        "case_id": row.case_id,
        "number": row.number,
        "matter": row.matter,
        "colour": row.colour,
        "department": row.department,
        "kind": row.kind,
        "state": row.state,
        "address": row.address,
        "created_at": iso(row.created_at),
        "sign_deadline_at": iso(row.sign_deadline_at),
        "deadline_at": iso(row.deadline_at),
    }
