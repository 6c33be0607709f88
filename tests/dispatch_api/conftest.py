"""Fixtures of dispatch_api's tests: a store, an intake, and a service that people log in to."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dispatch_builders import default_rules
from dispatch_client import Browser
from dispatch_people import PASSWORD, PEOPLE, QUICK
from postgres_server import PostgresServer, programs, running_server

from dispatch_api.accounts.service import create_account
from dispatch_api.app import create_app
from dispatch_api.cases.intake import Intake
from dispatch_api.store import Store, migrate, open_store

_copies = itertools.count(1)


def pytest_configure(config):
    config.addinivalue_line("markers", "both_stores: run on SQLite and on PostgreSQL with PostGIS")


def pytest_generate_tests(metafunc):
    if "store_kind" in metafunc.fixturenames and metafunc.definition.get_closest_marker("both_stores"):
        metafunc.parametrize("store_kind", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def store_kind(request) -> str:
    """The database of `store` and `new_store_url`; FLYONCE_TEST_STORE=postgresql runs every test of a store there."""
    return getattr(request, "param", os.environ.get("FLYONCE_TEST_STORE", "sqlite"))


@pytest.fixture(scope="session")
def templates(tmp_path_factory) -> tuple[Path, Path]:
    """An empty store and one with people, made once: each test works on a copy."""
    folder = tmp_path_factory.mktemp("templates")
    empty, peopled = folder / "empty.db", folder / "peopled.db"
    migrate(f"sqlite:///{empty}")
    shutil.copy(empty, peopled)
    _settle(f"sqlite:///{peopled}")
    return empty, peopled


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One real server for all tests, with the databases `bare` (PostGIS only), `empty` and `peopled` to copy."""
    found = programs()
    if found is None:
        if os.environ.get("FLYONCE_STRICT"):
            pytest.fail("PostgreSQL with PostGIS or psycopg is missing, and FLYONCE_STRICT forbids to skip")
        pytest.skip("needs PostgreSQL with PostGIS (Debian: apt install postgresql-postgis) and flyonce[postgis]")
    with running_server(found) as server, tempfile.TemporaryDirectory() as files:
        server.run("CREATE DATABASE bare")
        # Its 8,500 reference systems are not needed here, and every copy would carry them.
        server.run("CREATE EXTENSION postgis", "TRUNCATE spatial_ref_sys", database="bare")
        server.run("CREATE DATABASE empty TEMPLATE bare")
        migrate(server.url("empty", files=files))
        server.run("CREATE DATABASE peopled TEMPLATE empty")
        _settle(server.url("peopled", files=files))
        yield server


def _settle(url: str) -> None:
    with open_store(url) as store:
        for name, (role, department) in PEOPLE.items():
            create_account(store, name, PASSWORD, role, department, passwords=QUICK)


@pytest.fixture
def postgres_copy(request, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """A function that copies one of the databases of `postgres`, and gives the store URL of the copy."""
    made: list[str] = []

    def copy(template: str, files: Path = tmp_path) -> str:
        server = request.getfixturevalue("postgres")
        made.append(f"copy_{next(_copies)}")
        server.run(f"CREATE DATABASE {made[-1]} TEMPLATE {template}")
        return server.url(made[-1], files=files)

    yield copy
    for name in made:
        request.getfixturevalue("postgres").run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def new_store_url(store_kind, postgres_copy, tmp_path: Path) -> str:
    """The URL of a place where no store is yet."""
    return f"sqlite:///{tmp_path}/city.db" if store_kind == "sqlite" else postgres_copy("bare")


@pytest.fixture
def store(request, store_kind, postgres_copy, templates, tmp_path: Path) -> Iterator[Store]:
    empty, peopled = templates
    with_people = "people" in request.fixturenames
    if store_kind == "sqlite":
        shutil.copy(peopled if with_people else empty, tmp_path / "city.db")
        url = f"sqlite:///{tmp_path}/city.db"
    else:
        url = postgres_copy("peopled" if with_people else "empty")
    with open_store(url) as opened:
        yield opened


@pytest.fixture
def people() -> dict[str, tuple[str, str | None]]:
    """Asking for it puts these people into the store."""
    return PEOPLE


@pytest.fixture
def intake(store: Store) -> Intake:
    return Intake(store, *default_rules())


@pytest.fixture
def app(store: Store, people):
    return create_app(store, passwords=QUICK)


@pytest.fixture
def browser(app):
    """A function that logs somebody in and gives back their browser."""
    opened: list[Browser] = []

    def log_in(name: str | None) -> Browser:
        browser = Browser(app)
        opened.append(browser)
        if name is not None:
            browser.log_in(name, PASSWORD)
        return browser

    yield log_in
    for browser in opened:
        browser.close()
