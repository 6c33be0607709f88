"""Slowing down who guesses passwords."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping

from dispatch_api.errors import TooManyAttempts

WINDOW_S = 300.0
MAX_WAIT_S = 300.0
_MAX_KEYS = 10_000


class Throttle:
    """Counts failures by key; beyond the free attempts of a key, each further failure doubles its waiting time."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def check(self, keys: Mapping[str, int]) -> None:
        """Let an attempt pass, or not yet.

        Raises:
            TooManyAttempts: One of the keys has to wait.
        """
        with self._lock:
            wait_s = max((self._wait_s(key, free) for key, free in keys.items()), default=0.0)
        if wait_s > 0:
            raise TooManyAttempts(retry_after_s=int(wait_s) + 1)

    def failed(self, keys: Iterable[str]) -> None:
        """Count a failure of each key."""
        with self._lock:
            for key in keys:
                count, _ = self._recent(key)
                self._failures[key] = (count + 1, self._now_s())
                self._failures.move_to_end(key)
            while len(self._failures) > _MAX_KEYS:
                self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget the failures of a key."""
        with self._lock:
            self._failures.pop(key, None)

    def _recent(self, key: str) -> tuple[int, float]:
        count, at = self._failures.get(key, (0, 0.0))
        return (0, 0.0) if self._now_s() - at > WINDOW_S else (count, at)

    def _wait_s(self, key: str, free: int) -> float:
        count, at = self._recent(key)
        if count < free:
            return 0.0
        return at + min(2.0 ** (count - free + 1), MAX_WAIT_S) - self._now_s()
