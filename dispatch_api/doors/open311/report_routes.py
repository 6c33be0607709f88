"""Citizens' reports for the centre: lists, a place for those without one, and whom to ask."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from dispatch_api.accounts.access import open_to
from dispatch_api.accounts.model import Role
from dispatch_api.cursors import CursorParam, cursor_of, moment_of
from dispatch_api.doors.open311.desk import ReportDesk, report_row
from dispatch_api.parts import PartsOf, Reader, Writer
from dispatch_api.store.schema import citizen_report
from dispatch_api.store.times import iso

router = APIRouter(tags=["reports"])
_CENTRE = (Role.CENTRE,)


class Place(BaseModel):
    """Where a report belongs, in degrees (WGS 84)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lon: float = Field(ge=-180, le=180, allow_inf_nan=False)
    lat: float = Field(ge=-90, le=90, allow_inf_nan=False)


class Reason(BaseModel):
    """Why something is opened."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: str = Field(min_length=1, max_length=2000)


def _desk(request: Request) -> ReportDesk:
    desk: ReportDesk = request.app.state.reports
    return desk


@router.get("/reports")
@open_to((Role.CENTRE, Role.AUDITOR))
def reports(
    parts: PartsOf,
    _account: Reader,
    case_id: Annotated[str | None, Query(max_length=32)] = None,
    unplaced: bool = False,
    cursor: CursorParam = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Citizens' reports, the newest first, without the people's data; `unplaced` are those without a place."""
    columns = citizen_report.c
    query = select(citizen_report).order_by(columns.requested_at.desc(), columns.request_id).limit(limit + 1)
    if case_id is not None:
        query = query.where(columns.case_id == case_id)
    if unplaced:
        query = query.where(columns.lon.is_(None))
    after = moment_of(cursor, "reports")
    if after is not None:
        at, request_id = after
        query = query.where(
            (columns.requested_at < at) | ((columns.requested_at == at) & (columns.request_id > request_id))
        )
    with parts.store.read() as connection:
        rows = connection.execute(query).all()
    page = rows[:limit]
    following = None
    if len(rows) > limit:
        following = cursor_of("reports", page[-1].requested_at.isoformat(), page[-1].request_id)
    return {"items": [_item(row) for row in page], "next": following}


@router.post("/reports/{request_id}/place")
@open_to(_CENTRE)
def place(request: Request, parts: PartsOf, account: Writer, request_id: str, wanted: Place) -> dict[str, Any]:
    """Put a report that came with an address only onto the map; it then meets a case like any other."""
    _desk(request).place(request_id, lon=wanted.lon, lat=wanted.lat, by=account.actor)
    with parts.store.read() as connection:
        return _item(report_row(connection, request_id))


@router.post("/reports/{request_id}/contact")
@open_to(_CENTRE)
def contact(request: Request, account: Writer, request_id: str, wanted: Reason) -> dict[str, Any]:
    """Whom to ask about a report; the history keeps who opened it and why."""
    return {"contact": _desk(request).contact_of(request_id, by=account.actor, why=wanted.reason)}


def _item(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row
    return {
        "request_id": row.request_id,
        "case_id": row.case_id,
        "matter": row.service_code,
        "description": row.description,
        "lon": row.lon,
        "lat": row.lat,
        "address": row.address,
        "media_url": row.media_url,
        "has_contact": bool(row.contact),
        "requested_at": iso(row.requested_at),
    }
