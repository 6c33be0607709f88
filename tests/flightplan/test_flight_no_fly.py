"""Several areas at once, and places that nobody may fly over."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from flight_builders import CAMERA, FRAME, an_area, lonlat, what_is_seen
from shapely.geometry import LineString, MultiPolygon, box

from flightplan.coverage.survey import plan_coverage
from flightplan.errors import CannotPlan, InputFileError
from flightplan.ground.area import PatrolArea

HEIGHT_M = 80.0


def a_plan_around(area_en, *no_fly_en, home_en=(-100.0, -100.0), **options):
    no_fly = [shapely.transform(place, FRAME.lonlat_from_en) for place in no_fly_en]
    return plan_coverage(
        an_area(area_en), CAMERA, HEIGHT_M, 0.7, 0.6, home_lonlat=lonlat(*home_en), no_fly=no_fly, **options
    )


def metres_over(plan, places_en):
    paths = [LineString(FRAME.en_from_lonlat(np.array(mission.path_lonlat()))) for mission in plan.missions]
    return sum(path.intersection(places_en).length for path in paths)


def test_several_areas_are_flown_in_one_go_each_in_its_own_direction():
    east_west, north_south = box(0, 0, 600, 90), box(700, 0, 790, 600)

    plan = a_plan_around(MultiPolygon([east_west, north_south]))

    assert len(plan.missions) == 1
    assert plan.coverage.seen_once == 1.0
    for part in (east_west, north_south):
        assert what_is_seen(plan, part, HEIGHT_M).once == 1.0
    alone = [a_plan_around(part).figures[0].duration_s for part in (east_west, north_south)]
    assert plan.figures[0].duration_s < sum(alone)


def test_areas_are_flown_in_an_order_that_does_not_run_to_and_fro():
    boxes = [box(x, 0, x + 80, 80) for x in (0, 400, 200, 600, 800, 1000)]

    plan = a_plan_around(MultiPolygon(boxes))

    # There and back again, and no more than the rows within each.
    assert sum(figures.length_m for figures in plan.figures) < 2 * 1_200 + 6 * 400


def test_a_place_in_the_middle_is_flown_round_and_left_out():
    area, shut = box(0, 0, 500, 400), box(200, 150, 300, 250)

    plan = a_plan_around(area, shut)

    assert metres_over(plan, shut.buffer(2.9)) == 0.0
    assert what_is_seen(plan, area.difference(shut), HEIGHT_M).once == 1.0
    assert plan.left_out_m2 == pytest.approx(10_000, rel=1e-3)


def test_a_place_between_home_and_area_is_flown_round_on_the_way_there_and_back():
    wall = box(-60, -300, -40, 500)

    plan = a_plan_around(box(0, 0, 300, 200), wall, home_en=(-100.0, 100.0))

    assert metres_over(plan, wall) == 0.0
    assert plan.left_out_m2 == 0.0
    assert what_is_seen(plan, box(0, 0, 300, 200), HEIGHT_M).once == 1.0


def test_an_area_cut_in_two_is_flown_on_both_sides():
    area, strip = box(0, 0, 600, 300), box(280, -50, 320, 350)

    plan = a_plan_around(area, strip)

    assert metres_over(plan, strip) == 0.0
    for part in shapely.get_parts(area.difference(strip)):
        assert what_is_seen(plan, part, HEIGHT_M).once == 1.0


def test_what_is_shut_in_on_all_sides_is_left_out_and_told():
    ring = box(200, 100, 400, 300).difference(box(230, 130, 370, 270))

    plan = a_plan_around(box(0, 0, 600, 400), ring)

    assert metres_over(plan, box(200, 100, 400, 300)) == 0.0
    assert plan.left_out_m2 == pytest.approx(200 * 200, rel=0.01)
    assert plan.coverage.seen_once == 1.0


def test_home_shut_in_with_the_area_stays_inside():
    ring = box(-200, -200, 800, 800).difference(box(-150, -150, 500, 500))

    plan = a_plan_around(box(0, 0, 300, 300), ring)

    assert metres_over(plan, ring) == 0.0
    assert plan.coverage.seen_once == 1.0


def test_home_in_a_no_fly_area_is_refused():
    with pytest.raises(CannotPlan, match="home lies in a no-fly area"):
        a_plan_around(box(0, 0, 300, 300), box(-150, -150, -50, -50))


def test_an_area_all_of_which_is_shut_is_refused():
    with pytest.raises(CannotPlan, match="all of the area lies in no-fly areas"):
        a_plan_around(box(0, 0, 300, 300), box(-10, -10, 310, 310))


def test_no_fly_places_are_read_however_small_and_refused_when_they_cross_themselves(tmp_path):
    path = tmp_path / "mast.geojson"
    mast = [[118.87, 28.93], [118.87001, 28.93], [118.87, 28.93001], [118.87, 28.93]]
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [mast]}))
    assert len(PatrolArea.shapes_of_geojson(path)) == 1

    bow_tie = '{"type": "Polygon", "coordinates": [[[1, 1], [2, 2], [2, 1], [1, 2], [1, 1]]]}'
    path.write_text(bow_tie)
    with pytest.raises(InputFileError, match="crosses itself"):
        PatrolArea.shapes_of_geojson(path)
