"""Many rows in one statement, handed to the driver as it wants them.

SQLAlchemy looks at each row of an INSERT anew: which columns it names, which values are expressions. Rows that are all
alike need that once, and then only what its types make of each value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table, TextClause, insert


@dataclass(frozen=True, eq=False)
class Put:
    """A statement that sets one row, whether it was there or not.

    Attributes:
        name: The table that it writes to.
        statements: By dialect, with named parameters.
    """

    name: str
    statements: Mapping[str, TextClause]


def write_rows(connection: Connection, target: Table | Put, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows that name the same columns.

    Args:
        connection: The writing transaction.
        target: A table that they are added to, or a statement that puts them.
        rows: At least one.
    """
    if isinstance(target, Put):
        connection.execute(target.statements[connection.dialect.name], [dict(row) for row in rows])
        return
    adding = _adding(target, tuple(rows[0]), connection.dialect)
    connection.exec_driver_sql(adding.sql, adding.values(rows))


@dataclass(frozen=True)
class _Adding:
    sql: str
    columns: tuple[tuple[str, Callable[[Any], Any] | None], ...]
    by_name: bool

    def values(self, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        columns = [[row[name] for row in rows] for name, _ in self.columns]
        made = [
            values if make is None else _made_once(make, values)
            for values, (_, make) in zip(columns, self.columns, strict=True)
        ]
        if self.by_name:
            names = [name for name, _ in self.columns]
            return [dict(zip(names, row, strict=True)) for row in zip(*made, strict=True)]
        return list(zip(*made, strict=True))


def _made_once(make: Callable[[Any], Any], values: Sequence[Any]) -> list[Any]:
    """What the database is given for each value; rows written together share many: a moment, a rule, a list."""
    made: dict[int, Any] = {}
    for value in values:
        # By identity: all of them live as long as this lasts, and what is changed between is not the same row.
        if id(value) not in made:
            made[id(value)] = make(value)
    return [made[id(value)] for value in values]


@lru_cache(maxsize=256)
def _adding(table: Table, names: tuple[str, ...], dialect: Dialect) -> _Adding:
    compiled = insert(table).compile(dialect=dialect, column_keys=list(names))
    order = compiled.positiontup  # None where parameters have names
    columns = tuple((name, _maker(table, name, dialect)) for name in (order or names))
    return _Adding(sql=str(compiled), columns=columns, by_name=order is None)


def _maker(table: Table, name: str, dialect: Dialect) -> Callable[[Any], Any] | None:
    kind = table.c[name].type
    made: Callable[[Any], Any] | None = kind.dialect_impl(dialect).bind_processor(dialect)
    return made
