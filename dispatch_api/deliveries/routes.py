"""Routes of receivers, which an administrator keeps, and of deliveries, which the centre looks after."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from dispatch_api.accounts.access import open_to
from dispatch_api.accounts.model import Role
from dispatch_api.cursors import CursorParam, words_of
from dispatch_api.deliveries.desk import DeliveryDesk
from dispatch_api.deliveries.outbox import DeliveryState
from dispatch_api.deliveries.receivers import NewReceiver, ReceiverDesk, Told
from dispatch_api.deliveries.schemas import Below, Reads, ReceiverIn, Replay, Rotation, Why
from dispatch_api.errors import InvalidRequest
from dispatch_api.parts import Parts, PartsOf, Reader, Writer

router = APIRouter(tags=["deliveries"])

KEEPS_RECEIVERS = frozenset({Role.ADMIN})
SEES_DELIVERIES = frozenset({Role.ADMIN, Role.CENTRE, Role.AUDITOR})
LOOKS_AFTER_DELIVERIES = frozenset({Role.ADMIN, Role.CENTRE})

Name = Annotated[str, Path(max_length=64)]
DeliveryId = Annotated[int, Path(ge=1, le=2**63 - 1)]


def _receivers(parts: Parts) -> ReceiverDesk:
    return ReceiverDesk(parts.store, departments=parts.routing.departments)


def _with_secret(told: Told) -> dict[str, Any]:
    return told.shown | {"secret": told.secret}


@router.get("/receivers")
@open_to(SEES_DELIVERIES)
def receivers(parts: PartsOf, _account: Reader) -> dict[str, Any]:
    """All receivers, their URLs masked, with how many deliveries wait for each."""
    return {"items": _receivers(parts).listed()}


@router.post("/receivers", status_code=201)
@open_to(KEEPS_RECEIVERS)
def add_receiver(parts: PartsOf, account: Writer, new: ReceiverIn) -> dict[str, Any]:
    """Add a receiver; a secret that was made here is in this answer and in none after it."""
    return _with_secret(_receivers(parts).add(NewReceiver(**dict(new)), by=account.actor))


@router.post("/receivers/{name}/disable")
@open_to(KEEPS_RECEIVERS)
def disable_receiver(parts: PartsOf, account: Writer, name: Name, why: Why) -> dict[str, Any]:
    """Send it nothing more for now; what waits stays."""
    return _receivers(parts).disable(name, by=account.actor, why=why.reason)


@router.post("/receivers/{name}/enable")
@open_to(KEEPS_RECEIVERS)
def enable_receiver(parts: PartsOf, account: Writer, name: Name) -> dict[str, Any]:
    """Send to it again, what waits first."""
    return _receivers(parts).enable(name, by=account.actor)


@router.post("/receivers/{name}/below")
@open_to(KEEPS_RECEIVERS)
def choose_below(parts: PartsOf, account: Writer, name: Name, wanted: Below) -> dict[str, Any]:
    """Say anew whether it gets the messages of departments below its own; what was addressed to it stays."""
    return _receivers(parts).choose_below(name, with_below=wanted.with_below, by=account.actor)


@router.post("/receivers/{name}/language")
@open_to(KEEPS_RECEIVERS)
def choose_language(parts: PartsOf, account: Writer, name: Name, wanted: Reads) -> dict[str, Any]:
    """Say anew what its people read, where a robot or a mail tells them; what waits goes out in that language too."""
    return _receivers(parts).choose_language(name, wanted.language, by=account.actor)


@router.post("/receivers/{name}/rotate")
@open_to(KEEPS_RECEIVERS)
def rotate_receiver(parts: PartsOf, account: Writer, name: Name, rotation: Rotation) -> dict[str, Any]:
    """Make a new secret; the present one signs along until the overlap is over."""
    overlap = timedelta(hours=rotation.overlap_hours)
    return _with_secret(_receivers(parts).rotate(name, by=account.actor, overlap=overlap))


@router.post("/receivers/{name}/test", status_code=202)
@open_to(KEEPS_RECEIVERS)
def test_receiver(parts: PartsOf, account: Writer, name: Name) -> dict[str, Any]:
    """Write a message for this receiver alone; the delivery tells how it went."""
    return DeliveryDesk(parts.store).one(_receivers(parts).test(name, by=account.actor))


@router.get("/deliveries")
@open_to(SEES_DELIVERIES)
def deliveries(
    parts: PartsOf,
    _account: Reader,
    state: Annotated[str | None, Query(max_length=100)] = None,
    receiver: Annotated[str | None, Query(max_length=64)] = None,
    case: Annotated[str | None, Query(max_length=32)] = None,
    cursor: CursorParam = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """A page of deliveries, the newest first."""
    states = words_of(state, DeliveryState, "state")
    return DeliveryDesk(parts.store).page(
        states=states, receiver_name=receiver, case_id=case, cursor=cursor, limit=limit
    )


@router.get("/deliveries/{delivery_id}")
@open_to(SEES_DELIVERIES)
def one_delivery(parts: PartsOf, _account: Reader, delivery_id: DeliveryId) -> dict[str, Any]:
    """A delivery with its attempts."""
    return DeliveryDesk(parts.store).one(delivery_id)


@router.post("/deliveries/{delivery_id}/replay")
@open_to(LOOKS_AFTER_DELIVERIES)
def replay_one(parts: PartsOf, account: Writer, delivery_id: DeliveryId) -> dict[str, Any]:
    """Send a delivery again, under the same id."""
    return DeliveryDesk(parts.store).replay(delivery_id, by=account.actor)


@router.post("/deliveries/replay")
@open_to(LOOKS_AFTER_DELIVERIES)
def replay_many(parts: PartsOf, account: Writer, wanted: Replay) -> dict[str, int]:
    """Send a receiver's dead deliveries again, each under the same id."""
    if wanted.since is not None and wanted.since.tzinfo is None:
        raise InvalidRequest(field="since", problem="give the time zone, like 2026-11-22T08:00:00Z")
    return {"replayed": DeliveryDesk(parts.store).replay_all(wanted.receiver, by=account.actor, since=wanted.since)}
