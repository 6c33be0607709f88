"""SQLite engines: one that writes, one that only reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool, QueuePool

BUSY_TIMEOUT_S = 30.0
# As many as the service has threads, so that none of them waits for a connection.
READERS = 48


def writer_engine(path: Path) -> Engine:
    """An engine whose transactions take the write lock at once, durable at commit (WAL, `synchronous=FULL`)."""
    return _engine(path, begin="BEGIN IMMEDIATE", pragmas=("journal_mode=WAL", "synchronous=FULL"), pooled=False)


def reader_engine(path: Path) -> Engine:
    """An engine whose connections cannot change anything; each transaction sees one moment of the store."""
    return _engine(path, begin="BEGIN", pragmas=("query_only=ON",), pooled=True)


def _engine(path: Path, *, begin: str, pragmas: tuple[str, ...], pooled: bool) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
        **({"poolclass": QueuePool, "pool_size": READERS, "max_overflow": 0} if pooled else {"poolclass": NullPool}),
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
