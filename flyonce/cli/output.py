"""What every command shares: one JSON object on stdout, people's words on stderr, exit codes."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

EXIT_FAILURE = 1
EXIT_BAD_INPUT = 2

stderr = Console(stderr=True, soft_wrap=True, highlight=False)
stdout = Console(soft_wrap=True, highlight=False)


def emit_json(result: object) -> None:
    """Print `result` as the one machine-readable object of this command, on stdout."""
    json.dump(result, sys.stdout, ensure_ascii=False, allow_nan=False, default=str)
    sys.stdout.write("\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """Print a line for people, on stderr, so that stdout stays clean for `--json`."""
    stderr.print(text, markup=False)


def fail(message: object, *, code: int = EXIT_BAD_INPUT) -> NoReturn:
    """Print one clear error line on stderr and leave with `code` (2: bad usage or input, 1: failure)."""
    stderr.print(f"[bold red]error:[/] {_escaped(str(message))}")
    raise typer.Exit(code)


def set_up_logging(*, verbose: bool) -> None:
    """Send log records to stderr; called by the command line only."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(message)s",
        handlers=[RichHandler(console=stderr, show_path=False)],
    )


class Ticker:
    """A progress bar of one task: `advance()` once for each finished piece."""

    def __init__(self, progress: Progress, task: Any) -> None:  # noqa: ANN401 - rich's TaskID is private in shape
        self._progress = progress
        self._task = task

    def advance(self, count: float = 1) -> None:
        """Count `count` more pieces as done."""
        self._progress.advance(self._task, count)

    def total(self, total: float) -> None:
        """Set the number of pieces, once it is known."""
        self._progress.update(self._task, total=total)

    def reached(self, count: float, total: float | None) -> None:
        """Set how many pieces of how many are done; None for a total that nobody knows."""
        self._progress.update(self._task, completed=count, total=total)

    def describe(self, text: str) -> None:
        """Change the words in front of the bar."""
        self._progress.update(self._task, description=_escaped(text))


@contextmanager
def progress(description: str, *, total: float | None = None) -> Iterator[Ticker]:
    """A progress bar with ETA on stderr, for anything that may take over two seconds."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=stderr,
        transient=True,
    )
    with bar:
        yield Ticker(bar, bar.add_task(_escaped(description), total=total))


def _escaped(text: str) -> str:
    return text.replace("[", "\\[")
