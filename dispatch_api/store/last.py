"""What the next row of tables that count up goes on from, asked for together: who opens a case needs it of them all."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Label, ScalarSelect, select

from dispatch_api.store.unit import known

_ASKED: dict[str, Label[Any]] = {}


def ask_along(name: str, value: ScalarSelect[Any]) -> None:
    """Have a value asked for with the others from now on."""
    _ASKED[name] = value.label(name)


def last(connection: Connection) -> dict[str, Any]:
    """Every value by its name, as it was before this unit wrote anything; who goes on from one keeps it up to date."""
    return known(connection, "last", lambda: dict(connection.execute(select(*_ASKED.values())).one()._mapping))
