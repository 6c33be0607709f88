"""Plans of re-flights: who flies to what, and the missions that come of it."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from reflight_builders import DRONE, GROUND, a_dock, a_fleet, a_target, en, lonlat, scattered
from shapely.geometry import LineString, box

from flightplan.coverage.routing import Router, obstacles
from flightplan.errors import CannotPlan, InvalidMission
from flightplan.files import read_plan, read_waypoints, read_wpml, write_plan, write_waypoints, write_wpml
from flightplan.fleet.model import Curfew
from flightplan.flying.flight import fly
from flightplan.link.link import open_link
from flightplan.link.upload import upload
from flightplan.mission.items import PhotosByDistance, PointCamera, Waypoint
from flightplan.mission.limits import FlightLimits
from flightplan.mission.profile import profile_of
from flightplan.mission.wind import Wind
from flightplan.reflight.departures import departures_of, track_of
from flightplan.reflight.missions import mission_of
from flightplan.reflight.plan import plan_reflight
from flightplan.reflight.search import Problem, search_flights
from flightplan.reflight.views import ViewRules
from flightplan.reflight.visits import DroneKind, travel_s
from flightplan.times import Hours
from flightplan.vehicle import SimulatedVehicle
from geo.camera import camera_by_name


def a_problem(visits, docks=1, seed=0, limit_s=1_500.0, side_m=6_000.0, **changes):
    dice = np.random.default_rng(seed)
    places = dice.uniform(0, side_m, (docks + visits, 2))
    travel = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)) / 12.0
    # Not the same there and back, as visits take their time.
    travel[:, docks:] += dice.uniform(5, 40, visits)
    np.fill_diagonal(travel, 0.0)
    fields = {
        "travel_s": travel[None],
        "kind": np.zeros(docks, dtype=np.intp),
        "fixed_s": np.full(docks, 60.0),
        "limit_s": np.full(docks, limit_s),
        "items": np.r_[np.zeros(docks, dtype=np.intp), np.full(visits, 10)].astype(np.intp),
        "most_items": np.full(docks, 600, dtype=np.intp),
        "allowed": np.ones((docks, docks + visits), dtype=np.bool_),
        "loss_s": np.r_[np.zeros(docks), np.full(visits, 1e5)],
    }
    return Problem(**{**fields, **changes})


def seconds_of(problem, dock, visits):
    way = [dock, *visits, dock]
    travel = problem.travel_s[problem.kind[dock]]
    return problem.fixed_s[dock] + sum(travel[a, b] for a, b in itertools.pairwise(way))


def best_of_all(problem):
    """Tries every partition into flights and every order."""
    visits = list(range(problem.docks, problem.nodes))
    single = {}
    for size in range(1, len(visits) + 1):
        for chosen in itertools.combinations(visits, size):
            costs = [
                seconds_of(problem, dock, order)
                for dock in range(problem.docks)
                for order in itertools.permutations(chosen)
            ]
            single[chosen] = min((cost for cost in costs if cost <= problem.limit_s[0]), default=math.inf)

    def least(left):
        if not left:
            return 0.0
        first, rest = left[0], left[1:]
        tries = [
            single[(first, *more)] + least(tuple(one for one in rest if one not in more))
            for size in range(len(rest) + 1)
            for more in itertools.combinations(rest, size)
        ]
        return min(tries)

    return least(tuple(visits))


@pytest.mark.parametrize("seed", range(3))
def test_a_small_problem_is_solved_as_well_as_trying_everything(seed):
    problem = a_problem(6, docks=2, seed=seed, limit_s=1_200.0)

    found = search_flights(problem, rounds=300)

    assert sum(found.seconds) == pytest.approx(best_of_all(problem), rel=1e-9)


@settings(max_examples=12, deadline=None)
@given(visits=st.integers(1, 25), docks=st.integers(1, 3), seed=st.integers(0, 99), limit_s=st.floats(700, 3_000))
def test_every_flight_keeps_its_limits_and_everything_is_visited_once_or_left_out(visits, docks, seed, limit_s):
    problem = a_problem(visits, docks=docks, seed=seed, limit_s=limit_s)

    found = search_flights(problem, rounds=60)

    flown = [visit for _, flight in found.flights for visit in flight]
    assert sorted([*flown, *found.left_out]) == list(range(docks, docks + visits))
    for (dock, flight), seconds in zip(found.flights, found.seconds, strict=True):
        assert flight
        assert seconds == pytest.approx(seconds_of(problem, dock, flight))
        assert seconds <= limit_s
        assert sum(problem.items[list(flight)]) <= 600
    for visit in found.left_out:
        assert all(seconds_of(problem, dock, [visit]) > limit_s for dock in range(docks))


def test_the_same_search_finds_the_same_flights_and_more_rounds_none_worse():
    problem = a_problem(30, docks=2, seed=5)
    few, again, many = (search_flights(problem, rounds=rounds) for rounds in (40, 40, 250))

    assert few == again
    assert sum(many.seconds) <= sum(few.seconds) <= sum(search_flights(problem, rounds=0).seconds)


def test_a_visit_out_of_a_dock_s_reach_or_store_is_flown_from_another():
    allowed = np.ones((2, 8), dtype=np.bool_)
    allowed[0, 2:] = False
    problem = a_problem(6, docks=2, allowed=allowed)
    assert {dock for dock, _ in search_flights(problem, rounds=50).flights} == {1}

    problem = a_problem(6, docks=2, most_items=np.array([5, 20], dtype=np.intp))
    assert all(dock == 1 and len(flight) <= 2 for dock, flight in search_flights(problem, rounds=50).flights)


def test_with_few_flights_the_most_urgent_are_flown():
    loss = np.r_[0.0, np.full(12, 1e5)]
    loss[[3, 7]] *= 16
    problem = a_problem(12, limit_s=800.0, loss_s=loss, most_flights=1)

    found = search_flights(problem, rounds=300)

    assert len(found.flights) == 1
    assert {3, 7} <= set(found.flights[0][1])
    assert found.left_out


def photos_of(mission):
    """Place and height of every photo, and the nose's direction there, from the mission's items alone."""
    found, here = [], en(mission.home.lon, mission.home.lat)
    before = here
    for item in mission.items:
        if isinstance(item, Waypoint):
            place, alt_m = en(item.lon, item.lat), item.alt_m
            if np.hypot(*(place - here)) > 0.01:
                before, here = here, place
        elif isinstance(item, PhotosByDistance):
            found.append((here, alt_m, math.degrees(math.atan2(*(here - before))) % 360))
    return found


@pytest.fixture(scope="module")
def planned():
    targets = [
        replace(target, view="oblique" if number % 3 == 0 else "nadir", resolution_m=0.04, priority=1 + number % 4)
        for number, target in enumerate(scattered(18, seed=4))
    ]
    targets.append(a_target("long", 500.0, 900.0, length_m=80.0, width_m=10.0))
    shut = [box(*lonlat(-700, -3_000), *lonlat(-400, 1_000))]
    fleet = a_fleet(a_dock("west", -1_500.0, 0.0), a_dock("east", 1_800.0, 300.0, drones=2))
    plan = plan_reflight(targets, fleet, no_fly=shut, rounds=200)
    missions = [mission_of(plan, sortie, f"flight {number}") for number, sortie in enumerate(plan.sorties)]
    return plan, missions, shut


def test_everything_that_can_be_seen_is_flown_to_from_docks_near_it(planned):
    plan, _, _ = planned
    seen = [visit.target.target_id for sortie in plan.sorties for visit in sortie.visits]

    assert len(seen) == len(set(seen))
    assert len(seen) + len(plan.not_planned) == 19
    assert {sortie.dock.name for sortie in plan.sorties} == {"west", "east"}
    for name, reason in plan.not_planned:
        assert "nobody may fly" in reason, name


def test_no_leg_leads_over_a_place_where_nobody_may_fly(planned):
    _, missions, shut = planned
    forbidden = shapely.transform(shut[0], GROUND.en_from_lonlat)

    for mission in missions:
        path = LineString(GROUND.en_from_lonlat(np.array(mission.path_lonlat())))
        assert path.intersection(forbidden).length == 0.0


def test_each_flight_fits_its_battery_and_takes_no_longer_than_planned(planned):
    plan, missions, _ = planned
    for sortie, mission in zip(plan.sorties, missions, strict=True):
        waits_s = sum(waypoint.hold_s for waypoint in mission.waypoints)
        duration_s = mission.figures(sortie.dock.drone.kinematics).duration_s + waits_s
        assert 0.8 * sortie.seconds <= duration_s <= sortie.seconds <= DRONE.usable_s


def test_the_mission_takes_each_photo_where_the_view_wants_it(planned):
    plan, missions, _ = planned
    for sortie, mission in zip(plan.sorties, missions, strict=True):
        shots = [shot for visit in sortie.visits for shot in visit.shots]
        photos = photos_of(mission)
        assert len(photos) == len(shots) == mission.figures().photos
        pitches = [item.pitch_deg for item in mission.items if isinstance(item, PointCamera)]
        assert [key for key, _ in itertools.groupby(shot.pitch_deg for shot in shots)] == pitches
        for (place, alt_m, nose_deg), shot in zip(photos, shots, strict=True):
            wanted = plan.frame.lonlat_from_en(np.array([shot.point_en]))[0]
            assert np.hypot(*(place - en(*wanted))) < 0.05
            assert alt_m == pytest.approx(shot.height_m, abs=0.01)
            if shot.run_in_en is not None:
                ahead = np.array(shot.centre_en) - np.array(shot.point_en)
                looks_deg = math.degrees(math.atan2(*ahead)) % 360
                assert abs((nose_deg - looks_deg + 180) % 360 - 180) < 0.5


def test_the_missions_survive_every_format(planned, tmp_path):
    _, missions, _ = planned
    mission = max(missions, key=lambda one: len(one.items))
    write_plan(tmp_path / "m.plan", mission)
    write_waypoints(tmp_path / "m.waypoints", mission)
    write_wpml(tmp_path / "m.kmz", mission)

    dock = read_wpml(tmp_path / "m.kmz", mission.limits)
    assert dock.lost == ()
    for read in (
        read_plan(tmp_path / "m.plan", mission.limits),
        read_waypoints(tmp_path / "m.waypoints", mission.limits),
        dock.mission,
    ):
        assert len(photos_of(read)) == len(photos_of(mission))
        for (place, alt_m, _), (other, other_m, _) in zip(photos_of(read), photos_of(mission), strict=True):
            assert np.hypot(*(place - other)) < 0.05
            assert alt_m == pytest.approx(other_m, abs=0.01)


def test_the_most_urgent_flight_is_first(planned):
    plan, _, _ = planned
    most = [max(visit.target.priority for visit in sortie.visits) for sortie in plan.sorties]
    assert most == sorted(most, reverse=True)


def test_what_cannot_be_flown_to_is_named_with_the_reason():
    targets = [
        a_target("near", 500.0, 0.0),
        a_target("far", 9_500.0, 0.0),
        a_target("farther", 14_000.0, 0.0),
        a_target("sharp", 600.0, 0.0, resolution_m=0.004),
        a_target("shut", -500.0, 0.0),
    ]
    shut = [box(*lonlat(-600, -100), *lonlat(-400, 100))]
    weak = a_fleet(a_dock(drone=replace(DRONE, endurance_s=1_000.0)))

    plan = plan_reflight(targets, weak, no_fly=shut)

    assert [visit.target.target_id for sortie in plan.sorties for visit in sortie.visits] == ["near"]
    assert dict(plan.not_planned) == {
        "far": "one battery does not reach it and back",
        "farther": "it lies farther from every dock than drones may fly",
        "sharp": "dji-m3d sees nothing at 0.4 cm per pixel from 30 m above ground or higher",
        "shut": "every place to see it from lies where nobody may fly",
    }


def test_an_oblique_view_is_taken_from_another_side_where_the_best_one_is_shut():
    # The dock lies west, and west of the case nobody may fly.
    shut = [box(*lonlat(880, 400), *lonlat(990, 600))]
    plan = plan_reflight([a_target(view="oblique", resolution_m=0.05)], a_fleet(), no_fly=shut)

    ((visit,),) = [sortie.visits for sortie in plan.sorties]
    (shot,) = visit.shots
    assert math.dist(shot.point_en, shot.centre_en) == pytest.approx(shot.height_m)
    assert not shapely.transform(shut[0], plan.frame.en_from_lonlat).covers(shapely.Point(shot.point_en))
    assert mission_of(plan, plan.sorties[0], "m").figures().photos == 1

    asked = replace(a_target(view="oblique", resolution_m=0.05), bearing_deg=63.0)
    refused = plan_reflight([asked], a_fleet(), no_fly=shut)
    assert refused.not_planned == (("case 1", "every place to see it from lies where nobody may fly"),)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 999))
def test_ways_between_many_places_are_those_that_the_router_finds_one_by_one(seed):
    dice = np.random.default_rng(seed)
    shut = [shapely.Point(*dice.uniform(-800, 800, 2)).buffer(float(dice.uniform(50, 300)), 2) for _ in range(5)]
    router = Router(obstacles(shut, 3.0))
    places = [place for place in dice.uniform(-1_200, 1_200, (10, 2)) if not router.is_inside(tuple(place))]
    places = np.array(places)
    blown = replace(DRONE.kinematics, wind=Wind(speed_m_s=8.0, from_deg=float(dice.uniform(0, 360))))
    kind = DroneKind(camera=camera_by_name("dji-m3d"), kinematics=blown, speed_m_s=15.0)

    seconds = travel_s([tuple(place) for place in places.tolist()], [], kind, router)

    for (a, one), (b, other) in itertools.permutations(enumerate(places.tolist()), 2):
        way = router.route(tuple(one), tuple(other))
        legs = np.diff(np.array(way).reshape(-1, 2), axis=0)
        assert seconds[a, b] == pytest.approx(kind.legs_s(legs).sum() if way else math.inf)


def test_the_waypoint_beside_a_case_over_the_dock_lies_where_one_may_fly():
    shut = [shapely.transform(box(-30.0, 6.0, 30.0, 60.0), GROUND.lonlat_from_en)]
    # From the height of the way itself: one place, straight over the dock.
    plan = plan_reflight(
        [a_target("over", 0.0, 0.0, resolution_m=1.0)], a_fleet(a_dock("d", 0.0, 0.0)), no_fly=shut, rounds=0
    )
    mission = mission_of(plan, plan.sorties[0], "m")

    assert len(mission.waypoints) == 2
    assert not LineString(mission.path_lonlat()).intersects(shut[0])


def test_a_leg_against_the_wind_takes_longer_and_one_with_it_no_less_than_the_drones_speed_allows():
    still = DroneKind(camera=camera_by_name("dji-m3d"), kinematics=DRONE.kinematics, speed_m_s=15.0)
    blown = replace(still, kinematics=replace(DRONE.kinematics, wind=Wind(speed_m_s=10.0, from_deg=0.0)))
    north, south, east = np.array([[0.0, 1_500.0], [0.0, -1_500.0], [1_500.0, 0.0]])
    calm_s = float(still.legs_s(north))

    # 20 m/s through the air: 10 are left against it, and 17.3 across it, which is more than it flies.
    assert float(blown.legs_s(north)) == pytest.approx(1_500 / 10 + 10 / 3 + 2, abs=0.1)
    assert float(blown.legs_s(south)) == pytest.approx(calm_s)
    assert float(blown.legs_s(east)) == pytest.approx(calm_s)


def test_in_wind_no_flight_lasts_longer_than_its_battery():
    fleet, calmed = a_fleet(a_dock("d", 0.0, 0.0)).in_wind(Wind(speed_m_s=11.0, from_deg=0.0))
    targets = [a_target(f"case {number}", 400.0 * number, 5_000.0) for number in range(8)]
    plan = plan_reflight(targets, fleet, rounds=300)
    calm = plan_reflight(targets, a_fleet(a_dock("d", 0.0, 0.0)), rounds=300)

    assert calmed == ()
    assert plan.seconds > 1.2 * calm.seconds
    for sortie in plan.sorties:
        drone = sortie.dock.drone
        flown_s = mission_of(plan, sortie, "m").figures(drone.kinematics).duration_s
        assert flown_s <= sortie.seconds <= drone.usable_s


def test_a_place_shut_in_by_obstacles_is_reached_by_nobody():
    yard = shapely.box(-500, -500, 500, 500).difference(shapely.box(-300, -300, 300, 300))
    shut = [shapely.transform(yard, GROUND.lonlat_from_en)]
    plan = plan_reflight(
        [a_target("yard", 0.0, 0.0), a_target("street", 900.0, 0.0)], a_fleet(a_dock("d", 700.0, 700.0)), no_fly=shut
    )

    assert [visit.target.target_id for sortie in plan.sorties for visit in sortie.visits] == ["street"]
    assert plan.not_planned == (("yard", "no way leads there round the places where nobody may fly"),)


def test_a_dock_where_nobody_may_fly_is_left_out_and_named():
    shut = [box(*lonlat(-100, -100), *lonlat(100, 100))]
    plan = plan_reflight([a_target()], a_fleet(a_dock("shut"), a_dock("open", 500.0, 0.0)), no_fly=shut)

    assert plan.docks_left_out == ("shut",)
    assert [sortie.dock.name for sortie in plan.sorties] == ["open"]


class Slope:
    """Ground that rises to the east."""

    def heights_m(self, lonlat):
        return 50.0 + 0.05 * GROUND.en_from_lonlat(np.asarray(lonlat))[:, 0]


def test_over_a_slope_photos_are_as_high_above_the_ground_as_they_must_be():
    targets = [a_target("up", 1_500.0, 200.0, resolution_m=0.02), a_target("down", -800.0, 300.0, resolution_m=0.02)]
    plan = plan_reflight(targets, a_fleet())
    (sortie,) = plan.sorties

    mission = mission_of(plan, sortie, "slope", terrain=Slope())

    assert mission.home.alt_msl_m == pytest.approx(50.0, abs=0.5)
    for (place, alt_m, _), visit in zip(photos_of(mission), sortie.visits, strict=True):
        above_m = alt_m + mission.home.alt_msl_m - (50.0 + 0.05 * place[0])
        assert above_m == pytest.approx(visit.shots[0].height_m, abs=0.5)
    profile = profile_of(mission)
    assert profile.agl_m[1:-1].min() > 29.0
    assert profile.agl_m.max() < 101.0


@pytest.mark.parametrize("east_m", [1_200.0, 0.0])
def test_a_flight_to_a_single_photo_has_the_two_waypoints_that_vehicles_want(east_m):
    plan = plan_reflight([a_target(east_m=east_m, north_m=0.0)], a_fleet())

    mission = mission_of(plan, plan.sorties[0], "one")

    first, second = (en(point.lon, point.lat) for point in mission.waypoints)
    assert np.hypot(*(second - np.array([east_m, 0.0]))) < 0.05
    assert 9.9 < np.hypot(*(first - second)) <= 601
    assert mission.figures().photos == 1


def test_a_limit_that_is_broken_is_no_mission():
    plan = plan_reflight([a_target()], a_fleet())
    with pytest.raises(InvalidMission, match="exceeds 60 m"):
        mission_of(plan, plan.sorties[0], "low", limits=FlightLimits(max_height_agl_m=60.0))


@pytest.mark.parametrize(
    ("targets", "more", "problem"),
    [
        ([], {}, "nothing to look at"),
        ([a_target("a"), a_target("a")], {}, "the id 'a' is given twice"),
        ([a_target()], {"most_flights": 0}, "0 flights are none"),
        ([a_target(str(number)) for number in range(1_001)], {}, "too many"),
        ([a_target()], {"no_fly": [box(118.0, 28.0, 119.0, 29.0)]}, "every dock lies"),
    ],
)
def test_what_cannot_be_planned_is_refused(targets, more, problem):
    with pytest.raises(CannotPlan, match=problem):
        plan_reflight(targets, a_fleet(), **more)


def test_a_target_that_two_kinds_of_drones_see_differently_is_flown_by_the_one_that_can():
    coarse = replace(DRONE, name="coarse", camera="dji-mini", max_range_m=9_000.0)
    fleet = a_fleet(a_dock("near", 900.0, 500.0, drone=coarse), a_dock("far", -1_000.0, 0.0))
    plan = plan_reflight([a_target(resolution_m=0.009)], fleet, ViewRules(lowest_m=32.0))

    (sortie,) = plan.sorties
    assert sortie.dock.name == "far"


def test_flights_take_off_within_the_fleet_s_hours_after_charging():
    zone = ZoneInfo("Asia/Shanghai")
    fleet = a_fleet(
        a_dock(),
        hours=(Hours(begins=time(8), ends=time(9, 30)),),
        curfews=(Curfew(first_day=date(2026, 11, 24), last_day=date(2026, 11, 24)),),
        time_zone=zone,
    )
    plan = plan_reflight(scattered(60, side_m=11_000.0), fleet, rounds=20)
    assert len(plan.sorties) >= 4

    times = departures_of(plan, date(2026, 11, 23))

    assert [one.sortie for one in times] == list(plan.sorties)
    assert times[0].takes_off_at == datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
    for one, other in itertools.pairwise(times):
        assert (other.takes_off_at - one.lands_at).total_seconds() >= DRONE.turnaround_s
    for one in times:
        assert time(8) <= one.takes_off_at.time() <= one.lands_at.time() <= time(9, 30)
        assert one.takes_off_at.date() != date(2026, 11, 24)
    shut = replace(plan, fleet=replace(fleet, hours=(Hours(begins=time(8), ends=time(8, 5)),)))
    with pytest.raises(CannotPlan, match="Open longer hours"):
        departures_of(shut, date(2026, 11, 23))


def test_two_drones_of_a_dock_fly_at_the_same_time_but_never_near_one_another():
    fleet = a_fleet(a_dock("one", drones=2), a_dock("two", 700.0, 0.0))
    plan = plan_reflight(scattered(50, side_m=9_000.0), fleet, rounds=50)

    times = departures_of(plan, date(2026, 11, 23))

    assert {one.drone for one in times} == {"one/1", "one/2", "two"}
    together = 0
    for one, other in itertools.combinations(times, 2):
        begins = max(one.takes_off_at, other.takes_off_at)
        ends = min(one.lands_at, other.lands_at)
        together += begins < ends
        for second in range(0, max(math.floor((ends - begins).total_seconds()), 0), 5):
            at = begins + timedelta(seconds=second)
            tracks = (
                track_of(plan, each.sortie).places(np.array([(at - each.takes_off_at).total_seconds()]))[0]
                for each in (one, other)
            )
            assert math.dist(*tracks) >= 150.0
    assert together


def test_a_track_ends_when_the_flight_does_and_passes_every_photo(planned):
    plan, _, _ = planned
    for sortie in plan.sorties:
        track = track_of(plan, sortie)
        assert (np.diff(track.at_s) >= 0).all()
        assert track.at_s[-1] == pytest.approx(sortie.seconds, abs=1.0)
        for shot in (shot for visit in sortie.visits for shot in visit.shots):
            assert np.hypot(*(track.places_m - shot.point_en).T).min() < 1e-6


def test_a_simulated_vehicle_takes_exactly_the_photos_of_a_re_flight_where_they_are_due():
    targets = [
        a_target("down", 250.0, 60.0, resolution_m=0.02),
        a_target("aside", 420.0, -80.0, view="oblique", resolution_m=0.04),
    ]
    plan = plan_reflight(targets, a_fleet(a_dock(alt_msl_m=71.5)))
    mission = mission_of(plan, plan.sorties[0], "flown")
    shots = [shot for visit in plan.sorties[0].visits for shot in visit.shots]

    home = {"home_lon": mission.home.lon, "home_lat": mission.home.lat, "home_alt_msl_m": 71.5}
    with SimulatedVehicle(speedup=40.0, **home).running() as vehicle, open_link(vehicle.address) as link:
        upload(link, mission)
        log = fly(link, mission)

    assert log.completed
    assert len(log.photos) == len(shots) == 2
    for photo, shot in zip(log.photos, shots, strict=True):
        due = plan.frame.lonlat_from_en(np.array([shot.point_en]))[0]
        # The trigger fires on leaving: a few metres on.
        assert np.hypot(*(en(photo.lon, photo.lat) - en(*due))) < 15.0
