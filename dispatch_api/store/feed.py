"""The feed: what changed, in order, for whoever watches. Written in the transaction of the change itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from dispatch_api.store.schema import feed
from dispatch_api.store.unit import write_later

FEED_TYPES = frozenset(
    {
        "case.opened",
        "case.updated",
        "case.joined",
        "task.changed",
        "flight.started",
        "flight.position",
        "flight.photo",
        "flight.ended",
        "zones.changed",
        "visit.changed",
        "storm.changed",
        "evidence.over_quota",
    }
)


def append_feed(
    connection: Connection,
    *,
    kind: str,
    at: datetime,
    data: dict[str, Any],
    case_id: str | None = None,
    departments: Sequence[str] | None = (),
) -> None:
    """Tell watchers of a change.

    Args:
        connection: The writing transaction that makes the change.
        kind: One of `FEED_TYPES`.
        at: When.
        data: JSON object with what a page needs to draw it.
        case_id: The case it belongs to.
        departments: The departments that may see it; None means every department. Operators and the centre see all.
    """
    if kind not in FEED_TYPES:
        raise ValueError(f"{kind!r} is no feed type")
    audience = None if departments is None else sorted(set(departments))
    values = {"at": at, "type": kind, "case_id": case_id, "departments": audience, "data": data}
    write_later(connection, feed, values)


def last_feed_id(connection: Connection) -> int:
    """The newest entry's id, 0 when there is none."""
    return int(connection.execute(select(func.coalesce(func.max(feed.c.feed_id), 0))).scalar_one())
