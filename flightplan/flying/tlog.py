"""Telemetry logs (`.tlog`): each packet as received, behind its time in microseconds (8 bytes, big-endian)."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TlogWriter:
    """Appends packets to a log file; a context manager."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("wb")

    def write(self, packet: bytes, at: datetime) -> None:
        """Appends one whole packet that was received or sent `at` (aware)."""
        microseconds = (at - _EPOCH) // timedelta(microseconds=1)
        self._file.write(struct.pack(">Q", microseconds) + packet)

    def close(self) -> None:
        """Writes what is left and closes the file."""
        self._file.close()

    def __enter__(self) -> TlogWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
