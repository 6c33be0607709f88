"""What there is just now, in counts: the banner of the console."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from dispatch_api.accounts.model import Account
from dispatch_api.accounts.sight import visible_tasks
from dispatch_api.cases.choice import Choice
from dispatch_api.cases.filters import CaseFilter
from dispatch_api.cases.model import CaseState
from dispatch_api.departments.model import Departments
from dispatch_api.store.schema import case, flight, task
from dispatch_api.tasks.counts import counted_tasks
from dispatch_api.tasks.model import OPEN_STATES


def summary_of(connection: Connection, account: Account, *, departments: Departments, at: datetime) -> dict[str, Any]:
    """Counts of what somebody may see, as the store keeps them; only what is overdue is counted when asked for."""
    cases = Choice.of(connection, CaseFilter(), account)
    tasks = counted_tasks(connection, account)
    by_department = _summed((department, n) for (department, _), n in tasks.items())
    flights = connection.execute(select(func.count()).select_from(flight)).scalar_one()
    return {
        "cases": cases.most,
        "cases_by_state": _summed((state, n) for (_, state, _), n in cases.fitting.items()),
        "cases_by_colour": _summed((colour, n) for (_, _, colour), n in cases.fitting.items()),
        "tasks_by_department": by_department,
        "department_names": {key: departments.name_of(key).model_dump() for key in by_department},
        "tasks_by_state": _summed((state, n) for (_, state), n in tasks.items()),
        "overdue": connection.execute(_overdue(account, at)).scalar_one(),
        "flights": flights if account.sees_every_case else 0,
    }


def _overdue(account: Account, at: datetime) -> Any:  # noqa: ANN401 - a query
    """By the rule of `tasks.views.is_overdue`."""
    resting = select(case.c.case_id).where(case.c.state == CaseState.SUSPENDED.value)
    late = select(func.count()).where(
        task.c.state.in_([state.value for state in OPEN_STATES]),
        task.c.deadline_at < at,
        visible_tasks(account),
        task.c.case_id.not_in(resting),
    )
    return late


def _summed(counts: Any) -> Counter[str]:  # noqa: ANN401 - pairs of a word and a count
    found: Counter[str] = Counter()
    for word, n in counts:
        found[word] += n
    return found
