"""Fixtures of dispatch_api's tests: a store, an intake, and a service that people log in to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from dispatch_builders import default_rules
from dispatch_client import Browser
from dispatch_people import PASSWORD, PEOPLE, QUICK

from dispatch_api.accounts.service import create_account
from dispatch_api.app import create_app
from dispatch_api.cases.intake import Intake
from dispatch_api.store import Store, migrate, open_store


@pytest.fixture(scope="session")
def templates(tmp_path_factory) -> tuple[Path, Path]:
    """An empty store and one with people, made once: each test works on a copy."""
    folder = tmp_path_factory.mktemp("templates")
    empty, peopled = folder / "empty.db", folder / "peopled.db"
    migrate(f"sqlite:///{empty}")
    shutil.copy(empty, peopled)
    with open_store(f"sqlite:///{peopled}") as store:
        for name, (role, department) in PEOPLE.items():
            create_account(store, name, PASSWORD, role, department, passwords=QUICK)
    return empty, peopled


@pytest.fixture
def store(request, templates, tmp_path: Path) -> Iterator[Store]:
    empty, peopled = templates
    shutil.copy(peopled if "people" in request.fixturenames else empty, tmp_path / "city.db")
    with open_store(f"sqlite:///{tmp_path}/city.db") as opened:
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
