"""Flights and their pictures as GeoJSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

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


def flight_list(connection: Connection) -> list[dict[str, Any]]:
    """Every flight, the newest first, without its track."""
    rows = connection.execute(select(flight).order_by(flight.c.started_at.desc())).all()
    pictures = _pictures(connection)
    return [_flight(row, pictures.get(row.flight_id)) for row in rows]


def flight_with_track(connection: Connection, flight_id: str) -> dict[str, Any] | None:
    """One flight with the way it flew, None where there is none of that id.

    A flight of which nobody reported positions has the way from picture to picture.
    """
    row = connection.execute(select(flight).where(flight.c.flight_id == flight_id)).first()
    if row is None:
        return None
    flown = (
        select(flight_position.c.lon, flight_position.c.lat)
        .where(flight_position.c.flight_id == flight_id)
        .order_by(flight_position.c.position_id)
    )
    pictured = (
        select(flight_photo.c.lon, flight_photo.c.lat)
        .where(flight_photo.c.flight_id == flight_id, flight_photo.c.lon.is_not(None), flight_photo.c.lat.is_not(None))
        .order_by(flight_photo.c.taken_at.asc().nulls_first(), flight_photo.c.photo_id)
    )
    track = line([(p.lon, p.lat) for p in connection.execute(flown)]) or line(
        [(p.lon, p.lat) for p in connection.execute(pictured)]
    )
    return _flight(row, _pictures(connection).get(flight_id)) | {"track": track}


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


def _pictures(connection: Connection) -> dict[str, Row[Any]]:
    """How many pictures each flight has, and when the first and the last of them was taken."""
    times = (func.min(flight_photo.c.taken_at).label("first_at"), func.max(flight_photo.c.taken_at).label("last_at"))
    query = select(flight_photo.c.flight_id, func.count().label("photos"), *times).group_by(flight_photo.c.flight_id)
    return {row.flight_id: row for row in connection.execute(query)}
