from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from flight_builders import LAT, LON, a_mission, a_plan, a_waypoint, the_items
from hypothesis import given, settings
from hypothesis import strategies as st
from pymavlink import mavwp

from flightplan.errors import InputFileError, InvalidMission
from flightplan.files import (
    read_mission,
    read_plan,
    read_waypoints,
    write_geojson,
    write_plan,
    write_waypoints,
)
from flightplan.link.mavlink import Autopilot
from flightplan.mission.limits import FlightLimits
from flightplan.mission.mission import PhotosByDistance, PhotosOff, PointCamera, ReturnHome, SetSpeed, TakeOff

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
WRITERS = {".plan": write_plan, ".waypoints": write_waypoints}


@st.composite
def missions(draw):
    height = draw(st.floats(10.0, 120.0))
    items = [TakeOff(alt_home_m=height), SetSpeed(speed_m_s=draw(st.floats(1.0, 15.0)))]
    items.append(PointCamera(pitch_deg=draw(st.floats(-90.0, 0.0))))
    for _ in range(draw(st.integers(1, 6))):
        items.append(a_waypoint(draw(st.floats(-900, 900)), draw(st.floats(-900, 900)), draw(st.floats(5.0, 120.0))))
        items.append(PhotosByDistance(distance_m=draw(st.floats(20.0, 90.0)), at_once=draw(st.booleans())))
        items.append(a_waypoint(draw(st.floats(-900, 900)), draw(st.floats(-900, 900)), height))
        items.append(PhotosOff())
    return a_mission([*items, ReturnHome()], limits=FlightLimits(max_duration_s=1e5))


def assert_same(one, other):
    assert [type(item) for item in one.items] == [type(item) for item in other.items]
    assert (other.home.lon, other.home.lat) == pytest.approx((one.home.lon, one.home.lat), abs=1e-7)
    assert other.home.alt_msl_m == pytest.approx(one.home.alt_msl_m, abs=1e-6)
    for mine, theirs in zip(one.items, other.items, strict=True):
        for name in mine.__dataclass_fields__:
            expected = getattr(mine, name)
            if isinstance(expected, float):
                expected = pytest.approx(expected, abs=1e-7 if name in ("lon", "lat") else 1e-6)
            assert getattr(theirs, name) == expected, name


@settings(max_examples=20, deadline=None)
@given(mission=missions())
@pytest.mark.parametrize("ending", WRITERS)
def test_a_mission_survives_its_file(tmp_path_factory, ending, mission):
    path = tmp_path_factory.mktemp("files") / f"mission{ending}"

    WRITERS[ending](path, mission)

    assert_same(mission, read_mission(path, mission.limits))


@pytest.mark.parametrize("ending", WRITERS)
def test_the_golden_file_is_written_to_the_letter(tmp_path, ending):
    path = tmp_path / f"mission{ending}"

    WRITERS[ending](path, a_mission())

    assert path.read_text() == (GOLDEN / f"mission{ending}").read_text()


def test_pymavlink_reads_the_golden_waypoints_with_latitude_and_longitude_in_place():
    loader = mavwp.MAVWPLoader()

    count = loader.load(str(GOLDEN / "mission.waypoints"))

    assert count == 13
    assert (loader.wp(0).x, loader.wp(0).y, loader.wp(0).z) == (LAT, LON, 71.5)
    assert [loader.wp(number).command for number in range(13)] == [
        16,
        22,
        178,
        1000,
        16,
        206,
        16,
        206,
        16,
        206,
        16,
        206,
        20,
    ]
    first = a_mission().waypoints[0]
    assert (loader.wp(4).x, loader.wp(4).y) == pytest.approx((first.lat, first.lon), abs=1e-7)
    assert (loader.wp(4).frame, loader.wp(4).z) == (3, 60.0)


def test_a_plan_has_latitude_before_longitude_where_qgroundcontrol_wants_it():
    document = json.loads((GOLDEN / "mission.plan").read_text())

    assert document["mission"]["plannedHomePosition"] == [LAT, LON, 71.5]
    params = document["mission"]["items"][3]["params"]
    assert params[4] == pytest.approx(28.94, abs=0.01)
    assert params[5] == pytest.approx(118.87, abs=0.01)


def test_a_plan_for_px4_has_null_for_what_the_vehicle_decides(tmp_path):
    write_plan(tmp_path / "px4.plan", a_mission(), Autopilot.PX4)

    document = json.loads((tmp_path / "px4.plan").read_text())
    assert document["mission"]["firmwareType"] == 12
    assert document["mission"]["items"][0]["command"] == 22
    assert document["mission"]["items"][0]["params"][3] is None
    assert_same(a_mission(), read_plan(tmp_path / "px4.plan"))


