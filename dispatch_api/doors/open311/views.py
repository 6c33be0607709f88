"""Service requests as everybody may read them: citizens' reports, and the cases of published matters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, literal, null, select, union_all

from dispatch_api.cases.features import matter_name
from dispatch_api.cases.matters import Matter, Matters
from dispatch_api.cases.model import CASE_STATE_NAMES, CaseState
from dispatch_api.departments.routing import Routing
from dispatch_api.doors.open311.report import without_private_numbers
from dispatch_api.errors import InvalidRequest
from dispatch_api.store.schema import case, citizen_report, task
from dispatch_api.store.times import iso
from dispatch_api.store.types import TEXT
from dispatch_api.tasks.model import GONE_STATES, TaskKind

LONGEST_WINDOW = timedelta(days=90)
PAGE_SIZE = 50
MAX_PAGE_SIZE = 200
CLOSED_STATES = frozenset({CaseState.CLOSED, CaseState.MERGED, CaseState.REJECTED})
"""All other states, those that wait for proof too, are open."""

_UNREVIEWED = frozenset({CaseState.DETECTED, CaseState.PENDING_REVIEW})
_HIDDEN = _UNREVIEWED | {CaseState.REJECTED, CaseState.MERGED}


@dataclass(frozen=True, kw_only=True)
class RequestFilter:
    """Which service requests are asked for; ids count alone, and without them the window is 90 days at most.

    Attributes:
        ids: Their ids; empty for any.
        codes: Codes of services; empty for any.
        start: Requested at this time or later.
        end: Requested at this time or earlier.
        statuses: `open`, `closed`; empty for both.
    """

    ids: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    statuses: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.start and self.end and not timedelta(0) <= self.end - self.start <= LONGEST_WINDOW:
            problem = "start_date comes before end_date, by 90 days at most"
            raise InvalidRequest(field="start_date", problem=problem)
        unknown = sorted(self.statuses - {"open", "closed"})
        if unknown:
            raise InvalidRequest(field="status", problem=f"{unknown[0]!r} is neither open nor closed")

    def window(self, now: datetime) -> tuple[datetime, datetime]:
        """The times that are searched."""
        if self.start is not None:
            return self.start, self.end or self.start + LONGEST_WINDOW
        end = self.end or now
        return end - min(LONGEST_WINDOW, end - datetime.min.replace(tzinfo=end.tzinfo)), end


def services(matters: Matters) -> list[dict[str, Any]]:
    """What citizens may report."""
    return [_service(matter) for matter in matters.by_key.values() if matter.reportable]


def service_requests(
    connection: Connection,
    wanted: RequestFilter,
    *,
    matters: Matters,
    routing: Routing,
    now: datetime,
    page: int,
    page_size: int,
) -> list[dict[str, Any]]:
    """A page of requests, the newest first."""
    window = None if wanted.ids else wanted.window(now)
    # Of each kind the newest by its index: all of them together may be most of the store.
    parts = [part.limit(page * page_size).subquery() for part in _parts(wanted, window, matters)]
    listed = union_all(*(select(part) for part in parts)).subquery()
    query = select(listed, case.c.state, case.c.ended_at, case.c.duplicate_of).select_from(
        listed.outerjoin(case, case.c.case_id == listed.c.case_id)
    )
    query = query.order_by(listed.c.requested_at.desc(), listed.c.request_id).limit(page_size)
    rows = connection.execute(query.offset((page - 1) * page_size)).all()
    leads = _leads(connection, [row.case_id for row in rows])
    return [_request(row, matters, routing, leads.get(row.case_id)) for row in rows]


def _parts(wanted: RequestFilter, window: tuple[datetime, datetime] | None, matters: Matters) -> Iterator[Select[Any]]:
    """Citizens' reports, and of each published matter the cases that nobody reported, each the newest first."""
    published = [matter.key for matter in matters.by_key.values() if matter.published]
    named = [key for key in published if not wanted.codes or key in wanted.codes]
    reports, report = _reports(), citizen_report.c
    if wanted.codes and window:
        reports = reports.where(report.service_code.in_(wanted.codes))
    of_cases = [(_cases().where(case.c.matter == key), case.c.case_id, case.c.opened_at) for key in named]
    if window is None:
        of_cases = [(_cases().where(case.c.matter.in_(published)), case.c.case_id, case.c.opened_at)]
    closed = case.c.state.in_(CLOSED_STATES)
    of_reports = (reports, report.request_id, report.requested_at, closed | report.dismissed_at.is_not(None))
    for part, name, at, is_closed in (of_reports, *((*one, closed) for one in of_cases)):
        chosen = part.where(name.in_(wanted.ids)) if window is None else part.where(at.between(*window))
        if window and len(wanted.statuses) == 1:
            chosen = chosen.where(is_closed if "closed" in wanted.statuses else is_closed.is_not(True))
        yield chosen.order_by(at.desc(), name)


