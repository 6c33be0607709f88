"""Routes of exports; each file holds what its asker may see, by the filters of the list of cases."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response, StreamingResponse
from starlette.background import BackgroundTask

from dispatch_api.accounts.access import SEES_CASES, open_to
from dispatch_api.accounts.model import Account, Scope
from dispatch_api.cases.filters import CaseFilter, Wanted
from dispatch_api.doors.export.files import Export
from dispatch_api.parts import Parts, PartsOf, Reader

router = APIRouter(tags=["export"])
_OPEN = open_to(SEES_CASES, scope=Scope.CASES_READ)


def _file(kind: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}}}}}


@router.get("/export/cases.csv", response_class=Response, responses=_file("text/csv"))
@_OPEN
def cases_csv(parts: PartsOf, account: Reader, wanted: Wanted) -> StreamingResponse:
    """Cases as CSV in UTF-8 with a mark; cells that a spreadsheet would run as formulas are made text."""
    return _download(_export(parts, wanted, account).csv(), "text/csv", "cases.csv")


@router.get("/export/cases.gpkg", response_class=Response, responses=_file("application/geopackage+sqlite3"))
@_OPEN
def cases_gpkg(parts: PartsOf, account: Reader, wanted: Wanted) -> FileResponse:
    """Cases as a GeoPackage of points in WGS 84."""
    folder = tempfile.TemporaryDirectory(prefix="flyonce-export-")
    path = Path(folder.name) / "cases.gpkg"
    try:
        _export(parts, wanted, account).geopackage(path)
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
    kind = "text/csv" if form == "csv" else f"application/{form}"
    return _download(_export(parts, wanted, account).gbt(form), kind, f"gbt47678.{form}")


def _export(parts: Parts, wanted: CaseFilter, account: Account) -> Export:
    # While the answer streams it is too late for an error.
    wanted.condition(account)
    return Export(store=parts.store, matters=parts.matters, routing=parts.routing, wanted=wanted, account=account)


def _download(pieces: Iterator[bytes], kind: str, name: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(pieces, media_type=kind, headers=headers)
