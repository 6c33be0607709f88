"""Routes of OGC API - Features, core and GeoJSON, in CRS84 (longitude before latitude)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse, Response

from dispatch_api.accounts.access import SEES_CASES, open_to, open_to_anybody
from dispatch_api.accounts.model import Scope
from dispatch_api.boxes import box_of
from dispatch_api.cursors import CursorParam
from dispatch_api.described import PROBLEMS, ErrorShape
from dispatch_api.doors.ogc.collections import COLLECTIONS, Collection, extent_of
from dispatch_api.doors.ogc.wanted import Span, Turn, Wanted
from dispatch_api.errors import InvalidRequest, NotFound
from dispatch_api.parts import PartsOf, Reader
from dispatch_api.problems import Refusal, problem
from dispatch_api.store.times import iso, utc_now

PREFIX = "/ogc"
MAX_ITEMS = MAX_OFFSET = 10_000
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
CONFORMS_TO = tuple(f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{part}" for part in ("core", "geojson"))
GEOJSON = "application/geo+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.1"
ERRORS = ErrorShape(content=PROBLEMS.content, invalid=400, schemas=PROBLEMS.schemas)
"""The standard wants 400 where the rest of the API says 422."""

CollectionId = Annotated[str, Path(json_schema_extra={"enum": [*COLLECTIONS]})]
"""Described with its words; of any other there is no collection, which is 404."""

_ITEM_PARAMETERS = frozenset({"bbox", "datetime", "limit", "offset", "after", "before", "f"})
_SEES = open_to(SEES_CASES, scope=Scope.FEATURES_READ)

router = APIRouter(tags=["ogc"])


class GeoJson(JSONResponse):
    """An answer in GeoJSON."""

    media_type = GEOJSON


def ogc_error(request: Request, refusal: Refusal) -> Response:
    """A refusal as problem+json, with the standard's 400 for what makes no sense."""
    answer = problem(request, refusal)
    if refusal.status == 422:
        answer.status_code = 400
    return answer


@router.get("", include_in_schema=False)
@router.get("/")
@open_to_anybody
def landing_page(request: Request) -> dict[str, Any]:
    """Where everything is."""
    _only(request, {"f"})
    root = _root(request)
    return {
        "title": "综合飞一次 flyonce",
        "description": "Cases, tasks, flights and zones of a city, as OGC API - Features.",
        "links": [
            _link(root + "/", "self", "application/json", "This page"),
            _link(root + "/api", "service-desc", OPENAPI, "The description of this API"),
            _link(root + "/conformance", "conformance", "application/json", "What it conforms to"),
            _link(root + "/collections", "data", "application/json", "The collections"),
        ],
    }


@router.get("/conformance")
@open_to_anybody
def conformance(request: Request) -> dict[str, Any]:
    """The classes of the standard that it conforms to."""
    _only(request, {"f"})
    return {"conformsTo": list(CONFORMS_TO)}


@router.get("/api", response_class=Response, responses={200: {"content": {OPENAPI: {"schema": {"type": "object"}}}}})
@open_to_anybody
def description(request: Request) -> JSONResponse:
    """The OpenAPI description of these addresses."""
    whole = request.app.openapi()
    paths = {path: item for path, item in whole["paths"].items() if path.startswith(PREFIX)}
    return JSONResponse({**whole, "paths": paths}, media_type=OPENAPI)


@router.get("/collections")
@_SEES
def collections(request: Request, parts: PartsOf, account: Reader) -> dict[str, Any]:
    """The collections, each with the box of what the asker may see."""
    _only(request, {"f"})
    root = _root(request)
    with parts.store.read() as connection:
        extents = {one.id: extent_of(connection, one, account) for one in COLLECTIONS.values()}
    listed = [_described(one, root, extents[one.id]) for one in COLLECTIONS.values()]
    return {
        "links": [_link(root + "/collections", "self", "application/json", "The collections")],
        "collections": listed,
    }


@router.get("/collections/{collection_id}")
@_SEES
def one_collection(request: Request, parts: PartsOf, account: Reader, collection_id: CollectionId) -> dict[str, Any]:
    """One collection."""
    _only(request, {"f"})
    one = _collection(collection_id)
    with parts.store.read() as connection:
        return _described(one, _root(request), extent_of(connection, one, account))


