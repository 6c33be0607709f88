"""Which open cases would make a joint visit on a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection, Row, select

from dispatch_api.cases.matters import Matters
from dispatch_api.cases.model import CaseState, Colour
from dispatch_api.cases.records import CaseRow
from dispatch_api.store.schema import case, task
from dispatch_api.tasks.model import OPEN_STATES
from dispatch_api.visits.checklists import VisitRules
from dispatch_api.visits.places import grouped
from dispatch_api.visits.records import tasks_on_visits

MOST_TASKS = 20_000
WORKED_ON = (CaseState.DISPATCHED, CaseState.IN_PROGRESS, CaseState.REWORKED)
"""States in which a case has work to do on the spot."""
_LAST = date.max - timedelta(days=2)
_URGENCY = {Colour.RED: 0, Colour.YELLOW: 1, Colour.GREEN: 2}


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """Open cases of one place.

    Attributes:
        cases: The cases, the most urgent first.
        tasks: Their open tasks that are on no visit yet.
        deadline_at: The earliest deadline of these.
        falls_due: Whether that is on the day asked for, or before.
    """

    cases: tuple[CaseRow, ...]
    tasks: tuple[Row, ...]  # type: ignore[type-arg]
    deadline_at: datetime | None
    falls_due: bool


def end_of(day: date, matters: Matters) -> datetime:
    """The end of a city's day, in UTC."""
    # The last days of the calendar have no end that can be written.
    following = min(day, _LAST) + timedelta(days=1)
    return datetime.combine(following, time(), matters.calendar.time_zone).astimezone(UTC)


def suggestions(connection: Connection, day: date, *, rules: VisitRules) -> list[Suggestion]:
    """Places where two open cases or more wait for a visit, what falls due first.

    Cases opened after the day, and tasks that are on a visit already, are left out.

    Args:
        connection: A reading connection.
        day: The city's day.
        rules: The city's.
    """
    ends_at = end_of(day, rules.matters)
    cases, tasks = _open_work(connection, ends_at)
    order = sorted(cases.values(), key=lambda row: (_URGENCY[Colour(row.colour)], row.seq))
    found = []
    for group in grouped(order, rules.near_m):
        if len(group) < 2:
            continue
        here = [one for row in group for one in tasks[row.case_id]]
        deadlines = [one.deadline_at for one in here if one.deadline_at is not None]
        earliest = min(deadlines, default=None)
        found.append(
            Suggestion(
                cases=tuple(group),
                tasks=tuple(here),
                deadline_at=earliest,
                falls_due=earliest is not None and earliest <= ends_at,
            )
        )
    never = datetime.max.replace(tzinfo=UTC)
    return sorted(found, key=lambda one: (one.deadline_at or never, -len(one.cases)))


def _open_work(connection: Connection, ends_at: datetime) -> tuple[dict[str, CaseRow], dict[str, list[Row]]]:  # type: ignore[type-arg]
    query = (
        select(task)
        .join(case, case.c.case_id == task.c.case_id)
        .where(
            case.c.state.in_([state.value for state in WORKED_ON]),
            case.c.opened_at < ends_at,
            task.c.state.in_([state.value for state in OPEN_STATES]),
        )
        .order_by(task.c.task_id)
        .limit(MOST_TASKS)
    )
    taken = tasks_on_visits(connection)
    tasks: dict[str, list[Row]] = {}  # type: ignore[type-arg]
    for row in connection.execute(query):
        if row.task_id not in taken:
            tasks.setdefault(row.case_id, []).append(row)
    cases = {row.case_id: row for row in _cases(connection, list(tasks))}
    return cases, tasks


def _cases(connection: Connection, case_ids: Sequence[str]) -> list[CaseRow]:
    rows: list[CaseRow] = []
    for start in range(0, len(case_ids), 500):
        some = case_ids[start : start + 500]
        rows += connection.execute(select(case).where(case.c.case_id.in_(some)).order_by(case.c.seq)).all()
    return rows
