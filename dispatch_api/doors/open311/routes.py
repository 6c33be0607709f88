"""Routes of GeoReport v2. Everybody may read and report; a key spares its holder the throttle."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi import Form as FormBody
from fastapi.responses import Response

from dispatch_api.accounts.access import open_to_anybody
from dispatch_api.doors.open311.desk import ReportDesk
from dispatch_api.doors.open311.report import ReportForm
from dispatch_api.doors.open311.views import MAX_PAGE_SIZE, PAGE_SIZE, RequestFilter, service_requests, services
from dispatch_api.doors.open311.wire import Form, written, written_one
from dispatch_api.errors import InvalidRequest, NotFound
from dispatch_api.parts import PartsOf
from dispatch_api.store.times import utc_now

router = APIRouter(tags=["open311"])

_NOTICE = "已收到。The report was received."
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": {}}, "application/xml": {"schema": {"type": "string"}}}}
}
_LIST: dict[str, Any] = {"response_class": Response, "responses": _ANSWERS}


def _desk(request: Request) -> ReportDesk:
    desk: ReportDesk = request.app.state.reports
    return desk


Desk = Annotated[ReportDesk, Depends(_desk)]
Listed = Annotated[str | None, Query(max_length=4000)]


def _filter(
    service_request_id: Listed = None,
    service_code: Listed = None,
    start_date: Annotated[str | None, Query(max_length=40)] = None,
    end_date: Annotated[str | None, Query(max_length=40)] = None,
    status: Annotated[str | None, Query(max_length=40)] = None,
) -> RequestFilter:
    return RequestFilter(
        ids=_words(service_request_id),
        codes=_words(service_code),
        start=_moment(start_date, "start_date"),
        end=_moment(end_date, "end_date"),
        statuses=frozenset(_words(status)),
    )


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip()) if text else ()


def _moment(text: str | None, field: str) -> datetime | None:
    if not text:
        return None
    try:
        # In a query, the + of an offset comes in as a blank.
        at = datetime.fromisoformat(text.replace(" ", "+"))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidRequest(field=field, problem="write a time like 2026-11-22T00:00:00Z") from None


@router.get("/services.{form}", **_LIST)
@open_to_anybody
def all_services(parts: PartsOf, form: Form) -> Response:
    """What citizens may report; `service_code` is the key of the matter."""
    return written(form, "services", "service", services(parts.matters))


@router.get("/services/{service_code}.{form}", **_LIST)
@open_to_anybody
def service_definition(desk: Desk, form: Form, service_code: str) -> Response:
    """One service; none asks for attributes of its own."""
    matter = desk.service(service_code)
    return written_one(form, "service_definition", {"service_code": matter.key, "attributes": []})


@router.get("/requests.{form}", **_LIST)
@open_to_anybody
def requests(
    parts: PartsOf,
    form: Form,
    wanted: Annotated[RequestFilter, Depends(_filter)],
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    page_size: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)] = PAGE_SIZE,
) -> Response:
    """Reports and the cases of published matters, the newest first; without ids, of 90 days at most."""
    with parts.store.read() as connection:
        found = service_requests(
            connection,
            wanted,
            matters=parts.matters,
            routing=parts.routing,
            now=utc_now(),
            page=page,
            page_size=page_size,
        )
    return written(form, "service_requests", "request", found)


@router.post("/requests.{form}", **_LIST)
@open_to_anybody
def report(
    request: Request, parts: PartsOf, desk: Desk, form: Form, sent: Annotated[ReportForm, FormBody()]
) -> Response:
    """Report something; it meets the open case of the same thing, or waits for a person.

    Without a key of the scope `reports:write`, ten reports a minute are taken from one address.
    """
    key = parts.keys.account_of(sent.api_key) if sent.api_key else None
    desk.admit(key, request.client.host if request.client else "unknown")
    made = {"service_request_id": desk.take(sent), "service_notice": _NOTICE, "account_id": None}
    return written(form, "service_requests", "request", [made])


@router.get("/requests/{service_request_id}.{form}", **_LIST)
@open_to_anybody
def one_request(parts: PartsOf, form: Form, service_request_id: str) -> Response:
    """One request."""
    wanted = RequestFilter(ids=(service_request_id,))
    with parts.store.read() as connection:
        found = service_requests(
            connection, wanted, matters=parts.matters, routing=parts.routing, now=utc_now(), page=1, page_size=1
        )
    if not found:
        raise NotFound(kind="service request", key=service_request_id)
    return written(form, "service_requests", "request", found)


@router.get("/tokens/{token}.{form}", **_LIST)
@open_to_anybody
def token(parts: PartsOf, form: Form, token: str) -> Response:
    """The request of a token. Reports get their id at once here, so the id is its own token."""
    wanted = RequestFilter(ids=(token,))
    with parts.store.read() as connection:
        found = service_requests(
            connection, wanted, matters=parts.matters, routing=parts.routing, now=utc_now(), page=1, page_size=1
        )
    if not found:
        raise NotFound(kind="token", key=token)
    item = {"service_request_id": found[0]["service_request_id"], "token": token}
    return written(form, "service_requests", "request", [item])
