from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import rasterio
from geo_builders import LAT, LON, a_camera, a_pose
from ground_models import a_dem, slope
from rasterio import Affine

from geo.dem import DemGround
from geo.errors import HeightUnknown, InputFileError
from geo.footprint import footprint_polygon
from geo.frames import LocalFrame
from geo.ground import FlatGround
from geo.locate import locate_pixels, project_to_pixels

FRAME = LocalFrame(lon=LON, lat=LAT)


def test_the_ground_is_at_the_take_off_height_unless_told() -> None:
    height = FlatGround().camera_height(a_pose(alt_m=80.0))
    assert height.alt_m == 80.0
    assert height.flags == ("flat_ground_above_take_off",)


@pytest.mark.parametrize(
    ("ground_alt_m", "reported_alt_m", "above_m", "flag"),
    [
        (48.0, 148.0, 100.0, "flat_ground_absolute"),
        (45.0, 148.0, 103.0, "flat_ground_absolute"),
        (5.0, 148.0, 95.0, "flat_ground_above_take_off"),
        (-3.0, -22.0, 103.0, "flat_ground_above_take_off"),
        (10.0, None, 90.0, "flat_ground_above_take_off"),
    ],
)
def test_a_ground_altitude_is_read_in_the_datum_that_it_fits(
    ground_alt_m: float, reported_alt_m: float | None, above_m: float, flag: str
) -> None:
    ground = FlatGround(alt_m=ground_alt_m, datum="photo")
    height = ground.camera_height(a_pose(reported_alt_m=reported_alt_m))
    assert height.alt_m - ground_alt_m == pytest.approx(above_m)
    assert flag in height.flags


def test_an_rtk_altitude_is_believed_and_a_reported_one_has_a_larger_error() -> None:
    rtk = a_pose(alt_m=148.0, alt_datum="ellipsoid", height_above_home_m=100.0)
    by_rtk = FlatGround(alt_m=48.0, datum="photo").camera_height(rtk)
    reported = FlatGround(alt_m=48.0, datum="photo").camera_height(a_pose(reported_alt_m=148.0))
    assert by_rtk.alt_m == reported.alt_m == 148.0
    assert reported.sigma_m > 2 * by_rtk.sigma_m
    assert FlatGround().camera_height(rtk).alt_m == 100.0


def test_a_pose_without_height_above_take_off_needs_the_grounds_altitude() -> None:
    pose = a_pose(alt_m=148.0, alt_datum="msl")
    with pytest.raises(HeightUnknown, match="take-off"):
        FlatGround().camera_height(pose)
    assert FlatGround(alt_m=48.0, datum="absolute").camera_height(pose).alt_m == 148.0


@pytest.mark.parametrize("crs", ["EPSG:32651", "EPSG:4549", "EPSG:3857"])
def test_a_ray_meets_a_slope_where_it_is(tmp_path: Path, crs: str) -> None:
    ground = DemGround.open(a_dem(tmp_path / "dem.tif", slope, crs=crs), home_lonlat=(LON, LAT))
    pose, camera = a_pose(heading_deg=70.0, pitch_deg=-50.0), a_camera()
    rng = np.random.default_rng(3)
    uv = rng.uniform((200, 200), (3800, 2800), (200, 2))
    located = locate_pixels(uv, pose, camera, ground)
    assert (located.reason == 0).all()
    east, north = FRAME.en_from_lonlat(located.lonlat_deg).T
    assert located.alt_m == pytest.approx(slope(east, north), abs=0.05)
    back = project_to_pixels(located.lonlat_deg, pose, camera, ground)
    assert np.abs(back - uv).max() < 1.5
    assert located.pose_flags == ("dem_take_off",)


def test_a_model_in_degrees_is_read_as_well(tmp_path: Path) -> None:
    path = a_dem(tmp_path / "dem.tif", slope, crs="EPSG:4326", cell=2e-5, half=300)
    ground = DemGround.open(path, home_lonlat=(LON, LAT))
    located = locate_pixels([[2000, 1500], [100, 100]], a_pose(pitch_deg=-70.0), a_camera(), ground)
    east, north = FRAME.en_from_lonlat(located.lonlat_deg).T
    assert located.alt_m == pytest.approx(slope(east, north), abs=0.05)


def test_a_wall_hides_what_is_behind_it(tmp_path: Path) -> None:
    def wall(east: np.ndarray, north: np.ndarray) -> np.ndarray:
        return np.where((north > 60) & (north < 70), 40.0, 0.0)

    ground = DemGround.open(a_dem(tmp_path / "dem.tif", wall, cell=1.0), home_lonlat=(LON, LAT))
    pose, camera = a_pose(pitch_deg=-45.0, alt_m=60.0), a_camera()
    # Straight ahead at 45 degrees the ray would reach the ground 60 m north; a little higher it meets the wall's face.
    located = locate_pixels([[2000, 1400], [2000, 1700]], pose, camera, ground)
    north = FRAME.en_from_lonlat(located.lonlat_deg)[:, 1]
    assert north[0] == pytest.approx(60.0, abs=1.1)
    assert 1.0 < located.alt_m[0] < 40.0
    assert north[1] < 58.0
    assert located.alt_m[1] == pytest.approx(0.0, abs=0.01)


