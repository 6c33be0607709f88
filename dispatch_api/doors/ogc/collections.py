"""The collections: what each holds, where it takes it from, and who sees what of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import shapely
from shapely.geometry import shape
from sqlalchemy import ColumnElement, Connection, and_, false, func, select, true

from dispatch_api.accounts.model import Account
from dispatch_api.accounts.sight import visible_cases, visible_tasks
from dispatch_api.boxes import Box
from dispatch_api.cases.features import case_properties, errors_of
from dispatch_api.cases.filters import CaseFilter
from dispatch_api.cases.listing import Choice, Page, listed
from dispatch_api.cases.matters import Matters
from dispatch_api.flights.features import flight_with_track
from dispatch_api.store.schema import case, flight, flight_photo, task, zone
from dispatch_api.store.times import iso

Feature = dict[str, Any]
Span = tuple[datetime | None, datetime | None]
MOST_MATCHED, MOST_LOOKED_AT = 1000, 10_000
_NESTED = ("ellipse95", "footprint", "error", "thumbnail_url")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which items are asked for, by whom.

    Attributes:
        account: Who asks.
        matters: For names.
        box: Only what meets it; None for anywhere.
        span: Only what has to do with a time between these; None for an open end, and for any time.
        key: Only the item of this id.
        limit: At most so many.
        offset: After so many.
    """

    account: Account
    matters: Matters
    box: Box | None = None
    span: Span | None = None
    key: str | None = None
    limit: int = 1
    offset: int = 0


@dataclass(frozen=True, kw_only=True)
class Found:
    """A page of items, and how many there are altogether; None where they are too many to be looked at for that."""

    features: Sequence[Feature]
    matched: int | None


@dataclass(frozen=True, kw_only=True)
class Collection:
    """One collection: its id, names, and how its items are found."""

    id: str
    title: str
    description: str
    find: Callable[[Connection, Wanted], Found]


def _cases(connection: Connection, wanted: Wanted) -> Found:
    rows, matched = _chosen_cases(connection, wanted)
    features = []
    for row, error in zip(rows, errors_of(rows), strict=True):
        properties = case_properties(row, matters=wanted.matters, original_sha256=None, error=error)
        # A column of a table holds a word or a number.
        flat = {name: value for name, value in properties.items() if name not in _NESTED}
        flat |= {f"error_{name}": value for name, value in properties["error"].items()}
        features.append(_point(row.case_id, row.lon, row.lat, flat))
    return Found(features=features, matched=matched)


def _chosen_cases(connection: Connection, wanted: Wanted) -> tuple[Sequence[Any], int | None]:
    if wanted.key is not None:
        one = select(case).where(visible_cases(wanted.account), case.c.case_id == wanted.key)
        rows = connection.execute(one).all()
        return rows, len(rows)
    start, end = wanted.span or (None, None)
    box = wanted.box
    bbox = None if box is None else f"{box.west!r},{box.south!r},{box.east!r},{box.north!r}"
    asked = CaseFilter(bbox=bbox, seen_from=start, seen_until=end)
    page = Page(limit=wanted.limit + 1, skip=wanted.offset, oldest_first=True)
    found = listed(connection, asked, wanted.account, page)
    matched = found.matched
    if matched is None and (found.rows or not wanted.offset) and len(found.rows) <= wanted.limit:
        matched = wanted.offset + len(found.rows)
    if matched is None:
        counted = len(listed(connection, asked, wanted.account, Page(limit=MOST_MATCHED + 1, oldest_first=True)).rows)
        matched = counted if counted <= MOST_MATCHED else None
    return found.rows[: wanted.limit], matched


def _tasks(connection: Connection, wanted: Wanted) -> Found:
    conditions = [visible_tasks(wanted.account), _in_time(task.c.created_at, task.c.created_at, wanted.span)]
    if wanted.box:
        conditions.append(wanted.box.holds_cases())
    if wanted.key is not None:
        conditions.append(task.c.task_id == int(wanted.key) if wanted.key.isdecimal() else false())
    of = task.join(case, case.c.case_id == task.c.case_id)
    where = and_(*conditions)
    matched = connection.execute(select(func.count()).select_from(of).where(where)).scalar_one()
    columns = (case.c.number, case.c.matter, case.c.colour, case.c.lon, case.c.lat, case.c.address)
    query = select(task, *columns).select_from(of).where(where).order_by(task.c.task_id)
    features = [
        _point(
            row.task_id,
            row.lon,
            row.lat,
            {
                "task_id": row.task_id,
                "case_id": row.case_id,
                "number": row.number,
                "matter": row.matter,
                "colour": row.colour,
                "department": row.department,
                "kind": row.kind,
                "state": row.state,
                "address": row.address,
                "created_at": iso(row.created_at),
                "sign_deadline_at": iso(row.sign_deadline_at),
                "deadline_at": iso(row.deadline_at),
            },
        )
        for row in connection.execute(query.limit(wanted.limit).offset(wanted.offset))
    ]
    return Found(features=features, matched=matched)


