"""Citizens' reports for the city's own people: lists, a place for those without one, which case, and whom to ask."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from dispatch_api.accounts.access import open_to
from dispatch_api.accounts.model import Role
from dispatch_api.cursors import CursorParam, cursor_of, moment_of
from dispatch_api.doors.open311.desk import ReportDesk
from dispatch_api.doors.open311.report_views import report_detail, report_item, still_waiting, with_cases
from dispatch_api.parts import PartsOf, Reader, Writer
from dispatch_api.store.schema import citizen_report

router = APIRouter(tags=["reports"])
_CENTRE = (Role.CENTRE,)
_READERS = (Role.CENTRE, Role.OPERATOR, Role.AUDITOR)

RequestId = Annotated[str, Path(max_length=32)]


class Place(BaseModel):
    """Where a report belongs, in degrees (WGS 84)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lon: float = Field(ge=-180, le=180, allow_inf_nan=False)
    lat: float = Field(ge=-90, le=90, allow_inf_nan=False)


class Reason(BaseModel):
    """Why something is opened, or dismissed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: str = Field(min_length=1, max_length=2000)


class Link(BaseModel):
    """The case that a report is of, and why somebody says so."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    case_id: str = Field(min_length=1, max_length=32)
    reason: str = Field(default="", max_length=2000)


def _desk(request: Request) -> ReportDesk:
    desk: ReportDesk = request.app.state.reports
    return desk


@router.get("/reports")
@open_to(_READERS)
def reports(
    parts: PartsOf,
    account: Reader,
    case_id: Annotated[str | None, Query(max_length=32)] = None,
    unplaced: bool = False,
    waiting: bool = False,
    dismissed: bool = False,
    cursor: CursorParam = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Citizens' reports, the newest first, without the people's data, each with the case that it met.

    `unplaced` are those without a place; `waiting` are these, and those whose case waits for review; `dismissed` are
    neither.
    """
    columns = citizen_report.c
    query = with_cases().limit(limit + 1)
    if case_id is not None:
        query = query.where(columns.case_id == case_id)
    if unplaced:
        query = query.where(columns.lon.is_(None), columns.dismissed_at.is_(None))
    if waiting:
        query = query.where(still_waiting())
    if dismissed:
        query = query.where(columns.dismissed_at.is_not(None))
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
    return {"items": [report_item(row, account=account, matters=parts.matters) for row in page], "next": following}


@router.get("/reports/{request_id}")
@open_to(_READERS)
def one_report(parts: PartsOf, account: Reader, request_id: RequestId) -> dict[str, Any]:
    """One report, with the open cases that its pin may mean, the nearest first."""
    with parts.store.read() as connection:
        return report_detail(connection, request_id, account=account, matters=parts.matters)


@router.post("/reports/{request_id}/place")
@open_to(_CENTRE)
def place(request: Request, parts: PartsOf, account: Writer, request_id: RequestId, wanted: Place) -> dict[str, Any]:
    """Put a report that came with an address only onto the map; it then meets a case like any other."""
    _desk(request).place(request_id, lon=wanted.lon, lat=wanted.lat, by=account.actor)
    return one_report(parts, account, request_id)


@router.post("/reports/{request_id}/link")
@open_to(_CENTRE)
def link(request: Request, parts: PartsOf, account: Writer, request_id: RequestId, wanted: Link) -> dict[str, Any]:
    """Say which open case a report is of; a case that this report alone had made is merged into it."""
    _desk(request).link(request_id, case_id=wanted.case_id, by=account, why=wanted.reason)
    return one_report(parts, account, request_id)


@router.post("/reports/{request_id}/dismiss")
@open_to(_CENTRE)
def dismiss(request: Request, parts: PartsOf, account: Writer, request_id: RequestId, wanted: Reason) -> dict[str, Any]:
    """Close a report that came with an address only and that nothing can be done about; its sender reads why."""
    _desk(request).dismiss(request_id, by=account.actor, why=wanted.reason)
    return one_report(parts, account, request_id)


@router.post("/reports/{request_id}/contact")
@open_to(_CENTRE)
def contact(request: Request, account: Writer, request_id: RequestId, wanted: Reason) -> dict[str, Any]:
    """Whom to ask about a report; the history keeps who opened it and why."""
    return {"contact": _desk(request).contact_of(request_id, by=account.actor, why=wanted.reason)}
