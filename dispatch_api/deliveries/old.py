"""Messages that are over: told to whom they were for, a long time ago."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, delete, func, select

from dispatch_api.deliveries.outbox import DeliveryState
from dispatch_api.store.schema import delivery, delivery_attempt, message, receiver

_AT_ONCE = 500
_NEWEST = select(func.max(delivery.c.delivery_id))


@dataclass(frozen=True, kw_only=True)
class Old:
    """Some messages, the oldest first, looked through.

    Attributes:
        until: The last of them: the next ones come after it.
        deliveries: What may go of their deliveries.
        messages: Those of them of which nothing is left then.
    """

    until: str
    deliveries: tuple[int, ...]
    messages: tuple[str, ...]


def old_messages(connection: Connection, *, before: datetime, after: str, most: int) -> Old | None:
    """Look through messages from before a moment for deliveries that were settled before it too.

    Settled is what was delivered, or told by a storm's table instead, and what was given up: dead, of a receiver that
    has been switched off since before that moment. What is dead and may be sent again stays, and what waits.

    Args:
        connection: Sees one moment of the store.
        before: The moment.
        after: The id of the message after which to begin; '' for the first.
        most: How many messages to look at.

    Returns:
        None where there is no more: ids rise with time.
    """
    query = select(message.c.message_id, message.c.at).where(message.c.message_id > after)
    rows = connection.execute(query.order_by(message.c.message_id).limit(most)).all()
    ids = [row.message_id for row in rows if row.at < before]
    if not ids:
        return None
    # The newest one stays: the numbers of deliveries stand in the history, so none is given twice.
    newest = connection.execute(_NEWEST).scalar()
    of_these = (
        select(delivery, receiver.c.disabled_at)
        .join(receiver, receiver.c.receiver_id == delivery.c.receiver_id)
        .where(delivery.c.message_id.in_(ids))
    )
    settled, left = [], set()
    for one in connection.execute(of_these):
        if _is_settled(one, before) and one.delivery_id != newest:
            settled.append(one.delivery_id)
        else:
            left.add(one.message_id)
    gone = tuple(message_id for message_id in ids if message_id not in left)
    return Old(until=rows[-1].message_id, deliveries=tuple(settled), messages=gone)


def remove_old(connection: Connection, old: Old) -> None:
    """Remove what `old_messages` found in the same transaction."""
    # A city may have many receivers, and a statement takes only so many names.
    for start in range(0, len(old.deliveries), _AT_ONCE):
        ids = old.deliveries[start : start + _AT_ONCE]
        connection.execute(delete(delivery_attempt).where(delivery_attempt.c.delivery_id.in_(ids)))
        connection.execute(delete(delivery).where(delivery.c.delivery_id.in_(ids)))
    connection.execute(delete(message).where(message.c.message_id.in_(old.messages)))


def _is_settled(one: Row[tuple[object, ...]], before: datetime) -> bool:
    match one.state:
        case DeliveryState.DELIVERED:
            return one.delivered_at is not None and one.delivered_at < before
        case DeliveryState.FOLDED:
            return True
        case DeliveryState.DEAD:
            return one.disabled_at is not None and one.disabled_at < before
        case _:
            return False
