"""Fixed plans that recur by the calendar: on weekdays, or every so many days, holidays left out or made up for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import Field as Key
from pydantic import model_validator

from flightplan.reflight.reading import Day, Name, Strict, read_document, validated
from flightplan.times import WEEKDAYS

OnHoliday = Literal["leave_out", "next_day", "fly"]
_MOST_DAYS = 3_660


@dataclass(frozen=True, kw_only=True)
class Recurrence:
    """On which days a plan is due.

    Attributes:
        first_day: The first day that counts.
        last_day: The last one; None for on and on.
        every_days: Every so many days from the first on; None for by weekdays only.
        weekdays: 0 Monday to 6 Sunday; empty for every day. With `every_days`, only those days that are both.
        holidays: Days on which nobody flies.
        on_holiday: Leave the day out, fly on the next day that is no holiday, or fly all the same.
    """

    first_day: date
    last_day: date | None = None
    every_days: int | None = None
    weekdays: frozenset[int] = frozenset()
    holidays: frozenset[date] = frozenset()
    on_holiday: OnHoliday = "leave_out"

    def __post_init__(self) -> None:
        if self.every_days is None and not self.weekdays:
            raise ValueError("give weekdays, every_days, or both")
        if self.every_days is not None and not 1 <= self.every_days <= _MOST_DAYS:
            raise ValueError(f"every_days must lie between 1 and {_MOST_DAYS:,}")
        if not all(0 <= day <= 6 for day in self.weekdays):
            raise ValueError("weekdays go from 0 (Monday) to 6 (Sunday)")
        if self.last_day is not None and self.last_day < self.first_day:
            raise ValueError("last_day must not lie before first_day")

    def days(self, begin: date, end: date) -> list[date]:
        """The days from `begin` to `end`, both included, on which it is due; each once."""
        # A holiday before the beginning may have pushed its flight to a day after it.
        early = begin - timedelta(days=len(self.holidays) if self.on_holiday == "next_day" else 0)
        return sorted({day for day in self._due(early, end) if begin <= day <= end})

    def _due(self, begin: date, end: date) -> Iterator[date]:
        last = end if self.last_day is None else min(end, self.last_day)
        first = max(begin, self.first_day)
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            if self.weekdays and day.weekday() not in self.weekdays:
                continue
            if self.every_days is not None and (day - self.first_day).days % self.every_days:
                continue
            if day in self.holidays and self.on_holiday == "leave_out":
                continue
            while day in self.holidays and self.on_holiday == "next_day":
                day += timedelta(days=1)
            yield day


@dataclass(frozen=True, kw_only=True)
class FixedPlan:
    """A plan of a city that recurs: its `name`, the `area` or mission file it flies, and when."""

    name: str
    area: str
    recurrence: Recurrence


def read_fixed_plans(path: Path | str) -> list[FixedPlan]:
    """Fixed plans of a JSON or YAML file.

    Raises:
        InputFileError: The file cannot be read, or says what cannot be.
    """
    path = Path(path)
    table = validated(path, _PlansTable, read_document(path))
    return [FixedPlan(name=plan.name, area=plan.area, recurrence=plan.when(table)) for plan in table.plans]


class _PlanTable(Strict):
    name: Name
    area: Name
    first_day: Day
    last_day: Day | None = None
    every_days: int | None = None
    weekdays: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = Key(default=[])
    on_holiday: OnHoliday = "leave_out"

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        self.when(None)
        return self

    def when(self, table: _PlansTable | None) -> Recurrence:
        return Recurrence(
            first_day=self.first_day,
            last_day=self.last_day,
            every_days=self.every_days,
            weekdays=frozenset(WEEKDAYS.index(day) for day in self.weekdays),
            holidays=frozenset(table.holidays if table is not None else ()),
            on_holiday=self.on_holiday,
        )


class _PlansTable(Strict):
    holidays: list[Day] = Key(default=[], max_length=_MOST_DAYS)
    plans: list[_PlanTable] = Key(min_length=1, max_length=10_000)
