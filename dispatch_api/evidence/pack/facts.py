"""What the store knows of a case, gathered for its pack as of one moment; what nobody knows is said to be unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from dispatch_api.cases.matters import Matters
from dispatch_api.cases.model import CaseState
from dispatch_api.errors import NotFound
from dispatch_api.evidence.pack.pictures import Picture, pictures_of
from dispatch_api.evidence.pack.told import (
    told_case,
    told_flight,
    told_look,
    told_models,
    told_observation,
    told_review,
    told_task,
)
from dispatch_api.evidence.proofs import clean_looks_of
from dispatch_api.store.checked import CheckedHistory
from dispatch_api.store.schema import case, event, flight, flight_photo, flight_position, observation, task, zone

_VERDICT_STATES = (CaseState.OPENED.value, CaseState.REJECTED.value)


@dataclass(frozen=True, kw_only=True)
class CaseFacts:
    """Everything of one case.

    Attributes:
        about: What the manifest's first entry tells, as JSON values.
        row: The case.
        pictures: Each original once: findings best first, then clips, then clean looks.
        events: The case's entries of the history, and those of cases that were merged into it, as they were hashed.
        places: For each of these entries, the hashes that lead from it to the root of the tree over the history.
        flights: Rows of the flights that saw it, or its place clean; one that the store does not know is missing.
        positions: Rows of the track, by flight.
        photos: Rows of the pictures taken, by flight.
        zones: Every zone of the city, as GeoJSON features.
    """

    about: dict[str, Any]
    row: Row[Any]
    pictures: tuple[Picture, ...]
    events: tuple[dict[str, Any], ...]
    places: tuple[list[str], ...]
    flights: tuple[Row[Any], ...]
    positions: Mapping[str, Sequence[Row[Any]]]
    photos: Mapping[str, Sequence[Row[Any]]]
    zones: Sequence[dict[str, Any]]


def gather(connection: Connection, name: str, *, matters: Matters, history: CheckedHistory) -> CaseFacts:
    """Read all of a case, after the history was checked: what is new of it, and all that stands near the case's own.

    Args:
        connection: Sees one moment of the store.
        name: The case's id, or its number.
        matters: Names of the matters.
        history: Knows what of the history was checked before.

    Raises:
        NotFound: There is no such case.
        ChainBroken: The store's history was changed.
    """
    row = connection.execute(select(case).where(or_(case.c.case_id == name, case.c.number == name))).first()
    if row is None:
        raise NotFound(kind="case", key=name)
    ids = _with_merged(connection, row.case_id)
    events = tuple(_event(one) for one in connection.execute(_events_of(ids)))
    checked = history.check(connection, [one["seq"] for one in events])
    observations = connection.execute(
        select(observation).where(observation.c.case_id.in_(ids)).order_by(observation.c.observation_id)
    ).all()
    looks = clean_looks_of(connection, ids)
    names = sorted({one.flight_id for one in observations} | {look.flight_id for look in looks})
    flights = tuple(
        connection.execute(select(flight).where(flight.c.flight_id.in_(names)).order_by(flight.c.flight_id))
    )
    pictures = pictures_of(connection, ids, looks)
    tasks = connection.execute(select(task).where(task.c.case_id.in_(ids)).order_by(task.c.task_id)).all()
    about = {
        "case": told_case(row, matters),
        "case_ids": ids,
        "observations": [told_observation(one) for one in observations],
        "clean_looks": [told_look(one) for one in looks],
        "flights": [told_flight(name, {one.flight_id: one for one in flights}.get(name)) for name in names],
        "models": told_models(pictures),
        "tasks": [told_task(one) for one in tasks],
        "reviews": [
            told_review(one) for one in events if one["to_state"] in _VERDICT_STATES and one["task_id"] is None
        ],
        "history": {
            "hashes": [one["hash"] for one in events],
            "head": {"seq": checked.entries, "hash": checked.head},
            "entries_checked": checked.walked,
            "tree": {"size": checked.entries, "root": checked.root},
        },
    }
    return CaseFacts(
        about=about,
        row=row,
        pictures=pictures,
        events=events,
        flights=flights,
        positions=_by_flight(connection, flight_position, flight_position.c.position_id, names),
        photos=_by_flight(connection, flight_photo, flight_photo.c.photo_id, names),
        places=tuple(checked.paths[one["seq"]] for one in events),
        zones=connection.execute(select(zone.c.feature).order_by(zone.c.zone_id)).scalars().all(),
    )


def _with_merged(connection: Connection, case_id: str) -> list[str]:
    """The case, and every one that was merged into it, directly or through another."""
    ids, asked = [case_id], [case_id]
    while asked:
        query = select(case.c.case_id).where(case.c.duplicate_of.in_(asked)).order_by(case.c.seq)
        asked = [one for one in connection.execute(query).scalars() if one not in ids]
        ids += asked
    return ids


def _events_of(ids: Sequence[str]) -> Any:  # noqa: ANN401 - a query
    return select(event).where(event.c.case_id.in_(ids)).order_by(event.c.seq)


def _event(row: Row[Any]) -> dict[str, Any]:
    """An entry as it was hashed, so that the hash can be taken again."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row._mapping.items()}


def _by_flight(connection: Connection, table: Any, key: Any, names: Sequence[str]) -> dict[str, list[Row[Any]]]:  # noqa: ANN401 - a table and its column
    rows: dict[str, list[Row[Any]]] = {name: [] for name in names}
    for row in connection.execute(select(table).where(table.c.flight_id.in_(names)).order_by(key)):
        rows[row.flight_id].append(row)
    return rows
