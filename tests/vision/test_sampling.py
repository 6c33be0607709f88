"""The ground sampler: every piece of ground is seen often enough, and no more often than that needs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling_scenes import (
    At,
    a_view,
    chosen,
    hover,
    looked_at,
    looked_at_share,
    straight,
    times_seen,
    way_in_view_m,
)

from vision.errors import InvalidValueError
from vision.sampling import GroundSampler, GroundView, Pace
from vision.sampling.ledger import CellLedger


def places(path: list[At], **options: Any) -> list[At]:
    return list(looked_at(GroundSampler(**options), path))


def points_along(path: list[At], count: int = 400) -> np.ndarray:
    east, north = ([getattr(at, name) for at in path] for name in ("east_m", "north_m"))
    rng = np.random.default_rng(1)
    return np.column_stack([rng.uniform(min(x) - 60, max(x) + 60, count) for x in (east, north)])


@settings(max_examples=8)
@given(
    looks=st.integers(1, 5),
    speed_m_s=st.floats(6, 20),
    heading_deg=st.floats(0, 360),
    crab_deg=st.floats(-50, 50),
    height_m=st.floats(35, 110),
    fps=st.sampled_from([10.0, 25.0, 30.0]),
)
def test_every_point_that_passes_through_the_picture_is_seen_often_enough(
    looks: int, speed_m_s: float, heading_deg: float, crab_deg: float, height_m: float, fps: float
) -> None:
    path = straight(
        speed_m_s=speed_m_s, length_m=4 * height_m, fps=fps, heading_deg=heading_deg, crab_deg=crab_deg,
        height_m=height_m,
    )  # fmt: skip
    points = points_along(path)
    # Points already or still in the picture at either end of the film were not seen passing through.
    both_ends = times_seen(points, [path[0], path[-1]]) == 0
    passing = both_ends & (way_in_view_m(points, path[::2]) > 0.5 * a_view_height_m(height_m))
    assert passing.any()
    seen = times_seen(points, places(path, looks=looks))[passing]
    # What a slightly turned picture cuts off at its side, narrower than a cell, asks for no look of its own.
    assert (seen >= looks).mean() > 0.96
    assert seen.min() >= looks - 1


@pytest.mark.parametrize("looks", [1, 3, 5])
def test_straight_ahead_no_point_at_all_is_seen_too_rarely(looks: int) -> None:
    path = straight(speed_m_s=12, length_m=300)
    points = points_along(path, count=3000)
    passing = (times_seen(points, [path[0], path[-1]]) == 0) & (way_in_view_m(points, path[::10]) > 20)
    assert passing.sum() > 500
    assert times_seen(points, places(path, looks=looks))[passing].min() >= looks


def test_a_curved_flight_leaves_no_hole_between_its_legs() -> None:
    path: list[At] = []
    for leg in range(4):
        path += straight(
            speed_m_s=10, length_m=200, heading_deg=90.0 if leg % 2 == 0 else 270.0, begin_s=40.0 * leg,
            start_m=(0.0 if leg % 2 == 0 else 200.0, 45.0 * leg),
        )  # fmt: skip
        path += turning(path[-1], seconds=6.0)
    rng = np.random.default_rng(2)
    inner = np.column_stack([rng.uniform(30, 170, 500), rng.uniform(0, 135, 500)])
    assert times_seen(inner, places(path)).min() >= 3


def test_looks_at_one_point_are_spread_over_its_pass() -> None:
    path = straight(speed_m_s=10, length_m=400)
    chosen = places(path)
    times = [at.time_s for at in chosen]
    point = np.array([[0.0, 200.0]])
    seen_at = [at.north_m for at in chosen if times_seen(point, [at])[0]]
    assert max(seen_at) - min(seen_at) > 0.5 * a_view_height_m(60)
    assert min(np.diff(times)[3:]) > 1.0


@pytest.mark.parametrize(("speed_m_s", "fps"), [(20.0, 30.0), (5.0, 30.0), (10.0, 60.0), (10.0, 12.0)])
def test_looks_follow_the_ground_and_not_the_length_of_the_video(speed_m_s: float, fps: float) -> None:
    usual = len(places(straight(speed_m_s=10, length_m=300)))
    assert len(places(straight(speed_m_s=speed_m_s, length_m=300, fps=fps))) == pytest.approx(usual, abs=2)


def test_twice_the_ground_takes_twice_the_looks() -> None:
    once, twice = (len(places(straight(speed_m_s=10, length_m=length_m))) for length_m in (300, 600))
    assert twice == pytest.approx(2 * once, abs=3)


def test_hovering_costs_a_few_looks_and_then_one_now_and_then() -> None:
    pace = Pace(relook_s=15.0)
    assert len(places(hover(seconds=14), pace=pace)) == 3
    assert len(places(hover(seconds=120), pace=pace)) <= 3 + 120 / 15


def test_ground_that_is_flown_over_again_costs_almost_nothing() -> None:
    out = straight(speed_m_s=10, length_m=300)
    back = straight(speed_m_s=10, length_m=300, heading_deg=180.0, begin_s=31.0, start_m=(0.0, 300.0))
    sampler = GroundSampler()
    first = looked_at_share(sampler, out)
    second = looked_at_share(sampler, back)
    assert second < first / 4
    assert sampler.stats().by_reason["blind"] >= 3


def test_a_moving_camera_is_never_blind_for_long_even_over_known_ground() -> None:
    legs = [
        straight(speed_m_s=8, length_m=160, heading_deg=180.0 * (leg % 2), begin_s=20.0 * leg,
                 start_m=(0.0, 160.0 * (leg % 2)))
        for leg in range(5)
    ]  # fmt: skip
    times = [at.time_s for at in places([at for leg in legs for at in leg], pace=Pace(max_blind_s=4.0))]
    assert max(np.diff([*times, 100.0])) < 4.0 + 0.6


def test_a_view_that_is_too_coarse_neither_counts_nor_asks() -> None:
    high = straight(speed_m_s=10, length_m=300, height_m=110)
    sampler = GroundSampler(coarsest_resolution_m=0.06)
    chosen = list(looked_at(sampler, high))
    assert "ground" not in sampler.stats().by_reason
    assert len(chosen) <= 1 + 30 / Pace().max_blind_s
    assert sampler.looks_at([(0.0, 150.0)]).tolist() == [0]
    low = straight(speed_m_s=10, length_m=300, height_m=60, begin_s=100)
    assert len(list(looked_at(sampler, low))) > 15
    assert sampler.looks_at([(0.0, 150.0)])[0] >= 3


def test_of_a_tilted_view_only_the_near_part_counts_as_seen() -> None:
    # Far edge three times as wide as the near one: a third of the resolution.
    tilted = GroundView(
        corners_m=np.array([(-90.0, 150.0), (90.0, 150.0), (30.0, 0.0), (-30.0, 0.0)]), ground_resolution_m=0.05
    )
    sampler = GroundSampler(coarsest_resolution_m=0.05)
    assert sampler.decide(0.0, tilted).look
    assert sampler.looks_at([(0.0, 10.0), (0.0, 140.0)]).tolist() == [1, 0]


def test_a_candidate_is_looked_at_often_until_it_is_settled_or_its_time_is_over() -> None:
    stay = hover(seconds=60)
    sampler = GroundSampler()
    sampler.decide(0.0, a_view(At(time_s=0.0, east_m=0.0, north_m=0.0)))
    sampler.attend("angler", (5.0, 5.0), 3.0, until_s=30.0)
    times = [at.time_s for at in looked_at(sampler, stay)]
    assert len([time_s for time_s in times if time_s <= 11]) >= 9, "once a second at first"
    assert 3 <= len([time_s for time_s in times if 12 < time_s <= 30]) <= 5, "then now and then"
    assert len([time_s for time_s in times if time_s > 31]) <= 2
    sampler.attend("angler", (5.0, 5.0), 3.0, until_s=1e6)
    sampler.settle("angler")
    later = [At(time_s=at.time_s + 60, east_m=0.0, north_m=0.0) for at in stay]
    assert len(list(looked_at(sampler, later))) <= 5


def test_a_look_at_a_candidate_is_a_look_at_its_part_of_the_picture() -> None:
    sampler = GroundSampler()
    for at in hover(seconds=12):
        sampler.decide(at.time_s, a_view(at))
    sampler.attend("angler", (30.0, -15.0), 2.0, until_s=1e6)
    seen_before = sampler.looks_at([(30.0, -15.0), (-30.0, 15.0)])
    decision = sampler.decide(13.0, a_view(At(time_s=13.0, east_m=0.0, north_m=0.0)))
    assert (decision.look, decision.reason) == (True, "attended")
    assert decision.of_interest is not None
    assert decision.of_interest.tolist() == [[False] * 4, [False, False, False, True]]
    assert (sampler.looks_at([(30.0, -15.0), (-30.0, 15.0)]) - seen_before).tolist() == [1, 0]


def test_a_thing_larger_than_the_picture_is_looked_at_as_the_ground_is() -> None:
    sampler = GroundSampler()
    sampler.attend("lake", (0.0, 0.0), 80.0, until_s=1e6)
    assert len(list(looked_at(sampler, hover(seconds=14)))) == 3
    assert "attended" not in sampler.stats().by_reason


def test_ground_beside_a_known_strip_is_looked_at_without_the_strip() -> None:
    sampler = GroundSampler()
    list(looked_at(sampler, straight(speed_m_s=5, length_m=200)))
    beside = straight(speed_m_s=5, length_m=200, begin_s=50.0, start_m=(50.0, 0.0))
    decisions = [sampler.decide(at.time_s, a_view(at)) for at in beside]
    parts = [one.of_interest for one in decisions if one.reason == "ground" and one.of_interest is not None]
    assert len(parts) >= 5
    assert not any(part[:, 0].any() for part in parts[2:-2]), "the left of the picture is known"
    assert all(part[:, 2:].any() for part in parts)
    ahead = np.column_stack((np.linspace(35.0, 85.0, 11), np.full(11, 100.0)))
    assert (sampler.looks_at(ahead) >= 3).all()


@pytest.mark.parametrize(("speed_m_s", "between_keys_s"), [(4.0, 0.5), (4.0, 1.0), (9.0, 1.0)])
def test_over_slowly_passing_ground_key_pictures_are_enough(speed_m_s: float, between_keys_s: float) -> None:
    path = straight(speed_m_s=speed_m_s, length_m=240)
    places = list(chosen(path, between_keys_s=between_keys_s))
    keys = [at for at in places if (at.time_s / between_keys_s) % 1 == 0]
    assert len(keys) >= len(places) - 3, "before the second key picture nobody knows how far apart they are"
    points = np.column_stack((np.full(101, 3.0), np.linspace(40.0, 180.0, 101)))
    seen = times_seen(points, places)
    assert seen.min() >= 2
    assert (seen >= 3).mean() > 0.98, "but for slivers that are less than a look's hundredth"
    assert len(places) <= 1.15 * len(list(looked_at(GroundSampler(), path)))


@pytest.mark.parametrize(("speed_m_s", "between_keys_s"), [(14.0, 1.0), (4.0, 2.0)])
def test_key_pictures_are_not_waited_for_where_ground_or_candidates_would_be_missed(
    speed_m_s: float, between_keys_s: float
) -> None:
    path = straight(speed_m_s=speed_m_s, length_m=60 * speed_m_s / 4)
    assert list(chosen(path, between_keys_s=between_keys_s)) == list(looked_at(GroundSampler(), path))


def test_a_key_picture_that_does_not_come_is_not_waited_for() -> None:
    path = straight(speed_m_s=4, length_m=120)
    places = list(chosen(path, between_keys_s=1.0, keys_until_s=5.0))
    assert max(np.diff([at.time_s for at in places])) < 5


def test_a_candidate_out_of_view_costs_nothing() -> None:
    sampler = GroundSampler()
    sampler.attend("far", (500.0, 0.0), 3.0, until_s=1e6)
    assert len(list(looked_at(sampler, hover(seconds=14)))) == 3
    assert "attended" not in sampler.stats().by_reason


def test_a_candidate_in_a_passing_view_gets_three_frames_or_more() -> None:
    sampler = GroundSampler()
    path = straight(speed_m_s=10, length_m=200)
    seen = []
    for at in path:
        if sampler.decide(at.time_s, a_view(at)).look:
            shows = bool(times_seen(np.array([[10.0, 100.0]]), [at])[0])
            seen += [at] * shows
            if shows:
                sampler.attend("heap", (10.0, 100.0), 2.0, until_s=at.time_s + 10)
    assert len(seen) >= 4


def test_a_look_whose_frame_never_came_is_made_up_for_at_once() -> None:
    sampler = GroundSampler(looks=3)
    here = a_view(At(time_s=0.0, east_m=0.0, north_m=0.0))
    decision = sampler.decide(0.0, here)
    assert decision.look
    sampler.take_back(here, decision)
    assert sampler.looks_at([(0.0, 0.0)]).tolist() == [0]
    assert (sampler.stats().looks, sampler.stats().by_reason) == (0, {})
    assert sampler.next_time_s <= 0.04
    again = sampler.decide(0.04, a_view(At(time_s=0.04, east_m=0.0, north_m=0.0)))
    assert again.look
    assert sampler.looks_at([(0.0, 0.0)]).tolist() == [1]
    nothing = sampler.decide(0.08, a_view(At(time_s=0.08, east_m=0.0, north_m=0.0)))
    assert not nothing.look
    sampler.take_back(here, nothing)
    assert sampler.looks_at([(0.0, 0.0)]).tolist() == [1]


def test_frames_before_the_next_time_need_not_be_asked_about() -> None:
    path = straight(speed_m_s=10, length_m=400)
    every, skipping = GroundSampler(), GroundSampler()
    all_looks = list(looked_at(every, path, skipping=False))
    some_looks = list(looked_at(skipping, path))
    assert skipping.stats().asked < every.stats().asked / 2
    assert len(some_looks) == pytest.approx(len(all_looks), abs=2)


def test_a_clock_that_jumps_back_begins_anew() -> None:
    sampler = GroundSampler()
    view = a_view(At(time_s=0.0, east_m=0.0, north_m=0.0))
    assert sampler.decide(100.0, view).reason == "first"
    assert sampler.decide(100.1, view).reason == "seen"
    assert sampler.decide(3.0, view).reason == "first"
    assert sampler.stats().by_reason == {"first": 2}


def test_memory_stays_bounded_over_a_long_flight() -> None:
    sampler = GroundSampler(most_tiles=40)
    list(looked_at(sampler, straight(speed_m_s=20, length_m=2500, fps=4)))
    assert len(sampler._ledger) <= 40
    assert sampler.looks_at([(0.0, 2480.0), (0.0, 20.0)])[1] == 0


def test_the_ledger_counts_cells_on_both_sides_of_the_origin_and_stops_at_255() -> None:
    ledger = CellLedger(most_tiles=10)
    columns, rows = np.array([-1, 0, -65, 100]), np.array([-1, 0, 3, -200])
    ledger.add(columns, rows)
    ledger.add(columns[:2], rows[:2])
    assert ledger.counts(columns, rows).tolist() == [2, 2, 1, 1]
    assert ledger.counts(np.array([1, -2]), np.array([0, -1])).tolist() == [0, 0]
    for _ in range(300):
        ledger.add(columns[:1], rows[:1])
    assert ledger.counts(columns[:1], rows[:1]).tolist() == [255]


def test_the_ledger_forgets_the_tiles_that_were_left_longest_ago() -> None:
    ledger = CellLedger(most_tiles=2)
    here, there, beyond = (np.array([column]) for column in (0, 100, 200))
    zero = np.array([0])
    for column in (here, there, here, beyond):
        ledger.add(column, zero)
    assert [int(ledger.counts(column, zero)[0]) for column in (here, there, beyond)] == [2, 0, 1]


@given(turn_deg=st.floats(0, 360), x=st.floats(0, 1), y=st.floats(0, 1))
def test_picture_and_ground_convert_there_and_back(turn_deg: float, x: float, y: float) -> None:
    view = a_view(At(time_s=0.0, east_m=4e5, north_m=3.2e6, heading_deg=turn_deg))
    back = view.unit_from_ground(view.ground_from_unit([(x, y)]))
    assert back[0] == pytest.approx((x, y), abs=1e-6)


@pytest.mark.parametrize(
    ("corners", "resolution_m", "says"),
    [
        ([(0, 0), (1, 0), (1, 1)], 0.05, "4 finite corners"),
        ([(0, 0), (1, 1), (1, 0), (0, 1)], 0.05, "convex"),
        ([(0, 0), (1, 0), (1, math.inf), (0, 1)], 0.05, "4 finite corners"),
        ([(0, 0), (1, 0), (1, 1), (0, 1)], 0.0, "positive"),
    ],
)
def test_a_view_that_is_none_is_refused(corners: list[Any], resolution_m: float, says: str) -> None:
    with pytest.raises(InvalidValueError, match=says):
        GroundView(corners_m=np.array(corners, dtype=float), ground_resolution_m=resolution_m)


def test_figures_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="must be positive"):
        GroundSampler(looks=0)
    with pytest.raises(InvalidValueError, match="coarsest"):
        GroundSampler(coarsest_resolution_m=0.0)
    with pytest.raises(InvalidValueError, match="max_blind_s"):
        Pace(max_blind_s=-1)


def a_view_height_m(height_m: float) -> float:
    return height_m * 1.44 * 9 / 16


def turning(begin: At, *, seconds: float, fps: float = 30.0) -> list[At]:
    """A half circle to the left or right, northward, onto the next leg."""
    eastward = 1.0 if begin.heading_deg == 90.0 else -1.0
    radius = 22.5
    steps = np.linspace(0, math.pi, int(seconds * fps))
    return [
        At(
            time_s=begin.time_s + (index + 1) / fps,
            east_m=begin.east_m + eastward * radius * math.sin(angle),
            north_m=begin.north_m + radius * (1 - math.cos(angle)),
            heading_deg=90.0 * eastward - math.degrees(angle) * eastward,
            height_m=begin.height_m,
        )
        for index, angle in enumerate(steps)
    ]