def _reports() -> Select[Any]:
    columns = citizen_report.c
    names = ("request_id", "case_id", "service_code", "description", "lon", "lat", "address", "media_url")
    chosen = select(*(columns[name] for name in names), columns.requested_at, columns.updated_at, columns.dismissed_why)
    return chosen.select_from(citizen_report.outerjoin(case, case.c.case_id == columns.case_id))


def _cases() -> Select[Any]:
    """Cases that everybody may see though nobody reported them."""
    reported = exists().where(citizen_report.c.case_id == case.c.case_id)
    opened = case.c.opened_at
    return select(
        case.c.case_id.label("request_id"),
        case.c.case_id,
        case.c.matter.label("service_code"),
        literal("", TEXT).label("description"),
        case.c.lon,
        case.c.lat,
        case.c.address,
        null().label("media_url"),
        opened.label("requested_at"),
        opened.label("updated_at"),
        null().label("dismissed_why"),
    ).where(opened.is_not(None), case.c.state.not_in(_HIDDEN), ~reported)


def _leads(connection: Connection, case_ids: Sequence[str | None]) -> dict[str | None, Any]:
    query = (
        select(task.c.case_id, task.c.department, task.c.deadline_at, task.c.signed_at, task.c.done_at)
        .where(task.c.case_id.in_(case_ids), task.c.kind == TaskKind.LEAD, task.c.state.not_in(GONE_STATES))
        .order_by(task.c.task_id)
    )
    return {row.case_id: row for row in connection.execute(query)}


def _service(matter: Matter) -> dict[str, Any]:
    return {
        "service_code": matter.key,
        "service_name": matter.name.zh,
        "description": f"{matter.name.zh} / {matter.name.en}",
        "metadata": False,
        "type": "realtime",
        "keywords": ",".join(["GB/T 47678.5:" + matter.code, *(f"{k}:{v}" for k, v in matter.crosswalk.items())]),
        "group": matter.family,
    }


def _request(row: Row[Any], matters: Matters, routing: Routing, lead: Any) -> dict[str, Any]:  # noqa: ANN401 - a row
    state = CaseState(row.state) if row.state is not None else None
    # What a person found to be false, or has not looked at yet, is not spread further than need be.
    dismissed, reviewed = row.dismissed_why is not None, state is not None and state not in _UNREVIEWED
    rejected = dismissed or state is CaseState.REJECTED
    updated = max(at for at in (row.updated_at, row.ended_at, *_moments(lead)) if at is not None)
    return {
        "service_request_id": row.request_id,
        "status": "closed" if dismissed or state in CLOSED_STATES else "open",
        "status_notes": _notes(row, state),
        "service_name": matter_name(matters, row.service_code).zh,
        "service_code": row.service_code,
        "description": "" if rejected else without_private_numbers(row.description),
        "agency_responsible": routing.departments.name_of(lead.department).zh if lead else None,
        "service_notice": None,
        "requested_datetime": _w3(row.requested_at),
        "updated_datetime": _w3(updated),
        "expected_datetime": _w3(lead.deadline_at) if lead else None,
        "address": row.address,
        "address_id": None,
        "zipcode": None,
        "lat": row.lat,
        "long": row.lon,
        "media_url": row.media_url if reviewed and not rejected else None,
    }


def _notes(row: Row[Any], state: CaseState | None) -> str:
    if row.dismissed_why is not None:
        return f"不予受理 Dismissed: {without_private_numbers(row.dismissed_why)}"
    if state is None:
        return "待定位 To be placed on the map" if row.lat is None else "仅作统计 Only counted: no offence here"
    zh, en = CASE_STATE_NAMES[state]
    return f"{zh} {en}"


def _moments(lead: Any) -> tuple[datetime | None, ...]:  # noqa: ANN401 - a row
    return (lead.signed_at, lead.done_at) if lead else ()


def _w3(at: datetime | None) -> str | None:
    return None if at is None else iso(at.replace(microsecond=0))
