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
    photos = _photo_counts(connection)
    return [_flight(row, photos.get(row.flight_id, 0)) for row in rows]


def flight_with_track(connection: Connection, flight_id: str) -> dict[str, Any] | None:
    """One flight with the way it flew, None where there is none of that id."""
    row = connection.execute(select(flight).where(flight.c.flight_id == flight_id)).first()
    if row is None:
        return None
    query = (
        select(flight_position.c.lon, flight_position.c.lat)
        .where(flight_position.c.flight_id == flight_id)
        .order_by(flight_position.c.position_id)
    )
    track = line([(p.lon, p.lat) for p in connection.execute(query)])
    return _flight(row, _photo_counts(connection).get(flight_id, 0)) | {"track": track}


def photo_features(connection: Connection, flight_id: str) -> dict[str, Any]:
    """The ground that each picture of a flight shows, as a feature collection."""
    query = select(flight_photo).where(flight_photo.c.flight_id == flight_id).order_by(flight_photo.c.photo_id)
    return {"type": "FeatureCollection", "features": [_photo(row) for row in connection.execute(query)]}


def _flight(row: Row[Any], photos: int) -> dict[str, Any]:
    return {
        "flight_id": row.flight_id,
        "name": row.name,
        "state": row.state,
        "started_at": iso(row.started_at),
        "ended_at": iso(row.ended_at),
        "planned_path": line(row.planned_path),
        "area": row.area,
        "photos": photos,
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


def _photo_counts(connection: Connection) -> dict[str, int]:
    query = select(flight_photo.c.flight_id, func.count()).group_by(flight_photo.c.flight_id)
    return {row[0]: row[1] for row in connection.execute(query)}
