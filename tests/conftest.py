"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples on every run, and no time limit on each: a gate must not depend on luck or on a busy machine.
settings.register_profile("gate", derandomize=True, deadline=None)
settings.load_profile("gate")

TESTS = Path(__file__).resolve().parent
LONGEST_FIRST = ("e2e", "flyonce", "dispatch_api", "vision", "flightplan")
"""Folders whose files take long; the files of the others take a second or two."""

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real pictures and flights beside the checkout; tests that need it are skipped without it."""
    if not SHARED_DATA.is_dir():
        if os.environ.get("FLYONCE_STRICT"):
            pytest.fail(f"{SHARED_DATA} is missing, and FLYONCE_STRICT forbids to skip")
        pytest.skip("needs ../shared/data (real pictures and flights), which this clone does not have beside it")
    return SHARED_DATA


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long: then no worker sits idle at the end while another has a long one left."""
    items.sort(key=_place_in_line)


def _place_in_line(item: pytest.Item) -> int:
    folder = item.path.relative_to(TESTS).parts[0]
    return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)
