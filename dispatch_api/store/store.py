"""`Store`: reading connections for anybody, and one way to write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Connection

from dispatch_api.errors import StoreSchemaError
from dispatch_api.store.engine import reader_engine, writer_engine
from dispatch_api.store.migrate import check_schema, migrate
from dispatch_api.store.url import StorePlace, store_place
from dispatch_api.store.writer import Writer

T = TypeVar("T")


class Store:
    """An open store. Any thread may read and write; several processes may have the same store open."""

    def __init__(self, place: StorePlace, *, evidence_dir: Path) -> None:
        self.url = place.url
        self.evidence_dir = evidence_dir
        self._readers = reader_engine(place.path)
        self._writer = Writer(writer_engine(place.path), url=place.url)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one moment of the store and cannot change it."""
        with self._readers.begin() as connection:
            yield connection

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """Hand a function to the writer thread; the future is done when the change is on disk."""
        return self._writer.submit(work)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run a function on the writer thread and wait until its change is on disk.

        Raises:
            StoreBusy: Another process kept the store locked.
            Exception: Whatever `work` raised; none of its changes remain then.
        """
        return self._writer.submit(work).result()

    def close(self) -> None:
        """Finish pending writes and let go of the file."""
        self._writer.close()
        self._readers.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_store(url: str, *, create: bool = False, evidence_dir: Path | None = None) -> Store:
    """Open the store at `url`.

    Args:
        url: Like `sqlite:///city.db` (relative) or `sqlite:////srv/city.db` (absolute).
        create: Make a new empty store where there is none yet; an existing one is never migrated here.
        evidence_dir: Folder of the evidence; the default lies beside the file and is named `<stem>-evidence`.

    Raises:
        StoreUrlError: No store can lie at that URL.
        StoreSchemaError: The store is missing or has another version's schema; the text names the remedy.
    """
    place = store_place(url)
    if create and place.is_new:
        migrate(url)
    _check(place)
    return Store(place, evidence_dir=evidence_dir or place.evidence_dir)


def _check(place: StorePlace) -> None:
    if place.is_new:
        raise StoreSchemaError(url=place.url, found=None, needed="the current one", newer=False)
    engine = reader_engine(place.path)
    try:
        with engine.begin() as connection:
            check_schema(connection, place)
    finally:
        engine.dispose()
