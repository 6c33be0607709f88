from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio
from geo_builders import LAT, LON, PhotoFile
from PIL import Image
from rasterio import Affine

from geo.errors import InputFileError
from geo.frames import LocalFrame
from geo.telemetry.photo import PhotoTelemetry, read_photo


def read(tmp_path: Path, photo: PhotoFile, name: str = "a.jpg") -> PhotoTelemetry:
    return read_photo(photo.write(tmp_path / name))


@pytest.mark.parametrize("name", ["a.JPG", "a.tif"])
@pytest.mark.parametrize("xmp_as", ["attributes", "elements"])
def test_a_drones_photo_tells_where_and_how_it_was_taken(tmp_path: Path, name: str, xmp_as: str) -> None:
    told = read(tmp_path, PhotoFile(xmp_as=xmp_as), name)
    pose, camera = told.pose, told.camera
    assert pose is not None
    assert camera is not None
    assert (pose.lon, pose.lat) == pytest.approx((LON, LAT), abs=1e-8)
    assert (pose.heading_deg, pose.pitch_deg, pose.roll_deg) == (45.0, -90.0, 0.0)
    assert (pose.alt_m, pose.alt_datum, told.height_above_home_m) == (100.0, "home", 100.0)
    assert pose.reported_alt_m == pytest.approx(148.2)
    # 2,800 px of focal length hold for the 4,000 px that the drone wrote; the file has 400.
    assert camera.focal_xy_px == pytest.approx((280.0, 280.0))
    assert camera.size_wh_px == told.size_wh_px == (400, 300)
    assert told.taken_at == datetime(2026, 7, 1, 2, 3, 4, tzinfo=UTC)
    assert told.problems == ()
    assert told.locatable


def test_places_south_and_west_have_their_signs(tmp_path: Path) -> None:
    no_xmp_place = {"GpsLatitude": None, "GpsLongtitude": None}
    told = read(tmp_path, PhotoFile(gps=(-70.5, -33.25), gps_refs=("W", "S"), xmp=no_xmp_place))
    assert told.pose is not None
    assert (told.pose.lon, told.pose.lat) == pytest.approx((-70.5, -33.25), abs=1e-7)


@pytest.mark.parametrize(
    ("photo", "flag"),
    [
        (PhotoFile(gps=None, xmp={"GpsLatitude": None, "GpsLongtitude": None}), "no_gps"),
        (PhotoFile(gps=None, xmp_as="none"), "no_gps"),
        (PhotoFile(gps=(0.0, 0.0), xmp={"GpsLatitude": "0.0", "GpsLongtitude": "0.0"}), "gps_zero"),
        (PhotoFile(gps_refs=None, xmp={"GpsLatitude": "nan", "GpsLongtitude": "nan"}), "gps_ref_missing"),
        (PhotoFile(gps=(120.0, 95.0), xmp={"GpsLatitude": None, "GpsLongtitude": None}), "gps_invalid"),
        (PhotoFile(gps_altitude_m=None, xmp={"RelativeAltitude": None, "AbsoluteAltitude": None}), "no_altitude"),
    ],
)
def test_a_photo_without_a_place_has_no_pose_and_says_why(tmp_path: Path, photo: PhotoFile, flag: str) -> None:
    told = read(tmp_path, photo)
    assert told.pose is None
    assert not told.locatable
    assert flag in told.flags
    assert any("cannot be located" in problem for problem in told.problems)


@pytest.mark.parametrize("missing", [{"GimbalPitchDegree": None}, {"GimbalPitchDegree": "NaN"}])
def test_a_photo_without_gimbal_angles_is_never_taken_as_straight_down(
    tmp_path: Path, missing: dict[str, str | None]
) -> None:
    told = read(tmp_path, PhotoFile(xmp=missing))
    assert told.pose is not None
    assert (told.pose.heading_deg, told.pose.pitch_deg) == (None, None)
    assert "bearing_unknown" in told.flags
    assert not told.locatable


def test_the_drones_heading_stands_in_for_the_gimbals_with_a_larger_error(tmp_path: Path) -> None:
    told = read(tmp_path, PhotoFile(xmp={"GimbalYawDegree": None}))
    assert told.pose is not None
    assert (told.pose.heading_deg, told.pose.heading_source) == (44.1, "platform")
    assert told.pose.sigmas.heading_deg == 5.0
    assert "heading_of_platform" in told.flags


