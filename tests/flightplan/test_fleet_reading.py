"""`fleet.yaml`: read as documented, and refused with file, line and remedy where it does not fit."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fleet_builders import fleet
from hypothesis import given
from hypothesis import strategies as st

from flightplan.errors import InputFileError
from flightplan.fleet.model import Curfew, DroneModel
from flightplan.fleet.reading import read_fleet
from flightplan.times import Hours

GOOD = """\
time_zone: Asia/Shanghai
hours:
  - {begins: 08:00, ends: "18:30"}
curfews:
  - {begins: 12:00, ends: 13:30, weekdays: [mon, fri], why: noon}
  - {first_day: 2026-06-07, last_day: 2026-06-09, why: exams}
drones:
  m3d: {endurance_min: 38, charge_min: 30, speed_m_s: 15}
docks:
  - {name: D01, lon: 118.86, lat: 28.97, drone: m3d, alt_msl_m: 66}
  - {name: 2, lon: 118.91, lat: 28.95, drone: m3d, drones: 2}
"""


def test_a_fleet_is_read_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text(GOOD, encoding="utf-8")
    read = read_fleet(path)
    assert [(dock.name, dock.lon, dock.lat, dock.drones) for dock in read.docks] == [
        ("D01", 118.86, 28.97, 1),
        ("2", 118.91, 28.95, 2),
    ]
    drone = read.docks[0].drone
    assert (drone.endurance_s, drone.charge_s, drone.swap_s, drone.usable_s) == (2_280, 1_800, 120, 1_710)
    assert read.hours == (Hours(begins=time(8), ends=time(18, 30)),)
    assert read.curfews[0].weekdays == frozenset({0, 4})
    assert read.time_zone == ZoneInfo("Asia/Shanghai")
    assert read.docks[0].alt_msl_m == 66


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("charge_min: 30", "charge_mins: 30", 8, "drones > m3d > charge_mins: this key is not known"),
        ("charge_min: 30, ", "", 8, "drones > m3d > charge_min: it is missing"),
        ("speed_m_s: 15", "speed_kmh: 54", 8, "speed_kmh: this key is not known"),
        ("speed_m_s: 15", "speed_m_s: fast", 8, "should be a number"),
        ("speed_m_s: 15", "speed_m_s: .nan", 8, "should be a number"),
        ("speed_m_s: 15", "reserve: 1.0", 8, "reserve must be a share"),
        ("speed_m_s: 15", "camera: pinhole-9000", 8, "pinhole-9000"),
        ("lon: 118.86, lat: 28.97", "lon: 28.97, lat: 118.86", 10, "swapped"),
        ("drone: m3d, alt", "drone: m30, alt", 10, "there is no drone 'm30'"),
        ("name: 2", "name: D01", 9, "the name 'd01' is given twice"),
        ("drones: 2", "drones: 0", 11, "drones must be at least 1"),
        ("ends: 13:30, ", "", 5, "both `begins` and `ends`"),
        ("[mon, fri]", "[monday]", 5, "weekdays"),
        ('ends: "18:30"', "ends: 08:00", 3, "no stretch of time"),
        ("Asia/Shanghai", "China", 1, "no time zone"),
        ("last_day: 2026-06-09", "last_day: 2026-06-01", 6, "must not end before it begins"),
        ("drone: m3d, alt_msl_m: 66}", "drone: m3d, alt_msl_m: 66", 11, "no YAML"),
        ("docks:", "dock:", 9, "this key is not known"),
        ("begins: 08:00", "begins: 0730", 3, "a time is written like 08:30"),
        ("begins: 08:00", "begins: 8", 3, "a time is written like 08:30"),
        ("first_day: 2026-06-07", "first_day: 2026-13-45", 6, "first_day"),
        ("lon: 118.86", "lon: !!int x", 10, "lon"),
        ("speed_m_s: 15", "charge_min: 20", 8, "the key 'charge_min' is given twice"),
        ("name: D01", "name: ../../esc", 10, "cannot be the name of a folder"),
        ("name: D01", "name: 2-1", 9, "'2-1' is given twice"),
        ("drones: 2", "drones: 10000000", 11, "at most 100"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(tmp_path, old, new, line, problem):
    assert old in GOOD
    path = tmp_path / "fleet.yaml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputFileError) as refused:
        read_fleet(path)
    words = str(refused.value)
    assert str(path) in words
    assert problem in words
    assert f"line {line}" in words


@pytest.mark.parametrize("text", ["", "[]", "drones: {}\ndocks: []", "\x00\x01", "a: &a [*a]", "docks: 7", "- 1\n- 2"])
def test_a_file_that_is_no_fleet_is_refused(tmp_path, text):
    path = tmp_path / "fleet.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputFileError, match=r"fleet\.yaml"):
        read_fleet(path)


@given(st.binary(max_size=300))
def test_no_bytes_bring_the_reader_down(data):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fleet.yaml"
        path.write_bytes(data)
        with pytest.raises(InputFileError):
            read_fleet(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputFileError, match="there is no such file"):
        read_fleet(tmp_path / "fleet.yaml")


def _clock(windows):
    city = ZoneInfo("Asia/Shanghai")
    return [tuple(at.astimezone(city).strftime("%d %H:%M") for at in window) for window in windows]


def test_curfews_cut_the_hours_of_their_days():
    city = fleet(
        hours=(Hours(begins=time(8), ends=time(18)),),
        curfews=(
            Curfew(hours=Hours(begins=time(12), ends=time(13, 30)), weekdays=frozenset({0})),
            Curfew(first_day=date(2026, 11, 25), last_day=date(2026, 11, 25)),
        ),
    )
    assert _clock(city.open_windows(date(2026, 11, 23))) == [("23 08:00", "23 12:00"), ("23 13:30", "23 18:00")]
    assert _clock(city.open_windows(date(2026, 11, 24))) == [("24 08:00", "24 18:00")]
    assert city.open_windows(date(2026, 11, 25)) == []


def test_hours_past_midnight_belong_to_the_day_they_begin_and_a_nights_curfew_reaches_into_the_morning():
    night = Hours(begins=time(20), ends=time(4))
    city = fleet(hours=(night,))
    assert _clock(city.open_windows(date(2026, 11, 23))) == [("23 20:00", "24 04:00")]
    quiet = fleet(curfews=(Curfew(hours=Hours(begins=time(22), ends=time(6))),))
    assert _clock(quiet.open_windows(date(2026, 11, 23))) == [("23 06:00", "23 22:00")]


def test_without_hours_a_fleet_flies_round_the_clock():
    begins, ends = fleet().open_windows(date(2026, 11, 23))[0]
    assert ends - begins == datetime(2026, 11, 24) - datetime(2026, 11, 23)


@pytest.mark.parametrize(
    "wrong",
    [{"speed_m_s": 0.0}, {"endurance_s": float("inf")}, {"charge_s": -1.0}, {"reserve": 1.0}, {"reserve": -0.1}],
)
def test_a_drone_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DroneModel(name="x", **wrong)


def test_a_curfew_without_any_bounds_is_refused():
    with pytest.raises(ValueError, match="nobody ever flies"):
        Curfew()
