"""Wrong files get one clear line that names the file, exit code 2, and leave nothing half-done behind."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

SQUARE = [[120.10, 30.20], [120.11, 30.20], [120.11, 30.21], [120.10, 30.21], [120.10, 30.20]]
BOW_TIE = [[120.10, 30.20], [120.11, 30.21], [120.11, 30.20], [120.10, 30.21], [120.10, 30.20]]


def area_file(folder: Path, ring: list[list[float]]) -> Path:
    path = folder / "area.geojson"
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    return path


def plain_picture(folder: Path, name: str = "plain.jpg") -> Path:
    path = folder / name
    grey = np.full((300, 400, 3), 120, np.uint8)
    assert cv2.imwrite(str(path), grey)
    return path


def assert_refused(outcome, *words: str) -> None:
    assert outcome.code == 2, outcome
    assert "Traceback" not in outcome.stderr
    lines = [line for line in outcome.stderr.splitlines() if line.strip()]
    assert len(lines) <= 3, outcome.stderr
    for word in words:
        assert word in outcome.stderr


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        ("this is no GeoJSON", "JSON"),
        (json.dumps({"type": "Point", "coordinates": [120, 30]}), "Polygon"),
        (json.dumps({"type": "Polygon", "coordinates": [[[p[1], p[0]] for p in SQUARE]]}), "swap"),
        (json.dumps({"type": "Polygon", "coordinates": [BOW_TIE]}), "cross"),
    ],
)
def test_a_bad_area_is_refused_in_one_line_and_no_plan_is_written(flyonce, tmp_path, text, word):
    area = tmp_path / "area.geojson"
    area.write_text(text)
    out = tmp_path / "out"
    outcome = flyonce("plan", area, "--home", "120.10,30.20", "--camera", "generic-84dfov", "--out", out, "--json")
    assert_refused(outcome, "area.geojson", word)
    assert outcome.stdout == ""
    assert not out.exists() or not any(out.iterdir())


def test_an_unknown_camera_is_refused_with_the_names_that_are_known(flyonce, tmp_path):
    area = area_file(tmp_path, SQUARE)
    outcome = flyonce("plan", area, "--home", "120.10,30.20", "--camera", "kodak", "--out", tmp_path / "out")
    assert_refused(outcome, "kodak", "generic-84dfov")


@pytest.mark.parametrize("command", ["detect", "locate", "analyze"])
@pytest.mark.parametrize("content", [b"", b"not a picture", b"\xff\xd8\xff\xe0" + b"\0" * 100])
def test_a_file_that_is_no_picture_is_named_and_refused(flyonce, tmp_path, command, content):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(content)
    arguments: list[object] = [command, broken, "--json"]
    if command == "locate":
        pixels = tmp_path / "pixels.csv"
        pixels.write_text("u,v\n10,10\n")
        arguments += ["--pixels", pixels]
    if command == "analyze":
        arguments += ["--store", f"sqlite:///{tmp_path / 'city.db'}"]
    assert_refused(flyonce(*arguments), "broken.jpg")


def test_a_picture_without_gps_is_located_nowhere_and_says_why(flyonce, tmp_path):
    picture = plain_picture(tmp_path)
    pixels = tmp_path / "pixels.csv"
    pixels.write_text("u,v\n10,10\n")
    outcome = flyonce("locate", picture, "--pixels", pixels, "--json")
    assert_refused(outcome, "plain.jpg", "GPS")


@pytest.mark.parametrize("text", ["", "x,y\n1,2\n", "u,v\n1,two\n", "u,v\n1\n", "u,v\nnan,5\n"])
def test_a_bad_pixel_file_is_refused_with_its_line(flyonce, tmp_path, text):
    picture = plain_picture(tmp_path)
    pixels = tmp_path / "pixels.csv"
    pixels.write_text(text)
    assert_refused(flyonce("locate", picture, "--pixels", pixels, "--json"), "pixels.csv")


def test_analyze_refuses_a_broken_zones_file_before_it_touches_the_store(flyonce, tmp_path):
    picture = plain_picture(tmp_path)
    zones = tmp_path / "zones.geojson"
    zones.write_text('{"type": "FeatureCollection", "features": [')
    database = tmp_path / "city.db"
    outcome = flyonce("analyze", picture, "--zones", zones, "--store", f"sqlite:///{database}", "--json")
    assert_refused(outcome, "zones.geojson")
    assert not database.exists()


def test_uploading_to_nobody_fails_in_one_line(flyonce, tmp_path):
    area = area_file(tmp_path, SQUARE)
    out = tmp_path / "out"
    planned = flyonce("plan", area, "--home", "120.10,30.20", "--camera", "generic-84dfov", "--out", out, "--json")
    assert planned.code == 0, planned.stderr
    outcome = flyonce("upload", out / "mission.plan", "--link", "tcp:127.0.0.1:1")
    assert outcome.code == 1
    assert "127.0.0.1:1" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_help_lists_every_first_command(flyonce):
    outcome = flyonce("--help")
    assert outcome.code == 0
    for command in ("demo", "plan", "vehicle", "upload", "fly", "detect", "locate", "analyze", "serve", "doctor", "db"):
        assert command in outcome.stdout