@router.get("/collections/{collection_id}/items", response_class=GeoJson)
@_SEES
def items(
    request: Request,
    parts: PartsOf,
    account: Reader,
    collection_id: CollectionId,
    bbox: Annotated[str | None, Query(max_length=200)] = None,
    when: Annotated[str | None, Query(alias="datetime", max_length=100)] = None,
    limit: Annotated[int, Query(ge=1)] = 100,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET, description="further on, follow the links `next`")] = 0,
    after: CursorParam = None,
    before: CursorParam = None,
) -> GeoJson:
    """Items in a fixed order; `limit` over 10,000 means 10,000.

    Links lead to the pages before and after, as quickly far on as at the beginning; `after` and `before` are theirs.
    """
    _only(request, _ITEM_PARAMETERS)
    one, limit = _collection(collection_id), min(limit, MAX_ITEMS)
    if sum((bool(offset), after is not None, before is not None)) > 1:
        raise InvalidRequest(field="offset", problem="a page begins at one of offset, after and before")
    wanted = Wanted(
        account=account,
        matters=parts.matters,
        box=None if bbox is None else box_of(bbox),
        span=_span(when),
        limit=limit,
        turn=Turn(after=after, before=before, skip=offset),
    )
    with parts.store.read() as connection:
        found = one.find(connection, wanted)
    links = [
        _link(str(request.url), "self", GEOJSON, "This page"),
        _link(f"{_root(request)}/collections/{one.id}", "collection", "application/json", one.title),
    ]
    if found.after is not None:
        links.append(_page_link(request, "next", limit, after=found.after))
    if found.before is not None:
        links.append(_page_link(request, "prev", limit, before=found.before))
    content = {
        "type": "FeatureCollection",
        "timeStamp": iso(utc_now().replace(microsecond=0)),
        # The standard lets it be left out where it takes long to find out.
        **({} if found.matched is None else {"numberMatched": found.matched}),
        "numberReturned": len(found.features),
        "features": found.features,
        "links": links,
    }
    return GeoJson(content)


@router.get("/collections/{collection_id}/items/{item_id}", response_class=GeoJson)
@_SEES
def one_item(request: Request, parts: PartsOf, account: Reader, collection_id: CollectionId, item_id: str) -> GeoJson:
    """One item."""
    _only(request, {"f"})
    one = _collection(collection_id)
    with parts.store.read() as connection:
        found = one.find(connection, Wanted(account=account, matters=parts.matters, key=item_id))
    if not found.features:
        raise NotFound(kind="item", key=item_id)
    here = f"{_root(request)}/collections/{one.id}"
    links = [
        _link(str(request.url), "self", GEOJSON, "This item"),
        _link(here, "collection", "application/json", one.title),
    ]
    return GeoJson({**found.features[0], "links": links})


def _collection(collection_id: str) -> Collection:
    if collection_id not in COLLECTIONS:
        raise NotFound(kind="collection", key=collection_id)
    return COLLECTIONS[collection_id]


def _described(one: Collection, root: str, box: list[float] | None) -> dict[str, Any]:
    here = f"{root}/collections/{one.id}"
    described = {
        "id": one.id,
        "title": one.title,
        "description": one.description,
        "itemType": "feature",
        "crs": [CRS84],
        "links": [
            _link(here, "self", "application/json", one.title),
            _link(f"{here}/items", "items", GEOJSON, one.title),
        ],
    }
    return described if box is None else {**described, "extent": {"spatial": {"bbox": [box], "crs": CRS84}}}


def _only(request: Request, known: set[str] | frozenset[str]) -> None:
    """The standard forbids to pass over a parameter that nobody knows: its sender would take everything for a part."""
    unknown = next((name for name in request.query_params if name not in known), None)
    if unknown is not None:
        raise InvalidRequest(field="query", problem=f"{unknown!r} is none of {', '.join(sorted(known))}")
    form = request.query_params.get("f", "json")
    if form not in {"json", "geojson"}:
        raise InvalidRequest(field="f", problem="only json is written here")


def _span(text: str | None) -> Span | None:
    if text is None:
        return None
    ends = text.split("/")
    if len(ends) == 1:
        at = _moment(text, "")
        # A day alone means the whole of it.
        return at, (at + timedelta(days=1, microseconds=-1) if at and len(text) == len("2026-11-22") else at)
    if len(ends) != 2 or ends == ["..", ".."]:
        raise _unlike_a_time()
    start, end = _moment(ends[0], ".."), _moment(ends[1], "..")
    if start is not None and end is not None and end < start:
        raise InvalidRequest(field="datetime", problem="its end lies before its start")
    return start, end


def _moment(text: str, open_end: str) -> datetime | None:
    if text in {open_end, ""} and open_end:
        return None
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _unlike_a_time() from None


def _unlike_a_time() -> InvalidRequest:
    problem = "write 2026-11-22T00:00:00Z, or two such times with / between, .. for an open end"
    return InvalidRequest(field="datetime", problem=problem)


def _root(request: Request) -> str:
    return str(request.base_url).rstrip("/") + PREFIX


def _page_link(request: Request, rel: str, limit: int, **beginning: str) -> dict[str, str]:
    here = request.url.remove_query_params(["offset", "after", "before"])
    href = str(here.include_query_params(limit=limit, **beginning))
    return _link(href, rel, GEOJSON, "The next page" if rel == "next" else "The page before")


def _link(href: str, rel: str, kind: str, title: str) -> dict[str, str]:
    return {"href": href, "rel": rel, "type": kind, "title": title}
