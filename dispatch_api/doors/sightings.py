"""`POST /sightings`: what a pipeline saw, one at a time or a thousand in one commit."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Body, Request, Response
from fastapi.routing import APIRoute
from pydantic import ValidationError

from dispatch_api.accounts.access import open_to
from dispatch_api.accounts.model import Account, Scope
from dispatch_api.admission import admit
from dispatch_api.doors.idempotency import IdempotencyKey, is_key
from dispatch_api.doors.sighting import Sighting
from dispatch_api.doors.sighting_desk import Asked, Outcome
from dispatch_api.parts import Parts, PartsOf, Writer, parts_of

MAX_BATCH = 1000
REPLAYED_HEADER = "Idempotency-Replayed"
_CREATED = 201
_JSON = "application/json"


class ShortWay(APIRoute):
    """Takes a well-formed sighting past what FastAPI does for any request: half of the time that a request takes.

    Whatever is not quite as pipelines send it goes the ordinary way, which tells what is wrong with it.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of a request."""
        ordinary = super().get_route_handler()

        async def handle(request: Request) -> Response:
            answer = await _well_formed(request)
            return await ordinary(request) if answer is None else answer

        return handle


router = APIRouter(tags=["sightings"])


async def _well_formed(request: Request) -> Response | None:
    key = request.headers.get("idempotency-key", "")
    if request.headers.get("content-type") != _JSON or not is_key(key):
        return None
    await admit(request)
    try:
        sighting = Sighting.model_validate_json(await request.body())
    except ValidationError:
        return None
    outcome = await _recorded(parts_of(request), request.state.account, key, sighting)
    headers = {REPLAYED_HEADER: "true"} if outcome.replayed else None
    return Response(orjson.dumps(dict(outcome.told or {})), _CREATED, headers, media_type=_JSON)


async def _recorded(parts: Parts, account: Account, key: str, sighting: Sighting) -> Outcome:
    (outcome,) = await parts.sightings.hand_in(account, [Asked(key=key, sighting=sighting)])
    if outcome.error is not None:
        raise outcome.error
    return outcome


@open_to(scope=Scope.SIGHTINGS_WRITE, key_checked_at_commit=True)
async def one_sighting(
    parts: PartsOf, account: Writer, response: Response, key: IdempotencyKey, sighting: Sighting
) -> dict[str, Any]:
    """Record one sighting; it becomes a case, joins one, or is only counted (`case_id` null).

    The same `Idempotency-Key` with the same sighting is answered as the first time and recorded once; with another
    sighting it is a 409.
    """
    outcome = await _recorded(parts, account, key, sighting)
    if outcome.replayed:
        response.headers[REPLAYED_HEADER] = "true"
    return dict(outcome.told or {})


router.add_api_route("/sightings", one_sighting, methods=["POST"], status_code=_CREATED, route_class_override=ShortWay)


@router.post("/sightings:batch")
@open_to(scope=Scope.SIGHTINGS_WRITE)
def many_sightings(
    parts: PartsOf,
    account: Writer,
    sightings: Annotated[list[dict[str, Any]], Body(embed=True, min_length=1, max_length=MAX_BATCH)],
) -> dict[str, Any]:
    """Record many sightings in one commit; each carries its idempotency key as `key`.

    Answers with one item for each, in their order: `status` 201 with what a single sighting is answered, or 409 or 422
    with the `problem`. One that cannot be taken does not keep the others out.
    """
    asked = [Asked.of_json(raw, place=f"sightings.{number}") for number, raw in enumerate(sightings)]
    items = [outcome.as_item() for outcome in parts.sightings.record(account, asked)]
    recorded = sum("problem" not in item for item in items)
    return {"items": items, "recorded": recorded, "refused": len(items) - recorded}
