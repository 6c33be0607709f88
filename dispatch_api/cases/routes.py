"""Routes of cases."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse

from dispatch_api.accounts.access import CHANGES_CASES, SEES_CASES, Subject, open_to
from dispatch_api.accounts.model import Scope
from dispatch_api.accounts.sight import seen_case
from dispatch_api.cases.clusters import COLUMNS, MOST_COLUMNS, case_clusters
from dispatch_api.cases.features import written_by_orjson
from dispatch_api.cases.filters import Wanted
from dispatch_api.cases.looked_again import clean_picture
from dispatch_api.cases.model import ENDED_STATES, CaseState
from dispatch_api.cases.schemas import Change, FlagChange, Split
from dispatch_api.cases.views import MAP_LIMIT, MAP_PAGE, PAGE_LIMIT, case_collection, case_detail, case_page
from dispatch_api.cursors import CursorParam
from dispatch_api.doors.etags import IfMatch, tagged
from dispatch_api.errors import NotFound
from dispatch_api.parts import PartsOf, Reader, Writer
from dispatch_api.store.times import utc_now

router = APIRouter(tags=["cases"])
OPEN_STATES = ",".join(state for state in CaseState if state not in ENDED_STATES)


@router.get("/cases.geojson", response_model=dict[str, Any])
@open_to(SEES_CASES, scope=Scope.CASES_READ)
def cases_geojson(
    request: Request,
    parts: PartsOf,
    account: Reader,
    wanted: Wanted,
    cursor: CursorParam = None,
    limit: Annotated[int, Query(ge=1, le=MAP_LIMIT)] = MAP_PAGE,
) -> Response:
    """The cases as points, the newest first; `feed_id` says from where the stream goes on.

    Where there are more than `limit`, `truncated` is true, and the header `Link` and `links` lead to the rest. For a
    map of a whole city, `case-clusters.geojson` counts them instead.
    """
    with parts.store.read() as connection:
        found = case_collection(connection, wanted, account=account, matters=parts.matters, cursor=cursor, limit=limit)
    headers = {}
    if found["next"] is not None:
        href = str(request.url.include_query_params(cursor=found["next"]))
        headers["Link"] = f'<{href}>; rel="next"'
        found["links"] = [{"rel": "next", "type": "application/geo+json", "href": href}]
    return Response(written_by_orjson(found), media_type="application/json", headers=headers)


@router.get("/case-clusters.geojson")
@open_to(SEES_CASES, scope=Scope.CASES_READ)
def clusters(
    parts: PartsOf,
    account: Reader,
    wanted: Wanted,
    columns: Annotated[int, Query(ge=1, le=MOST_COLUMNS)] = COLUMNS,
) -> dict[str, Any]:
    """How many cases lie where in a box, as points with `count` and a count of each colour; for maps of a whole city.

    The box is cut into `columns`, its cells are square in degrees. Without `state`, those count that have not ended.
    `truncated` says that only the newest `counted` are in it. Without `bbox` it is the whole earth.
    """
    asked = replace(wanted, bbox=wanted.bbox or "-180,-90,180,90", state=wanted.state or OPEN_STATES)
    with parts.store.read() as connection:
        return case_clusters(connection, asked, account=account, columns=columns)


@router.get("/cases", response_model=dict[str, Any])
@open_to(SEES_CASES, scope=Scope.CASES_READ)
def cases(
    parts: PartsOf,
    account: Reader,
    wanted: Wanted,
    cursor: CursorParam = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 100,
) -> Response:
    """A page of cases, the newest first."""
    with parts.store.read() as connection:
        found = case_page(connection, wanted, account=account, matters=parts.matters, cursor=cursor, limit=limit)
    return Response(written_by_orjson(found), media_type="application/json")


@router.get("/cases/{case_id}")
@open_to(SEES_CASES, scope=Scope.CASES_READ, of=Subject.CASE)
def one_case(parts: PartsOf, account: Reader, response: Response, case_id: str) -> dict[str, Any]:
    """One case with everything that belongs to it; its `ETag` goes into the `If-Match` of a change."""
    with parts.store.read() as connection:
        return tagged(
            response,
            case_detail(
                connection, case_id, account=account, matters=parts.matters, routing=parts.routing, at=utc_now()
            ),
        )


@router.post("/cases/{case_id}/transitions")
@open_to(CHANGES_CASES, of=Subject.CASE)
def move(
    parts: PartsOf, account: Writer, response: Response, expected: IfMatch, case_id: str, change: Change
) -> dict[str, Any]:
    """Move a case to another state; answers with the case as it stands then.

    `to: merged` with `duplicate_of` makes it part of another case; `to: pending_review` of a merged case takes the two
    apart again, puts back what the merge moved, and remembers that they are not the same. A change that the table of
    states does not allow is a 409 that names the allowed ones.
    """
    parts.cases.transition(case_id, change, by=account, expected=expected)
    return one_case(parts, account, response, case_id)


@router.post("/cases/{case_id}/split")
@open_to(CHANGES_CASES, of=Subject.CASE)
def split(
    parts: PartsOf, account: Writer, response: Response, expected: IfMatch, case_id: str, wanted: Split
) -> dict[str, Any]:
    """Make a case of its own of some of a case's observations; answers with the new case, which waits for review.

    For the centre, of a case that has not ended (409 otherwise). The old case keeps its state and its tasks, and the
    two are remembered as not the same.
    """
    made = parts.cases.split(case_id, wanted, by=account, expected=expected)
    return one_case(parts, account, response, made.case_id)


@router.post("/cases/{case_id}/flags")
@open_to(CHANGES_CASES, of=Subject.CASE)
def set_flag(
    parts: PartsOf, account: Writer, response: Response, expected: IfMatch, case_id: str, wanted: FlagChange
) -> dict[str, Any]:
    """Set a flag beside the state: handed over as a clue, supervised (督办).

    For the centre, with a reason; answers with the case as it stands then. A flag that is set already is a 409.
    """
    parts.cases.set_flag(case_id, wanted, by=account, expected=expected)
    return one_case(parts, account, response, case_id)


@router.get("/cases/{case_id}/clean-looks/{original_sha256}/{which}", response_class=FileResponse)
@open_to(SEES_CASES, scope=Scope.CASES_READ, of=Subject.CASE)
def clean_look(
    parts: PartsOf,
    account: Reader,
    case_id: str,
    original_sha256: str,
    which: Literal["thumbnail", "annotated", "full"],
) -> FileResponse:
    """A picture of the case's place as a later flight found it clean; people and plates are hidden."""
    with parts.store.read() as connection:
        seen_case(connection, case_id, account)
        picture = clean_picture(connection, case_id, original_sha256)
    if picture is None:
        raise NotFound(kind="picture", key=original_sha256)
    path = parts.vault.picture_path(picture[f"{which}_sha256"])
    return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": "private, no-cache"})
