"""The commands `vehicle`, `upload`, `fly`, `fly-command`, `signing-key`, as an operator types them in terminals."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
import typer

from flightplan.flying.flight import FlightControl
from flyonce.cli.flight import _record
from flyonce.cli.flight_orders import taking_orders


def test_no_record_of_a_flight_is_written_over(tmp_path, capsys):
    mission = tmp_path / "mission.plan"
    first = tmp_path / "mission.tlog"
    assert _record(mission, None, goes_on=False) == first
    first.write_bytes(b"a flight")
    assert _record(mission, None, goes_on=True) == first
    second = _record(mission, None, goes_on=False)
    assert second.name.startswith("mission-20")
    assert second.suffix == ".tlog"
    assert not second.exists()
    with pytest.raises(typer.Exit) as left:
        _record(mission, first, goes_on=False)
    assert left.value.exit_code == 2
    assert "no record is written over" in capsys.readouterr().err


AREA = {
    "type": "Polygon",
    "coordinates": [[[118.87, 28.94], [118.873, 28.94], [118.873, 28.942], [118.87, 28.942], [118.87, 28.94]]],
}


def flyonce(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "flyonce", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return done


@contextmanager
def started(*arguments):
    process = subprocess.Popen(
        [sys.executable, "-m", "flyonce", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def mission(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plan")
    area = folder / "area.geojson"
    area.write_text(json.dumps(AREA))
    planned = flyonce("plan", area, "--home", "118.8695,28.9395", "--altitude-m", 80, "--out", folder)
    assert planned.returncode == 0, planned.stderr
    return folder / "mission.plan"


def lines_of(process, wanted):
    """The JSON lines of a program, up to one that is wanted."""
    found = []
    for line in process.stdout:
        found.append(json.loads(line))
        if wanted(found[-1]):
            return found
    raise AssertionError(f"it ended before: {process.stderr.read()}")


def flies(one):
    return one.get("phase") == "flying" and one["photos"] >= 1


def test_a_flight_is_paused_resumed_and_called_home_from_another_terminal(mission):
    with started("vehicle", "--port", 0, "--speedup", 4, "--json") as vehicle:
        link = json.loads(vehicle.stdout.readline())["udp_link"]
        uploaded = flyonce("upload", mission, "--link", link, "--json")
        assert uploaded.returncode == 0, uploaded.stderr

        with started("fly", mission, "--link", link, "--json", "--stream") as flight:
            lines_of(flight, flies)
            paused = flyonce("fly-command", mission, "pause")
            assert paused.returncode == 0, paused.stderr
            lines_of(flight, lambda one: one["phase"] == "paused")
            again = flyonce("fly", mission, "--link", link)
            assert again.returncode == 2
            assert "under way" in again.stderr
            resumed = flyonce("fly-command", mission, "resume", "--json")
            assert json.loads(resumed.stdout) == {"order": "resume", "obeyed": "yes"}, resumed.stderr
            lines_of(flight, lambda one: one["phase"] == "flying")
            flight.send_signal(signal.SIGINT)
            *_, result = lines_of(flight, lambda one: "flown_m" in one)
            assert flight.wait(30) == 0

    assert result["completed"] is False
    assert result["pauses"] == 1
    assert result["plan_hash"] == json.loads(uploaded.stdout)["plan_hash"]
    assert result["break_point"]["item"] >= 1
    assert result["rest"] == str(mission.with_name("mission-rest.plan"))
    assert mission.with_name("mission-rest.plan").exists()
    assert not mission.with_suffix(".orders").exists()


def test_a_vehicle_left_paused_is_followed_and_the_first_ctrl_c_calls_it_home(mission):
    with started("vehicle", "--port", 0, "--speedup", 4, "--json") as vehicle:
        link = json.loads(vehicle.stdout.readline())["link"]
        assert flyonce("upload", mission, "--link", link).returncode == 0
        with started("fly", mission, "--link", link, "--json", "--stream") as begins:
            lines_of(begins, flies)
            assert flyonce("fly-command", mission, "pause").returncode == 0

        with started("fly", mission, "--link", link, "--follow", "--json", "--stream") as follows:
            lines_of(follows, lambda one: one["phase"] == "paused")
            follows.send_signal(signal.SIGINT)
            *_, result = lines_of(follows, lambda one: "flown_m" in one)
            assert follows.wait(30) == 0

    assert result["completed"] is False
    assert result["break_point"]["item"] >= 1


def test_a_stream_that_is_no_json_is_refused_in_one_line(mission):
    refused = flyonce("fly", mission, "--link", "tcp:127.0.0.1:9", "--stream")

    assert refused.returncode == 2
    assert "--stream writes lines of JSON: give --json" in refused.stderr


def test_orders_without_a_flight_are_refused_in_one_line(mission):
    refused = flyonce("fly-command", mission, "rtl")

    assert refused.returncode == 2
    assert "no flight takes orders here" in refused.stderr


def test_one_of_several_signed_vehicles_is_chosen_and_the_others_are_left_alone(mission, tmp_path):
    key = tmp_path / "fleet.key"
    assert flyonce("signing-key", key).returncode == 0
    with started(
        "vehicle", "--port", 0, "--count", 2, "--system-id", 7, "--dialect", "px4", "--signing-key", key, "--json"
    ) as vehicle:
        link = json.loads(vehicle.stdout.readline())["link"]
        unsigned = flyonce("upload", mission, "--link", link, "--system-id", 8)
        undecided = flyonce("upload", mission, "--link", link, "--signing-key", key)
        chosen = flyonce("upload", mission, "--link", link, "--signing-key", key, "--system-id", 8, "--json")

    assert unsigned.returncode == 1
    assert "signs its messages" in unsigned.stderr
    assert undecided.returncode == 1
    assert "vehicles 7, 8 are on this link" in undecided.stderr
    assert chosen.returncode == 0, chosen.stderr
    assert json.loads(chosen.stdout)["verified"] is True


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [(("--wind", "6"), "is not SPEED,FROM"), (("--udp-to", "14550"), "is not HOST:PORT")],
)
def test_options_that_cannot_be_read_are_named(arguments, problem):
    refused = flyonce("vehicle", *arguments)

    assert refused.returncode == 2
    assert problem in refused.stderr


def test_orders_do_not_take_the_place_of_somebodys_file(tmp_path):
    path = tmp_path / "mission.orders"
    path.write_text("mine")

    with pytest.raises(typer.Exit), taking_orders(path, FlightControl()):
        pass
    assert path.read_text() == "mine"


def test_where_no_socket_can_be_made_the_flight_goes_on_without_orders(tmp_path, capsys):
    with taking_orders(tmp_path / "gone" / "mission.orders", FlightControl()) as can:
        assert can is False
    assert "takes no orders" in " ".join(capsys.readouterr().err.split())
