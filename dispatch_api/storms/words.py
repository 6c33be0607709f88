"""A unit's table of a storm as a group or a mail is told it: a line for each of the most dangerous places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from dispatch_api.cases.matters import Matters
from dispatch_api.cases.model import Colour
from dispatch_api.configuration import Name
from dispatch_api.deliveries.phrases import Language
from dispatch_api.deliveries.places import place_name
from dispatch_api.storms.records import Ranked, StormRow

_SHOWN = 12
# Whoever reports a place may describe it at length; twelve such would leave no room for the table.
_LONGEST_PLACE = 60
_MARKS = {Colour.RED: "🔴", Colour.YELLOW: "🟡", Colour.GREEN: "🟢"}
_HEAD = Name(
    zh="{name}（{number}）：待处置 {open} 处，新增 {fresh} 处，已处置 {done} 处",
    en="{name} ({number}): {open} places to deal with, {fresh} new, {done} done",
)
_LINE = Name(
    zh="{rank}. {mark} {number} {place}，危险度 {danger:g}{until}",
    en="{rank}. {mark} {number} {place}, danger {danger:g}{until}",
)
_NO_PLACE = Name(zh="见链接", en="(see the link)")
_UNTIL = Name(zh="，时限 {time:%H:%M}", en=", due {time:%H:%M}")
_OTHERS = Name(zh="其余 {count} 处见链接", en="{count} more: see the link")


def table_in_words(
    row: StormRow,
    current: Sequence[tuple[Ranked, Row[Any]]],
    *,
    fresh: int,
    done: int,
    matters: Matters,
    language: Language,
) -> str:
    """The table's head and first lines.

    Args:
        row: The storm.
        current: What is still to be done, the most dangerous first: each case with the unit's task.
        fresh: How many of them the unit has not been told of.
        done: How many the unit has dealt with.
        matters: The city's matters, for its time zone.
        language: What whoever is told reads.
    """
    head = language.of(_HEAD).format(name=row.name, number=row.number, open=len(current), fresh=fresh, done=done)
    lines = [head]
    for rank, (one, task) in enumerate(current[:_SHOWN], start=1):
        place = place_name(one.case.address, one.case.grid_name) or language.of(_NO_PLACE)
        deadline = task.deadline_at and task.deadline_at.astimezone(matters.calendar.time_zone)
        lines.append(
            language.of(_LINE).format(
                rank=rank,
                mark=_MARKS[Colour(one.case.colour)],
                number=one.case.number,
                place=place[:_LONGEST_PLACE],
                danger=one.danger.score,
                until=language.of(_UNTIL).format(time=deadline) if deadline else "",
            )
        )
    if len(current) > _SHOWN:
        lines.append(language.of(_OTHERS).format(count=len(current) - _SHOWN))
    return "\n".join(lines)
