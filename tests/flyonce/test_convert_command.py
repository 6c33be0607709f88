"""`flyonce convert` as people run it, with files that mean no good."""

from __future__ import annotations

import json
import sys
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flightplan.airspace.clearance import Clearance
from flightplan.files import read_mission, read_plan, read_wpml, write_plan, write_wpml
from flyonce.cli import main

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the command as the installed program does; gives exit code, stdout and stderr in one line."""
    monkeypatch.setitem(main._ALL, "convert", ("flyonce.cli.mission_files", "Convert a mission."))

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["flyonce", "convert", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            main.run()
        told = capsys.readouterr()
        return int(left.value.code or 0), told.out, " ".join(told.err.split())

    return run


def test_a_mission_goes_through_every_format_and_comes_back_the_same(run, tmp_path):
    chain = ["a.kmz", "b.waypoints", "c.kmz", "d.plan"]
    source = GOLDEN / "mission.plan"
    for name in chain:
        code, out, err = run(source, tmp_path / name, "--json")
        assert code == 0, err
        told = json.loads(out)
        assert (told["waypoints"], told["not_carried_over"]) == (4, [])
        source = tmp_path / name

    first, last = read_mission(GOLDEN / "mission.plan"), read_mission(tmp_path / "d.plan")
    assert [type(item) for item in last.items] == [type(item) for item in first.items]
    for one, other in zip(first.waypoints, last.waypoints, strict=True):
        assert (other.lon, other.lat, other.alt_m) == pytest.approx((one.lon, one.lat, one.alt_m), abs=1e-7)
    assert last.home.lon == pytest.approx(118.8712345)


def test_a_map_is_written_for_people(run, tmp_path):
    assert run(GOLDEN / "fenced.plan", tmp_path / "m.geojson")[0] == 0
    assert run(GOLDEN / "fenced.plan", tmp_path / "m.kml")[0] == 0

    features = json.loads((tmp_path / "m.geojson").read_text())["features"]
    assert [one["properties"]["kind"] for one in features] == ["home", "path", "fence", "fence", "rally"]
    assert features[1]["geometry"]["coordinates"][0] == [118.8712345, 28.9398765]
    assert "<LineString>" in (tmp_path / "m.kml").read_text()


def test_what_a_format_has_no_place_for_is_said(run, tmp_path):
    code, _, err = run(GOLDEN / "fenced.plan", tmp_path / "m.waypoints")
    assert code == 0
    assert "not carried over: the fence" in err
    assert "not carried over: 1 rally points" in err

    code, out, _ = run(GOLDEN / "fenced.plan", tmp_path / "m.kmz", "--json")
    assert [line.split(":")[0] for line in json.loads(out)["not_carried_over"]] == ["the fence", "1 rally points"]


def test_a_clearance_s_times_are_said_where_the_format_has_no_place_for_them(run, tmp_path):
    clearance = Clearance(approvals=("QZ-0815",), not_before=datetime(2026, 11, 23, 8, 0, tzinfo=UTC))
    write_plan(tmp_path / "c.plan", replace(read_plan(GOLDEN / "mission.plan"), clearance=clearance))

    for name in ("m.waypoints", "m.kmz"):
        assert (
            "not carried over: when it may take off, and its approvals" in run(tmp_path / "c.plan", tmp_path / name)[2]
        )
    assert "not carried over" not in run(tmp_path / "c.plan", tmp_path / "m.plan")[2]
    assert read_plan(tmp_path / "m.plan").clearance == clearance


def test_a_dock_s_drone_and_its_habits_are_chosen(run, tmp_path):
    code, _, err = run(
        *(GOLDEN / "mission.plan", tmp_path / "m.kmz", "--drone", "m30t", "--lens", "wide", "--lens", "ir"),
        *("--on-link-lost", "hover", "--rth-height-m", "95", "--geoid-m", "8.25"),
    )
    assert code == 0, err
    with zipfile.ZipFile(tmp_path / "m.kmz") as archive:
        text = archive.read("wpmz/waylines.wpml").decode()
    for piece in ("Value>67<", "Value>53<", "wide,ir", "LostAction>hover<", "RTHHeight>95<", "Height>139.75<"):
        assert piece in text
    assert read_wpml(tmp_path / "m.kmz").mission.waypoints[0].alt_m == pytest.approx(60.0)


def bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("wpmz/waylines.wpml", b" " * 65_000_000)


def cut(path):
    good = path.with_name("good.kmz")
    write_wpml(good, read_plan(GOLDEN / "mission.plan"))
    path.write_bytes(good.read_bytes()[:-200])
    good.unlink()


def entity(path):
    with zipfile.ZipFile(path, "w") as archive:
        text = '<!DOCTYPE k [<!ENTITY x SYSTEM "file:///etc/passwd">]><kml>&x;</kml>'
        archive.writestr("wpmz/waylines.wpml", text)


def countless(path):
    document = json.loads((GOLDEN / "mission.plan").read_text())
    items = document["mission"]["items"]
    document["mission"]["items"] = [*items[:3], *(items[3] for _ in range(5_000)), items[-1]]
    path.write_text(json.dumps(document))


def swapped(path):
    document = json.loads((GOLDEN / "mission.plan").read_text())
    params = document["mission"]["items"][3]["params"]
    params[4], params[5] = params[5], params[4]
    path.write_text(json.dumps(document))


def infinite(path):
    path.write_text((GOLDEN / "mission.plan").read_text().replace("60.0", "1e999"))


@pytest.mark.parametrize(
    ("name", "make", "problem"),
    [
        ("cut.kmz", cut, "cannot be read as a ZIP archive"),
        ("bomb.kmz", bomb, "unpacked it has more than 64 MB"),
        ("entity.kmz", entity, "document type or entities"),
        ("none.kmz", lambda path: None, "there is no such file"),
        ("countless.plan", countless, "more than the vehicle"),
        ("swapped.plan", swapped, "latitude comes first"),
        ("infinite.plan", infinite, "the item is not complete"),
        ("empty.waypoints", lambda path: path.write_text(""), "the file is empty"),
        ("mission.txt", lambda path: path.write_text("x"), ".txt is not a mission file"),
    ],
)
def test_a_file_that_means_no_good_is_one_line_and_nothing_is_written(run, tmp_path, name, make, problem):
    source = tmp_path / name
    make(source)

    for out in ("out.plan", "out.kmz"):
        code, stdout, err = run(source, tmp_path / out)
        assert (code, stdout) == (2, "")
        assert problem in err
        assert "Traceback" not in err
        assert not (tmp_path / out).exists()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("m.pdf",), ".pdf is no format of missions"),
        (("m.kmz", "--lens", "x-ray"), "no lens 'x-ray'"),
        (("m.kmz", "--rth-height-m", "nan"), "no finite number"),
        (("m.kmz", "--geoid-m", "500"), "the geoid lies nowhere"),
        (("m.kmz", "--home", "118.87,28.94"), "--home goes with a .kmz"),
        (("m.plan", "--drone", "m3d"), "--drone goes with a .kmz to be written"),
        (("m.plan", "--lens", "wide", "--geoid-m", "0"), "--lens and --geoid-m go with a .kmz to be written"),
        (("m.kml", "--rth-height-m", "60"), "--rth-height-m goes with a .kmz"),
        (("m.waypoints", "--on-link-lost", "hover"), "--on-link-lost goes with a .kmz"),
        (("m.kmz", "--home-alt-msl-m", "0"), "--home-alt-msl-m goes with --home"),
    ],
)
def test_options_that_cannot_be_are_one_line_and_nothing_is_written(run, tmp_path, words, problem):
    code, _, err = run(GOLDEN / "mission.plan", tmp_path / words[0], *words[1:])

    assert code == 2
    assert problem in err
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_one_line(run, tmp_path):
    (tmp_path / "file").write_text("")

    code, _, err = run(GOLDEN / "mission.plan", tmp_path / "file" / "m.plan")

    assert code == 2
    assert "cannot be written" in err
