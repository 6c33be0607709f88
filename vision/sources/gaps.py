"""The ledger of times in which a live source saw nothing."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime

from vision.sources.source import Gap

_MOST_KEPT = 10_000
"""A camera that drops out every ten seconds fills this in a day; older gaps are then forgotten."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One moment by two clocks.

    Attributes:
        at: Aware UTC, for people; may be set while we run.
        monotonic_s: Seconds by a clock that is never set, for lengths of time.
    """

    at: datetime
    monotonic_s: float


class GapLedger:
    """Keeps book of a source's pictures and of the times between them; safe to use from several threads."""

    def __init__(self, began: Moment, *, blind_after_s: float) -> None:
        """Begin blind.

        Args:
            began: When the source was started.
            blind_after_s: A longer time between two pictures is a gap, even where nothing broke.
        """
        self._lock = threading.Lock()
        self._blind_after_s = blind_after_s
        self._last = began
        self._reason: str | None = None
        self._closed: deque[Gap] = deque(maxlen=_MOST_KEPT)

    def broke(self, reason: str) -> None:
        """Hear why no picture will come; the first reason since the last picture stands."""
        with self._lock:
            self._reason = self._reason or reason

    def saw(self, now: Moment) -> None:
        """Hear of a picture."""
        with self._lock:
            gap = self._gap_until(now, ended_at=now.at)
            if gap is not None:
                self._closed.append(gap)
            self._last = now
            self._reason = None

    def blind_s(self, now: Moment) -> float:
        """Seconds since the last picture, or since the start."""
        with self._lock:
            return max(0.0, now.monotonic_s - self._last.monotonic_s)

    def gaps(self, now: Moment) -> tuple[Gap, ...]:
        """All gaps, oldest first, the present one included."""
        with self._lock:
            present = self._gap_until(now, ended_at=None)
            return (*self._closed, *([] if present is None else [present]))

    def _gap_until(self, now: Moment, *, ended_at: datetime | None) -> Gap | None:
        seconds = max(0.0, now.monotonic_s - self._last.monotonic_s)
        if self._reason is None and seconds <= self._blind_after_s:
            return None
        reason = self._reason or "no picture arrived"
        return Gap(began_at=self._last.at, ended_at=ended_at, seconds=seconds, reason=reason)
