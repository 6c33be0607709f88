"""MAVLink telemetry logs: a real one, planted faults, gimbals of each kind, and any bytes at all."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as dialect

from geo.errors import InputFileError
from geo.telemetry.attitude import quaternion
from geo.telemetry.tlog import read_tlog
from geo.telemetry.tlog_frames import Tally, looks_like_tlog, messages_in
from tests.geo.telemetry_builders import attitude, gimbal_device, position, tlog

HERE = Path("flight.tlog")
START_S = 1_782_900_000.0
IN_VEHICLE, IN_EARTH, YAW_LOCK = 32, 64, 16


def gps_time(boot_s: float, *, unix_s: float | None = None):
    return dialect.MAVLink_system_time_message(
        round((START_S + boot_s if unix_s is None else unix_s) * 1e6), round(boot_s * 1000)
    )


def flight(*more, seconds: int = 5):
    """Positions once a second from boot time 100 s on, with GPS time, and more messages (boot time, message)."""
    records = [(START_S, gps_time(99.0, unix_s=START_S + 99.0))]
    records += [(START_S + t, position(100.0 + t, lon=120.15 + 1e-5 * t)) for t in range(seconds)]
    records += [(START_S + boot_s - 100, message) for boot_s, message in more]
    return tlog(*sorted(records, key=lambda record: record[0]))


def read(data: bytes):
    return read_tlog(HERE, data)


@pytest.fixture(scope="module")
def canberra(shared_data) -> bytes:
    return (shared_data / "telemetry" / "mavlink" / "cuav_tests_flight.tlog").read_bytes()


def test_a_real_log_gives_its_positions_and_invents_no_look(canberra):
    told = read(canberra)
    assert (told.family, told.entries, len(told.points)) == ("tlog", 1098, 1098)
    assert told.flags["bearing_unknown"] == 1098
    assert not any(point.heading_deg or point.pitch_deg for point in told.points)
    assert (told.points[0].lon, told.points[0].lat) == (149.1653047, -35.3624264)
    assert (told.points[0].alt_m, told.points[0].alt_datum) == (0.089, "home")
    assert max(point.alt_m for point in told.points) == pytest.approx(105.39)


def test_the_gps_is_believed_where_the_ground_station_kept_another_day(canberra):
    told = read(canberra)
    assert told.zero_at.date() == datetime(2016, 9, 7, tzinfo=UTC).date()
    assert told.flags["log_clock_differs"] > 60 * 86_400
    assert any("the GPS was believed" in problem for problem in told.problems)


def test_reading_skips_what_is_no_record_and_finds_the_same_messages_as_pymavlink(canberra):
    tally = Tally()
    found = list(messages_in(canberra, frozenset({"ATTITUDE"}), tally))
    assert len(found) == 1088
    assert tally.damaged == 0
    spoilt = canberra[:5000] + b"\xfe\xfd\x00" * 7 + canberra[5000:]
    assert len(list(messages_in(spoilt, frozenset({"ATTITUDE"}), tally))) >= 1087
    assert tally.stray_bytes > 0


def test_moments_come_from_the_gps_by_way_of_the_boot_clock():
    told = read(flight())
    assert told.zero_at == datetime.fromtimestamp(START_S + 100, UTC)
    assert [point.time_s for point in told.points] == [0, 1, 2, 3, 4]
    assert told.flags["log_clock_differs"] == 100


def test_without_gps_time_the_ground_stations_clock_is_taken_and_said_so():
    told = read(tlog(*((START_S + t, position(100.0 + t)) for t in range(3))))
    assert told.zero_at == datetime.fromtimestamp(START_S, UTC)
    assert told.flags["gps_clock_unknown"] == 1


@pytest.mark.parametrize(
    ("flags", "heading"), [(IN_VEHICLE, 120.0), (IN_EARTH, 30.0), (YAW_LOCK, 30.0), (0, 120.0), (IN_EARTH | 16, 30.0)]
)
def test_a_gimbals_yaw_counts_from_where_its_flags_say(flags, heading):
    extra = [(100.0 + t / 4, attitude(100.0 + t / 4, math.radians(90))) for t in range(17)]
    extra += [(100.0 + t / 4, gimbal_device(100.0 + t / 4, quaternion(30, -60, 0), flags)) for t in range(17)]
    point = read(flight(*extra)).points[2]
    assert point.heading_deg == pytest.approx(heading, abs=0.01)
    assert point.pitch_deg == pytest.approx(-60.0, abs=0.01)
    assert point.roll_deg == pytest.approx(0.0, abs=0.01)


def test_a_gimbal_straight_down_in_a_turning_aircraft_keeps_its_heading():
    extra = [(100.0 + t / 10, attitude(100.0 + t / 10, math.radians(-10 + 4 * t))) for t in range(41)]
    extra += [(100.0 + t / 3, gimbal_device(100.0 + t / 3, quaternion(0, -90, 0), IN_VEHICLE)) for t in range(13)]
    told = read(flight(*extra))
    assert [point.heading_deg for point in told.points] == pytest.approx([350, 30, 70, 110, 150], abs=0.1)
    assert [point.pitch_deg for point in told.points] == pytest.approx([-90] * 5, abs=0.01)


def test_attitudes_are_interpolated_between_messages_but_not_across_silence():
    extra = [
        (boot_s, gimbal_device(boot_s, quaternion(yaw, -45, 0), IN_EARTH))
        for boot_s, yaw in ((100.6, 350), (101.4, 10))
    ]
    told = read(flight(*extra, (104.5, gimbal_device(104.5, quaternion(0, -45, 0), IN_EARTH))))
    assert [point.has_bearing for point in told.points] == [False, True, False, False, False]
    assert (told.points[1].heading_deg + 180) % 360 == pytest.approx(180.0, abs=0.01)
    assert told.flags["bearing_unknown"] == 4


def test_mount_status_and_mount_orientation_tell_the_look_too():
    status = [(100.0 + t, dialect.MAVLink_mount_status_message(0, 0, -6000, 0, 4500)) for t in range(5)]
    turning = [(100.0 + t, attitude(100.0 + t, math.radians(90))) for t in range(5)]
    told = read(flight(*status, *turning))
    assert told.points[1].heading_deg == pytest.approx(135.0, abs=0.01)
    assert told.points[1].pitch_deg == pytest.approx(-60.0, abs=0.01)
    absolute = [
        (100.0 + t, dialect.MAVLink_mount_orientation_message(round(100_000 + 1000 * t), 0, -30, 5, 200))
        for t in range(5)
    ]
    told = read(flight(*status, *turning, *absolute))
    assert told.dialect == "mavlink_mount_orientation"
    assert told.points[1].heading_deg == pytest.approx(200.0, abs=0.01)


def test_a_gimbal_that_says_nothing_but_zero_was_never_measured():
    zero = [(100.0 + t, dialect.MAVLink_mount_status_message(0, 0, 0, 0, 0)) for t in range(5)]
    turning = [(100.0 + t, attitude(100.0 + t, 1.0)) for t in range(5)]
    assert read(flight(*zero, *turning)).flags["bearing_unknown"] == 5


def test_a_camera_said_to_be_fixed_to_the_aircraft_turns_with_it():
    level = [(100.0 + t / 2, attitude(100.0 + t / 2, math.radians(30 * t), level=True)) for t in range(9)]
    told = read_tlog(HERE, flight(*level), mount_deg=(0.0, -90.0, 0.0))
    assert told.dialect == "mavlink_fixed_camera"
    assert [point.heading_deg for point in told.points] == pytest.approx([0, 60, 120, 180, 240], abs=0.01)
    assert [point.pitch_deg for point in told.points] == pytest.approx([-90] * 5, abs=0.01)
    banked = [(100.0 + t / 2, attitude(100.0 + t / 2, 0.0)) for t in range(9)]
    # Pitched up by 0.05 and rolled right by 0.1 rad: what looked straight down looks ahead and to the left.
    point = read_tlog(HERE, flight(*banked), mount_deg=(0.0, -90.0, 0.0)).points[1]
    assert point.pitch_deg == pytest.approx(-math.degrees(math.asin(math.cos(0.05) * math.cos(0.1))), abs=0.01)
    assert point.heading_deg == pytest.approx(
        math.degrees(math.atan2(-math.sin(0.1), math.sin(0.05) * math.cos(0.1))) % 360, abs=0.1
    )


def test_camera_feedback_tells_the_shots_but_not_where_the_camera_looked():
    shots = [
        dialect.MAVLink_camera_feedback_message(
            round((101.5 + n) * 1e6), 0, 0, n, 302500000, 1201500000, 80.0, 60.0, 1.0, 2.0, 90.0, 0, 0
        )
        for n in range(2)
    ]
    told = read(flight(*((101.5 + n, shot) for n, shot in enumerate(shots))))
    assert [point.where for point in told.pictures] == ["picture 0", "picture 1"]
    assert told.pictures[0].time_s == pytest.approx(1.5)
    assert told.pictures[0].heading_deg is None
    assert told.flags["shot_angles_of_platform"] == 2
    alone = read(tlog(*((START_S + n, shot) for n, shot in enumerate(shots))))
    assert len(alone.points) == 2
    assert alone.points[1].time_s == pytest.approx(1.0)


def test_camera_feedback_that_differs_from_the_aircraft_is_the_cameras(tmp_path):
    level = [(100.0 + t / 2, attitude(100.0 + t / 2, 0.0, level=True)) for t in range(9)]
    shots = [
        dialect.MAVLink_camera_feedback_message(
            round((101.0 + n) * 1e6), 0, 0, n, 302500000, 1201500000, 80.0, 60.0, 0.0, -90.0, 45.0, 0, 0
        )
        for n in range(2)
    ]
    told = read(flight(*level, *((101.0 + n, shot) for n, shot in enumerate(shots))))
    assert [(shot.heading_deg, shot.pitch_deg) for shot in told.pictures] == [(45.0, -90.0)] * 2
    assert "shot_angles_of_platform" not in told.flags
    assert [point.where for point in told.of_pictures().points] == ["picture 0", "picture 1"]
    with pytest.raises(InputFileError, match="does not say when pictures were taken"):
        read(flight()).of_pictures()


def test_positions_without_a_fix_are_dropped_and_counted():
    blind = dialect.MAVLink_gps_raw_int_message(0, 1, 0, 0, 0, 0, 0, 0, 0, 0)
    seeing = dialect.MAVLink_gps_raw_int_message(0, 3, 0, 0, 0, 0, 0, 0, 0, 9)
    told = read(flight((100.5, blind), (102.5, seeing), (105.0, position(105.0, lon=0.0, lat=0.0))))
    assert told.dropped == {"no_fix": 3}
    assert [point.time_s for point in told.points] == [0, 3, 4]


def test_a_reboot_keeps_the_longest_run_and_other_vehicles_are_counted():
    again = [(105.0 + t, position(3.0 + t)) for t in range(2)]
    told = read(flight(*again) + tlog((START_S + 9, position(200.0)), system=7))
    assert told.dropped == {"backward_time": 2, "other_vehicle": 1}
    assert told.flags["clock_jumps"] == 1
    assert len(told.points) == 5


def test_a_damaged_packet_is_counted_and_not_used():
    data = bytearray(flight())
    data[-3] ^= 0xFF
    told = read(bytes(data))
    assert told.flags["damaged"] == 1
    assert len(told.points) == 4


def test_a_log_without_positions_is_refused():
    with pytest.raises(InputFileError, match="no GLOBAL_POSITION_INT"):
        read(tlog((START_S, attitude(1.0, 0.0)), (START_S, attitude(2.0, 0.0))))


@given(st.binary(max_size=200), st.integers(0, 400))
def test_any_bytes_are_read_or_refused(noise, at):
    whole = flight()
    data = whole[:at] + noise + whole[at:]
    looks_like_tlog(noise)
    for one in (noise, data, data[: at + len(noise)]):
        try:
            told = read(one)
        except InputFileError:
            continue
        assert told.points
