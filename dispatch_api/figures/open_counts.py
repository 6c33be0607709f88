"""What has not ended, by colour and matter: what a map of a city too large to be loaded chooses by."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, true

from dispatch_api.accounts.model import Account
from dispatch_api.cases.features import matter_name
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.model import ENDED_STATES
from dispatch_api.store.schema import case_count
from dispatch_api.store.tallies import SEPARATOR


def open_counts(connection: Connection, account: Account, matters: Matters) -> dict[str, Any]:
    """Counts of what somebody may see, as the store keeps them, and the names of all matters that ever occurred."""
    kind = (case_count.c.matter, case_count.c.state, case_count.c.colour)
    seen = _seen(connection, account)
    query = select(*kind, func.sum(case_count.c.n).label("n")).where(case_count.c.n > 0, seen).group_by(*kind)
    colours: Counter[str] = Counter()
    open_matters: Counter[str] = Counter()
    names = {}
    for row in connection.execute(query):
        names[row.matter] = matter_name(matters, row.matter).model_dump()
        if row.state not in ENDED_STATES:
            colours[row.colour] += int(row.n)
            open_matters[row.matter] += int(row.n)
    return {"open_by_colour": colours, "open_by_matter": open_matters, "matter_names": names}


def _seen(connection: Connection, account: Account) -> ColumnElement[bool]:
    """That a count is of cases on which somebody's departments have tasks."""
    if account.sees_every_case:
        return true()
    sets = connection.execute(select(case_count.c.departments).distinct()).scalars()
    own = account.sees_departments
    return case_count.c.departments.in_(
        [there for there in sets if not own.isdisjoint(there.strip(SEPARATOR).split(SEPARATOR))]
    )
