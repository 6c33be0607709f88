"""When a fleet flies: inside its hours, after charging, and never two drones in one place."""

from __future__ import annotations

import itertools
import math
from datetime import UTC, date, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from fleet_builders import DRONE, a_plan, fleet, square

from flightplan.errors import CannotPlan
from flightplan.fleet.model import Curfew
from flightplan.fleet.schedule import Schedule, schedule
from flightplan.times import Hours

MONDAY = date(2026, 11, 23)
DAY = (Hours(begins=time(8), ends=time(18)),)


def test_flights_stay_inside_the_hours_and_charge_in_between():
    noon = Curfew(hours=Hours(begins=time(12), ends=time(13, 30)))
    city = fleet((-1_500, 0), (2_000, 500), hours=DAY, curfews=(noon,))
    plan = a_plan([square(9_000)], city)
    times = schedule(plan, city, MONDAY)
    assert sorted(d.flight.cells for d in times.departures) == sorted(f.cells for t in plan.tours for f in t.flights)
    for one in times.departures:
        off, on = one.takes_off_at.time(), one.lands_at.time()
        assert time(8) <= off <= on <= time(18)
        assert on <= time(12) or off >= time(13, 30)
        assert one.lands_at - one.takes_off_at == timedelta(seconds=math.ceil(one.flight.seconds))
    for number in range(len(plan.stations)):
        mine = [one for one in times.departures if one.station == number]
        for one, after in itertools.pairwise(mine):
            assert after.takes_off_at - one.lands_at >= timedelta(seconds=DRONE.turnaround_s)
    assert times.departures[0].takes_off_at.date() == MONDAY


def test_work_goes_on_the_next_day_that_is_open():
    tuesday_off = Curfew(first_day=date(2026, 11, 24), last_day=date(2026, 11, 24))
    city = fleet(hours=(Hours(begins=time(9), ends=time(11)),), curfews=(tuesday_off,))
    times = schedule(a_plan([square(6_000)], city), city, MONDAY)
    days = sorted({one.takes_off_at.date() for one in times.departures})
    assert days[:2] == [MONDAY, date(2026, 11, 25)]
    assert times.days == len(days) > 2


def test_hours_too_short_for_a_flight_are_refused():
    city = fleet(hours=(Hours(begins=time(9), ends=time(9, 10)),))
    with pytest.raises(CannotPlan, match="Open longer hours"):
        schedule(a_plan(of=city), city, MONDAY)


def test_two_drones_of_one_dock_are_never_near_one_another():
    city = fleet((0, 0), drones=3, hours=DAY)
    plan = a_plan([square(8_000)], city)
    times = schedule(plan, city, MONDAY)
    assert times.delayed > 0
    assert _nearest_m(plan, times) > 150.0


def test_eight_drones_of_one_dock_take_turns():
    city = fleet((0, 0), drones=8, hours=DAY)
    plan = a_plan([square(12_000)], city)
    times = schedule(plan, city, MONDAY)
    assert len(times.departures) == plan.flights
    assert _nearest_m(plan, times) > 150.0


def test_in_hours_of_one_flight_drones_take_turns_by_days():
    city = fleet((0, 0), drones=2, hours=(Hours(begins=time(9), ends=time(9, 29)),))
    times = schedule(a_plan([square(5_000)], city), city, MONDAY)
    assert all(one.lands_at.time() <= time(9, 29) for one in times.departures)


def test_no_flight_lands_before_it_takes_off_where_the_clocks_change():
    city = fleet(time_zone=ZoneInfo("Europe/Berlin"))
    times = schedule(a_plan([square(8_000)], city), city, date(2027, 3, 28))
    assert len(times.departures) > 6
    for one in times.departures:
        lasts = one.lands_at.astimezone(UTC) - one.takes_off_at.astimezone(UTC)
        assert lasts == timedelta(seconds=math.ceil(one.flight.seconds))


def test_flights_of_neighbouring_docks_keep_apart():
    city = fleet((-800, 0), (800, 0), (0, 700), hours=DAY)
    plan = a_plan([square(9_000)], city)
    times = schedule(plan, city, MONDAY)
    assert _nearest_m(plan, times) > 150.0


def _nearest_m(plan, times: Schedule) -> float:
    """The least distance of two drones in the air, from corners and leg times of their own, every half second."""
    zero = times.departures[0].takes_off_at
    flown = []
    for one in times.departures:
        station = plan.stations[one.station]
        corners = one.flight.path_uv(station)
        climb_s = station.height_m / DRONE.kinematics.climb_m_s
        at = [0.0, climb_s]
        motion = DRONE.kinematics
        courses = [math.degrees(math.atan2(b[0] - a[0], b[1] - a[1])) for a, b in itertools.pairwise(corners)]
        turns = [abs((b - a + 180) % 360 - 180) for a, b in itertools.pairwise(courses)]
        passes = [0.0, *(motion.corner_speed_m_s(turn, station.speed_m_s) for turn in turns), 0.0]
        for (a, b), turn, (enter, leave) in zip(
            itertools.pairwise(corners), [*turns, 0.0], itertools.pairwise(passes), strict=True
        ):
            along_s = motion.leg_seconds(math.dist(a, b), station.speed_m_s, enter, leave)
            at.append(at[-1] + along_s + (turn / 90.0 if leave == 0.0 else 0.0))
        flown.append(((one.takes_off_at - zero).total_seconds(), np.array(at), np.array([corners[0], *corners])))
    nearest = math.inf
    for (a0, a_at, a_uv), (b0, b_at, b_uv) in itertools.combinations(flown, 2):
        begins, ends = max(a0, b0), min(a0 + a_at[-1], b0 + b_at[-1])
        if begins < ends:
            at = np.arange(begins, ends, 0.5)
            gap = [np.interp(at - a0, a_at, a_uv[:, k]) - np.interp(at - b0, b_at, b_uv[:, k]) for k in (0, 1)]
            nearest = min(nearest, float(np.hypot(*gap).min()))
    return nearest
