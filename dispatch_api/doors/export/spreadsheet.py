"""CSV that spreadsheets open as it is meant: UTF-8 with a mark, and no cell that they would run."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from typing import Any

BOM = "\ufeff"
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_lines(rows: Iterable[Mapping[str, Any]], header: Iterable[str]) -> Iterator[bytes]:
    """The file piece by piece, one line at a time.

    Args:
        rows: Values by the names of columns; numbers stay numbers, truth values become 0 and 1.
        header: The names of the columns in their order.
    """
    names = list(header)
    yield (BOM + _line(names)).encode("utf-8")
    for row in rows:
        yield _line([defused(row.get(name)) for name in names]).encode("utf-8")


def defused(value: Any) -> Any:  # noqa: ANN401 - whatever a cell holds
    """A cell that no spreadsheet takes for a formula: text that begins like one gets an apostrophe before it."""
    if isinstance(value, bool):
        return int(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(_STARTS_A_FORMULA) else value


def _line(cells: list[Any]) -> str:
    out = StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()
