"""The outbox: a message and its deliveries are written in the transaction of the change that they tell of.

What is sent is made of a message when it is sent: the address of the service and the prefix of its types belong to the
process that sends, not to each of those that write. Robots are told less than systems: see `robots`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import Connection, insert, select

from dispatch_api.store.ids import rising_id
from dispatch_api.store.schema import delivery, message, receiver
from dispatch_api.store.unit import read_once, write_later

MAX_DATA_BYTES = 16_000
"""A message's data as JSON; with its envelope it stays below the 20 kB that receivers are promised."""
MAX_REASON_CHARS = 400
_TYPE = re.compile(r"[a-z]+(\.[a-z_]+)+\.v[1-9]")
_ENABLED = (
    select(receiver.c.receiver_id, receiver.c.departments, receiver.c.below, receiver.c.types)
    .where(receiver.c.disabled_at.is_(None))
    .order_by(receiver.c.receiver_id)
)


class DeliveryState(StrEnum):
    """How far a message is on its way to one receiver; kept apart from the work that it tells of."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    FOLDED = "folded"


def post(
    connection: Connection,
    *,
    type: str,
    subject: str,
    case_id: str | None,
    departments: Iterable[str],
    colour: str,
    at: datetime,
    data: Mapping[str, Any],
) -> str:
    """Write a message, and one delivery for each enabled receiver that it is for.

    Args:
        connection: The writing transaction that makes the change: both are on disk, or neither.
        type: Like `task.dispatched.v1`; the city's prefix comes before it when it is sent.
        subject: What it is about, like `cases/…` or `tasks/7`; at most 64 letters.
        case_id: The case, where it is about one.
        departments: Whom it concerns. A receiver of some departments gets it if one of them is among these, or one
            below them where it asked for those too; a receiver of the whole city gets every message.
        colour: The case's colour; red passes every quota.
        at: When it happened, aware.
        data: Thin JSON values: keys and words, no pictures, no positions. `text_zh` and `text_en` are what a robot
            says in place of its own words; `link` is the console's page.

    Returns:
        The message's id, which is the CloudEvents `id` and the `webhook-id` of every attempt.

    Raises:
        ValueError: The type has another form, or the data is too long to be sent.
    """
    values = _written(connection, type, subject, case_id, departments, colour, at, data)
    _address(connection, values)
    return str(values["message_id"])


def post_to(
    connection: Connection,
    receiver_id: int,
    *,
    type: str,
    subject: str,
    case_id: str | None,
    departments: Iterable[str],
    colour: str,
    at: datetime,
    data: Mapping[str, Any],
) -> int:
    """Write a message for one receiver, whatever it asked for; the rest as `post`.

    Returns:
        The delivery's id.
    """
    values = _written(connection, type, subject, case_id, departments, colour, at, data)
    result = connection.execute(insert(delivery), {**_due(values), "receiver_id": receiver_id})
    key = result.inserted_primary_key
    return int(key[0]) if key else 0


def is_meant(
    type: str, concerned: Sequence[str], *, of_departments: Sequence[str] | None, of_types: Sequence[str] | None
) -> bool:
    """Whether a receiver gets a message.

    Args:
        type: The message's type, without prefix.
        concerned: The departments that it concerns.
        of_departments: The receiver's departments, those below them too where it gets theirs; None for the whole city.
        of_types: The types that it wants, where `task.` stands for all that begin with it; None for all.
    """
    if of_departments is not None and not set(of_departments) & set(concerned):
        return False
    return of_types is None or any(type == one or (one.endswith(".") and type.startswith(one)) for one in of_types)


def _written(
    connection: Connection,
    type: str,
    subject: str,
    case_id: str | None,
    departments: Iterable[str],
    colour: str,
    at: datetime,
    data: Mapping[str, Any],
) -> dict[str, Any]:
    if not _TYPE.fullmatch(type):
        raise ValueError(f"{type!r} is no type of a message; write it like task.dispatched.v1")
    body = orjson.dumps(data)
    if len(body) > MAX_DATA_BYTES:
        raise ValueError(f"the data of {type} has {len(body)} bytes, more than {MAX_DATA_BYTES}")
    values = {
        "message_id": f"msg_{rising_id()}",
        "type": type,
        "subject": subject,
        "case_id": case_id,
        "departments": sorted(set(departments)),
        "colour": colour,
        "at": at,
        "body": body.decode(),
    }
    write_later(connection, message, values)
    return values


def _address(connection: Connection, written: Mapping[str, Any]) -> None:
    for one in read_once(connection, receiver, "enabled", lambda: connection.execute(_ENABLED).all()):
        own = None if one.departments is None else [*one.departments, *(one.below or ())]
        if is_meant(written["type"], written["departments"], of_departments=own, of_types=one.types):
            write_later(connection, delivery, {**_due(written), "receiver_id": one.receiver_id})


def _due(written: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "message_id": written["message_id"],
        "state": DeliveryState.PENDING.value,
        "attempts": 0,
        "next_at": written["at"],
        "urgent": written["colour"] == "red",
    }
