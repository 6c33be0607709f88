"""The collection of zones. They hold at all times as far as this door goes, so `datetime` leaves none out."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from dispatch_api.cursors import cursor_of, row_id_of, row_of
from dispatch_api.doors.ogc.wanted import Feature, Found, Wanted, cut, feature, meets
from dispatch_api.store.schema import zone

CURSOR = "ogc.zones"


def find_zones(connection: Connection, wanted: Wanted) -> Found:
    """A page of grids, districts and protected areas."""
    turn, backwards = wanted.turn, wanted.turn.before is not None
    beyond = row_of(turn.before or turn.after, CURSOR)
    query = select(zone).order_by(zone.c.zone_id.desc() if backwards else zone.c.zone_id)
    if wanted.key is not None:
        query = query.where(zone.c.zone_id == row_id_of(wanted.key))
    if beyond is not None:
        query = query.where(zone.c.zone_id < beyond if backwards else zone.c.zone_id > beyond)
    matched: int | None = connection.execute(select(func.count()).select_from(zone)).scalar_one()
    if wanted.box is None:
        rows = connection.execute(query.limit(wanted.limit + 1).offset(turn.skip)).all()
    else:
        inside = [row for row in connection.execute(query) if meets(row.feature["geometry"], wanted.box)]
        rows = inside[turn.skip :]
        matched = len(inside) if beyond is None else None
    kept, earlier, later = cut(rows, wanted)
    return Found(
        features=[_feature(row) for row in kept],
        matched=matched,
        before=cursor_of(CURSOR, kept[0].zone_id) if earlier else None,
        after=cursor_of(CURSOR, kept[-1].zone_id) if later else None,
    )


def _feature(row: Any) -> Feature:  # noqa: ANN401 - a row
    properties = row.feature["properties"]
    plain = {name: value for name, value in properties.items() if value is None or isinstance(value, str | int | float)}
    return feature(row.zone_id, row.feature["geometry"], {**plain, "kind": row.kind, "code": row.code})
