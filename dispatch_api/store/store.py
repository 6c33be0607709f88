"""`Store`: reading connections for anybody, and one way to write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from dispatch_api.errors import StoreSchemaError
from dispatch_api.store.backend import Backend, backend_of
from dispatch_api.store.migrate import check_schema, migrate
from dispatch_api.store.url import StorePlace, store_place
from dispatch_api.store.waiting import InLoop
from dispatch_api.store.writer import Writer

T = TypeVar("T")
Item = TypeVar("Item")


class Store:
    """An open store. Any thread may read and write; several processes may have the same store open."""

    def __init__(self, place: StorePlace, *, evidence_dir: Path) -> None:
        backend = backend_of(place)
        self.url = place.url
        self.shown_url = place.shown
        self.evidence_dir = evidence_dir
        self._told = backend.told
        self._readers = backend.reader_engine()
        self._writer = Writer(backend)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one moment of the store and cannot change it.

        Raises:
            StoreUnreachable: The server that keeps the store does not answer.
        """
        try:
            with self._readers.begin() as connection:
                yield connection
        except DBAPIError as error:
            told = self._told(error)
            if told is error:
                raise
            raise told from error

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """Hand a function to the writer thread; the future is done when the change is on disk."""
        return self._writer.submit(work)

    def submit_one_of(self, work: Callable[[Connection, Sequence[Item]], Sequence[T]], item: Item) -> Future[T]:
        """Hand something to a function that takes many of its kind in one go, for much less than one by one.

        Args:
            work: Takes what was handed in for it meanwhile, in order, and gives one result for each. If it fails with
                several, it is called again with each alone, so that the error reaches the one whose it is.
            item: What to hand in.
        """
        return self._writer.submit_one_of(work, item)

    def await_one_of(self, work: Callable[[Connection, Sequence[Item]], Sequence[T]], item: Item) -> InLoop[T]:
        """The same for a coroutine, which awaits what is returned.

        Those whose changes come to disk together go on together: woken one by one they would hold up the writer.
        """
        return self._writer.await_one_of(work, item)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run a function on the writer thread and wait until its change is on disk.

        Raises:
            StoreBusy: Another process kept the store locked.
            StoreUnreachable: The server did not answer; if it went away just now, the change may have been made or not.
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
        url: Like `sqlite:///city.db` (relative), `sqlite:////srv/city.db` (absolute), or
            `postgresql://name@host/city?files=/srv/city`; see `store_place`.
        create: Make a new empty store where there is none yet; an existing one is never migrated here.
        evidence_dir: Folder of the evidence; the default is the place's own.

    Raises:
        StoreUrlError: No store can lie at that URL.
        StoreUnreachable: The server of the database does not answer or does not let us in.
        StoreSchemaError: The store is missing or has another version's schema; the text names the remedy.
    """
    place = store_place(url)
    backend = backend_of(place)
    is_new = backend.is_new()
    if create and is_new:
        migrate(url)
    elif is_new:
        raise StoreSchemaError(url=place.shown, found=None, needed="the current one", newer=False)
    _check(backend, place)
    return Store(place, evidence_dir=evidence_dir or place.evidence_dir)


def _check(backend: Backend, place: StorePlace) -> None:
    engine = backend.reader_engine()
    try:
        with engine.begin() as connection:
            check_schema(connection, place)
    except DBAPIError as error:
        raise backend.told(error) from error
    finally:
        engine.dispose()
