"""From a store URL to a usable place, or a clear refusal."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from dispatch_api.errors import StoreUrlError

SQLITE_MAGIC = b"SQLite format 3\x00"
SERVER_DRIVER = "postgresql+psycopg"
EXAMPLES = "Write it like sqlite:///city.db or postgresql://flyonce@localhost/city?files=/srv/city"


@dataclass(frozen=True, kw_only=True)
class StorePlace:
    """Where a store lies.

    Attributes:
        url: As it was given; it may hold a password.
        shown: The URL as it may be shown: without the password.
        target: What the database driver is told.
        path: The file of the database, None where a server keeps it.
        evidence_dir: The folder of the store's evidence.
        coverage_dir: The folder of what ground flights looked at.
    """

    url: str
    shown: str
    target: URL
    path: Path | None
    evidence_dir: Path
    coverage_dir: Path

    @property
    def is_new(self) -> bool:
        """True when there is surely no store yet; what a server has is known only when it is asked."""
        return self.path is not None and (not self.path.exists() or self.path.stat().st_size == 0)


def store_place(url: str) -> StorePlace:
    """Check a URL and the file or folder it names, without opening a database.

    Args:
        url: Like `sqlite:///city.db`, or like `postgresql://name@host/city?files=/srv/city`, where the folder `files`
            of this machine takes what a database is no place for: pictures and coverage.

    Raises:
        StoreUrlError: The form, the folder, the rights or the content of the file do not allow a store there.
    """
    parsed = _parsed(url)
    return _file_place(url, parsed) if parsed.get_backend_name() == "sqlite" else _server_place(url, parsed)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        remedy = f"Write sqlite:///{url}" if url.endswith(".db") else EXAMPLES
        raise StoreUrlError(url=url.split("@")[-1], problem="not a store URL", remedy=remedy) from error
    if parsed.drivername not in {"sqlite", "postgresql", SERVER_DRIVER}:
        raise StoreUrlError(
            url=parsed.render_as_string(),
            problem="a store lies in SQLite or in PostgreSQL with PostGIS",
            remedy=EXAMPLES,
        )
    return parsed


def _file_place(url: str, parsed: URL) -> StorePlace:
    if not parsed.database or parsed.database == ":memory:":
        raise StoreUrlError(
            url=url,
            problem="a store in memory would be lost, and a second process could not open it",
            remedy="Name a file, like sqlite:///city.db",
        )
    path = Path(parsed.database).absolute()
    place = StorePlace(
        url=url,
        shown=url,
        target=URL.create("sqlite", database=str(path)),
        path=path,
        evidence_dir=path.parent / f"{path.stem}-evidence",
        coverage_dir=path.parent / f"{path.stem}-coverage",
    )
    if path.is_dir():
        raise StoreUrlError(url=url, problem=f"{path} is a folder", remedy="Name a file in it")
    _check_folder(url, path.parent)
    if not place.is_new:
        _check_file(url, path)
    return place


def _server_place(url: str, parsed: URL) -> StorePlace:
    shown = parsed.render_as_string()
    if importlib.util.find_spec("psycopg") is None:
        raise StoreUrlError(
            url=shown, problem="the driver of PostgreSQL is not installed", remedy="pip install 'flyonce[postgis]'"
        )
    if not parsed.database:
        raise StoreUrlError(url=shown, problem="it names no database", remedy=EXAMPLES)
    files = parsed.query.get("files")
    if not isinstance(files, str) or not files:
        raise StoreUrlError(
            url=shown,
            problem="it does not say where pictures and coverage go, which are kept in files",
            remedy="Name one folder of this machine at its end: ?files=/srv/city (or &files=..., after other settings)",
        )
    folder = Path(files).absolute()
    _check_folder(shown, folder)
    return StorePlace(
        url=url,
        shown=shown,
        target=parsed.set(drivername=SERVER_DRIVER).difference_update_query(["files"]),
        path=None,
        evidence_dir=folder / "evidence",
        coverage_dir=folder / "coverage",
    )


def _check_folder(url: str, folder: Path) -> None:
    if not folder.is_dir():
        raise StoreUrlError(url=url, problem=f"the folder {folder} is missing", remedy="Create it first")
    if not os.access(folder, os.W_OK):
        raise StoreUrlError(
            url=url, problem=f"the folder {folder} is read-only", remedy="Choose one that may be written to"
        )


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
