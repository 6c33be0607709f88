"""Numbers without gaps, counted up under a name."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, bindparam, select

from dispatch_api.store.dialects import COUNT
from dispatch_api.store.schema import counter
from dispatch_api.store.unit import known, now_known, put_later

_VALUE = select(counter.c.value).where(counter.c.name == bindparam("of_name"))


def count_up(connection: Connection, name: str) -> int:
    """The next number of a name, from 1. One that is taken back with its transaction is given again."""
    counted = f"count of {name}"
    value = 1 + known(connection, counted, lambda: int(connection.execute(_VALUE, {"of_name": name}).scalar() or 0))
    now_known(connection, counted, value)
    put_later(connection, COUNT, name, {"name": name, "value": value})
    return value


def next_number(connection: Connection, name: str, day: date, *, prefix: str = "") -> str:
    """The next free number of a local day, like `20261121-0007`, counted under `name`."""
    return f"{prefix}{day:%Y%m%d}-{count_up(connection, f'{name}:{day:%Y%m%d}'):04d}"
