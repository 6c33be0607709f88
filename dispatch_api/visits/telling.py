"""What is told of a visit: to the departments, to whoever has its page open, and to the history of its cases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from dispatch_api.accounts.model import Account
from dispatch_api.cases.model import Colour
from dispatch_api.cases.records import CaseRow
from dispatch_api.deliveries.outbox import post
from dispatch_api.deliveries.places import place_name
from dispatch_api.store.feed import append_feed
from dispatch_api.store.history import Event, append_event
from dispatch_api.visits.records import VisitRow

_URGENCY = (Colour.RED, Colour.YELLOW, Colour.GREEN)


def tell_pages(connection: Connection, row: VisitRow, at: datetime) -> None:
    """Let open pages know that a visit changed."""
    data = {"visit_id": row.visit_id, "number": row.number, "state": row.state, "version": row.version}
    append_feed(connection, kind="visit.changed", at=at, departments=row.departments, data=data)


def announce(connection: Connection, row: VisitRow, cases: Sequence[CaseRow], at: datetime) -> None:
    """Tell the departments of a visit that was planned: one message, in the colour of its most urgent case."""
    place = place_name(row.address)
    colour = next(one for one in _URGENCY if any(case.colour == one for case in cases))
    post(
        connection,
        type="visit.planned.v1",
        subject=f"visits/{row.visit_id}",
        case_id=None,
        departments=row.departments,
        colour=colour.value,
        at=at,
        data={
            "visit_id": row.visit_id,
            "number": row.number,
            "day": row.day,
            "departments": row.departments,
            "cases": [one.number for one in cases],
            "place": place,
            "title_zh": "联合检查",
            "title_en": "Joint visit",
            "text_zh": f"{row.number}：{row.day}，{place or '地点见链接'}，{len(cases)} 件案件一次检查",
            "text_en": f"{row.number}: {row.day}, {place or 'place: see the link'}, {len(cases)} cases in one visit",
            "link": f"/visits/{row.visit_id}",
        },
    )
    tell_pages(connection, row, at)


def note(
    connection: Connection,
    row: VisitRow,
    cases: Sequence[CaseRow],
    kind: str,
    *,
    by: Account,
    at: datetime,
    why: str = "",
) -> None:
    """Write into the history of each case what became of the visit."""
    data = {"visit_id": row.visit_id, "number": row.number, "day": row.day, "departments": row.departments}
    for one in cases:
        append_event(connection, Event(at=at, who=by.name, kind=kind, case_id=one.case_id, why=why, data=data))
