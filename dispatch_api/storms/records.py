"""A storm's cases and tasks out of the store, ranked by danger."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select, update

from dispatch_api.cases.model import ENDED_STATES, Colour
from dispatch_api.cases.records import CaseRow
from dispatch_api.errors import NotFound
from dispatch_api.store.schema import case, observation, storm, task
from dispatch_api.storms.danger import Danger, Passed, danger_of
from dispatch_api.storms.rules import StormRules

StormRow = Row[Any]
_URGENCY = {Colour.RED: 0, Colour.YELLOW: 1, Colour.GREEN: 2}


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """A case of a storm, with its danger and its tasks."""

    case: CaseRow
    danger: Danger
    tasks: tuple[Row[Any], ...]


def get_storm(connection: Connection, storm_id: str) -> StormRow:
    """The row of a storm.

    Raises:
        NotFound: There is none.
    """
    row = connection.execute(select(storm).where(storm.c.storm_id == storm_id)).first()
    if row is None:
        raise NotFound(kind="storm", key=storm_id)
    return row


def touch_storm(connection: Connection, storm_id: str, **columns: Any) -> StormRow:  # noqa: ANN401 - columns
    """Change a storm as somebody asked for; its version goes up."""
    return update_storm(connection, storm_id, version=storm.c.version + 1, **columns)


def update_storm(connection: Connection, storm_id: str, **columns: Any) -> StormRow:  # noqa: ANN401 - columns
    """Change columns of a storm."""
    connection.execute(update(storm).where(storm.c.storm_id == storm_id).values(**columns))
    return get_storm(connection, storm_id)


def rules_of(row: StormRow) -> StormRules:
    """The rules that a storm was begun by."""
    return StormRules.model_validate(row.told["rules"])


def ranked(connection: Connection, row: StormRow, *, departments: Collection[str] | None = None) -> list[Ranked]:
    """A storm's cases, the most dangerous first; those that have ended come last, for nobody has to go there.

    Args:
        connection: A connection.
        row: The storm.
        departments: Only cases with a task of one of these, and only those tasks; None for all.
    """
    weights = rules_of(row).danger
    cases = connection.execute(select(case).where(case.c.storm_id == row.storm_id).order_by(case.c.seq)).all()
    tasks = _by_case(connection, row, task, task.c.task_id)
    passes = _by_case(connection, row, observation, observation.c.first_seen_at)
    found = []
    for one in cases:
        own = tuple(t for t in tasks.get(one.case_id, ()) if departments is None or t.department in departments)
        if departments is None or own:
            found.append(Ranked(case=one, danger=_danger(one, passes.get(one.case_id, ()), weights), tasks=own))
    return sorted(
        found,
        key=lambda r: (r.case.state in ENDED_STATES, -r.danger.score, _URGENCY[Colour(r.case.colour)], r.case.number),
    )


def _danger(row: CaseRow, seen: Sequence[Row[Any]], weights: Any) -> Danger:  # noqa: ANN401 - Weights
    return danger_of(
        row.zones,
        extent_m2=row.extent_m2,
        extent_sigma_m2=row.extent_sigma_m2,
        passes=[
            Passed(flight_id=one.flight_id, extent_m2=one.extent_m2, extent_sigma_m2=one.extent_sigma_m2)
            for one in seen
        ],
        weights=weights,
    )


def _by_case(connection: Connection, row: StormRow, table: Any, order: Any) -> dict[str, list[Row[Any]]]:  # noqa: ANN401
    query = (
        select(table)
        .join(case, case.c.case_id == table.c.case_id)
        .where(case.c.storm_id == row.storm_id)
        .order_by(order)
    )
    grouped: dict[str, list[Row[Any]]] = {}
    for one in connection.execute(query):
        grouped.setdefault(one.case_id, []).append(one)
    return grouped
