"""A real browser for the console's tests, and somebody who sits at it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tools.chromium import start_chromium

STATIC = Path(__file__).resolve().parents[2] / "dispatch_api" / "static"
PATIENCE_MS = 45_000  # a busy machine draws slowly; a quiet one never waits that long
WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
# Asked before anybody has logged in, and where no orthophoto is offered.
ORDINARY_REFUSALS = {(401, "/api/v1/session"), (404, "/api/v1/basemap")}


def needs(present: bool, what: str) -> None:
    if present:
        return
    if os.environ.get("FLYONCE_STRICT"):
        pytest.fail(f"{what}, and FLYONCE_STRICT forbids to skip")
    pytest.skip(what)


@contextmanager
def a_browser() -> Iterator[Browser]:
    """Chromium; the test is skipped, or fails where none may be skipped, without it or without built pages."""
    needs((STATIC / "index.html").is_file(), "the console is not built (pip install -e . builds it)")
    chromium = shutil.which("chromium")
    needs(chromium is not None, "no chromium on this machine (apt-get install chromium)")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        started = start_chromium(playwright, chromium)
        yield started
        started.close()


class Visitor:
    """Somebody at a browser; remembers every request, refusal and complaint of the pages."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.requested: list[str] = []
        self.refusals: set[tuple[int, str]] = set()
        # Where a session ends, requests on their way at that moment are refused, whichever they are.
        self.session_ends = False
        self.complaints: list[str] = []
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.page.on("response", self._on_response)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._on_console)

    def _on_response(self, response) -> None:
        if response.status >= 400:
            self.refusals.add((response.status, urlsplit(response.url).path))

    def _on_console(self, message) -> None:
        # A refused request is complained of by the browser itself: those are looked at by status, not by these words.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def go(self, path: str) -> Page:
        self.page.goto(self.url + path)
        return self.page

    def log_in(self, name: str) -> Page:
        page = self.go("/login")
        page.click(f'[data-demo-name="{name}"]')
        page.wait_for_url(re.compile("/(map|inbox|people)"))
        return page

    def check(self, allowed: set[tuple[int, str]]) -> None:
        strangers = [url for url in self.requested if not url.startswith((f"{self.url}/", "data:", "blob:"))]
        assert self.requested
        assert strangers == []
        assert self.complaints == [], self.complaints
        refused = {(status, path) for status, path in self.refusals if not (self.session_ends and status == 401)}
        assert refused <= ORDINARY_REFUSALS | allowed


def has_no_sideways_scroll(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def until(page: Page, ready: Callable[[], bool], *, what: str, meanwhile: Callable[[], None] | None = None) -> None:
    """Wait for what no locator can say.

    `Page.wait_for_function` would let the page evaluate a text, which its Content-Security-Policy forbids.

    Args:
        page: The page.
        ready: Whether it is there.
        what: What is wrong where it never comes.
        meanwhile: Done between two looks.
    """
    for _ in range(PATIENCE_MS // 250):
        if ready():
            return
        page.wait_for_timeout(250)
        if meanwhile:
            meanwhile()
    raise AssertionError(what)
