"""The feed: what changed, in order, for whoever watches. Written in the transaction of the change itself.

Its oldest entries are forgotten after a while, and up to which one is kept (`forgotten_until`): who comes back with an
older one has missed something and is told so. The newest entry always stays, so that numbers only rise.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select

from dispatch_api.store.dialects import COUNT
from dispatch_api.store.schema import counter, feed
from dispatch_api.store.unit import put_later, write_later

_FORGOTTEN = "feed.forgotten_until"

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
        "report.changed",
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


def forgotten_until(connection: Connection) -> int:
    """The newest entry that is not kept any more, 0 when all are: what came before it cannot be told again."""
    query = select(counter.c.value).where(counter.c.name == _FORGOTTEN)
    return int(connection.execute(query).scalar() or 0)


def old_feed(connection: Connection, *, before: datetime, after: int, most: int) -> Sequence[int]:
    """The entries after `after` that were written before a moment, the oldest first, at most so many.

    They end at the first one that was not: what is kept has no gap.
    """
    query = select(feed.c.feed_id, feed.c.at).where(feed.c.feed_id > after, feed.c.feed_id < last_feed_id(connection))
    rows = connection.execute(query.order_by(feed.c.feed_id).limit(most))
    return [row.feed_id for row in itertools.takewhile(lambda row: row.at < before, rows.all())]


def forget_feed(connection: Connection, *, until: int) -> int:
    """Forget the feed up to an entry of `old_feed`, in a writing transaction; returns how many there were."""
    until = max(until, forgotten_until(connection))
    put_later(connection, COUNT, _FORGOTTEN, {"name": _FORGOTTEN, "value": until})
    return connection.execute(delete(feed).where(feed.c.feed_id <= until)).rowcount
