"""`flyonce demo` on the command line: what it prints, and what it refuses."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flyonce.cli import demo as command
from flyonce.cli.errors import exit_code_for
from flyonce.cli.main import app
from flyonce.demo import orthophoto
from flyonce.demo.errors import DemoError, MissingGroundError
from flyonce.demo.result import DemoResult

ISSUE_KEYS = {
    "planned_km",
    "flown_km",
    "photos",
    "findings",
    "cases",
    "truth",
    "position_error_m_median",
    "tasks_by_department",
    "seconds",
}


def a_result(**changes: object) -> DemoResult:
    values: dict[str, object] = {
        "planned_km": 1.6,
        "flown_km": 1.61,
        "photos": 68,
        "findings": 90,
        "cases": 12,
        "truth": 12,
        "found": 11,
        "missed": ("heap-4",),
        "false_cases": 1,
        "position_error_m_median": 1.2,
        "tasks_by_department": {"drainage": 6},
        "seconds": 80.0,
        "seconds_by_stage": {"fly": 30.0},
        "store": "sqlite:////somewhere/demo.db",
        "folder": "flyonce-demo/20260701-100000",
    }
    return DemoResult(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[DemoResult], None]:
    def put(result: DemoResult) -> None:
        monkeypatch.setattr(command, "run_demo", lambda *_args, **_kwargs: result)

    return put


def test_json_has_every_figure_that_was_promised(stand_in, tmp_path: Path) -> None:
    stand_in(a_result())
    done = CliRunner().invoke(app, ["demo", "--once", "--json", "--dir", str(tmp_path)])
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert set(told) >= ISSUE_KEYS
    assert told["position_error_m_median"] == 1.2


def test_words_go_to_stderr_and_say_what_is_staged_and_what_was_missed(stand_in, tmp_path: Path) -> None:
    stand_in(a_result())
    done = CliRunner().invoke(app, ["demo", "--once", "--dir", str(tmp_path)])
    assert done.stdout == ""
    assert "missed: heap-4" in done.stderr
    assert "staged: the vehicle (simulated)" in done.stderr
    assert "--reopen flyonce-demo/20260701-100000" in done.stderr


def test_nothing_found_is_told_as_such(stand_in, tmp_path: Path) -> None:
    stand_in(a_result(position_error_m_median=None, tasks_by_department={}))
    done = CliRunner().invoke(app, ["demo", "--once", "--json", "--dir", str(tmp_path)])
    assert json.loads(done.stdout)["position_error_m_median"] is None
    assert "tasks: none yet" in done.stderr


def test_a_missing_data_package_is_one_line_with_its_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(orthophoto, "_DISTRIBUTION", "no-such-package-anywhere")
    done = CliRunner().invoke(app, ["demo", "--once", "--port", "0", "--dir", str(tmp_path)])
    assert isinstance(done.exception, MissingGroundError)
    assert exit_code_for(done.exception) == 1
    assert "\n" not in str(done.exception)
    assert "make demo" in str(done.exception)


def test_a_taken_port_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = CliRunner().invoke(app, ["demo", "--once", "--port", str(port), "--dir", str(tmp_path / "runs")])
    assert isinstance(done.exception, DemoError)
    assert f"Port {port}" in str(done.exception)
    assert not (tmp_path / "runs").exists()
