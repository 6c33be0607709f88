"""The counts of a month, by the database: one statement for departments, one for the city as a whole."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Subquery, and_, case, exists, false, func, select

from dispatch_api.cases.model import CaseState
from dispatch_api.figures.model import Figures
from dispatch_api.store.schema import case as case_file
from dispatch_api.store.schema import event, task
from dispatch_api.tasks.model import GONE_STATES, TaskKind, TaskState

_CLOSED = case_file.c.state.in_([CaseState.CLOSED.value, CaseState.RECURRED.value])
_RECURRED = case_file.c.state == CaseState.RECURRED.value
_PUT_OFF = exists().where(event.c.case_id == case_file.c.case_id, event.c.to_state == CaseState.SUSPENDED.value)
_LEADS = and_(
    task.c.case_id == case_file.c.case_id,
    task.c.kind == TaskKind.LEAD.value,
    task.c.state.not_in([state.value for state in GONE_STATES]),
)


def count_by_department(
    connection: Connection, start_at: datetime, end_at: datetime, *, departments: frozenset[str] | None
) -> list[Figures]:
    """A line for each department and matter, and for each department a sum over its matters.

    Args:
        connection: A reading connection.
        start_at: Cases dispatched from this moment on, aware.
        end_at: And before this one.
        departments: Only these; None for all.
    """
    query = (
        select(
            task.c.department.label("department"),
            case_file.c.matter.label("matter"),
            case_file.c.case_id,
            case_file.c.paused_s,
            _flag(_CLOSED).label("closed"),
            _flag(task.c.deadline_at.is_not(None)).label("with_deadline"),
            _flag(and_(_CLOSED, task.c.done_at <= task.c.deadline_at)).label("on_time"),
            _flag(_was(TaskState.DONE)).label("reported"),
            _flag(_was(TaskState.REWORK)).label("reworked"),
            _flag(_PUT_OFF).label("put_off"),
            _flag(_RECURRED).label("recurred"),
        )
        .select_from(case_file)
        .join(task, _LEADS)
        .where(_dispatched(start_at, end_at))
    )
    if departments is not None:
        query = query.where(task.c.department.in_(sorted(departments)) if departments else false())
    pairs = query.subquery()
    return [*_lines(connection, pairs, ("department", "matter")), *_lines(connection, pairs, ("department",))]


def count_by_matter(connection: Connection, start_at: datetime, end_at: datetime) -> list[Figures]:
    """A line for each matter over all departments, and one for the city: each case once.

    A case is on time if all who lead it were; it was reported done when all of them had.

    Args:
        connection: A reading connection.
        start_at: Cases dispatched from this moment on, aware.
        end_at: And before this one.
    """
    has_deadline = exists().where(_LEADS, task.c.deadline_at.is_not(None))
    late = exists().where(_LEADS, task.c.done_at > task.c.deadline_at)
    reported = exists().where(event.c.case_id == case_file.c.case_id, event.c.to_state == CaseState.REPORTED_DONE.value)
    cases = (
        select(
            case_file.c.matter.label("matter"),
            case_file.c.case_id,
            case_file.c.paused_s,
            _flag(_CLOSED).label("closed"),
            _flag(has_deadline).label("with_deadline"),
            _flag(and_(_CLOSED, has_deadline, ~late)).label("on_time"),
            _flag(reported).label("reported"),
            _flag(case_file.c.reworks > 0).label("reworked"),
            _flag(_PUT_OFF).label("put_off"),
            _flag(_RECURRED).label("recurred"),
        )
        .where(_dispatched(start_at, end_at))
        .subquery()
    )
    return [*_lines(connection, cases, ("matter",)), *_lines(connection, cases, ())]


def _dispatched(start_at: datetime, end_at: datetime) -> ColumnElement[bool]:
    return and_(case_file.c.dispatched_at >= start_at, case_file.c.dispatched_at < end_at)


def _was(state: TaskState) -> ColumnElement[bool]:
    return exists().where(event.c.task_id == task.c.task_id, event.c.to_state == state.value)


def _flag(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _lines(connection: Connection, rows: Subquery, by: tuple[str, ...]) -> list[Figures]:
    keys = [rows.c[name] for name in by]
    counted = ("closed", "with_deadline", "on_time", "reported", "reworked", "put_off", "recurred")
    query = select(
        *keys,
        func.count().label("dispatched"),
        func.coalesce(func.sum(rows.c.paused_s), 0.0).label("paused_s"),
        *(func.coalesce(func.sum(rows.c[name]), 0).label(name) for name in counted),
    )
    if keys:
        query = query.group_by(*keys).order_by(*keys)
    found = connection.execute(query).all()
    return [_line(row._mapping, by, counted) for row in found]


def _line(row: Any, by: tuple[str, ...], counted: tuple[str, ...]) -> Figures:  # noqa: ANN401 - a mapping of a row
    return Figures(
        department=row["department"] if "department" in by else None,
        matter=row["matter"] if "matter" in by else None,
        dispatched=int(row["dispatched"]),
        suspended_h=round(float(row["paused_s"]) / 3600, 2),
        **{name: int(row[name]) for name in counted},
    )
