"""`flyonce analyze FOLDER --watch`: photos come in while it runs, cases open meanwhile, Ctrl-C ends it with the sum."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import film_builders as staged
import pytest

from flyonce.demo.photo_file import PhotoRecord, write_photo

BEGAN = datetime(2026, 7, 1, 10, 0, tzinfo=timezone(timedelta(hours=8)))


def write_shot(path: Path, time_s: float) -> Path:
    """What the staged drone's camera sees at a time, as a photo with its pose."""
    lon, lat = staged.lonlat(*staged.drone_at(time_s))
    record = PhotoRecord(
        taken_at=BEGAN + timedelta(seconds=time_s),
        lon=lon,
        lat=lat,
        alt_msl_m=100 + staged.HEIGHT_M,
        height_m=staged.HEIGHT_M,
        heading_deg=0.0,
        pitch_deg=-90.0,
        roll_deg=0.0,
        focal_px=staged.FOCAL_PX,
        size_wh_px=staged.SIZE,
    )
    write_photo(path, staged.picture(time_s), record)
    return path


class Watch:
    """A running `flyonce analyze --watch` and its store."""

    def __init__(self, folder: Path, home: Path, *more: str) -> None:
        zones = home / "zones.geojson"
        zones.write_text(json.dumps({"type": "FeatureCollection", "features": staged.zones()}), encoding="utf-8")
        self.store = home / "city.db"
        arguments = [folder, "--watch", "--zones", zones, "--models", staged.write_model(home / "models"), *more]
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "flyonce",
                "analyze",
                *map(str, arguments),
                "--store",
                f"sqlite:///{self.store}",
                "--json",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What the store holds by now; nothing while it is being made."""
        with contextlib.suppress(sqlite3.OperationalError):
            if self.store.exists():
                with contextlib.closing(sqlite3.connect(self.store)) as connection:
                    return connection.execute(query).fetchall()
        return []

    def wait_for(self, condition: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + 240
        while not condition():
            if self.process.poll() is not None or time.monotonic() > deadline_s:
                self.process.kill()
                pytest.fail(f"ended or stood still: {self.process.communicate()}")
            time.sleep(0.05)

    def looked_at(self) -> set[str]:
        return {str(name) for (name,) in self.rows("select name from flight_photo")}

    def ended(self) -> tuple[dict, str]:
        stdout, stderr = self.process.communicate(timeout=120)
        return json.loads(stdout), stderr


@pytest.fixture
def running() -> Iterator[list[Watch]]:
    started: list[Watch] = []
    yield started
    for watch in started:
        watch.process.kill()
        watch.process.wait(timeout=30)


@contextlib.contextmanager
def copied_slowly(source: Path, target: Path) -> Iterator[Callable[[], None]]:
    """A copy that creeps on with every tenth of a second, until it is told to finish."""
    data, finish = source.read_bytes(), threading.Event()

    def copy() -> None:
        with target.open("wb", buffering=0) as file:
            file.write(data[: len(data) // 3])
            at = len(data) // 3
            while not finish.wait(0.1) and at < len(data) - 1:
                file.write(data[at : at + 1])
                at += 1
            file.write(data[at:])

    thread = threading.Thread(target=copy)
    thread.start()
    try:
        yield finish.set
    finally:
        finish.set()
        thread.join()


def test_photos_are_looked_at_as_they_come_and_the_sum_is_right(tmp_path, running):
    folder = tmp_path / "从机巢 来的"
    folder.mkdir()
    for index in (1, 2):
        write_shot(folder / f"{index}.jpg", index)
    watch = Watch(folder, tmp_path)
    running.append(watch)
    watch.wait_for(lambda: watch.looked_at() == {"1.jpg", "2.jpg"})
    with copied_slowly(write_shot(tmp_path / "slow.jpg", 5), folder / "5.jpg") as finish:
        (folder / "bad.jpg").write_bytes(b"no picture at all")
        for index in (3, 4):
            write_shot(folder / f"{index}.jpg", index)
        watch.wait_for(lambda: watch.looked_at() == {"1.jpg", "2.jpg", "3.jpg", "4.jpg"})
        # Seen often enough by now: the case is there while the drone still flies.
        watch.wait_for(lambda: ("dumping.household",) in watch.rows("select matter from case_file"))
        assert "5.jpg" not in watch.looked_at()
        finish()
        watch.wait_for(lambda: "5.jpg" in watch.looked_at())
    watch.process.send_signal(signal.SIGINT)
    result, stderr = watch.ended()
    assert watch.process.returncode == 2, "one file was bad"
    assert (result["frames"], result["located_frames"], result["frames_decoded"]) == (5, 5, 5)
    assert [Path(entry["file"]).name for entry in result["unreadable"]] == ["bad.jpg"]
    assert "Traceback" not in stderr
    assert "stopping; Ctrl-C again breaks off" in stderr
    matters = watch.rows("select matter, label from case_file")
    assert matters.count(("dumping.household", "waste")) == 1
    assert result["cases"]["opened"] == len(matters) == len(set(matters))
    assert watch.rows("select state from flight") == [("ended",)]


def test_a_watch_ends_after_its_time_even_where_nothing_came(tmp_path, running):
    folder = tmp_path / "empty"
    folder.mkdir()
    watch = Watch(folder, tmp_path, "--for", "1")
    running.append(watch)
    result, stderr = watch.ended()
    assert watch.process.returncode == 0, stderr
    assert (result["frames"], result["unreadable"], result["cases"]["opened"]) == (0, [], 0)
    assert watch.rows("select state from flight") == [("ended",)]