def test_exif_and_xmp_that_disagree_are_flagged(tmp_path: Path) -> None:
    told = read(tmp_path, PhotoFile(xmp={"GpsLatitude": "31.0"}))
    assert told.pose is not None
    assert told.pose.lat == pytest.approx(LAT, abs=1e-7)
    assert "gps_disagree" in told.flags


def test_an_rtk_photo_has_its_own_sigmas_and_absolute_altitude(tmp_path: Path) -> None:
    rtk = {"RtkFlag": "50", "RtkStdLon": "0.062", "RtkStdLat": "0.011", "RtkStdHgt": "0.14"}
    told = read(tmp_path, PhotoFile(xmp=rtk))
    assert told.pose is not None
    assert (told.pose.alt_m, told.pose.alt_datum) == (148.2, "ellipsoid")
    assert told.pose.height_above_home_m == 100.0
    assert (told.pose.sigmas.east_m, told.pose.sigmas.north_m, told.pose.sigmas.height_m) == (0.062, 0.05, 0.14)
    single = read(tmp_path, PhotoFile(xmp={"RtkFlag": "16"}))
    assert single.pose is not None
    assert single.pose.alt_datum == "home"


DEWARP = "2026-01-01;2790.0,2795.0,12.0,-22.0,-0.27,0.11,0.0002,-0.0003,-0.03"


def test_dewarp_data_gives_lens_and_centre_scaled_to_the_file(tmp_path: Path) -> None:
    told = read(tmp_path, PhotoFile(xmp={"DewarpData": DEWARP, "DewarpFlag": "0"}))
    assert told.camera is not None
    assert told.camera.focal_xy_px == pytest.approx((279.0, 279.5))
    assert told.camera.principal_xy_px == pytest.approx((201.2, 147.8))
    assert told.camera.distortion == (-0.27, 0.11, 0.0002, -0.0003, -0.03)
    assert "focal_dewarp_data" in told.flags


def test_dewarp_data_of_an_already_corrected_photo_is_left_alone(tmp_path: Path) -> None:
    told = read(tmp_path, PhotoFile(xmp={"DewarpData": DEWARP, "DewarpFlag": "1"}))
    assert told.camera is not None
    assert told.camera.distortion == (0, 0, 0, 0, 0)
    assert "focal_calibrated" in told.flags


def test_a_calibration_is_scaled_even_where_exif_was_rewritten_for_the_small_file(tmp_path: Path) -> None:
    told = read(tmp_path, PhotoFile(original_size=(400, 300)))
    assert told.camera is not None
    assert told.camera.focal_xy_px == pytest.approx((280.0, 280.0))


def test_a_small_tiff_without_exif_is_scaled_by_its_optical_centre(tmp_path: Path) -> None:
    bare = PhotoFile(original_size=None, focal_35mm=None, make=None, model=None, gps=None, taken=None)
    told = read(tmp_path, bare, "a.tif")
    assert told.locatable
    assert told.camera is not None
    assert told.camera.focal_xy_px == pytest.approx((280.0, 280.0))


def test_a_calibration_is_scaled_by_the_width_that_fits_its_35_mm_equivalent_best(tmp_path: Path) -> None:
    # A 3:2 sensor used in its 4:3 mode may keep the optical centre of the wider picture.
    mode = PhotoFile(size=(486, 365), original_size=(4864, 3648), focal_35mm=27)
    mode.xmp = {"CalibratedFocalLength": "3666.7", "CalibratedOpticalCenterX": "2736.0"}
    told = read(tmp_path, mode)
    assert told.camera is not None
    assert told.camera.focal_xy_px[0] == pytest.approx(366.4, rel=2e-3)


def test_a_calibration_that_fits_no_width_is_not_used(tmp_path: Path) -> None:
    # 2,800 px of focal length over the 400 px of the file would be a telescope, and nothing says what it was before.
    lone = PhotoFile(original_size=None, focal_35mm=None, xmp={"CalibratedOpticalCenterX": None})
    told = read(tmp_path, lone)
    assert told.camera is None
    assert "focal_unknown" in told.flags


NO_CALIBRATION = {"CalibratedFocalLength": None, "CalibratedOpticalCenterX": None, "CalibratedOpticalCenterY": None}


def test_a_known_camera_comes_from_the_table(tmp_path: Path) -> None:
    photo = PhotoFile(model="FC6310", size=(547, 365), original_size=(5472, 3648), focal_35mm=24, xmp=NO_CALIBRATION)
    told = read(tmp_path, photo)
    assert told.camera is not None
    assert told.camera.focal_xy_px[0] == pytest.approx(366.6, rel=2e-3)
    assert "focal_table" in told.flags


