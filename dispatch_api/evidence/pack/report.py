"""The report's body for people: both languages for the page, one for paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from dispatch_api.cases.model import CASE_STATE_NAMES
from dispatch_api.evidence.pack.markup import Markup
from dispatch_api.evidence.pack.told import UNKNOWN
from dispatch_api.evidence.pack.words import ROLE_WORDS
from dispatch_api.flights.facts import FLIGHT_FACTS

_STATES = {state.value: names for state, names in CASE_STATE_NAMES.items()}


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the report is made from.

    Attributes:
        about: The manifest's first entry.
        events: Entries of the case's history.
        pictures: The manifest's facts of each original, best first, with `file`, the name of the picture with boxes.
        files: (name, role, SHA-256, bytes) of the pack's other files.
        time_zone: The city's.
    """

    about: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]
    pictures: Sequence[Mapping[str, Any]]
    files: Sequence[tuple[str, str, str, int]]
    time_zone: ZoneInfo


class ReportWriter(Markup):
    """Writes the body."""

    def __init__(self, told: Told, *, lang: str | None, image: Callable[[str], str], paper: bool) -> None:
        """Write what is told; `image` makes the mark for a picture by its name."""
        super().__init__(lang=lang, paper=paper, time_zone=told.time_zone)
        self._told = told
        self._image = image

    def body(self) -> str:
        """All of it, from the case to what a pack does not prove."""
        case = self._told.about["case"]
        parts = (
            f"<h1>{self.word('title')} {escape(str(case['number']))}</h1>",
            self._summary(case),
            f"<h2>{self.word('map')}</h2><p class='note'>{self.word('map_note')}</p>{self._image('map')}",
            f"<h2 class='apart'>{self.word('pictures')}</h2><p class='note'>{self.word('redacted_note')}</p>",
            *(self._picture(number, one) for number, one in self._numbered() if one["shows"] != "clean_look"),
            self._clean_looks(),
            self._flights(),
            self._models(),
            self._reviews(),
            self._tasks(),
            self._events(),
            self._files(),
            self._limits(),
        )
        return "\n".join(parts)

    def _summary(self, case: Mapping[str, Any]) -> str:
        about, ellipse = self._told.about, case["ellipse_95"]
        area = self.word("unknown") if case["extent_m2"] is None else f"{case['extent_m2']:.1f} m²"
        if case["extent_m2"] is not None and case["extent_sigma_m2"] is not None:
            area += f" ± {case['extent_sigma_m2']:.1f} m² (1 σ)"
        rows = [
            (self.word("matter"), self.both(case["matter_zh"], case["matter_en"])),
            (self.word("state"), self.both(case["state_zh"], case["state_en"])),
            (self.word("address"), self.value(case["address"])),
            (self.word("position"), f"{case['lon']:.7f}, {case['lat']:.7f}"),
            (
                self.word("error"),
                f"{ellipse['major_m']:.2f} m × {ellipse['minor_m']:.2f} m, {ellipse['azimuth_deg']:.0f}°",
            ),
            (self.word("extent"), area),
            (self.word("first_seen"), self.at(case["first_seen_at"])),
            (self.word("last_seen"), self.at(case["last_seen_at"])),
            (self.word("seen_by"), f"{case['observations']} / {case['frames']}"),
            (self.word("confidence"), f"{case['confidence']:.2f}"),
            (self.word("hold"), self.word("yes" if case["hold"] else "no")),
            (self.word("made"), self.at(about["made_at"])),
            (self.word("made_by"), escape(str(about["made_by"]))),
        ]
        if about["why"]:
            rows.append((self.word("why"), escape(str(about["why"]))))
        return self.pairs(rows)

    def _numbered(self) -> list[tuple[int, Mapping[str, Any]]]:
        return list(enumerate(self._told.pictures, 1))

    def _picture(self, number: int, picture: Mapping[str, Any]) -> str:
        offset = picture["received_after_s"]
        rows = [
            (self.word("original"), f"{escape(picture['file_name'])} · {self.digest(picture['sha256'])}"),
            ("", self.word(self._kept(picture))),
            (self.word("captured"), self.at(picture["captured_at"])),
            (self.word("received"), self.at(picture["received_at"])),
            (self.word("offset"), self.word("unknown") if offset == UNKNOWN else f"{offset:+.3f} s"),
            (self.word("flight"), escape(picture["flight_id"])),
            (self.word("source"), self._source(picture["source"])),
        ]
        if picture["shows"] != "clip":
            rows.append((self.word("pose"), self._pose(picture["pose"])))
        if picture["shows"] == "finding":
            found = "<br/>".join(map(self._finding, picture["findings"])) or self.word("unknown")
            rows.append((self.word("findings"), found))
        name = picture["file"] if picture["film"] is None else picture["film"]
        if picture["film"] is not None:
            # Unpacked, the page finds the film beside itself; out of the zip or on paper it tells where it lies.
            film = escape(picture["film"])
            rows.insert(0, (self.word("clip"), film if self._paper else f"<a href='{film}'>{film}</a>"))
        apart = " class='apart'" if number > 1 else ""
        return f"<h3{apart}>{number}. {escape(name)}</h3>{self._image(picture['file'])}{self.pairs(rows)}"

    def _clean_looks(self) -> str:
        told = self._told.about["clean_looks"]
        if not told:
            return ""
        numbers = {one["sha256"]: str(number) for number, one in self._numbered()}
        rows = [
            (
                escape(one["flight_id"]),
                f"{self.at(one['first_at'])}<br/>{self.at(one['last_at'])}",
                str(one["looks"]),
                f"{one['resolution_m'] * 100:.1f} cm",
                numbers.get(one["original_sha256"], "–"),
            )
            for one in told
        ]
        table = self.table(("flight", "time", "looks", "resolution", "picture"), rows)
        shown = [self._picture(number, one) for number, one in self._numbered() if one["shows"] == "clean_look"]
        return f"<h2>{self.word('clean_looks')}</h2>{table}{''.join(shown)}"

    def _kept(self, picture: Mapping[str, Any]) -> str:
        if picture["removed_at"] is not None:
            return "removed"
        return "enclosed" if picture["enclosed"] else "sealed"

    def _source(self, source: Mapping[str, Any] | str) -> str:
        if isinstance(source, str):
            return self.word("unknown")
        if source["kind"] == "photo":
            return self.word("photo")
        if source["kind"] == "clip":
            return self._clip(source)
        where = f"{self.word('frame')} {source['frame']}, PTS {source['media_time_s']:.3f} s"
        digest = "" if source["source_sha256"] is None else f"<br/>SHA-256 {self.digest(source['source_sha256'])}"
        return f"{self.word(source['kind'])} {escape(source['source_name'])}, {where}{digest}"

    def _clip(self, source: Mapping[str, Any]) -> str:
        first_s = source["media_time_s"]
        where = f"PTS {first_s:.3f}–{first_s + source['duration_s']:.3f} s"
        name = escape(source["source_name"]) or self.word("live")
        digest = "" if source["source_sha256"] is None else f"<br/>SHA-256 {self.digest(source['source_sha256'])}"
        return f"{self.word('clip_of')} {name}, {where}{digest}"

    def _pose(self, pose: Mapping[str, Any] | str) -> str:
        if isinstance(pose, str):
            return self.word("unknown")
        angles = [
            f"{name} {value:.1f}°"
            for name, value in (
                ("heading", pose["heading_deg"]),
                ("pitch", pose["pitch_deg"]),
                ("roll", pose["roll_deg"]),
            )
            if value is not None
        ]
        place = f"{pose['lon']:.7f}, {pose['lat']:.7f}, {pose['alt_m']:.1f} m ({pose['alt_datum']})"
        sigma = f"1 σ {pose['sigma_east_m']:.1f} m E, {pose['sigma_north_m']:.1f} m N, {pose['sigma_height_m']:.1f} m"
        return escape("; ".join((place, *angles, sigma)))

    def _finding(self, finding: Mapping[str, Any]) -> str:
        least = finding["threshold"]
        shown = self.word("unknown") if least == UNKNOWN else f"{least:.2f}"
        mark = "● " if finding["mine"] else ""
        return (
            f"{mark}{escape(finding['label'])}: {self.word('score')} {finding['confidence']:.2f}, "
            f"{self.word('threshold')} {shown} ({escape(finding['model'] or '?')})"
        )

    def _flights(self) -> str:
        rows = [
            (
                escape(one["flight_id"]),
                f"{self.at(one['started_at'])}<br/>{self.at(one['ended_at'])}",
                *(self.value(one[fact]) for fact in FLIGHT_FACTS),
            )
            for one in self._told.about["flights"]
        ]
        return f"<h2>{self.word('flights')}</h2>" + self.table(("flight", "time", *FLIGHT_FACTS), rows)

    def _models(self) -> str:
        rows = []
        for one in self._told.about["models"]:
            least = one["thresholds"]
            told = (
                [f"{label} {least[label]:.2f}" for label in one["labels"] if label in least] if least != UNKNOWN else []
            )
            rows.append(
                (escape(one["name"]), self.digest(one["sha256"]), escape(", ".join(told)) or self.word("unknown"))
            )
        return f"<h2>{self.word('models')}</h2>" + self.table(("model", "weights", "threshold"), rows)

    def _reviews(self) -> str:
        told = self._told.about["reviews"]
        if not told:
            return f"<h2>{self.word('reviews')}</h2><p>{self.word('no_review')}</p>"
        rows = [
            (
                self.at(one["at"]),
                escape(one["reviewer"]) if one["by_a_person"] else self.word("by_rule"),
                self.word(one["verdict"]),
                escape(one["why"]),
            )
            for one in told
        ]
        return f"<h2>{self.word('reviews')}</h2>" + self.table(("time", "reviewer", "verdict", "why"), rows)

    def _tasks(self) -> str:
        rows = [
            (escape(one["department"]), escape(f"{one['kind']}, {one['state']}"), self.at(one["created_at"]))
            for one in self._told.about["tasks"]
        ]
        return f"<h2>{self.word('tasks')}</h2>" + self.table(("department", "state", "time"), rows) if rows else ""

    def _events(self) -> str:
        rows = [
            (
                str(one["seq"]),
                self.at(one["at"]),
                escape(one["who"]),
                escape(one["kind"]),
                self._change(one["from_state"], one["to_state"]) + (f"<br/>{escape(one['why'])}" if one["why"] else ""),
                f"<code>{one['hash'][:12]}…</code>" if not self._paper else f"{one['hash'][:12]}…",
            )
            for one in self._told.events
        ]
        heads = ("number", "time", "who", "what", "change", "hash")
        return f"<h2>{self.word('events')}</h2>{self.table(heads, rows)}"

    def _change(self, before: str | None, after: str | None) -> str:
        names = [self.both(*_STATES.get(one, (one, one))) for one in (before, after) if one]
        return " → ".join(names)

    def _files(self) -> str:
        rows = [
            (escape(name), self.both(*ROLE_WORDS[role]), str(size), self.digest(sha256))
            for name, role, sha256, size in self._told.files
        ]
        return f"<h2>{self.word('digests')}</h2>" + self.table(("file", "role", "bytes", "digest"), rows)

    def _limits(self) -> str:
        keys = ("proves_1", "proves_2", "not_1", "not_2", "not_3", "not_4")
        return f"<h2>{self.word('limits')}</h2><ul>{''.join(f'<li>{self.word(key)}</li>' for key in keys)}</ul>"
