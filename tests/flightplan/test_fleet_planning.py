"""A city's areas shared out among its drones: every row once, no battery overdrawn, and not far from the best."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import shapely
from fleet_builders import CITY, DRONE, PATROL, a_plan, fleet, lonlat, square
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Polygon, box

from flightplan.coverage.routing import Router
from flightplan.errors import CannotPlan
from flightplan.fleet.formula import CityFormula
from flightplan.fleet.missions import FleetMissions
from flightplan.fleet.plan import FleetPlan, Survey, plan_fleet
from flightplan.fleet.strips import ends_en, lay_strips
from flightplan.fleet.tours import Ways, plan_tour
from flightplan.mission.mission import PhotosByDistance, Waypoint


@pytest.mark.parametrize(
    ("sidelap", "spacing_m", "days", "bound_h"),
    [(0.6, 69.2, 2.24, 17.4), (0.2, 138.3, 1.12, 8.7), (0.1, 155.6, 0.99, 7.7)],
)
def test_the_formula_gives_the_known_figures_of_a_city_of_2000_km2_and_70_docks(sidelap, spacing_m, days, bound_h):
    formula = CityFormula(sidelap=sidelap)
    assert round(formula.row_spacing_m, 1) == spacing_m
    assert round(formula.days(area_m2=2e9, docks=70), 2) == days
    unhindered = replace(formula, turn_s=0.0, transit_m=0.0)
    assert round(unhindered.seconds(area_m2=2e9, docks=70) / 3_600, 1) == bound_h


def test_the_formula_refuses_docks_so_few_that_the_way_takes_the_battery():
    with pytest.raises(CannotPlan, match="Give more docks"):
        CityFormula().days(area_m2=2e9, docks=1)


def test_every_cell_is_flown_once_and_no_flight_lasts_longer_than_its_battery_allows():
    plan = a_plan([square(9_000)], fleet((-2_000, 0), (2_500, 1_000), (0, -3_000)))
    flown = Counter(cell for tour in plan.tours for flight in tour.flights for cell in flight.cells)
    assert flown == Counter(range(len(plan.strips)))
    assert all(flight.seconds <= DRONE.usable_s for tour in plan.tours for flight in tour.flights)
    assert all(tour.flights for tour in plan.tours)
    assert plan.seconds <= 1.2 * plan.least_s
    shown_m = sum(math.dist(*run) for tour in plan.tours for flight in tour.flights for run in flight.runs_uv)
    assert shown_m == pytest.approx(plan.strips.length_m.sum(), rel=1e-6)


def test_a_flight_lasts_as_long_as_the_mission_made_of_it():
    plan = a_plan([square(6_000)], fleet((-1_000, 500), (1_500, 0)))
    makes = FleetMissions(plan)
    for number, tour in enumerate(plan.tours):
        for flight in tour.flights:
            told_s = makes.mission(number, flight, "x").figures(DRONE.kinematics).duration_s
            assert told_s <= flight.seconds + 0.1
            assert told_s == pytest.approx(flight.seconds, rel=0.01)


@pytest.mark.parametrize(
    "hole",
    [box(-600, -300, 500, 700), box(-600, -215, 500, 700), box(-1_500, -10, 1_500, 10), box(-700, -500, -100, -230)],
)
def test_photos_of_all_missions_show_the_whole_area(hole):
    area = lonlat(Polygon(box(-2_000, -1_500, 2_000, 1_500).exterior, [hole.exterior.coords]))
    plan = a_plan([area], fleet((-1_800, 0), (1_800, 0)))
    across_m, along_m = 172.9, 129.7
    pictures = []
    makes = FleetMissions(plan)
    for number, tour in enumerate(plan.tours):
        for flight in tour.flights:
            mission = makes.mission(number, flight, "x")
            places = CITY.en_from_lonlat(np.array([(one.lon, one.lat) for one in mission.waypoints]))
            for (start, end), trigger_m in _photo_runs(mission, places):
                length_m = math.dist(start, end)
                heading = math.degrees(math.atan2(end[1] - start[1], end[0] - start[0]))
                for run_m in np.arange(0, length_m + 1e-6, trigger_m):
                    x, y = np.array(start) + (np.array(end) - np.array(start)) * run_m / length_m
                    picture = box(x - along_m / 2, y - across_m / 2, x + along_m / 2, y + across_m / 2)
                    pictures.append(shapely.affinity.rotate(picture, heading, origin=(x, y)))
                assert not LineString([start, end]).intersects(hole)
    shown = shapely.union_all(pictures)
    ground = Polygon(box(-2_000, -1_500, 2_000, 1_500).exterior, [hole.buffer(3, join_style="mitre").exterior.coords])
    assert ground.difference(shown).area < 1e-4 * ground.area


def _photo_runs(mission, places):
    """Stretches with the camera on, and their distance between photos."""
    index, trigger = -1, None
    for item in mission.items:
        if isinstance(item, Waypoint):
            index += 1
            if trigger is not None:
                yield (places[index - 1].tolist(), places[index].tolist()), trigger.distance_m
            trigger = None
        elif isinstance(item, PhotosByDistance):
            trigger = item


def test_no_leg_crosses_a_place_that_nobody_may_fly_over():
    forbidden = box(-400, -1_900, 300, 1_800)
    plan = a_plan([square()], fleet((-1_500, 0), (1_500, 0)), no_fly=[lonlat(forbidden)])
    makes = FleetMissions(plan)
    paths = [
        LineString(CITY.en_from_lonlat(np.array(makes.mission(number, flight, "x").path_lonlat())))
        for number, tour in enumerate(plan.tours)
        for flight in tour.flights
    ]
    assert len(paths) > 1
    assert max(path.intersection(forbidden).length for path in paths) == 0.0
    assert plan.area_m2 == pytest.approx(16e6 - 706 * 3_706, rel=0.002)


def test_areas_that_touch_are_flown_as_one_and_areas_apart_are_all_flown():
    halves = [lonlat(box(-2_000, -2_000, 0, 2_000)), lonlat(box(0, -2_000, 2_000, 2_000))]
    whole, joined = a_plan([square()]), a_plan(halves)
    assert len(joined.strips) == len(whole.strips)
    assert joined.seconds == pytest.approx(whole.seconds, rel=1e-3)
    apart = a_plan([square(1_000), square(1_000, east_m=5_000)])
    assert apart.area_m2 == pytest.approx(2e6, rel=1e-3)
    places = ends_en(apart.strips)[:, 0, 0]
    assert (places < 1_000).any()
    assert (places > 1_000).any()


def test_an_island_in_a_hole_is_flown_over():
    outer, hole, island = (
        box(-2_000, -2_000, 2_000, 2_000),
        box(-1_000, -1_000, 1_000, 1_000),
        box(-500, -500, 500, 500),
    )
    areas = [lonlat(Polygon(outer.exterior, [hole.exterior.coords])), lonlat(island)]
    plan = a_plan(areas, fleet((-1_500, 0), (100, 0)))
    assert plan.area_m2 == pytest.approx(13e6, rel=0.01)
    on_island = (np.abs(ends_en(plan.strips)) < 510).all(axis=(1, 2))
    assert on_island.any()
    owners = {
        number for number, tour in enumerate(plan.tours) for one in tour.flights if on_island[list(one.cells)].any()
    }
    assert owners == {1}
    # Without a dock on it nobody gets there.
    alone = a_plan(areas, fleet((-1_500, 0)))
    assert alone.unreached_m2 == pytest.approx(1e6, rel=0.2)
    flown = [cell for tour in alone.tours for flight in tour.flights for cell in flight.cells]
    assert not (np.abs(ends_en(alone.strips))[flown] < 510).all(axis=(1, 2)).any()


def test_where_a_forbidden_strip_parts_the_city_each_side_is_flown_from_its_own_dock():
    wall = lonlat(box(-100, -20_000, 100, 20_000))
    plan = a_plan([square(6_000)], fleet((-300, 0), (2_500, 0)), no_fly=[wall])
    assert plan.unreached_m2 < 1e5
    sides = [
        {math.copysign(1, plan.strips.ends_uv[c, 0, 0]) for f in tour.flights for c in f.cells} for tour in plan.tours
    ]
    assert all(len(side) == 1 for side in sides)


def test_districts_apart_are_flown_one_after_the_other():
    east, west = square(3_000, east_m=4_000, north_m=37.0), square(3_000, east_m=-4_000)
    docks = (0.0, 0.0)
    together = a_plan([east, west], fleet(docks)).seconds
    alone = a_plan([east], fleet(docks)).seconds + DRONE.turnaround_s + a_plan([west], fleet(docks)).seconds
    assert together <= 1.1 * alone


def test_evening_out_torn_blocks_flies_nothing_twice(monkeypatch):
    monkeypatch.setattr("flightplan.fleet.plan._LEAST_BLOCKS", 46)
    monkeypatch.setattr("flightplan.fleet.plan._BLOCKS_PER_STATION", 1)
    for seed in (3, 9, 10, 11):
        places = np.random.default_rng(seed).uniform(-4_500, 4_500, (8, 2)).tolist()
        near = replace(DRONE, max_range_m=4_500.0)
        plan = a_plan([square(9_000)], fleet(*map(tuple, places), drone=near))
        flown = Counter(cell for tour in plan.tours for flight in tour.flights for cell in flight.cells)
        assert flown == Counter(range(len(plan.strips)))


def test_a_narrow_way_between_two_forbidden_places_is_photographed_all_the_same():
    shut = [lonlat(box(-1_000, 6, 1_000, 900)), lonlat(box(-1_000, -900, 1_000, -6))]
    plan = a_plan([square()], fleet((-1_800, 0)), no_fly=shut)
    makes = FleetMissions(plan)
    assert all(makes.mission(0, flight, "x").items for flight in plan.tours[0].flights)


def test_a_drone_that_may_hardly_fly_is_named():
    with pytest.raises(CannotPlan, match=r"dock D1: drone m3d may fly 68 s"):
        a_plan(of=fleet(drone=replace(DRONE, reserve=0.97)))


def test_ground_out_of_every_drones_reach_is_told_and_the_rest_is_flown():
    near = replace(DRONE, max_range_m=3_000.0)
    plan = a_plan([square(8_000)], fleet((0, 0), drone=near))
    assert plan.unreached_m2 + float(plan.strips.length_m.sum()) * plan.strips.spacing_m == pytest.approx(
        64e6, rel=0.05
    )
    farthest = np.hypot(*ends_en(plan.strips).reshape(-1, 2).T).max()
    assert farthest <= 3_000.0
    with pytest.raises(CannotPlan, match="no dock reaches any of the area"):
        a_plan([square(1_000, east_m=30_000)])


def test_docks_in_towns_reach_as_far_as_their_batteries_and_no_farther():
    plan = a_plan([square(22_000)], fleet((-300, 0), (300, 0), (0, 400)))
    assert plan.unreached_m2 > 0
    assert all(flight.seconds <= DRONE.usable_s for tour in plan.tours for flight in tour.flights)
    farthest = np.hypot(*ends_en(plan.strips).reshape(-1, 2).T).max()
    assert 9_000 < farthest < DRONE.usable_s * DRONE.speed_m_s / 2


def test_a_dock_in_a_forbidden_place_is_refused_by_name():
    with pytest.raises(CannotPlan, match="dock D1 stands where nobody may fly"):
        a_plan(no_fly=[square(500)])


def test_two_drones_of_one_dock_share_its_work():
    one, two = a_plan([square(7_000)]), a_plan([square(7_000)], fleet(drones=2))
    assert [station.name for station in two.stations] == ["D1/1", "D1/2"]
    assert two.seconds < 0.6 * one.seconds


def test_a_drone_far_from_its_share_gets_less_of_it():
    plan = a_plan([square(8_000, east_m=2_000)], fleet((-6_000, 0), (4_000, 0)))
    rows = [sum(len(flight.cells) for flight in tour.flights) for tour in plan.tours]
    assert rows[0] < 0.7 * rows[1]
    assert max(tour.seconds for tour in plan.tours) < 1.12 * min(tour.seconds for tour in plan.tours)


def test_flights_are_cut_as_well_as_by_trying_every_way_of_cutting():
    survey = replace(PATROL, cell_m=3_000.0)
    plan = plan_fleet([square(6_000)], fleet((500, -3_500)), survey)
    station, ways = plan.stations[0], Ways(plan.router)
    lines = sorted({float(v) for v in plan.strips.v_m})[:6]
    cells = np.flatnonzero(np.isin(plan.strips.v_m, lines))
    assert len(cells) == 12
    tour = plan_tour(plan.strips, cells, station, ways)
    assert tour is not None
    best = math.inf
    for forward in (True, False):
        # One direction for the whole tour: what the planner may choose besides can only be quicker.
        order = _serpentine(plan, cells, forward=forward)
        for cuts in itertools.product((False, True), repeat=len(order) - 1):
            bounds = [0, *(number + 1 for number, cut in enumerate(cuts) if cut), len(order)]
            seconds = [_seconds(plan, order[a:b]) for a, b in itertools.pairwise(bounds)]
            if max(seconds) <= station.usable_s:
                best = min(best, sum(seconds) + (len(seconds) - 1) * station.turnaround_s)
    assert tour.seconds <= best * 1.002
    assert len(tour.flights) > 1


def _serpentine(plan: FleetPlan, cells, *, forward: bool) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Ends of the cells in the order and direction of a lawn mower."""
    found = []
    for number, v in enumerate(sorted({float(one) for one in plan.strips.v_m[cells]})):
        mine = sorted(
            ((float(plan.strips.start_u_m[one]), v), (float(plan.strips.end_u_m[one]), v))
            for one in cells
            if plan.strips.v_m[one] == v
        )
        found += mine if forward == (number % 2 == 0) else [(end, start) for start, end in reversed(mine)]
    return found


