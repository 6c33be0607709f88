"""The ground below every leg, the fence, motion blur, and what vehicles store."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import shapely
from flight_builders import FRAME, LAT, LON, a_mission, a_waypoint, lonlat, the_items
from flight_ground import HOME_M, a_model

from flightplan.errors import CannotPlan, InvalidMission
from flightplan.mission.fence import Fence, RallyPoint
from flightplan.mission.limits import VEHICLES, Exposure, FlightLimits, VehicleStore
from flightplan.mission.mission import PhotosByDistance, PhotosOff, ReturnHome, SetSpeed, TakeOff, Waypoint
from flightplan.mission.profile import profile_of


def level(east, north):
    return np.full_like(east, HOME_M)


def a_hill(east, north):
    """25 m per 100 m upwards to the north from 200 m on."""
    return HOME_M + np.maximum(north - 200.0, 0.0) * 0.25


def broken(mission, **changes):
    with pytest.raises(InvalidMission) as refused:
        replace(mission, **changes)
    return refused.value.violations


def test_the_terrains_heights_are_those_of_the_model(tmp_path):
    terrain = a_model(tmp_path / "hill.tif", a_hill)

    places = FRAME.lonlat_from_en(np.array([[0.0, 0.0], [100.0, 300.0], [-200.0, 500.0], [0.0, 9_000.0]]))
    heights = terrain.heights_m(places)
    assert heights[:3] == pytest.approx([HOME_M, HOME_M + 25.0, HOME_M + 75.0], abs=0.05)
    assert np.isnan(heights[3])


def test_true_height_falls_where_the_ground_rises(tmp_path):
    mission = a_mission()
    profile = profile_of(replace(mission, terrain=a_model(tmp_path / "hill.tif", a_hill)))

    en = FRAME.en_from_lonlat(profile.lonlat)
    assert profile.agl_m == pytest.approx(60.0 - np.maximum(en[:, 1] - 200.0, 0.0) * 0.25, abs=0.6)
    assert np.diff(profile.along_m).max() <= 10.0 + 1e-6
    assert profile.along_m[-1] == pytest.approx(mission.figures().length_m)


def test_a_leg_that_comes_too_near_to_a_hillside_is_a_breach_at_its_worst_place(tmp_path):
    terrain = a_model(tmp_path / "hill.tif", a_hill)
    limits = FlightLimits(min_height_agl_m=40.0)
    found = broken(a_mission(), terrain=terrain, limits=limits)

    # Home to 100 300 is 35 m above ground, so is all of the row to 160 300, and the beginning of the one back.
    assert [violation.rule for violation in found] == ["height above ground"] * 3
    assert "leg to item 6" in found[0].place
    assert "35.0 m above ground is too low" in found[0].problem


def test_a_valley_between_two_low_waypoints_breaks_the_120_m(tmp_path):
    terrain = a_model(tmp_path / "valley.tif", lambda e, n: HOME_M - 70.0 * (np.abs(n - 200.0) < 40.0))
    found = broken(a_mission(), terrain=terrain)

    assert {violation.rule for violation in found} == {"height above ground"}
    assert all("exceeds 120 m" in violation.problem for violation in found)


def test_without_terrain_a_height_above_home_is_the_true_one_and_the_remedy_names_terrain():
    items = [*the_items()]
    items[3] = replace(items[3], alt_m=130.0)
    found = broken(a_mission(), items=tuple(items))

    assert len(found) == 1
    assert "give the terrain" in found[0].remedy


def test_with_terrain_a_height_above_home_may_pass_120_m_over_a_hill(tmp_path):
    terrain = a_model(tmp_path / "hill.tif", lambda e, n: HOME_M + np.clip(n - 50.0, 0.0, 50.0))
    items = [replace(item, alt_m=130.0) if isinstance(item, Waypoint) else item for item in the_items()]

    mission = replace(a_mission(), terrain=terrain)
    assert replace(mission, items=tuple(items), limits=FlightLimits(max_height_agl_m=131.0)).terrain is terrain
    assert broken(mission, items=tuple(items))[0].remedy == "Fly lower, or get an approval"


def test_a_flight_off_the_model_is_refused(tmp_path):
    terrain = a_model(tmp_path / "small.tif", level, reach_m=200.0)
    found = broken(a_mission(), terrain=terrain)

    assert found[0].rule == "terrain"
    assert "no ground there" in found[0].problem


def test_a_gap_in_the_model_is_refused_too(tmp_path):
    terrain = a_model(
        tmp_path / "gap.tif", lambda e, n: np.where(np.abs(n - 200.0) < 30.0, -9999.0, HOME_M), nodata=-9999.0
    )

    assert broken(a_mission(), terrain=terrain)[0].rule == "terrain"


def a_ring(*places_en):
    return tuple(lonlat(east, north) for east, north in places_en)


def a_box(west, south, east, north):
    return a_ring(*shapely.get_coordinates(shapely.box(west, south, east, north))[:-1])


def test_a_fence_with_room_round_the_path_is_kept():
    fence = Fence(inside=(a_box(-20.0, -20.0, 200.0, 320.0),), outside=(a_box(120.0, 150.0, 140.0, 250.0),))

    assert replace(a_mission(), fence=fence).fence is fence
    assert fence.corners == 8


@pytest.mark.parametrize(
    ("fence", "place"),
    [
        # The row at 300 m north is 4 m from it.
        (Fence(inside=(a_box(-20.0, -20.0, 200.0, 304.0),)), "leg to waypoint 2"),
        (Fence(outside=(a_box(110.0, 296.0, 120.0, 400.0),)), "leg to waypoint 3"),
        (Fence(inside=(a_ring((-20, -20), (90, 110), (90, 320), (200, 320), (200, -20)),)), "leg to waypoint 1"),
        (Fence(inside=(a_box(-20, -20, 200, 320),), outside=(a_box(60, 30, 70, 50),)), "the way back home"),
    ],
)
def test_a_leg_that_leaves_the_fence_or_comes_near_it_is_a_breach(fence, place):
    found = broken(a_mission(), fence=fence)

    assert {violation.rule for violation in found} == {"fence"}
    assert place in [violation.place for violation in found]


def test_a_rally_point_must_lie_inside_the_fence():
    fence = Fence(inside=(a_box(-20.0, -20.0, 200.0, 320.0),))
    lon, lat = lonlat(400.0, 0.0)
    near = RallyPoint(lon=lonlat(50.0, 50.0)[0], lat=lonlat(50.0, 50.0)[1], alt_home_m=40.0)

    found = broken(a_mission(), fence=fence, rally=(near, RallyPoint(lon=lon, lat=lat, alt_home_m=40.0)))
    assert [violation.place for violation in found] == ["rally point 2"]


@pytest.mark.parametrize(
    ("ring", "said"),
    [
        (((118.0, 28.0), (118.1, 28.0)), "fewer than three"),
        (((118.0, 28.0), (118.1, 28.1), (118.1, 28.0), (118.0, 28.1)), "crosses itself"),
        (((118.0, 28.0), (118.1, 28.0), (118.1, 28.1), (118.0, 28.0)), "repeats its first"),
        (((28.0, 118.0), (28.1, 118.0), (28.1, 118.1)), "swapped"),
    ],
)
def test_a_ring_that_fences_nothing_is_refused(ring, said):
    with pytest.raises(CannotPlan, match=said):
        Fence(inside=(ring,))


def test_more_than_a_vehicle_stores_is_a_breach():
    fence = Fence(inside=(a_ring((-50, -50), (0, -60), (260, -50), (260, 400), (-50, 400)),))
    limits = FlightLimits(store=VehicleStore(items=12, fence_corners=4, rally_points=0))
    rally = (RallyPoint(lon=LON, lat=LAT, alt_home_m=40.0),)

    found = broken(a_mission(), fence=fence, rally=rally, limits=limits)
    assert [violation.rule for violation in found] == [
        "number of items", "number of fence corners", "number of rally points",
    ]  # fmt: skip
    assert replace(a_mission(), limits=FlightLimits(store=VEHICLES["px4"])).limits.max_items == 500


def test_rows_flown_faster_than_the_exposure_allows_are_a_breach():
    # A pixel sees 1.6 cm from 60 m; in 1/500 s at 10 m/s the ground moves 2 cm.
    exposure = Exposure(seconds=1 / 500, pixel_rad=0.016 / 60.0)
    found = broken(a_mission(), limits=FlightLimits(exposure=exposure))

    assert [(violation.rule, violation.place) for violation in found] == [
        ("motion blur", "item 6"),
        ("motion blur", "item 10"),
    ]
    assert "1.2 pixels" in found[0].problem
    assert "at most 8 m/s" in found[0].remedy
    assert exposure.max_speed_m_s(60.0) == pytest.approx(8.0)


def test_blur_counts_at_the_lowest_height_of_the_row(tmp_path):
    terrain = a_model(tmp_path / "hill.tif", a_hill)
    exposure = Exposure(seconds=1 / 700, pixel_rad=0.016 / 60.0)
    level_ground = replace(a_mission(), limits=FlightLimits(exposure=exposure))

    assert level_ground.limits.exposure is exposure
    found = broken(level_ground, terrain=terrain)
    # 35 m above the hill's ground instead of 60.
    assert "at most 6.5 m/s" in found[0].remedy


def test_waits_count_as_time_in_the_air():
    waiting = [replace(item, hold_s=900.0) if isinstance(item, Waypoint) else item for item in the_items()]

    assert a_mission([*the_items()]).figures().duration_s < 200.0
    (breach,) = broken(a_mission(), items=tuple(waiting))
    assert breach.rule == "battery"


@pytest.mark.parametrize("hold_s", [-1.0, math.inf, math.nan])
def test_a_wait_that_is_none_is_a_breach(hold_s):
    items = list(the_items())
    items[3] = replace(items[3], hold_s=hold_s)

    assert "wait" in {violation.rule for violation in broken(a_mission(), items=tuple(items))}


def test_photos_too_close_in_time_are_found_wherever_the_speed_is_set():
    head = [TakeOff(alt_home_m=60.0), a_waypoint(100.0, 100.0)]
    tail = [a_waypoint(100.0, 300.0), PhotosOff(), ReturnHome()]
    row = PhotosByDistance(distance_m=12.0)

    assert a_mission([*head, SetSpeed(speed_m_s=10.0), row, *tail]).figures().photos > 10
    for items in (
        # Faster while photos are taken, and no speed but the usual one of 10 m/s.
        [*head, SetSpeed(speed_m_s=10.0), row, SetSpeed(speed_m_s=15.0), *tail],
        [*head, PhotosByDistance(distance_m=8.0), *tail],
    ):
        assert {violation.rule for violation in broken(a_mission(), items=tuple(items))} == {"photo interval"}
