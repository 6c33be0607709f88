"""Masts, towers, cranes and cables: read from maps, kept clear of, and carried by plans."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import shapely
from flight_builders import FRAME, a_mission, a_waypoint, lonlat, the_items
from flight_ground import HOME_M, a_model

from flightplan.errors import CannotPlan, InvalidMission
from flightplan.files import read_mission
from flightplan.files.obstacles import read_obstacles
from flightplan.files.qgc_plan import write_plan
from flightplan.flying.flight_log import BreakPoint
from flightplan.ground.obstacles import Obstacle
from flightplan.mission.items import LandHere, ReturnHome, SetSpeed, TakeOff
from flightplan.mission.remaining import remaining_mission
from flightplan.mission.return_height import return_height_m
from geo.errors import InputFileError

HOME_ALT_M = 71.5


def a_tower(east_m, north_m, height_m=80.0, half_m=2.0):
    box = shapely.box(east_m - half_m, north_m - half_m, east_m + half_m, north_m + half_m)
    corners = FRAME.lonlat_from_en(shapely.get_coordinates(box)[:-1]).tolist()
    outline = tuple((lon, lat) for lon, lat in corners)
    return Obstacle(name="tower", outline=outline, top_msl_m=HOME_ALT_M + height_m)


def flown_past(*towers, items=None):
    return a_mission(items or the_items(), obstacles=towers)


@pytest.mark.parametrize(
    ("tower", "is_clear"),
    [
        # The first row leads from 100 100 to 100 300, 60 m above home.
        (a_tower(100.0, 200.0), False),
        (a_tower(84.0, 200.0), False),
        (a_tower(82.0, 200.0), True),
        (a_tower(100.0, 200.0, height_m=46.0), False),
        (a_tower(100.0, 200.0, height_m=44.0), True),
        # Take-off is a column from the ground, however low the obstacle.
        (a_tower(-10.0, -10.0, height_m=3.0), False),
        (a_tower(-20.0, -20.0, height_m=3.0), True),
        # The way home leads from 160 100.
        (a_tower(80.0, 50.0), False),
    ],
)
def test_no_leg_passes_an_obstacle_closer_than_15_m_beside_or_over_it(tower, is_clear):
    if is_clear:
        assert flown_past(tower).obstacles == (tower,)
        return
    with pytest.raises(InvalidMission) as refused:
        flown_past(tower)
    (breach,) = refused.value.violations
    assert breach.rule == "obstacle"
    assert "tower" in breach.problem
    assert "closer than 15 m" in breach.problem


def test_the_column_over_another_landing_place_counts():
    items = [*the_items()[:-1], LandHere()]
    low = a_tower(165.0, 90.0, height_m=5.0)

    assert flown_past(low).obstacles
    with pytest.raises(InvalidMission):
        flown_past(low, items=items)


def test_between_the_samples_of_a_climbing_leg_the_lower_end_counts():
    climbing = (TakeOff(alt_home_m=20.0), SetSpeed(speed_m_s=10.0), a_waypoint(0.0, 200.0, 20.0))
    items = (*climbing, a_waypoint(200.0, 200.0, 100.0), ReturnHome())

    assert flown_past(a_tower(165.0, 200.0, height_m=60.0), items=items).obstacles
    with pytest.raises(InvalidMission):
        flown_past(a_tower(100.0, 200.0, height_m=60.0), items=items)


def test_a_plan_file_carries_what_its_flight_keeps_clear_of(tmp_path):
    mission = flown_past(a_tower(130.0, 200.0))
    write_plan(tmp_path / "m.plan", mission)
    read = read_mission(tmp_path / "m.plan")

    assert read.obstacles == mission.obstacles
    assert return_height_m(read) == 110.0
    document = json.loads((tmp_path / "m.plan").read_text())
    outline = document["flyonce"]["obstacles"][0]["outline"]
    crossed = [outline[0], outline[2], outline[1], outline[3]]
    for obstacles in ([{"name": "a", "topMslM": "high", "outline": outline}], {}, [7], [{"name": "a"}],
                      [{"name": "a", "topMslM": 90, "outline": crossed}]):  # fmt: skip
        document["flyonce"]["obstacles"] = obstacles
        (tmp_path / "m.plan").write_text(json.dumps(document))
        with pytest.raises(InputFileError, match=r"flyonce\.obstacles"):
            read_mission(tmp_path / "m.plan")


def test_the_straight_way_to_a_break_point_is_held_against_obstacles():
    mission = flown_past(a_tower(50.0, 100.0))
    lon, lat = lonlat(100.0, 200.0)

    with pytest.raises(InvalidMission, match="tower"):
        remaining_mission(mission, BreakPoint(item=6, lon=lon, lat=lat, alt_home_m=60.0))


def a_map(folder, *features):
    shapes = []
    for kind, places_en, properties in features:
        places = FRAME.lonlat_from_en(np.array(places_en, dtype=float)).tolist()
        coordinates = {"Point": places[0], "LineString": places, "Polygon": [places]}[kind]
        geometry = {"type": kind, "coordinates": coordinates}
        shapes.append({"type": "Feature", "properties": properties, "geometry": geometry})
    path = folder / "obstacles.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": shapes}))
    return path


def metres(ground):
    return FRAME.local_polygon(ground)


def test_points_lines_and_polygons_stand_on_the_ground(tmp_path):
    square = [(0, 0), (10, 0), (10, 10), (0, 10), (0, 0)]
    path = a_map(
        tmp_path,
        ("Point", [(100, 100)], {"name": "mast", "height_m": 45}),
        ("Point", [(200, 100)], {"height_m": "45.5", "radius_m": 8}),
        ("LineString", [(0, 0), (100, 0)], {"name": "cable", "height_m": 30}),
        ("Polygon", square, {"name": "block", "height_m": 20, "levels": 6}),
    )
    mast, crane, cable, block = read_obstacles([path])

    assert (mast.name, mast.height_m, crane.name) == ("mast", 45.0, "feature 2")
    assert metres(mast.ground).area == pytest.approx(np.pi * 9, rel=0.05)
    assert metres(crane.ground).area == pytest.approx(np.pi * 64, rel=0.05)
    assert metres(cable.ground).area == pytest.approx(600 + np.pi * 9, rel=0.02)
    assert metres(block.ground).area == pytest.approx(100, rel=0.01)
    assert mast.seen_from(70.0, None).top_msl_m == 115.0


def test_over_terrain_a_top_is_above_the_highest_ground_beneath(tmp_path):
    slope = a_model(tmp_path / "slope.tif", lambda east, north: HOME_M + 0.2 * east + 0.0 * north)
    square = [(100, 0), (200, 0), (200, 10), (100, 10), (100, 0)]
    (block,) = read_obstacles([a_map(tmp_path, ("Polygon", square, {"height_m": 20}))])

    assert block.seen_from(0.0, slope).top_msl_m == pytest.approx(HOME_M + 40 + 20, abs=1.0)
    assert block.above_ground_m(slope) == pytest.approx(40, abs=1.5)


def test_a_top_above_the_sea_needs_to_know_the_ground(tmp_path):
    slope = a_model(tmp_path / "slope.tif", lambda east, north: HOME_M + 0.0 * east + 0.0 * north)
    (mast,) = read_obstacles([a_map(tmp_path, ("Point", [(50, 0)], {"top_msl_m": HOME_M + 60}))])

    assert mast.above_ground_m(slope) == pytest.approx(60.0, abs=0.5)
    with pytest.raises(CannotPlan, match="Give --terrain"):
        mast.seen_from(70.0, None)


@pytest.mark.parametrize(
    ("kind", "properties", "said"),
    [
        ("Point", {}, "feature 1: give one of height_m and top_msl_m"),
        ("Point", {"height_m": 20, "top_msl_m": 90}, "give one of"),
        ("Point", {"height": 20}, "feature 1 > height: this is not a property of ours; is height_m meant?"),
        ("Point", {"height_m": True}, "is no number of metres"),
        ("Point", {"height_m": "high"}, "'high' is no number of metres"),
        ("Point", {"height_m": "nan"}, "height_m must be above 0"),
        ("Point", {"height_m": -3}, "height_m must be above 0"),
        ("Point", {"height_m": 10, "radius_m": 0}, "feature 1 > radius_m"),
        ("Polygon", {"height_m": 10}, "its outline cannot be used"),
        ("LineString", {"height_m": 10}, "more than 1° wide; cut it to the city"),
    ],
)
def test_obstacles_that_do_not_fit_are_refused_with_file_feature_and_remedy(tmp_path, kind, properties, said):
    far = 10 if kind == "Polygon" else 200_000
    bow = [(0, 0), (10, far), (10, 0), (0, 10), (0, 0)]
    with pytest.raises(InputFileError) as refused:
        read_obstacles([a_map(tmp_path, (kind, bow, properties))])

    assert said in str(refused.value)
    assert "obstacles.geojson" in str(refused.value)


def test_a_mission_beyond_all_obstacles_is_not_slowed_by_thousands(tmp_path):
    towers = tuple(a_tower(1_000.0 + 10 * number, 1_000.0) for number in range(2_000))

    assert len(replace(a_mission(), obstacles=towers).obstacles) == 2_000
