"""A visit is planned: open cases of one place become one stop and one list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from dispatch_api.accounts.model import Account
from dispatch_api.cases.model import CASE_STATE_NAMES, CaseState
from dispatch_api.cases.records import CaseRow, get_case
from dispatch_api.errors import InvalidRequest
from dispatch_api.store.counting import next_number
from dispatch_api.store.ids import rising_id
from dispatch_api.tasks.model import OPEN_STATES
from dispatch_api.tasks.records import tasks_of
from dispatch_api.visits.checklists import VisitRules
from dispatch_api.visits.model import VisitState
from dispatch_api.visits.places import far_pair
from dispatch_api.visits.records import VisitRow, insert_visit, tasks_on_visits
from dispatch_api.visits.schemas import NewVisit
from dispatch_api.visits.suggestions import WORKED_ON
from dispatch_api.visits.telling import announce, note

FARTHEST = timedelta(days=366)
"""So far ahead a visit may be planned: a later day is a slip of the pen."""


def plan_visit(connection: Connection, wanted: NewVisit, *, rules: VisitRules, by: Account, at: datetime) -> VisitRow:
    """Make one visit, with a line for each open task of its cases.

    Args:
        connection: The writing transaction.
        wanted: The day, the cases, and the departments where not all of them come.
        rules: The city's.
        by: Who plans it.
        at: Now.

    Raises:
        NotFound: There is no such case.
        InvalidRequest: A case has no work to do, lies too far from another, or is on a visit already; or the day is
            over, or too far ahead; or a department has no line in it.
    """
    _check_day(wanted.day, rules.matters.calendar.local_date(at))
    cases = [get_case(connection, case_id) for case_id in dict.fromkeys(wanted.case_ids)]
    _check_place(cases, rules.near_m)
    lines = [line for row in cases for line in _lines(connection, row, wanted)]
    _check_departments(wanted, lines)
    taken = tasks_on_visits(connection, [line["task_id"] for line in lines])
    if taken:
        task_id, number = next(iter(taken.items()))
        raise InvalidRequest(field="case_ids", problem=f"task {task_id} is on visit {number} already")
    row = insert_visit(connection, _values(connection, wanted.day, cases, lines, rules=rules, by=by, at=at), lines)
    note(connection, row, cases, "case.visit_planned", by=by, at=at)
    announce(connection, row, cases, at)
    return row


def _check_day(day: date, today: date) -> None:
    if day < today:
        raise InvalidRequest(field="day", problem=f"{day} is over")
    if day - today > FARTHEST:
        raise InvalidRequest(field="day", problem=f"{day} is more than {FARTHEST.days} days ahead")


def _check_place(cases: Sequence[CaseRow], near_m: float) -> None:
    for row in cases:
        if row.state not in WORKED_ON:
            zh, en = CASE_STATE_NAMES[CaseState(row.state)]
            problem = f"case {row.number} has no work to do on the spot: it is {row.state} ({zh}, {en})"
            raise InvalidRequest(field="case_ids", problem=problem)
    apart = far_pair(cases, near_m)
    if apart is not None:
        one, other, gap = apart
        problem = (
            f"cases {one.number} and {other.number} lie {gap.distance_m:.0f} m apart, up to {gap.at_most_m:.0f} m "
            f"with their errors; a visit is for {near_m:g} m"
        )
        raise InvalidRequest(field="case_ids", problem=problem)


def _lines(connection: Connection, row: CaseRow, wanted: NewVisit) -> list[dict[str, Any]]:
    lines = [
        {
            "case_id": row.case_id,
            "task_id": task.task_id,
            "department": task.department,
            "note": "",
            "evidence": {"checks": {}, "pictures": []},
        }
        for task in tasks_of(connection, row.case_id)
        if task.state in OPEN_STATES and (wanted.departments is None or task.department in wanted.departments)
    ]
    if not lines:
        problem = f"case {row.number} has no open task of these departments"
        raise InvalidRequest(field="case_ids" if wanted.departments is None else "departments", problem=problem)
    return lines


def _check_departments(wanted: NewVisit, lines: Sequence[dict[str, Any]]) -> None:
    # A name that is written wrongly would leave the department out, and nobody would notice.
    idle = set(wanted.departments or ()) - {line["department"] for line in lines}
    if idle:
        raise InvalidRequest(field="departments", problem=f"{min(idle)!r} has no open task on these cases")


def _values(
    connection: Connection,
    day: date,
    cases: Sequence[CaseRow],
    lines: Sequence[dict[str, Any]],
    *,
    rules: VisitRules,
    by: Account,
    at: datetime,
) -> dict[str, Any]:
    return {
        "visit_id": rising_id(),
        "number": next_number(connection, "visit", day, prefix="V"),
        "day": day.isoformat(),
        "state": VisitState.PLANNED.value,
        "lon": sum(row.lon for row in cases) / len(cases),
        "lat": sum(row.lat for row in cases) / len(cases),
        "address": next((row.address for row in cases if row.address), None),
        "departments": sorted({line["department"] for line in lines}),
        "checklist": {row.matter: rules.checklist(row.matter) for row in cases},
        "signatures": [],
        "act_codes": {},
        "created_at": at,
        "created_by": by.name,
    }
