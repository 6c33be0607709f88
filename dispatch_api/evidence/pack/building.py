"""Building a pack: the facts of one moment, their files, the report, the manifest, and what the history keeps of it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, select

from dispatch_api.accounts.model import Actor
from dispatch_api.cases.matters import Matters
from dispatch_api.errors import EvidenceError, InvalidRequest
from dispatch_api.evidence.originals import OPENED, check_may_open
from dispatch_api.evidence.pack import standalone
from dispatch_api.evidence.pack.facts import UNKNOWN, CaseFacts, Picture, gather
from dispatch_api.evidence.pack.map_extract import map_svg
from dispatch_api.evidence.pack.members import Member, Tick, Weighed, weigh, with_manifest, write_members
from dispatch_api.evidence.pack.report import Told, report_html, report_pdf
from dispatch_api.evidence.pack.words import README
from dispatch_api.evidence.vault import Vault
from dispatch_api.store import Store
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import event
from dispatch_api.store.times import iso, utc_now

PACKED = "evidence.packed"
_TRACK = ("at", "lon", "lat", "alt_m", "heading_deg")
_PHOTOS = ("name", "taken_at", "lon", "lat", "looked", "reason")

Lang = Literal["zh", "en"]


@dataclass(frozen=True, kw_only=True)
class PackCard:
    """A model's card, as it goes into a pack.

    Attributes:
        name: The model.
        sha256: Of its weights.
        thresholds: Least confidence by label.
        text: The card itself.
    """

    name: str
    sha256: str
    thresholds: Mapping[str, float]
    text: bytes


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A pack that was made.

    Attributes:
        path: The file.
        case_id: Its case.
        number: The case's number.
        manifest_sha256: What a notary, a time stamp and the store's history hold of it.
        files: How many.
        originals: SHA-256 of the originals inside.
        bytes: Its size.
        stamped: Whether it has a time stamp.
    """

    path: Path
    case_id: str
    number: str
    manifest_sha256: str
    files: int
    originals: tuple[str, ...]
    bytes: int
    stamped: bool


def build_pack(
    store: Store,
    name: str,
    out: Path,
    *,
    matters: Matters,
    by: Actor,
    why: str = "",
    originals: bool = False,
    cards: Iterable[PackCard] = (),
    lang: Lang = "zh",
    stamp: Callable[[bytes], bytes] | None = None,
    tool: str = "flyonce",
    now: Callable[[], datetime] = utc_now,
    tick: Tick | None = None,
) -> Packed:
    """Make a pack of a case; that it was made, by whom and with which originals, is written into the history first.

    Args:
        store: Where the case is.
        name: The case's id or number.
        out: The new file.
        matters: The city's matters.
        by: Who asks for it.
        why: The reason; with originals there must be one.
        originals: Whether the sealed originals go in.
        cards: Model cards at hand; those of models that saw the case go in.
        lang: The language of the PDF, and the one that the page shows first.
        stamp: Gets a time-stamp response over the manifest; None for no stamp.
        tool: Name and version of what makes it.
        now: The clock.
        tick: Told how many bytes are written.

    Raises:
        NotFound: There is no such case.
        Forbidden: Originals are not for this actor.
        InvalidRequest: Originals were asked for without a reason.
        EvidenceError: A file is missing or is not what it was, or the pack cannot be written there.
        ChainBroken: The store's history was changed: no evidence is made of it.
        StampError: The time stamp cannot be had.
    """
    if originals:
        check_may_open(by, why)
    if out.exists():
        raise EvidenceError(path=out, problem="is there already", remedy="Name a new file, or remove it")
    with store.read() as connection:
        facts = gather(connection, name, matters=matters)
    work = _Work(facts=facts, vault=Vault(store.evidence_dir), cards=tuple(cards), originals=originals)
    at = now()
    about = {**facts.about, "made_at": iso(at), "made_by": by.name, "why": why, "tool": tool, "originals": originals}
    weighed, sealed = work.files(about, matters=matters, lang=lang)
    manifest = with_manifest(about, weighed, sealed)
    digest = hashlib.sha256(manifest)
    token = None if stamp is None else stamp(manifest)
    partial = out.with_name(f"{out.name}.partial")
    try:
        write_members(partial, manifest, weighed, token=token, tick=tick)
        told = standalone.verify(partial)
        inside = work.enclosed()
        data = {
            "manifest_sha256": digest.hexdigest(),
            "files": told.files,
            "originals": inside,
            "stamped": told.stamped,
        }
        data["stamped"] = told.stamped
        store.write(lambda connection: _note(connection, facts, by=by, at=at, why=why, data=data))
        size = partial.stat().st_size
        partial.rename(out)
    finally:
        partial.unlink(missing_ok=True)
    return Packed(
        path=out,
        case_id=facts.row.case_id,
        number=facts.row.number,
        manifest_sha256=digest.hexdigest(),
        files=told.files,
        originals=tuple(inside),
        bytes=size,
        stamped=told.stamped,
    )


