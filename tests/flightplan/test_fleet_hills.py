"""A generated city between steep hills: shared out by what its rows take there, every mission lawful."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fleet_builders import CITY, DRONE, PATROL, fleet, square
from hilly_ground import GroundGrid, write_hills

from flightplan.errors import CannotPlan
from flightplan.fleet.as_flown import plan_as_flown
from flightplan.fleet.missions import FleetMissions
from flightplan.fleet.plan import plan_fleet
from flightplan.mission.kinematics import Kinematics

SIDE_M = 4_000.0
FLEET = fleet((-1_000.0, -800.0), (1_000.0, 800.0))


@pytest.fixture(scope="module")
def terrain(tmp_path_factory):
    path = tmp_path_factory.mktemp("dem") / "hills.tif"
    return write_hills(path, CITY, reach_m=SIDE_M / 2 + 1_500.0, steepest_deg=35.0, plain=0.3, seed=3)


@pytest.fixture(scope="module")
def survey(terrain):
    return replace(PATROL, altitude_m=100.0, terrain=terrain, band_m=20.0)


@pytest.fixture(scope="module")
def known(survey):
    return plan_fleet([square(SIDE_M)], FLEET, survey)


@pytest.fixture(scope="module")
def level(survey):
    """The same rows over level ground, for both lie as close as 80 m need."""
    return plan_fleet([square(SIDE_M)], FLEET, replace(survey, terrain=None, altitude_m=80.0))


@pytest.fixture(scope="module")
def planned(survey):
    told = []
    plan, missions = plan_as_flown([square(SIDE_M)], FLEET, survey, told=lambda *what: told.append(what))
    return plan, missions, told


def flights_of(plan):
    return [(number, flight) for number, tour in enumerate(plan.tours) for flight in tour.flights]


def test_every_mission_stays_in_its_band_over_steep_hills_and_within_its_battery(planned, terrain):
    plan, missions, _ = planned
    ground = GroundGrid(terrain.path)

    for number, flight in flights_of(plan):
        mission = missions.mission(number, flight, "x")
        above_m = ground.above_m(mission)
        assert above_m.min() >= 80.0
        assert above_m.max() <= 120.0
        assert flight.seconds == pytest.approx(mission.figures(DRONE.kinematics).duration_s)
        assert flight.seconds <= DRONE.usable_s


def test_all_rows_are_flown_once(planned):
    plan, _, _ = planned
    cells = [cell for _, flight in flights_of(plan) for cell in flight.cells]

    assert sorted(cells) == list(range(len(plan.strips)))
    assert plan.unreached_m2 == 0.0


def test_cells_in_the_hills_are_known_to_take_longer_than_cells_in_the_plain(known, level):
    assert known.strips.slow.min() >= 1.0
    assert known.strips.slow.max() > 1.3
    assert np.quantile(known.strips.slow, 0.2) < 1.01
    assert np.all(level.strips.slow == 1.0)
    assert known.strips.spacing_m == pytest.approx(level.strips.spacing_m)
    assert known.least_s > 1.03 * level.least_s


def test_missions_last_about_as_long_as_was_known_before_they_were_made(survey, known, level):
    def lasts_s(plan):
        missions = FleetMissions(replace(plan, survey=survey))
        return sum(missions.seconds(number, flight) for number, flight in flights_of(plan))

    assert lasts_s(known) == pytest.approx(sum(flight.seconds for _, flight in flights_of(known)), rel=0.05)
    assert lasts_s(level) > 1.08 * sum(flight.seconds for _, flight in flights_of(level))


def test_drones_are_done_at_about_the_same_time_although_hills_lie_on_one_side(planned):
    plan, _, _ = planned
    lasts = np.array([tour.seconds for tour in plan.tours])

    # A flight more or less is what cannot be evened out among so few.
    assert np.ptp(lasts) <= DRONE.usable_s + DRONE.turnaround_s


def test_what_is_going_on_is_told_up_to_the_end(planned):
    _, _, told = planned

    assert {"hills", "heights", "evening out"} <= {word for word, _, _ in told}
    assert all(0 <= done < total for _, done, total in told)


def test_ground_that_no_drone_climbs_over_within_a_battery_is_told_and_the_rest_is_flown(survey):
    weak = replace(DRONE, endurance_s=1_000.0, kinematics=Kinematics(climb_m_s=0.6, sink_m_s=0.6))
    plan, missions = plan_as_flown([square(SIDE_M)], fleet((-1_000.0, -800.0), (1_000.0, 800.0), drone=weak), survey)
    shown_m2 = sum(
        plan.strips.length_m[list(flight.cells)].sum() * plan.strips.spacing_m for _, flight in flights_of(plan)
    )

    assert plan.unreached_m2 > 1e6
    assert shown_m2 + plan.unreached_m2 == pytest.approx(plan.area_m2, rel=0.02)
    assert plan.flights >= 2
    for number, flight in flights_of(plan):
        assert missions.seconds(number, flight) <= weak.usable_s


def test_hills_that_no_drone_climbs_over_at_all_are_refused(survey):
    weak = replace(DRONE, endurance_s=1_000.0, kinematics=Kinematics(climb_m_s=0.3, sink_m_s=0.3))

    with pytest.raises(CannotPlan, match="no dock reaches any of the area"):
        plan_as_flown([square(SIDE_M)], fleet((-1_000.0, -800.0), (1_000.0, 800.0), drone=weak), survey)
