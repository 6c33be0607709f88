"""What people are told in a group or a mail: number, matter, place name, colour, deadline and a link. Nothing else.

No picture, no position, no free text of a case's history: nobody checks a group's members, and its messages stay.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from dispatch_api.cases.features import matter_name
from dispatch_api.cases.matters import Matters
from dispatch_api.deliveries.envelope import Letterhead, data_of
from dispatch_api.departments.model import Departments

TITLES = {
    "case.opened.v1": "新立案",
    "task.dispatched.v1": "新任务",
    "task.signed.v1": "任务已签收",
    "task.refused.v1": "任务被退回",
    "task.done.v1": "任务已反馈",
    "task.cancelled.v1": "任务已撤回",
    "task.rework.v1": "任务返工",
    "case.closed.v1": "案件已结案",
    "case.merged.v1": "案件已合并",
    "case.reopened.v1": "案件重新打开",
    "detection.rejected.v1": "线索已排除",
    "receiver.test.v1": "测试消息",
}
"""In Chinese, by type; a message of another type brings its own `title_zh` (or `text.zh`, as reminders do)."""
COLOURS = {"red": "🔴红色", "yellow": "🟡黄色", "green": "🟢绿色"}
_MORE = "详情请登录查看"
# What markdown of either platform takes as an order: links, headings, mentions of everybody.
_MARKS = str.maketrans({mark: chr(ord(mark) + 0xFEE0) for mark in "\\`*_{}[]()<>#@|~"})
_POSITION = re.compile(r"\d{1,3}\.\d{3,}|\d{1,3}\s*°")
_LONGEST = 60


@dataclass(frozen=True, kw_only=True)
class Words:
    """Puts messages into words, by the city's names."""

    matters: Matters
    departments: Departments
    letterhead: Letterhead

    def one(self, message: Row[Any]) -> tuple[str, list[str]]:
        """A message by itself: a title and its lines, as markdown."""
        data = data_of(message, self.letterhead)
        title = f"{COLOURS.get(message.colour, '')} {self._title(message.type, data)}".strip()
        if "text_zh" in data:
            return title, [*(plain(line, longest=200) for line in data["text_zh"].splitlines()), *self._link(data)]
        pairs = {
            "督办编号": data.get("notice"),
            "案件": data.get("number"),
            "事项": self._matter(data),
            "地点": place_name(data.get("place")),
            "部门": self._department(data),
            "签收时限": self._time(data.get("sign_deadline_at")) if message.type == "task.dispatched.v1" else None,
            "办理时限": self._time(data.get("deadline_at")),
        }
        lines = [f"**{name}**：{plain(str(value))}" for name, value in pairs.items() if value]
        return title, [*lines, *self._link(data)]

    def many(self, messages: Sequence[Row[Any]], *, room_bytes: int) -> tuple[str, list[str], int]:
        """As many messages as there is room for, in the order given, one line each.

        Args:
            messages: At least two.
            room_bytes: How long the lines may be together, in UTF-8.

        Returns:
            A title, the lines, and how many of the messages they tell; at least one.
        """
        lines: list[str] = []
        used = 0
        for message in messages:
            line = self._line(message)
            used += len(line.encode()) + 4
            if lines and used > room_bytes:
                break
            lines.append(line)
        counted = Counter(message.colour for message in messages[: len(lines)])
        colours = " ".join(f"{COLOURS[colour]}{counted[colour]}" for colour in COLOURS if counted[colour])
        link = [f"[{_MORE}]({self.letterhead.public_url})"] if self.letterhead.public_url else []
        return f"{len(lines)} 条消息 {colours}".strip(), [*lines, *link], len(lines)

    def _line(self, message: Row[Any]) -> str:
        data = data_of(message, self.letterhead)
        if "text_zh" in data:
            words = [data["text_zh"].splitlines()[0] if data["text_zh"] else ""]
        else:
            deadline = self._time(data.get("deadline_at"))
            words = [data.get("number"), self._matter(data), place_name(data.get("place"))]
            words.append(f"时限 {deadline}" if deadline else None)
        mark = COLOURS.get(message.colour, " ")[0]
        told = "，".join(plain(str(word)) for word in words if word)
        return f"- {mark} {self._title(message.type, data)}：{told}"

    def _title(self, type: str, data: Mapping[str, Any]) -> str:
        own = data.get("title_zh") or data.get("text", {}).get("zh") or "通知"
        return TITLES.get(type) or plain(str(own))

    def _matter(self, data: Mapping[str, Any]) -> str | None:
        return matter_name(self.matters, data["matter"]).zh if "matter" in data else None

    def _department(self, data: Mapping[str, Any]) -> str | None:
        return self.departments.name_of(data["department"]).zh if "department" in data else None

    def _time(self, text: str | None) -> str | None:
        if text is None:
            return None
        local = datetime.fromisoformat(text).astimezone(self.matters.calendar.time_zone)
        return f"{local.month}月{local.day}日 {local:%H:%M}"

    def _link(self, data: Mapping[str, Any]) -> list[str]:
        link = data.get("link")
        return [f"[{_MORE}]({link})"] if link and self.letterhead.public_url else []


def place_name(text: str | None) -> str | None:
    """The name of a place, or nothing where it is a position written as a name."""
    return None if text is None or _POSITION.search(text) else text


def plain(text: str, *, longest: int = _LONGEST) -> str:
    """Text of others, on one line, that orders nothing where markdown is read."""
    line = " ".join(text.split()).translate(_MARKS)
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
