"""Rows that are kept and read many times over."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from sqlalchemy import Row


def row_maker(name: str, columns: Sequence[str]) -> Callable[[Iterable[Any]], Row[Any]]:
    """What makes rows of these columns, in their order, that look like the database's.

    Those of SQLAlchemy look each column up by its name, and a map asks for thirty thousand: ten times as long.
    """
    made: Any = namedtuple(f"{name}_row", columns)  # type: ignore[misc]  # columns of a table
    return cast("Callable[[Iterable[Any]], Row[Any]]", made._make)
