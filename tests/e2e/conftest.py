"""End-to-end tests use the product as a user does: as a command, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from console_browser import WIDE, Visitor, a_browser
from console_city import City
from playwright.sync_api import Browser


@dataclass(frozen=True, kw_only=True)
class Outcome:
    code: int
    stdout: str
    stderr: str

    @property
    def result(self) -> Any:
        return json.loads(self.stdout)


Flyonce = Callable[..., Outcome]


@pytest.fixture(scope="session")
def flyonce() -> Flyonce:
    """Run `flyonce ARGS…` and give back what it printed and its exit code."""

    def run(*arguments: object, timeout: float = 280, cwd: Path | None = None) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", "flyonce", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=cwd,
            check=False,
        )
        return Outcome(code=done.returncode, stdout=done.stdout, stderr=done.stderr)

    return run


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as started:
        yield started


@pytest.fixture
def visitor(browser: Browser, city: City) -> Iterator[Callable[..., Visitor]]:
    """A function that sits somebody down at a browser of their own; at the end nothing may have gone wrong in it."""
    opened: list[tuple[Visitor, set[tuple[int, str]]]] = []

    def sit_down(
        viewport: dict[str, int] = WIDE,
        *,
        url: str | None = None,
        refusals: set[tuple[int, str]] | None = None,
        session_ends: bool = False,
    ) -> Visitor:
        context = browser.new_context(viewport=viewport, timezone_id="Asia/Shanghai", locale="zh-CN")
        one = Visitor(context, url or city.url)
        one.session_ends = session_ends
        opened.append((one, refusals or set()))
        return one

    yield sit_down
    for one, _ in opened:
        one.context.close()
    for one, refusals in opened:
        one.check(refusals)
