"""`flyonce doctor`: what works on this machine, what does not, and what to do about it."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from flyonce.cli.output import EXIT_FAILURE, emit_json, stdout
from flyonce.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of the doctor's report; `needed` parts decide the exit code."""

    name: str
    ok: bool
    needed: bool
    detail: str
    remedy: str = ""


def doctor(
    store: Annotated[str | None, typer.Option(help="Also check this store (SQLAlchemy URL).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Check this installation: Python, models, console, store, optional parts."""
    settings = Settings()
    checks = [_python(), *_models(settings.models_dir), _console(), _ground_pictures(), *_optional()]
    if store is not None:
        checks.append(_store(store))
    healthy = all(check.ok for check in checks if check.needed)
    if as_json:
        emit_json({"ok": healthy, "checks": [asdict(check) for check in checks]})
    else:
        stdout.print(_table(checks))
    raise typer.Exit(0 if healthy else EXIT_FAILURE)


def _table(checks: list[Check]) -> Table:
    table = Table("", "part", "found", "remedy")
    for check in checks:
        sign = "[green]ok[/]" if check.ok else ("[red]missing[/]" if check.needed else "[yellow]absent[/]")
        table.add_row(sign, escape(check.name), escape(check.detail), escape(check.remedy))
    return table


def _python() -> Check:
    return Check(
        name="Python",
        ok=sys.version_info >= (3, 11),
        needed=True,
        detail=sys.version.split()[0],
        remedy="" if sys.version_info >= (3, 11) else "install Python 3.11 or newer",
    )


def _models(models_dir: Path) -> list[Check]:
    folders = sorted(card.parent for card in models_dir.glob("*/card.yaml"))
    if not folders:
        remedy = "reinstall flyonce, or set FLYONCE_MODELS_DIR to a folder of models"
        return [Check(name="models", ok=False, needed=True, detail=f"none in {models_dir}", remedy=remedy)]
    return [_attempt(f"model {folder.name}", partial(_task_of, folder)) for folder in folders]


def _task_of(folder: Path) -> str:
    from vision.model_card import read_model

    return read_model(folder)[0].task


def _store(url: str) -> Check:
    def open_and_close() -> str:
        from dispatch_api.store import open_store

        open_store(url).close()
        return url

    return _attempt("store", open_and_close)


def _attempt(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name=name, ok=True, needed=True, detail=look())
    except Exception as error:  # noqa: BLE001 - the doctor's work is to report whatever is broken, and go on
        return Check(name=name, ok=False, needed=True, detail=str(error), remedy="see the message")


def _console() -> Check:
    built = files("dispatch_api").joinpath("static", "index.html").is_file()
    return Check(
        name="console pages",
        ok=built,
        needed=True,
        detail="built" if built else "not built",
        remedy="" if built else "run `pip install -e .` again: it builds them",
    )


def _ground_pictures() -> Check:
    found = importlib.util.find_spec("deepforest") is not None
    return Check(
        name="ground pictures of the demo",
        ok=found,
        needed=False,
        detail="deepforest" if found else "not installed",
        remedy="" if found else "pip install --no-deps deepforest==2.1.0",
    )


def _optional() -> list[Check]:
    programs = [("chromium", "browser tests and screenshots"), ("ffmpeg", "video tests")]
    modules = [("openvino", "[openvino]"), ("psycopg", "[postgis]"), ("torch", "[train]"), ("ray", "[cluster]")]
    return [
        Check(name=f"{name} ({use})", ok=(at := shutil.which(name)) is not None, needed=False, detail=at or "not found")
        for name, use in programs
    ] + [
        Check(name=extra, ok=found, needed=False, detail=module if found else "not installed")
        for module, extra in modules
        for found in [importlib.util.find_spec(module) is not None]
    ]
