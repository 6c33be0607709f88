"""Fixtures of dispatch_api's tests: a store, an intake, and a service that people log in to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dispatch_builders import default_rules
from dispatch_client import Browser
from dispatch_people import PASSWORD, PEOPLE, QUICK

from dispatch_api.accounts.service import create_account
from dispatch_api.app import create_app
from dispatch_api.cases.intake import Intake
from dispatch_api.store import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path}/city.db", create=True) as opened:
        yield opened


@pytest.fixture
def intake(store: Store) -> Intake:
    return Intake(store, *default_rules())


@pytest.fixture
def people(store: Store) -> dict[str, tuple[str, str | None]]:
    for name, (role, department) in PEOPLE.items():
        create_account(store, name, PASSWORD, role, department, passwords=QUICK)
    return PEOPLE


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
