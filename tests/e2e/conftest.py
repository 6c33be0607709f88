"""End-to-end tests use the product as a user does: as a command, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


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
