"""The unit of work: rows that nobody reads before the commit are gathered, and written together at its end.

One new case means two dozen entries: itself, its tasks, history, feed, reminders, messages. Written one by one they
cost most of the time that a case takes. A statement of the same unit that names one of these tables finds them: they
are written first. `gathered` keeps whole rows so, that can still be changed until then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Table, event

from dispatch_api.store.bulk import Put, write_rows
from dispatch_api.store.pipeline import sent_together

T = TypeVar("T")
Target = Table | Put
_KEY = "flyonce_unit"
_PUTS_LAST = 1_000_000
_WRITES = re.compile(r'(?:INSERT\s+(?:OR\s+REPLACE\s+)?INTO|UPDATE|DELETE\s+FROM)\s+"?(\w+)', re.IGNORECASE)


@dataclass
class Unit:
    """What one transaction has still to write, and what it has read and need not read again.

    Attributes:
        rows: What is to be written, by key where a later row of that key takes an earlier one's place.
        groups: Of some of these tables, the rows that belong together.
        known: What only this transaction changes, because it holds the store's write lock; it keeps that up to date.
        read: What was read of a table, by the table's name: known until this transaction writes to it.
        settled: The same, but known until gathered rows are written: whoever asks adds those that still wait.
        only_read: False once the transaction did anything but read.
    """

    rows: dict[Target, dict[Hashable, Mapping[str, Any]]] = field(default_factory=dict)
    groups: dict[Table, dict[Hashable, list[Any]]] = field(default_factory=dict)
    known: dict[Hashable, Any] = field(default_factory=dict)
    read: dict[str, dict[Hashable, Any]] = field(default_factory=dict)
    settled: dict[str, dict[Hashable, Any]] = field(default_factory=dict)
    only_read: bool = True

    def rows_of(self, target: Target) -> dict[Hashable, Mapping[str, Any]]:
        """What is to be written to one table, by key."""
        return self.rows.setdefault(target, {})

    def is_named(self, statement: str) -> bool:
        """Whether a statement reads, or refers to, what is still to be written."""
        if not self.rows:
            return False
        names = tuple(target.name for target in self.rows)
        needed = names if _reads(statement) else _with_referring(names, tuple(self.rows))
        return _any_of(needed).search(statement) is not None


@contextmanager
def unit(connection: Connection) -> Iterator[None]:
    """A transaction whose rows are gathered; `flush` writes them, and must be called before it ends."""
    connection.execution_options(**{_KEY: Unit()})
    try:
        yield
    finally:
        connection.execution_options(**{_KEY: None})


def unit_of(connection: Connection) -> Unit | None:
    """The unit of a connection, None where its rows are written at once."""
    found: Unit | None = connection.get_execution_options().get(_KEY)
    return found


def write_later(connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """Write a row by the end of the unit; at once where there is none. Rows of one table name the same columns."""
    open_unit = unit_of(connection)
    if open_unit is None:
        write_rows(connection, table, [row])
        return
    rows = open_unit.rows_of(table)
    rows[len(rows)] = row
    open_unit.read.pop(table.name, None)


def put_later(connection: Connection, put: Put, key: Hashable, row: Mapping[str, Any]) -> None:
    """Like `write_later`, for what takes the place of an earlier row of the same key."""
    open_unit = unit_of(connection)
    if open_unit is None:
        write_rows(connection, put, [row])
    else:
        open_unit.rows_of(put)[key] = row


def known(connection: Connection, name: Hashable, read: Callable[[], T]) -> T:
    """What `read` gave when it was first asked in this unit; asked each time where there is none.

    For what only this transaction changes, because it holds the store's write lock, and keeps up with `now_known`.
    """
    open_unit = unit_of(connection)
    if open_unit is None:
        return read()
    if name not in open_unit.known:
        open_unit.known[name] = read()
    value: T = open_unit.known[name]
    return value


def now_known(connection: Connection, name: Hashable, value: object) -> None:
    """Keep what has become of something that `known` told."""
    open_unit = unit_of(connection)
    if open_unit is not None:
        open_unit.known[name] = value


def read_once(connection: Connection, table: Table, name: Hashable, read: Callable[[], T]) -> T:
    """What `read` gave of a table when it was first asked in this unit, until anything is written to that table."""
    open_unit = unit_of(connection)
    return read() if open_unit is None else _once(open_unit.read, table, name, read)


def read_settled(connection: Connection, table: Table, name: Hashable, read: Callable[[], T]) -> T:
    """What `read` gave of the rows that are written already; those of this unit that still wait are not among them."""
    open_unit = unit_of(connection)
    return read() if open_unit is None else _once(open_unit.settled, table, name, read)


def _once(kept: dict[str, dict[Hashable, Any]], table: Table, name: Hashable, read: Callable[[], T]) -> T:
    of_table = kept.get(table.name)
    if of_table is None or name not in of_table:
        value = read()
        # Only now: reading may have written gathered rows of this very table.
        kept.setdefault(table.name, {})[name] = value
        return value
    found: T = of_table[name]
    return found


def read_ahead(connection: Connection, table: Table, values: Mapping[Hashable, Any]) -> None:
    """Know by their names what `read_once` would read of a table one by one."""
    open_unit = unit_of(connection)
    if open_unit is not None:
        open_unit.read.setdefault(table.name, {}).update(values)


def settle_ahead(connection: Connection, table: Table, values: Mapping[Hashable, Any]) -> None:
    """Know by their names what `read_settled` would read of a table one by one."""
    open_unit = unit_of(connection)
    if open_unit is not None:
        open_unit.settled.setdefault(table.name, {}).update(values)


def has_only_read(connection: Connection) -> bool:
    """Whether a transaction sees what everybody sees: nothing of its own that may yet be taken back."""
    open_unit = unit_of(connection)
    return open_unit is not None and open_unit.only_read and not open_unit.rows


def flush(connection: Connection) -> None:
    """Write what was gathered, each table after those that it refers to."""
    open_unit = unit_of(connection)
    if open_unit is None or not open_unit.rows:
        return
    rows, open_unit.rows, open_unit.groups = open_unit.rows, {}, {}
    with sent_together(connection):
        for target in sorted(rows, key=_rank):
            write_rows(connection, target, list(rows[target].values()))


def forget(connection: Connection) -> None:
    """Take back what was gathered and learnt: the changes that it belonged to were taken back."""
    open_unit = unit_of(connection)
    if open_unit is not None:
        open_unit.rows, open_unit.groups, open_unit.known = {}, {}, {}
        open_unit.read, open_unit.settled = {}, {}


def flush_before_reading(engine: Engine) -> None:
    """Have every statement that needs gathered rows write these first, and forget what was read of what it changes."""

    @event.listens_for(engine, "before_cursor_execute")
    def _flush(
        connection: Connection, _cursor: object, statement: str, _values: object, _context: object, _many: object
    ) -> None:
        open_unit = unit_of(connection)
        if open_unit is None:
            return
        if open_unit.is_named(statement):
            flush(connection)
        open_unit.only_read = open_unit.only_read and _reads(statement)
        if (open_unit.read or open_unit.settled) and (written := _WRITES.search(statement)):
            open_unit.read.pop(written[1], None)
            open_unit.settled.pop(written[1], None)


def _reads(statement: str) -> bool:
    return statement.lstrip()[:6].upper() == "SELECT"


@cache
def _any_of(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b({'|'.join(names)})\b")


@cache
def _with_referring(names: tuple[str, ...], targets: tuple[Target, ...]) -> tuple[str, ...]:
    """With the tables whose rows may refer to rows of these: what is written there needs them to be there."""
    tables = {target for target in targets if isinstance(target, Table)}
    referring = {
        other.name
        for table in tables
        for other in table.metadata.tables.values()
        if any(key.column.table is table for key in other.foreign_keys)
    }
    return (*names, *sorted(referring - set(names)))


@cache
def _rank(target: Target) -> int:
    # What is put may refer to rows of tables; nothing refers to it.
    return _PUTS_LAST if isinstance(target, Put) else target.metadata.sorted_tables.index(target)