def test_gaps_and_the_models_edge_have_no_answer(tmp_path: Path) -> None:
    def holed(east: np.ndarray, north: np.ndarray) -> np.ndarray:
        return np.where(np.hypot(east - 30, north) < 8, np.nan, 10.0)

    ground = DemGround.open(a_dem(tmp_path / "dem.tif", holed, cell=1.0, half=60), home_lonlat=(LON, LAT))
    pose, camera = a_pose(), a_camera()
    located = locate_pixels([[2000 + 30 * 28, 1500], [2000, 1500], [100, 1500]], pose, camera, ground)
    assert [located.flags_of(i)[0] for i in range(3)] == ["no_ground_known", "dem_take_off", "no_ground_known"]


def test_without_take_off_point_a_fitting_absolute_altitude_is_used(tmp_path: Path) -> None:
    ground = DemGround.open(a_dem(tmp_path / "dem.tif", slope))
    height = ground.camera_height(a_pose(reported_alt_m=190.0))
    assert height.alt_m == 190.0
    assert "dem_absolute_altitude" in height.flags
    rtk = ground.camera_height(a_pose(alt_m=190.0, alt_datum="ellipsoid", height_above_home_m=100.0))
    assert rtk.alt_m == 190.0
    assert rtk.sigma_m < height.sigma_m


def test_without_take_off_point_a_misfitting_absolute_altitude_is_not_believed(tmp_path: Path) -> None:
    ground = DemGround.open(a_dem(tmp_path / "dem.tif", slope))
    height = ground.camera_height(a_pose(reported_alt_m=-122.0))
    assert height.alt_m == pytest.approx(150.0, abs=0.1)
    assert height.flags == ("dem_take_off_unknown",)
    # The slope rises by 0.2 per metre: where it was taken off from, it may well be 20 m higher or lower.
    assert height.sigma_m > 15.0


def test_a_camera_outside_the_model_has_no_height(tmp_path: Path) -> None:
    ground = DemGround.open(a_dem(tmp_path / "dem.tif", slope, half=50))
    with pytest.raises(HeightUnknown, match="outside the DEM"):
        ground.camera_height(a_pose(lon=LON + 0.1))


def test_a_slopes_error_ellipse_is_longer_where_the_ray_grazes_it(tmp_path: Path) -> None:
    def up_and_down(east: np.ndarray, north: np.ndarray) -> np.ndarray:
        return 0.3 * np.abs(north)

    ground = DemGround.open(a_dem(tmp_path / "dem.tif", up_and_down), home_lonlat=(LON, LAT))
    pose, camera = a_pose(pitch_deg=-45.0), a_camera()
    (rising,) = locate_pixels([[2000, 1500]], pose, camera, ground)
    (level,) = locate_pixels([[2000, 1500]], pose, camera, FlatGround())
    assert rising is not None
    assert level is not None
    # Facing a rising slope, the ray meets it more squarely: pitch and height move the point less.
    assert rising.ellipse().major_m < level.ellipse().major_m


def test_a_footprint_over_hills_follows_them(tmp_path: Path) -> None:
    ground = DemGround.open(a_dem(tmp_path / "dem.tif", slope), home_lonlat=(LON, LAT))
    east = FRAME.en_from_lonlat(footprint_polygon(a_pose(), a_camera(), ground))[:, 0]
    # Uphill to the east the ground is nearer, so less of it fits into the picture.
    assert east.max() < 2000 / 28 < -east.min()
    assert east.max() == pytest.approx(100 * (2000 / 2800) / (1 + 0.2 * 2000 / 2800), rel=0.05)


def test_a_model_in_hard_relief_beats_flat_ground(tmp_path: Path) -> None:
    def hills(east: np.ndarray, north: np.ndarray) -> np.ndarray:
        return 20 * np.sin(east / 40) * np.cos(north / 50)

    ground = DemGround.open(a_dem(tmp_path / "dem.tif", hills, cell=1.0), home_lonlat=(LON, LAT))
    pose, camera = a_pose(pitch_deg=-60.0), a_camera()
    uv = np.random.default_rng(5).uniform((0, 0), (4000, 3000), (500, 2))
    with_model = locate_pixels(uv, pose, camera, ground)
    on_flat = locate_pixels(uv, pose, camera, FlatGround())
    east, north = FRAME.en_from_lonlat(with_model.lonlat_deg).T
    assert np.nanmax(np.abs(with_model.alt_m - hills(east, north))) < 0.05
    apart = np.hypot(*(FRAME.en_from_lonlat(on_flat.lonlat_deg) - np.column_stack((east, north))).T)
    assert np.nanmedian(apart) > 3.0


def test_files_that_are_no_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="no such file"):
        DemGround.open(tmp_path / "missing.tif")
    (tmp_path / "text.tif").write_text("heights")
    with pytest.raises(InputFileError, match="not a readable raster"):
        DemGround.open(tmp_path / "text.tif")
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "width": 4, "height": 4}
    with rasterio.open(tmp_path / "bare.tif", "w", transform=Affine(2, 0, 500, 0, -2, 900), **profile) as raster:
        raster.write(np.zeros((4, 4), np.float32), 1)
    with pytest.raises(InputFileError, match="coordinate system"):
        DemGround.open(tmp_path / "bare.tif")
    with pytest.raises(InputFileError, match="take-off"):
        DemGround.open(a_dem(tmp_path / "dem.tif", slope, half=20), home_lonlat=(LON + 1, LAT))


def test_the_grounds_own_error_enters_the_camera_height() -> None:
    even, uneven = FlatGround(sigma_m=0.0), FlatGround(sigma_m=3.0)
    pose = a_pose()
    assert even.camera_height(pose).sigma_m == pytest.approx(1.5)
    assert uneven.camera_height(pose).sigma_m == pytest.approx(math.hypot(1.5, 3.0))
