"""PostgreSQL with PostGIS as the store's database."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from dispatch_api.errors import StoreBusy, StoreFull, StoreUnreachable, StoreUrlError
from dispatch_api.store.pipeline import sent_together
from dispatch_api.store.types import as_json
from dispatch_api.store.url import StorePlace

# A server has connections for all its clients together (100 unless told otherwise), so a process takes its share.
READERS = 20
CONNECT_TIMEOUT_S = 10
# A writer that hangs inside a transaction keeps every other one waiting: the server ends it.
STUCK_WRITER_S = 120

# Held by the one transaction of a database that writes a store: the history is one chain, so changes come one by one.
_WRITE_LOCK = "SELECT pg_advisory_xact_lock(7089451062)"
_WRITING = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE"
_READING = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
# How many cases a state, a box or a department has differs a thousandfold: one plan for all of them takes seconds. And
# no query here lasts so long that to compile it would pay.
_PLANNING = ("SET plan_cache_mode = force_custom_plan", "SET jit = off")
_STRANGERS = """
    SELECT count(*) FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v')
    AND NOT EXISTS (SELECT 1 FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
"""
# Beginnings of SQLSTATEs: no connection, shut down, too many clients, ended while idle, no entry, no such database.
_GONE = ("08", "57P", "53300", "25P03", "28", "3D")
_SAFE_SETTINGS = ("fsync", "full_page_writes")


class PostgresBackend:
    """See `Backend`."""

    def __init__(self, place: StorePlace, *, busy_timeout_s: float) -> None:
        self._place = place
        self._busy_timeout_s = busy_timeout_s

    def writer_engine(self) -> Engine:
        """One connection; each transaction first waits for the store's write lock and is on disk when it ends."""
        engine = self._engine(
            _WRITING,
            "SET synchronous_commit = on",
            f"SET lock_timeout = '{self._busy_timeout_s:.0f}s'",
            f"SET idle_in_transaction_session_timeout = '{STUCK_WRITER_S}s'",
            connections=1,
            # A transaction begins with a question anyhow, and the writer asks it again where that finds nobody.
            pinged=False,
        )

        @event.listens_for(engine, "begin")
        def wait_for_lock(connection: Connection) -> None:
            with sent_together(connection):
                connection.exec_driver_sql(_WRITE_LOCK)

        return engine

    def reader_engine(self) -> Engine:
        """Connections that cannot change anything; each transaction sees one moment of the store."""
        return self._engine(_READING, *_PLANNING, connections=READERS)

    def is_new(self) -> bool:
        """Whether the database has no tables but those of its extensions."""
        engine = self.reader_engine()
        try:
            with engine.begin() as connection:
                return bool(connection.exec_driver_sql(_STRANGERS).scalar_one() == 0)
        except DBAPIError as error:
            raise self.told(error) from error
        finally:
            engine.dispose()

    def prepare(self, connection: Connection) -> None:
        """See that the database holds Chinese and has PostGIS; the extension is created where that is allowed."""
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            raise self._unfit(f"its database keeps text as {encoding}", "Create one with ENCODING 'UTF8'")
        if _has_postgis(connection):
            return
        try:
            with connection.begin_nested():
                connection.exec_driver_sql("CREATE EXTENSION postgis")
        except DBAPIError as error:
            if self._is_gone(error):
                raise
            raise self._unfit(
                f"its database has no PostGIS, and this user cannot add it ({_first_line(error)})",
                "Install PostGIS on the server, and let its administrator run CREATE EXTENSION postgis in the database",
            ) from error

    def told(self, error: Exception) -> Exception:
        """Locked, full and unreachable databases in our words."""
        if not isinstance(error, DBAPIError):
            return error
        state = _state(error)
        if state == "55P03":
            return StoreBusy(url=self._place.shown, waited_s=self._busy_timeout_s)
        if state == "53100":
            return StoreFull(url=self._place.shown)
        if state == "42501":
            return self._unfit(
                f"this user may not do that there ({_first_line(error)})", "Make it the owner of the database"
            )
        if self._is_gone(error):
            return StoreUnreachable(url=self._place.shown, problem=_first_line(error), remedy=_remedy(error))
        return error

    def problems(self, connection: Connection) -> list[str]:
        """Settings of the server with which a power cut loses what was acknowledged."""
        values = {name: connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in _SAFE_SETTINGS}
        found = [f"the server runs with {name} = {value}" for name, value in values.items() if value != "on"]
        return found if _has_postgis(connection) else [*found, "the database has no PostGIS"]

    def _is_gone(self, error: DBAPIError) -> bool:
        state = _state(error)
        lost = state is None and type(error.orig).__name__ == "OperationalError"
        return error.connection_invalidated or lost or (state or "").startswith(_GONE)

    def _unfit(self, problem: str, remedy: str) -> StoreUrlError:
        return StoreUrlError(url=self._place.shown, problem=problem, remedy=remedy)

    def _engine(self, *settings: str, connections: int, pinged: bool = True) -> Engine:
        engine = create_engine(
            self._place.target,
            json_serializer=as_json,
            json_deserializer=orjson.loads,
            connect_args={}
            if "connect_timeout" in self._place.target.query
            else {"connect_timeout": CONNECT_TIMEOUT_S},
            pool_size=connections,
            max_overflow=0,
            # A server that was started again meanwhile must not be noticed by a request that fails.
            pool_pre_ping=pinged,
        )

        @event.listens_for(engine, "connect")
        def set_up(raw: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
            with raw.cursor() as cursor:
                for setting in ("SET TimeZone = 'UTC'", *settings):
                    cursor.execute(setting)
            raw.commit()

        return engine


def _has_postgis(connection: Connection) -> bool:
    return connection.exec_driver_sql("SELECT 1 FROM pg_extension WHERE extname = 'postgis'").first() is not None


def _state(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _first_line(error: DBAPIError) -> str:
    """The server's own words: the last that the driver tells in its first paragraph, which name the cause."""
    return str(error.orig).strip().splitlines()[0].rstrip(".")


def _remedy(error: DBAPIError) -> str:
    words = str(error.orig)
    if "password" in words or "no pg_hba.conf entry" in words:
        return "Check name and password in the URL (or in ~/.pgpass), and that the server lets this machine in"
    if "does not exist" in words:
        return "Check the names in the URL, or create the database first: createdb --encoding UTF8 NAME"
    return "See that the server runs, and check host and port in the URL. Then do the same again"
