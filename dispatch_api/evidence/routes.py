"""Routes of evidence: pictures made from originals. The sealed original is never served here."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse
from sqlalchemy import select

from dispatch_api.accounts.access import SEES_CASES, Subject, open_to
from dispatch_api.accounts.model import Scope
from dispatch_api.accounts.sight import visible_cases
from dispatch_api.errors import NotFound
from dispatch_api.evidence.records import BEST_FIRST
from dispatch_api.parts import PartsOf, Reader
from dispatch_api.store.schema import case, evidence

router = APIRouter(tags=["evidence"])


@router.get("/evidence/{original_sha256}/{which}", response_class=FileResponse)
@open_to(SEES_CASES, scope=Scope.CASES_READ, of=Subject.CASE)
def picture(
    parts: PartsOf,
    account: Reader,
    original_sha256: str,
    which: Literal["thumbnail", "annotated", "full"],
    case_id: Annotated[str | None, Query(alias="case")] = None,
) -> FileResponse:
    """A picture of a case that the asker may see; `case` chooses whose boxes are drawn."""
    query = (
        select(evidence)
        .join(case, case.c.case_id == evidence.c.case_id)
        .where(evidence.c.original_sha256 == original_sha256, visible_cases(account))
        .order_by(*BEST_FIRST)
    )
    if case_id is not None:
        query = query.where(evidence.c.case_id == case_id)
    with parts.store.read() as connection:
        row = connection.execute(query.limit(1)).first()
    if row is None:
        raise NotFound(kind="evidence", key=original_sha256)
    path = parts.vault.picture_path(getattr(row, f"{which}_sha256"))
    # The address stays when a better picture comes in, so a browser asks again (and gets 304 when nothing changed).
    return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": "private, no-cache"})
