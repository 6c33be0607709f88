"""SQLite as the store's database: one file, written ahead and synchronised at each commit."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import QueuePool

from dispatch_api.errors import StoreBusy, StoreFull, StoreUrlError
from dispatch_api.store.many import STATEMENTS_KEPT, write_many_rows_at_a_step
from dispatch_api.store.types import as_json
from dispatch_api.store.url import StorePlace

# As many as the service has threads, so that none of them waits for a connection.
READERS = 48

# A row that has triggers is written with a journal of its own, for the case that it fails half way: a file, if nothing
# is said, and half of the time that a case's row takes. The pages that a batch changes are more than 2 MB, the default.
_WRITING = ("journal_mode=WAL", "synchronous=FULL", "temp_store=MEMORY", "cache_size=-65536")


class SqliteBackend:
    """See `Backend`."""

    def __init__(self, place: StorePlace, *, busy_timeout_s: float) -> None:
        self._place = place
        self._busy_timeout_s = busy_timeout_s

    def writer_engine(self) -> Engine:
        """Transactions take the write lock at once and are durable at commit (WAL, `synchronous=FULL`)."""
        engine = self._engine("BEGIN IMMEDIATE", pragmas=_WRITING, connections=1)
        write_many_rows_at_a_step(engine)
        return engine

    def reader_engine(self) -> Engine:
        """Connections that cannot change anything; each transaction sees one moment of the store."""
        return self._engine("BEGIN", pragmas=("query_only=ON",), connections=READERS)

    def is_new(self) -> bool:
        """Whether the file is missing or empty."""
        return self._place.is_new

    def prepare(self, connection: Connection) -> None:
        """Nothing: R*Trees are part of SQLite."""

    def told(self, error: Exception) -> Exception:
        """Locked, full and damaged files in our words."""
        words = str(error.orig) if isinstance(error, DatabaseError) else ""
        if isinstance(error, OperationalError) and "locked" in words:
            return StoreBusy(url=self._place.shown, waited_s=self._busy_timeout_s)
        if isinstance(error, OperationalError) and "full" in words:
            return StoreFull(url=self._place.shown)
        if "malformed" in words or "not a database" in words:
            return StoreUrlError(
                url=self._place.shown,
                problem=f"{self._place.path} is damaged ({words})",
                remedy="Restore it from a backup",
            )
        return error

    def problems(self, connection: Connection) -> list[str]:
        """Damaged pages and indexes, and rows that refer to nothing."""
        found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check(20)")]
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        return [line for line in found if line != "ok"] + [
            f"row {row[1]} of {row[0]} refers to a {row[2]} that is not there" for row in broken[:20]
        ]

    def _engine(self, begin: str, *, pragmas: tuple[str, ...], connections: int) -> Engine:
        # Kept open: a new connection reads the schema anew, and knows none of the pages and statements of the last one.
        engine = create_engine(
            self._place.target,
            json_serializer=as_json,
            json_deserializer=orjson.loads,
            connect_args={
                "isolation_level": None,
                "timeout": self._busy_timeout_s,
                "check_same_thread": False,
                "cached_statements": STATEMENTS_KEPT,
            },
            poolclass=QueuePool,
            pool_size=connections,
            max_overflow=0,
        )

        @event.listens_for(engine, "connect")
        def set_up(raw: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
            cursor = raw.cursor()
            for pragma in ("foreign_keys=ON", *pragmas):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        @event.listens_for(engine, "begin")
        def begin_transaction(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        return engine
