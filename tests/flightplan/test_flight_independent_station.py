"""MAVSDK, an independent ground station, meets our files and our simulated vehicle."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from flight_builders import LAT, LON, a_mission

from flightplan.files import read_plan
from flightplan.link.mavlink import Autopilot, items_from_mission
from flightplan.vehicle import SimulatedVehicle, VehicleSetup

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
STATION = Path(__file__).with_name("mavsdk_station.py")


def station_visits(vehicle, file_name, *more):
    done = subprocess.run(
        [sys.executable, str(STATION), str(GOLDEN / file_name), "127.0.0.1", str(vehicle.port), *more],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=["mission.plan", "mission.waypoints"])
def visit(request):
    """What the ground station read from the file, and read back from the vehicle after its upload."""
    with SimulatedVehicle(home_lon=LON, home_lat=LAT, home_alt_msl_m=71.5).running() as vehicle:
        return station_visits(vehicle, request.param), vehicle.autopilot.mission


def without_homes(items):
    """The station puts a home of its own before the home of a `.waypoints` file."""
    return [item for item in items if not (item["command"] == 16 and item["frame"] in (0, 5))]


def test_the_station_takes_the_vehicle_for_an_ardupilot(visit):
    answer, _ = visit

    assert answer["autopilot"] == "ARDUPILOT"


def test_the_station_reads_our_file_as_we_meant_it(visit):
    answer, _ = visit
    meant = items_from_mission(a_mission())[1:]

    read = without_homes(answer["imported"])

    assert [item["command"] for item in read] == [item.command for item in meant]
    for item, mine in zip(read, meant, strict=True):
        assert item["params"] == pytest.approx(list(mine.params))
        assert item["z"] == pytest.approx(mine.z)
        if mine.has_place:
            assert abs(item["x"] - mine.x) <= 1
            assert abs(item["y"] - mine.y) <= 1


def test_the_station_reads_back_from_the_vehicle_what_it_uploaded(visit):
    answer, on_board = visit

    assert len(answer["held"]) == len(answer["imported"]) == len(on_board)
    for sent, held, stored in zip(answer["imported"][1:], answer["held"][1:], on_board[1:], strict=True):
        assert (sent["command"], sent["x"], sent["y"]) == (held["command"], held["x"], held["y"])
        assert held["params"] == pytest.approx(sent["params"], rel=1e-6)
        assert (stored.command, stored.x, stored.y) == (held["command"], held["x"], held["y"])


@pytest.mark.parametrize("spoken", Autopilot, ids=lambda spoken: spoken.name.lower())
def test_the_station_flies_the_vehicle_through_our_mission_and_down_again(spoken):
    with SimulatedVehicle(
        home_lon=LON, home_lat=LAT, home_alt_msl_m=71.5, speedup=40.0, setup=VehicleSetup(dialect=spoken)
    ).running() as vehicle:
        answer = station_visits(vehicle, "mission.plan", "fly")
        flight = answer["flight"]

        assert vehicle.autopilot.photos == a_mission().figures().photos
    assert answer["autopilot"] == spoken.name
    assert not flight["armed"]
    assert flight["highest_m"] == pytest.approx(60.0, abs=1.0)
    assert flight["progress"] == sorted(flight["progress"])
    assert flight["finished"]


def test_the_station_reads_our_fence_and_rally_points_with_latitude_and_longitude_in_place():
    with SimulatedVehicle(home_lon=LON, home_lat=LAT, home_alt_msl_m=71.5).running() as vehicle:
        answer = station_visits(vehicle, "fenced.plan")
    mission = read_plan(GOLDEN / "fenced.plan")
    corners = [corner for ring in (*mission.fence.inside, *mission.fence.outside) for corner in ring]

    read = answer["fence"]
    # Inclusion, exclusion, and how many corners the polygon has.
    assert [(item["command"], item["params"][0]) for item in read] == [(5001, 4.0)] * 4 + [(5002, 4.0)] * 4
    assert [item["y"] / 1e7 for item in read] == pytest.approx([lon for lon, _ in corners], abs=1e-7)
    assert [item["x"] / 1e7 for item in read] == pytest.approx([lat for _, lat in corners], abs=1e-7)
    (point,) = answer["rally"]
    assert (point["command"], point["z"]) == (5100, 40.0)
    assert (point["y"] / 1e7, point["x"] / 1e7) == pytest.approx((LON + 0.001, LAT), abs=1e-7)
