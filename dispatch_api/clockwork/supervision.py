"""Supervision (督办): a numbered notice that a case is watched from above."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from dispatch_api.accounts.model import Actor
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.records import CaseRow, update_case
from dispatch_api.store.counting import count_up
from dispatch_api.store.history import Event, append_event


def supervise(
    connection: Connection, row: CaseRow, *, why: str, by: Actor, at: datetime, matters: Matters
) -> tuple[CaseRow, str]:
    """Write a notice.

    Returns:
        The case, and the notice's number, like `督办〔2026〕0007号`; numbers of a year have no gaps.
    """
    year = matters.calendar.local_date(at).year
    number = f"督办〔{year}〕{count_up(connection, f'supervision:{year}'):04d}号"
    append_event(
        connection,
        Event(at=at, who=by.name, kind="case.supervised", why=why, case_id=row.case_id, data={"number": number}),
    )
    return update_case(connection, row.case_id, {"supervised": row.supervised + 1}), number
