"""How Debian's Chromium is started for pictures and for tests: for one visitor, and without calls to anybody else."""

from __future__ import annotations

from playwright.sync_api import Browser, Playwright

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def start_chromium(playwright: Playwright, executable: str) -> Browser:
    """Start the browser at `executable`; the caller closes it."""
    return playwright.chromium.launch(executable_path=executable, args=list(_FLAGS))
