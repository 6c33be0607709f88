"""The counts of a month, by the database: closed cases as its triggers counted them, the others as they stand now.

Of the closed cases of a month `figure_count` has a line for each hour, department and matter; see `store.tallies`.
Cases that are still open are a few ten thousand at most, and are counted from two indexes when they are asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Row, Select, and_, case, cast, func, or_, select

from dispatch_api.cases.model import CaseState
from dispatch_api.figures.model import Figures
from dispatch_api.store.schema import case as case_file
from dispatch_api.store.schema import figure_count, task
from dispatch_api.store.tallies import FOLDED_STATES
from dispatch_api.tasks.model import GONE_STATES, TaskKind

CITY = ""
_COUNTS = (
    "dispatched",
    "closed",
    "with_deadline",
    "on_time",
    "reported",
    "reworked",
    "put_off",
    "recurred",
    "paused_us",
)
_HAS_BEEN_REPORTED = or_(
    case_file.c.reworks > 0,
    case_file.c.state.in_(
        [
            state.value
            for state in (
                CaseState.REPORTED_DONE,
                CaseState.PENDING_VERIFY,
                CaseState.UNVERIFIABLE,
                CaseState.REWORKED,
                CaseState.CLOSED,
                CaseState.RECURRED,
            )
        ]
    ),
)
_CLOSED = case_file.c.state.in_([CaseState.CLOSED.value, CaseState.RECURRED.value])
_LEADS = and_(
    task.c.case_id == case_file.c.case_id,
    task.c.kind == TaskKind.LEAD.value,
    task.c.state.not_in([state.value for state in GONE_STATES]),
)
_Counts = dict[str, int]


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
    folded = _folded(start_at, end_at).where(figure_count.c.department != CITY)
    others = _by_department(start_at, end_at)
    if departments is not None:
        folded = folded.where(figure_count.c.department.in_(sorted(departments)))
        # Of an expression there is no index: SQLite would begin with all tasks that the department ever had.
        others = others.where(func.coalesce(task.c.department, "").in_(sorted(departments)))
    lines = _summed(connection, _parts(start_at, end_at, folded, others))
    sums = _over_matters(lines)
    return [
        *(_figures(department, matter, lines[department, matter]) for department, matter in sorted(lines)),
        *(_figures(department, None, sums[department]) for department in sorted(sums)),
    ]


def count_by_matter(connection: Connection, start_at: datetime, end_at: datetime) -> list[Figures]:
    """A line for each matter over all departments, and one for the city: each case once.

    A case is on time if all who lead it were; it was reported done when all of them had.

    Args:
        connection: A reading connection.
        start_at: Cases dispatched from this moment on, aware.
        end_at: And before this one.
    """
    folded = _folded(start_at, end_at).where(figure_count.c.department == CITY)
    lines = _summed(connection, _parts(start_at, end_at, folded, _by_matter(start_at, end_at)))
    city = _over_matters(lines).get(CITY) or dict.fromkeys(_COUNTS, 0)
    return [*(_figures(None, matter, lines[CITY, matter]) for _, matter in sorted(lines)), _figures(None, None, city)]


def _parts(start_at: datetime, end_at: datetime, folded: Select[Any], others: Select[Any]) -> list[Select[Any]]:
    if _begins_an_hour(start_at) and _begins_an_hour(end_at):
        return [folded, others.where(case_file.c.state.not_in(FOLDED_STATES))]
    # A city whose clocks differ from UTC by half an hour: nothing is counted ready for its months.
    return [others]


def _begins_an_hour(at: datetime) -> bool:
    return (at.minute, at.second, at.microsecond) == (0, 0, 0)


def _folded(start_at: datetime, end_at: datetime) -> Select[Any]:
    kept = figure_count.c
    summed = {"dispatched": kept.cases, "closed": kept.cases, **{name: kept[name] for name in _COUNTS[2:]}}
    return (
        select(kept.department, kept.matter, *(func.sum(column).label(name) for name, column in summed.items()))
        .where(kept.hour_at >= start_at, kept.hour_at < end_at)
        .group_by(kept.department, kept.matter)
    )


def _by_department(start_at: datetime, end_at: datetime) -> Select[Any]:
    return (
        _counted(
            task.c.department,
            with_deadline=task.c.deadline_at.is_not(None),
            on_time=and_(_CLOSED, task.c.done_at <= task.c.deadline_at),
            reported=or_(task.c.done_at.is_not(None), task.c.reworks > 0),
            reworked=task.c.reworks > 0,
        )
        .select_from(case_file, task)
        .where(_LEADS, _dispatched(start_at, end_at))
    )


def _by_matter(start_at: datetime, end_at: datetime) -> Select[Any]:
    # Of a column that the index holds: `SELECT *` would look each task up.
    led = select(task.c.case_id).where(_LEADS)
    has_deadline = led.where(task.c.deadline_at.is_not(None)).exists()
    late = led.where(task.c.done_at > task.c.deadline_at).exists()
    return (
        _counted(
            None,
            with_deadline=has_deadline,
            on_time=and_(_CLOSED, has_deadline, ~late),
            reported=_HAS_BEEN_REPORTED,
            reworked=case_file.c.reworks > 0,
        )
        .select_from(case_file)
        .where(_dispatched(start_at, end_at))
    )


def _counted(department: ColumnElement[str] | None, **facts: ColumnElement[bool]) -> Select[Any]:
    keys = [case_file.c.matter] if department is None else [department, case_file.c.matter]
    of_every = {
        "put_off": or_(case_file.c.paused_s > 0, case_file.c.suspended_at.is_not(None)),
        "recurred": case_file.c.state == CaseState.RECURRED.value,
    }
    return select(
        *keys,
        func.count().label("dispatched"),
        *(
            func.sum(case((condition, 1), else_=0)).label(name)
            for name, condition in {"closed": _CLOSED, **facts, **of_every}.items()
        ),
        func.sum(cast(func.round(case_file.c.paused_s * 1_000_000), BigInteger)).label("paused_us"),
    ).group_by(*keys)


def _dispatched(start_at: datetime, end_at: datetime) -> ColumnElement[bool]:
    return and_(case_file.c.dispatched_at >= start_at, case_file.c.dispatched_at < end_at)


def _summed(connection: Connection, parts: Iterable[Select[Any]]) -> dict[tuple[str, str], _Counts]:
    lines: dict[tuple[str, str], _Counts] = defaultdict(lambda: dict.fromkeys(_COUNTS, 0))
    for part in parts:
        for row in connection.execute(part):
            _add(lines[getattr(row, "department", CITY), row.matter], row)
    # Of cases that came back to an earlier state there may be lines of nothing.
    return {key: counts for key, counts in lines.items() if counts["dispatched"]}


def _add(counts: _Counts, row: Row[Any]) -> None:
    for name in _COUNTS:
        counts[name] += int(row._mapping[name])


def _over_matters(lines: dict[tuple[str, str], _Counts]) -> dict[str, _Counts]:
    sums: dict[str, _Counts] = defaultdict(lambda: dict.fromkeys(_COUNTS, 0))
    for (department, _), counts in lines.items():
        for name in _COUNTS:
            sums[department][name] += counts[name]
    return sums


def _figures(department: str | None, matter: str | None, counts: _Counts) -> Figures:
    told = {name: value for name, value in counts.items() if name != "paused_us"}
    return Figures(department=department, matter=matter, suspended_h=round(counts["paused_us"] / 3.6e9, 2), **told)
