"""`FlightDesk`: a flight reports here what it does, and the watchers see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from dispatch_api.errors import NotFound
from dispatch_api.flights.features import line
from dispatch_api.store import Store
from dispatch_api.store.feed import append_feed
from dispatch_api.store.schema import flight, flight_photo, flight_position
from dispatch_api.store.times import iso, utc_now

LonLats = Sequence[tuple[float, float]]


class FlightDesk:
    """Takes the reports of flights. Every report is on disk when its call returns."""

    def __init__(self, store: Store, *, now: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._now = now

    def start(
        self,
        flight_id: str,
        name: str,
        planned_path_lonlat: LonLats | None = None,
        area_geojson: dict[str, Any] | None = None,
        *,
        started_at: datetime | None = None,
    ) -> None:
        """A flight begins; one that is known already begins anew under its id, without its old track.

        Args:
            flight_id: Its id.
            name: For people.
            planned_path_lonlat: The planned way, lon before lat, or None.
            area_geojson: The GeoJSON geometry of the area it covers, or None.
            started_at: When; now where left out.
        """
        planned = [list(point) for point in planned_path_lonlat] if planned_path_lonlat else None
        at = started_at or self._now()
        values = {"name": name, "state": "flying", "planned_path": planned, "area": area_geojson, "started_at": at}
        self._store.write(lambda connection: self._start(connection, flight_id, values))

    def position(
        self, flight_id: str, at: datetime, lon: float, lat: float, alt_m: float, heading_deg: float | None
    ) -> None:
        """Where the aircraft is.

        Raises:
            NotFound: The flight has not started.
        """
        values = {"at": at, "lon": lon, "lat": lat, "alt_m": alt_m, "heading_deg": heading_deg}
        self._store.write(lambda connection: self._position(connection, flight_id, values))

    def photo(
        self,
        flight_id: str,
        name: str,
        taken_at: datetime | None,
        lon: float | None,
        lat: float | None,
        footprint_lonlat: LonLats | None,
        looked: bool,
        reason: str = "",
    ) -> None:
        """A picture: where it was taken, what ground it shows, and whether that ground was looked at.

        Args:
            flight_id: The flight.
            name: The file's name; again brings it up to date.
            taken_at: When, None when unknown.
            lon: Of the aircraft, None when unknown.
            lat: Of the aircraft.
            footprint_lonlat: The corners of the ground it shows, or None.
            looked: Whether the picture was good enough to find anything in.
            reason: Why not, where it was not.

        Raises:
            NotFound: The flight has not started.
        """
        corners = [list(corner) for corner in footprint_lonlat] if footprint_lonlat is not None else None
        values = {
            "taken_at": taken_at,
            "lon": lon,
            "lat": lat,
            "footprint": corners,
            "looked": looked,
            "reason": reason,
        }
        self._store.write(lambda connection: self._photo(connection, flight_id, name, values))

    def end(self, flight_id: str, *, ended_at: datetime | None = None, figures: dict[str, Any] | None = None) -> None:
        """A flight is over.

        Args:
            flight_id: The flight.
            ended_at: When; now where left out.
            figures: JSON object of what it did (photos, flown kilometres…).

        Raises:
            NotFound: The flight has not started.
        """
        at = ended_at or self._now()
        self._store.write(lambda connection: self._end(connection, flight_id, at, figures or {}))

    def _start(self, connection: Connection, flight_id: str, values: dict[str, Any]) -> None:
        if connection.execute(select(flight.c.flight_id).where(flight.c.flight_id == flight_id)).first():
            connection.execute(update(flight).where(flight.c.flight_id == flight_id).values(ended_at=None, **values))
            connection.execute(delete(flight_position).where(flight_position.c.flight_id == flight_id))
        else:
            connection.execute(insert(flight).values(flight_id=flight_id, figures={}, **values))
        data = {
            "flight_id": flight_id,
            "name": values["name"],
            "planned_path": line(values["planned_path"]),
            "area": values["area"],
            "started_at": iso(values["started_at"]),
        }
        self._tell(connection, "flight.started", data)

    def _position(self, connection: Connection, flight_id: str, values: dict[str, Any]) -> None:
        _check_known(connection, flight_id)
        connection.execute(insert(flight_position), {"flight_id": flight_id, **values})
        self._tell(connection, "flight.position", {"flight_id": flight_id, **values, "at": iso(values["at"])})

    def _photo(self, connection: Connection, flight_id: str, name: str, values: dict[str, Any]) -> None:
        _check_known(connection, flight_id)
        here = (flight_photo.c.flight_id == flight_id) & (flight_photo.c.name == name)
        if connection.execute(select(flight_photo.c.photo_id).where(here)).first():
            connection.execute(update(flight_photo).where(here).values(**values))
        else:
            connection.execute(insert(flight_photo).values(flight_id=flight_id, name=name, **values))
        data = {"flight_id": flight_id, "name": name, **values, "taken_at": iso(values["taken_at"])}
        self._tell(connection, "flight.photo", data)

    def _end(self, connection: Connection, flight_id: str, at: datetime, figures: dict[str, Any]) -> None:
        _check_known(connection, flight_id)
        values = {"state": "ended", "ended_at": at, "figures": figures}
        connection.execute(update(flight).where(flight.c.flight_id == flight_id).values(**values))
        self._tell(connection, "flight.ended", {"flight_id": flight_id, "ended_at": iso(at), "figures": figures})

    def _tell(self, connection: Connection, kind: str, data: dict[str, Any]) -> None:
        append_feed(connection, kind=kind, at=self._now(), departments=(), data=data)


def _check_known(connection: Connection, flight_id: str) -> None:
    if connection.execute(select(flight.c.flight_id).where(flight.c.flight_id == flight_id)).first() is None:
        raise NotFound(kind="flight", key=flight_id)