def test_a_zoom_lens_of_a_known_payload_is_not_taken_for_the_wide_one(tmp_path: Path) -> None:
    told = read(tmp_path, PhotoFile(model="M30T", focal_35mm=120, xmp=NO_CALIBRATION))
    assert told.camera is not None
    assert told.camera.focal_xy_px[0] == pytest.approx(400 * 120 / 34.6, rel=0.01)
    assert "focal_35mm_equivalent" in told.flags


def test_an_unknown_camera_falls_back_on_its_35_mm_equivalent_with_a_larger_error(tmp_path: Path) -> None:
    told = read(tmp_path, PhotoFile(xmp=NO_CALIBRATION, focal_35mm=24))
    assert told.camera is not None
    assert told.camera.focal_xy_px[0] == pytest.approx(500 * 24 / 43.27, rel=1e-3)
    assert told.camera.focal_sigma_ratio == 0.03


def test_a_camera_that_tells_nothing_is_not_invented(tmp_path: Path) -> None:
    told = read(tmp_path, PhotoFile(xmp=NO_CALIBRATION, focal_35mm=None))
    assert told.camera is None
    assert "focal_unknown" in told.flags


@pytest.mark.parametrize(("size", "flag"), [((300, 300), "cropped"), ((300, 400), "turned_quarter")])
def test_a_photo_cut_or_turned_after_the_flight_is_not_located(
    tmp_path: Path, size: tuple[int, int], flag: str
) -> None:
    told = read(tmp_path, PhotoFile(size=size))
    assert told.camera is None
    assert flag in told.flags


@pytest.mark.parametrize(
    ("software", "edited"),
    [
        ("v01.23.4920", False),
        ("10.00.10.05", False),
        ("DJI", False),
        (None, False),
        ("Microsoft Windows Photo Viewer 10.0.10240.16384", True),
        ("Adobe Photoshop 25.0", True),
        ("GIMP 2.10", True),
    ],
)
def test_software_that_is_no_firmware_is_flagged(tmp_path: Path, software: str | None, edited: bool) -> None:
    assert ("software_not_firmware" in read(tmp_path, PhotoFile(software=software)).flags) is edited


def test_a_roll_of_180_straight_down_turns_the_picture_and_is_flagged(tmp_path: Path) -> None:
    from geo.ground import FlatGround
    from geo.locate import locate_pixels

    plain = read(tmp_path, PhotoFile(xmp={"GimbalYawDegree": "-135.00"}))
    split = read(tmp_path, PhotoFile(xmp={"GimbalYawDegree": "+45.00", "GimbalRollDegree": "+180.00"}))
    assert "gimbal_roll_180" in split.flags
    frame = LocalFrame(lon=LON, lat=LAT)
    places = []
    for told in (plain, split):
        assert told.pose is not None
        assert told.camera is not None
        located = locate_pixels([[10.0, 20.0]], told.pose, told.camera, FlatGround())
        places.append(frame.en_from_lonlat(located.lonlat_deg)[0])
    assert places[0] == pytest.approx(places[1], abs=1e-3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_tag_is_told_and_the_size_is_the_stored_one(tmp_path: Path, orientation: int) -> None:
    told = read(tmp_path, PhotoFile(orientation=orientation))
    assert (told.orientation, told.size_wh_px) == (orientation, (400, 300))
    assert ("orientation_tag" in told.flags) is (orientation != 1)


@pytest.mark.parametrize(
    ("photo", "expected", "flags"),
    [
        (
            PhotoFile(xmp={"UTCAtExposure": "2026:07:01 02:03:04.250000"}),
            datetime(2026, 7, 1, 2, 3, 4, 250000, UTC),
            (),
        ),
        (PhotoFile(offset="-03:30"), datetime(2026, 7, 1, 13, 33, 4, tzinfo=UTC), ()),
        (PhotoFile(offset=None), datetime(2026, 7, 1, 10, 3, 4, tzinfo=UTC), ("time_zone_unknown",)),
        (PhotoFile(offset=None, taken=None), None, ("no_time",)),
        (PhotoFile(offset=None, taken="0000:00:00 00:00:00"), None, ("no_time",)),
    ],
)
def test_times_are_utc_or_say_that_they_may_not_be(
    tmp_path: Path, photo: PhotoFile, expected: datetime | None, flags: tuple[str, ...]
) -> None:
    told = read(tmp_path, photo)
    assert told.taken_at == expected
    assert [flag for flag in told.flags if "time" in flag] == list(flags)


def test_a_tiff_rewritten_by_gdal_keeps_its_place(tmp_path: Path) -> None:
    # GDAL keeps EXIF as text of its own, and puts `xml:XMP=` before the packet.
    packet = PhotoFile(xmp_as="elements").packet()
    assert packet is not None
    tags = {
        "EXIF_Make": "DJI",
        "EXIF_Model": "FC6310R",
        "EXIF_GPSLatitude": "(30) (15) (0)",
        "EXIF_GPSLatitudeRef": "N",
        "EXIF_GPSLongitude": "(120) (9) (0)",
        "EXIF_GPSLongitudeRef": "E",
        "EXIF_PixelXDimension": "4000",
        "EXIF_PixelYDimension": "3000",
    }
    path = tmp_path / "gdal.tif"
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 3, "width": 400, "height": 300, "photometric": "RGB"}
    with rasterio.open(path, "w", transform=Affine(1, 0, 5, 0, -1, 7), **profile) as raster:
        raster.write(np.zeros((3, 300, 400), np.uint8))
        raster.update_tags(**tags)
        raster.update_tags(ns="xml:XMP", **{"xml:XMP": packet.decode()})
    told = read_photo(path)
    assert told.pose is not None
    assert (told.pose.lon, told.pose.lat, told.pose.heading_deg) == pytest.approx((LON, LAT, 45.0))
    assert told.model == "FC6310R"
    assert told.locatable


