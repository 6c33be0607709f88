"""Taking what is due, for a while, and writing down what came of it.

A lease is a promise that runs out: whoever is killed while sending leaves deliveries that the next one takes again. All
leases of a store are taken by its one writer at a time, so no two processes send the same delivery at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, exists, insert, or_, select, update

from dispatch_api.accounts.model import system_actor
from dispatch_api.deliveries.channels import ReceiverKind
from dispatch_api.deliveries.outbox import DeliveryState
from dispatch_api.deliveries.outcome import Address, Outcome
from dispatch_api.deliveries.quota import Quota, quota_left, still_recent
from dispatch_api.deliveries.schedule import Schedule
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import delivery, delivery_attempt, message, receiver
from dispatch_api.store.types import UtcTime

_RELAY = system_actor("relay")
_PENDING = DeliveryState.PENDING.value


def _due(urgent: bool) -> Any:  # noqa: ANN401 - a condition
    return (
        (delivery.c.state == _PENDING)
        & (delivery.c.urgent == urgent)
        & (delivery.c.next_at <= bindparam("now"))
        & or_(delivery.c.leased_until.is_(None), delivery.c.leased_until <= bindparam("now"))
    )


_OPEN = receiver.c.disabled_at.is_(None) & or_(
    receiver.c.open_until.is_(None), receiver.c.open_until <= bindparam("now")
)
_READY = select(
    receiver,
    exists().where(delivery.c.receiver_id == receiver.c.receiver_id, _due(True)).label("red_due"),
    exists().where(delivery.c.receiver_id == receiver.c.receiver_id, _due(False)).label("ordinary_due"),
).where(_OPEN)
_ONE_READY = select(receiver).where(receiver.c.receiver_id == bindparam("of_receiver"), _OPEN)
_IDS = {
    urgent: select(delivery.c.delivery_id)
    .where(delivery.c.receiver_id == bindparam("of_receiver"), _due(urgent))
    .order_by(delivery.c.next_at, delivery.c.delivery_id)
    .limit(bindparam("most"))
    for urgent in (True, False)
}
_TAKE = update(delivery).where(delivery.c.delivery_id.in_(bindparam("ids", expanding=True)))
_ATTEMPT = insert(delivery_attempt).inline()
_ARRIVED = _TAKE.where(delivery.c.state == _PENDING).values(
    state=DeliveryState.DELIVERED.value,
    attempts=delivery.c.attempts + 1,
    leased_until=None,
    last_error=None,
    last_status=bindparam("with_status"),
    delivered_at=bindparam("arrived_at", type_=UtcTime),
)
_RECEIVER = select(receiver).where(receiver.c.receiver_id == bindparam("of_receiver"))
_TAKEN = (
    select(delivery.c.delivery_id, delivery.c.receiver_id, delivery.c.attempts, message)
    .join(message, message.c.message_id == delivery.c.message_id)
    .where(delivery.c.delivery_id.in_(bindparam("ids", expanding=True)))
    .order_by(delivery.c.urgent.desc(), delivery.c.delivery_id)
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Leased:
    """A delivery that is this process's to send: how often it failed, and its message.

    The same delivery taken a second time is another one of these.
    """

    delivery_id: int
    attempts: int
    to: Address
    message: Row[Any] = field(repr=False)


def ready(connection: Connection, at: datetime) -> list[Address]:
    """The receivers that have something due and may be sent something now."""
    rows = connection.execute(_READY, {"now": at}).all()
    return [Address.of(row) for row in rows if _may(row, at)]


def _may(row: Row[Any], at: datetime) -> bool:
    left = quota_left(row.kind, row.quota_per_minute, row.recent, at)
    return (row.red_due and left.red != 0) or (row.ordinary_due and left.ordinary != 0)


def lease(connection: Connection, room: Mapping[int, int], *, at: datetime, until: datetime) -> list[Leased]:
    """Take what is due, red first.

    Args:
        connection: A writing transaction.
        room: By receiver, how many deliveries may be taken.
        at: Now.
        until: When the lease runs out.
    """
    taken: list[Leased] = []
    for receiver_id, most in room.items():
        row = connection.execute(_ONE_READY, {"of_receiver": receiver_id, "now": at}).first()
        if row is None:
            continue
        ids = _chosen(connection, row, most, at)
        if ids:
            connection.execute(_TAKE, {"ids": ids, "leased_until": until})
            to = Address.of(row)
            taken += [
                Leased(delivery_id=one.delivery_id, attempts=one.attempts, to=to, message=one)
                for one in connection.execute(_TAKEN, {"ids": ids})
            ]
    return taken


def _chosen(connection: Connection, row: Row[Any], most: int, at: datetime) -> list[int]:
    left = quota_left(row.kind, row.quota_per_minute, row.recent, at)
    together = row.kind != ReceiverKind.WEBHOOK
    # What goes out together counts as one, whatever its colours: a red one takes the others along.
    red = _ids(connection, row, urgent=True, most=_within(most, left.red, together), at=at)
    ordinary_left = None if left.ordinary is None else max(0, left.ordinary - len(red))
    if together and red:
        ordinary_left = 1
    rest = _ids(connection, row, urgent=False, most=_within(most - len(red), ordinary_left, together), at=at)
    sends = (1 if red or rest else 0) if together else len(red) + len(rest)
    if sends and left != Quota(ordinary=None, red=None):
        recent = [*still_recent(row.recent, at), *[at.timestamp()] * sends]
        connection.execute(update(receiver).where(receiver.c.receiver_id == row.receiver_id).values(recent=recent))
    return red + rest


def _within(most: int, left: int | None, together: bool) -> int:
    if left is None or (together and left):
        return most
    return min(most, left)


def _ids(connection: Connection, row: Row[Any], *, urgent: bool, most: int, at: datetime) -> list[int]:
    if most < 1:
        return []
    asked = {"of_receiver": row.receiver_id, "now": at, "most": most}
    return list(connection.execute(_IDS[urgent], asked).scalars())


def renew(connection: Connection, ids: Sequence[int], until: datetime) -> None:
    """Keep deliveries that are still being sent."""
    connection.execute(_TAKE.where(delivery.c.state == _PENDING), {"ids": list(ids), "leased_until": until})


def give_back(connection: Connection, ids: Sequence[int]) -> None:
    """Let go of deliveries that were not sent: they are due as before."""
    connection.execute(_TAKE.where(delivery.c.state == _PENDING), {"ids": list(ids), "leased_until": None})


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One attempt: deliveries that went to one receiver together, what came of it, and when."""

    batch: Sequence[Leased]
    outcome: Outcome
    began_at: datetime
    ended_at: datetime


