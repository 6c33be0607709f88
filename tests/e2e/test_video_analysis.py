"""`flyonce analyze` on a film and its subtitles: cases where the truth lies, and a clear line for whatever is wrong."""

from __future__ import annotations

import hashlib
import io
import json
import math
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import film_builders as staged
import pytest
import yaml
from PIL import Image

CAMERA = "generic-84dfov"


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return staged.stage_film(tmp_path_factory.mktemp("film"))


@pytest.fixture(scope="module")
def analysed(flyonce, film):
    """The film, analysed once as an operator would."""
    store = film.folder / "city.db"
    outcome = flyonce(
        "analyze", film.video, "--camera", CAMERA, "--zones", film.zones, "--models", film.models,
        "--store", f"sqlite:///{store}", "--json",
    )  # fmt: skip
    assert outcome.code == 0, outcome.stderr
    return outcome, store


def rows(store, query):
    with sqlite3.connect(store) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query)]


def cases(store):
    return {(row["matter"], row["label"]): row for row in rows(store, "select * from case_file")}


def off_m(case, thing):
    east_m, north_m = staged.metres(case["lon"], case["lat"])
    return math.hypot(east_m - thing.east_m, north_m - thing.north_m)


def test_cases_lie_where_the_things_were_filmed(analysed):
    found = cases(analysed[1])
    assert set(found) == {
        ("waterlogging.road", "standing_water"),
        ("dumping.household", "waste"),
        ("fishing.reservoir", "person"),
    }
    assert off_m(found["waterlogging.road", "standing_water"], staged.PUDDLE) < 1.0
    assert off_m(found["dumping.household", "waste"], staged.DUMP) < 1.0
    assert off_m(found["fishing.reservoir", "person"], staged.ANGLER) < 1.0
    puddle = found["waterlogging.road", "standing_water"]
    assert puddle["extent_m2"] == pytest.approx(12, rel=0.35)
    assert 0.3 < puddle["extent_sigma_m2"] < 3.0
    assert abs(puddle["extent_m2"] - 12) < 3 * puddle["extent_sigma_m2"]
    assert found["fishing.reservoir", "person"]["extent_sigma_m2"] is None


def test_one_angler_who_stays_is_reviewed_and_one_walker_who_passes_is_not(analysed):
    outcome, store = analysed
    fishing = rows(store, "select state from case_file where matter = 'fishing.reservoir'")
    assert fishing == [{"state": "pending_review"}]
    # The walker was seen too, as one thing or several, and is no matter.
    assert outcome.result["detections"]["person"] > 2 * 3
    assert outcome.result["without_matter"] >= 1


def test_mapped_water_and_deceiving_ground_are_no_findings(analysed):
    masked = analysed[0].result["not_placed"]
    assert masked["permanent_water"] >= 3
    assert masked["false_alarm_mask"] >= 3


def test_fewer_frames_are_looked_at_than_filmed_and_all_of_them_located(analysed):
    result = analysed[0].result
    assert 5 <= result["frames"] < result["frames_decoded"] <= 65
    assert result["located_frames"] == result["frames"]
    assert result["sources"][0]["telemetry"]["dialect"] == "named_gimbal"
    assert result["sources"][0]["telemetry"]["used"] == 65
    assert result["too_coarse"] is None
    assert result["far_from_zones_m"] is None


def test_the_films_clock_names_no_zone_and_is_read_as_the_citys(analysed):
    outcome, store = analysed
    assert outcome.result["flags"]["time_zone_unknown"] == outcome.result["frames"]
    seen = [row["first_seen_at"] for row in rows(store, "select first_seen_at from case_file")]
    assert len(seen) == 3
    assert all(at.startswith("2026-07-01 02:00:") for at in seen)  # ten in the morning in Shanghai, in UTC


def test_evidence_is_a_still_that_says_where_it_comes_from(analysed, film):
    store = analysed[1]
    digest = hashlib.sha256(film.video.read_bytes()).hexdigest()
    sealed = rows(store, "select sha256, file_name, extension from original where extension = 'jpg'")
    assert 3 <= len(sealed) <= 9
    for row in sealed:
        data = (store.parent / "city-evidence" / "originals" / row["sha256"][:2] / f"{row['sha256']}.jpg").read_bytes()
        assert hashlib.sha256(data).hexdigest() == row["sha256"]
        note = Image.open(io.BytesIO(data)).getexif()[0x010E]
        assert "still of film.mp4, frame" in note
        assert "media time" in note
        assert digest in note
    flight = rows(store, "select figures from flight")[0]
    assert json.loads(flight["figures"])["videos"] == [{"file": "film.mp4", "sha256": digest, "seconds": 13.0}]


