"""`POST /sightings`: what a pipeline saw, one at a time or a thousand in one commit."""

from __future__ import annotations

from asyncio import wrap_future
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response

from dispatch_api.accounts.access import open_to
from dispatch_api.accounts.model import Scope
from dispatch_api.doors.idempotency import IdempotencyKey
from dispatch_api.doors.sighting import Sighting
from dispatch_api.doors.sighting_desk import Asked
from dispatch_api.parts import PartsOf, Writer

MAX_BATCH = 1000
REPLAYED_HEADER = "Idempotency-Replayed"

router = APIRouter(tags=["sightings"])


@router.post("/sightings", status_code=201)
@open_to(scope=Scope.SIGHTINGS_WRITE, key_checked_at_commit=True)
async def one_sighting(
    parts: PartsOf, account: Writer, response: Response, key: IdempotencyKey, sighting: Sighting
) -> dict[str, Any]:
    """Record one sighting; it becomes a case, joins one, or is only counted (`case_id` null).

    The same `Idempotency-Key` with the same sighting is answered as the first time and recorded once; with another
    sighting it is a 409.
    """
    (outcome,) = await wrap_future(parts.sightings.submit(account, [Asked(key=key, sighting=sighting)]))
    if outcome.error is not None:
        raise outcome.error
    if outcome.replayed:
        response.headers[REPLAYED_HEADER] = "true"
    return dict(outcome.told or {})


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
