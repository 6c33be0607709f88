"""A pitched camera, a second pass across, and wind: what they show, and what they cost."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from flight_builders import CAMERA, FRAME, a_plan, an_area, what_is_seen
from shapely.geometry import Polygon, box

from flightplan.coverage.seen import Footprint, GroundGrid, View
from flightplan.errors import CannotPlan
from flightplan.mission.kinematics import Kinematics
from flightplan.mission.mission import PointCamera
from flightplan.mission.shots import shots_of
from flightplan.mission.wind import Wind

AREA = box(50.0, 50.0, 450.0, 350.0)
HEIGHT_M = 80.0


def trapezoid(place_en, height_m, course_deg, pitch_deg):
    """The ground within a picture: the rays of its corners, by turning vectors; rays too flat are cut off."""
    across, along = (side / 2 for side in CAMERA.footprint_wh_m(1.0))
    tilt, course = math.radians(pitch_deg + 90), math.radians(course_deg)
    corners = []
    for x, y in ((-across, -along), (across, -along), (across, along), (-across, along)):
        # Straight down: ahead y, aside x, down 1; then the camera is tilted ahead.
        ahead, down = y * math.cos(tilt) + math.sin(tilt), math.cos(tilt) - y * math.sin(tilt)
        down = max(down, 0.05)
        aside = x
        east = ahead * math.sin(course) + aside * math.cos(course)
        north = ahead * math.cos(course) - aside * math.sin(course)
        corners.append((place_en[0] + east * height_m / down, place_en[1] + north * height_m / down))
    within_m = height_m * math.sqrt(View.of(CAMERA).farthest_look ** 2 - 1)
    return Polygon(corners).intersection(shapely.Point(place_en).buffer(within_m))


def share_in_pictures(plan, area_en):
    shots = shots_of(plan.missions, FRAME)
    pictures = [
        trapezoid(place, HEIGHT_M, course, pitch)
        for place, course, pitch in zip(shots.en_m, shots.course_deg, shots.pitch_deg, strict=True)
    ]
    return shapely.union_all(pictures).intersection(area_en).area / area_en.area


@pytest.mark.parametrize("pitch_deg", [-75.0, -60.0, -45.0])
@pytest.mark.parametrize("overlaps", [(0.6, 0.15), (0.7, 0.6)])
def test_a_pitched_camera_sees_all_of_the_area_with_what_its_pictures_truly_show(pitch_deg, overlaps):
    plan = a_plan(an_area(AREA), HEIGHT_M, *overlaps, pitch_deg=pitch_deg)

    assert share_in_pictures(plan, AREA) >= 0.9995
    assert plan.coverage.seen_once >= 0.999
    assert [i.pitch_deg for i in plan.missions[0].items if isinstance(i, PointCamera)] == [pitch_deg]


def test_the_counted_share_of_slanting_pictures_is_that_of_their_outlines():
    # Too few rows for all of it, so that the share is not just one.
    whole = a_plan(an_area(box(50.0, 50.0, 150.0, 350.0)), HEIGHT_M, 0.6, 0.0, pitch_deg=-50.0)
    shots = shots_of(whole.missions, FRAME)

    wide = an_area(box(-300.0, 50.0, 450.0, 350.0))
    grid = GroundGrid(FRAME.local_polygon(wide.polygon), FRAME, None, 0.0)
    counted = float((grid.counts(shots, View.of(CAMERA)) > 0).mean())

    assert 0.2 < counted < 0.9
    assert counted == pytest.approx(share_in_pictures(whole, box(-300.0, 50.0, 450.0, 350.0)), abs=0.01)


def test_the_rectangle_of_a_pitched_camera_lies_within_its_picture():
    for pitch_deg in (-90.0, -70.0, -50.0, -35.0):
        rectangle = Footprint.of(CAMERA, 100.0, pitch_deg)

        near = rectangle.ahead_m - rectangle.along_m / 2
        ground = box(-rectangle.across_m / 2, near, rectangle.across_m / 2, near + rectangle.along_m)
        picture = trapezoid((0.0, 0.0), 100.0, 0.0, pitch_deg)
        assert ground.difference(picture.buffer(0.5)).area == 0.0
        assert rectangle.along_m > 50.0


@pytest.mark.parametrize("pitch_deg", [-91.0, -20.0, 0.0, math.nan])
def test_a_camera_that_looks_at_the_horizon_is_refused(pitch_deg):
    with pytest.raises(CannotPlan, match="pitched"):
        a_plan(pitch_deg=pitch_deg)


def test_a_pitched_camera_keeps_out_of_holes_and_says_what_it_misses():
    holed = AREA.difference(box(200.0, 150.0, 300.0, 250.0))

    plan = a_plan(an_area(holed), HEIGHT_M, 0.6, 0.15, pitch_deg=-45.0)

    assert what_is_seen(plan, holed, HEIGHT_M).in_holes_m == 0.0
    assert plan.coverage.seen_once == pytest.approx(share_in_pictures(plan, holed), abs=0.005)


def test_a_second_pass_sees_every_spot_from_both_directions():
    once, twice = (a_plan(an_area(AREA), HEIGHT_M, 0.6, 0.15, cross_hatch=cross) for cross in (False, True))

    shots = shots_of(twice.missions, FRAME)
    across_m, along_m = CAMERA.footprint_wh_m(HEIGHT_M)
    rows = {round(course % 180) % 180 for course in shots.course_deg}
    assert len(rows) == 2
    assert abs(abs(max(rows) - min(rows)) - 90) <= 1
    x, y = np.meshgrid(np.arange(55.0, 450.0, 10.0), np.arange(55.0, 350.0, 10.0))
    for direction in rows:
        seen = np.zeros(x.shape, dtype=bool)
        for (east, north), course in zip(shots.en_m, shots.course_deg, strict=True):
            if abs((course - direction + 90) % 180 - 90) > 1:
                continue
            turn = math.radians(course)
            ahead = (x - east) * math.sin(turn) + (y - north) * math.cos(turn)
            aside = (x - east) * math.cos(turn) - (y - north) * math.sin(turn)
            seen |= (np.abs(ahead) <= along_m / 2 + 0.1) & (np.abs(aside) <= across_m / 2 + 0.1)
        assert seen.all()
    assert twice.coverage.seen_five_times > once.coverage.seen_five_times


def test_wind_takes_from_the_speed_over_the_ground():
    wind = Wind(speed_m_s=10.0, from_deg=0.0)

    assert wind.ground_speed_m_s(0.0, 20.0) == pytest.approx(10.0)
    assert wind.ground_speed_m_s(180.0, 20.0) == pytest.approx(30.0)
    assert wind.ground_speed_m_s(90.0, 20.0) == pytest.approx(math.sqrt(300.0))
    assert wind.ground_speed_m_s(90.0, 9.0) == 0.0


def test_a_flight_against_the_wind_takes_longer_and_the_plan_says_so():
    still, windy = (
        a_plan(an_area(AREA), kinematics=Kinematics(wind=wind)) for wind in (None, Wind(speed_m_s=11.0, from_deg=80.0))
    )

    assert windy.figures[0].duration_s > still.figures[0].duration_s
    assert windy.missions[0].figures(Kinematics()).duration_s >= still.figures[0].duration_s - 1.0


def test_rows_are_laid_across_a_wind_that_would_hold_them_up():
    # Hardly longer than wide: without wind its length decides, with wind along that length the wind does.
    area = an_area(box(50.0, 50.0, 450.0, 420.0))
    slow = {"air_speed_m_s": 16.0, "max_wind_m_s": 15.0}

    still = a_plan(area, kinematics=Kinematics(**slow))
    windy = a_plan(area, kinematics=Kinematics(wind=Wind(speed_m_s=13.0, from_deg=90.0), **slow))

    assert abs((still.angle_deg + 90) % 180 - 90) < 5
    assert abs(windy.angle_deg - 90) < 30


def test_a_battery_holds_less_in_the_wind():
    area = an_area(box(50.0, 50.0, 950.0, 650.0))
    still, windy = (
        a_plan(area, endurance_s=1_000.0, kinematics=Kinematics(wind=wind))
        for wind in (None, Wind(speed_m_s=12.0, from_deg=90.0))
    )

    assert len(windy.missions) > len(still.missions)
    assert all(figures.duration_s <= 1_000.0 for figures in windy.figures)


def test_too_much_wind_is_refused():
    with pytest.raises(CannotPlan, match=r"a wind of 14 m/s is more than the drone may fly in \(12 m/s\)"):
        a_plan(kinematics=Kinematics(wind=Wind(speed_m_s=14.0, from_deg=10.0)))
    with pytest.raises(CannotPlan, match="no wind"):
        Wind(speed_m_s=-1.0, from_deg=0.0)
    with pytest.raises(CannotPlan, match="no wind"):
        Wind(speed_m_s=1.0, from_deg=math.nan)
