"""Words, times, digests and tables of a report, in one language or in both, for a page or for paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from dispatch_api.evidence.pack.told import UNKNOWN
from dispatch_api.evidence.pack.words import WORDS

Row = tuple[str, str]


class Markup:
    """Writes pieces of HTML."""

    def __init__(self, *, lang: str | None, paper: bool, time_zone: ZoneInfo) -> None:
        """Write in a language, or in both (None); for paper or for a page; times as the city has them."""
        self._lang = lang
        self._paper = paper
        self._time_zone = time_zone

    def word(self, key: str) -> str:
        """A word of the report, by its key."""
        return self.both(*WORDS[key])

    def both(self, zh: str, en: str) -> str:
        """A text in the language asked for, or in both, of which a switch hides one."""
        if self._lang is not None:
            return escape(zh if self._lang == "zh" else en)
        return f'<span class="zh" lang="zh">{escape(zh)}</span><span class="en" lang="en">{escape(en)}</span>'

    def value(self, value: object) -> str:
        """A value as text, or that it is unknown."""
        return self.word("unknown") if value in (None, "", UNKNOWN) else escape(str(value))

    def at(self, text: str | None) -> str:
        """A time of the manifest in the city's time."""
        if text in (None, "", UNKNOWN):
            return self.word("unknown")
        at = datetime.fromisoformat(str(text).replace("Z", "+00:00")).astimezone(self._time_zone)
        return escape(f"{at:%Y-%m-%d %H:%M:%S} {at:%z}")

    def digest(self, sha256: str) -> str:
        """A SHA-256."""
        if not self._paper:
            return f"<code>{escape(sha256)}</code>"
        return " ".join(sha256[at : at + 16] for at in range(0, 64, 16))

    def pairs(self, rows: Iterable[Row]) -> str:
        """Names and values, one line each."""
        lines = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows)
        return f"<table class='pairs'>{lines}</table>"

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
        """A table under heads, given by their keys."""
        top = "".join(f"<th>{self.word(head)}</th>" for head in heads)
        lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
        return f"<div class='wide'><table><tr>{top}</tr>{lines}</table></div>"
