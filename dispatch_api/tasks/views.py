"""Tasks as the inbox reads them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, select, true, union_all

from dispatch_api.accounts.model import Account
from dispatch_api.accounts.sight import seen_task
from dispatch_api.cases.features import error_of, matter_name, picture_url
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.model import CASE_STATE_NAMES, CaseState
from dispatch_api.cases.records import CaseRow, best_evidence, get_case
from dispatch_api.cursors import cursor_of, row_of
from dispatch_api.departments.routing import Routing
from dispatch_api.store.schema import case, task
from dispatch_api.store.times import iso
from dispatch_api.tasks.model import OPEN_STATES, TASK_STATE_NAMES, TaskState
from dispatch_api.tasks.records import TaskRow
from dispatch_api.tasks.service import steps_now
from geo.map_links import map_links

MOST_PARTS = 100
"""SQLite takes 500 in one union."""


def is_overdue(row: TaskRow, case_state: str, at: datetime) -> bool:
    """Whether a task that is still to be done has passed its deadline; a suspended case's clock stands still."""
    waits = TaskState(row.state) in OPEN_STATES and case_state != CaseState.SUSPENDED
    return waits and row.deadline_at is not None and row.deadline_at < at


def task_item(
    row: TaskRow,
    of_case: CaseRow,
    *,
    account: Account,
    matters: Matters,
    routing: Routing,
    picture: str | None,
    at: datetime,
) -> dict[str, Any]:
    """A task with what its department needs to know of the case."""
    state_zh, state_en = TASK_STATE_NAMES[TaskState(row.state)]
    case_state_zh, case_state_en = CASE_STATE_NAMES[CaseState(of_case.state)]
    matter, department = matter_name(matters, of_case.matter), routing.departments.name_of(row.department)
    return {
        "task_id": row.task_id,
        "case_id": row.case_id,
        "case_number": of_case.number,
        "case_state": of_case.state,
        "case_state_zh": case_state_zh,
        "case_state_en": case_state_en,
        "department": row.department,
        "department_zh": department.zh,
        "department_en": department.en,
        "kind": row.kind,
        "state": row.state,
        "state_zh": state_zh,
        "state_en": state_en,
        "matter": of_case.matter,
        "matter_zh": matter.zh,
        "matter_en": matter.en,
        "colour": of_case.colour,
        "address": of_case.address,
        "grid_code": of_case.grid_code,
        "grid_name": of_case.grid_name,
        "lon": of_case.lon,
        "lat": of_case.lat,
        "error": error_of(of_case),
        "extent_m2": of_case.extent_m2,
        "extent_sigma_m2": of_case.extent_sigma_m2,
        "first_seen_at": iso(of_case.first_seen_at),
        "last_seen_at": iso(of_case.last_seen_at),
        "deadline_at": iso(row.deadline_at),
        "sign_deadline_at": iso(row.sign_deadline_at),
        "overdue": is_overdue(row, of_case.state, at),
        "rule_id": row.rule["id"],
        "rule_text_zh": row.rule["text"]["zh"],
        "rule_text_en": row.rule["text"]["en"],
        "rule_because_zh": row.rule.get("because", {}).get("zh"),
        "rule_because_en": row.rule.get("because", {}).get("en"),
        "evidence": row.rule.get("evidence", []),
        "basis": row.rule["basis"]["zh"],
        "basis_en": row.rule["basis"]["en"],
        "thumbnail_url": picture_url(picture, "thumbnail", row.case_id),
        "annotated_url": picture_url(picture, "annotated", row.case_id),
        "allowed": [
            {
                "to": to,
                "label_zh": TASK_STATE_NAMES[to][0],
                "label_en": TASK_STATE_NAMES[to][1],
                "needs_reason": step.needs_reason,
                "needs_department": step.needs_department,
            }
            for to, step in steps_now(row, CaseState(of_case.state), account).items()
        ],
        "created_at": iso(row.created_at),
        "signed_at": iso(row.signed_at),
        "done_at": iso(row.done_at),
        "version": row.version,
    }


def one_task(
    connection: Connection, task_id: int, *, account: Account, matters: Matters, routing: Routing, at: datetime
) -> dict[str, Any]:
    """One task.

    Raises:
        NotFound: No such task, or not one that the account may see.
    """
    row = seen_task(connection, task_id, account)
    of_case = get_case(connection, row.case_id)
    picture = best_evidence(connection, [row.case_id]).get(row.case_id)
    item = task_item(row, of_case, account=account, matters=matters, routing=routing, picture=picture, at=at)
    return {**item, "map_links": map_links(of_case.lon, of_case.lat, item["matter_zh"])}


def task_page(
    connection: Connection,
    *,
    account: Account,
    matters: Matters,
    routing: Routing,
    states: Sequence[str],
    department: str | None,
    cursor: str | None,
    limit: int,
    at: datetime,
) -> dict[str, Any]:
    """A page of tasks, the newest first; `next` is the cursor of the following page."""
    rows = _listed(connection, account, states, department, row_of(cursor, "tasks"), limit + 1)
    page = rows[:limit]
    case_ids = [row.case_id for row in page]
    cases = {row.case_id: row for row in connection.execute(select(case).where(case.c.case_id.in_(case_ids)))}
    pictures = best_evidence(connection, case_ids)
    items = [
        task_item(
            row,
            cases[row.case_id],
            account=account,
            matters=matters,
            routing=routing,
            picture=pictures.get(row.case_id),
            at=at,
        )
        for row in page
    ]
    return {"items": items, "next": cursor_of("tasks", page[-1].task_id) if len(rows) > limit else None}


def _listed(
    connection: Connection,
    account: Account,
    states: Sequence[str],
    department: str | None,
    beyond: int | None,
    most: int,
) -> Sequence[TaskRow]:
    """The newest tasks, of each department and state the first by its index: together they may be most of the store."""
    further = true() if beyond is None else task.c.task_id < beyond
    every = states or [state.value for state in TaskState]
    if account.sees_every_case and department is None:
        cells = [task.c.state == state for state in states] if states else [true()]
    else:
        sees = {department} if account.sees_every_case else account.sees_departments
        asked = sorted(one for one in sees if one is not None and department in {None, one})
        cells = [and_(task.c.department == one, task.c.state == state) for one in asked for state in every]
    if not cells:
        return []
    parts = [
        select(task.c.task_id).where(cell, further).order_by(task.c.task_id.desc()).limit(most).subquery()
        for cell in cells
    ]
    found: set[int] = set()
    for start in range(0, len(parts), MOST_PARTS):
        found |= set(
            connection.execute(union_all(*(select(part) for part in parts[start : start + MOST_PARTS]))).scalars()
        )
    newest = sorted(found, reverse=True)[:most]
    return connection.execute(select(task).where(task.c.task_id.in_(newest)).order_by(task.c.task_id.desc())).all()
