"""The staged world and `geo` were written apart; here they must agree on files, pixels and zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from demo_builders import a_lens, a_pose, a_record

from flyonce.demo.camera_sim import TruePose
from flyonce.demo.district import demo_district
from flyonce.demo.photo_file import write_photo
from flyonce.demo.zones_file import write_zones
from geo.ground import FlatGround
from geo.locate import locate_pixels
from geo.telemetry.photo import PhotoTelemetry, read_photo
from geo.zones import Zones


def telemetry_of(pose: TruePose, folder: Path) -> PhotoTelemetry:
    district, lens = demo_district(), a_lens()
    lon, lat = district.frame.lonlat_from_enu((pose.east_m, pose.north_m))[0]
    record = a_record(
        lon=float(lon),
        lat=float(lat),
        height_m=pose.up_m,
        alt_msl_m=district.home_alt_msl_m + pose.up_m,
        heading_deg=pose.heading_deg,
        pitch_deg=pose.pitch_deg,
        roll_deg=pose.roll_deg,
        focal_px=lens.focal_px,
        size_wh_px=lens.size_wh_px,
    )
    width, height = lens.size_wh_px
    write_photo(folder / "a.JPG", np.zeros((height, width, 3), dtype=np.uint8), record)
    return read_photo(folder / "a.JPG")


def test_a_staged_photo_reads_as_a_drones_photo_without_complaints(tmp_path: Path) -> None:
    telemetry = telemetry_of(a_pose(heading_deg=271.5, pitch_deg=-89.7), tmp_path)
    assert telemetry.locatable
    assert telemetry.problems == ()
    assert telemetry.taken_at is not None
    assert abs(telemetry.taken_at - datetime(2026, 7, 1, 2, 3, 4, 560000, tzinfo=UTC)) < timedelta(seconds=1)
    assert telemetry.height_above_home_m == pytest.approx(60.0)
    assert telemetry.camera is not None
    assert telemetry.camera.focal_xy_px == pytest.approx((555.0, 555.0), abs=1e-3)


@pytest.mark.parametrize(
    "pose",
    [
        a_pose(),
        a_pose(east_m=30.0, north_m=-50.0, heading_deg=123.4, pitch_deg=-88.0, roll_deg=1.5),
        a_pose(up_m=90.0, heading_deg=300.0, pitch_deg=-60.0, roll_deg=-4.0),
    ],
)
def test_geo_puts_a_pixel_where_the_staged_camera_saw_the_point(pose: TruePose, tmp_path: Path) -> None:
    ahead_m, heading = pose.up_m / np.tan(np.radians(-pose.pitch_deg)), np.radians(pose.heading_deg)
    middle = np.array([pose.east_m + ahead_m * np.sin(heading), pose.north_m + ahead_m * np.cos(heading)])
    points = np.array([(-12.0, 9.0), (3.0, 14.0), (10.0, -6.0)]) + middle
    seen = a_lens().project(pose, np.column_stack([points, np.zeros(len(points))]))
    telemetry = telemetry_of(pose, tmp_path)
    assert telemetry.pose is not None
    assert telemetry.camera is not None
    located = locate_pixels(seen, telemetry.pose, telemetry.camera, FlatGround(alt_m=0.0, datum="home"))
    fixes = [fix for fix in located if fix is not None]
    back = demo_district().frame.enu_from_lonlat([(fix.lon, fix.lat) for fix in fixes])
    # Positions in the file are rounded to 3 mm, angles to 0.01 degrees: 1 to 3 cm on the ground.
    assert back == pytest.approx(points, abs=0.05)


def test_the_zones_file_is_one_that_geo_reads(tmp_path: Path) -> None:
    write_zones(tmp_path / "zones.geojson", demo_district(), date(2026, 7, 1))
    zones = Zones.from_file(tmp_path / "zones.geojson")
    assert len(zones.of_kind("grid")) == 4
    assert {zone.name for zone in zones.of_kind("street")} == {"样例路", "试飞街", "示范大道"}