def test_the_same_film_again_opens_no_case(flyonce, analysed, film):
    outcome = flyonce(
        "analyze", film.video, "--camera", CAMERA, "--zones", film.zones, "--models", film.models,
        "--store", f"sqlite:///{analysed[1]}", "--json",
    )  # fmt: skip
    assert outcome.code == 0, outcome.stderr
    assert outcome.result["cases"]["opened"] == 0
    assert len(cases(analysed[1])) == 3


def test_a_made_up_label_becomes_a_matter_by_configuration_alone(flyonce, film, tmp_path):
    rules = {
        "labels": {"graffiti": {"flat": True}},
        "rules": [
            {"id": "wall", "label": "graffiti", "near": {"kinds": ["street"], "distance_m": 2}, "matter": "wall.paint"}
        ],
    }
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    (tmp_path / "matters.yaml").write_text(MATTERS)
    (tmp_path / "routing.yaml").write_text(ROUTING)
    outcome = flyonce(
        "analyze", film.video, "--camera", CAMERA, "--zones", film.zones, "--models", film.models,
        "--interpretation", tmp_path / "rules.yaml", "--matters", tmp_path / "matters.yaml",
        "--routing", tmp_path / "routing.yaml", "--store", f"sqlite:///{tmp_path / 'city.db'}", "--json",
    )  # fmt: skip
    assert outcome.code == 0, outcome.stderr
    found = cases(tmp_path / "city.db")
    assert set(found) == {("wall.paint", "graffiti")}
    assert off_m(found["wall.paint", "graffiti"], staged.GRAFFITI) < 1.0


MATTERS = """
standard: test
effective_from: 2026-01-01
calendar: {time_zone: Asia/Shanghai, opens: "09:00", closes: "18:00", weekdays: [0, 1, 2, 3, 4]}
families: {wall: {window: 72h}}
matters:
  - {key: wall.paint, code: "99999", name: {zh: 涂鸦, en: Graffiti}, family: wall, clocks: {t1: 1h, t2: 1h, t3: 1h}}
"""
ROUTING = """
author: test
effective_from: 2026-01-01
rules: []
"""


def test_without_subtitles_or_camera_things_are_counted_and_nothing_is_placed(flyonce, film, tmp_path):
    alone = shutil.copy(film.video, tmp_path / "alone.mp4")
    arguments = ("--models", film.models, "--store", f"sqlite:///{tmp_path / 'city.db'}", "--json")
    outcome = flyonce("analyze", alone, "--camera", CAMERA, *arguments)
    assert outcome.code == 0, outcome.stderr
    assert outcome.result["flags"] == {"no_telemetry": outcome.result["frames"]}
    assert outcome.result["detections"]["person"] >= 3
    assert (outcome.result["sightings"], outcome.result["cases"]["opened"]) == (0, 0)
    assert "no alone.SRT beside it): detected, not located" in outcome.stderr
    outcome = flyonce("analyze", film.video, *arguments)
    assert outcome.result["flags"]["no_camera"] == outcome.result["frames"]
    assert outcome.result["sightings"] == 0
    assert "give --camera" in outcome.stderr
    # The encoder names itself in a message of its stream: that is nothing to tell of.
    assert outcome.result["stream_data"] == {}
    assert "the video also carries" not in outcome.stderr


def test_messages_in_a_video_that_nobody_reads_yet_are_told_of(flyonce, film, tmp_path):
    video = staged.with_user_message(film.video, tmp_path / "told.mp4")
    outcome = flyonce(
        "analyze", video, "--models", film.models, "--store", f"sqlite:///{tmp_path / 'city.db'}", "--json"
    )
    assert outcome.result["stream_data"] == {"sei": 1}
    told = "the video also carries 1 SEI message, where telemetry may be: not read yet, no pose comes from it"
    assert told in outcome.stderr.splitlines()


def test_a_flight_too_coarse_for_the_models_says_so_in_one_line_and_by_its_exit_code(flyonce, film, tmp_path):
    # The film shows 12 cm a pixel; half as much again as the model was tried on is 6 cm.
    models = staged.write_model(tmp_path / "models", ground_resolution_m=[0.01, 0.04])
    outcome = flyonce(
        "analyze", film.video, "--camera", CAMERA, "--zones", film.zones, "--models", models,
        "--store", f"sqlite:///{tmp_path / 'city.db'}", "--json",
    )  # fmt: skip
    assert outcome.code == 2
    result = outcome.result
    assert result["too_coarse"] == {"finest_m": pytest.approx(0.12, abs=0.005), "coarsest_m": 0.06}
    assert result["flags"]["too_coarse"] == result["frames"] == result["located_frames"] > 0
    told = [line for line in outcome.stderr.splitlines() if line.startswith("too coarse for the models")]
    assert len(told) == 1
    assert "0.12 m of ground per pixel at best, and they need 0.06 or finer" in told[0]


