"""Many rows in one statement, handed to the driver as it wants them.

SQLAlchemy looks at each row of an INSERT anew: which columns it names, which values are expressions. Rows that are all
alike need that once, and then only what its types make of each value. SQLite is handed one row after the other, which
costs nothing in one process. PostgreSQL is handed all of them as one value, which it takes apart itself: one answer to
wait for instead of one for each row, and at each the service's other threads may take the interpreter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import JSON, Connection, Dialect, Table, TextClause, insert


@dataclass(frozen=True, eq=False)
class Put:
    """A statement that sets one row, whether it was there or not.

    Attributes:
        name: The table that it writes to.
        statements: By dialect; on SQLite with a parameter for each column; on PostgreSQL with `:rows`, all as JSON.
    """

    name: str
    statements: Mapping[str, TextClause]


def write_rows(connection: Connection, target: Table | Put, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows that name the same columns.

    Args:
        connection: The writing transaction.
        target: A table that they are added to, or a statement that puts them; no row is put twice.
        rows: At least one.
    """
    together = connection.dialect.name == "postgresql"
    if isinstance(target, Put):
        values: Any = {"rows": _text_of(rows)} if together else [dict(row) for row in rows]
        connection.execute(target.statements[connection.dialect.name], values)
        return
    adding = (_adding_together if together else _adding)(target, tuple(rows[0]), connection.dialect)
    connection.exec_driver_sql(adding.sql, adding.values(rows))


@dataclass(frozen=True)
class _Adding:
    """A statement for one row after the other."""

    sql: str
    columns: tuple[tuple[str, Callable[[Any], Any] | None], ...]

    def values(self, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
        return list(zip(*_made(self.columns, rows), strict=True))


@dataclass(frozen=True)
class _AddingTogether(_Adding):
    """A statement for all rows at once."""

    def values(self, rows: Sequence[Mapping[str, Any]]) -> Any:  # noqa: ANN401 - what the driver takes
        names = [name for name, _ in self.columns]
        return {"rows": _text_of([dict(zip(names, row, strict=True)) for row in super().values(rows)])}


def _made(
    columns: Sequence[tuple[str, Callable[[Any], Any] | None]], rows: Sequence[Mapping[str, Any]]
) -> list[list[Any]]:
    """What the database is given for each value, column by column."""
    values = (([row[name] for row in rows], make) for name, make in columns)
    return [column if make is None else _made_once(make, column) for column, make in values]


def _made_once(make: Callable[[Any], Any], values: Sequence[Any]) -> list[Any]:
    """Rows written together share many values: a moment, a rule, a list."""
    made: dict[int, Any] = {}
    # By identity: all of them live as long as this lasts, and what is changed between is not the same row.
    return [made[key] if (key := id(value)) in made else made.setdefault(key, make(value)) for value in values]


def _text_of(rows: Sequence[Mapping[str, Any]]) -> str:
    return orjson.dumps([dict(row) for row in rows], option=orjson.OPT_SERIALIZE_NUMPY).decode()


@lru_cache(maxsize=256)
def _adding(table: Table, names: tuple[str, ...], dialect: Dialect) -> _Adding:
    compiled = insert(table).compile(dialect=dialect, column_keys=list(names))
    columns = tuple((name, _maker(table, name, dialect)) for name in compiled.positiontup or ())
    return _Adding(sql=str(compiled), columns=columns)


@lru_cache(maxsize=256)
def _adding_together(table: Table, names: tuple[str, ...], dialect: Dialect) -> _AddingTogether:
    columns = [table.c[name] for name in names]
    quoted = {column.name: dialect.identifier_preparer.format_column(column) for column in columns}
    kinds = ", ".join(f"{quoted[column.name]} {column.type.compile(dialect)}" for column in columns)
    # What is nothing in a column of JSON is its `null`, unless the column says otherwise; so SQLAlchemy writes it.
    nothing = {column.name for column in columns if isinstance(column.type, JSON) and not column.type.none_as_null}
    taken = ", ".join(f"coalesce({one}, 'null')" if name in nothing else one for name, one in quoted.items())
    sql = (
        f"INSERT INTO {dialect.identifier_preparer.format_table(table)} ({', '.join(quoted.values())}) "
        f"SELECT {taken} FROM json_to_recordset(CAST(%(rows)s AS json)) AS told ({kinds})"
    )
    makers = ((column, _maker(table, column.name, dialect)) for column in columns)
    # JSON within JSON stays what it is.
    made = tuple((str(column.name), None if isinstance(column.type, JSON) else make) for column, make in makers)
    return _AddingTogether(sql=sql, columns=made)


def _maker(table: Table, name: str, dialect: Dialect) -> Callable[[Any], Any] | None:
    kind = table.c[name].type
    made: Callable[[Any], Any] | None = kind.dialect_impl(dialect).bind_processor(dialect)
    return made
