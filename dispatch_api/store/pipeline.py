"""Statements sent one after the other, without waiting for the answer to each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from dispatch_api.store.dialects import POSTGRESQL


@contextmanager
def sent_together(connection: Connection) -> Iterator[None]:
    """What is written within is sent to PostgreSQL at once and answered at the end; SQLite keeps nobody waiting.

    While a thread waits for a server, others take the interpreter, and it has to wait for them as well.

    Raises:
        DBAPIError: One of the statements failed; which one, the server's words say.
    """
    if connection.dialect.name != POSTGRESQL:
        yield
        return
    raw: Any = connection.connection.driver_connection
    errors: Any = connection.dialect.dbapi
    try:
        with raw.pipeline():
            yield
    except errors.Error as error:
        # SQLAlchemy sees only what fails while it hands a statement over.
        lost = connection.dialect.is_disconnect(error, raw, None)
        if lost:
            connection.invalidate(error)
        told = DBAPIError.instance(
            None, None, error, errors.Error, connection_invalidated=lost, dialect=connection.dialect
        )
        raise told from error
