from __future__ import annotations

import math

import numpy as np
import pytest
from flight_builders import FRAME, LAT, LON, a_mission, a_waypoint, the_items

from flightplan.errors import InvalidMission
from flightplan.mission.kinematics import Kinematics
from flightplan.mission.limits import FlightLimits
from flightplan.mission.mission import (
    Home,
    LandHere,
    PhotosByDistance,
    PointCamera,
    ReturnHome,
    SetSpeed,
    TakeOff,
)


def with_item(index, item):
    items = the_items()
    items[index] = item
    return items


@pytest.mark.parametrize(
    ("items", "rule"),
    [
        (with_item(3, a_waypoint(alt_m=120.5)), "height above ground"),
        (with_item(3, a_waypoint(alt_m=math.nan)), "position"),
        (with_item(3, a_waypoint(alt_m=-5.0)), "height above ground"),
        (with_item(3, a_waypoint(lat=LON, lon=LAT)), "position"),
        (with_item(3, a_waypoint(lon=math.inf)), "position"),
        (with_item(3, a_waypoint(alt_reference="ellipsoid")), "altitude reference"),
        (with_item(3, a_waypoint(alt_m=200.0, alt_reference="msl")), "height above ground"),
        (with_item(3, a_waypoint(east_m=12_000.0)), "range"),
        (with_item(1, SetSpeed(speed_m_s=0.0)), "speed"),
        (with_item(1, SetSpeed(speed_m_s=math.nan)), "speed"),
        (with_item(1, SetSpeed(speed_m_s=35.0)), "speed"),
        (with_item(2, PointCamera(pitch_deg=-95.0)), "camera pitch"),
        (with_item(4, PhotosByDistance(distance_m=math.nan)), "photo distance"),
        (with_item(4, PhotosByDistance(distance_m=4.0)), "photo interval"),
        (with_item(0, a_waypoint()), "order"),
        (with_item(5, TakeOff(alt_home_m=60.0)), "order"),
        (with_item(5, ReturnHome()), "order"),
        (the_items()[:-1], "order"),
        ([TakeOff(alt_home_m=60.0), a_waypoint(), ReturnHome()], "waypoints"),
        ([TakeOff(alt_home_m=300.0), a_waypoint(), a_waypoint(), ReturnHome()], "height above ground"),
        ([TakeOff(alt_home_m=60.0), *[a_waypoint(north_m=n) for n in range(800)], ReturnHome()], "number of items"),
        (
            [TakeOff(alt_home_m=60.0), SetSpeed(speed_m_s=0.5), a_waypoint(2_000, 0), a_waypoint(0, 0), ReturnHome()],
            "battery",
        ),
    ],
)
def test_a_mission_that_breaks_a_rule_cannot_exist_and_says_which(items, rule):
    with pytest.raises(InvalidMission) as refused:
        a_mission(items)

    assert rule in {violation.rule for violation in refused.value.violations}
    assert all(violation.remedy and violation.place for violation in refused.value.violations)


def test_the_120_m_count_from_the_ground_at_home_also_for_heights_above_the_sea():
    high_ground = Home(lon=LON, lat=LAT, alt_msl_m=900.0)

    mission = a_mission(with_item(3, a_waypoint(alt_m=1_000.0, alt_reference="msl")), home=high_ground)

    assert mission.waypoints[0].alt_m == 1_000.0


def test_an_approval_raises_the_limit():
    mission = a_mission(with_item(3, a_waypoint(alt_m=180.0)), limits=FlightLimits(max_height_agl_m=200.0))

    assert mission.waypoints[0].alt_m == 180.0


def test_landing_on_the_spot_is_an_end_too():
    mission = a_mission([*the_items()[:-1], LandHere()])

    assert mission.path_lonlat()[-1] != (LON, LAT)


def test_figures_are_those_of_the_path_and_the_triggers():
    figures = a_mission().figures()

    path = FRAME.en_from_lonlat(np.array([(LON, LAT), *[(p.lon, p.lat) for p in a_mission().waypoints], (LON, LAT)]))
    assert figures.length_m == pytest.approx(np.hypot(*np.diff(path, axis=0).T).sum(), abs=0.1)
    assert figures.survey_length_m == pytest.approx(200 + 60 + 200, abs=0.1)
    assert figures.photos == 11 + 11
    assert figures.turns == 2


def test_the_surveys_length_leaves_out_the_ways_from_and_to_home():
    detours = [*the_items()[:3], a_waypoint(0.0, 50.0), *the_items()[3:-1], a_waypoint(0.0, 80.0), ReturnHome()]

    assert a_mission(detours).figures().survey_length_m == pytest.approx(200 + 60 + 200, abs=0.1)


def test_a_leg_takes_as_long_as_its_ramps_and_its_cruise():
    kinematics = Kinematics(acceleration_m_s2=2.0)

    # 10 m/s need 25 m and 5 s to reach, and as much to lose; 50 m are left for cruise.
    assert kinematics.leg_seconds(100.0, 10.0) == pytest.approx(5 + 5 + 5)
    # Too short to reach it: half way up, half way down.
    assert kinematics.leg_seconds(18.0, 10.0) == pytest.approx(6.0)
    assert kinematics.leg_seconds(100.0, 10.0, 10.0, 10.0) == pytest.approx(10.0)


def test_a_sharp_corner_costs_a_stop_and_a_turn():
    kinematics = Kinematics(acceleration_m_s2=2.0, yaw_rate_deg_s=90.0)

    bent = kinematics.path_seconds([(0, 0), (100, 0), (100, 100)], 10.0)

    assert bent == pytest.approx(15 + 15 + 1)
    assert kinematics.path_seconds([(0, 0), (100, 0), (200, 0)], 10.0) == pytest.approx(25.0)