def record(connection: Connection, tried: Sequence[Tried], *, schedule: Schedule) -> None:
    """Write down what came of attempts; of many at once, for each writing is a commit.

    Args:
        connection: A writing transaction.
        tried: In the order in which they ended.
        schedule: When failures are tried again.
    """
    if not tried:
        return
    connection.execute(_ATTEMPT, [_attempt(one, attempt) for attempt in tried for one in attempt.batch])
    arrived: dict[int | None, list[Tried]] = {}
    for attempt in tried:
        if attempt.outcome.delivered:
            arrived.setdefault(attempt.outcome.status, []).append(attempt)
        else:
            _note_failure(connection, attempt, schedule)
    for status, attempts in arrived.items():
        connection.execute(
            _ARRIVED,
            {
                "ids": [one.delivery_id for attempt in attempts for one in attempt.batch],
                "with_status": status,
                "arrived_at": attempts[-1].ended_at,
            },
        )
    for receiver_id, outcomes in _by_receiver(tried).items():
        _note_receiver(connection, receiver_id, outcomes, schedule)


def _attempt(one: Leased, attempt: Tried) -> dict[str, Any]:
    return {
        "delivery_id": one.delivery_id,
        "at": attempt.began_at,
        "status": attempt.outcome.status,
        "error": attempt.outcome.error,
        "took_s": round((attempt.ended_at - attempt.began_at).total_seconds(), 3),
    }


def _note_failure(connection: Connection, attempt: Tried, schedule: Schedule) -> None:
    outcome = attempt.outcome
    for one in attempt.batch:
        values = {
            "attempts": one.attempts + 1,
            "leased_until": None,
            "last_status": outcome.status,
            "last_error": outcome.error,
            **_fate(one, outcome, attempt.ended_at, schedule),
        }
        connection.execute(_TAKE.where(delivery.c.state == _PENDING), {"ids": [one.delivery_id], **values})


def _by_receiver(tried: Sequence[Tried]) -> dict[int, list[Tried]]:
    found: dict[int, list[Tried]] = {}
    for attempt in tried:
        found.setdefault(attempt.batch[0].to.receiver_id, []).append(attempt)
    return found


def _fate(one: Leased, outcome: Outcome, at: datetime, schedule: Schedule) -> dict[str, Any]:
    next_at = None if outcome.gone else schedule.next_at(one.attempts + 1, at, posted_at=one.message.at)
    if next_at is None:
        return {"state": DeliveryState.DEAD.value}
    return {"next_at": max(next_at, at + (outcome.pause or timedelta(0)))}


def _note_receiver(connection: Connection, receiver_id: int, tried: Sequence[Tried], schedule: Schedule) -> None:
    here = receiver.c.receiver_id == receiver_id
    row = connection.execute(_RECEIVER, {"of_receiver": receiver_id}).one()
    failures, open_until = row.failures, row.open_until
    for attempt in tried:
        if attempt.outcome.delivered:
            if failures >= schedule.breaks_after:
                _bring_forward(connection, receiver_id, attempt.ended_at)
            failures, open_until = 0, None
            continue
        failures += 1
        asked = None if attempt.outcome.pause is None else attempt.ended_at + attempt.outcome.pause
        pauses = (schedule.open_until(failures, attempt.ended_at), open_until, asked)
        open_until = max((pause for pause in pauses if pause is not None), default=None)
    values: dict[str, Any] = {"failures": failures, "open_until": open_until}
    gone = next((attempt for attempt in tried if attempt.outcome.gone), None)
    if gone is not None and row.disabled_at is None:
        values |= {"disabled_at": gone.ended_at, "disabled_why": gone.outcome.error}
        data = {"receiver": row.name, "why": gone.outcome.error}
        append_event(connection, Event(at=gone.ended_at, who=_RELAY.name, kind="receiver.disabled", data=data))
    if (failures, open_until) != (row.failures, row.open_until) or "disabled_at" in values:
        connection.execute(update(receiver).where(here).values(**values))


def _bring_forward(connection: Connection, receiver_id: int, at: datetime) -> None:
    """A receiver that was away is there again: what waits for it need not wait for its hour."""
    waits = (delivery.c.receiver_id == receiver_id) & (delivery.c.state == _PENDING) & (delivery.c.next_at > at)
    connection.execute(update(delivery).where(waits).values(next_at=at))
