"""MAVProxy, ArduPilot's own ground station, meets the simulated vehicle: over UDP, with what a pilot types."""

from __future__ import annotations

import os
import queue
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from flight_builders import LAT, LON, a_guarded_mission, a_mission, a_ring

from flightplan.link.link import open_link
from flightplan.link.mavlink import items_from_mission
from flightplan.link.mavlink_guards import items_from_fence
from flightplan.link.modes import Mode
from flightplan.link.upload import upload
from flightplan.mission.fence import Fence
from flightplan.vehicle import SimulatedVehicle

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
PROGRAM = Path(sys.executable).with_name("mavproxy.py")


class MavProxy:
    """The program, with its console."""

    def __init__(self, port, folder):
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-W",
                "ignore",
                str(PROGRAM),
                f"--master=udpin:127.0.0.1:{port}",
                f"--state-basedir={folder}",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            env={**os.environ, "HOME": str(folder), "PYTHONUNBUFFERED": "1"},
        )
        self._lines = queue.Queue()
        self.said = []
        threading.Thread(target=self._listen, daemon=True).start()

    def type(self, line):
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def until(self, pattern, most_s=60.0):
        """The first line that matches, from here on."""
        until = time.monotonic() + most_s
        while (left_s := until - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=left_s)
            except queue.Empty:
                break
            if re.search(pattern, line):
                return line
        raise AssertionError(f"no line like {pattern!r} in: {''.join(self.said)[-3000:]}")

    def asks(self, line, pattern):
        """Types a line until an answer comes: a freshly started program may not be ready for it."""
        for _ in range(3):
            self.type(line)
            try:
                return self.until(pattern, 15.0)
            except AssertionError:
                continue
        return self.until(pattern, 1.0)

    def end(self):
        self._process.kill()
        self._process.wait(30)
        self._process.stdin.close()
        self._process.stdout.close()

    def _listen(self):
        try:
            for line in self._process.stdout:
                self.said.append(line)
                self._lines.put(line)
        except ValueError:
            return


@pytest.fixture(scope="module")
def meeting(tmp_path_factory):
    if not PROGRAM.exists():
        if os.environ.get("FLYONCE_STRICT"):
            pytest.fail(f"{PROGRAM} is missing, and FLYONCE_STRICT forbids to skip")
        pytest.skip("MAVProxy is not installed: pip install --no-deps MAVProxy")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    vehicle = SimulatedVehicle(
        home_lon=LON, home_lat=LAT, home_alt_msl_m=71.5, speedup=100.0, udp_to=(("127.0.0.1", port),)
    )
    with vehicle.running():
        station = MavProxy(port, tmp_path_factory.mktemp("mavproxy"))
        try:
            station.until("online system 1")
            yield vehicle, station
        finally:
            station.end()


def test_it_uploads_our_mission_file_and_reads_the_same_back(meeting):
    vehicle, station = meeting
    station.asks(f"wp load {GOLDEN / 'mission.waypoints'}", "TYPE_MISSION: ACCEPTED")
    meant = items_from_mission(a_mission())
    held = vehicle.autopilot.mission

    assert [item.command for item in held] == [item.command for item in meant]
    assert [(item.x, item.y) for item in held if item.has_place] == [(i.x, i.y) for i in meant if i.has_place]
    station.asks("wp list", f"Saved {len(meant)} waypoints")
    listed = re.findall(r"^(?:\S+> )?(\d+) \d+ (-?[\d.]+) (-?[\d.]+) [\d.]+ p1=", "".join(station.said), re.MULTILINE)
    assert [int(command) for command, _, _ in listed] == [item.command for item in meant]
    assert float(listed[4][1]) == pytest.approx(meant[4].x / 1e7)
    assert float(listed[4][2]) == pytest.approx(meant[4].y / 1e7)


def test_it_reads_the_fence_and_rally_points_that_we_uploaded(meeting):
    vehicle, station = meeting
    with open_link(vehicle.udp_address) as link:
        upload(link, a_guarded_mission())
    station.asks("fence list", "Saved 8 fence")
    station.asks("rally list", "Saved 1 rally")

    said = "".join(station.said)
    corner = items_from_fence(a_guarded_mission().fence)[0]
    assert f"{corner.x / 1e7:.7f}"[:-1] in said


def test_it_arms_flies_the_mission_and_sees_it_land(meeting):
    vehicle, station = meeting
    with open_link(vehicle.udp_address) as link:
        upload(link, a_mission())
    station.asks("mode guided", "Mode GUIDED")
    station.asks("arm throttle", "ARMED")
    station.asks("mode auto", "Mode AUTO")
    station.type("long MISSION_START 0 0 0 0 0 0 0")
    station.until("DISARMED")

    assert vehicle.autopilot.photos == a_mission().figures().photos
    assert not vehicle.autopilot.armed


def test_it_sees_a_breached_fence_and_calls_the_vehicle_home(meeting):
    vehicle, station = meeting
    with open_link(vehicle.udp_address) as link:
        upload(link, a_mission(fence=Fence(inside=(a_ring(-60, -60, 250, 400),))))
    station.asks("fence enable", "DO_FENCE_ENABLE: ACCEPTED")
    vehicle.autopilot.guard(Fence(inside=(a_ring(-60, -60, 250, 200),)), ())
    station.asks("mode guided", "Mode GUIDED")
    station.asks("arm throttle", "ARMED")
    station.asks("mode auto", "Mode AUTO")
    station.type("long MISSION_START 0 0 0 0 0 0 0")
    # The three come from messages of their own, and may overtake each other.
    first = len(station.said) - 1
    while not all(words in "".join(station.said[first:]) for words in ("fence breach", "Mode RTL", "DISARMED")):
        station.until(".")

    assert vehicle.autopilot.mode is Mode.RTL
    assert vehicle.autopilot.fence.breaches == 1
