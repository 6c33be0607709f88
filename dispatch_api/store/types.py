"""Column types that hold and compare the same on SQLite and PostgreSQL.

The migrations use them too: what they make of a column must never change, or old migrations would make something else.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String, Text, TypeDecorator

# 64 bits on both (SQLite's INTEGER always has them; a key must be plain INTEGER there to be counted up).
WHOLE = Integer().with_variant(BigInteger(), "postgresql")

# Compared byte by byte, as SQLite does: Chinese sorts the same whatever the server's language is.
TEXT = Text().with_variant(Text(collation="C"), "postgresql")


def words(length: int) -> String:
    """Text meant to be at most `length` letters long.

    SQLite does not enforce it, so PostgreSQL must not either: what one store takes, the other takes.
    """
    return String(length).with_variant(Text(collation="C"), "postgresql")


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time; a naive one is refused, so that no local time slips in."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database: UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ANN401 - the base's
        """From the database: aware UTC (SQLite gives back a naive time)."""
        if value is None:
            return None
        at: datetime = value
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def as_json(value: object) -> str:
    """The text of a JSON column; its letters as they are, numbers of numpy as numbers."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()
