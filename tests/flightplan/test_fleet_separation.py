"""Where a fleet's drone is at what time, as the check of distances has it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fleet_builders import CITY, DRONE, PATROL, fleet, square
from flight_ground import a_model

from flightplan.fleet.missions import FleetMissions
from flightplan.fleet.plan import plan_fleet
from flightplan.fleet.separation import Track, too_near
from flightplan.mission.figures import path_times_s
from flightplan.mission.kinematics import Kinematics


def test_a_track_knows_that_a_drone_is_slower_over_hills(tmp_path):
    def one_sided(east, north):
        return 90.0 + np.where(east > 0.0, 60.0 * np.sin(east / 120.0), 0.0)

    terrain = a_model(tmp_path / "hills.tif", one_sided, cell_m=20.0, reach_m=3_000.0, around=CITY)
    survey = replace(PATROL, altitude_m=100.0, terrain=terrain, band_m=15.0, angle_deg=0.0)
    plan = plan_fleet([square(3_000.0)], fleet((-800.0, 0.0)), survey)
    missions = FleetMissions(plan)
    flight = max(plan.tours[0].flights, key=lambda one: one.seconds)
    mission = missions.flown(0, flight)
    track = Track.of(mission, DRONE.kinematics, plan.frame)

    steps_m, steps_s = np.hypot(*np.diff(track.places_m, axis=0).T), np.diff(track.at_s)
    east = (track.places_m[1:, 0] + track.places_m[:-1, 0]) / 2
    plain, hilly = east < -100.0, east > 200.0
    assert steps_m[plain].sum() / steps_s[plain].sum() > 1.2 * steps_m[hilly].sum() / steps_s[hilly].sum()
    assert track.at_s[-1] == pytest.approx(missions.seconds(0, flight))


def test_times_along_a_path_add_up_to_the_time_of_the_path():
    motion = Kinematics()
    points = [(0.0, 0.0), (500.0, 0.0), (500.0, 0.0), (900.0, 20.0), (900.0, 400.0), (0.0, 400.0)]
    alts_m = [50.0, 50.0, 70.0, 110.0, 60.0, 60.0]

    legs_s = motion.legs_seconds(points, 12.0, alts_m)
    assert len(legs_s) == 5
    assert sum(legs_s) == pytest.approx(motion.path_seconds(points, 12.0, alts_m))
    # Up by 20 m on the spot, at 4 m/s.
    assert legs_s[1] == pytest.approx(5.0)
    # A corner of 90 degrees is turned on the spot, at the end of the leg before it.
    assert legs_s[3] == pytest.approx(motion.leg_seconds(380.0, 12.0) + 1.0)
    assert motion.legs_seconds([(1.0, 2.0)], 12.0) == []


def test_a_mission_is_on_the_ground_before_take_off_and_after_its_landing():
    plan = plan_fleet([square(3_000.0)], fleet((0.0, 0.0)), PATROL)
    missions = FleetMissions(plan)
    mission = missions.flown(0, plan.tours[0].flights[0])
    at_s = path_times_s(mission, DRONE.kinematics)

    assert at_s[0] == 0.0
    assert at_s[1] == pytest.approx(120.0 / DRONE.kinematics.climb_m_s)
    assert len(at_s) == len(mission.path_lonlat()) + 2
    assert (np.diff(at_s) >= 0).all()
    assert at_s[-1] == pytest.approx(mission.figures(DRONE.kinematics).duration_s)


def test_drones_that_may_be_ahead_or_behind_keep_more_apart():
    there = Track(places_m=np.array([(0.0, 0.0), (1_000.0, 0.0)]), at_s=np.array([0.0, 100.0]), speed_m_s=10.0)
    beside = replace(there, places_m=there.places_m + np.array([0.0, 200.0]))

    assert not too_near(there, beside, 0.0, 0.0, 150.0)
    assert too_near(replace(there, off_m=20.0), replace(beside, off_m=20.0), 0.0, 0.0, 150.0)
    assert not too_near(there, beside, 0.0, 200.0, 500.0)
