"""When something holds: hours of some weekdays, a stretch of days, or both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Stretch = tuple[datetime, datetime]
"""From a time to before another, UTC."""


@dataclass(frozen=True, kw_only=True)
class Hours:
    """A stretch of the day, from its beginning to before its end; past midnight when it ends before it begins."""

    begins: time
    ends: time

    def __post_init__(self) -> None:
        if self.begins == self.ends:
            raise ValueError(f"{self.begins:%H:%M} to {self.ends:%H:%M} is no stretch of time")


@dataclass(frozen=True, kw_only=True)
class Times:
    """When something holds, by the clocks of some time zone.

    Attributes:
        hours: The hours; None for whole days.
        weekdays: 0 Monday to 6 Sunday; empty for every day.
        first_day: The first day; None for always until `last_day`.
        last_day: The last one; hours that pass midnight end on the day after.
    """

    hours: Hours | None = None
    weekdays: frozenset[int] = frozenset()
    first_day: date | None = None
    last_day: date | None = None

    def __post_init__(self) -> None:
        if not all(0 <= day <= 6 for day in self.weekdays):
            raise ValueError("weekdays go from 0 (Monday) to 6 (Sunday)")
        if self.first_day and self.last_day and self.last_day < self.first_day:
            raise ValueError("it must not end before it begins")

    @property
    def is_always(self) -> bool:
        """Whether it holds without end."""
        return self.hours is None and not self.weekdays and self.first_day is None and self.last_day is None

    def holds_on(self, day: date) -> bool:
        """Whether it begins on that day."""
        if self.first_day is not None and day < self.first_day:
            return False
        if self.last_day is not None and day > self.last_day:
            return False
        return not self.weekdays or day.weekday() in self.weekdays

    def stretches(self, days: Iterable[date], time_zone: ZoneInfo) -> list[Stretch]:
        """When it holds, of what begins on these days."""
        return [stretch_of(day, self.hours, time_zone) for day in days if self.holds_on(day)]

    def within(self, begins_at: datetime, ends_at: datetime, time_zone: ZoneInfo) -> list[Stretch]:
        """When it holds between two times, those at its edges whole; in order, none touching another."""
        first = begins_at.astimezone(time_zone).date() - timedelta(days=1)
        last = ends_at.astimezone(time_zone).date()
        days = (first + timedelta(days=number) for number in range((last - first).days + 1))
        found = joined(self.stretches(days, time_zone))
        return [(begins, ends) for begins, ends in found if begins < ends_at and ends > begins_at]


def stretch_of(day: date, hours: Hours | None, time_zone: ZoneInfo) -> Stretch:
    """From when to when these hours go that begin on that day; the whole day for None."""
    if hours is None or hours.ends == time.max:
        begins = time(0) if hours is None else hours.begins
        return _at(day, begins, time_zone), _at(day + timedelta(days=1), time(0), time_zone)
    ends_on = day if hours.ends > hours.begins else day + timedelta(days=1)
    return _at(day, hours.begins, time_zone), _at(ends_on, hours.ends, time_zone)


def joined(stretches: list[Stretch]) -> list[Stretch]:
    """The same times, in order, none touching another."""
    found: list[Stretch] = []
    for begins, ends in sorted(stretches):
        if found and begins <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], ends)
        else:
            found.append((begins, ends))
    return found


def _at(day: date, clock: time, time_zone: ZoneInfo) -> datetime:
    # In UTC, for no hour is missing or twice there.
    return datetime.combine(day, clock, tzinfo=time_zone).astimezone(UTC)
