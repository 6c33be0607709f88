"""Clocks of a matter: how long something may take, in clock hours or in working hours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class ClockUnit(StrEnum):
    """What a clock counts."""

    MINUTES = "min"
    HOURS = "h"
    DAYS = "d"
    WORKING_HOURS = "wh"
    WORKING_DAYS = "wd"


_CLOCK_TEXT = re.compile(r"(\d+(?:\.\d+)?)\s*(min|h|d|wh|wd)")
_CALENDAR_UNITS = {
    ClockUnit.MINUTES: timedelta(minutes=1),
    ClockUnit.HOURS: timedelta(hours=1),
    ClockUnit.DAYS: timedelta(days=1),
}


@dataclass(frozen=True, kw_only=True)
class Clock:
    """An amount of time, like `4wh`: four working hours."""

    amount: float
    unit: ClockUnit

    def __post_init__(self) -> None:
        if self.amount <= 0:
            raise ValueError("a clock runs for more than nothing")

    @classmethod
    def parse(cls, text: str) -> Clock:
        """Read `15min`, `2h`, `90d`, `4wh` (working hours) or `2wd` (working days).

        Raises:
            ValueError: It is none of these.
        """
        match = _CLOCK_TEXT.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is no duration; write 15min, 2h, 90d, 4wh or 2wd")
        return cls(amount=float(match[1]), unit=ClockUnit(match[2]))

    @property
    def elapsed(self) -> timedelta | None:
        """Its length where it counts clock time, None where it counts working time."""
        unit = _CALENDAR_UNITS.get(self.unit)
        return None if unit is None else unit * self.amount

    @property
    def text(self) -> str:
        """The clock as it is written in configuration."""
        return f"{self.amount:g}{self.unit}"


@dataclass(frozen=True, kw_only=True)
class WorkingCalendar:
    """When working hours run: from `opens` to `closes` on `weekdays` (0 is Monday), but for `holidays`."""

    time_zone: ZoneInfo
    opens: time = time(9)
    closes: time = time(18)
    weekdays: frozenset[int] = frozenset(range(5))
    holidays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if self.opens >= self.closes:
            raise ValueError("working hours must open before they close")
        if not self.weekdays or not self.weekdays <= set(range(7)):
            raise ValueError("weekdays are numbers from 0 (Monday) to 6, at least one")

    @property
    def day_length(self) -> timedelta:
        """Working time of one working day."""
        anchor = date(2000, 1, 3)
        return datetime.combine(anchor, self.closes) - datetime.combine(anchor, self.opens)

    def local_date(self, at: datetime) -> date:
        """The local day of a moment."""
        return at.astimezone(self.time_zone).date()

    def deadline(self, start_at: datetime, clock: Clock) -> datetime:
        """When a clock that starts at `start_at` (aware) has run out, in UTC."""
        if clock.elapsed is not None:
            return start_at.astimezone(UTC) + clock.elapsed
        length = timedelta(hours=1) if clock.unit is ClockUnit.WORKING_HOURS else self.day_length
        return self._after_working_time(start_at, length * clock.amount)

    def _after_working_time(self, start_at: datetime, left: timedelta) -> datetime:
        day, at = self.local_date(start_at), start_at.astimezone(UTC)
        while True:
            if self._works_on(day):
                opens = datetime.combine(day, self.opens, self.time_zone).astimezone(UTC)
                closes = datetime.combine(day, self.closes, self.time_zone).astimezone(UTC)
                begin = max(at, opens)
                available = closes - begin
                if left <= available:
                    return begin + left
                left -= max(available, timedelta(0))
            day += timedelta(days=1)

    def _works_on(self, day: date) -> bool:
        return day.weekday() in self.weekdays and day not in self.holidays
