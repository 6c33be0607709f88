"""The chart of a fleet's flights: what a person reads off it."""

from __future__ import annotations

import re
from datetime import date, time

import numpy as np
import pytest
from shapely.geometry import box

from flightplan.fleet.model import Curfew, Dock, DroneModel, Fleet
from flightplan.fleet.plan import Survey, plan_fleet
from flightplan.fleet.schedule import schedule
from flightplan.times import Hours
from flyonce.fleet_chart import FleetChart

MONDAY = date(2026, 11, 23)
AREA = box(118.84, 28.95, 118.88, 28.98)
SHUT = (0xE9, 0xEA, 0xE5)


@pytest.fixture(scope="module")
def chart():
    noon = Curfew(hours=Hours(begins=time(12), ends=time(13, 30)))
    drone = DroneModel(name="m3d")
    docks = (Dock(name="D1", lon=118.85, lat=28.965, drone=drone), Dock(name="D2", lon=118.87, lat=28.965, drone=drone))
    fleet = Fleet(docks=docks, hours=(Hours(begins=time(8), ends=time(18)),), curfews=(noon,))
    plan = plan_fleet([AREA], fleet, Survey(sidelap=0.6))
    return FleetChart(plan=plan, schedule=schedule(plan, fleet, MONDAY), lang="en")


def _at(page: str, clock: str) -> float:
    """Where a clock time stands on the page, pixels."""
    return float(re.search(rf'<text x="([\d.]+)"[^>]*>{clock}</text>', page)[1]) - 2


def test_hours_in_which_nobody_may_fly_are_shaded(chart):
    page = chart.page()
    shut = re.findall(r'<rect x="([\d.]+)" y="36" width="([\d.]+)"[^>]*><title>nobody flies', page)
    noon = next((float(left), float(width)) for left, width in shut if float(left) > _at(page, "11:00"))

    hour = _at(page, "13:00") - _at(page, "12:00")
    assert noon[0] == pytest.approx(_at(page, "12:00"), abs=0.2)
    assert noon[1] == pytest.approx(1.5 * hour, abs=0.2)


def test_no_flight_lies_in_a_shaded_place(chart):
    page = chart.page()
    spans = [
        (float(left), float(left) + float(width))
        for left, width in re.findall(r'<rect class="flight" x="([\d.]+)" y="\d+" width="([\d.]+)"', page)
    ]
    noon = _at(page, "12:00"), _at(page, "13:00")

    assert len(spans) == chart.plan.flights
    assert all(right <= noon[0] + 0.2 or left >= noon[1] for left, right in spans)


def test_the_picture_shades_them_too(chart):
    pixels = np.asarray(chart.png())

    assert 0.05 < (pixels == SHUT).all(axis=2).mean() < 0.9


def test_names_and_clock_are_parts_of_their_own_that_stay_in_sight(chart):
    page = chart.page()

    assert ".clock{position:sticky;top:0}.names{position:sticky;left:0}" in page
    assert re.search(r'class="names">.*?>D1</text>.*?100%|class="names">.*?>D2</text>.*?100%', page, re.DOTALL)


def test_the_page_says_what_the_busiest_drones_time_goes_into(chart):
    busiest = max(range(2), key=lambda number: chart.plan.tours[number].seconds)
    parts = chart.plan.time_of(busiest)

    assert sum(parts.values()) == pytest.approx(chart.plan.seconds)
    assert min(parts.values()) > 0
    assert f"rows {parts['over_rows'] / 3600:.1f}, ways and turns" in chart.page()
