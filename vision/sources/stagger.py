"""When to connect: many cameras one after the other, and a lost one again and again."""

from __future__ import annotations

import random
import threading
import time


class Stagger:
    """Spaces the connections of sources that share it, so that a hundred cameras are not opened in one moment."""

    def __init__(self, interval_s: float = 0.05) -> None:
        """Make ready.

        Args:
            interval_s: Least time between two connections.
        """
        self._interval_s = interval_s
        self._lock = threading.Lock()
        self._next_s = 0.0

    def wait(self, stop: threading.Event) -> None:
        """Wait for the next free moment, or until told to stop."""
        with self._lock:
            now_s = time.monotonic()
            mine_s = max(now_s, self._next_s)
            self._next_s = mine_s + self._interval_s
        stop.wait(mine_s - now_s)


class Backoff:
    """Waiting times between attempts: doubling, with jitter, up to a limit, for ever."""

    def __init__(self, *, first_s: float = 0.25, most_s: float = 2.0, chance: random.Random | None = None) -> None:
        """Make ready.

        Args:
            first_s: Middle of the first waiting time.
            most_s: Limit, low by default, so that a source is found soon after it is back.
            chance: Where the jitter comes from.
        """
        self._first_s = first_s
        self._most_s = most_s
        self._chance = chance or random.Random()
        self._failures = 0

    def reset(self) -> None:
        """Hear that a connection held."""
        self._failures = 0

    def next_s(self, *, at_least_s: float = 0.0) -> float:
        """Seconds to wait before the next attempt.

        Args:
            at_least_s: A longer wait, for sources that lock out who asks too often.
        """
        doubled_s = self._first_s * float(2 ** min(self._failures, 20))
        self._failures += 1
        limit_s = max(min(doubled_s, self._most_s), at_least_s)
        return limit_s * self._chance.uniform(0.5, 1.0)