def _seconds(plan: FleetPlan, runs) -> float:
    """A flight's time from `Kinematics` alone; a corner between cells of one line is none."""
    station = plan.stations[0]
    corners = [station.uv_m, *(point for run in runs for point in run), station.uv_m]
    kept = [point for number, point in enumerate(corners) if number == 0 or point != corners[number - 1]]
    return DRONE.kinematics.path_seconds(kept, station.speed_m_s) + station.vertical_s


def test_a_flight_over_long_rows_begins_beside_its_dock():
    plan = a_plan([square(5_000)], fleet((0, 0)))
    begins = [abs(flight.runs_uv[0][0][0]) for tour in plan.tours for flight in tour.flights]
    assert np.median(begins) < 1_200


def test_hardly_any_sharing_of_the_blocks_beats_the_time_that_sharing_reckons_with():
    survey = replace(PATROL, cell_m=1_250.0)
    plan = plan_fleet([square(2_500)], fleet((-900, -900), (1_400, 1_000)), survey)
    ways, blocks = Ways(plan.router), np.array_split(np.arange(len(plan.strips)), 9)
    best = math.inf
    for owners in itertools.product((0, 1), repeat=len(blocks)):
        tours = []
        for number in (0, 1):
            mine = [block for block, owner in zip(blocks, owners, strict=True) if owner == number]
            cells = np.concatenate([*mine, np.array([], dtype=int)])
            tours.append(plan_tour(plan.strips, cells, plan.stations[number], ways))
        best = min(best, max(tour.seconds for tour in tours if tour is not None))
    assert plan.least_s <= 1.05 * best
    assert plan.seconds <= 1.15 * best


