"""Bring a store to the schema of this version, and tell whether it has it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from dispatch_api.errors import StoreSchemaError
from dispatch_api.store.backend import backend_of
from dispatch_api.store.url import StorePlace, store_place

MIGRATIONS_DIR = Path(__file__).parent / "migrations"


def migrate(url: str) -> tuple[str | None, str]:
    """Bring the store at `url` to this version's schema, creating it where there is none.

    Returns:
        The schema before (None for a new store) and after.

    Raises:
        StoreUrlError: No store can lie at that URL.
        StoreUnreachable: The server of the database does not answer or does not let us in.
        StoreBusy: Another process writes to the store.
        StoreSchemaError: A newer version wrote the store.
    """
    place = store_place(url)
    backend = backend_of(place)
    engine = backend.writer_engine()
    try:
        with engine.begin() as connection:
            before = current_revision(connection)
            _refuse_newer(place, before)
            backend.prepare(connection)
            upgrade(connection)
            after = current_revision(connection)
    except DBAPIError as error:
        raise backend.told(error) from error
    finally:
        engine.dispose()
    return before, str(after)


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run the migrations that lead to a revision, inside the caller's transaction."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def current_revision(connection: Connection) -> str | None:
    """The schema that a database has, None where it has none of ours."""
    return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str:
    """The schema of this version."""
    return _revisions()[0]


def check_schema(connection: Connection, place: StorePlace) -> None:
    """Refuse a store that this version does not understand.

    Raises:
        StoreSchemaError: It is older or newer.
    """
    found = current_revision(connection)
    _refuse_newer(place, found)
    if found != newest_revision():
        raise StoreSchemaError(url=place.shown, found=found, needed=newest_revision(), newer=False)


def _refuse_newer(place: StorePlace, found: str | None) -> None:
    if found is not None and not is_known(found):
        raise StoreSchemaError(url=place.shown, found=found, needed=newest_revision(), newer=True)


def is_known(revision: str) -> bool:
    """Whether this version can bring a store of that schema forward."""
    return revision in _revisions()[1]


@cache
def _revisions() -> tuple[str, frozenset[str]]:
    """The newest schema and all of this version, read once: each reading imports every migration anew."""
    scripts = ScriptDirectory.from_config(_config())
    return str(scripts.get_current_head()), frozenset(script.revision for script in scripts.walk_revisions())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS_DIR).replace("%", "%%"))
    return config
