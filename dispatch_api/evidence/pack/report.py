"""The report for people: one text for the page (both languages, switchable without scripts) and for the PDF (one)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from dispatch_api.cases.model import CASE_STATE_NAMES
from dispatch_api.evidence.pack.facts import UNKNOWN
from dispatch_api.evidence.pack.words import ROLE_WORDS, WORDS
from dispatch_api.flights.facts import FLIGHT_FACTS

Row = tuple[str, str]
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


class _Writer:
    """Writes the body, in one language or in both, for a page or for paper."""

    def __init__(self, told: Told, *, lang: str | None, image: Callable[[str], str], paper: bool) -> None:
        self._told = told
        self._lang = lang
        self._image = image
        self._paper = paper

    def body(self) -> str:
        case = self._told.about["case"]
        parts = (
            f"<h1>{self.word('title')} {escape(str(case['number']))}</h1>",
            self._summary(case),
            f"<h2>{self.word('map')}</h2><p class='note'>{self.word('map_note')}</p>{self._image('map')}",
            f"<h2 class='apart'>{self.word('pictures')}</h2><p class='note'>{self.word('redacted_note')}</p>",
            *(self._picture(number, picture) for number, picture in enumerate(self._told.pictures, 1)),
            self._flights(),
            self._models(),
            self._reviews(),
            self._tasks(),
            self._events(),
            self._files(),
            self._limits(),
        )
        return "\n".join(parts)

    def word(self, key: str) -> str:
        return self._both(*WORDS[key])

    def _both(self, zh: str, en: str) -> str:
        if self._lang is not None:
            return escape(zh if self._lang == "zh" else en)
        return f'<span class="zh" lang="zh">{escape(zh)}</span><span class="en" lang="en">{escape(en)}</span>'

    def _value(self, value: object) -> str:
        return self.word("unknown") if value in (None, "", UNKNOWN) else escape(str(value))

    def _at(self, text: str | None) -> str:
        if text in (None, "", UNKNOWN):
            return self.word("unknown")
        at = datetime.fromisoformat(str(text).replace("Z", "+00:00")).astimezone(self._told.time_zone)
        return escape(f"{at:%Y-%m-%d %H:%M:%S} {at:%z}")

    def _digest(self, sha256: str) -> str:
        if not self._paper:
            return f"<code>{escape(sha256)}</code>"
        return " ".join(sha256[at : at + 16] for at in range(0, 64, 16))

    def _pairs(self, rows: Iterable[Row]) -> str:
        lines = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows)
        return f"<table class='pairs'>{lines}</table>"

    def _table(self, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
        top = "".join(f"<th>{self.word(head)}</th>" for head in heads)
        lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
        return f"<div class='wide'><table><tr>{top}</tr>{lines}</table></div>"

    def _summary(self, case: Mapping[str, Any]) -> str:
        about, ellipse = self._told.about, case["ellipse_95"]
        area = self.word("unknown") if case["extent_m2"] is None else f"{case['extent_m2']:.1f} m²"
        if case["extent_m2"] is not None and case["extent_sigma_m2"] is not None:
            area += f" ± {case['extent_sigma_m2']:.1f} m² (1 σ)"
        rows = [
            (self.word("matter"), self._both(case["matter_zh"], case["matter_en"])),
            (self.word("state"), self._both(case["state_zh"], case["state_en"])),
            (self.word("address"), self._value(case["address"])),
            (self.word("position"), f"{case['lon']:.7f}, {case['lat']:.7f}"),
            (
                self.word("error"),
                f"{ellipse['major_m']:.2f} m × {ellipse['minor_m']:.2f} m, {ellipse['azimuth_deg']:.0f}°",
            ),
            (self.word("extent"), area),
            (self.word("first_seen"), self._at(case["first_seen_at"])),
            (self.word("last_seen"), self._at(case["last_seen_at"])),
            (self.word("seen_by"), f"{case['observations']} / {case['frames']}"),
            (self.word("confidence"), f"{case['confidence']:.2f}"),
            (self.word("hold"), self.word("yes" if case["hold"] else "no")),
            (self.word("made"), self._at(about["made_at"])),
            (self.word("made_by"), escape(str(about["made_by"]))),
        ]
        if about["why"]:
            rows.append((self.word("why"), escape(str(about["why"]))))
        return self._pairs(rows)

    def _picture(self, number: int, picture: Mapping[str, Any]) -> str:
        offset = picture["received_after_s"]
        rows = [
            (self.word("original"), f"{escape(picture['file_name'])} · {self._digest(picture['sha256'])}"),
            ("", self.word(self._kept(picture))),
            (self.word("captured"), self._at(picture["captured_at"])),
            (self.word("received"), self._at(picture["received_at"])),
            (self.word("offset"), self.word("unknown") if offset == UNKNOWN else f"{offset:+.3f} s"),
            (self.word("flight"), escape(picture["flight_id"])),
            (self.word("source"), self._source(picture["source"])),
            (self.word("pose"), self._pose(picture["pose"])),
            (self.word("findings"), "<br/>".join(map(self._finding, picture["findings"])) or self.word("unknown")),
        ]
        apart = " class='apart'" if number > 1 else ""
        return f"<h3{apart}>{number}. {escape(picture['file'])}</h3>{self._image(picture['file'])}{self._pairs(rows)}"

    def _kept(self, picture: Mapping[str, Any]) -> str:
        if picture["removed_at"] is not None:
            return "removed"
        return "enclosed" if picture["enclosed"] else "sealed"

    def _source(self, source: Mapping[str, Any] | str) -> str:
        if isinstance(source, str):
            return self.word("unknown")
        if source["kind"] == "photo":
            return self.word("photo")
        where = f"{self.word('frame')} {source['frame']}, PTS {source['media_time_s']:.3f} s"
        digest = "" if source["source_sha256"] is None else f"<br/>SHA-256 {self._digest(source['source_sha256'])}"
        return f"{self.word(source['kind'])} {escape(source['source_name'])}, {where}{digest}"

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
                f"{self._at(one['started_at'])}<br/>{self._at(one['ended_at'])}",
                *(self._value(one[fact]) for fact in FLIGHT_FACTS),
            )
            for one in self._told.about["flights"]
        ]
        return f"<h2>{self.word('flights')}</h2>" + self._table(("flight", "time", *FLIGHT_FACTS), rows)

    def _models(self) -> str:
        rows = []
        for one in self._told.about["models"]:
            least = one["thresholds"]
            told = (
                [f"{label} {least[label]:.2f}" for label in one["labels"] if label in least] if least != UNKNOWN else []
            )
            rows.append(
                (escape(one["name"]), self._digest(one["sha256"]), escape(", ".join(told)) or self.word("unknown"))
            )
        return f"<h2>{self.word('models')}</h2>" + self._table(("model", "weights", "threshold"), rows)

    def _reviews(self) -> str:
        told = self._told.about["reviews"]
        if not told:
            return f"<h2>{self.word('reviews')}</h2><p>{self.word('no_review')}</p>"
        rows = [
            (
                self._at(one["at"]),
                escape(one["reviewer"]) if one["by_a_person"] else self.word("by_rule"),
                self.word(one["verdict"]),
                escape(one["why"]),
            )
            for one in told
        ]
        return f"<h2>{self.word('reviews')}</h2>" + self._table(("time", "reviewer", "verdict", "why"), rows)

    def _tasks(self) -> str:
        rows = [
            (escape(one["department"]), escape(f"{one['kind']}, {one['state']}"), self._at(one["created_at"]))
            for one in self._told.about["tasks"]
        ]
        return f"<h2>{self.word('tasks')}</h2>" + self._table(("department", "state", "time"), rows) if rows else ""

    def _events(self) -> str:
        rows = [
            (
                str(one["seq"]),
                self._at(one["at"]),
                escape(one["who"]),
                escape(one["kind"]),
                self._change(one["from_state"], one["to_state"]) + (f"<br/>{escape(one['why'])}" if one["why"] else ""),
                f"<code>{one['hash'][:12]}…</code>" if not self._paper else f"{one['hash'][:12]}…",
            )
            for one in self._told.events
        ]
        heads = ("number", "time", "who", "what", "change", "hash")
        return f"<h2>{self.word('events')}</h2>{self._table(heads, rows)}"

    def _change(self, before: str | None, after: str | None) -> str:
        names = [self._both(*_STATES.get(one, (one, one))) for one in (before, after) if one]
        return " → ".join(names)

    def _files(self) -> str:
        rows = [
            (escape(name), self._both(*ROLE_WORDS[role]), str(size), self._digest(sha256))
            for name, role, sha256, size in self._told.files
        ]
        return f"<h2>{self.word('digests')}</h2>" + self._table(("file", "role", "bytes", "digest"), rows)

    def _limits(self) -> str:
        keys = ("proves_1", "proves_2", "not_1", "not_2", "not_3", "not_4")
        return f"<h2>{self.word('limits')}</h2><ul>{''.join(f'<li>{self.word(key)}</li>' for key in keys)}</ul>"


def report_html(told: Told, *, svg: str, pictures: Mapping[str, bytes], lang: str = "zh") -> bytes:
    """The report as one page that needs nothing beside it; a switch without scripts shows the other language.

    Args:
        told: What it tells.
        svg: The map.
        pictures: JPEG by name.
        lang: The language shown first, `zh` or `en`.
    """

    def image(name: str) -> str:
        if name == "map":
            return f"<figure class='map'>{svg}</figure>"
        data = base64.b64encode(pictures[name]).decode("ascii")
        return f"<img alt='{escape(name)}' src='data:image/jpeg;base64,{data}'/>"

    body = _Writer(told, lang=None, image=image, paper=False).body()
    title = escape(f"{WORDS['title'][0 if lang == 'zh' else 1]} {told.about['case']['number']}")
    checked = {one: " checked" if one == lang else "" for one in ("zh", "en")}
    page = (
        f'<!doctype html>\n<html lang="{"zh-CN" if lang == "zh" else "en"}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>{_PAGE_CSS}</style></head><body>\n"
        f'<input type="radio" name="l" id="zh"{checked["zh"]}><label for="zh">中文</label>'
        f'<input type="radio" name="l" id="en"{checked["en"]}><label for="en">English</label>\n'
        f"<main>\n{body}\n</main></body></html>\n"
    )
    return page.encode("utf-8")


def report_pdf(told: Told, *, svg: str, pictures: Mapping[str, bytes], lang: str = "zh") -> bytes:
    """The report on A4 pages; every font it needs is inside.

    Args:
        told: What it tells.
        svg: The map.
        pictures: JPEG by name.
        lang: `zh` or `en`.
    """
    from dispatch_api.evidence.pack.pdf import pages

    names = {name: f"p{number}.jpg" for number, name in enumerate(pictures)}
    widths = {"map": 300}

    def image(name: str) -> str:
        return f"<p><img src='{names.get(name, 'map.png')}' width='{widths.get(name, 340)}'/></p>"

    body = _Writer(told, lang=lang, image=image, paper=True).body()
    footer = f"{WORDS['title'][0 if lang == 'zh' else 1]} {told.about['case']['number']}"
    return pages(body, svg=svg, images={names[name]: data for name, data in pictures.items()}, footer=footer)


_PAGE_CSS = """
:root{color-scheme:light}
body{font:15px/1.55 "Noto Sans SC","PingFang SC","Microsoft YaHei",sans-serif;margin:0 auto;max-width:62rem;
padding:1rem;color:#1c2328;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:2px solid #1d4f80;padding-bottom:.2rem}
h3{font-size:1rem}
table{border-collapse:collapse;width:100%}
th,td{border:1px solid #cfd6db;padding:.3rem .5rem;text-align:left;vertical-align:top}
th{background:#eef2f5;font-weight:600}
.pairs th{width:14rem}td{overflow-wrap:anywhere}code{font-size:.85em}
.wide{overflow-x:auto}.wide table{min-width:44rem}
img{max-width:100%;max-height:34rem;height:auto;border:1px solid #cfd6db;margin:.3rem 0}
.map{margin:0;max-width:34rem}.map svg{width:100%;height:auto;border:1px solid #cfd6db}
.note{color:#52606a}label{margin-right:1rem}
#zh:checked~main .en,#en:checked~main .zh{display:none}
@media(max-width:40rem){.pairs th,.pairs td{display:block;width:auto}.pairs th{border-bottom:0}}
@media print{input,label{display:none}}
"""
