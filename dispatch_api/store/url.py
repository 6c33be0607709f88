"""From a store URL to a usable place, or a clear refusal."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from dispatch_api.errors import StoreUrlError

SQLITE_MAGIC = b"SQLite format 3\x00"


@dataclass(frozen=True, kw_only=True)
class StorePlace:
    """Where a store lies: its `url` as given and the `path` of its file."""

    url: str
    path: Path

    @property
    def is_new(self) -> bool:
        """True when nothing has been written there yet."""
        return not self.path.exists() or self.path.stat().st_size == 0

    @property
    def evidence_dir(self) -> Path:
        """The folder beside the file that holds its evidence."""
        return self.path.parent / f"{self.path.stem}-evidence"

    @property
    def coverage_dir(self) -> Path:
        """The folder beside the file that holds what ground flights looked at."""
        return self.path.parent / f"{self.path.stem}-coverage"


def store_place(url: str) -> StorePlace:
    """Check a URL like `sqlite:///city.db` and the file it names, without opening it as a database.

    Raises:
        StoreUrlError: The form, the folder, the rights or the content of the file do not allow a store there.
    """
    path = _sqlite_path(url)
    place = StorePlace(url=url, path=path)
    if path.is_dir():
        raise StoreUrlError(url=url, problem=f"{path} is a folder", remedy="Name a file in it")
    if not path.parent.is_dir():
        raise StoreUrlError(url=url, problem=f"the folder {path.parent} is missing", remedy="Create it first")
    if not os.access(path.parent, os.W_OK):
        raise StoreUrlError(
            url=url, problem=f"the folder {path.parent} is read-only", remedy="Choose one that may be written to"
        )
    if not place.is_new:
        _check_file(url, path)
    return place


def _sqlite_path(url: str) -> Path:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        remedy = f"Write sqlite:///{url}" if url.endswith(".db") else "Write it like sqlite:///city.db"
        raise StoreUrlError(url=url, problem="not a store URL", remedy=remedy) from error
    if parsed.get_backend_name() != "sqlite":
        shown = parsed.render_as_string(hide_password=True)
        raise StoreUrlError(
            url=shown, problem="this version keeps its store in SQLite only", remedy="Write it like sqlite:///city.db"
        )
    if not parsed.database or parsed.database == ":memory:":
        raise StoreUrlError(
            url=url,
            problem="a store in memory would be lost, and a second process could not open it",
            remedy="Name a file, like sqlite:///city.db",
        )
    return Path(parsed.database).absolute()


def _check_file(url: str, path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(len(SQLITE_MAGIC))
    except OSError as error:
        raise StoreUrlError(url=url, problem=f"cannot be read ({error})", remedy="Check its rights") from error
    if head != SQLITE_MAGIC:
        raise StoreUrlError(url=url, problem=f"{path} is not a database", remedy="Name another file, or remove it")
    if not os.access(path, os.W_OK):
        raise StoreUrlError(url=url, problem=f"{path} is read-only", remedy="Give this user the right to write it")
