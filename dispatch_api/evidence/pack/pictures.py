"""The pictures and films of a case: what was found, around it, and what a later flight saw in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, select

from dispatch_api.evidence.proofs import CleanLook
from dispatch_api.evidence.records import BEST_FIRST
from dispatch_api.store.schema import evidence, observation, original, removed_original

_OF_ORIGINAL = (
    *(original.c[name] for name in ("file_name", "extension", "bytes", "captured_at", "received_at", "capture")),
    removed_original.c.at.label("removed_at"),
)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One original of the case with what was made from it.

    Attributes:
        shows: `finding`, `clip` (the film around a finding), or `clean_look` (the place without it).
        sha256: Of the original.
        file_name: Its name.
        extension: And suffix.
        bytes: Its size.
        captured_at: When the device took it; None where unknown.
        received_at: When it came in.
        capture: What it is, as `Capture.as_json` wrote it; None where unknown.
        removed_at: When a quota took it away; None where it is kept.
        annotated_sha256: Of the redacted picture with the drawn box; of a clip, its cover.
        full_sha256: Of the whole redacted picture, or of the redacted film.
        thumbnail_sha256: Of the small one.
        flight_id: The flight that took it.
        observation: Key of the observation; None for a clean look.
        look: What models found in it; None where unknown.
    """

    shows: Literal["finding", "clip", "clean_look"]
    sha256: str
    file_name: str
    extension: str
    bytes: int
    captured_at: datetime | None
    received_at: datetime
    capture: Mapping[str, Any] | None
    removed_at: datetime | None
    annotated_sha256: str
    full_sha256: str
    thumbnail_sha256: str
    flight_id: str
    observation: str | None = None
    look: Mapping[str, Any] | None = None


def pictures_of(connection: Connection, case_ids: Sequence[str], looks: Sequence[CleanLook]) -> tuple[Picture, ...]:
    """Everything of some cases, each original once: findings best first, then clips, then clean looks."""
    once: dict[str, Picture] = {}
    for picture in (*_found(connection, case_ids), *_clean(connection, looks)):
        once.setdefault(picture.sha256, picture)
    order = ("finding", "clip", "clean_look")
    return tuple(sorted(once.values(), key=lambda picture: order.index(picture.shows)))


def _found(connection: Connection, case_ids: Sequence[str]) -> list[Picture]:
    query = (
        select(evidence, *_OF_ORIGINAL, observation.c.flight_id, observation.c.key)
        .join(original, original.c.sha256 == evidence.c.original_sha256)
        .join(observation, observation.c.observation_id == evidence.c.observation_id)
        .outerjoin(removed_original, removed_original.c.sha256 == original.c.sha256)
        .where(evidence.c.case_id.in_(case_ids))
        .order_by(*BEST_FIRST)
    )
    return [
        Picture(
            shows="clip" if (row.capture or {}).get("kind") == "clip" else "finding",
            sha256=row.original_sha256,
            flight_id=row.flight_id,
            observation=row.key,
            look=row.look,
            **_derived(row._asdict()),
            **_own(row),
        )
        for row in connection.execute(query)
    ]


def _clean(connection: Connection, looks: Sequence[CleanLook]) -> list[Picture]:
    named = [look.picture["original_sha256"] for look in looks if look.picture is not None]
    query = (
        select(original.c.sha256, *_OF_ORIGINAL)
        .outerjoin(removed_original, removed_original.c.sha256 == original.c.sha256)
        .where(original.c.sha256.in_(named))
    )
    rows = {row.sha256: row for row in connection.execute(query)}
    return [
        Picture(
            shows="clean_look",
            sha256=sha256,
            flight_id=look.flight_id,
            **_derived(look.picture),
            **_own(rows[sha256]),
        )
        for look in looks
        if look.picture is not None and (sha256 := look.picture["original_sha256"]) in rows
    ]


def _derived(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: told[name] for name in ("annotated_sha256", "full_sha256", "thumbnail_sha256")}


def _own(row: Row[Any]) -> dict[str, Any]:
    names = ("file_name", "extension", "bytes", "captured_at", "received_at", "capture", "removed_at")
    return {name: getattr(row, name) for name in names}
