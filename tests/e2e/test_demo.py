"""`flyonce demo --once --json`, as a newcomer's `make demo` runs it: everything measured against what was staged."""

from __future__ import annotations

import importlib.util
import os

import pytest


@pytest.fixture(scope="module")
def demo(flyonce, tmp_path_factory):
    if importlib.util.find_spec("deepforest") is None and not os.environ.get("FLYONCE_STRICT"):
        pytest.skip("needs the data package deepforest (pip install --no-deps deepforest==2.1.0)")
    folder = tmp_path_factory.mktemp("demo")
    outcome = flyonce("demo", "--once", "--json", "--port", 0, "--dir", folder, timeout=580)
    assert outcome.code == 0, outcome.stderr
    return outcome


def test_the_demo_prints_every_figure_it_promises(demo):
    promised = {
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
    assert promised <= demo.result.keys()
    assert demo.result["photos"] > 30
    assert demo.result["findings"] > demo.result["cases"]
    assert demo.result["flown_km"] == pytest.approx(demo.result["planned_km"], rel=0.2)


def test_most_staged_things_become_one_case_each_near_their_true_place(demo):
    result = demo.result
    assert result["found"] >= 0.6 * result["truth"], result
    assert result["false_cases"] <= 0.35 * result["truth"], result
    assert result["position_error_m_median"] < 3.5


def test_departments_receive_tasks(demo):
    assert sum(demo.result["tasks_by_department"].values()) >= 4


def test_the_demo_says_what_is_real_and_what_is_staged(demo):
    assert "real:" in demo.stderr
    assert "staged:" in demo.stderr
