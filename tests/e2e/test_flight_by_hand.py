"""Plan, vehicle, upload and fly as commands of their own, over a real socket, as an operator types them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from pymavlink import mavutil

AREA = {
    "type": "Polygon",
    "coordinates": [[[120.16, 30.25], [120.163, 30.25], [120.163, 30.252], [120.16, 30.252], [120.16, 30.25]]],
}
HOME = "120.16,30.25"


@pytest.fixture
def vehicle() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "flyonce", "vehicle", "--port", "0", "--speedup", "40", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())["link"]
    process.terminate()
    process.wait(timeout=20)
    process.stdout.close()


def test_an_operator_plans_uploads_and_flies_a_mission(flyonce, vehicle, tmp_path):
    area = tmp_path / "area.geojson"
    area.write_text(json.dumps(AREA))
    plan = flyonce("plan", area, "--home", HOME, "--altitude-m", 100, "--out", tmp_path / "plan", "--json")
    assert plan.code == 0, plan.stderr
    planned = plan.result["missions"]
    assert len(planned) == 1
    assert plan.result["coverage"] == pytest.approx(1.0, abs=1e-3)
    assert {"mission.plan", "mission.waypoints", "mission.geojson"} == {p.name for p in (tmp_path / "plan").iterdir()}
    mission = tmp_path / "plan" / "mission.plan"

    refused = flyonce("fly", mission, "--link", vehicle)
    assert refused.code == 1, "a mission that was not uploaded must not be flown"
    assert "hold" in refused.stderr

    uploaded = flyonce("upload", mission, "--link", vehicle, "--json")
    assert uploaded.code == 0, uploaded.stderr
    assert uploaded.result["verified"] is True

    tlog = tmp_path / "flight.tlog"
    flown = flyonce("fly", mission, "--link", vehicle, "--tlog", tlog, "--json")
    assert flown.code == 0, flown.stderr
    assert flown.result["completed"] is True
    assert flown.result["photos"] == pytest.approx(planned[0]["photos"], abs=2)
    assert flown.result["flown_m"] == pytest.approx(planned[0]["length_m"], rel=0.15)
    log = mavutil.mavlink_connection(str(tlog))
    pictures = 0
    while log.recv_match(type="CAMERA_FEEDBACK") is not None:
        pictures += 1
    log.close()
    assert pictures == flown.result["photos"]
