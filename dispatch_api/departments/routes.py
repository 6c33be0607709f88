"""Routes that name departments and count what they have to do."""

from __future__ import annotations

from collections import Counter
from typing import Any

from fastapi import APIRouter
from sqlalchemy import func, select

from dispatch_api.accounts.access import EVERYBODY, SEES_CASES, open_to
from dispatch_api.accounts.model import Scope
from dispatch_api.accounts.sight import visible_cases, visible_tasks
from dispatch_api.parts import PartsOf, Reader
from dispatch_api.store.schema import case, flight, task
from dispatch_api.store.times import utc_now
from dispatch_api.tasks.views import is_overdue

router = APIRouter(tags=["departments"])


@router.get("/departments")
@open_to(EVERYBODY, scope=Scope.CASES_READ)
def departments(parts: PartsOf, _account: Reader) -> dict[str, Any]:
    """The departments by key, with their names."""
    listed = parts.routing.departments.by_key.values()
    return {"items": [{"key": d.key, "name_zh": d.name.zh, "name_en": d.name.en} for d in listed]}


@router.get("/summary")
@open_to(SEES_CASES)
def summary(parts: PartsOf, account: Reader) -> dict[str, Any]:
    """Counts of what the asker may see."""
    with parts.store.read() as connection:
        cases = connection.execute(select(case.c.state, case.c.colour).where(visible_cases(account))).all()
        tasks = connection.execute(
            select(task, case.c.state.label("case_state"))
            .join(case, case.c.case_id == task.c.case_id)
            .where(visible_tasks(account))
        ).all()
        flights = connection.execute(select(func.count()).select_from(flight)).scalar_one()
    at = utc_now()
    by_department = Counter(row.department for row in tasks)
    return {
        "cases": len(cases),
        "cases_by_state": Counter(row.state for row in cases),
        "cases_by_colour": Counter(row.colour for row in cases),
        "tasks_by_department": by_department,
        "department_names": {key: parts.routing.departments.name_of(key).model_dump() for key in by_department},
        "tasks_by_state": Counter(row.state for row in tasks),
        "overdue": sum(is_overdue(row, row.case_state, at) for row in tasks),
        "flights": flights if account.sees_every_case else 0,
    }