def test_zones_of_another_place_are_noticed(flyonce, film, tmp_path):
    north = tmp_path / "north.SRT"
    north.write_text(film.srt.read_text().replace("[latitude: 28.", "[latitude: 29."))
    outcome = flyonce(
        "analyze", film.video, "--camera", CAMERA, "--zones", film.zones, "--models", film.models,
        "--telemetry", north, "--store", f"sqlite:///{tmp_path / 'city.db'}", "--json",
    )  # fmt: skip
    assert outcome.code == 2
    assert outcome.result["far_from_zones_m"] == pytest.approx(110_790, rel=0.01)
    assert "no picture shows ground near the mapped zones, the nearest is 111 km off" in outcome.stderr


def test_an_analysis_that_is_broken_off_leaves_no_flight_in_the_air(film, tmp_path):
    store = tmp_path / "city.db"
    films = [copied(film, tmp_path / f"part{number}.mp4", number) for number in range(8)]  # long enough to break it off
    command = ["analyze", *films, "--camera", CAMERA, "--models", film.models, "--store", f"sqlite:///{store}"]
    # Whoever runs the tests in the background may have had them ignore interrupts, which processes inherit.
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    program = heeding + "from flyonce.cli.main import run; run()"
    with subprocess.Popen(
        [sys.executable, "-c", program, *map(str, command)], stderr=subprocess.PIPE, text=True
    ) as process:
        deadline_s = time.monotonic() + 240
        while not looked(store) and process.poll() is None and time.monotonic() < deadline_s:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        stderr = process.communicate(timeout=120)[1]
    assert (process.returncode, stderr.count("Traceback")) == (130, 0), stderr
    [flight] = rows(store, "select state, figures from flight")
    assert flight["state"] == "ended"
    assert json.loads(flight["figures"])["broken_off"] is True


def copied(film, path, number):
    """Another film that shows the same, with its subtitles beside it."""
    path.write_bytes(film.video.read_bytes() + b"\0\0\0\x08free" * (number + 1))
    path.with_suffix(".SRT").write_bytes(film.srt.read_bytes())
    return path


def looked(store):
    try:
        return store.exists() and bool(rows(store, "select 1 from flight_photo"))
    except sqlite3.OperationalError:
        return False


def test_a_film_that_does_not_go_with_its_subtitles_is_refused_before_the_store_is_touched(flyonce, film, tmp_path):
    short, store = tmp_path / "short.SRT", tmp_path / "city.db"
    short.write_text("".join(staged.cue(index) for index in range(20)))
    outcome = flyonce(
        "analyze", film.video, "--camera", CAMERA, "--telemetry", short, "--models", film.models,
        "--store", f"sqlite:///{store}", "--json",
    )  # fmt: skip
    assert (outcome.code, outcome.stdout) == (2, "")
    assert f"{short}: covers too little of the video" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert not store.exists()


def test_one_bad_video_of_several_is_listed_and_the_rest_goes_on(flyonce, film, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0" * 5000)
    outcome = flyonce(
        "analyze", film.video, broken, "--camera", CAMERA, "--zones", film.zones, "--models", film.models,
        "--store", f"sqlite:///{tmp_path / 'city.db'}", "--json",
    )  # fmt: skip
    assert outcome.code == 2
    assert [entry["file"] for entry in outcome.result["unreadable"]] == [str(broken)]
    assert outcome.result["cases"]["opened"] == 3
    assert f"left out: {broken}: " in outcome.stderr


def test_subtitles_that_end_early_leave_the_rest_unlocated_and_say_so(flyonce, film, tmp_path):
    early = tmp_path / "early.SRT"
    early.write_text("".join(staged.cue(index) for index in range(45)))
    outcome = flyonce(
        "analyze", film.video, "--telemetry", early, "--camera", CAMERA, "--models", film.models,
        "--store", f"sqlite:///{tmp_path / 'city.db'}", "--json",
    )  # fmt: skip
    assert outcome.code == 2
    assert outcome.result["flags"]["no_pose"] == outcome.result["frames"] - outcome.result["located_frames"] > 0
    assert "in the other 4.2 s things are detected, not located" in outcome.stderr
