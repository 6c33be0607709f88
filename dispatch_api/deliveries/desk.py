"""Deliveries as people look after them: what waits, what is dead, how each attempt went, and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, select, update

from dispatch_api.accounts.model import Actor
from dispatch_api.cursors import cursor_of, row_of
from dispatch_api.deliveries.outbox import DeliveryState
from dispatch_api.errors import InvalidRequest, NotFound
from dispatch_api.store import Store
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import delivery, delivery_attempt, message, receiver
from dispatch_api.store.times import iso, utc_now

_LIST = "deliveries"
_ALL = (
    select(
        delivery,
        receiver.c.name.label("receiver"),
        message.c.type,
        message.c.subject,
        message.c.case_id,
        message.c.colour,
        message.c.at.label("posted_at"),
    )
    .join(receiver, receiver.c.receiver_id == delivery.c.receiver_id)
    .join(message, message.c.message_id == delivery.c.message_id)
)


class DeliveryDesk:
    """Where the centre looks after deliveries."""

    def __init__(self, store: Store, *, now: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._now = now

    def page(
        self,
        *,
        states: Sequence[str] = (),
        receiver_name: str | None = None,
        case_id: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> dict[str, Any]:
        """A page of deliveries, the newest first; `next` is the cursor of the following page.

        Raises:
            InvalidRequest: A state is none, or the cursor is not of this list.
        """
        before = row_of(cursor, _LIST)
        conditions = [*_conditions(states, receiver_name)]
        if case_id is not None:
            conditions.append(message.c.case_id == case_id)
        if before is not None:
            conditions.append(delivery.c.delivery_id < before)
        query = _ALL.where(and_(True, *conditions)).order_by(delivery.c.delivery_id.desc()).limit(limit + 1)
        with self._store.read() as connection:
            rows = connection.execute(query).all()
        page = rows[:limit]
        return {
            "items": [_item(row) for row in page],
            "next": cursor_of(_LIST, page[-1].delivery_id) if len(rows) > limit else None,
        }

    def one(self, delivery_id: int) -> dict[str, Any]:
        """A delivery with its attempts, the newest first.

        Raises:
            NotFound: There is none.
        """
        query = select(delivery_attempt).where(delivery_attempt.c.delivery_id == delivery_id)
        with self._store.read() as connection:
            row = connection.execute(_ALL.where(delivery.c.delivery_id == delivery_id)).first()
            if row is None:
                raise NotFound(kind="delivery", key=str(delivery_id))
            attempts = connection.execute(query.order_by(delivery_attempt.c.attempt_id.desc()).limit(100)).all()
        made = [{"at": iso(one.at), "status": one.status, "error": one.error, "took_s": one.took_s} for one in attempts]
        return {**_item(row), "made": made}

    def replay(self, delivery_id: int, *, by: Actor) -> dict[str, Any]:
        """Send one again now, delivered or not, under the same id.

        Raises:
            NotFound: There is none.
            InvalidRequest: Its receiver is disabled, or it is being sent.
        """

        def work(connection: Connection) -> None:
            row = connection.execute(_ALL.where(delivery.c.delivery_id == delivery_id)).first()
            if row is None:
                raise NotFound(kind="delivery", key=str(delivery_id))
            self._replay(connection, [row], by)

        self._store.write(work)
        return self.one(delivery_id)

    def replay_all(self, receiver_name: str, *, by: Actor, since: datetime | None = None) -> int:
        """Send all dead deliveries of a receiver again; with `since` also those delivered from then on.

        Returns:
            How many.

        Raises:
            NotFound: There is no such receiver.
            InvalidRequest: It is disabled.
        """

        def work(connection: Connection) -> int:
            if connection.execute(select(receiver.c.name).where(receiver.c.name == receiver_name)).first() is None:
                raise NotFound(kind="receiver", key=receiver_name)
            wanted = delivery.c.state == DeliveryState.DEAD.value
            if since is not None:
                wanted |= (delivery.c.state == DeliveryState.DELIVERED.value) & (message.c.at >= since)
            rows = connection.execute(_ALL.where(receiver.c.name == receiver_name, wanted)).all()
            self._replay(connection, rows, by)
            return len(rows)

        return self._store.write(work)

    def _replay(self, connection: Connection, rows: Sequence[Row[Any]], by: Actor) -> None:
        at = self._now()
        for row in rows:
            if row.leased_until is not None and row.leased_until > at and row.state == DeliveryState.PENDING:
                raise InvalidRequest(field="delivery", problem=f"{row.delivery_id} is being sent right now")
            here = receiver.c.receiver_id == row.receiver_id
            if connection.execute(select(receiver.c.disabled_at).where(here)).scalar_one() is not None:
                raise InvalidRequest(field="receiver", problem=f"{row.receiver!r} is disabled; enable it first")
            fresh = {"state": DeliveryState.PENDING.value, "attempts": 0, "next_at": at, "leased_until": None}
            connection.execute(update(delivery).where(delivery.c.delivery_id == row.delivery_id).values(**fresh))
            # By hand means now: somebody has seen to the receiver.
            connection.execute(update(receiver).where(here).values(open_until=None))
            data = {"delivery": row.delivery_id, "message": row.message_id, "receiver": row.receiver}
            append_event(
                connection, Event(at=at, who=by.name, kind="delivery.replayed", case_id=row.case_id, data=data)
            )


def _conditions(states: Sequence[str], receiver_name: str | None) -> list[Any]:
    unknown = next((state for state in states if state not in set(DeliveryState)), None)
    if unknown is not None:
        raise InvalidRequest(field="state", problem=f"{unknown!r} is none of {', '.join(DeliveryState)}")
    conditions: list[Any] = [delivery.c.state.in_(states)] if states else []
    return conditions if receiver_name is None else [*conditions, receiver.c.name == receiver_name]


def _item(row: Row[Any]) -> dict[str, Any]:
    return {
        "delivery_id": row.delivery_id,
        "message_id": row.message_id,
        "receiver": row.receiver,
        "type": row.type,
        "subject": row.subject,
        "case_id": row.case_id,
        "colour": row.colour,
        "state": row.state,
        "attempts": row.attempts,
        "posted_at": iso(row.posted_at),
        "next_at": iso(row.next_at) if row.state == DeliveryState.PENDING else None,
        "delivered_at": iso(row.delivered_at),
        "last_status": row.last_status,
        "last_error": row.last_error,
    }
