"""Storms as the pages read them: the banner, and the table ranked by danger."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from dispatch_api.accounts.model import Account
from dispatch_api.cases.features import error_of
from dispatch_api.cases.model import CASE_STATE_NAMES, CaseState
from dispatch_api.departments.model import Departments
from dispatch_api.errors import NotFound
from dispatch_api.store.schema import case, storm, task
from dispatch_api.store.times import iso
from dispatch_api.storms.holding import storm_on
from dispatch_api.storms.records import Ranked, StormRow, get_storm, ranked
from dispatch_api.storms.service import StormSuggestion
from dispatch_api.tasks.model import TASK_STATE_NAMES, TaskState


def storm_item(connection: Connection, row: StormRow, account: Account) -> dict[str, Any]:
    """A storm in a list; `cases` counts those that the account may see."""
    counted = select(func.count(func.distinct(case.c.case_id))).where(case.c.storm_id == row.storm_id)
    if not account.sees_every_case:
        own = sorted(account.sees_departments)
        counted = counted.join(task, task.c.case_id == case.c.case_id).where(task.c.department.in_(own))
    return {
        "storm_id": row.storm_id,
        "number": row.number,
        "name": row.name,
        "state": row.state,
        "started_at": iso(row.started_at),
        "ended_at": iso(row.ended_at),
        "created_by": row.created_by,
        "cases": connection.execute(counted).scalar_one(),
        "version": row.version,
    }


def weather(connection: Connection, *, account: Account, suggestion: StormSuggestion | None) -> dict[str, Any]:
    """What the banner shows: the storm that is on, or to whoever may begin one, that there may be one."""
    row = storm_on(connection)
    suggested = None
    if suggestion is not None and account.sees_every_case:
        suggested = {
            "cases": len(suggestion.case_ids),
            "case_ids": list(suggestion.case_ids),
            "since": iso(suggestion.since),
            "needed": suggestion.needed,
        }
    return {"storm": None if row is None else storm_item(connection, row, account), "suggestion": suggested}


def storm_list(connection: Connection, *, account: Account) -> dict[str, Any]:
    """The last 100 storms, the newest first."""
    rows = connection.execute(select(storm).order_by(storm.c.started_at.desc()).limit(100)).all()
    return {"items": [storm_item(connection, row, account) for row in rows]}


def storm_detail(
    connection: Connection, storm_id: str, *, account: Account, departments: Departments
) -> dict[str, Any]:
    """A storm with its table; a department gets the cases on which it has a task.

    Raises:
        NotFound: There is none, or none that concerns the department.
    """
    row = get_storm(connection, storm_id)
    only = None if account.sees_every_case else account.sees_departments
    rows = ranked(connection, row, departments=only)
    if only is not None and not rows:
        raise NotFound(kind="storm", key=storm_id)
    units = sorted({one.department for entry in rows for one in entry.tasks})
    return {
        **storm_item(connection, row, account),
        "table": [_row(place, entry, departments) for place, entry in enumerate(rows, start=1)],
        "units": [
            {
                "department": unit,
                **_names(unit, departments),
                "tasks": sum(one.department == unit for entry in rows for one in entry.tasks),
                "told_at": row.told["units"].get(unit, {}).get("at"),
            }
            for unit in units
        ],
        "weights": row.told["rules"]["danger"],
    }


def _row(place: int, entry: Ranked, departments: Departments) -> dict[str, Any]:
    one = entry.case
    zh, en = CASE_STATE_NAMES[CaseState(one.state)]
    return {
        "rank": place,
        "case_id": one.case_id,
        "number": one.number,
        "address": one.address,
        "grid_name": one.grid_name,
        "colour": one.colour,
        "state": one.state,
        "state_zh": zh,
        "state_en": en,
        "overdue": one.overdue,
        "lon": one.lon,
        "lat": one.lat,
        "error": error_of(one),
        "extent_m2": one.extent_m2,
        "extent_sigma_m2": one.extent_sigma_m2,
        "danger": entry.danger.as_json(),
        "tasks": [
            {
                "task_id": task.task_id,
                "department": task.department,
                **_names(task.department, departments),
                "state": task.state,
                "state_zh": TASK_STATE_NAMES[TaskState(task.state)][0],
                "state_en": TASK_STATE_NAMES[TaskState(task.state)][1],
                "deadline_at": iso(task.deadline_at),
            }
            for task in entry.tasks
        ],
    }


def _names(key: str, departments: Departments) -> dict[str, str]:
    name = departments.name_of(key)
    return {"department_zh": name.zh, "department_en": name.en}
