"""A fleet over hills and in wind: missions follow the ground, fit their batteries, and show all of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
import shapely
from fleet_builders import CITY, DRONE, PATROL, fleet, square
from flight_ground import a_model

from flightplan.errors import CannotPlan
from flightplan.fleet.as_flown import plan_as_flown
from flightplan.fleet.missions import FleetMissions
from flightplan.fleet.plan import plan_fleet
from flightplan.fleet.schedule import schedule
from flightplan.mission.kinematics import Kinematics
from flightplan.mission.profile import profile_of
from flightplan.mission.wind import Wind

SIDE_M = 4_000.0
FLEET = fleet((-1_000.0, 500.0), (1_200.0, -600.0))


def hills(east, north):
    """Up to 80 m of relief, with slopes of up to 15 %."""
    return 90.0 + 40.0 * np.sin(east / 450.0) * np.cos(north / 600.0)


@pytest.fixture(scope="module")
def terrain(tmp_path_factory):
    return a_model(tmp_path_factory.mktemp("dem") / "hills.tif", hills, cell_m=20.0, reach_m=3_500.0, around=CITY)


@pytest.fixture(scope="module")
def planned(terrain):
    survey = replace(PATROL, altitude_m=100.0, terrain=terrain, band_m=15.0)
    return plan_as_flown([square(SIDE_M)], FLEET, survey)


def missions_of(plan, missions):
    for number, tour in enumerate(plan.tours):
        for flight in tour.flights:
            yield flight, missions.mission(number, flight, "x")


def test_every_flight_keeps_its_band_above_the_ground_and_its_battery(planned):
    plan, missions = planned

    for flight, mission in missions_of(plan, missions):
        profile = profile_of(mission)
        assert profile.agl_m.max() <= 115.0
        assert profile.agl_m.min() >= 85.0
        assert flight.seconds == pytest.approx(mission.figures(DRONE.kinematics).duration_s)
        assert flight.seconds <= DRONE.usable_s
    assert plan.flights >= 2


def test_a_dock_stands_on_the_models_ground(planned):
    plan, missions = planned
    east, north = CITY.en_from_lonlat(np.array([[FLEET.docks[0].lon, FLEET.docks[0].lat]]))[0]

    mission = missions.mission(0, plan.tours[0].flights[0], "x")
    assert mission.home.alt_msl_m == pytest.approx(float(hills(east, north)), abs=0.5)


def test_photos_show_all_of_the_ground_as_it_is(planned):
    plan, missions = planned
    sample = np.linspace(-SIDE_M / 2 + 5, SIDE_M / 2 - 5, 100)
    east, north = (axis.ravel() for axis in np.meshgrid(sample, sample))
    ground = hills(east, north)
    across, along = 172.9 / 120.0, 129.7 / 120.0
    seen = np.zeros(len(east), dtype=bool)
    for number, tour in enumerate(plan.tours):
        for flight in tour.flights:
            mission = missions.mission(number, flight, "x")
            profile = profile_of(mission)
            en = CITY.en_from_lonlat(profile.lonlat)
            steps = np.diff(en, axis=0)
            course = np.vstack([steps, steps[-1:]])
            course /= np.maximum(np.hypot(course[:, 0], course[:, 1]), 1e-9)[:, None]
            for place, heading, height in zip(en, course, profile.alt_msl_m, strict=True):
                near = np.flatnonzero((np.abs(east - place[0]) < 120) & (np.abs(north - place[1]) < 120) & ~seen)
                x, y = east[near] - place[0], north[near] - place[1]
                above = height - ground[near]
                ahead, aside = x * heading[0] + y * heading[1], y * heading[0] - x * heading[1]
                seen[near] |= (np.abs(ahead) <= above * along / 2) & (np.abs(aside) <= above * across / 2)
    # Footprints along the whole path, a few more than the photos taken: what is missed is missed between rows.
    assert seen.mean() == 1.0


def test_the_flights_get_times_that_include_their_climbs(planned):
    plan, _ = planned
    times = schedule(plan, FLEET, date(2026, 11, 23))

    for departure in times.departures:
        lasts_s = (departure.lands_at - departure.takes_off_at).total_seconds()
        assert lasts_s >= departure.flight.seconds


def test_flights_that_would_last_too_long_over_hills_are_planned_shorter(tmp_path):
    terrain = a_model(tmp_path / "steep.tif", lambda e, n: 2 * hills(e, n), cell_m=20.0, reach_m=3_500.0, around=CITY)
    # It climbs so slowly that it must fly slower up and down the slopes.
    small = replace(DRONE, endurance_s=1_500.0, kinematics=Kinematics(climb_m_s=1.5, sink_m_s=1.5))
    city = fleet((-1_000.0, 500.0), (1_200.0, -600.0), drone=small)
    survey = replace(PATROL, altitude_m=100.0, terrain=terrain, band_m=10.0)
    level = replace(plan_fleet([square(SIDE_M)], city, replace(survey, terrain=None)), survey=survey)
    makes = FleetMissions(level)
    level_s = [makes.seconds(number, flight) for number, tour in enumerate(level.tours) for flight in tour.flights]
    plan, missions = plan_as_flown([square(SIDE_M)], city, survey)

    assert max(level_s) > small.usable_s
    for flight, _ in missions_of(plan, missions):
        assert flight.seconds <= small.usable_s


def test_ground_that_is_not_known_is_told_with_its_place(tmp_path):
    small = a_model(tmp_path / "small.tif", hills, cell_m=20.0, reach_m=1_500.0, around=CITY)

    with pytest.raises(CannotPlan, match="no ground at"):
        plan_as_flown([square(SIDE_M)], FLEET, replace(PATROL, altitude_m=100.0, terrain=small))


def test_the_area_is_that_of_level_ground(planned):
    plan, _ = planned

    assert plan.unreached_m2 == 0.0
    assert plan.area_m2 == pytest.approx(shapely.box(0, 0, SIDE_M, SIDE_M).area, rel=1e-3)


def test_in_wind_flights_are_as_long_as_the_drones_get_along():
    wind = Wind(speed_m_s=9.0, from_deg=90.0)
    still, left_out = FLEET.in_wind(Wind(speed_m_s=0.0, from_deg=0.0))
    windy, _ = FLEET.in_wind(wind)
    plan, missions = plan_as_flown([square(SIDE_M)], windy, PATROL)
    calm, _ = plan_as_flown([square(SIDE_M)], still, PATROL)

    assert left_out == ()
    assert plan.seconds > 1.05 * calm.seconds
    motion = windy.docks[0].drone.kinematics
    for flight, mission in missions_of(plan, missions):
        assert flight.seconds <= DRONE.usable_s
        assert flight.seconds == pytest.approx(mission.figures(motion).duration_s)


def test_docks_whose_drones_may_not_fly_in_that_wind_are_left_out():
    weak = replace(DRONE, wind_limit_m_s=8.0)
    docks = (FLEET.docks[0], replace(FLEET.docks[1], drone=weak))
    city = replace(FLEET, docks=docks)

    windy, left_out = city.in_wind(Wind(speed_m_s=10.0, from_deg=0.0))
    assert [dock.name for dock in windy.docks] == ["D1"]
    assert left_out == ("D2",)
    with pytest.raises(CannotPlan, match="more than any drone"):
        city.in_wind(Wind(speed_m_s=13.0, from_deg=0.0))


@pytest.fixture
def against_the_wind():
    """A dock 6 km west of an area, on a day on which its drone gets along there at 9 m/s only, and not back in time."""
    weak = replace(DRONE, endurance_s=1_400.0)
    return fleet((0.0, 0.0), drone=weak).in_wind(Wind(speed_m_s=11.0, from_deg=90.0))[0]


def test_docks_that_reach_nothing_in_the_wind_are_named_with_a_remedy(against_the_wind):
    far = square(800.0, east_m=6_000.0)
    assert plan_fleet([far], against_the_wind, PATROL).flights > 0

    with pytest.raises(CannotPlan, match=r"dock D1: hills or wind take too much .* add docks nearer"):
        plan_as_flown([far], against_the_wind, PATROL)


def test_what_a_drone_does_not_reach_in_the_wind_is_told_and_the_rest_is_flown(against_the_wind):
    near, far = square(800.0, east_m=-1_000.0), square(800.0, east_m=6_000.0)
    plan, missions = plan_as_flown([near, far], against_the_wind, PATROL)

    assert plan.unreached_m2 == pytest.approx(800.0**2, rel=0.25)
    assert plan.flights >= 1
    for flight, _ in missions_of(plan, missions):
        assert flight.seconds <= against_the_wind.docks[0].drone.usable_s
