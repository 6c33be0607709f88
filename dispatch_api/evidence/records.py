"""Evidence in the store: which pictures belong to which case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from dispatch_api.cases.observation import Evidence
from dispatch_api.evidence.jpeg import without_metadata
from dispatch_api.evidence.vault import Sealed, Vault, thumbnail
from dispatch_api.store.schema import evidence, original, removed_original


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A piece of evidence whose files are all in the vault."""

    source: Evidence
    original: Sealed
    annotated_sha256: str
    full_sha256: str
    thumbnail_sha256: str


def keep(vault: Vault, source: Evidence) -> Kept:
    """Seal the original and keep the pictures made from it.

    Raises:
        EvidenceError: The original is not readable or not the one that was hashed.
    """
    # Pillow hands a comment on to a thumbnail, so metadata goes before anything is made of the picture.
    annotated = without_metadata(source.annotated_jpeg)
    for card in source.cards:
        vault.keep_card(card)
    film = source.redacted_film
    return Kept(
        source=source,
        original=vault.seal_original(source.original_path, source.original_sha256),
        annotated_sha256=vault.keep_picture(annotated),
        full_sha256=vault.keep_picture(without_metadata(source.redacted_jpeg))
        if film is None
        else vault.keep_film(film),
        thumbnail_sha256=vault.keep_picture(thumbnail(annotated)),
    )


def attach(
    connection: Connection, kept: Sequence[Kept], *, case_id: str, observation_id: int, at: datetime
) -> list[str]:
    """Link pictures to a case; one that is linked already gets the newer derivatives.

    Returns:
        SHA-256 of the originals that are new to this observation.
    """
    return [item.original.sha256 for item in kept if _attach_one(connection, item, case_id, observation_id, at)]


def note_original(connection: Connection, item: Kept, *, at: datetime) -> None:
    """Note a sealed original, whatever it is a picture of."""
    sha256 = item.original.sha256
    if connection.execute(select(original.c.sha256).where(original.c.sha256 == sha256)).first() is None:
        capture = item.source.capture
        connection.execute(
            insert(original).values(
                sha256=sha256,
                file_name=item.source.original_path.name,
                extension=item.original.extension,
                bytes=item.original.bytes,
                captured_at=item.source.captured_at,
                received_at=at,
                capture=None if capture is None else capture.as_json(),
            )
        )
    elif item.original.path.is_file():
        # One that a quota took away and that came in again lies in the vault again.
        connection.execute(delete(removed_original).where(removed_original.c.sha256 == sha256))


def _attach_one(connection: Connection, item: Kept, case_id: str, observation_id: int, at: datetime) -> bool:
    sha256 = item.original.sha256
    note_original(connection, item, at=at)
    pictures: dict[str, Any] = {
        "annotated_sha256": item.annotated_sha256,
        "full_sha256": item.full_sha256,
        "thumbnail_sha256": item.thumbnail_sha256,
        "boxes": [list(box) for box in item.source.boxes_xyxy_px],
        "look": None if item.source.look is None else item.source.look.as_json(),
        "merit": None if item.source.look is None else item.source.look.merit(),
    }
    here = (evidence.c.observation_id == observation_id) & (evidence.c.original_sha256 == sha256)
    known = connection.execute(select(evidence.c.evidence_id).where(here)).scalar()
    if known is not None:
        connection.execute(update(evidence).where(evidence.c.evidence_id == known).values(**pictures))
        return False
    connection.execute(
        insert(evidence).values(case_id=case_id, observation_id=observation_id, original_sha256=sha256, **pictures)
    )
    return True


# Of one picture that shows several of a case's observations, the best is drawn, in lists and at its address alike.
BEST_FIRST = (evidence.c.merit.desc().nulls_last(), evidence.c.observation_id.desc(), evidence.c.evidence_id)


def evidence_of(connection: Connection, case_id: str) -> Sequence[Row[Any]]:
    """The pictures of a case with their originals' names and times, each original once, the best first."""
    return [row for row in _all_of(connection, case_id) if not is_clip(row)]


def clips_of(connection: Connection, case_id: str) -> Sequence[Row[Any]]:
    """The clips of a case, as `evidence_of` gives its pictures; `full_sha256` is the redacted film's."""
    return [row for row in _all_of(connection, case_id) if is_clip(row)]


def is_clip(row: Row[Any]) -> bool:
    """Whether an original is a clip; of a row with the column `original.capture`."""
    return row.capture is not None and row.capture["kind"] == "clip"


def _all_of(connection: Connection, case_id: str) -> Sequence[Row[Any]]:
    query = (
        select(evidence, original.c.file_name, original.c.captured_at, original.c.capture)
        .join(original, original.c.sha256 == evidence.c.original_sha256)
        .where(evidence.c.case_id == case_id)
        .order_by(*BEST_FIRST)
    )
    once: dict[str, Row[Any]] = {}
    for row in connection.execute(query):
        once.setdefault(row.original_sha256, row)
    return list(once.values())
