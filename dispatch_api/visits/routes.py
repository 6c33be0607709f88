"""Routes of joint visits."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from dispatch_api.accounts.access import CHANGES_CASES, SEES_CASES, Subject, open_to
from dispatch_api.accounts.model import DEPARTMENT_ROLES, Role
from dispatch_api.cursors import CursorParam
from dispatch_api.doors.etags import IfMatch, made_at, tagged
from dispatch_api.parts import Parts, PartsOf, Reader, Writer
from dispatch_api.store.times import utc_now
from dispatch_api.visits.model import VisitState
from dispatch_api.visits.schemas import ActCode, LineReport, NewVisit, Signature, VisitChange
from dispatch_api.visits.views import suggestion_list, visit_detail, visit_page

router = APIRouter(tags=["visits"])
_ON_THE_SPOT = DEPARTMENT_ROLES | {Role.CENTRE}


@router.get("/visits/suggestions")
@open_to([Role.CENTRE, Role.OPERATOR, Role.AUDITOR])
def suggested(parts: PartsOf, account: Reader, day: date | None = None) -> dict[str, Any]:
    """Places where two open cases or more wait for a visit on a day (today where left out), what falls due first."""
    day = day or _today(parts)
    with parts.store.read() as connection:
        return suggestion_list(connection, day, rules=parts.visits.rules, departments=parts.routing.departments)


@router.get("/visits")
@open_to(SEES_CASES)
def visits(
    parts: PartsOf,
    account: Reader,
    day: date | None = None,
    state: VisitState | None = None,
    cursor: CursorParam = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 200,
) -> dict[str, Any]:
    """A page of visits, the latest day first; a department gets those in which it has a line.

    `missed` are those that nobody has begun, though their day is over: until somebody does, or cancels them, their
    tasks are suggested for no other visit.
    """
    with parts.store.read() as connection:
        return visit_page(
            connection,
            account=account,
            departments=parts.routing.departments,
            today=_today(parts),
            day=day,
            state=state,
            cursor=cursor,
            limit=limit,
        )


@router.post("/visits", status_code=201, responses=made_at("The visit's address."))
@open_to([Role.CENTRE])
def plan(parts: PartsOf, account: Writer, request: Request, response: Response, wanted: NewVisit) -> dict[str, Any]:
    """Make one visit of open cases of one place; the departments are told."""
    visit_id = parts.visits.plan(wanted, by=account).visit_id
    response.headers["Location"] = f"{request.url.path}/{visit_id}"
    return one_visit(parts, account, response, visit_id)


@router.get("/visits/{visit_id}")
@open_to(SEES_CASES, of=Subject.VISIT)
def one_visit(parts: PartsOf, account: Reader, response: Response, visit_id: str) -> dict[str, Any]:
    """One visit with its one list; `seal_holds` says whether what was sealed at its end is unchanged.

    Its `ETag` goes into the `If-Match` of every change of the visit, of its lines, signatures and codes.
    """
    with parts.store.read() as connection:
        return tagged(
            response,
            visit_detail(
                connection,
                visit_id,
                account=account,
                departments=parts.routing.departments,
                matters=parts.matters,
                today=_today(parts),
            ),
        )


@router.post("/visits/{visit_id}/transitions")
@open_to(CHANGES_CASES - {Role.OPERATOR}, of=Subject.VISIT)
def move(
    parts: PartsOf, account: Writer, response: Response, expected: IfMatch, visit_id: str, change: VisitChange
) -> dict[str, Any]:
    """Begin a visit, end it, or cancel it.

    At its end every line has a result and somebody has signed; tasks reported done become `done` in the same
    transaction, by the account that reported them, and what the visit holds is sealed.
    """
    parts.visits.transition(visit_id, change, by=account, expected=expected)
    return one_visit(parts, account, response, visit_id)


@router.post("/visits/{visit_id}/lines/{line_id}")
@open_to(DEPARTMENT_ROLES, of=Subject.VISIT)
def report(
    parts: PartsOf,
    account: Writer,
    response: Response,
    expected: IfMatch,
    visit_id: str,
    line_id: int,
    told: LineReport,
) -> dict[str, Any]:
    """Write what came of one's own line; until the visit ends it may be written again.

    `If-Match` takes a tag of the visit: it is a 412 only where this very line was changed since, not another's.
    """
    parts.visits.report(visit_id, line_id, told, by=account, expected=expected)
    return one_visit(parts, account, response, visit_id)


@router.post("/visits/{visit_id}/signatures")
@open_to(_ON_THE_SPOT, of=Subject.VISIT)
def sign(
    parts: PartsOf, account: Writer, response: Response, expected: IfMatch, visit_id: str, signature: Signature
) -> dict[str, Any]:
    """Sign for one's department, or for the centre; the account that signed is kept beside the name.

    `If-Match` takes a tag of the visit: it is a 412 where the lines that are signed for were changed since (a
    department signs for its own, the centre for all), or somebody else signed for the same party.
    """
    parts.visits.sign(visit_id, signature, by=account, expected=expected)
    return one_visit(parts, account, response, visit_id)


@router.post("/visits/{visit_id}/act-codes")
@open_to(_ON_THE_SPOT, of=Subject.VISIT)
def set_act_code(
    parts: PartsOf, account: Writer, response: Response, expected: IfMatch, visit_id: str, wanted: ActCode
) -> dict[str, Any]:
    """Note the code of the administrative act (行政行为码) of one's department; it is compared with no register.

    `If-Match` takes a tag of the visit: it is a 412 where the department's code was changed since.
    """
    parts.visits.set_act_code(visit_id, wanted, by=account, expected=expected)
    return one_visit(parts, account, response, visit_id)


def _today(parts: Parts) -> date:
    return parts.matters.calendar.local_date(utc_now())
