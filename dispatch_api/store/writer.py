"""The one thread of a process that writes: group commit, one savepoint for each caller's function among others."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import Connection, RootTransaction
from sqlalchemy.exc import DBAPIError

from dispatch_api.errors import StoreClosed
from dispatch_api.store.backend import Backend
from dispatch_api.store.unit import flush, flush_before_reading, forget, unit
from dispatch_api.store.waiting import InLoop, Waiting, is_wanted, tell, tell_failed

T = TypeVar("T")
Item = TypeVar("Item")
W = TypeVar("W", bound=Waiting[Any])
GROUP_LIMIT = 200


@dataclass(frozen=True, kw_only=True)
class _Job:
    work: Callable[[Connection, Sequence[Any]], Sequence[Any]]
    item: Any
    waiting: Waiting[Any]


class Writer:
    """Takes functions, runs them one after the other, and tells each caller only when its change is on disk.

    Whatever waits when a transaction starts goes into it together (one `fsync` for all). What was handed in for one
    function that takes many at once is given to it together; if that fails, each by itself. Of several functions each
    runs in its own SAVEPOINT, so that a failing one takes back its own changes and nobody else's.
    """

    def __init__(self, backend: Backend) -> None:
        self._engine = backend.writer_engine()
        flush_before_reading(self._engine)
        self._told = backend.told
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """Hand in a function; the future is done when its change is committed, or has failed.

        Raises:
            StoreClosed: The store has been closed.
        """
        return self.submit_one_of(lambda connection, _: [work(connection)], None)

    def submit_one_of(self, work: Callable[[Connection, Sequence[Item]], Sequence[T]], item: Item) -> Future[T]:
        """Hand in something for a function that takes many of its kind at once, and gives one result for each.

        Raises:
            StoreClosed: The store has been closed.
        """
        return self._put(work, item, Future())

    def await_one_of(self, work: Callable[[Connection, Sequence[Item]], Sequence[T]], item: Item) -> InLoop[T]:
        """The same for a coroutine, which awaits what is returned.

        Raises:
            StoreClosed: The store has been closed.
        """
        return self._put(work, item, InLoop())

    def _put(self, work: Callable[[Connection, Sequence[Item]], Sequence[Any]], item: Item, waiting: W) -> W:
        with self._lock:
            if self._closed:
                raise StoreClosed("the store has been closed; open it again.")
            self._jobs.put(_Job(work=work, item=item, waiting=waiting))
        return waiting

    def close(self) -> None:
        """Finish what has been handed in, then stop."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        self._thread.join()
        self._engine.dispose()

    def _run(self) -> None:
        while True:
            group, last = self._next_group()
            if group:
                self._commit(group)
            if last:
                return

    def _next_group(self) -> tuple[list[_Job], bool]:
        group: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            if is_wanted(job.waiting):
                group.append(job)
            if len(group) >= GROUP_LIMIT or self._jobs.empty():
                return group, False
            job = self._jobs.get()
        return group, True

    def _commit(self, group: list[_Job]) -> None:
        try:
            alike = list(_alike(group))
            done = self._commit_together(group) if len(alike) == 1 else None
            if done is None:
                done = self._commit_each(alike if len(alike) > 1 else [[job] for job in group])
        except Exception as error:  # noqa: BLE001 - the commit failed: nobody's change is on disk, and all must know
            self._fail(group, error)
            return
        tell((job.waiting, result) for job, result in done)

    def _commit_together(self, jobs: Sequence[_Job]) -> list[tuple[_Job, Any]] | None:
        """One function's jobs, in a transaction that is theirs alone; None where each has to be tried by itself."""
        with self._transaction() as (connection, transaction):
            try:
                results = jobs[0].work(connection, [job.item for job in jobs])
                flush(connection)
            except Exception as error:
                if connection.invalidated:
                    raise
                transaction.rollback()
                if len(jobs) > 1:
                    return None
                # Whatever it is belongs to the caller of this one job.
                jobs[0].waiting.set_exception(self._told(error))
                return []
        return list(zip(jobs, results, strict=True))

    def _commit_each(self, alike: Sequence[Sequence[_Job]]) -> list[tuple[_Job, Any]]:
        with self._transaction() as (connection, _):
            return [done for jobs in alike for done in self._do(connection, jobs)]

    @contextmanager
    def _transaction(self) -> Iterator[tuple[Connection, RootTransaction]]:
        with self._engine.connect() as connection:
            try:
                transaction = connection.begin()
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                # The server was started again since the last transaction: nothing of this one was done yet.
                transaction = connection.begin()
            with transaction, unit(connection):
                yield connection, transaction

    def _do(self, connection: Connection, jobs: Sequence[_Job]) -> list[tuple[_Job, Any]]:
        try:
            with connection.begin_nested():
                results = jobs[0].work(connection, [job.item for job in jobs])
                flush(connection)
        except Exception as error:
            if connection.invalidated:
                raise
            forget(connection)
            if len(jobs) > 1:
                return [done for job in jobs for done in self._do(connection, [job])]
            # Whatever else it is belongs to the caller of this one job.
            jobs[0].waiting.set_exception(self._told(error))
            return []
        return list(zip(jobs, results, strict=True))

    def _fail(self, jobs: list[_Job], error: Exception) -> None:
        for job in jobs:
            tell_failed(job.waiting, self._told(error))


def _alike(group: Sequence[_Job]) -> Iterator[list[_Job]]:
    """Jobs that follow each other and are for the same function."""
    for _, jobs in groupby(group, key=lambda job: job.work):
        yield list(jobs)