def _flights(connection: Connection, wanted: Wanted) -> Found:
    seen = true() if wanted.account.sees_every_case else false()
    one = true() if wanted.key is None else flight.c.flight_id == wanted.key
    # Old material may be analysed today: what its pictures say of the time counts.
    times = select(func.min(flight_photo.c.taken_at), func.max(flight_photo.c.taken_at))
    query = select(flight.c.flight_id).where(seen, one).order_by(flight.c.started_at, flight.c.flight_id)
    features = []
    for flight_id in connection.execute(query).scalars().all():
        found = flight_with_track(connection, flight_id) or {}
        first, last = connection.execute(times.where(flight_photo.c.flight_id == flight_id)).one()
        started_at = first or datetime.fromisoformat(found["started_at"])
        if not _meets(found["track"], wanted.box) or not _overlaps(started_at, last or started_at, wanted.span):
            continue
        names = ("flight_id", "name", "state", "started_at", "ended_at", "photos", "seen_from", "seen_until")
        properties = {name: found[name] for name in names}
        features.append(_feature(flight_id, found["track"], properties))
    return _page(features, wanted)


def _zones(connection: Connection, wanted: Wanted) -> Found:
    one = true() if wanted.key is None else (zone.c.zone_id == int(wanted.key) if wanted.key.isdecimal() else false())
    features = []
    for row in connection.execute(select(zone).where(one).order_by(zone.c.zone_id)):
        # Zones hold at all times as far as this door goes, so `datetime` leaves none out.
        geometry = row.feature["geometry"]
        if _meets(geometry, wanted.box):
            plain = {
                name: value
                for name, value in row.feature["properties"].items()
                if value is None or isinstance(value, (str, int, float))
            }
            features.append(_feature(row.zone_id, geometry, {**plain, "kind": row.kind, "code": row.code}))
    return _page(features, wanted)


COLLECTIONS: dict[str, Collection] = {
    one.id: one
    for one in (
        Collection(id="cases", title="案件 Cases", description="Cases at their places, with the error.", find=_cases),
        Collection(id="tasks", title="任务 Tasks", description="Tasks at the places of their cases.", find=_tasks),
        Collection(id="flights", title="航迹 Flights", description="The ways that flights flew.", find=_flights),
        Collection(id="zones", title="区域 Zones", description="Grids, districts and protected areas.", find=_zones),
    )
}
"""Every collection by its id."""


def extent_of(connection: Connection, collection: Collection, account: Account, matters: Matters) -> list[float] | None:
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


def _in_time(first: ColumnElement[Any], last: ColumnElement[Any], span: Span | None) -> ColumnElement[bool]:
    start, end = span or (None, None)
    return and_(true() if start is None else last >= start, true() if end is None else first <= end)


def _overlaps(first: datetime, last: datetime, span: Span | None) -> bool:
    start, end = span or (None, None)
    return (start is None or last >= start) and (end is None or first <= end)


def _meets(geometry: Feature | None, box: Box | None) -> bool:
    if box is None:
        return True
    return geometry is not None and any(shape(geometry).intersects(shapely.box(*part)) for part in box.parts())


def _page(features: Sequence[Feature], wanted: Wanted) -> Found:
    return Found(features=features[wanted.offset : wanted.offset + wanted.limit], matched=len(features))


def _point(key: int | str, lon: float, lat: float, properties: Feature) -> Feature:
    return _feature(key, {"type": "Point", "coordinates": [lon, lat]}, properties)


def _feature(key: int | str, geometry: Feature | None, properties: Feature) -> Feature:
    return {"type": "Feature", "id": key, "geometry": geometry, "properties": properties}
