"""Clocks of a matter: how long something may take, in clock hours or in working hours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Protocol
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, PlainSerializer

from dispatch_api.errors import ConfigurationError

_LONGEST_BREAK_DAYS = 366


class OfficialDays(Protocol):
    """Days off and make-up days as an office publishes them, usually one year ahead."""

    def works_on(self, day: date) -> bool | None:
        """Whether a day is worked; None where nothing is published for its year yet."""
        ...


class ChinaDays:
    """The State Council's holidays and make-up days, as the library `chinesecalendar` lists them."""

    def works_on(self, day: date) -> bool | None:
        """Whether a day is worked in China; None for years that the installed list does not have."""
        import chinese_calendar

        try:
            return bool(chinese_calendar.is_workday(day))
        except NotImplementedError:
            return None


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
    def is_working(self) -> bool:
        """Whether it counts working time."""
        return self.elapsed is None

    def share(self, part: float) -> Clock:
        """A clock of the same unit that runs for `part` of this one; 1.5 is half as long again."""
        return replace(self, amount=self.amount * part)

    @property
    def text(self) -> str:
        """The clock as it is written in configuration."""
        return f"{self.amount:g}{self.unit}"


def _clock(value: object) -> object:
    return Clock.parse(value) if isinstance(value, str) else value


ClockText = Annotated[Clock, BeforeValidator(_clock), PlainSerializer(lambda clock: clock.text)]
"""A clock in a configuration file, written like `4wh`."""


@dataclass(frozen=True, kw_only=True)
class WorkingCalendar:
    """When working hours run: from `opens` to `closes` (local time) on working days.

    Attributes:
        time_zone: The city's.
        opens: Begin of working hours.
        closes: Their end.
        weekdays: Days of the week that are worked, 0 is Monday.
        holidays: Days off beside them; they win over everything else.
        working_days: Days worked though the week says otherwise (调休, make-up days).
        official: Days off and make-up days that an office publishes each year; None where there is none.
    """

    time_zone: ZoneInfo
    opens: time = time(9)
    closes: time = time(18)
    weekdays: frozenset[int] = frozenset(range(5))
    holidays: frozenset[date] = frozenset()
    working_days: frozenset[date] = frozenset()
    official: OfficialDays | None = None

    def __post_init__(self) -> None:
        if self.opens >= self.closes:
            raise ValueError("working hours must open before they close")
        if not self.weekdays or not self.weekdays <= set(range(7)):
            raise ValueError("weekdays are numbers from 0 (Monday) to 6, at least one")
        both = self.holidays & self.working_days
        if both:
            raise ValueError(f"{min(both)} is a holiday and a working day")

    @property
    def day_length(self) -> timedelta:
        """Working time of one working day."""
        anchor = date(2000, 1, 3)
        return datetime.combine(anchor, self.closes) - datetime.combine(anchor, self.opens)

    def local_date(self, at: datetime) -> date:
        """The local day of a moment."""
        return at.astimezone(self.time_zone).date()

    def works_on(self, day: date) -> bool:
        """Whether a local day is a working day."""
        if day in self.holidays:
            return False
        if day in self.working_days:
            return True
        told = self.official.works_on(day) if self.official else None
        return day.weekday() in self.weekdays if told is None else told

    def deadline(self, start_at: datetime, clock: Clock) -> datetime:
        """When a clock that starts at `start_at` (aware) has run out, in UTC."""
        if clock.elapsed is not None:
            return start_at.astimezone(UTC) + clock.elapsed
        # What comes in together starts the same clocks at the same moment, a thousand times.
        return _deadline(self, start_at, clock)

    def later(self, start_at: datetime, left: timedelta, *, working: bool) -> datetime:
        """The moment (UTC) that comes `left` after `start_at`, counted in working time or by the clock on the wall."""
        at = start_at.astimezone(UTC)
        if not working:
            return at + left
        for opens, closes in self._hours_from(at):
            begin = max(at, opens)
            available = closes - begin
            if left <= available:
                return begin + left
            left -= max(available, timedelta(0))
        raise AssertionError("working hours never end")  # pragma: no cover

    def between(self, start_at: datetime, end_at: datetime, *, working: bool) -> timedelta:
        """How much time lies between two moments (aware), counted in working time or by the clock on the wall.

        Nothing where `end_at` is not later.
        """
        start, end = start_at.astimezone(UTC), end_at.astimezone(UTC)
        if not working or end <= start:
            return max(end - start, timedelta(0))
        total = timedelta(0)
        for opens, closes in self._hours_from(start):
            if opens >= end:
                return total
            total += max(min(closes, end) - max(opens, start), timedelta(0))
        raise AssertionError("working hours never end")  # pragma: no cover

    def working_time(self, clock: Clock) -> timedelta:
        """The length of a clock that counts working hours or days."""
        length = timedelta(hours=1) if clock.unit is ClockUnit.WORKING_HOURS else self.day_length
        return length * clock.amount

    def _hours_from(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        day, idle = self.local_date(at), 0
        while True:
            if self.works_on(day):
                idle = 0
                yield (
                    datetime.combine(day, self.opens, self.time_zone).astimezone(UTC),
                    datetime.combine(day, self.closes, self.time_zone).astimezone(UTC),
                )
            elif (idle := idle + 1) > _LONGEST_BREAK_DAYS:
                raise ConfigurationError(
                    path="calendar",
                    place=f"{day}",
                    problem=f"no working day in {_LONGEST_BREAK_DAYS} days before it",
                    remedy="Correct the holidays",
                )
            day += timedelta(days=1)


@lru_cache(maxsize=4096)
def _deadline(calendar: WorkingCalendar, start_at: datetime, clock: Clock) -> datetime:
    return calendar.later(start_at, calendar.working_time(clock), working=True)
