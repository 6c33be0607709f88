"""Routes of storms."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from dispatch_api.accounts.access import SEES_CASES, Subject, open_to
from dispatch_api.accounts.model import Role
from dispatch_api.doors.etags import IfMatch, made_at, tagged
from dispatch_api.parts import PartsOf, Reader, Writer
from dispatch_api.storms.schemas import NewStorm, StormCases, StormEnd
from dispatch_api.storms.views import storm_detail, storm_list, weather

router = APIRouter(tags=["storms"])


@router.get("/storms/current")
@open_to(SEES_CASES)
def current(parts: PartsOf, account: Reader) -> dict[str, Any]:
    """The storm that is on, or None; and whether so many water cases came in that there may be one."""
    suggestion = parts.storms.suggestion()
    with parts.store.read() as connection:
        return weather(connection, account=account, suggestion=suggestion)


@router.get("/storms")
@open_to(SEES_CASES)
def storms(parts: PartsOf, account: Reader) -> dict[str, Any]:
    """Storms, the newest first."""
    with parts.store.read() as connection:
        return storm_list(connection, account=account)


@router.post("/storms", status_code=201, responses=made_at("The storm's address."))
@open_to([Role.CENTRE])
def begin(parts: PartsOf, account: Writer, request: Request, response: Response, wanted: NewStorm) -> dict[str, Any]:
    """Begin a storm; each unit gets one table at once, and single messages of its cases are held back."""
    storm_id = parts.storms.begin(wanted, by=account).storm_id
    response.headers["Location"] = f"{request.url.path}/{storm_id}"
    return one_storm(parts, account, response, storm_id)


@router.get("/storms/{storm_id}")
@open_to(SEES_CASES, of=Subject.STORM)
def one_storm(parts: PartsOf, account: Reader, response: Response, storm_id: str) -> dict[str, Any]:
    """One storm with its table, the most dangerous cases first, and what is not known of each.

    Its `ETag` goes into the `If-Match` of a change. It follows what people change: cases that join by themselves, and
    tables that go out by themselves, leave it as it is.
    """
    with parts.store.read() as connection:
        return tagged(
            response, storm_detail(connection, storm_id, account=account, departments=parts.routing.departments)
        )


@router.post("/storms/{storm_id}/cases")
@open_to([Role.CENTRE], of=Subject.STORM)
def change_cases(
    parts: PartsOf, account: Writer, response: Response, expected: IfMatch, storm_id: str, wanted: StormCases
) -> dict[str, Any]:
    """Put cases into a storm, or take some out; what is taken out is told of singly from then on."""
    parts.storms.change_cases(storm_id, wanted, by=account, expected=expected)
    return one_storm(parts, account, response, storm_id)


@router.post("/storms/{storm_id}/tables")
@open_to([Role.CENTRE], of=Subject.STORM)
def tell(parts: PartsOf, account: Writer, expected: IfMatch, storm_id: str) -> dict[str, Any]:
    """Send every unit its table now; answers with the units. With `If-Match`, a second click sends none."""
    return {"told": parts.storms.tell(storm_id, by=account, expected=expected)}


@router.post("/storms/{storm_id}/end")
@open_to([Role.CENTRE], of=Subject.STORM)
def end(
    parts: PartsOf, account: Writer, response: Response, expected: IfMatch, storm_id: str, wanted: StormEnd
) -> dict[str, Any]:
    """End a storm; its cases stay, and are told of singly again."""
    parts.storms.end(storm_id, wanted, by=account, expected=expected)
    return one_storm(parts, account, response, storm_id)
