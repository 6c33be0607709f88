"""The counters behind a source's report, safe to read from another thread."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Literal

from vision.sources.source import Gap, SourceReport

Count = Literal["frames_decoded", "frames_given", "frames_dropped", "corrupt", "size_changes", "reconnects"]

_MOST_PROBLEMS = 100
"""A hostile stream must not fill memory with sentences about itself."""


class Tally:
    """Counts what a source's threads saw, and gathers each problem once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[Count] = Counter()
        self._problems: dict[str, None] = {}
        self._size_wh_px: tuple[int, int] | None = None

    def count(self, what: Count, more: int = 1) -> None:
        """Add to one of the report's counters."""
        with self._lock:
            self._counts[what] += more

    def note(self, problem: str) -> None:
        """Keep a sentence for the report; the same sentence is kept once."""
        with self._lock:
            if len(self._problems) < _MOST_PROBLEMS:
                self._problems.setdefault(problem)

    def saw_size(self, size_wh_px: tuple[int, int]) -> None:
        """Count a change of the picture's size (width, height in pixels)."""
        with self._lock:
            if self._size_wh_px not in (None, size_wh_px):
                self._counts["size_changes"] += 1
            self._size_wh_px = size_wh_px

    def report(self, blind: tuple[Gap, ...] = ()) -> SourceReport:
        """Put the counts together."""
        with self._lock:
            counts: dict[str, int] = {str(name): number for name, number in self._counts.items()}
            return SourceReport(**counts, blind=blind, problems=tuple(self._problems))
