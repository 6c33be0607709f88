"""Files that are whole or not there: what is being written lies beside its place until all of it is on disk."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A name beside `path` to write a file under; on leaving, the file is on disk and has its own name.

    The name is hidden and ends as `path` does, for writers that go by the ending. When the body raises, nothing of it
    stays, and an older file of that name is as it was. Folders that are missing are made.

    Args:
        path: What the file is to be called.

    Yields:
        The name to write under; the body must leave a file there.

    Raises:
        OSError: The folder cannot be made, or the file not written, flushed or renamed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem[:24]}.{secrets.token_hex(4)}.part{path.suffix}")
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
