"""MISB ST 0601: real packets, planted faults, and any bytes at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import InputFileError
from geo.telemetry.klv import Tally, packets_in
from geo.telemetry.klv_poses import entries_of, frame_centre_misses_m, read_klv, read_klv_pieces
from geo.telemetry.klv_tags import KEY, TAGS
from tests.geo.telemetry_builders import START_US, klv_packet, klv_pose

HERE = Path("flight.klv")


def read(*packets: bytes):
    return read_klv_pieces(HERE, [(None, b"".join(packets))])


@pytest.fixture(scope="module")
def cheyenne(shared_data) -> Path:
    return shared_data / "telemetry" / "misb_klv" / "Cheyenne.bin"


def test_the_line_of_sight_composed_with_the_platform_meets_the_frame_centre(cheyenne):
    told = read_klv(cheyenne)
    assert (told.entries, len(told.points)) == (407, 407)
    assert np.median(frame_centre_misses_m(told.points)) == pytest.approx(8.4, abs=0.2)
    assert told.flags == {}
    assert told.zero_at == datetime(2012, 9, 19, 20, 40, 44, 105300, tzinfo=UTC)


def test_leaving_the_platforms_attitude_out_misses_by_more_than_a_kilometre(cheyenne):
    packets = list(packets_in(cheyenne.read_bytes(), Tally()))
    naive = [
        replace(
            entry,
            heading_deg=packet.figures["platform_heading_deg"] + packet.figures["relative_azimuth_deg"],
            pitch_deg=packet.figures["relative_elevation_deg"],
        )
        for entry, packet in zip(entries_of(packets), packets, strict=True)
    ]
    assert np.median(frame_centre_misses_m(naive)) == pytest.approx(1445, abs=5)


def test_a_printed_example_with_a_wrong_checksum_is_refused_and_said_so(shared_data):
    path = shared_data / "telemetry" / "misb_klv" / "DynamicConstantMISMMSPacketData.bin"
    with pytest.raises(InputFileError, match=r"none of its 1 ST 0601 packets .*1 checksum"):
        read_klv(path)


@pytest.mark.parametrize(
    ("platform", "relative", "look"),
    [
        ((90.0, 0.0, 0.0), (0.0, -45.0, 0.0), (90.0, -45.0, 0.0)),
        ((90.0, 0.0, 0.0), (270.0, -30.0, 0.0), (0.0, -30.0, 0.0)),
        ((10.0, 5.0, 0.0), (0.0, -45.0, 0.0), (10.0, -40.0, 0.0)),
        ((0.0, 0.0, 20.0), (90.0, 0.0, 0.0), (90.0, -20.0, 0.0)),
        ((0.0, 10.0, 0.0), (90.0, 0.0, 0.0), (90.0, 0.0, 10.0)),
        ((200.0, 0.0, 0.0), (0.0, -90.0, 0.0), (200.0, -90.0, 0.0)),
    ],
)
def test_platform_and_sensor_turn_the_camera_together(platform, relative, look):
    names = ("heading", "pitch", "roll"), ("azimuth", "elevation", "roll")
    changes = {f"platform_{name}_deg": angle for name, angle in zip(names[0], platform, strict=True)}
    changes |= {f"relative_{name}_deg": angle for name, angle in zip(names[1], relative, strict=True)}
    point = read(klv_pose(**changes)).points[0]
    assert point.pitch_deg == pytest.approx(look[1], abs=0.01)
    assert point.heading_deg == pytest.approx(look[0], abs=0.01) or look[0] == pytest.approx(
        point.heading_deg - 360, abs=0.01
    )
    assert point.roll_deg == pytest.approx(look[2], abs=0.01)


def test_the_full_range_of_platform_angles_is_believed_where_it_is_told():
    point = read(klv_pose(platform_pitch_deg=None, platform_pitch_full_deg=30.0)).points[0]
    assert point.pitch_deg == pytest.approx(-15.0, abs=0.01)


@pytest.mark.parametrize("missing", ["platform_heading_deg", "platform_roll_deg", "relative_azimuth_deg"])
def test_an_angle_that_is_not_told_leaves_the_look_unknown(missing):
    told = read(klv_pose(), klv_pose(1, **{missing: None}))
    assert [point.has_bearing for point in told.points] == [True, False]
    assert told.points[1].heading_deg is None
    assert told.flags["bearing_unknown"] == 1


def test_without_the_relative_roll_the_line_of_sight_is_known_and_the_roll_is_not():
    point = read(klv_pose(relative_roll_deg=None, platform_pitch_deg=5.0)).points[0]
    assert (point.heading_deg, point.pitch_deg) == pytest.approx((90.0, -40.0), abs=0.01)
    assert point.roll_deg is None


def test_the_most_negative_number_means_unknown():
    assert TAGS[6].value(b"\x80\x00") is None
    assert TAGS[6].value(b"\x80\x01") == -20
    assert TAGS[19].value(b"\x80\0\0\0") is None
    assert TAGS[5].value(b"\x80") is None


def test_faults_are_counted_and_never_used():
    good = [klv_pose(number) for number in range(6)]
    spoilt = good[2][:-1] + bytes([good[2][-1] ^ 1])
    cut = good[3][:40]
    told = read(good[0], good[1], spoilt, cut, good[4], b"rubbish", good[5])
    assert len(told.points) == 4
    assert told.dropped["checksum"] == 1
    assert told.dropped["cut_short"] == 1
    assert told.entries == 6


def test_places_without_a_fix_and_repeated_or_backward_times_are_counted():
    packets = [
        klv_pose(0),
        klv_pose(1, sensor_lat_deg=0.0, sensor_lon_deg=0.0),
        klv_pose(2),
        klv_pose(2),
        klv_pose(3, time_us=START_US - 3_600_000_000),
        klv_pose(4, sensor_lat_deg=None),
        klv_pose(5, time_us=12),
        klv_pose(6),
    ]
    told = read(*packets)
    assert told.dropped == {
        "no_fix": 1,
        "repeated_time": 1,
        "backward_time": 1,
        "no_position": 1,
        "no_time": 1,
    }
    assert told.flags["clock_jumps"] == 1
    assert [round(point.time_s, 3) for point in told.points] == [0.0, 0.2, 0.6]


def test_an_ellipsoid_height_alone_is_called_one():
    told = read(klv_pose(sensor_alt_msl_m=None, sensor_alt_ellipsoid_m=100.0), klv_pose(1, sensor_alt_msl_m=None))
    assert told.points[0].alt_datum == "ellipsoid"
    assert told.points[1].alt_m is None
    assert told.flags["no_altitude"] == 1
    assert len(told.recorded().track.poses) == 1


def test_a_frame_centre_elsewhere_is_noticed():
    centre = {"frame_centre_lat_deg": 30.25, "frame_centre_lon_deg": 120.15062, "frame_centre_alt_msl_m": 0.0}
    right = klv_pose(slant_range_m=84.9, **centre)
    wrong = klv_pose(1, slant_range_m=84.9, **centre, platform_heading_deg=0.0)
    told = read(right, wrong)
    assert told.flags["frame_centre_differs"] == 1
    assert frame_centre_misses_m(told.points)[0] < 1.0


def test_pieces_of_a_stream_are_on_its_media_time():
    told = read_klv_pieces(HERE, [(0.04 * number, klv_pose(number)) for number in range(5)])
    assert told.clock == "media"
    assert [point.time_s for point in told.points] == pytest.approx([0.0, 0.04, 0.08, 0.12, 0.16])
    assert told.points[1].at == datetime.fromtimestamp(START_US / 1e6 + 0.1, UTC)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data):
    for behind in (data, KEY + data, klv_pose() + data, klv_pose()[:20] + data):
        try:
            told = read_klv_pieces(HERE, [(None, behind)])
        except InputFileError:
            continue
        assert all(abs(point.lat) <= 90 and abs(point.lon) <= 180 for point in told.points)


@given(st.dictionaries(st.integers(0, 300), st.binary(max_size=9), max_size=12))
def test_any_items_under_a_right_checksum_are_read_or_refused(items):
    def oid(tag: int) -> bytes:
        return bytes([tag]) if tag < 128 else bytes([0x80 | tag >> 7, tag & 0x7F])

    body = b"".join(oid(tag) + bytes([len(data)]) + data for tag, data in items.items() if tag != 1) + b"\x01\x02"
    head = KEY + b"\x82" + (len(body) + 2).to_bytes(2, "big")
    total = sum(byte << 8 if index % 2 == 0 else byte for index, byte in enumerate(head + body)) & 0xFFFF
    tally = Tally()
    packets = list(packets_in(head + body + total.to_bytes(2, "big"), tally))
    assert len(packets) == 1
    assert tally.checksum == 0
    entries_of(packets)


def test_an_empty_set_of_figures_is_a_packet_without_a_place():
    with pytest.raises(InputFileError, match="1 no position"):
        read(klv_packet())
