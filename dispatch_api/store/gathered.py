"""New rows of a table, kept in the unit of work until somebody else asks for them: changed there, not in the database.

A case is opened, moved and dispatched in one transaction, and each step changes its row. Only the last one is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Boolean, Column, Connection, Float, Row, Table, false, func, insert, select

from dispatch_api.store.last import ask_along, last
from dispatch_api.store.rows import row_maker
from dispatch_api.store.types import UtcTime
from dispatch_api.store.unit import unit_of


class Gathered:
    """The new rows of one table whose number counts up by itself.

    Rows look like those that a query of the table gives: its columns as attributes.
    """

    def __init__(self, table: Table, *, key: str, group: str | None = None) -> None:
        """Of which table.

        Args:
            table: Its rows are never deleted, and nobody else makes any meanwhile.
            key: The column by which rows are asked for and changed.
            group: The column by which rows that belong together are asked for; it does not change.
        """
        numbered = table.autoincrement_column
        if numbered is None:
            raise ValueError(f"{table.name} does not count its rows")
        self._table, self._key, self._group, self._numbered = table, key, group, numbered.name
        names = list(table.c.keys())
        self._make_row = row_maker(table.name, names)
        self._defaults = {column.name: _default(column) for column in table.c}
        self._as_read = {column.name: made for column in table.c if (made := _as_read(column)) is not None}
        self._counts = "version" in names
        ask_along(table.name, select(func.coalesce(func.max(numbered), 0)).scalar_subquery())
        self._insert = insert(table).returning(table)

    def add(self, connection: Connection, values: Mapping[str, Any]) -> Row[Any]:
        """A new row with these columns, the others as the table has them by default."""
        open_unit = unit_of(connection)
        if open_unit is None:
            return connection.execute(self._insert, dict(values)).one()
        numbers = last(connection)
        number = numbers[self._table.name] = numbers[self._table.name] + 1
        columns = {**self._defaults, **self._read_back(values), self._numbered: number}
        open_unit.rows_of(self._table)[columns[self._key]] = columns
        if self._group is not None:
            open_unit.groups.setdefault(self._table, {}).setdefault(columns[self._group], []).append(columns)
        open_unit.read.pop(self._table.name, None)
        return self._shown(columns)

    def change(self, connection: Connection, key: object, values: Mapping[str, Any]) -> Row[Any] | None:
        """The row of a key with these columns changed and its version counted up; None where it is not kept here."""
        columns = self._kept(connection).get(key)
        if columns is None:
            return None
        columns.update(self._read_back(values))
        if self._counts:
            columns["version"] += 1
        return self._shown(columns)

    def note(self, connection: Connection, key: object, values: Mapping[str, Any]) -> None:
        """Set columns that follow from rows of other tables: no change that its version would count."""
        self._kept(connection)[key].update(values)

    def has(self, connection: Connection, key: object) -> bool:
        """Whether the row of a key is kept here."""
        return key in self._kept(connection)

    def get(self, connection: Connection, key: object) -> Row[Any] | None:
        """The row of a key; None where it is not kept here."""
        columns = self._kept(connection).get(key)
        return None if columns is None else self._shown(columns)

    def of_group(self, connection: Connection, value: str) -> list[Row[Any]]:
        """The rows kept here that belong together, in the order of their making."""
        open_unit = unit_of(connection)
        groups = {} if open_unit is None else open_unit.groups.get(self._table, {})
        return [self._shown(columns) for columns in groups.get(value, ())]

    def _kept(self, connection: Connection) -> dict[Any, Any]:
        open_unit = unit_of(connection)
        return {} if open_unit is None else open_unit.rows.get(self._table, {})

    def _shown(self, columns: Mapping[str, Any]) -> Row[Any]:
        # In the order of the table: so were the defaults, and whatever was set since kept its place.
        return self._make_row(columns.values())

    def _read_back(self, values: Mapping[str, Any]) -> dict[str, Any]:
        makers = self._as_read
        return {
            name: makers[name](value) if value is not None and name in makers else value
            for name, value in values.items()
        }


def _default(column: Column[Any]) -> Any:  # noqa: ANN401 - a value of the column
    given = column.server_default
    if given is None:
        return None
    if isinstance(column.type, Boolean):
        return not _is_false(given)
    text = str(given.arg)  # type: ignore[attr-defined]  # of DefaultClause, the only kind in our schema
    return float(text) if isinstance(column.type, Float) else int(text)


def _is_false(given: Any) -> bool:  # noqa: ANN401 - a default of a column
    return isinstance(given.arg, type(false()))


def _as_read(column: Column[Any]) -> Callable[[Any], Any] | None:
    """What the database makes of a value by the time that it is read again."""
    if isinstance(column.type, UtcTime):
        return _utc
    return float if isinstance(column.type, Float) else None


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone")
    return at.astimezone(UTC)
