"""Flights and their pictures as GeoJSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

from dispatch_api.cursors import beyond, cursor_of, moment_of
from dispatch_api.store.schema import flight, flight_photo, flight_position
from dispatch_api.store.times import iso


def line(points: Sequence[Sequence[float]] | None) -> dict[str, Any] | None:
    """A GeoJSON LineString, None where there are not two points."""
    if not points or len(points) < 2:
        return None
    return {"type": "LineString", "coordinates": [list(point) for point in points]}


def ring(corners: Sequence[Sequence[float]] | None) -> dict[str, Any] | None:
    """A GeoJSON Polygon of one closed ring, None where there are no corners."""
    if not corners:
        return None
    closed = list(corners) if list(corners[0]) == list(corners[-1]) else [*corners, corners[0]]
    return {"type": "Polygon", "coordinates": [[list(corner) for corner in closed]]}


def flight_page(connection: Connection, cursor: str | None, limit: int) -> dict[str, Any]:
    """A page of flights, the newest first, without their tracks; `next` is the cursor of the following page."""
    query = select(flight).order_by(flight.c.started_at.desc(), flight.c.flight_id.desc()).limit(limit + 1)
    place = moment_of(cursor, "flights")
    if place is not None:
        query = query.where(beyond(place, flight.c.started_at, flight.c.flight_id, backwards=True))
    rows = connection.execute(query).all()
    page = rows[:limit]
    pictures = _pictures(connection, [row.flight_id for row in page])
    following = None
    if len(rows) > limit:
        following = cursor_of("flights", page[-1].started_at.isoformat(), page[-1].flight_id)
    return {"items": [_flight(row, pictures.get(row.flight_id)) for row in page], "next": following}


def flight_with_track(connection: Connection, flight_id: str) -> dict[str, Any] | None:
    """One flight with the way it flew, None where there is none of that id."""
    rows = connection.execute(select(flight).where(flight.c.flight_id == flight_id)).all()
    return next(iter(flights_of(connection, rows)), None)


def flights_of(connection: Connection, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """Flights with the ways they flew.

    A flight of which nobody reported positions has the way from picture to picture.

    Args:
        connection: A reading connection.
        rows: Rows of the table of flights.
    """
    ids = [row.flight_id for row in rows]
    position, photo = flight_position.c, flight_photo.c
    flown = (
        select(position.flight_id, position.lon, position.lat)
        .where(position.flight_id.in_(ids))
        .order_by(position.position_id)
    )
    tracks = _lines(connection.execute(flown))
    rest = [one for one in ids if one not in tracks]
    pictured = (
        select(photo.flight_id, photo.lon, photo.lat)
        .where(photo.flight_id.in_(rest), photo.lon.is_not(None), photo.lat.is_not(None))
        .order_by(photo.taken_at.asc().nulls_first(), photo.photo_id)
    )
    tracks |= _lines(connection.execute(pictured)) if rest else {}
    pictures = _pictures(connection, ids)
    return [_flight(row, pictures.get(row.flight_id)) | {"track": tracks.get(row.flight_id)} for row in rows]


def _lines(points: Iterable[Sequence[Any]]) -> dict[str, dict[str, Any]]:
    of: dict[str, list[tuple[float, float]]] = {}
    for flight_id, lon, lat in points:
        of.setdefault(flight_id, []).append((lon, lat))
    return {flight_id: found for flight_id, places in of.items() if (found := line(places)) is not None}


def photo_features(connection: Connection, flight_id: str) -> dict[str, Any]:
    """The ground that each picture of a flight shows, as a feature collection."""
    query = select(flight_photo).where(flight_photo.c.flight_id == flight_id).order_by(flight_photo.c.photo_id)
    return {"type": "FeatureCollection", "features": [_photo(row) for row in connection.execute(query)]}


def _flight(row: Row[Any], pictures: Row[Any] | None) -> dict[str, Any]:
    # Old material may be analysed today: when it was seen is said by its pictures, not by the flight's record.
    return {
        "flight_id": row.flight_id,
        "name": row.name,
        "state": row.state,
        "started_at": iso(row.started_at),
        "ended_at": iso(row.ended_at),
        "planned_path": line(row.planned_path),
        "area": row.area,
        "photos": pictures.photos if pictures else 0,
        "seen_from": iso(pictures.first_at) if pictures else None,
        "seen_until": iso(pictures.last_at) if pictures else None,
        "figures": row.figures,
    }


def _photo(row: Row[Any]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": row.photo_id,
        "geometry": ring(row.footprint),
        "properties": {
            "name": row.name,
            "taken_at": iso(row.taken_at),
            "lon": row.lon,
            "lat": row.lat,
            "looked": row.looked,
            "reason": row.reason,
        },
    }


def _pictures(connection: Connection, flight_ids: Sequence[str]) -> dict[str, Row[Any]]:
    """How many pictures each of some flights has, and when the first and the last of them was taken."""
    times = (func.min(flight_photo.c.taken_at).label("first_at"), func.max(flight_photo.c.taken_at).label("last_at"))
    query = select(flight_photo.c.flight_id, func.count().label("photos"), *times)
    query = query.where(flight_photo.c.flight_id.in_(flight_ids)).group_by(flight_photo.c.flight_id)
    return {row.flight_id: row for row in connection.execute(query)}
