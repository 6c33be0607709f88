"""Routes of exports; each file holds what its asker may see, by the filters of the list of cases."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response, StreamingResponse
from starlette.background import BackgroundTask

from dispatch_api.accounts.access import SEES_CASES, open_to
from dispatch_api.accounts.model import Account, Scope
from dispatch_api.cases.filters import CaseFilter, Wanted
from dispatch_api.doors.export.gbt import FIELDS, NOTICE, as_xml, gbt_record, leads_of
from dispatch_api.doors.export.geopackage import write_geopackage
from dispatch_api.doors.export.spreadsheet import csv_lines
from dispatch_api.doors.export.table import COLUMNS, columns_of, exported_rows
from dispatch_api.parts import Parts, PartsOf, Reader

router = APIRouter(tags=["export"])
_OPEN = open_to(SEES_CASES, scope=Scope.CASES_READ)
_CHUNK = 1000


def _file(kind: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}}}}}


@router.get("/export/cases.csv", response_class=Response, responses=_file("text/csv"))
@_OPEN
def cases_csv(parts: PartsOf, account: Reader, wanted: Wanted) -> StreamingResponse:
    """Cases as CSV in UTF-8 with a mark; cells that a spreadsheet would run as formulas are made text."""
    _check(wanted, account)
    return _download(csv_lines(_table(parts, wanted, account), COLUMNS), "text/csv", "cases.csv")


@router.get("/export/cases.gpkg", response_class=Response, responses=_file("application/geopackage+sqlite3"))
@_OPEN
def cases_gpkg(parts: PartsOf, account: Reader, wanted: Wanted) -> FileResponse:
    """Cases as a GeoPackage of points in WGS 84."""
    folder = tempfile.TemporaryDirectory(prefix="flyonce-export-")
    path = Path(folder.name) / "cases.gpkg"
    try:
        write_geopackage(path, list(_table(parts, wanted, account)), COLUMNS)
    except BaseException:
        folder.cleanup()
        raise
    return FileResponse(
        path,
        media_type="application/geopackage+sqlite3",
        filename=path.name,
        background=BackgroundTask(folder.cleanup),
    )


@router.get(
    "/export/gbt47678.{form}",
    response_class=Response,
    responses={
        200: {
            "content": {
                "text/csv": {"schema": {"type": "string", "format": "binary"}},
                "application/json": {"schema": {"type": "object"}},
                "application/xml": {"schema": {"type": "string", "format": "binary"}},
            }
        }
    },
)
@_OPEN
def gbt47678(parts: PartsOf, account: Reader, wanted: Wanted, form: Literal["csv", "json", "xml"]) -> StreamingResponse:
    """Cases in the fields of GB/T 47678.5 (unverified transcription); each names what is `missing`."""
    _check(wanted, account)
    records, name = _records(parts, wanted, account), f"gbt47678.{form}"
    match form:
        case "csv":
            flat = ({**record, "missing": "; ".join(record["missing"])} for record in records)
            return _download(csv_lines(flat, FIELDS), "text/csv", name)
        case "xml":
            return _download(as_xml(records), "application/xml", name)
        case "json":
            return _download(_as_json(records), "application/json", name)


def _check(wanted: CaseFilter, account: Account) -> None:
    # While the answer streams it is too late for an error.
    wanted.condition(account)


def _table(parts: Parts, wanted: CaseFilter, account: Account) -> Iterator[dict[str, Any]]:
    with parts.store.read() as connection:
        for row in exported_rows(connection, wanted, account):
            yield columns_of(row, parts.matters)


def _records(parts: Parts, wanted: CaseFilter, account: Account) -> Iterator[dict[str, Any]]:
    with parts.store.read() as connection:
        rows = exported_rows(connection, wanted, account)
        while chunk := list(islice(rows, _CHUNK)):
            leads = leads_of(connection, chunk, account)
            for row in chunk:
                yield gbt_record(row, leads.get(row.case_id), matters=parts.matters, routing=parts.routing)


def _as_json(records: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    yield (json.dumps({"notice": NOTICE}, ensure_ascii=False)[:-1] + ', "cases": [').encode()
    for number, record in enumerate(records):
        yield (",\n" if number else "\n").encode() + json.dumps(record, ensure_ascii=False).encode()
    yield b"\n]}\n"


def _download(pieces: Iterator[bytes], kind: str, name: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(pieces, media_type=kind, headers=headers)
