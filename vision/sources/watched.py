"""A folder that pictures are being copied into, such as a dock's share."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from vision.errors import InvalidValueError, PhotoError
from vision.sources.photos import SUFFIXES, in_time_order

_Stamp = tuple[int, int]
"""Size in bytes and time of last change in nanoseconds."""


class WatchedFolder:
    """Gives the pictures of a folder, those that are there and those to come, each once it is complete.

    A file is complete when its size and time of last change have stood still for a while. Hidden files and folders,
    files without a picture's suffix (so `.jpg.part` too) and empty files are passed over. Files found complete at one
    look come in the order in which they were taken; a file that is written again is given again.
    """

    def __init__(
        self,
        folder: Path,
        *,
        idle_s: float | None = None,
        settled_s: float = 2.0,
        look_every_s: float = 0.5,
        seen: Iterable[Path] = (),
        suffixes: frozenset[str] = SUFFIXES,
    ) -> None:
        """Make ready.

        Args:
            folder: Folder to watch, subfolders included.
            idle_s: End when nothing new and nothing unfinished was there for so long; None to watch until closed.
            settled_s: How long a file must stand still; more than a slow network's pauses.
            look_every_s: Time between looks.
            seen: Files not to give, unless they change.
            suffixes: Lower-case suffixes of files to give.

        Raises:
            PhotoError: If the folder does not exist.
            InvalidValueError: If a time is not positive.
        """
        if not folder.is_dir():
            raise PhotoError(folder, "no such folder", "check the path")
        if min(settled_s, look_every_s, 1.0 if idle_s is None else idle_s) <= 0:
            raise InvalidValueError("the times of a watched folder must be positive")
        self.folder = folder
        self._idle_s = idle_s
        self._settled_s = settled_s
        self._look_every_s = look_every_s
        self._suffixes = suffixes
        self._stop = threading.Event()
        self._given: dict[Path, _Stamp] = {}
        self._growing: dict[Path, tuple[_Stamp, float]] = {}
        for path in seen:
            stamp = _stamp(path)
            if stamp is not None:
                self._given[path] = stamp

    def __iter__(self) -> Iterator[Path]:
        """Give paths until idle for too long, or closed."""
        changed_s = time.monotonic()
        while not self._stop.is_set():
            for path in in_time_order(self._complete()):
                if self._stop.is_set():
                    return
                yield path
                changed_s = time.monotonic()
            if self._growing:
                changed_s = time.monotonic()
            if self._idle_s is not None and time.monotonic() - changed_s > self._idle_s:
                return
            self._stop.wait(self._look_every_s)

    def close(self) -> None:
        """Stop watching; may be called from another thread."""
        self._stop.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _complete(self) -> list[Path]:
        now_s = time.monotonic()
        found = self._found()
        # Files that are gone need not be remembered: a camera's card is emptied and filled again for years.
        self._given = {path: stamp for path, stamp in self._given.items() if path in found}
        growing: dict[Path, tuple[_Stamp, float]] = {}
        complete: list[Path] = []
        for path, stamp in found.items():
            if self._given.get(path) == stamp:
                continue
            before, since_s = self._growing.get(path, (None, now_s))
            if before != stamp:
                since_s = now_s
            if stamp[0] and now_s - since_s >= self._settled_s:
                self._given[path] = stamp
                complete.append(path)
            elif stamp[0]:
                growing[path] = (stamp, since_s)
        self._growing = growing
        return complete

    def _found(self) -> dict[Path, _Stamp]:
        """Every picture with its stamp; none while the folder is away, as a share may be for a while."""
        found: dict[Path, _Stamp] = {}
        try:
            for path in self.folder.rglob("*"):
                if path.suffix.lower() in self._suffixes and not self._is_hidden(path):
                    stamp = _stamp(path)
                    if stamp is not None:
                        found[path] = stamp
        except OSError:
            return dict(self._given)
        return found if found or self.folder.is_dir() else dict(self._given)

    def _is_hidden(self, path: Path) -> bool:
        return any(part.startswith((".", "~")) for part in path.relative_to(self.folder).parts)


def _stamp(path: Path) -> _Stamp | None:
    """None for what is no file, or is gone by now."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns) if path.is_file() else None
