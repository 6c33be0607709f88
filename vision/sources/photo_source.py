"""Pictures from files as a source of frames."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from vision.errors import PhotoError
from vision.frame import Frame
from vision.sources.photos import read_frame
from vision.sources.source import SourceReport
from vision.sources.tally import Tally
from vision.sources.watched import WatchedFolder


class PhotoSource:
    """Pictures in the order of their paths (see `FrameSource`).

    A picture that cannot be read is counted as corrupt, its error kept in the report, and the next one is read.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        """Make ready.

        Args:
            paths: Files in order, such as `in_time_order` gives them, or a `WatchedFolder`, which is closed with this.
        """
        self._paths = paths
        self._tally = Tally()
        self._stop = threading.Event()

    def __iter__(self) -> Iterator[Frame]:
        """Read one picture after the other."""
        for index, path in enumerate(self._paths):
            if self._stop.is_set():
                return
            try:
                frame = read_frame(path, index=index)
            except PhotoError as error:
                self._tally.count("corrupt")
                self._tally.note(str(error))
                continue
            self._tally.count("frames_decoded")
            self._tally.count("frames_given")
            self._tally.saw_size(frame.size_wh_px)
            yield frame

    def report(self) -> SourceReport:
        """Say what became of the pictures so far."""
        return self._tally.report()

    def close(self) -> None:
        """Stop after the present picture."""
        self._stop.set()
        if isinstance(self._paths, WatchedFolder):
            self._paths.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
