"""How much there is to look at, found out without looking at all of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, func, select


def counted_up_to(connection: Connection, most: int, query: Select[Any]) -> int:
    """How many rows a query gives; one more than `most` where it gives more than that."""
    some = query.limit(most + 1).subquery("some")
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())
