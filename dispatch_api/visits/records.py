"""Joint visits in the store: rows in, rows out, and what is sealed when one ends."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, select, true, update

from dispatch_api.accounts.model import Account
from dispatch_api.errors import NotFound
from dispatch_api.store.schema import visit, visit_line
from dispatch_api.store.times import iso
from dispatch_api.visits.model import ENDED_STATES

VisitRow = Row[Any]
LineRow = Row[Any]


def visible_visits(account: Account) -> ColumnElement[bool]:
    """The condition that holds for the visits which an account may see."""
    if account.sees_every_case:
        return true()
    own = select(visit_line.c.visit_id).where(visit_line.c.department.in_(sorted(account.sees_departments)))
    return visit.c.visit_id.in_(own)


def seen_visit(connection: Connection, visit_id: str, account: Account) -> VisitRow:
    """The row of a visit that the account may see.

    Raises:
        NotFound: There is none; one that it may not see looks the same.
    """
    row = connection.execute(select(visit).where(visit.c.visit_id == visit_id, visible_visits(account))).first()
    if row is None:
        raise NotFound(kind="visit", key=visit_id)
    return row


def lines_of(connection: Connection, visit_id: str) -> Sequence[LineRow]:
    """The lines of a visit, case by case, in the order of their making."""
    return connection.execute(
        select(visit_line).where(visit_line.c.visit_id == visit_id).order_by(visit_line.c.line_id)
    ).all()


def lines_of_many(connection: Connection, visit_ids: Sequence[str]) -> dict[str, list[LineRow]]:
    """The lines of many visits, by visit."""
    query = select(visit_line).where(visit_line.c.visit_id.in_(visit_ids)).order_by(visit_line.c.line_id)
    lines: dict[str, list[LineRow]] = {visit_id: [] for visit_id in visit_ids}
    for row in connection.execute(query):
        lines[row.visit_id].append(row)
    return lines


def insert_visit(connection: Connection, values: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> VisitRow:
    """Add a visit with its lines."""
    connection.execute(insert(visit), {**values, "version": 1})
    connection.execute(insert(visit_line), [{**line, "visit_id": values["visit_id"]} for line in lines])
    return connection.execute(select(visit).where(visit.c.visit_id == values["visit_id"])).one()


def update_visit(connection: Connection, visit_id: str, **columns: Any) -> VisitRow:  # noqa: ANN401 - columns
    """Change columns of a visit; its version goes up."""
    here = visit.c.visit_id == visit_id
    connection.execute(update(visit).where(here).values(version=visit.c.version + 1, **columns))
    return connection.execute(select(visit).where(here)).one()


def update_line(connection: Connection, line_id: int, **columns: Any) -> None:  # noqa: ANN401 - columns
    """Change columns of a line."""
    connection.execute(update(visit_line).where(visit_line.c.line_id == line_id).values(**columns))


def tasks_on_visits(connection: Connection, task_ids: Collection[int] | None = None) -> dict[int, str]:
    """The tasks that are on a visit which is planned or under way, each with that visit's number."""
    query = (
        select(visit_line.c.task_id, visit.c.number)
        .join(visit, visit.c.visit_id == visit_line.c.visit_id)
        .where(visit.c.state.not_in([state.value for state in ENDED_STATES]))
    )
    if task_ids is not None:
        query = query.where(visit_line.c.task_id.in_(task_ids))
    return {row.task_id: row.number for row in connection.execute(query)}


def seal_of(row: VisitRow, lines: Sequence[LineRow]) -> str:
    """SHA-256 over all that a visit holds: its lines' results, signatures and codes, as JSON with sorted keys."""
    held = {
        "number": row.number,
        "day": row.day,
        "started_at": iso(row.started_at),
        "ended_at": iso(row.ended_at),
        "checklist": row.checklist,
        "signatures": row.signatures,
        "act_codes": row.act_codes,
        "lines": [
            {
                "line_id": line.line_id,
                "case_id": line.case_id,
                "task_id": line.task_id,
                "department": line.department,
                "result": line.result,
                "note": line.note,
                "evidence": line.evidence,
                "done_at": iso(line.done_at),
                "done_by": line.done_by,
            }
            for line in lines
        ],
    }
    text = json.dumps(held, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
