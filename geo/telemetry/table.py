"""Text tables as other people write them: with a mark before the first letter, semicolons, commas for decimals."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from geo.errors import InputFileError

_DELIMITERS = ",;\t|"
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_DECIMAL_COMMA = re.compile(r"^\s*[+-]?\d+,\d+\s*$")
_UNKNOWN = frozenset({"", "-", "n/a", "na", "null", "none"})


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row: its line in the file, and its cells by column name as written, without outer white space."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table: column names as written (outer white space removed), and rows.

    Attributes:
        columns: Names, in order; of equal ones only the first is kept.
        rows: In order.
        decimal_comma: Whether numbers are written with a comma.
    """

    columns: tuple[str, ...]
    rows: Sequence[Row]
    decimal_comma: bool = False

    def number(self, row: Row, column: str | None) -> float | None:
        """That cell as a number, NaN where it holds something else; None where it is empty or there is no column."""
        text = row.cells.get(column or "", "")
        if text.lower() in _UNKNOWN:
            return None
        if self.decimal_comma and _DECIMAL_COMMA.match(text):
            text = text.replace(",", ".")
        try:
            return float(text)
        except ValueError:
            return math.nan


def decoded(data: bytes) -> str | None:
    """Bytes as text; None where they are none."""
    encoding = next((name for mark, name in _BOMS if data.startswith(mark)), None)
    if encoding is None and b"\0" in data[:4096]:
        return None
    try:
        return data.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        return None if encoding == "utf-16" else data.decode("latin-1")


def read_table(path: Path, text: str) -> Table:
    """A text as a table; the first line that is not empty holds the names.

    Raises:
        InputFileError: There is no header.
    """
    text = text.lstrip("\ufeff")
    lines = text.splitlines()
    skipped = next((number for number, line in enumerate(lines) if line.strip(_DELIMITERS + " \"'")), None)
    if skipped is None:
        raise InputFileError(path=path, problem="the file is empty", remedy="Export it again")
    delimiter = _delimiter(lines[skipped])
    try:
        reader = csv.reader(io.StringIO("\n".join(lines[skipped:])), delimiter=delimiter, skipinitialspace=True)
        columns = [name.strip() for name in next(reader)]
        rows = [Row(line=skipped + reader.line_num, cells=_cells(columns, values)) for values in reader if any(values)]
    except csv.Error as error:
        raise InputFileError(
            path=path, problem=f"cannot be read as a table ({error})", remedy="Export it again"
        ) from error
    return Table(
        columns=tuple(dict.fromkeys(columns)),
        rows=rows,
        decimal_comma=delimiter != ","
        and any(_DECIMAL_COMMA.match(cell) for row in rows[:50] for cell in row.cells.values()),
    )


def _cells(columns: Sequence[str], values: Sequence[str]) -> dict[str, str]:
    cells: dict[str, str] = {}
    for name, value in zip(columns, values, strict=False):
        if not cells.get(name):
            cells[name] = value.strip()
    return cells


def _delimiter(header: str) -> str:
    bare = re.sub(r'"[^"]*"', "", header)
    return max(_DELIMITERS, key=bare.count)
