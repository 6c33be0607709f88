"""`flyonce demo`: the whole chain over a staged district, from grid area to department task."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from flyonce.cli.options import AsJson
from flyonce.cli.output import Ticker, emit_json, progress, say
from flyonce.demo.accounts import DEMO_PASSWORD
from flyonce.demo.result import REAL, STAGED, DemoResult
from flyonce.demo.run import DemoOptions, reopened, run_demo
from flyonce.settings import Settings


def demo(
    once: Annotated[bool, typer.Option("--once", help="Leave when done instead of serving the pages.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the pages; 0 takes a free one.")] = 8000,
    seed: Annotated[int, typer.Option(min=0, help="Another seed stages other things in other places.")] = 1,
    folder: Annotated[Path, typer.Option("--dir", help="Each run makes a folder of its own in here.")] = Path(
        "flyonce-demo"
    ),
    reopen: Annotated[
        Path | None, typer.Option(help="Serve the pages of an earlier run, from its folder, and run nothing.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Plan, upload, fly, photograph, analyse and dispatch over a staged district on real ground.

    The autopilot's protocol, the ground's texture and all processing are real; the vehicle, the district and the
    things to be found are staged, and the result says so.
    """
    if reopen is not None:
        _serve_again(reopen, port=port, as_json=as_json)
        return
    options = DemoOptions(folder=_run_folder(folder), port=port, seed=seed)
    with progress("demo") as ticker:
        watcher = _Watcher(ticker)
        result = run_demo(Settings(), options, watcher, linger=_lingerer(watcher, once=once, as_json=as_json))
    if once:
        _tell(result, watcher.url, once=True, as_json=as_json)


def _serve_again(folder: Path, *, port: int, as_json: bool) -> None:
    with reopened(folder, port) as url:
        say(f"open {url} (accounts centre, operator and each department; password {DEMO_PASSWORD}); Ctrl-C stops")
        if as_json:
            emit_json({"url": url, "folder": str(folder)})
        threading.Event().wait()


class _Watcher:
    """Shows the demo's progress on stderr."""

    def __init__(self, ticker: Ticker) -> None:
        self._ticker = ticker
        self.url = ""

    def stage(self, text: str) -> None:
        self._ticker.describe(text)

    def address(self, url: str) -> None:
        self.url = url
        say(f"watch it live: {url} (log in as centre, password {DEMO_PASSWORD})")

    def photos(self, looked_at: int, due: int) -> None:
        self._ticker.total(due)
        self._ticker.advance()


def _lingerer(watcher: _Watcher, *, once: bool, as_json: bool) -> Callable[[DemoResult], None] | None:
    if once:
        return None

    def linger(result: DemoResult) -> None:
        _tell(result, watcher.url, once=False, as_json=as_json)
        watcher.stage("serving; Ctrl-C stops")
        threading.Event().wait()

    return linger


def _run_folder(parent: Path) -> Path:
    return parent / f"{datetime.now().astimezone():%Y%m%d-%H%M%S}"


def _tell(result: DemoResult, url: str, *, once: bool, as_json: bool) -> None:
    for line in _lines(result, url, once=once):
        say(line)
    if as_json:
        emit_json(result.as_json())


def _lines(result: DemoResult, url: str, *, once: bool) -> list[str]:
    error = "–" if result.position_error_m_median is None else f"{result.position_error_m_median:.2f} m"
    tasks = ", ".join(f"{name} {count}" for name, count in result.tasks_by_department.items()) or "none yet"
    missed = f" (missed: {', '.join(result.missed)})" if result.missed else ""
    look = (
        f"look at it: flyonce demo --reopen {result.folder}"
        if once
        else f"open {url} (accounts centre, operator and each department; password {DEMO_PASSWORD})"
    )
    return [
        f"planned {result.planned_km:.2f} km, flown {result.flown_km:.2f} km, {result.photos} photos",
        f"{result.findings} findings → {result.cases} cases; staged {result.truth}, found {result.found}{missed}, "
        f"cases where nothing was staged: {result.false_cases}",
        f"median position error {error}, measured against the staged places",
        f"tasks: {tasks}",
        f"{result.seconds:.0f} s in all; files in {result.folder}",
        f"real: {REAL}",
        f"staged: {STAGED}",
        look,
    ]