def is_known(store: Store, told: standalone.Intact) -> bool:
    """Whether the store's history names a pack by the digest of its manifest: then it was made here."""
    made_of = (event.c.kind == PACKED) & (event.c.case_id == told.about["case"]["case_id"])
    with store.read() as connection:
        kept = connection.execute(select(event.c.data).where(made_of)).scalars().all()
    return any(json.loads(data)["manifest_sha256"] == told.manifest_sha256 for data in kept)


def _note(
    connection: Connection, facts: CaseFacts, *, by: Actor, at: datetime, why: str, data: Mapping[str, Any]
) -> None:
    case_id = facts.row.case_id
    for sha256 in data["originals"]:
        opened = {"sha256": sha256, "how": "pack"}
        append_event(connection, Event(at=at, who=by.name, kind=OPENED, why=why, case_id=case_id, data=opened))
    append_event(connection, Event(at=at, who=by.name, kind=PACKED, why=why, case_id=case_id, data=dict(data)))


@dataclass(frozen=True, kw_only=True)
class _Work:
    """The files of one pack in the making."""

    facts: CaseFacts
    vault: Vault
    cards: tuple[PackCard, ...]
    originals: bool

    def files(
        self, about: dict[str, Any], *, matters: Matters, lang: Lang
    ) -> tuple[list[Weighed], list[dict[str, Any]]]:
        """Every file but the manifest, and what it says of originals that stay where they are; completes `about`."""
        cards = self._cards(about)
        shown = [self._told(number, picture) for number, picture in enumerate(self.facts.pictures, 1)]
        svg = map_svg(self.facts, lang=lang)
        members = [
            Member(name=standalone.EVENTS, content=self._events(), facts={"role": "event log"}),
            Member(name="map.svg", content=svg.encode("utf-8"), facts={"role": "map"}),
            *(member for number, one in enumerate(self.facts.pictures, 1) for member in self._pictures(number, one)),
            *self._telemetry(about),
            *cards,
            Member(name="verify.py", content=_own_verifier(), facts={"role": "verifier"}),
            Member(name="readme.txt", content=README.encode("utf-8"), facts={"role": "guide"}),
        ]
        weighed = [weigh(member) for member in members]
        told = Told(
            about=about,
            events=self.facts.events,
            pictures=shown,
            files=[(one.member.name, one.member.facts["role"], one.sha256, one.bytes) for one in weighed],
            time_zone=matters.calendar.time_zone,
        )
        drawn = {one["file"]: self.vault.picture_path(one["annotated_sha256"]).read_bytes() for one in shown}
        pages = {
            "report.html": report_html(told, svg=svg, pictures=drawn, lang=lang),
            "report.pdf": report_pdf(told, svg=svg, pictures=drawn, lang=lang),
        }
        reports = [weigh(Member(name=name, content=page, facts={"role": "report"})) for name, page in pages.items()]
        sealed = [
            {**_without(one, "file", "annotated_sha256"), "path": None, "role": "original"}
            for one in shown
            if not one["enclosed"]
        ]
        return [*reports, *weighed], sealed

    def enclosed(self) -> list[str]:
        """SHA-256 of the originals inside."""
        return [one.row.original_sha256 for one in self.facts.pictures if self._is_enclosed(one)]

    def _is_enclosed(self, picture: Picture) -> bool:
        return self.originals and picture.removed_at is None

    def _told(self, number: int, picture: Picture) -> dict[str, Any]:
        """What the manifest says of an original."""
        row = picture.row
        capture = row.capture or {}
        offset = UNKNOWN if row.captured_at is None else (row.received_at - row.captured_at).total_seconds()
        source = {name: capture[name] for name in capture if name != "pose"}
        return {
            "file": f"pictures/{number:03}-boxes.jpg",
            "annotated_sha256": row.annotated_sha256,
            "sha256": row.original_sha256,
            "bytes": row.bytes,
            "file_name": row.file_name,
            "enclosed": self._is_enclosed(picture),
            "removed_at": iso(picture.removed_at),
            "captured_at": iso(row.captured_at) or UNKNOWN,
            "received_at": iso(row.received_at),
            "received_after_s": offset,
            "flight_id": row.flight_id,
            "observation": row.key,
            "source": source or UNKNOWN,
            "pose": capture.get("pose") or UNKNOWN,
            "findings": self._findings(row),
        }

    def _findings(self, row: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a row
        thresholds = {card.sha256: card.thresholds for card in self.cards}
        if row.look is None:
            return []
        return [
            {**found, "threshold": thresholds.get(found["model_sha256"], {}).get(found["label"], UNKNOWN)}
            for found in row.look["findings"]
            if found["believed"] or found["mine"]
        ]

    def _pictures(self, number: int, picture: Picture) -> list[Member]:
        row = picture.row
        told = _without(self._told(number, picture), "file", "annotated_sha256", "sha256", "bytes")
        common = {name: told[name] for name in ("captured_at", "received_at", "flight_id", "observation")}
        derived = {**common, "derives_from": [row.original_sha256]}
        kinds = (
            ("boxes", row.annotated_sha256, {"role": "redacted", "drawn_boxes": True}),
            ("whole", row.full_sha256, {"role": "redacted", "drawn_boxes": False}),
            ("thumbnail", row.thumbnail_sha256, {"role": "thumbnail", "drawn_boxes": True}),
        )
        members = [
            Member(
                name=f"pictures/{number:03}-{kind}.jpg",
                content=self.vault.picture_path(sha256),
                facts={**derived, **facts},
                wanted_sha256=sha256,
            )
            for kind, sha256, facts in kinds
        ]
        if self._is_enclosed(picture):
            original = self.vault.original_path(row.original_sha256, row.extension)
            members.append(
                Member(
                    name=f"originals/{number:03}.{row.extension if row.extension.isascii() else 'bin'}",
                    content=original,
                    facts={**told, "role": "original", "derives_from": _parents(told["source"], row.original_sha256)},
                    wanted_sha256=row.original_sha256,
                )
            )
        return members

    def _events(self) -> bytes:
        return "".join(f"{standalone.canonical(one)}\n" for one in self.facts.events).encode("utf-8")

    def _telemetry(self, about: Mapping[str, Any]) -> list[Member]:
        members = []
        for number, name in enumerate((one["flight_id"] for one in about["flights"]), 1):
            for kind, columns, rows in (
                ("track", _TRACK, self.facts.positions[name]),
                ("photos", _PHOTOS, self.facts.photos[name]),
            ):
                if rows:
                    facts = {"role": "telemetry", "flight_id": name, "rows": len(rows)}
                    table = _table(columns, rows)
                    members.append(Member(name=f"telemetry/{number:02}-{kind}.csv", content=table, facts=facts))
        return members

    def _cards(self, about: dict[str, Any]) -> list[Member]:
        known = {card.sha256: card for card in self.cards}
        members, models = [], []
        for number, model in enumerate(about["models"], 1):
            card = known.get(model["sha256"])
            if card is None:
                models.append(model)
                continue
            name = f"models/{number:02}-card.yaml"
            models.append({**model, "thresholds": dict(card.thresholds), "card": name})
            facts = {"role": "model card", "model": card.name, "weights_sha256": card.sha256}
            members.append(Member(name=name, content=card.text, facts=facts))
        about["models"] = models
        return members


def _parents(source: Mapping[str, Any] | str, own_sha256: str) -> list[str]:
    """A photo is the first of its line; the still of a video derives from the video."""
    parent = None if isinstance(source, str) else source["source_sha256"]
    return [parent] if parent not in (None, own_sha256) else []


def _without(told: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name not in names}


def _table(columns: Sequence[str], rows: Sequence[Any]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        values = (getattr(row, column) for column in columns)
        writer.writerow([iso(value) if isinstance(value, datetime) else value for value in values])
    return out.getvalue().encode("utf-8")


def _own_verifier() -> bytes:
    if standalone.__file__ is None:  # pragma: no cover - a package frozen without its sources
        raise InvalidRequest(field="pack", problem="this installation has no sources, so no verifier can go along")
    return Path(standalone.__file__).read_bytes()
