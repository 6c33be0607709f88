"""A month, and the counts and rates of a line of its figures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from dispatch_api.errors import InvalidRequest

_MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")


@dataclass(frozen=True, kw_only=True)
class Month:
    """A month of a city's calendar."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Month:
        """Read `2026-11`.

        Raises:
            InvalidRequest: It is no month.
        """
        match = _MONTH.fullmatch(text)
        if match is None:
            raise InvalidRequest(field="month", problem=f"{text!r} is no month; write it like 2026-11")
        return cls(year=int(match[1]), number=int(match[2]))

    @property
    def text(self) -> str:
        """The month as `2026-11`."""
        return f"{self.year}-{self.number:02d}"

    def bounds(self, time_zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Its first moment and that of the following month, UTC."""
        following = (self.year + 1, 1) if self.number == 12 else (self.year, self.number + 1)
        days = (date(self.year, self.number, 1), date(*following, 1))
        first, end = (datetime.combine(day, time(), time_zone).astimezone(UTC) for day in days)
        return first, end


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One line: counts of cases that were dispatched in the month, as they stand now.

    Attributes:
        department: The department that leads them; None for all together, each case once.
        matter: Their matter; None for all.
        dispatched: The cases.
        closed: Of these, how many are closed (those that came back later too).
        with_deadline: How many have a deadline at all.
        on_time: How many are closed, and were reported done by the deadline that held then.
        reported: How many were reported done at least once.
        reworked: How many of these were sent back at least once.
        put_off: How many were suspended at least once.
        recurred: How many were closed and came back.
        suspended_h: Hours that they were suspended, together, by the clock on the wall.
    """

    department: str | None
    matter: str | None
    dispatched: int
    closed: int
    with_deadline: int
    on_time: int
    reported: int
    reworked: int
    put_off: int
    recurred: int
    suspended_h: float

    @property
    def closing_rate(self) -> float | None:
        """结案率: closed of dispatched; None where nothing was dispatched."""
        return _share(self.closed, self.dispatched)

    @property
    def on_time_rate(self) -> float | None:
        """按期结案率: closed on time of those with a deadline."""
        return _share(self.on_time, self.with_deadline)

    @property
    def rework_rate(self) -> float | None:
        """返工率: sent back of reported done."""
        return _share(self.reworked, self.reported)

    @property
    def delay_rate(self) -> float | None:
        """延期率: suspended of dispatched."""
        return _share(self.put_off, self.dispatched)

    @property
    def recurrence_rate(self) -> float | None:
        """反复率: came back of closed."""
        return _share(self.recurred, self.closed)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
