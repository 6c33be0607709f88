"""`flyonce reflight` and `flyonce due` as a city's planner runs them."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

import numpy as np
import pytest
import shapely

from dispatch_api.cases.model import CaseState
from dispatch_api.cases.records import insert_case
from dispatch_api.store.store import open_store
from flightplan.files import read_mission, read_wpml
from flightplan.projection import LocalFrame
from flyonce.cli import main

FLEET = """\
hours: [{begins: 08:00, ends: 18:00}]
drones:
  m3d: {endurance_min: 38, charge_min: 30, camera: dji-m3d}
docks:
  - {name: 东站, lon: 118.85, lat: 28.96, drone: m3d}
  - {name: 西站, lon: 118.90, lat: 28.97, drone: m3d}
"""
CASES = [
    {"id": "a1", "lon": 118.853, "lat": 28.961, "radius_m": 5, "priority": 2},
    {"id": "a2", "lon": 118.858, "lat": 28.965, "radius_m": 60, "view": "nadir", "resolution_m": 0.02},
    {
        "id": "b1", "lon": 118.897, "lat": 28.972, "view": "oblique", "resolution_m": 0.04, "bearing_deg": 90,
        "ellipse": {"semi_major_m": 6, "semi_minor_m": 3, "bearing_deg": 20}, "priority": 9,
    },
]  # fmt: skip


@pytest.fixture
def city(tmp_path):
    (tmp_path / "cases.json").write_text(json.dumps(CASES))
    (tmp_path / "fleet.yaml").write_text(FLEET, encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(city, monkeypatch, capsys):
    """Runs the command as the installed program does; gives exit code, stdout, and stderr in one line."""
    for name in ("reflight", "due"):
        monkeypatch.setitem(main._ALL, name, ("flyonce.cli.reflight", name))

    def run(*words, command="reflight"):
        more = ["--fleet", city / "fleet.yaml", "--out", city / "out"] if command == "reflight" else []
        monkeypatch.setattr(sys, "argv", ["flyonce", command, *map(str, (*words, *more))])
        with pytest.raises(SystemExit) as left:
            main.run()
        told = capsys.readouterr()
        return int(left.value.code or 0), told.out, " ".join(told.err.split())

    return run


def test_cases_become_flights_of_the_docks_near_them(city, run):
    code, out, err = run(city / "cases.json", "--first-day", "2026-11-23", "--json")

    assert code == 0, err
    told = json.loads(out)
    assert [[case["id"] for case in flight["cases"]] for flight in told["flights"]] in (
        [["b1"], ["a2", "a1"]],
        [["b1"], ["a1", "a2"]],
    )
    assert [flight["dock"] for flight in told["flights"]] == ["西站", "东站"]
    assert told["flights"][0]["takes_off_at"] == "2026-11-23T08:00:00+08:00"
    assert sum(case["photos"] for case in told["flights"][1]["cases"]) == told["flights"][1]["photos"] > 4
    assert json.loads((city / "out" / "plan.json").read_text(encoding="utf-8"))["flights"] == told["flights"]
    for flight in told["flights"]:
        mission = read_mission(city / "out" / flight["mission"])
        assert mission.figures().photos == flight["photos"]
        assert mission.fence is not None
        assert (city / "out" / flight["mission"]).with_suffix(".waypoints").is_file()
    features = json.loads((city / "out" / "flights.geojson").read_text(encoding="utf-8"))["features"]
    cases = {one["properties"]["id"]: one for one in features if one["properties"]["kind"] == "case"}
    assert cases["b1"]["geometry"]["coordinates"] == [118.897, 28.972]
    photos = next(one for one in features if one["properties"]["kind"] == "photos" and one["properties"]["id"] == "b1")
    (place,) = photos["geometry"]["coordinates"]
    # Looking east, from the west of it.
    assert place[0] < 118.897 - 0.0003
    assert place[1] == pytest.approx(28.972, abs=1e-5)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--view", "nadir"), "--view goes with --store"),
        (("--every-days", "7"), "--every-days goes with --cells"),
    ],
)
def test_options_of_sources_that_were_not_given_are_refused(city, run, words, said):
    code, out, err = run(city / "cases.json", *words)

    assert (code, out) == (2, "")
    assert said in err
    assert not (city / "out").exists()


def test_cases_that_do_not_say_how_sharply_are_seen_as_sharply_as_the_command_says(city, run):
    case = {"id": "c1", "lon": 118.858, "lat": 28.965, "radius_m": 2}
    (city / "cases.json").write_text(json.dumps([case]))

    fine = json.loads(run(city / "cases.json", "--resolution-cm", "1.5", "--json")[1])
    (city / "out").rename(city / "before")
    coarse = json.loads(run(city / "cases.json", "--resolution-cm", "5", "--json")[1])

    heights = [told["flights"][0]["cases"][0]["height_agl_m"] for told in (fine, coarse)]
    assert heights[0] < heights[1] - 10


def test_in_wind_flights_last_longer_and_docks_whose_drones_stay_in_are_told(city, run):
    calm = json.loads(run(city / "cases.json", "--json")[1])
    (city / "out").rename(city / "calm")
    windy = json.loads(run(city / "cases.json", "--wind-m-s", "11", "--wind-from-deg", "45", "--json")[1])

    assert windy["seconds_in_the_air"] > 1.05 * calm["seconds_in_the_air"]
    (city / "out").rename(city / "windy")
    code, _, err = run(city / "cases.json", "--wind-m-s", "13", "--wind-from-deg", "45")
    assert code == 2
    assert "more than any drone of the fleet may fly in" in err
    code, _, err = run(city / "cases.json", "--wind-m-s", "5")
    assert code == 2
    assert "half of the wind is missing" in err


def test_masts_are_flown_round_and_coming_down_beside_one_makes_a_draft(city, run):
    def masts(lon, lat, height_m):
        mast = {"type": "Point", "coordinates": [lon, lat]}
        feature = {"type": "Feature", "properties": {"name": "mast", "height_m": height_m}, "geometry": mast}
        (city / "masts.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
        return "--obstacles", city / "masts.geojson"

    # Half of the way from the western dock to the case near it.
    code, out, err = run(city / "cases.json", "--json", *masts(118.8515, 28.9605, 90))
    assert code == 0, err
    missions = [read_mission(city / "out" / flight["mission"]) for flight in json.loads(out)["flights"]]
    (past,) = [mission for mission in missions if mission.obstacles]
    frame = LocalFrame(lon=118.8515, lat=28.9605)
    path = shapely.LineString(frame.en_from_lonlat(np.array(past.path_lonlat())))
    assert path.distance(shapely.Point(0, 0)) >= 17.9

    (city / "out").rename(city / "before")
    code, _, err = run(city / "cases.json", "--json", *masts(118.858, 28.965, 60))
    assert code == 1
    assert "it passes mast" in err


def test_docks_get_waylines(city, run):
    code, out, err = run(city / "cases.json", "--vehicle", "m3d", "--json")

    assert code == 0, err
    for flight in json.loads(out)["flights"]:
        read = read_wpml(city / "out" / flight["mission"])
        assert read.lost == ()
        assert read.mission.figures().photos == flight["photos"]
        assert not list((city / "out" / "missions").rglob("*.plan"))


def test_words_for_people_say_what_is_flown(city, run):
    code, _, err = run(city / "cases.json")
    assert code == 0
    assert "西站-refly-01:" in err
    assert "photos" in err


def test_overdue_cells_and_hot_spots_make_a_plan_without_any_case(city, run):
    (city / "cells.csv").write_text(
        "cell,lon,lat,size_m,last_seen_on,priority\n"
        "A1,118.851,28.962,60,2026-11-01,3\n"
        "A2,118.852,28.962,60,2026-11-22,3\n"
    )
    (city / "complaints.csv").write_text(
        "id,lon,lat,made_on\n" + "".join(f"t{n},{118.898 + n / 10_000:.4f},28.9712,2026-11-20\n" for n in range(3))
    )
    code, out, err = run(
        "--cells", city / "cells.csv", "--complaints", city / "complaints.csv", "--resolution-cm", "5",
        "--first-day", "2026-11-23", "--json",
    )  # fmt: skip

    assert code == 0, err
    names = [case["id"] for flight in json.loads(out)["flights"] for case in flight["cases"]]
    assert sorted(names) == ["cell A1", "hot-spot of 3 complaints since t0"]


def test_more_overdue_cells_than_one_plan_holds_wait_the_least_urgent_first(city, run, monkeypatch):
    monkeypatch.setattr("flyonce.cli.reflight.MOST_TARGETS", 2)
    rows = [f"A{n},118.85{n},28.962,60,2026-11-0{n},{n}" for n in (1, 2, 3)]
    (city / "cells.csv").write_text("\n".join(["cell,lon,lat,size_m,last_seen_on,priority", *rows]))

    code, out, err = run("--cells", city / "cells.csv", "--first-day", "2026-11-23", "--resolution-cm", "5", "--json")

    assert code == 0, err
    told = json.loads(out)
    assert sorted(case["id"] for flight in told["flights"] for case in flight["cases"]) == ["cell A2", "cell A3"]
    assert told["left_for_later"] == ["cell A1"]


def test_with_one_flight_the_least_urgent_wait(city, run):
    code, out, err = run(city / "cases.json", "--most-flights", "1", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert len(told["flights"]) == 1
    planned = {case["id"] for case in told["flights"][0]["cases"]}
    assert "b1" in planned
    assert set(told["left_for_later"]) == {"a1", "a2", "b1"} - planned


def a_case(number, lon, lat, state=CaseState.PENDING_VERIFY, **changes):
    at = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
    return {
        "case_id": f"id-{number}", "number": number, "matter": "waterlogging.road", "family": "waterlogging",
        "label": "standing_water", "state": state.value, "colour": "yellow", "confidence": 0.9, "lon": lon, "lat": lat,
        "cov_ee_m2": 4.0, "cov_en_m2": 0.0, "cov_nn_m2": 1.0, "zones": [], "first_seen_at": at, "last_seen_at": at,
        "frames": 9, "observations": 1, "review_reasons": [], "suggestions": [], "repeats": 0, "refusals": 0,
        "reworks": 0, "reporters": [], "created_at": at, "extent_m2": 40.0,
        "verify_deadline_at": datetime(2026, 11, 25, 17, 0, tzinfo=UTC), **changes,
    }  # fmt: skip


def test_cases_of_a_store_that_wait_to_be_verified_are_flown_to(city, run):
    url = f"sqlite:///{city / 'city.db'}"
    with open_store(url, create=True) as store:
        for row in (
            a_case("QZ-1", 118.853, 28.961),
            a_case("QZ-2", 118.897, 28.972, colour="red"),
            a_case("QZ-3", 118.86, 28.96, state=CaseState.OPENED),
        ):
            store.write(lambda connection, row=row: insert_case(connection, row))

    code, out, err = run("--store", url, "--first-day", "2026-11-23", "--json")

    assert code == 0, err
    told = json.loads(out)
    assert [[case["id"] for case in flight["cases"]] for flight in told["flights"]] == [["QZ-2"], ["QZ-1"]]


def test_a_store_s_case_has_its_ellipse_its_size_and_its_deadline(city):
    from zoneinfo import ZoneInfo

    from flyonce.waiting_cases import waiting_cases

    url = f"sqlite:///{city / 'city.db'}"
    with open_store(url, create=True) as store:
        store.write(lambda connection: insert_case(connection, a_case("QZ-1", 118.853, 28.961)))
    (target,) = waiting_cases(url, view="nadir", resolution_m=0.02, time_zone=ZoneInfo("Asia/Shanghai"))

    assert (target.target_id, target.lon, target.lat, target.priority) == ("QZ-1", 118.853, 28.961, 5)
    own_m = np.sqrt(40.0 / np.pi)
    assert target.spread.half_length_m == pytest.approx(2 * 2.4477 + own_m, abs=1e-3)
    assert target.spread.half_width_m == pytest.approx(2.4477 + own_m, abs=1e-3)
    assert target.spread.bearing_deg == pytest.approx(90.0)
    # In Quzhou it is the next day already.
    assert target.due_on.isoformat() == "2026-11-26"


def test_an_unlawful_flight_is_a_draft_only(city, run):
    ring = [[118.896, 28.971], [118.898, 28.971], [118.898, 28.973], [118.896, 28.973], [118.896, 28.971]]
    zone = {
        "type": "Feature",
        "properties": {"kind": "controlled", "name": "river port", "floor_m": 0, "heights_above": "agl"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    (city / "air.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [zone]}))
    code, _, err = run(city / "cases.json", "--airspace", city / "air.geojson")

    assert code == 1, err
    assert "drafts only" in err, err
    assert (city / "out" / "missions" / "西站" / "西站-refly-01.draft.geojson").is_file()
    assert not (city / "out" / "missions" / "西站" / "西站-refly-01.plan").exists()
    assert (city / "out" / "missions" / "东站" / "东站-refly-01.plan").is_file()


def test_what_cannot_be_flown_to_is_named_and_the_rest_is_planned(city, run):
    far = {"id": "far", "lon": 119.2, "lat": 28.96, "radius_m": 5}
    (city / "cases.json").write_text(json.dumps([*CASES, far]))
    code, _, err = run(city / "cases.json")

    assert code == 2
    assert "far: it lies farther from every dock" in err
    assert (city / "out" / "plan.json").is_file()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((), "something to look at again"),
        (("none.json",), "no such file"),
        (("cases.json", "--altitude-m", "20"), "heights of 30 to 20 m"),
        (("cases.json", "--altitude-m", "nan"), "no finite number"),
        (("cases.json", "--altitude-m", "150"), "exceeds 120 m"),
        (("cases.json", "--resolution-cm", "0"), "0 cm per pixel are out of range"),
        (("cases.json", "--resolution-cm", "1e9"), "1e+09 cm per pixel are out of range"),
        (("cases.json", "--pitch-deg", "10"), "no oblique view"),
        (("cases.json", "--most-flights", "0"), "0 flights are none"),
        (("cases.json", "--no-fly", "none.kml"), "no such file"),
        (("cases.json", "--terrain", "none.tif"), "none.tif"),
        (("cases.json", "--first-day", "9999-12-31"), "is no day to fly on"),
        (("bad.json",), "give one of ellipse, covariance and radius_m"),
        (("fast.json", "--vehicle", "m3d"), "18 m/s is no speed"),
        (("cases.json", "--vehicle", "kite"), "vehicle 'kite' is not known"),
    ],
)
def test_what_cannot_be_is_one_line_and_no_file(city, run, monkeypatch, words, problem):
    monkeypatch.chdir(city)
    (city / "bad.json").write_text('[{"id": "x", "lon": 118.85, "lat": 28.96}]')
    (city / "fast.json").write_text(json.dumps(CASES))
    if words[:1] == ("fast.json",):
        text = FLEET.replace("camera:", "speed_m_s: 18, camera:")
        (city / "fleet.yaml").write_text(text, encoding="utf-8")
    code, out, err = run(*words)

    assert (code, out) == (2, "")
    assert problem in err
    assert "Traceback" not in err
    assert not (city / "out").exists()


def test_missions_of_an_earlier_plan_are_not_mixed_with_new_ones(city, run):
    assert run(city / "cases.json")[0] == 0
    code, _, err = run(city / "cases.json")
    assert code == 2
    assert "missions of an earlier plan" in err


def test_nothing_to_look_at_is_no_plan(city, run):
    (city / "cells.csv").write_text("cell,lon,lat,size_m,last_seen_on\nA1,118.851,28.962,60,2026-11-22\n")
    code, out, err = run("--cells", city / "cells.csv", "--first-day", "2026-11-23", "--json")
    assert code == 0
    assert json.loads(out)["flights"] == []
    assert "nothing waits" in err
    assert not (city / "out").exists()


PLANS = """\
holidays: [2026-10-01]
plans:
  - {name: 江边, area: river.geojson, first_day: 2026-09-01, weekdays: [mon, thu]}
  - {name: yards, area: yards.kml, first_day: 2026-09-28, every_days: 2}
"""


def test_the_plans_that_are_due_are_told_by_day(city, run):
    (city / "plans.yaml").write_text(PLANS, encoding="utf-8")

    code, out, err = run(city / "plans.yaml", "--from", "2026-09-28", "--days", "7", "--json", command="due")

    assert code == 0, err
    assert [(one["day"], one["name"]) for one in json.loads(out)["due"]] == [
        ("2026-09-28", "yards"), ("2026-09-28", "江边"), ("2026-09-30", "yards"), ("2026-10-02", "yards"),
        ("2026-10-04", "yards"),
    ]  # fmt: skip
    assert "no plan is due" in run(city / "plans.yaml", "--from", "2020-01-01", command="due")[2]
    assert "Mon 2026-09-28 江边 river.geojson" in run(city / "plans.yaml", "--from", "2026-09-28", command="due")[2]
    assert "is no day" in run(city / "plans.yaml", "--from", "0001-01-01", command="due")[2]
    (city / "plans.yaml").write_text("plans: []")
    assert run(city / "plans.yaml", command="due")[0] == 2
