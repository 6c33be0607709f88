"""The files of an export, as pieces of bytes or written to disk: for the service and the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from dispatch_api.accounts.model import Account
from dispatch_api.cases.filters import CaseFilter
from dispatch_api.cases.matters import Matters
from dispatch_api.departments.routing import Routing
from dispatch_api.doors.export.gbt import FIELDS, NOTICE, as_xml, gbt_record, leads_of
from dispatch_api.doors.export.geopackage import write_geopackage
from dispatch_api.doors.export.spreadsheet import csv_lines
from dispatch_api.doors.export.table import COLUMNS, columns_of, exported_rows
from dispatch_api.store import Store

_CHUNK = 1000


@dataclass(frozen=True, kw_only=True)
class Export:
    """Cases on their way out.

    Attributes:
        store: Where they lie.
        matters: For names and codes.
        routing: For departments.
        wanted: Which cases.
        account: Who asks: the files hold what it may see.
    """

    store: Store
    matters: Matters
    routing: Routing
    wanted: CaseFilter
    account: Account

    def table(self) -> Iterator[dict[str, Any]]:
        """Each case with `COLUMNS`."""
        with self.store.read() as connection:
            for row in exported_rows(connection, self.wanted, self.account):
                yield columns_of(row, self.matters)

    def records(self) -> Iterator[dict[str, Any]]:
        """Each case with the fields of GB/T 47678.5."""
        with self.store.read() as connection:
            rows = exported_rows(connection, self.wanted, self.account)
            while chunk := list(islice(rows, _CHUNK)):
                leads = leads_of(connection, chunk, self.account)
                for row in chunk:
                    yield gbt_record(row, leads.get(row.case_id), matters=self.matters, routing=self.routing)

    def csv(self) -> Iterator[bytes]:
        """The table as CSV."""
        return csv_lines(self.table(), COLUMNS)

    def geopackage(self, path: Path) -> int:
        """Write the table as a GeoPackage; returns the number of cases."""
        rows = list(self.table())
        write_geopackage(path, rows, COLUMNS)
        return len(rows)

    def gbt(self, form: str) -> Iterator[bytes]:
        """The records as `csv`, `json` or `xml`."""
        match form:
            case "csv":
                flat = ({**record, "missing": "; ".join(record["missing"])} for record in self.records())
                return csv_lines(flat, FIELDS)
            case "xml":
                return as_xml(self.records())
            case _:
                return _as_json(self.records())


def _as_json(records: Iterator[Mapping[str, Any]]) -> Iterator[bytes]:
    yield (json.dumps({"notice": NOTICE}, ensure_ascii=False)[:-1] + ', "cases": [').encode()
    for number, record in enumerate(records):
        yield (",\n" if number else "\n").encode() + json.dumps(record, ensure_ascii=False).encode()
    yield b"\n]}\n"