def test_a_survey_item_of_qgroundcontrol_is_read_by_its_stored_waypoints(tmp_path):
    document = json.loads((GOLDEN / "mission.plan").read_text())
    items = document["mission"]["items"]
    survey = {
        "type": "ComplexItem",
        "complexItemType": "survey",
        "TransectStyleComplexItem": {"version": 1, "Items": items[3:-1]},
    }
    document["mission"]["items"] = [*items[:3], survey, items[-1]]
    path = tmp_path / "survey.plan"
    path.write_text(json.dumps(document))

    assert_same(a_mission(), read_plan(path))


def plan_with(tmp_path, change):
    document = json.loads((GOLDEN / "mission.plan").read_text())
    change(document)
    path = tmp_path / "changed.plan"
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(
    ("change", "place", "problem"),
    [
        (lambda d: d.update(fileType="Survey"), "", "not a QGroundControl plan"),
        (lambda d: d["mission"].update(version=1), "mission.version", "version 1 is not supported"),
        (lambda d: d["mission"].pop("items"), "mission.items", "the list is missing"),
        (lambda d: d["mission"].update(plannedHomePosition=None), "plannedHomePosition", "not a position"),
        (lambda d: d["mission"]["items"][3].update(command=19), "item 4", "this command is not flown"),
        (lambda d: d["mission"]["items"][3].update(params=[0, 0]), "items[3]", "2 parameters instead of 7"),
        (lambda d: d["mission"]["items"][3].update(params=[0, 0, 0, 0, LON, LAT, 60]), "items[3]", "out of range"),
        (lambda d: d["mission"]["items"][3].update(params=[0, 0, 0, 0, None, LON, 60]), "items[3]", "not finite"),
        (lambda d: d["mission"]["items"].insert(1, {"type": "ComplexItem"}), "items[1]", "without stored waypoints"),
    ],
)
def test_a_plan_that_cannot_be_flown_is_refused_with_its_place(tmp_path, change, place, problem):
    path = plan_with(tmp_path, change)

    with pytest.raises(InputFileError) as refused:
        read_plan(path)

    assert str(path) in str(refused.value)
    assert place in str(refused.value)
    assert problem in str(refused.value)


def test_a_plan_that_breaks_a_limit_is_no_mission(tmp_path):
    def too_high(document):
        document["mission"]["items"][3]["params"][6] = 400

    with pytest.raises(InvalidMission, match=r"400\.0 m above ground exceeds 120 m"):
        read_plan(plan_with(tmp_path, too_high))


@pytest.mark.parametrize(
    ("change", "place", "problem"),
    [
        (lambda lines: [], "", "empty"),
        (lambda lines: ["QGC WPL 120", *lines[1:]], "line 1", "does not begin with"),
        (lambda lines: lines[:1], "", "no items"),
        (lambda lines: [*lines[:5], lines[5][:40]], "line 6", "columns instead of 12"),
        (lambda lines: [*lines[:5], lines[5].replace("28.9", "x")], "line 6", "could not convert"),
        (lambda lines: [*lines[:5], lines[5].replace("\t0.00000000", "\t1e999", 1)], "line 6", "infinite"),
        (lambda lines: [*lines[:5], *lines[6:]], "line 6", "item 5 stands where item 4 is due"),
        (lambda lines: [line.replace("\t178\t", "\t177\t") for line in lines], "line 4", "not flown"),
    ],
)
def test_waypoints_that_cannot_be_flown_are_refused_with_their_line(tmp_path, change, place, problem):
    path = tmp_path / "changed.waypoints"
    path.write_text("\n".join(change((GOLDEN / "mission.waypoints").read_text().splitlines())))

    with pytest.raises(InputFileError) as refused:
        read_waypoints(path)

    assert str(path) in str(refused.value)
    assert place in str(refused.value)
    assert problem in str(refused.value)


def test_a_cut_off_plan_is_refused(tmp_path):
    path = tmp_path / "half.plan"
    path.write_text((GOLDEN / "mission.plan").read_text()[:900])

    with pytest.raises(InputFileError, match=r"half\.plan, line \d+, column \d+: this is not JSON"):
        read_plan(path)


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(InputFileError, match=r"\.kml is not a mission file"):
        read_mission(tmp_path / "mission.kml")


def test_the_geojson_of_a_plan_shows_area_path_home_and_photos(tmp_path):
    plan = a_plan()

    write_geojson(tmp_path / "m.geojson", plan)

    document = json.loads((tmp_path / "m.geojson").read_text())
    kinds = {feature["properties"]["kind"]: feature for feature in document["features"]}
    assert set(kinds) == {"area", "home", "path", "photos"}
    assert kinds["home"]["geometry"]["coordinates"] == [LON, LAT]
    assert kinds["path"]["geometry"]["coordinates"][0] == [LON, LAT]
    assert len(kinds["photos"]["geometry"]["coordinates"]) == plan.figures[0].photos
    assert all(math.isclose(lon, LON, abs_tol=0.01) for lon, _ in kinds["photos"]["geometry"]["coordinates"])


def test_writing_leaves_no_draft_behind(tmp_path):
    write_plan(tmp_path / "deep" / "mission.plan", a_mission(the_items()))

    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["mission.plan"]
