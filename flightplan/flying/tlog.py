"""Telemetry logs (`.tlog`): each packet as received, behind its time in microseconds (8 bytes, big-endian)."""

from __future__ import annotations

import contextlib
import logging
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType

_log = logging.getLogger(__name__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TlogWriter:
    """Writes packets to a log file; a context manager.

    Args:
        path: The file.
        goes_on: Keep what is in the file, and write on behind it.
        on_trouble: Told, in words for people, when nothing more can be written; a flight goes on without its record.
    """

    def __init__(
        self, path: Path | str, *, goes_on: bool = False, on_trouble: Callable[[str], None] = _log.warning
    ) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._on_trouble = on_trouble
        self._is_broken = False
        self._file = self.path.open("ab" if goes_on else "wb")

    def write(self, packet: bytes, at: datetime) -> None:
        """Appends one whole packet that was received or sent `at` (aware)."""
        microseconds = (at - _EPOCH) // timedelta(microseconds=1)
        if not self._is_broken:
            with self._told():
                self._file.write(struct.pack(">Q", microseconds) + packet)

    def close(self) -> None:
        """Writes what is left and closes the file."""
        with self._told():
            self._file.close()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """A full disk is told once."""
        try:
            yield
        except OSError as error:
            if not self._is_broken:
                self._on_trouble(f"{self.path}: this flight is not recorded any further ({error.strerror})")
            self._is_broken = True

    def __enter__(self) -> TlogWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
