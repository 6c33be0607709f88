"""The models as shipped on a small staged patrol: what they find lies where it was staged, and each thing once."""

from __future__ import annotations

import json
import math
import sqlite3
from collections import Counter

from flyonce.demo.patrol_flight import Phase
from flyonce.demo.patrol_plan import PatrolPlan
from flyonce.demo.patrol_video import stage_patrol
from flyonce.demo.staging import Cast
from flyonce.demo.world import CAMERA_NAME

# Half of a heap, plus what the drone's own position may be off.
_NEAR_M = 5.0


def test_a_staged_patrol_gives_a_case_where_a_thing_lies_and_never_two_of_one(flyonce, tmp_path):
    plan = PatrolPlan(
        seconds=8,
        fps=5,
        size_wh_px=(640, 360),
        seed=1,
        height_m=30.0,
        phases=(Phase(seconds=8, speed_m_s=5.0),),
        begin_m=1870.0,
        cast=Cast(puddles=2, heaps=6, anglers=1),
    )
    patrol = stage_patrol(tmp_path, plan)
    store = tmp_path / "city.db"
    outcome = flyonce(
        "analyze", patrol.video, "--camera", CAMERA_NAME, "--zones", patrol.zones,
        "--store", f"sqlite:///{store}", "--json",
    )  # fmt: skip
    assert outcome.code == 0, outcome.stderr
    assert outcome.result["located_frames"] == outcome.result["frames"] > 0
    truth = [row["properties"] for row in json.loads(patrol.truth.read_text())["features"]]
    shown = [thing for thing in truth if thing["shown_s"]]
    assert {thing["label"] for thing in shown} == {"standing_water", "waste"}
    with sqlite3.connect(store) as connection:
        cases = connection.execute("select label, lon, lat from case_file").fetchall()
    of = Counter(thing["id"] for case in cases for thing in shown if is_of(case, thing))
    assert of, f"{cases} are none of {shown}"
    assert max(of.values()) == 1, f"one thing became several cases: {of}"
    assert len(cases) - of.total() <= 1, "more than one false alarm on 45 m of street"


def is_of(case, thing):
    label, lon, lat = case
    east_m = (lon - thing["lon"]) * 111_320 * math.cos(math.radians(lat))
    return label == thing["label"] and math.hypot(east_m, (lat - thing["lat"]) * 110_790) < _NEAR_M