def test_an_xmp_packet_without_its_namespace_is_still_read(tmp_path: Path) -> None:
    broken = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a drone-dji:GimbalPitchDegree="-60.0" /></x:xmpmeta>'
    path = PhotoFile(xmp_as="none").write(tmp_path / "a.jpg")
    with Image.open(path) as picture:
        picture.save(tmp_path / "b.jpg", exif=picture.getexif(), xmp=broken)
    assert "xmp_repaired" in read_photo(tmp_path / "b.jpg").flags


def test_an_xmp_packet_that_blows_up_is_not_read(tmp_path: Path) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x:xmpmeta xmlns:x="adobe:ns:meta/">&a;</x:xmpmeta>'
    path = PhotoFile(xmp_as="none").write(tmp_path / "a.jpg")
    with Image.open(path) as picture:
        picture.save(tmp_path / "b.jpg", exif=picture.getexif(), xmp=bomb)
    told = read_photo(tmp_path / "b.jpg")
    assert "bearing_unknown" in told.flags


def test_a_png_is_a_picture_without_a_place(tmp_path: Path) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    told = read_photo(tmp_path / "a.png")
    assert told.pose is None
    assert told.size_wh_px == (40, 30)
    assert "no_gps" in told.flags


def test_broken_files_are_refused_in_one_line_with_a_remedy(tmp_path: Path) -> None:
    whole = PhotoFile(size=(1600, 1200), original_size=None).write(tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("this is a text, renamed")
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "head.jpg").write_bytes(whole[:40])
    expected = {
        "empty.jpg": "the file is empty",
        "text.jpg": "not a JPEG",
        "cut.jpg": "truncated",
        "head.jpg": "",
        "missing.jpg": "no such file",
    }
    for name, problem in expected.items():
        with pytest.raises(InputFileError) as caught:
            read_photo(tmp_path / name)
        message = str(caught.value)
        assert name in message
        assert problem in message
        assert caught.value.remedy
        assert "\n" not in message


def test_real_photos_without_angles_or_place_say_so(shared_data: Path) -> None:
    caliterra = read_photo(shared_data / "flights/caliterra_gps/images/IMG_9354.jpg")
    assert caliterra.pose is not None
    assert caliterra.pose.pitch_deg is None
    assert "bearing_unknown" in caliterra.flags
    flood = read_photo(shared_data / "train/flood_area_kaggle/images/flood_0000.jpg")
    assert flood.pose is None
    assert "no_gps" in flood.flags


def test_a_real_drone_photo_is_read_whole(shared_data: Path) -> None:
    told = read_photo(shared_data / "flights/brighton_beach_dji/images/DJI_0018.jpg")
    assert told.pose is not None
    assert (told.pose.heading_deg, told.pose.pitch_deg, told.pose.alt_m) == (45.0, -89.9, 39.8)
    assert told.camera is not None
    # 3.61 mm on a sensor 6.317 mm wide, in a file shrunk to 2,000 px.
    assert told.camera.focal_xy_px[0] == pytest.approx(2000 * 3.61 / 6.317, rel=0.01)
    assert "time_zone_unknown" in told.flags
