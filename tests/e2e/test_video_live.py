"""`flyonce analyze rtsp://…` against a real server: things are counted, gaps are told, and nothing gets a place."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import film_builders as staged
import numpy as np
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


@contextlib.contextmanager
def serving(folder, port):
    """An RTSP server of the films in a folder, killed at the end."""
    server = subprocess.Popen(
        [sys.executable, "-c", _RTSP, str(folder), str(port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        server.kill()
        server.wait(timeout=30)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def address(port):
    """Of a film that repeats for ever."""
    return f"rtsp://user:s3cret@127.0.0.1:{port}/live.mp4?play_count=0"


@pytest.fixture
def stream(folder):
    port = free_port()
    with serving(folder, port):
        yield address(port)


def arguments(folder, store):
    return ["--models", folder / "models", "--store", f"sqlite:///{store}", "--json"]


def test_a_stream_is_counted_for_as_long_as_asked_and_placed_nowhere(flyonce, stream, folder, tmp_path):
    began_s = time.monotonic()
    outcome = flyonce("analyze", stream, "--for", "12", *arguments(folder, tmp_path / "city.db"))
    assert outcome.code == 0, outcome.stderr
    assert time.monotonic() - began_s >= 12
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
    nowhere = f"rtsp://127.0.0.1:{free_port()}/none"
    outcome = flyonce("analyze", nowhere, "--for", "4", *arguments(folder, tmp_path / "city.db"))
    assert outcome.code == 2
    assert f"{nowhere}: gave no picture" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert outcome.result["frames"] == 0
    assert outcome.result["gaps"][0]["seconds"] >= 3
    assert "blind from" in outcome.stderr


def test_ctrl_c_ends_a_stream_and_what_was_seen_is_told(stream, folder, tmp_path):
    with analysing(stream, folder, tmp_path / "city.db") as process:
        wait_for_looks(process, tmp_path / "city.db", 1)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert '"frames": ' in stdout
    assert "stopping; Ctrl-C again breaks off" in stderr


def test_a_stream_that_breaks_off_and_comes_back_is_followed_and_its_gap_is_told(folder, tmp_path):
    first, second, store, port = folder, tmp_path / "later", tmp_path / "city.db", free_port()
    second.mkdir()
    # Another scene afterwards: a cut, which is looked at at once.
    shades = np.random.default_rng(1).integers(0, 255, (27, 48, 3)).astype(np.uint8)
    staged.encode(second / "live.mp4", [np.kron(shades, np.ones((10, 10, 1), np.uint8))] * 6 * staged.FPS)
    with analysing(address(port), folder, store) as process:
        with serving(first, port):
            wait_for_looks(process, store, 1)
            broke_at = datetime.now(UTC)
        # What had come before is still on its way through the reader for a moment.
        time.sleep(2)
        seen = looks_in(store)
        with serving(second, port):
            serving_since = datetime.now(UTC)
            wait_for_looks(process, store, seen + 1)
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    result = json.loads(stdout)
    [gap] = [gap for gap in result["gaps"] if gap["ended_at"] and datetime.fromisoformat(gap["ended_at"]) > broke_at]
    began_at, ended_at = (datetime.fromisoformat(gap[side]) for side in ("began_at", "ended_at"))
    # It begins with the last picture, which may have come a moment before the server was killed.
    assert broke_at - timedelta(seconds=3) < began_at < serving_since < ended_at
    assert gap["seconds"] == pytest.approx((ended_at - began_at).total_seconds(), abs=0.1)
    assert gap["reason"]
    assert f"blind from {gap['began_at']} to {gap['ended_at']}" in stderr
    assert result["sources"][0]["reconnects"] == 1
    assert "s3cret" not in stdout + stderr


@contextlib.contextmanager
def analysing(stream, folder, store):
    command = [sys.executable, "-m", "flyonce", "analyze", stream, *map(str, arguments(folder, store))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_looks(process, store, count):
    deadline_s = time.monotonic() + 240
    while looks_in(store) < count:
        if process.poll() is not None or time.monotonic() > deadline_s:
            process.kill()
            pytest.fail(f"ended or stood still: {process.communicate()}")
        time.sleep(0.1)


def looks_in(store):
    if not store.exists():
        return 0
    try:
        with contextlib.closing(sqlite3.connect(store)) as connection:
            return connection.execute("select count(*) from flight_photo").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
