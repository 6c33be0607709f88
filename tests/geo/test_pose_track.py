"""Poses in time: interpolation against known motion, and refusal where nothing is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from geo_builders import LAT, LON, a_pose
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import PoseUnknown
from geo.pose import enu_from_camera
from geo.pose_track import PoseTrack, attitude_deg


def a_track(*changes: dict[str, object], times_s: list[float] | None = None, **more: object) -> PoseTrack:
    poses = [a_pose(**change) for change in changes]
    return PoseTrack(times_s=times_s or list(range(len(poses))), poses=poses, **more)


def test_a_position_between_two_poses_lies_on_the_straight_way():
    track = a_track({"lon": LON, "alt_m": 60.0}, {"lon": LON + 1e-4, "alt_m": 64.0})
    pose = track.at(0.25)
    assert pose.lon == pytest.approx(LON + 0.25e-4, abs=1e-10)
    assert pose.lat == pytest.approx(LAT)
    assert pose.alt_m == pytest.approx(61.0)
    assert pose.at == track.poses[0].at


def test_a_heading_turns_the_short_way_through_north():
    pose = a_track({"heading_deg": 350.0, "pitch_deg": -45.0}, {"heading_deg": 20.0, "pitch_deg": -45.0}).at(0.5)
    assert pose.heading_deg == pytest.approx(5.0, abs=0.2)
    # The shortest way between two slanting looks rises over the middle, as a great circle does.
    assert pose.pitch_deg == pytest.approx(-45.0, abs=1.2)


def test_one_look_written_with_two_rolls_does_not_turn_the_picture_between_them():
    track = a_track(
        {"heading_deg": 10.0, "pitch_deg": -90.0, "roll_deg": 0.0},
        {"heading_deg": -170.0, "pitch_deg": -90.0, "roll_deg": 180.0},
    )
    pose = track.at(0.5)
    before, between = (enu_from_camera(*p.look_deg()) for p in (track.poses[0], pose))
    assert np.abs(before - between).max() < 1e-6


@given(
    heading=st.floats(-180, 180),
    pitch=st.floats(-90, 60),
    roll=st.floats(-180, 180),
)
def test_angles_read_back_from_a_rotation_give_the_same_rotation(heading, pitch, roll):
    rotation = enu_from_camera(heading, pitch, roll)
    assert np.abs(enu_from_camera(*attitude_deg(rotation)) - rotation).max() < 2e-4


@given(share=st.floats(0.01, 0.99), turn=st.floats(-179, 179), pitch=st.floats(-89, 0))
def test_an_interpolated_look_lies_between_its_neighbours(share, turn, pitch):
    track = a_track({"heading_deg": 0.0, "pitch_deg": pitch}, {"heading_deg": turn, "pitch_deg": pitch})
    first, middle, last = (enu_from_camera(*track.at(t).look_deg()) for t in (0.0, share, 1.0))

    def apart(one: np.ndarray, other: np.ndarray) -> float:
        return math.acos(min(max((np.trace(one.T @ other) - 1) / 2, -1.0), 1.0))

    assert apart(first, middle) == pytest.approx(share * apart(first, last), abs=2e-3)
    assert apart(middle, last) == pytest.approx((1 - share) * apart(first, last), abs=2e-3)


@pytest.mark.parametrize(("time_s", "reason"), [(-0.1, "before"), (2.1, "after"), (math.nan, "after")])
def test_nothing_is_said_outside_the_track(time_s, reason):
    with pytest.raises(PoseUnknown) as caught:
        a_track({}, {}, {}).at(time_s)
    assert caught.value.reason == reason


def test_nothing_is_interpolated_across_a_long_silence():
    track = a_track({}, {"lon": LON + 1e-3}, times_s=[0.0, 10.0])
    with pytest.raises(PoseUnknown) as caught:
        track.at(5.0)
    assert caught.value.reason == "gap"
    assert track.gaps_s == ((0.0, 10.0),)
    assert track.at(0.0).lon == LON
    assert track.at(10.0).lon == LON + 1e-3


def test_a_bearing_unknown_on_one_side_is_unknown_between():
    pose = a_track({}, {"heading_deg": None, "pitch_deg": None, "roll_deg": None}).at(0.5)
    assert not pose.has_bearing


def test_clocks_that_disagree_cost_accuracy_along_the_way_only():
    track = a_track({"lat": LAT}, {"lat": LAT + 10 / 111_320}, clock_sigma_s=0.2)
    sigmas = track.at(0.5).sigmas
    assert sigmas.north_m == pytest.approx(math.hypot(1.5, 2.0), abs=1e-3)
    assert sigmas.east_m == pytest.approx(1.5, abs=1e-3)


def test_a_shifted_track_tells_the_same_pose_earlier():
    track = a_track({"lon": LON}, {"lon": LON + 1e-4})
    assert track.shifted(0.5).at(0.0).lon == track.at(0.5).lon


@pytest.mark.parametrize("times_s", [[0.0, 0.0], [1.0, 0.0], [0.0, math.nan]])
def test_times_that_do_not_rise_make_no_track(times_s):
    with pytest.raises(ValueError, match="rise"):
        a_track({}, {}, times_s=times_s)


def test_heights_of_two_kinds_make_no_track():
    with pytest.raises(ValueError, match="datum"):
        a_track({}, {"alt_datum": "msl"})
