"""Routes of flights and zones. Flights are for operators, the centre and auditors; a department sees its tasks only."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from dispatch_api.accounts.access import EVERYBODY, SEES_CASES, Subject, open_to
from dispatch_api.accounts.model import Account, Scope
from dispatch_api.cursors import CursorParam
from dispatch_api.errors import NotFound
from dispatch_api.flights.features import flight_page, flight_with_track, photo_features
from dispatch_api.flights.zones import zone_features
from dispatch_api.parts import PartsOf, Reader

router = APIRouter(tags=["flights"])


@router.get("/flights")
@open_to(SEES_CASES)
def flights(
    parts: PartsOf, account: Reader, limit: Annotated[int, Query(ge=1, le=500)] = 100, cursor: CursorParam = None
) -> dict[str, Any]:
    """A page of flights, the newest first; `next` is the cursor of the following page."""
    if not account.sees_every_case:
        return {"items": [], "next": None}
    with parts.store.read() as connection:
        return flight_page(connection, cursor, limit)


@router.get("/flights/{flight_id}")
@open_to(SEES_CASES, of=Subject.FLIGHT)
def one_flight(parts: PartsOf, account: Reader, flight_id: str) -> dict[str, Any]:
    """One flight with its planned way and its track."""
    with parts.store.read() as connection:
        found = flight_with_track(connection, flight_id)
    return _shown(found, account, flight_id)


@router.get("/flights/{flight_id}/photos.geojson")
@open_to(SEES_CASES, of=Subject.FLIGHT)
def photos(parts: PartsOf, account: Reader, flight_id: str) -> dict[str, Any]:
    """The ground that each picture shows."""
    with parts.store.read() as connection:
        _shown(flight_with_track(connection, flight_id), account, flight_id)
        return photo_features(connection, flight_id)


@router.get("/zones.geojson")
@open_to(EVERYBODY, scope=Scope.FEATURES_READ)
def zones(parts: PartsOf, _account: Reader) -> dict[str, Any]:
    """The zones of the city."""
    with parts.store.read() as connection:
        return zone_features(connection)


def _shown(found: dict[str, Any] | None, account: Account, flight_id: str) -> dict[str, Any]:
    if found is None or not account.sees_every_case:
        raise NotFound(kind="flight", key=flight_id)
    return found
