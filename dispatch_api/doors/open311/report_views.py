"""Citizens' reports as the city's own people read them: with the case that each met, and those that it may mean."""

from __future__ import annotations

from typing import Any

from pyproj import Geod
from sqlalchemy import Connection, Row, Select, and_, select

from dispatch_api.accounts.model import Account, Role
from dispatch_api.cases.features import matter_name
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.merging import Spot
from dispatch_api.cases.model import CASE_STATE_NAMES, ENDED_STATES, CaseState
from dispatch_api.cases.records import near_cases_of_many
from dispatch_api.doors.open311.desk import LABEL
from dispatch_api.doors.open311.matching import PIN_COVARIANCE_M2
from dispatch_api.doors.open311.report import without_private_numbers
from dispatch_api.errors import NotFound
from dispatch_api.store.schema import case, citizen_report
from dispatch_api.store.times import iso

MOST_SUGGESTIONS = 10
# A pin that lies further from a case than this does not mean it: people are shown it, and decide.
_SUGGESTED_WITHIN = 0.999
_GEOD = Geod(ellps="WGS84")
_OF_CASE = ("number", "matter", "state", "colour", "label")

Item = dict[str, Any]


def with_cases() -> Select[Any]:
    """Reports, the newest first, each beside the case that it belongs to."""
    columns = citizen_report.c
    beside = [case.c[name].label(f"case_{name}") for name in _OF_CASE]
    return (
        select(citizen_report, *beside, case.c.address.label("case_address"))
        .select_from(citizen_report.outerjoin(case, case.c.case_id == columns.case_id))
        .order_by(columns.requested_at.desc(), columns.request_id)
    )


def still_waiting() -> Any:  # noqa: ANN401 - a condition
    """Of `with_cases`, those that a person has to look at: without a place, or with a case that waits for review."""
    columns = citizen_report.c
    nowhere = and_(columns.case_id.is_(None), columns.lon.is_(None), columns.dismissed_at.is_(None))
    return nowhere | (case.c.state == CaseState.PENDING_REVIEW)


def report_item(row: Row[Any], *, account: Account, matters: Matters) -> Item:
    """A row of `with_cases` for somebody; an operator reads it without numbers in the words and without the picture."""
    name = matter_name(matters, row.service_code)
    in_full = account.role is not Role.OPERATOR
    return {
        "request_id": row.request_id,
        "case_id": row.case_id,
        "matter": row.service_code,
        "matter_zh": name.zh,
        "matter_en": name.en,
        "description": row.description if in_full else without_private_numbers(row.description),
        "lon": row.lon,
        "lat": row.lat,
        "address": row.address,
        "media_url": row.media_url if in_full else None,
        "has_contact": bool(row.contact),
        "requested_at": iso(row.requested_at),
        "case": _met(row, matters),
        "waits": _is_nowhere(row) or row.case_state == CaseState.PENDING_REVIEW,
        "dismissed": _dismissed(row, in_full=in_full),
    }


def _is_nowhere(row: Row[Any]) -> bool:
    return row.case_id is None and row.lon is None and row.dismissed_at is None


def _dismissed(row: Row[Any], *, in_full: bool) -> Item | None:
    if row.dismissed_at is None:
        return None
    why = row.dismissed_why if in_full else without_private_numbers(row.dismissed_why)
    return {"at": iso(row.dismissed_at), "by": row.dismissed_by, "why": why}


def report_detail(connection: Connection, request_id: str, *, account: Account, matters: Matters) -> Item:
    """One report, and the open cases that its pin may mean, the nearest first.

    Raises:
        NotFound: There is no such report.
    """
    row = connection.execute(with_cases().where(citizen_report.c.request_id == request_id)).first()
    if row is None:
        raise NotFound(kind="report", key=request_id)
    return {**report_item(row, account=account, matters=matters), "suggestions": _meant(connection, row, matters)}


def _met(row: Row[Any], matters: Matters) -> Item | None:
    if row.case_id is None:
        return None
    return {"case_id": row.case_id, **_named(row, matters, "case_")}


def _meant(connection: Connection, row: Row[Any], matters: Matters) -> list[Item]:
    if row.lon is None or row.lat is None:
        return []
    at = row.requested_at
    pin = Spot(
        lon=row.lon,
        lat=row.lat,
        covariance_m2=PIN_COVARIANCE_M2,
        footprint_lonlat=None,
        first_seen_at=at,
        last_seen_at=at,
    )
    (boxed,) = near_cases_of_many(connection, [pin.box_lonlat(_SUGGESTED_WITHIN)])
    # Those rows carry the number of the box they were found in where a case has its own.
    near = connection.execute(select(case).where(case.c.case_id.in_([one.case_id for one in boxed])))
    family = matters[row.service_code].family if row.service_code in matters.by_key else None
    found = [
        {
            "case_id": one.case_id,
            **_named(one, matters),
            "same_family": one.family == family,
            "distance_m": round(_GEOD.inv(row.lon, row.lat, one.lon, one.lat)[2], 1),
        }
        for one in near
        if one.case_id != row.case_id and CaseState(one.state) not in ENDED_STATES
    ]
    found.sort(key=lambda one: (not one["same_family"], one["distance_m"]))
    return found[:MOST_SUGGESTIONS]


def _named(row: Row[Any], matters: Matters, start: str = "") -> Item:
    def of(name: str) -> Any:  # noqa: ANN401 - a column's value
        return getattr(row, start + name)

    name, state = matter_name(matters, of("matter")), CASE_STATE_NAMES[CaseState(of("state"))]
    return {
        "number": of("number"),
        "matter": of("matter"),
        "matter_zh": name.zh,
        "matter_en": name.en,
        "state": of("state"),
        "state_zh": state[0],
        "state_en": state[1],
        "colour": of("colour"),
        "address": of("address"),
        "from_citizens": of("label") == LABEL,
    }
