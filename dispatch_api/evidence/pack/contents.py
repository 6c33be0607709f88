"""The files of a pack: pictures, telemetry, cards, the event log, the report, and what the manifest says of each."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from dispatch_api.cases.matters import Matters
from dispatch_api.errors import InvalidRequest
from dispatch_api.evidence.pack import standalone
from dispatch_api.evidence.pack.facts import CaseFacts
from dispatch_api.evidence.pack.map_extract import map_svg
from dispatch_api.evidence.pack.members import Member, Weighed, weigh
from dispatch_api.evidence.pack.pages import report_html, report_pdf
from dispatch_api.evidence.pack.pictures import Picture
from dispatch_api.evidence.pack.report import Told
from dispatch_api.evidence.pack.told import UNKNOWN
from dispatch_api.evidence.pack.words import README
from dispatch_api.evidence.vault import Vault
from dispatch_api.store.times import iso

_TRACK = ("at", "lon", "lat", "alt_m", "heading_deg")
_PHOTOS = ("name", "taken_at", "lon", "lat", "looked", "reason")

_OF_THE_PAGE = ("file", "film", "annotated_sha256")
"""What is known of an original for the report's sake."""

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
class Contents:
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
            Member(name=standalone.PLACES, content=self._places(), facts={"role": "event log"}),
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
            {**_without(one, *_OF_THE_PAGE), "path": None, "role": "original"} for one in shown if not one["enclosed"]
        ]
        return [*reports, *weighed], sealed

    def enclosed(self) -> list[str]:
        """SHA-256 of the originals inside."""
        return [one.sha256 for one in self.facts.pictures if self._is_enclosed(one)]

    def _is_enclosed(self, picture: Picture) -> bool:
        return self.originals and picture.removed_at is None

    def _told(self, number: int, picture: Picture) -> dict[str, Any]:
        """What the manifest says of an original."""
        capture = picture.capture or {}
        captured_at, received_at = picture.captured_at, picture.received_at
        offset = UNKNOWN if captured_at is None else (received_at - captured_at).total_seconds()
        source = {name: capture[name] for name in capture if name != "pose"}
        return {
            "file": f"pictures/{number:03}-boxes.jpg",
            "film": f"clips/{number:03}-redacted.mp4" if picture.shows == "clip" else None,
            "annotated_sha256": picture.annotated_sha256,
            "shows": picture.shows,
            "sha256": picture.sha256,
            "bytes": picture.bytes,
            "file_name": picture.file_name,
            "enclosed": self._is_enclosed(picture),
            "removed_at": iso(picture.removed_at),
            "captured_at": iso(captured_at) or UNKNOWN,
            "received_at": iso(received_at),
            "received_after_s": offset,
            "flight_id": picture.flight_id,
            "observation": picture.observation,
            "source": source or UNKNOWN,
            "pose": capture.get("pose") or UNKNOWN,
            "findings": self._findings(picture),
        }

    def _findings(self, picture: Picture) -> list[dict[str, Any]]:
        thresholds = {card.sha256: card.thresholds for card in self.cards}

        def told(found: Mapping[str, Any]) -> dict[str, Any]:
            now = thresholds.get(found["model_sha256"], {}).get(found["label"], UNKNOWN)
            return {**found, "threshold": found.get("threshold", now)}

        findings = () if picture.look is None else picture.look["findings"]
        return [told(found) for found in findings if found["believed"] or found["mine"]]

    def _pictures(self, number: int, picture: Picture) -> list[Member]:
        told = _without(self._told(number, picture), *_OF_THE_PAGE, "sha256", "bytes")
        common = {name: told[name] for name in ("shows", "captured_at", "received_at", "flight_id", "observation")}
        members = [
            Member(
                name=name,
                content=path,
                facts={**common, "derives_from": [picture.sha256], **facts},
                wanted_sha256=sha256,
            )
            for name, path, sha256, facts in self._derived(number, picture)
        ]
        if self._is_enclosed(picture):
            members.append(
                Member(
                    name=f"originals/{number:03}.{picture.extension if picture.extension.isascii() else 'bin'}",
                    content=self.vault.original_path(picture.sha256, picture.extension),
                    facts={**told, "role": "original", "derives_from": _parents(told["source"], picture.sha256)},
                    wanted_sha256=picture.sha256,
                )
            )
        return members

    def _derived(self, number: int, picture: Picture) -> list[tuple[str, Path, str, dict[str, Any]]]:
        """What was made of an original and may be seen: name, place, SHA-256, facts."""
        boxes, full, small = picture.annotated_sha256, picture.full_sha256, picture.thumbnail_sha256
        drawn = picture.shows != "clean_look"
        if picture.shows == "clip":
            film = f"clips/{number:03}-redacted.mp4"
            whole = (film, self.vault.film_path(full), full, {"role": "clip", "redacted": True})
        else:
            facts = {"role": "redacted", "drawn_boxes": False}
            whole = (f"pictures/{number:03}-whole.jpg", self.vault.picture_path(full), full, facts)
        return [
            (
                f"pictures/{number:03}-boxes.jpg",
                self.vault.picture_path(boxes),
                boxes,
                {"role": "redacted", "drawn_boxes": drawn},
            ),
            whole,
            (
                f"pictures/{number:03}-thumbnail.jpg",
                self.vault.picture_path(small),
                small,
                {"role": "thumbnail", "drawn_boxes": drawn},
            ),
        ]

    def _events(self) -> bytes:
        return "".join(f"{standalone.canonical(one)}\n" for one in self.facts.events).encode("utf-8")

    def _places(self) -> bytes:
        return f"{standalone.canonical({'paths': list(self.facts.places)})}\n".encode("ascii")

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
        """The cards that came in with the findings; for findings without one, those at hand now."""
        at_hand = {card.sha256: card for card in self.cards}
        members, models = [], []
        for number, told in enumerate(about["models"], 1):
            model, kept, card = _without(told, "card_sha256"), told["card_sha256"], at_hand.get(told["sha256"])
            name = f"models/{number:02}-card.yaml"
            facts = {"role": "model card", "model": model["name"], "weights_sha256": model["sha256"]}
            if kept is not None:
                facts["since"] = "the finding"
                members.append(Member(name=name, content=self.vault.card_path(kept), facts=facts, wanted_sha256=kept))
            elif card is not None:
                facts["since"] = "the pack"
                model["thresholds"] = dict(card.thresholds)
                members.append(Member(name=name, content=card.text, facts=facts))
            models.append({**model, "card": name if kept is not None or card is not None else None})
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
