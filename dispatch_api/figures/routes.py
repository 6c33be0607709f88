"""Routes of the monthly figures."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from dispatch_api.accounts.access import SEES_CASES, open_to
from dispatch_api.figures.model import Month
from dispatch_api.figures.views import as_csv, as_json, figures_of
from dispatch_api.parts import PartsOf, Reader

router = APIRouter(tags=["figures"])
MonthText = Annotated[str, Query(pattern=r"^20\d\d-(0[1-9]|1[0-2])$", examples=["2026-11"])]


@router.get("/figures")
@open_to(SEES_CASES)
def figures(parts: PartsOf, account: Reader, month: MonthText) -> dict[str, Any]:
    """What became of the cases that were dispatched in a month; a department gets its own lines."""
    wanted = Month.parse(month)
    with parts.store.read() as connection:
        lines = figures_of(connection, wanted, account=account, matters=parts.matters)
    return as_json(lines, wanted, matters=parts.matters, departments=parts.routing.departments)


@router.get("/figures.csv", response_class=Response)
@open_to(SEES_CASES)
def figures_csv(parts: PartsOf, account: Reader, month: MonthText) -> Response:
    """The same as a table for a spreadsheet."""
    wanted = Month.parse(month)
    with parts.store.read() as connection:
        lines = figures_of(connection, wanted, account=account, matters=parts.matters)
    text = as_csv(lines, wanted, matters=parts.matters, departments=parts.routing.departments)
    headers = {"Content-Disposition": f'attachment; filename="figures-{wanted.text}.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
