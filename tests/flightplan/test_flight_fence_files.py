"""Fence and rally points in QGroundControl's plans, with latitude and longitude where nobody can mistake them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from flight_builders import FRAME, LAT, LON, a_mission, lonlat

from flightplan.errors import CannotPlan, InputFileError, InvalidMission
from flightplan.files import read_plan, write_plan
from flightplan.mission.fence import Fence, RallyPoint
from flightplan.mission.mission import Mission

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def box(west_m, south_m, east_m, north_m):
    corners = ((west_m, south_m), (east_m, south_m), (east_m, north_m), (west_m, north_m))
    return tuple((round(lon, 7), round(lat, 7)) for lon, lat in (lonlat(*corner) for corner in corners))


def a_fenced_mission():
    bare = a_mission()
    return Mission(
        name=bare.name,
        home=bare.home,
        items=bare.items,
        limits=bare.limits,
        fence=Fence(inside=(box(-100, -100, 400, 500),), outside=(box(250, 0, 320, 90),)),
        rally=(RallyPoint(lon=LON + 0.001, lat=LAT, alt_home_m=40.0),),
    )


def changed(tmp_path, change):
    document = json.loads((GOLDEN / "fenced.plan").read_text())
    change(document)
    path = tmp_path / "changed.plan"
    path.write_text(json.dumps(document))
    return path


def test_the_golden_plan_with_a_fence_is_written_to_the_letter(tmp_path):
    write_plan(tmp_path / "fenced.plan", a_fenced_mission())

    assert (tmp_path / "fenced.plan").read_text() == (GOLDEN / "fenced.plan").read_text()


def test_a_fence_and_rally_points_survive_their_file():
    mission = read_plan(GOLDEN / "fenced.plan")

    assert mission.fence == a_fenced_mission().fence
    assert mission.rally == a_fenced_mission().rally


def test_every_corner_of_the_fence_has_latitude_first_as_qgroundcontrol_wants_it():
    document = json.loads((GOLDEN / "fenced.plan").read_text())
    polygons = document["geoFence"]["polygons"]

    assert [polygon["inclusion"] for polygon in polygons] == [True, False]
    places = [corner for polygon in polygons for corner in polygon["polygon"]]
    places += document["rallyPoints"]["points"]
    assert len(places) == 9
    for lat, lon, *_ in places:
        # A swap would put the corner beyond the pole.
        assert lat == pytest.approx(28.94, abs=0.01)
        assert lon == pytest.approx(118.87, abs=0.01)


def test_keys_that_nobody_here_knows_are_passed_over(tmp_path):
    def more(document):
        document["theirs"] = {"deep": [1, {"er": None}]}
        document["geoFence"]["breachReturn"] = [LAT, LON, 30]
        document["geoFence"]["polygons"][0]["colour"] = "red"
        document["mission"]["items"][3]["AMSLAltAboveTerrain"] = 131.5

    assert read_plan(changed(tmp_path, more)).fence == a_fenced_mission().fence


@pytest.mark.parametrize(("inclusion", "side"), [(True, -1), (False, 1)])
def test_a_circle_becomes_a_polygon_on_its_safe_side(tmp_path, inclusion, side):
    lon, lat = lonlat(130, 200) if inclusion else lonlat(900, 900)
    circle = {"circle": {"center": [lat, lon], "radius": 400.0}, "inclusion": inclusion, "version": 1}

    mission = read_plan(changed(tmp_path, lambda document: document["geoFence"].update(polygons=[], circles=[circle])))

    (ring,) = mission.fence.inside or mission.fence.outside
    centre = FRAME.en_from_lonlat(np.array([[lon, lat]]))[0]
    corners = FRAME.en_from_lonlat(np.array(ring)) - centre
    middles = (corners + np.roll(corners, 1, axis=0)) / 2
    reach = corners if side < 0 else middles
    assert np.hypot(*reach.T) == pytest.approx(400.0, abs=0.1)
    assert np.hypot(*(middles if side < 0 else corners).T) == pytest.approx(
        400.0 * (math.cos(math.pi / 24) if side < 0 else 1 / math.cos(math.pi / 24)), abs=0.1
    )


@pytest.mark.parametrize(
    ("change", "place", "problem"),
    [
        (lambda d: d["geoFence"].update(version=3), "geoFence.version", "version 3 is not supported"),
        (lambda d: d.update(geoFence=[]), "geoFence.version", "version None"),
        (lambda d: d["geoFence"]["polygons"][0].pop("inclusion"), "polygons[0]", "inside or outside"),
        (lambda d: d["geoFence"]["polygons"][1].update(polygon=[[LAT, LON]]), "geoFence", "fewer than three corners"),
        (lambda d: d["geoFence"]["polygons"][1].update(polygon=7), "polygons[1]", "list is missing"),
        (lambda d: d["geoFence"]["polygons"][0]["polygon"].insert(1, [LON, LAT]), "polygons[0]", "out of range"),
        (lambda d: d["geoFence"]["polygons"][0]["polygon"].insert(1, [LAT, None]), "polygons[0]", "is no place"),
        (lambda d: d["geoFence"].update(circles=[{"inclusion": True, "circle": {}}]), "circles[0]", "no radius"),
        (lambda d: d["rallyPoints"].update(version=9), "rallyPoints.version", "version 9"),
        (lambda d: d["rallyPoints"].update(points=[[LON, LAT, 3]]), "rallyPoints.points[0]", "out of range"),
    ],
)
def test_a_fence_that_cannot_be_kept_is_refused_with_its_place(tmp_path, change, place, problem):
    with pytest.raises(InputFileError) as refused:
        read_plan(changed(tmp_path, change))

    assert place in refused.value.place
    assert problem in str(refused.value)


def test_a_plan_that_leaves_its_own_fence_is_no_mission(tmp_path):
    def tight(document):
        document["geoFence"]["polygons"][0]["polygon"][2][0] = LAT + 0.001

    with pytest.raises(InvalidMission, match="leaves the fence"):
        read_plan(changed(tmp_path, tight))


def test_a_fence_of_more_corners_than_the_vehicle_keeps_is_no_mission(tmp_path):
    corners = [lonlat(150 + 500 * math.sin(n / 15), 200 + 500 * math.cos(n / 15)) for n in range(90)]
    ring = {"inclusion": True, "version": 1, "polygon": [[lat, lon] for lon, lat in corners]}

    with pytest.raises(InvalidMission, match="90"):
        read_plan(changed(tmp_path, lambda document: document["geoFence"].update(polygons=[ring])))


def test_a_number_of_thousands_of_digits_is_refused(tmp_path):
    path = tmp_path / "digits.plan"
    path.write_text((GOLDEN / "fenced.plan").read_text().replace("71.5", "7" * 5000))

    with pytest.raises(InputFileError, match="thousands of digits"):
        read_plan(path)


def test_a_fence_without_a_ring_is_no_fence():
    with pytest.raises(CannotPlan, match="fences nothing"):
        Fence()
