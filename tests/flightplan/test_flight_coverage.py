from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
import shapely.affinity
from flight_builders import CAMERA, FRAME, LAT, LON, a_plan, a_square, an_area, lonlat, what_is_seen
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon

from flightplan.coverage.survey import plan_coverage
from flightplan.errors import CannotPlan, InvalidMission
from flightplan.ground.area import PatrolArea
from flightplan.mission.limits import Exposure, FlightLimits
from flightplan.mission.mission import PhotosByDistance, SetSpeed

# Greatest length and least share seen in five photos, from the peers' table of domain/flight.md.
BARS = {"square_1km2": (15_900, 0.98), "lshape_2km2": (31_500, 0.99), "hole_poly": (25_000, 0.98)}


@pytest.mark.parametrize("name", BARS)
def test_the_three_areas_are_covered_within_the_bar(shared_data, name):
    most_m, least_five_times = BARS[name]
    area = PatrolArea.from_geojson(shared_data / "cases" / f"{name}.geojson")
    west, south, _, _ = area.polygon.bounds

    plan = plan_coverage(area, CAMERA, 120.0, 0.7, 0.6, home_lonlat=(west, south))

    polygon = shapely.transform(area.polygon, FRAME.en_from_lonlat)
    seen = what_is_seen(plan, polygon, 120.0, samples=40_000)
    assert seen.once == 1.0
    assert seen.five_times >= least_five_times
    assert seen.in_holes_m == 0.0
    assert sum(figures.survey_length_m for figures in plan.figures) <= most_m


@pytest.mark.parametrize("angle_deg", range(0, 180, 30))
def test_a_strip_is_covered_at_every_angle_and_flown_lengthwise(angle_deg):
    strip = shapely.affinity.rotate(shapely.box(-1000, -250, 1000, 250), angle_deg + 7, origin=(0, 0))

    plan = a_plan(an_area(strip), altitude_m=120.0)

    assert what_is_seen(plan, strip, 120.0).once == 1.0
    assert abs((plan.angle_deg - angle_deg - 7 + 90) % 180 - 90) < 0.5
    assert sum(figures.turns for figures in plan.figures) <= 2 * 9


@st.composite
def polygons_with_holes(draw):
    """Star-shaped outlines of 40 to 800 m, some with a hole inside."""
    radius_m = draw(st.sampled_from([40.0, 150.0, 400.0]))
    shares = draw(st.lists(st.floats(0.2, 1.0), min_size=3, max_size=10))
    angles = np.linspace(0.0, 2 * math.pi, len(shares), endpoint=False)
    outline = [(radius_m * r * math.cos(a), radius_m * r * math.sin(a)) for r, a in zip(shares, angles, strict=True)]
    polygon = Polygon(outline)
    assume(polygon.is_valid and polygon.area > 400)
    if draw(st.booleans()):
        east, north = draw(st.floats(-0.4, 0.4)) * radius_m, draw(st.floats(-0.4, 0.4)) * radius_m
        hole = shapely.affinity.rotate(
            shapely.box(east, north, east + 0.2 * radius_m, north + 0.1 * radius_m), draw(st.floats(0, 90))
        )
        if polygon.buffer(-8).contains(hole):
            return Polygon(polygon.exterior.coords, [list(hole.exterior.coords)])
    return polygon


@settings(max_examples=15, deadline=None)
@given(polygon=polygons_with_holes(), overlaps=st.sampled_from([(0.7, 0.6), (0.7, 0.3), (0.5, 0.1), (0.8, 0.7)]))
def test_any_polygon_is_seen_whole_without_a_metre_over_a_hole(polygon, overlaps):
    home = lonlat(polygon.bounds[2] + 30.0, 0.0)

    plan = a_plan(an_area(polygon), 80.0, *overlaps, home=home)

    seen = what_is_seen(plan, polygon, 80.0, samples=4_000)
    assert seen.once >= 0.999
    assert seen.in_holes_m == 0.0
    assert plan.coverage.seen_once == pytest.approx(seen.once, abs=0.002)


def test_the_same_area_gives_the_same_plan_twice():
    assert a_plan().missions == a_plan().missions


def test_the_lengths_of_a_plan_are_those_of_its_path():
    area = a_square()

    plan = a_plan(area)

    seen = what_is_seen(plan, shapely.transform(area.polygon, FRAME.en_from_lonlat), 100.0)
    assert sum(figures.length_m for figures in plan.figures) == pytest.approx(seen.length_m, rel=1e-4)


