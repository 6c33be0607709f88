"""What people are told in a group or a mail: number, matter, place name, colour, deadline and a link. Nothing else.

No picture, no position, no free text of a case's history: nobody checks a group's members, and its messages stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from dispatch_api.cases.features import matter_name
from dispatch_api.cases.matters import Matters
from dispatch_api.deliveries import phrases
from dispatch_api.deliveries.envelope import Letterhead, data_of
from dispatch_api.deliveries.phrases import COLOURS, Language
from dispatch_api.deliveries.places import place_name
from dispatch_api.departments.model import Departments

# What markdown of either platform takes as an order: links, headings, mentions of everybody.
_MARKS = str.maketrans({mark: chr(ord(mark) + 0xFEE0) for mark in "\\`*_{}[]()<>#@|~"})
_LONGEST = 60


@dataclass(frozen=True, kw_only=True)
class Words:
    """Puts messages into words, by the city's names."""

    matters: Matters
    departments: Departments
    letterhead: Letterhead

    def fit(self, messages: Sequence[Row[Any]], *, room_bytes: int, language: Language) -> int:
        """How many messages, from the first on, are said at once; see `said`."""
        return len(messages) if len(messages) < 2 else self._many(messages, room_bytes, language)[2]

    def said(self, messages: Sequence[Row[Any]], *, room_bytes: int, language: Language) -> tuple[str, list[str]]:
        """Messages that fit together: one by itself, or a line for each.

        Args:
            messages: At least one.
            room_bytes: How long the lines may be together, in UTF-8.
            language: What whoever is told reads.

        Returns:
            A title and its lines, as markdown.
        """
        if len(messages) == 1:
            return self._one(messages[0], language)
        return self._many(messages, room_bytes, language)[:2]

    def _one(self, message: Row[Any], language: Language) -> tuple[str, list[str]]:
        data = data_of(message, self.letterhead)
        colour = language.of(COLOURS[message.colour]) if message.colour in COLOURS else ""
        title = f"{colour} {_title(message.type, data, language)}".strip()
        own = language.own(data, "text")
        if own is not None:
            return title, [*(plain(line, longest=200) for line in own.splitlines()), *self._link(data, language)]
        sign_by = data.get("sign_deadline_at") if message.type == "task.dispatched.v1" else None
        pairs = (
            (phrases.NOTICE, data.get("notice")),
            (phrases.CASE, data.get("number")),
            (phrases.MATTER, self._matter(data, language)),
            (phrases.PLACE, place_name(data.get("place"))),
            (phrases.DEPARTMENT, self._department(data, language)),
            (phrases.SIGN_BY, self._time(sign_by, language)),
            (phrases.DEADLINE, self._time(data.get("deadline_at"), language)),
        )
        colon = language.of(phrases.COLON)
        lines = [f"**{language.of(name)}**{colon}{plain(str(value))}" for name, value in pairs if value]
        return title, [*lines, *self._link(data, language)]

    def _many(self, messages: Sequence[Row[Any]], room_bytes: int, language: Language) -> tuple[str, list[str], int]:
        lines: list[str] = []
        used = 0
        for message in messages:
            line = self._line(message, language)
            used += len(line.encode()) + 4
            if lines and used > room_bytes:
                break
            lines.append(line)
        counted = Counter(message.colour for message in messages[: len(lines)])
        gap = "" if language is Language.ZH else " "
        colours = " ".join(
            f"{language.of(COLOURS[colour])}{gap}{counted[colour]}" for colour in COLOURS if counted[colour]
        )
        title = f"{language.of(phrases.SO_MANY).format(count=len(lines))} {colours}".strip()
        return title, [*lines, *self._link({"link": self.letterhead.public_url}, language)], len(lines)

    def _line(self, message: Row[Any], language: Language) -> str:
        data = data_of(message, self.letterhead)
        own = language.own(data, "text")
        if own is not None:
            words: list[str | None] = [own.partition("\n")[0]]
        else:
            deadline = self._time(data.get("deadline_at"), language)
            words = [data.get("number"), self._matter(data, language), place_name(data.get("place"))]
            words.append(language.of(phrases.UNTIL).format(time=deadline) if deadline else None)
        mark = language.of(COLOURS[message.colour])[0] if message.colour in COLOURS else " "
        told = language.of(phrases.COMMA).join(plain(str(word)) for word in words if word)
        return f"- {mark} {_title(message.type, data, language)}{language.of(phrases.COLON)}{told}"

    def _matter(self, data: Mapping[str, Any], language: Language) -> str | None:
        return language.of(matter_name(self.matters, data["matter"])) if "matter" in data else None

    def _department(self, data: Mapping[str, Any], language: Language) -> str | None:
        return language.of(self.departments.name_of(data["department"])) if "department" in data else None

    def _time(self, text: str | None, language: Language) -> str | None:
        if text is None:
            return None
        return language.time(datetime.fromisoformat(text).astimezone(self.matters.calendar.time_zone))

    def _link(self, data: Mapping[str, Any], language: Language) -> list[str]:
        link = data.get("link")
        return [f"[{language.of(phrases.MORE)}]({link})"] if link and self.letterhead.public_url else []


def _title(type: str, data: Mapping[str, Any], language: Language) -> str:
    if type in phrases.TITLES:
        return language.of(phrases.TITLES[type])
    # Reminders bring the words of their step.
    step = data.get("text") or {}
    own = language.own(data, "title") or step.get(language) or step.get(Language.ZH)
    return plain(str(own or language.of(phrases.OTHER)))


def plain(text: str, *, longest: int = _LONGEST) -> str:
    """Text of others, on one line, that orders nothing where markdown is read."""
    line = " ".join(text.split()).translate(_MARKS)
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
