"""When to try again: the retry schedule, the circuit breaker, and what a receiver asks for itself."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_MINUTE, _HOUR = 60.0, 3600.0
LONGEST_PAUSE = timedelta(hours=24)


def _chance() -> float:
    return random.random()


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How patient the service is with receivers.

    Attributes:
        waits_s: Seconds before each attempt; after the last one a delivery is dead.
        jitter: A wait is longer by up to this share, so that what failed together is not tried together.
        breaks_after: So many failures of one receiver in a row open its circuit: nothing is tried for a while.
        pause_s: The first such pause; each further failure doubles it.
        longest_pause_s: But not beyond this.
        chance: Gives numbers of 0 to 1.
    """

    waits_s: tuple[float, ...] = (
        0,
        5,
        5 * _MINUTE,
        30 * _MINUTE,
        2 * _HOUR,
        5 * _HOUR,
        10 * _HOUR,
        14 * _HOUR,
        20 * _HOUR,
        24 * _HOUR,
    )
    jitter: float = 0.2
    breaks_after: int = 5
    pause_s: float = 30.0
    longest_pause_s: float = 10 * _MINUTE
    chance: Callable[[], float] = field(default=_chance, repr=False)

    def __post_init__(self) -> None:
        if not self.waits_s or min(self.waits_s) < 0 or self.jitter < 0:
            raise ValueError("a schedule has at least one attempt, and waits are not negative")
        if self.breaks_after < 1 or not 0 < self.pause_s <= self.longest_pause_s:
            raise ValueError("a circuit opens after at least one failure, for more than no time")

    @property
    def patience(self) -> timedelta:
        """From the first attempt to the last one, at the least."""
        return timedelta(seconds=sum(self.waits_s))

    def next_at(self, attempts: int, at: datetime, *, posted_at: datetime) -> datetime | None:
        """When a delivery that failed `attempts` times is tried again; None: never.

        A receiver that comes and goes has what waits for it tried more often: that must not use up a patience of days,
        so a delivery is given up only when its attempts and its time are over.
        """
        if attempts >= len(self.waits_s) and at - posted_at >= self.patience:
            return None
        wait_s = self.waits_s[min(attempts, len(self.waits_s) - 1)]
        return at + timedelta(seconds=wait_s * (1.0 + self.jitter * self.chance()))

    def open_until(self, failures: int, at: datetime) -> datetime | None:
        """Until when a receiver that failed so often in a row is left alone; None: not yet."""
        if failures < self.breaks_after:
            return None
        # Bounded before it is raised to a power: a receiver may be gone for weeks.
        doubled = self.pause_s * 2.0 ** min(failures - self.breaks_after, 30)
        return at + timedelta(seconds=min(doubled, self.longest_pause_s) * (1.0 + self.jitter * self.chance()))


def asked_pause(retry_after: str | None, at: datetime) -> timedelta | None:
    """How long a receiver asks to be left alone (`Retry-After`: seconds, or a date); None where it does not say."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    else:
        try:
            until = parsedate_to_datetime(text)
        except ValueError:
            return None
        until = until.replace(tzinfo=UTC) if until.tzinfo is None else until
        seconds = (until - at).total_seconds()
    return min(max(timedelta(seconds=seconds), timedelta(0)), LONGEST_PAUSE)
