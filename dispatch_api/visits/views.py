"""Joint visits as the pages read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from dispatch_api.accounts.model import DEPARTMENT_ROLES, Account, Role
from dispatch_api.cases.features import error_of, matter_name, picture_url
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.model import CASE_STATE_NAMES, CaseState
from dispatch_api.cases.records import CaseRow, best_evidence, get_case
from dispatch_api.cursors import cursor_of, day_of
from dispatch_api.departments.model import Departments
from dispatch_api.store.schema import visit
from dispatch_api.store.times import iso
from dispatch_api.tasks.model import TASK_STATE_NAMES, TaskState
from dispatch_api.tasks.records import get_task
from dispatch_api.visits.checklists import VisitRules
from dispatch_api.visits.model import (
    LINE_RESULT_NAMES,
    VISIT_STATE_NAMES,
    LineResult,
    VisitState,
    allowed_visit_steps,
)
from dispatch_api.visits.records import (
    LineRow,
    VisitRow,
    lines_of,
    lines_of_many,
    seal_of,
    seen_visit,
    visible_visits,
)
from dispatch_api.visits.signing import holds
from dispatch_api.visits.suggestions import Suggestion, suggestions
from geo.map_links import map_links

ACT_CODE_NOTE = {
    "zh": "行政行为码仅检查字符和长度，未与登记系统核对",
    "en": "Only letters and length of the act code are checked; it is compared with no register",
}


def visit_item(row: VisitRow, lines: Sequence[LineRow], departments: Departments, *, today: date) -> dict[str, Any]:
    """A visit in a list; `missed` where its day is over and nobody has begun it: its tasks are suggested nowhere."""
    zh, en = VISIT_STATE_NAMES[VisitState(row.state)]
    return {
        "visit_id": row.visit_id,
        "number": row.number,
        "day": row.day,
        "state": row.state,
        "state_zh": zh,
        "state_en": en,
        "missed": row.state == VisitState.PLANNED and row.day < today.isoformat(),
        "lon": row.lon,
        "lat": row.lat,
        "address": row.address,
        "departments": [_department(key, departments) for key in row.departments],
        "cases": len({line.case_id for line in lines}),
        "lines": len(lines),
        "reported": sum(line.result is not None for line in lines),
        "created_at": iso(row.created_at),
        "created_by": row.created_by,
        "started_at": iso(row.started_at),
        "ended_at": iso(row.ended_at),
        "version": row.version,
    }


def visit_page(
    connection: Connection,
    *,
    account: Account,
    departments: Departments,
    today: date,
    day: date | None,
    state: VisitState | None,
    cursor: str | None,
    limit: int,
) -> dict[str, Any]:
    """A page of the visits that an account may see, the latest day first.

    Raises:
        InvalidRequest: The cursor is none of this list's.
    """
    query = select(visit).where(visible_visits(account))
    after = day_of(cursor, "visits")
    if after is not None:
        query = query.where((visit.c.day < after[0]) | ((visit.c.day == after[0]) & (visit.c.number < after[1])))
    if day is not None:
        query = query.where(visit.c.day == day.isoformat())
    if state is not None:
        query = query.where(visit.c.state == state.value)
    rows = connection.execute(query.order_by(visit.c.day.desc(), visit.c.number.desc()).limit(limit + 1)).all()
    page = rows[:limit]
    lines = lines_of_many(connection, [row.visit_id for row in page])
    return {
        "items": [visit_item(row, lines[row.visit_id], departments, today=today) for row in page],
        "next": cursor_of("visits", page[-1].day, page[-1].number) if len(rows) > limit else None,
    }


def visit_detail(
    connection: Connection,
    visit_id: str,
    *,
    account: Account,
    departments: Departments,
    matters: Matters,
    today: date,
) -> dict[str, Any]:
    """One visit with its one list: every department's lines and what came of them.

    Raises:
        NotFound: No such visit, or not one that the account may see.
    """
    row = seen_visit(connection, visit_id, account)
    lines = lines_of(connection, visit_id)
    cases = {line.case_id: get_case(connection, line.case_id) for line in lines}
    pictures = best_evidence(connection, list(cases))
    writes = row.state == VisitState.UNDER_WAY
    takes_part = account.role is Role.CENTRE or account.department in row.departments
    return {
        **visit_item(row, lines, departments, today=today),
        "stop": [
            {
                **_case(of_case, matters),
                "picture_url": picture_url(pictures.get(case_id), "thumbnail", case_id)
                if _sees_case(account, lines, case_id)
                else None,
                "checklist": row.checklist[of_case.matter],
                "lines": [
                    _line(connection, line, departments, writable=writes and _is_own(account, line))
                    for line in lines
                    if line.case_id == case_id
                ],
            }
            for case_id, of_case in cases.items()
        ],
        "signatures": [
            {**one, **_names(one["party"], departments), "holds": holds(one, lines)} for one in row.signatures
        ],
        "act_codes": [
            {"party": party, **_names(party, departments), **code} for party, code in sorted(row.act_codes.items())
        ],
        "act_code_note": ACT_CODE_NOTE,
        "may_sign": writes and takes_part and (account.role is Role.CENTRE or account.role in DEPARTMENT_ROLES),
        "seal": row.seal,
        "seal_holds": None if row.seal is None else row.seal == seal_of(row, lines),
        "allowed": [
            {
                "to": to,
                "label_zh": VISIT_STATE_NAMES[to][0],
                "label_en": VISIT_STATE_NAMES[to][1],
                "needs_reason": step.needs_reason,
            }
            for to, step in allowed_visit_steps(VisitState(row.state), account.actor).items()
            if takes_part
        ],
        "map_links": map_links(row.lon, row.lat, row.number),
    }


def suggestion_list(
    connection: Connection, day: date, *, rules: VisitRules, departments: Departments
) -> dict[str, Any]:
    """Places where a joint visit would be worth it."""
    found = suggestions(connection, day, rules=rules)
    return {
        "day": day.isoformat(),
        "near_m": rules.near_m,
        "items": [_suggestion(one, rules.matters, departments) for one in found],
    }


def _suggestion(one: Suggestion, matters: Matters, departments: Departments) -> dict[str, Any]:
    keys = sorted({task.department for task in one.tasks})
    return {
        "lon": sum(row.lon for row in one.cases) / len(one.cases),
        "lat": sum(row.lat for row in one.cases) / len(one.cases),
        "address": next((row.address for row in one.cases if row.address), None),
        "cases": [_case(row, matters) for row in one.cases],
        "departments": [_department(key, departments) for key in keys],
        "tasks": len(one.tasks),
        "deadline_at": iso(one.deadline_at),
        "falls_due": one.falls_due,
    }


def _case(row: CaseRow, matters: Matters) -> dict[str, Any]:
    zh, en = CASE_STATE_NAMES[CaseState(row.state)]
    matter = matter_name(matters, row.matter)
    return {
        "case_id": row.case_id,
        "number": row.number,
        "matter": row.matter,
        "matter_zh": matter.zh,
        "matter_en": matter.en,
        "state": row.state,
        "state_zh": zh,
        "state_en": en,
        "colour": row.colour,
        "address": row.address,
        "lon": row.lon,
        "lat": row.lat,
        "error": error_of(row),
    }


def _line(connection: Connection, line: LineRow, departments: Departments, *, writable: bool) -> dict[str, Any]:
    task = get_task(connection, line.task_id)
    state_zh, state_en = TASK_STATE_NAMES[TaskState(task.state)]
    result_zh, result_en = LINE_RESULT_NAMES[LineResult(line.result)] if line.result else (None, None)
    return {
        "line_id": line.line_id,
        "task_id": line.task_id,
        "kind": task.kind,
        "task_state": task.state,
        "task_state_zh": state_zh,
        "task_state_en": state_en,
        "deadline_at": iso(task.deadline_at),
        **_department(line.department, departments),
        "result": line.result,
        "result_zh": result_zh,
        "result_en": result_en,
        "note": line.note,
        "checks": line.evidence["checks"],
        "pictures": line.evidence["pictures"],
        "done_at": iso(line.done_at),
        "done_by": line.done_by,
        "writable": writable,
    }


def _is_own(account: Account, line: LineRow) -> bool:
    return account.role in DEPARTMENT_ROLES and account.department == line.department


def _sees_case(account: Account, lines: Sequence[LineRow], case_id: str) -> bool:
    if account.sees_every_case:
        return True
    return any(line.case_id == case_id and line.department in account.sees_departments for line in lines)


def _department(key: str, departments: Departments) -> dict[str, str]:
    return {"department": key, **_names(key, departments)}


def _names(key: str, departments: Departments) -> dict[str, str]:
    name = departments.name_of(key)
    return {"department_zh": name.zh, "department_en": name.en}
