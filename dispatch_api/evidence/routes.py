"""Routes of evidence: redacted pictures for who sees the case; originals, packs and holds for few, with a reason."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Row, select
from starlette.background import BackgroundTask

from dispatch_api.accounts.access import SEES_CASES, Subject, open_to
from dispatch_api.accounts.model import Role, Scope
from dispatch_api.accounts.sight import visible_cases
from dispatch_api.errors import NotFound
from dispatch_api.evidence.holds import set_hold
from dispatch_api.evidence.originals import OPENS_ORIGINALS, open_original
from dispatch_api.evidence.pack.building import build_pack
from dispatch_api.evidence.records import BEST_FIRST, is_clip
from dispatch_api.parts import PartsOf, Reader, Writer
from dispatch_api.store.schema import case, evidence, original

router = APIRouter(tags=["evidence"])


class Reasoned(BaseModel):
    """Why somebody does this; kept in the history."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=500)


class PackRequest(Reasoned):
    """What goes into a pack: `originals` encloses the sealed ones."""

    reason: str = Field(default="", max_length=500)
    originals: bool = False
    lang: Literal["zh", "en"] = "zh"


@router.get("/evidence/{clip_sha256}/clip", response_class=FileResponse)
@open_to(SEES_CASES, scope=Scope.CASES_READ, of=Subject.CASE)
def clip(
    parts: PartsOf,
    account: Reader,
    clip_sha256: str,
    case_id: Annotated[str | None, Query(alias="case")] = None,
) -> FileResponse:
    """The film around a finding, for who may see the case: people and plates are hidden in it."""
    row = _evidence_row(parts, account, clip_sha256, case_id, clip=True)
    path = parts.vault.film_path(row.full_sha256)
    return FileResponse(path, media_type="video/mp4", headers={"Cache-Control": "private, no-cache"})


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
    row = _evidence_row(parts, account, original_sha256, case_id)
    if which == "full" and is_clip(row):
        raise NotFound(kind="picture", key=original_sha256)
    path = parts.vault.picture_path(getattr(row, f"{which}_sha256"))
    # The address stays when a better picture comes in, so a browser asks again (and gets 304 when nothing changed).
    return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": "private, no-cache"})


@router.post("/evidence/{original_sha256}/original", response_class=FileResponse)
@open_to(OPENS_ORIGINALS)
def original_file(parts: PartsOf, account: Writer, original_sha256: str, asked: Reasoned) -> FileResponse:
    """A sealed original, bit for bit; who opened it, when and why is in the history before the first byte goes out."""
    found = open_original(parts.store, original_sha256, by=account.actor, why=asked.reason)
    return FileResponse(
        found.path,
        media_type="application/octet-stream",
        filename=found.file_name,
        headers={"Cache-Control": "private, no-store"},
    )


def _evidence_row(
    parts: PartsOf, account: Reader, original_sha256: str, case_id: str | None, *, clip: bool = False
) -> Row[Any]:
    query = (
        select(evidence, original.c.capture)
        .join(case, case.c.case_id == evidence.c.case_id)
        .join(original, original.c.sha256 == evidence.c.original_sha256)
        .where(evidence.c.original_sha256 == original_sha256, visible_cases(account))
        .order_by(*BEST_FIRST)
    )
    if case_id is not None:
        query = query.where(evidence.c.case_id == case_id)
    with parts.store.read() as connection:
        row = connection.execute(query.limit(1)).first()
    if row is None or (clip and not is_clip(row)):
        raise NotFound(kind="evidence", key=original_sha256)
    return row


@router.post("/cases/{case_id}/evidence-pack", response_class=FileResponse)
@open_to(OPENS_ORIGINALS)
def evidence_pack(parts: PartsOf, account: Writer, case_id: str, asked: PackRequest) -> FileResponse:
    """The case as a zip that proves itself; see docs/evidence.md. That it was made is in the history."""
    folder = tempfile.TemporaryDirectory(prefix="flyonce-pack-")
    try:
        made = build_pack(
            parts.store,
            case_id,
            Path(folder.name) / "pack.zip",
            matters=parts.matters,
            by=account.actor,
            why=asked.reason,
            originals=asked.originals,
            lang=asked.lang,
        )
    except BaseException:
        folder.cleanup()
        raise
    return FileResponse(
        made.path,
        media_type="application/zip",
        filename=f"{made.number}.zip",
        headers={"Cache-Control": "private, no-store", "X-Manifest-SHA256": made.manifest_sha256},
        background=BackgroundTask(folder.cleanup),
    )


@router.post("/cases/{case_id}/hold")
@open_to({Role.CENTRE})
def hold(parts: PartsOf, account: Writer, case_id: str, asked: Reasoned) -> dict[str, Any]:
    """Hold a case's evidence: nothing of it is deleted, however old it is."""
    changed = set_hold(parts.store, case_id, held=True, by=account.actor, why=asked.reason)
    return {"case_id": case_id, "hold": True, "changed": changed}


@router.post("/cases/{case_id}/release")
@open_to({Role.CENTRE})
def release(parts: PartsOf, account: Writer, case_id: str, asked: Reasoned) -> dict[str, Any]:
    """Release a case's evidence from its hold."""
    changed = set_hold(parts.store, case_id, held=False, by=account.actor, why=asked.reason)
    return {"case_id": case_id, "hold": False, "changed": changed}
