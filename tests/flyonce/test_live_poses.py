"""Poses that come with a live stream: between two packets, waited for, never extrapolated, strays left out."""

from __future__ import annotations

import threading

import pytest

from flyonce import live_poses
from flyonce.live_poses import LivePoses
from geo.errors import PoseUnknown
from tests.geo.telemetry_builders import klv_pose

SIZE = (480, 270)


def test_a_picture_between_two_packets_has_the_pose_between_them():
    poses = LivePoses()
    poses.take(1.0, klv_pose(0, relative_azimuth_deg=0.0))
    poses.take(1.5, klv_pose(5, relative_azimuth_deg=20.0))
    seen = poses.at(1.25, SIZE)
    assert seen.pose.heading_deg == pytest.approx(100.0, abs=0.01)
    assert seen.pose.lon == pytest.approx(120.150025, abs=1e-7)
    assert seen.focal_px is None


def test_the_packet_behind_a_picture_is_waited_for():
    poses = LivePoses()
    poses.take(1.0, klv_pose(0))
    late = threading.Timer(0.05, poses.take, (1.5, klv_pose(5)))
    late.start()
    try:
        assert poses.at(1.4, SIZE).pose.lon == pytest.approx(120.15004, abs=1e-7)
    finally:
        late.join()


def test_nothing_is_said_of_moments_before_after_or_between_packets_far_apart(monkeypatch):
    monkeypatch.setattr(live_poses, "_WAIT_S", 0.05)
    poses = LivePoses()
    assert not poses.any
    with pytest.raises(PoseUnknown):
        poses.at(0.0, SIZE)
    poses.take(1.0, klv_pose(0))
    poses.take(9.0, klv_pose(80))
    assert poses.any
    for time_s in (0.5, 5.0, 9.2):
        with pytest.raises(PoseUnknown):
            poses.at(time_s, SIZE)
    assert poses.at(9.0, SIZE).pose.at is not None


def test_whoever_closes_keeps_nobody_waiting(monkeypatch):
    monkeypatch.setattr(live_poses, "_WAIT_S", 60.0)
    monkeypatch.setattr(live_poses, "_SILENT_S", 60.0)
    poses = LivePoses()
    poses.take(1.0, klv_pose(0))
    closing = threading.Timer(0.05, poses.close)
    closing.start()
    with pytest.raises(PoseUnknown):
        poses.at(2.0, SIZE)
    closing.join()


def test_a_stray_is_left_out_and_a_new_place_that_stays_is_believed():
    poses = LivePoses()
    for number in range(3):
        poses.take(number / 10, klv_pose(number))
    poses.take(0.3, klv_pose(3, sensor_lat_deg=48.0))
    poses.take(0.4, klv_pose(4))
    assert poses.at(0.3, SIZE).pose.lat == pytest.approx(30.25, abs=1e-6)
    assert poses.account()["dropped"] == {"position_jump": 1}
    for number in range(5, 11):
        poses.take(number / 10, klv_pose(number, sensor_lat_deg=48.0))
    assert poses.at(0.9, SIZE).pose.lat == pytest.approx(48.0, abs=1e-6)
    assert "position_jumps" in poses.account()["flags"]


def test_what_cannot_be_used_is_counted():
    poses = LivePoses()
    poses.take(0.0, klv_pose(0))
    poses.take(0.0, klv_pose(0))
    poses.take(0.1, klv_pose(1)[:-1] + b"\0")
    poses.take(0.2, klv_pose(2, sensor_lat_deg=0.0, sensor_lon_deg=0.0))
    told = poses.account()
    assert told["dropped"] == {"repeated_time": 1, "checksum": 1, "no_fix": 1}
    assert (told["entries"], told["used"]) == (4, 1)


def test_the_lens_is_told_only_where_both_angles_fit_the_picture():
    poses = LivePoses()
    poses.take(0.0, klv_pose(0, hfov_deg=60.0, vfov_deg=36.0))
    poses.take(1.0, klv_pose(10, hfov_deg=60.0, vfov_deg=36.0))
    assert poses.at(0.5, SIZE).focal_px == pytest.approx(415.7, abs=0.5)
    assert poses.at(0.5, (480, 360)).focal_px is None
