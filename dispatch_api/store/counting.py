"""Numbers without gaps, counted up under a name."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, bindparam, insert, update

from dispatch_api.store.schema import counter

_UP = (
    update(counter)
    .where(counter.c.name == bindparam("of_name"))
    .values(value=counter.c.value + 1)
    .returning(counter.c.value)
)


def count_up(connection: Connection, name: str) -> int:
    """The next number of a name, from 1. One that is taken back with its transaction is given again."""
    value = connection.execute(_UP, {"of_name": name}).scalar()
    if value is None:
        connection.execute(insert(counter), {"name": name, "value": 1})
        return 1
    return int(value)


def next_number(connection: Connection, name: str, day: date, *, prefix: str = "") -> str:
    """The next free number of a local day, like `20261121-0007`, counted under `name`."""
    return f"{prefix}{day:%Y%m%d}-{count_up(connection, f'{name}:{day:%Y%m%d}'):04d}"
