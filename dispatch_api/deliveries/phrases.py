"""The set phrases of what people are told in groups and mails, in the languages that a receiver may choose."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from dispatch_api.configuration import Name


class Language(StrEnum):
    """What whoever is told reads."""

    ZH = "zh"
    EN = "en"

    def of(self, name: Name) -> str:
        """A name in this language."""
        return name.zh if self is Language.ZH else name.en

    def own(self, data: Mapping[str, Any], key: str) -> str | None:
        """What a message brings under `key_zh` and `key_en`; Chinese where it brings only that."""
        text = data.get(f"{key}_{self}", data.get(f"{key}_zh"))
        return None if text is None else str(text)

    def time(self, local: datetime) -> str:
        """A moment in the city's time, to the minute, without its year."""
        # Without a locale set, Python's months are English whatever the machine speaks.
        return f"{local.month}月{local.day}日 {local:%H:%M}" if self is Language.ZH else f"{local:%d %b %H:%M}"


BRAND = Name(zh="综合飞一次", en="flyonce")
TITLES = {
    "case.opened.v1": Name(zh="新立案", en="New case"),
    "task.dispatched.v1": Name(zh="新任务", en="New task"),
    "task.signed.v1": Name(zh="任务已签收", en="Task signed for"),
    "task.refused.v1": Name(zh="任务被退回", en="Task refused"),
    "task.done.v1": Name(zh="任务已反馈", en="Task reported done"),
    "task.cancelled.v1": Name(zh="任务已撤回", en="Task withdrawn"),
    "task.rework.v1": Name(zh="任务返工", en="Task to be done again"),
    "case.closed.v1": Name(zh="案件已结案", en="Case closed"),
    "case.merged.v1": Name(zh="案件已合并", en="Case merged"),
    "case.reopened.v1": Name(zh="案件重新打开", en="Case opened again"),
    "detection.rejected.v1": Name(zh="线索已排除", en="Finding rejected"),
    "receiver.test.v1": Name(zh="测试消息", en="Test message"),
}
"""By type; a message of another type brings its own `title_zh` and `title_en` (or `text`, as reminders do)."""
OTHER = Name(zh="通知", en="Notice")
COLOURS = {
    "red": Name(zh="🔴红色", en="🔴 red"),
    "yellow": Name(zh="🟡黄色", en="🟡 yellow"),
    "green": Name(zh="🟢绿色", en="🟢 green"),
}
MORE = Name(zh="详情请登录查看", en="Log in to see more")

NOTICE = Name(zh="督办编号", en="Notice of supervision")
CASE = Name(zh="案件", en="Case")
MATTER = Name(zh="事项", en="Matter")
PLACE = Name(zh="地点", en="Place")
DEPARTMENT = Name(zh="部门", en="Department")
SIGN_BY = Name(zh="签收时限", en="Sign by")
DEADLINE = Name(zh="办理时限", en="Deadline")

COLON = Name(zh="：", en=": ")
COMMA = Name(zh="，", en=", ")
UNTIL = Name(zh="时限 {time}", en="due {time}")
SO_MANY = Name(zh="{count} 条消息", en="{count} messages")
