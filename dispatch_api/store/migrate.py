"""Bring a store to the schema of this version, and tell whether it has it."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from dispatch_api.errors import StoreSchemaError, StoreUrlError
from dispatch_api.store.engine import writer_engine
from dispatch_api.store.url import StorePlace, store_place

MIGRATIONS_DIR = Path(__file__).parent / "migrations"


def migrate(url: str) -> tuple[str | None, str]:
    """Bring the store at `url` to this version's schema, creating it where there is none.

    Returns:
        The schema before (None for a new store) and after.

    Raises:
        StoreUrlError: No store can lie at that URL.
        StoreSchemaError: A newer version wrote the store.
    """
    place = store_place(url)
    config = _config()
    engine = writer_engine(place.path)
    try:
        with engine.begin() as connection:
            before = _revision(connection, place)
            _refuse_newer(place, before)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            after = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    return before, str(after)


def check_schema(connection: Connection, place: StorePlace) -> None:
    """Refuse a store that this version does not understand.

    Raises:
        StoreSchemaError: It is older or newer.
    """
    found = _revision(connection, place)
    _refuse_newer(place, found)
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if found != head:
        raise StoreSchemaError(url=place.url, found=found, needed=str(head), newer=False)


def _refuse_newer(place: StorePlace, found: str | None) -> None:
    scripts = ScriptDirectory.from_config(_config())
    known = {script.revision for script in scripts.walk_revisions()}
    if found is not None and found not in known:
        raise StoreSchemaError(url=place.url, found=found, needed=str(scripts.get_current_head()), newer=True)


def _revision(connection: Connection, place: StorePlace) -> str | None:
    try:
        return MigrationContext.configure(connection).get_current_revision()
    except DatabaseError as error:
        raise StoreUrlError(
            url=place.url, problem=f"{place.path} is damaged ({error.orig})", remedy="Restore it from a backup"
        ) from error


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS_DIR).replace("%", "%%"))
    return config
