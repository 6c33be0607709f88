"""The unit of work: rows that nobody reads before the commit are gathered, and written together at its end.

One new case means a dozen entries in history, feed, reminders and messages. Written one by one they cost most of the
time that a case takes. A statement of the same unit that names one of these tables finds them: they are written first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Table, event, insert

T = TypeVar("T")
_KEY = "flyonce.unit"


@dataclass
class Unit:
    """What one transaction has still to write, and what it has read and need not read again.

    `known` lasts until the transaction ends, `known_here` for one of the changes that go into it together.
    """

    rows: dict[Table, list[dict[str, Any]]] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)
    known_here: dict[str, Any] = field(default_factory=dict)
    names: re.Pattern[str] | None = None


@contextmanager
def unit(connection: Connection) -> Iterator[None]:
    """A transaction whose rows are gathered; `flush` writes them, and must be called before it ends."""
    # A connection that was lost no longer gives out its `info`.
    info = connection.info
    info[_KEY] = Unit()
    try:
        yield
    finally:
        info.pop(_KEY, None)


def write_later(connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """Write a row by the end of the unit; at once where there is none. Rows of one table name the same columns."""
    open_unit = _unit_of(connection)
    if open_unit is None:
        connection.execute(insert(table), dict(row))
        return
    if table not in open_unit.rows:
        open_unit.rows[table] = []
        open_unit.names = re.compile(rf"\b({'|'.join(one.name for one in open_unit.rows)})\b")
    open_unit.rows[table].append(dict(row))


def known(connection: Connection, name: str, read: Callable[[], T]) -> T:
    """What `read` gave when it was first asked in this unit; asked each time where there is none.

    For what only this transaction changes, because it holds the store's write lock.
    """
    open_unit = _unit_of(connection)
    if open_unit is None:
        return read()
    if name not in open_unit.known:
        open_unit.known[name] = read()
    value: T = open_unit.known[name]
    return value


def known_here(connection: Connection, name: str, read: Callable[[], T]) -> T:
    """Like `known`, for what a change of somebody else in the same transaction may alter."""
    open_unit = _unit_of(connection)
    if open_unit is None:
        return read()
    if name not in open_unit.known_here:
        open_unit.known_here[name] = read()
    value: T = open_unit.known_here[name]
    return value


def now_known(connection: Connection, name: str, value: object) -> None:
    """Keep what has become of something that `known` told."""
    open_unit = _unit_of(connection)
    if open_unit is not None:
        open_unit.known[name] = value


def end_change(connection: Connection) -> None:
    """One of the changes of this transaction is complete: its rows are written."""
    flush(connection)
    open_unit = _unit_of(connection)
    if open_unit is not None:
        open_unit.known_here = {}


def flush(connection: Connection) -> None:
    """Write what was gathered, table by table in the order in which the tables came up."""
    open_unit = _unit_of(connection)
    if open_unit is None or not open_unit.rows:
        return
    rows, open_unit.rows, open_unit.names = open_unit.rows, {}, None
    for table, values in rows.items():
        connection.execute(insert(table), values)


def forget(connection: Connection) -> None:
    """Take back what was gathered and learnt: the changes that it belonged to were taken back."""
    open_unit = _unit_of(connection)
    if open_unit is not None:
        open_unit.rows, open_unit.known, open_unit.known_here, open_unit.names = {}, {}, {}, None


def flush_before_reading(engine: Engine) -> None:
    """Have every statement that names a table with gathered rows write these first."""

    @event.listens_for(engine, "before_cursor_execute")
    def _flush(
        connection: Connection, _cursor: object, statement: str, _values: object, _context: object, _many: object
    ) -> None:
        open_unit = _unit_of(connection)
        if open_unit is not None and open_unit.names is not None and open_unit.names.search(statement):
            flush(connection)


def _unit_of(connection: Connection) -> Unit | None:
    found: Unit | None = connection.info.get(_KEY)
    return found
