"""What a database must offer to hold a store, and which one a place asks for."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import Connection, Engine

from dispatch_api.store.dialects import SQLITE
from dispatch_api.store.postgres import PostgresBackend
from dispatch_api.store.sqlite import SqliteBackend
from dispatch_api.store.url import StorePlace

# How long a writer waits for another process's, before it says that the store is busy.
BUSY_TIMEOUT_S = 30.0


class Backend(Protocol):
    """One kind of database at one place."""

    def writer_engine(self) -> Engine:
        """Its transactions come one after the other, whatever process they are of, and are durable at commit."""

    def reader_engine(self) -> Engine:
        """Its connections cannot change anything; each transaction sees one moment of the store."""

    def is_new(self) -> bool:
        """Whether nothing at all is there yet.

        Raises:
            StoreError: The database cannot be asked.
        """

    def prepare(self, connection: Connection) -> None:
        """Make sure, before a schema is made or changed, that the database can hold one.

        Raises:
            StoreUrlError: It lacks something; the text names the remedy.
        """

    def told(self, error: Exception) -> Exception:
        """The database's errors that people can do something about, in our words; any other as it is."""

    def problems(self, connection: Connection) -> list[str]:
        """What is wrong with the database itself: damage, broken references, settings that lose data."""


def backend_of(place: StorePlace) -> Backend:
    """The kind of database that a place asks for."""
    if place.target.get_backend_name() == SQLITE:
        return SqliteBackend(place, busy_timeout_s=BUSY_TIMEOUT_S)
    return PostgresBackend(place, busy_timeout_s=BUSY_TIMEOUT_S)
