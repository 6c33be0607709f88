"""`flyonce analyze rtsp://…` against a real server: things are counted, gaps are told, and nothing gets a place."""

from __future__ import annotations

import signal
import socket
import sqlite3
import subprocess
import sys
import time

import film_builders as staged
import pytest

_RTSP = """
import asyncio, sys
from aio_rtsp_toolkit import server
asyncio.run(server.serve(sys.argv[1], host="127.0.0.1", port=int(sys.argv[2])))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    staged.write_model(folder / "models")
    # The last half of the film, where the drone hovers over everything.
    pictures = [staged.picture(7 + index / staged.FPS) for index in range(6 * staged.FPS)]
    staged.encode(folder / "live.mp4", pictures)
    return folder


@pytest.fixture
def stream(folder):
    """The address of a film that repeats for ever."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-c", _RTSP, str(folder), str(port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"rtsp://user:s3cret@127.0.0.1:{port}/live.mp4?play_count=0"
    finally:
        server.kill()
        server.wait(timeout=30)


def arguments(folder, store):
    return ["--models", folder / "models", "--store", f"sqlite:///{store}", "--json"]


def test_a_stream_is_counted_for_as_long_as_asked_and_placed_nowhere(flyonce, stream, folder, tmp_path):
    began_s = time.monotonic()
    outcome = flyonce("analyze", stream, "--for", "25", *arguments(folder, tmp_path / "city.db"))
    assert outcome.code == 0, outcome.stderr
    assert time.monotonic() - began_s >= 25
    result = outcome.result
    assert result["frames"] >= 1
    assert result["frames_decoded"] >= result["frames"]
    assert {"person", "standing_water", "waste"} <= set(result["detections"])
    assert (result["sightings"], result["located_frames"], result["cases"]["opened"]) == (0, 0, 0)
    assert result["flags"] == {"no_telemetry": result["frames"]}
    assert "s3cret" not in outcome.stdout + outcome.stderr
    with sqlite3.connect(tmp_path / "city.db") as connection:
        assert connection.execute("select state from flight").fetchall() == [("ended",)]


def test_a_stream_that_is_not_there_says_so_and_how_long_it_was_blind(flyonce, folder, tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    address = f"rtsp://127.0.0.1:{port}/none"
    outcome = flyonce("analyze", address, "--for", "4", *arguments(folder, tmp_path / "city.db"))
    assert outcome.code == 2
    assert f"{address}: gave no picture" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert outcome.result["frames"] == 0
    assert outcome.result["gaps"][0]["seconds"] >= 3
    assert "blind from" in outcome.stderr


def test_ctrl_c_ends_a_stream_and_what_was_seen_is_told(stream, folder, tmp_path):
    command = [sys.executable, "-m", "flyonce", "analyze", stream, *map(str, arguments(folder, tmp_path / "city.db"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        store = tmp_path / "city.db"
        deadline_s = time.monotonic() + 120
        while time.monotonic() < deadline_s and not _looked(store):
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert '"frames": ' in stdout
    assert "stopping; Ctrl-C again breaks off" in stderr


def _looked(store):
    if not store.exists():
        return False
    try:
        with sqlite3.connect(store) as connection:
            return bool(connection.execute("select 1 from flight_photo").fetchone())
    except sqlite3.OperationalError:
        return False
