"""The counts of a month, by the database: closed cases as its triggers counted them, the others as they stand now.

Of the closed cases of a month `figure_count` has a line for each hour, department and matter; see `store.tallies`.
Cases that are still open are a few ten thousand at most, and are read from two indexes when they are asked for, with
who leads them: once, for the lines of the departments and of the city.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Connection,
    Row,
    Select,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)

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
_REPORTED = (
    CaseState.REPORTED_DONE,
    CaseState.PENDING_VERIFY,
    CaseState.UNVERIFIABLE,
    CaseState.REWORKED,
    CaseState.CLOSED,
    CaseState.RECURRED,
)
_OF_THE_CASE: Mapping[str, ColumnElement[bool]] = {
    "closed": case_file.c.state.in_([CaseState.CLOSED.value, CaseState.RECURRED.value]),
    "put_off": or_(case_file.c.paused_s > 0, case_file.c.suspended_at.is_not(None)),
    "recurred": case_file.c.state == CaseState.RECURRED.value,
    "case_reported": or_(case_file.c.reworks > 0, case_file.c.state.in_([state.value for state in _REPORTED])),
    "case_reworked": case_file.c.reworks > 0,
}
_OF_THE_LEAD: Mapping[str, ColumnElement[bool]] = {
    "with_deadline": task.c.deadline_at.is_not(None),
    "in_time": task.c.done_at <= task.c.deadline_at,
    "late": task.c.done_at > task.c.deadline_at,
    "reported": or_(task.c.done_at.is_not(None), task.c.reworks > 0),
    "reworked": task.c.reworks > 0,
}
_LEADS = and_(
    task.c.case_id == case_file.c.case_id,
    task.c.kind == TaskKind.LEAD.value,
    task.c.state.not_in([state.value for state in GONE_STATES]),
)
_Counts = dict[str, int]
_Counting = Select[Any] | CompoundSelect[Any]


def count_month(
    connection: Connection, start_at: datetime, end_at: datetime, *, departments: frozenset[str] | None
) -> list[Figures]:
    """A line for each department and matter, and for each department a sum over its matters.

    Who asks for all departments gets before these a line for each matter over all of them, and one for the city: each
    case once. A case is on time if all who lead it were; it was reported done when all of them had.

    Args:
        connection: A reading connection.
        start_at: Cases dispatched from this moment on, aware.
        end_at: And before this one.
        departments: Only these; None for all, and the city.
    """
    lines = _summed(connection, _parts(start_at, end_at, departments))
    sums = _over_matters(lines)
    city = sums.pop(CITY, None) or dict.fromkeys(_COUNTS, 0)
    of_city = [_figures(None, matter, lines[name, matter]) for name, matter in sorted(lines) if name == CITY]
    return [
        *([*of_city, _figures(None, None, city)] if departments is None else ()),
        *(_figures(name, matter, lines[name, matter]) for name, matter in sorted(lines) if name != CITY),
        *(_figures(name, None, sums[name]) for name in sorted(sums)),
    ]


def _parts(start_at: datetime, end_at: datetime, departments: frozenset[str] | None) -> list[_Counting]:
    led = _led(departments).where(case_file.c.dispatched_at >= start_at, case_file.c.dispatched_at < end_at)
    if not (_begins_an_hour(start_at) and _begins_an_hour(end_at)):
        # A city whose clocks differ from UTC by half an hour: nothing is counted ready for its months.
        return [_counted(led.cte("led"), of_city=departments is None)]
    folded = _folded(start_at, end_at)
    if departments is not None:
        folded = folded.where(figure_count.c.department.in_(sorted(departments)))
    others = led.where(case_file.c.state.not_in(FOLDED_STATES))
    return [folded, _counted(others.cte("led"), of_city=departments is None)]


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


def _led(departments: frozenset[str] | None) -> Select[Any]:
    """Each case with each who leads it, and what is counted of both; for all departments those nobody leads as well."""
    facts = {**_OF_THE_CASE, **_OF_THE_LEAD}
    led = select(
        case_file.c.case_id,
        case_file.c.matter,
        task.c.department,
        *(case((condition, 1), else_=0).label(name) for name, condition in facts.items()),
        cast(func.round(case_file.c.paused_s * 1_000_000), BigInteger).label("paused_us"),
    )
    if departments is None:
        return led.select_from(case_file.outerjoin(task, _LEADS))
    # Of an expression there is no index: SQLite would begin with all tasks that the department ever had.
    own = func.coalesce(task.c.department, "").in_(sorted(departments))
    return led.select_from(case_file.join(task, _LEADS)).where(own)


def _counted(led: CTE, *, of_city: bool) -> _Counting:
    """The lines of the departments, and those of the city."""
    it = led.c
    by_department = _sums(
        [it.department, it.matter],
        {
            "closed": it.closed,
            "with_deadline": it.with_deadline,
            "on_time": it.closed * it.in_time,
            "reported": it.reported,
            "reworked": it.reworked,
            "put_off": it.put_off,
            "recurred": it.recurred,
            "paused_us": it.paused_us,
        },
    ).where(it.department.is_not(None))
    if not of_city:
        return by_department
    of_case = [column for column in it if column.name not in ("case_id", "matter", "department")]
    once = select(it.case_id, it.matter, *(func.max(one).label(one.name) for one in of_case)).group_by(
        it.case_id, it.matter
    )
    each = once.subquery("each").c
    by_matter = _sums(
        [literal(CITY).label("department"), each.matter],
        {
            "closed": each.closed,
            "with_deadline": each.with_deadline,
            "on_time": each.closed * each.with_deadline * (1 - each.late),
            "reported": each.case_reported,
            "reworked": each.case_reworked,
            "put_off": each.put_off,
            "recurred": each.recurred,
            "paused_us": each.paused_us,
        },
    )
    return union_all(by_department, by_matter)


def _sums(keys: Sequence[ColumnElement[Any]], counted: Mapping[str, ColumnElement[int]]) -> Select[Any]:
    sums = (cast(func.sum(column), BigInteger).label(name) for name, column in counted.items())
    return select(*keys, func.count().label("dispatched"), *sums).group_by(*keys)


def _summed(connection: Connection, parts: Iterable[_Counting]) -> dict[tuple[str, str], _Counts]:
    lines: dict[tuple[str, str], _Counts] = defaultdict(lambda: dict.fromkeys(_COUNTS, 0))
    for part in parts:
        for row in connection.execute(part):
            _add(lines[row.department, row.matter], row)
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
