"""Strips along rivers and roads."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest
import shapely
from flight_builders import CAMERA, FRAME, lonlat, what_is_seen
from shapely.geometry import LineString, MultiLineString, box

from flightplan.coverage.asked import Drone, Shooting
from flightplan.coverage.corridor import Corridor, plan_corridor
from flightplan.coverage.site import Departure
from flightplan.errors import CannotPlan, InputFileError
from flightplan.mission.kinematics import Kinematics
from flightplan.mission.limits import FlightLimits
from flightplan.mission.mission import PhotosByDistance, SetSpeed

ROAD = [(0.0, 0.0), (600.0, 0.0), (600.0, 500.0), (100.0, 520.0), (1_000.0, 900.0)]
DRONE = Drone(speed_m_s=15.0, endurance_s=1_700.0, limits=FlightLimits(), kinematics=Kinematics())
PATROL, MAPPING = (0.6, 0.15), (0.7, 0.6)


def a_river(bends=120):
    dice, heading, points = random.Random(3), 0.0, [(0.0, 0.0)]
    for _ in range(bends):
        heading = 0.97 * (heading + dice.uniform(-0.25, 0.25))
        points.append((points[-1][0] + 20 * math.cos(heading), points[-1][1] + 20 * math.sin(heading)))
    return points


def a_strip(*lines, width_m=40.0):
    return Corridor(
        name="river", lines=shapely.transform(MultiLineString(lines), FRAME.lonlat_from_en), width_m=width_m
    )


def a_strip_plan(*lines, width_m=40.0, overlaps=PATROL, height_m=100.0, no_fly=(), **shooting):
    return plan_corridor(
        a_strip(*lines, width_m=width_m),
        Shooting(camera=CAMERA, altitude_agl_m=height_m, frontlap=overlaps[0], sidelap=overlaps[1], **shooting),
        DRONE,
        Departure(
            home_lonlat=lonlat(-50.0, -50.0),
            no_fly=[shapely.transform(place, FRAME.lonlat_from_en) for place in no_fly],
        ),
    )


def ground(*lines, width_m=40.0):
    return MultiLineString(lines).buffer(width_m / 2, cap_style="flat")


@pytest.mark.parametrize("overlaps", [PATROL, MAPPING])
@pytest.mark.parametrize("width_m", [30.0, 100.0, 300.0])
@pytest.mark.parametrize("line", [ROAD, a_river()], ids=["road", "river"])
def test_every_spot_of_a_strip_is_seen_round_all_its_bends(line, width_m, overlaps):
    plan = a_strip_plan(line, width_m=width_m, overlaps=overlaps)

    seen = what_is_seen(plan, ground(line, width_m=width_m), 100.0)
    assert seen.once == 1.0
    assert plan.coverage.seen_once == 1.0
    if overlaps == MAPPING:
        assert seen.five_times >= 0.98


def test_a_narrow_river_is_flown_once_along_its_middle():
    river = a_river()

    plan = a_strip_plan(river, width_m=40.0)

    assert sum(figures.survey_length_m for figures in plan.figures) < 1.02 * LineString(river).length
    # Its 120 corners are digitised more finely than a drone need turn.
    assert len(plan.missions[0].waypoints) < 60


def test_a_wide_strip_gets_as_many_rows_as_the_sidelap_needs():
    straight = [(0.0, 0.0), (1_000.0, 0.0)]

    plan = a_strip_plan(straight, width_m=300.0)

    across_m = CAMERA.footprint_wh_m(100.0)[0]
    rows = sorted(
        {round(float(FRAME.en_from_lonlat(np.array([[p.lon, p.lat]]))[0, 1])) for p in plan.missions[0].waypoints}
    )
    assert len(rows) == 3
    assert max(np.diff(rows)) <= across_m * 0.85
    assert plan.row_spacing_m == pytest.approx(across_m * 0.85)


def test_a_no_fly_area_across_the_river_is_flown_round():
    river, bridge = [(0.0, 0.0), (1_000.0, 0.0)], box(450.0, -80.0, 520.0, 90.0)

    plan = a_strip_plan(river, no_fly=[bridge])

    path = LineString(FRAME.en_from_lonlat(np.array(plan.missions[0].path_lonlat())))
    assert path.intersection(bridge).length == 0.0
    left = ground(river).difference(bridge)
    assert all(what_is_seen(plan, part, 100.0).once == 1.0 for part in shapely.get_parts(left))
    assert plan.left_out_m2 == pytest.approx(70 * 40, rel=1e-3)


def test_two_rivers_are_flown_one_after_the_other_without_a_way_back_between():
    first, second = [(0.0, 0.0), (800.0, 0.0)], [(0.0, 150.0), (800.0, 150.0)]

    plan = a_strip_plan(first, second)

    assert sum(figures.length_m for figures in plan.figures) < 2 * 800 + 450


def test_photos_never_follow_faster_than_the_camera_even_between_sharp_corners():
    zigzag = [(20.0 * number, 12.0 * (number % 2)) for number in range(30)]

    plan = a_strip_plan(zigzag, width_m=20.0, height_m=40.0)

    speed = next(item.speed_m_s for item in plan.missions[0].items if isinstance(item, SetSpeed))
    distances = [item.distance_m for item in plan.missions[0].items if isinstance(item, PhotosByDistance)]
    assert min(distances) / speed >= 1.0
    assert plan.coverage.seen_once == 1.0


def test_lines_are_read_from_geojson_and_what_has_none_is_refused(tmp_path):
    path = tmp_path / "river.geojson"
    line = {"type": "LineString", "coordinates": [[118.87, 28.93], [118.88, 28.94]]}
    path.write_text(json.dumps({"type": "Feature", "properties": {"name": "衢江"}, "geometry": line}))
    assert Corridor.from_geojson(path, 50.0).name == "衢江"

    path.write_text(json.dumps({"type": "Point", "coordinates": [118.87, 28.93]}))
    with pytest.raises(InputFileError, match="there is no line in it"):
        Corridor.from_geojson(path, 50.0)

    path.write_text(json.dumps({"type": "LineString", "coordinates": [[118.87, 28.93], [118.87, 28.93]]}))
    with pytest.raises(InputFileError, match="fewer than two points"):
        Corridor.from_geojson(path, 50.0)

    path.write_text(json.dumps({"type": "LineString", "coordinates": [[28.93, 118.87], [28.94, 118.88]]}))
    with pytest.raises(InputFileError, match="swapped"):
        Corridor.from_geojson(path, 50.0)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"width_m": 0.0}, "0 m wide is out of range"),
        ({"width_m": math.nan}, "out of range"),
        ({"cross_hatch": True}, "photographed once, straight down"),
        ({"pitch_deg": -45.0}, "photographed once, straight down"),
        ({"no_fly": [box(-30, -30, 900, 30)]}, "all of the area lies in no-fly areas"),
    ],
)
def test_a_strip_that_cannot_be_is_refused_with_the_reason(options, problem):
    with pytest.raises(CannotPlan, match=problem):
        a_strip_plan([(0.0, 0.0), (800.0, 0.0)], **options)


def test_random_lines_with_sharp_bends_are_seen_whole_at_every_width():
    dice = random.Random(7)
    for number in range(30):
        points, heading = [(0.0, 0.0)], dice.uniform(0, 6)
        for _ in range(dice.randint(2, 10)):
            heading += dice.uniform(-2.2, 2.2)
            step_m = dice.uniform(15, 200)
            points.append((points[-1][0] + step_m * math.cos(heading), points[-1][1] + step_m * math.sin(heading)))
        width_m = dice.choice([10.0, 30.0, 80.0, 200.0])

        plan = a_strip_plan(points, width_m=width_m, overlaps=dice.choice([PATROL, MAPPING, (0.3, 0.1)]))

        assert plan.coverage.seen_once >= 0.999, number
        seen = [what_is_seen(plan, part, 100.0, 2_000) for part in shapely.get_parts(ground(points, width_m=width_m))]
        assert min(one.once for one in seen) >= 0.999, number
