"""The collections: what each holds, where it takes it from, and the ground it covers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from dispatch_api.accounts.model import Account
from dispatch_api.accounts.sight import visible_cases
from dispatch_api.cases.choice import Choice
from dispatch_api.cases.filters import CaseFilter
from dispatch_api.doors.ogc.cases import find_cases
from dispatch_api.doors.ogc.flights import find_flights
from dispatch_api.doors.ogc.tasks import find_tasks
from dispatch_api.doors.ogc.wanted import Found, Wanted
from dispatch_api.doors.ogc.zones import find_zones
from dispatch_api.store.schema import case

MOST_LOOKED_AT = 10_000


@dataclass(frozen=True, kw_only=True)
class Collection:
    """One collection: its id, names, and how its items are found."""

    id: str
    title: str
    description: str
    find: Callable[[Connection, Wanted], Found]


COLLECTIONS: dict[str, Collection] = {
    one.id: one
    for one in (
        Collection(
            id="cases", title="案件 Cases", description="Cases at their places, with the error.", find=find_cases
        ),
        Collection(id="tasks", title="任务 Tasks", description="Tasks at the places of their cases.", find=find_tasks),
        Collection(id="flights", title="航迹 Flights", description="The ways that flights flew.", find=find_flights),
        Collection(
            id="zones", title="区域 Zones", description="Grids, districts and protected areas.", find=find_zones
        ),
    )
}
"""Every collection by its id."""


def extent_of(connection: Connection, collection: Collection, account: Account) -> list[float] | None:
    """The box (west, south, east, north) of cases and tasks that somebody may see; None where it is not known."""
    if collection.id not in {"cases", "tasks"}:
        return None
    # Each by an index of its own; a department's are few enough to be told only where they are looked at anyway.
    edges = [func.min(case.c.lon), func.min(case.c.lat), func.max(case.c.lon), func.max(case.c.lat)]
    if account.sees_every_case:
        each = [select(edge).scalar_subquery() for edge in edges]
        found = connection.execute(select(*each)).one()
    else:
        choice = Choice.of(connection, CaseFilter(), account)
        if choice.most > MOST_LOOKED_AT:
            return None
        found = connection.execute(select(*edges).where(visible_cases(account))).one()
    return None if found[0] is None else list(found)
