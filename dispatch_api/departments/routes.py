"""Routes that name departments and count what they have to do."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from dispatch_api.accounts.access import EVERYBODY, SEES_CASES, open_to
from dispatch_api.accounts.model import Scope
from dispatch_api.figures.open_counts import open_counts
from dispatch_api.figures.summary import summary_of
from dispatch_api.parts import PartsOf, Reader
from dispatch_api.store.times import utc_now

router = APIRouter(tags=["departments"])


@router.get("/departments")
@open_to(EVERYBODY, scope=Scope.CASES_READ)
def departments(parts: PartsOf, _account: Reader) -> dict[str, Any]:
    """The departments by key, with their names."""
    listed = parts.routing.departments.by_key.values()
    return {"items": [{"key": d.key, "name_zh": d.name.zh, "name_en": d.name.en} for d in listed]}


@router.get("/summary")
@open_to(SEES_CASES)
def summary(parts: PartsOf, account: Reader) -> dict[str, Any]:
    """Counts of what the asker may see; `open_…` of cases that have not ended."""
    with parts.store.read() as connection:
        told = summary_of(connection, account, departments=parts.routing.departments, at=utc_now())
        return told | open_counts(connection, account, parts.matters)