def test_photos_planned_are_as_many_as_the_triggers_take():
    plan = a_plan()

    assert sum(figures.photos for figures in plan.figures) == len(plan.photos_lonlat)


def test_photo_distance_and_row_spacing_keep_the_overlaps_asked_for():
    across_m, along_m = CAMERA.footprint_wh_m(100.0)

    plan = a_plan(frontlap=0.75, sidelap=0.65)

    triggers = [item.distance_m for item in plan.missions[0].items if isinstance(item, PhotosByDistance)]
    assert triggers
    assert max(triggers) <= along_m * 0.25
    assert plan.row_spacing_m == pytest.approx(across_m * 0.35)


def test_an_area_bigger_than_a_battery_becomes_flights_that_each_fit_one():
    plan = a_plan(a_square(1_200.0), endurance_s=900.0)

    assert len(plan.missions) > 1
    assert sum(figures.photos for figures in plan.figures) == len(plan.photos_lonlat)
    assert all(figures.duration_s <= 900.0 for figures in plan.figures)
    assert [mission.name for mission in plan.missions] == [
        f"grid 7 {number}/{len(plan.missions)}" for number in range(1, len(plan.missions) + 1)
    ]
    polygon = shapely.transform(plan.area.polygon, FRAME.en_from_lonlat)
    assert what_is_seen(plan, polygon, 100.0).once == 1.0


def test_a_slow_camera_slows_the_flight_instead_of_losing_photos():
    plan = a_plan(altitude_m=40.0, limits=FlightLimits(min_photo_interval_s=2.0))

    speed = next(item.speed_m_s for item in plan.missions[0].items if isinstance(item, SetSpeed))
    closest_m = min(item.distance_m for item in plan.missions[0].items if isinstance(item, PhotosByDistance))
    assert speed == plan.speed_m_s < 15.0
    assert closest_m / speed >= 2.0


def test_a_long_exposure_slows_the_flight_until_photos_are_sharp():
    exposure = Exposure(seconds=1 / 250, pixel_rad=1 / CAMERA.focal_xy_px[1])

    plan = a_plan(altitude_m=60.0, limits=FlightLimits(exposure=exposure))

    assert plan.speed_m_s < 15.0
    assert plan.speed_m_s == pytest.approx(exposure.max_speed_m_s(60.0), abs=0.1)
    with pytest.raises(CannotPlan, match="no flight is slow enough"):
        a_plan(limits=FlightLimits(exposure=Exposure(seconds=1.0, pixel_rad=1 / CAMERA.focal_xy_px[1])))


@pytest.mark.parametrize(
    ("settings_", "problem"),
    [
        ({"altitude_m": 0.0}, "altitude 0 is out of range"),
        ({"altitude_m": math.nan}, "altitude nan is out of range"),
        ({"frontlap": 1.0}, "frontlap 1 is out of range"),
        ({"sidelap": -0.1}, "sidelap -0.1 is out of range"),
        ({"speed_m_s": 0.0}, "speed 0 is out of range"),
        ({"home": (LAT, LON)}, "swapped"),
        ({"home": (LON + 1.0, LAT)}, "km from the area"),
        ({"endurance_s": 40.0}, "one battery does not reach"),
        ({"altitude_m": 3.0, "frontlap": 0.95}, "closer than the camera"),
    ],
)
def test_settings_that_give_no_plan_are_refused_with_the_reason(settings_, problem):
    with pytest.raises(CannotPlan, match=problem):
        a_plan(**settings_)


def test_a_swap_that_stays_in_range_is_noticed_by_the_distance_of_home():
    # Both numbers fit either way here, so only the far-away home gives the swap away.
    area = PatrolArea(name="x", polygon=Polygon([(40.0, 60.0), (40.01, 60.0), (40.01, 60.01)]))

    with pytest.raises(CannotPlan, match="Swap them: longitude comes first"):
        plan_coverage(area, CAMERA, 100.0, home_lonlat=(60.0, 40.0))


def test_home_in_a_hole_is_refused():
    square = Polygon(shapely.box(-200, -200, 200, 200).exterior, [shapely.box(-50, -50, 50, 50).exterior])

    with pytest.raises(CannotPlan, match="home lies in a hole"):
        a_plan(an_area(square))


def test_more_than_120_m_above_ground_is_no_mission():
    with pytest.raises(InvalidMission, match=r"125\.0 m above ground exceeds 120 m"):
        a_plan(altitude_m=125.0)