def test_the_same_input_gives_the_same_plan():
    one, two = (a_plan([square(6_000)], fleet((-1_000, 0), (1_000, 0))) for _ in range(2))
    assert one.tours == two.tours


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    angle_deg=st.sampled_from((0.0, 17.0, 90.0, 133.0)),
    cell_m=st.sampled_from((700.0, 2_000.0)),
)
def test_no_place_of_any_area_is_farther_than_half_a_spacing_from_a_row(seed, angle_deg, cell_m):
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * math.pi, 9))
    radii = rng.uniform(300, 3_000, 9)
    area = Polygon(np.column_stack((radii * np.cos(angles), radii * np.sin(angles)))).buffer(0)
    spacing_m = 138.3
    strips = lay_strips([area], shapely.MultiPolygon(), spacing_m=spacing_m, cell_m=cell_m, angle_deg=angle_deg)
    lines = shapely.linestrings(ends_en(strips))
    shown = shapely.union_all(shapely.buffer(lines, spacing_m / 2 + 0.01, cap_style="flat"))
    assert area.difference(shown).area <= 1e-6 * area.area
    assert len(strips) == 1 or strips.length_m.max() <= cell_m + 2 * 200.0


def test_settings_out_of_range_are_refused():
    for wrong in (
        {"clearance_m": math.nan},
        {"angle_deg": math.nan},
        {"cell_m": 0.001},
        {"sidelap": 1.0},
        {"altitude_m": math.nan},
        {"cell_m": -1.0},
        {"frontlap": -0.1},
    ):
        with pytest.raises(CannotPlan, match="out of range"):
            Survey(**wrong)


def test_a_router_without_obstacles_blocks_nothing():
    assert Router(shapely.MultiPolygon()).blocked_legs(np.zeros((2, 2)), np.ones((2, 2))) == []
