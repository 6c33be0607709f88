"""Rays over rough models against a search in small steps, pieces that serve several pictures, and odd files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import rasterio
from geo_builders import LAT, LON, a_camera, a_pose
from ground_models import a_dem, slope
from honest_scenes import hills
from hypothesis import given
from hypothesis import strategies as st
from rasterio import Affine

from geo.dem import DemGround
from geo.dem_surface import DemSurface
from geo.dem_tile import DemTile
from geo.errors import HeightUnknown, InputFileError, PlaceUnknown
from geo.frames import LocalFrame
from geo.ground import FlatGround
from geo.locate import locate_pixels, locate_polygon, offsets_of_pixels

FRAME = LocalFrame(lon=LON, lat=LAT)
# East to the right, north up, 1 m per cell, the frame's place in the middle of 201 cells; the rim adds one.
TO_CELL = np.array([[101.0, 101.0], [1.0, 0.0], [0.0, -1.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])


def a_tile(heights: np.ndarray) -> DemTile:
    return DemTile(
        frame=FRAME, reach_m=99.0, surface=DemSurface(heights_m=heights.astype(np.float32)), to_cell=TO_CELL, cell_m=1.0
    )


def blocks(seed: int) -> np.ndarray:
    """Rough ground with walls and towers, some of it unknown."""
    rng = np.random.default_rng(seed)
    heights = np.cumsum(rng.normal(0, 0.6, (201, 201)), axis=0)
    for _ in range(25):
        row, column = rng.integers(0, 190, 2)
        heights[row : row + rng.integers(1, 9), column : column + rng.integers(1, 9)] += rng.uniform(2, 25)
    for _ in range(6):
        row, column = rng.integers(0, 190, 2)
        heights[row : row + 4, column : column + 6] = np.nan
    return heights


def longest_under_m(tile: DemTile, camera_alt_m: float, ray: np.ndarray, until: float) -> float:
    """How many metres on end a ray goes clearly under known ground before `until`, looked at every 5 cm."""
    along = np.arange(0.0, until, 0.05)
    points = along[:, None] * ray
    gap = camera_alt_m + points[:, 2] - tile.sample(points[:, :2])
    under = np.r_[0, gap < -0.01, 0].astype(int)
    begins, ends = np.flatnonzero(np.diff(under) == 1), np.flatnonzero(np.diff(under) == -1)
    return float((ends - begins).max(initial=0)) * 0.05


@given(seed=st.integers(0, 60), steep=st.floats(20, 80))
def test_rays_stop_at_the_first_ground(seed: int, steep: float) -> None:
    tile = a_tile(blocks(seed))
    rng = np.random.default_rng(seed)
    azimuth = rng.uniform(0, 2 * np.pi, 40)
    down = np.radians(steep + rng.uniform(-10, 10, 40))
    rays = np.column_stack((np.sin(azimuth) * np.cos(down), np.cos(azimuth) * np.cos(down), -np.sin(down)))
    camera_alt_m = tile.highest_m + 5.0
    for ray, found in zip(rays, tile.march(camera_alt_m, rays), strict=True):
        until = 97.0 / float(np.hypot(*ray[:2]))
        if math.isfinite(found):
            point = found * ray
            assert abs(camera_alt_m + point[2] - tile.sample(point[None, :2])[0]) < 2e-3
            until = found - 0.01
        elif np.isnan(tile.sample(np.arange(0.0, until, 0.05)[:, None] * ray[:2])).any():
            continue
        # Steps of a whole cell may pass through the tip of a corner, never through more.
        assert longest_under_m(tile, camera_alt_m, ray, until) <= 1.0 / max(abs(ray[0]), abs(ray[1])) + 0.1


def test_a_ray_that_comes_out_of_a_gap_underground_has_no_answer() -> None:
    heights = np.zeros((201, 201))
    heights[:, 130:160] = np.nan
    heights[:, 160:] = 30.0
    tile = a_tile(heights)
    # Down to 10 m above the plain in the middle of the gap, then a wall of which only the inside is known.
    into_wall, onto_plain = np.array([[65.0, 0.0, -30.0]]), np.array([[20.0, 0.0, -40.0]])
    assert np.isnan(tile.march(40.0, into_wall)).all()
    assert tile.march(40.0, onto_plain) == pytest.approx(1.0)


def test_the_highest_heights_of_blocks_are_never_too_low() -> None:
    heights = blocks(3)
    surface = DemSurface(heights_m=heights.astype(np.float32))
    rng = np.random.default_rng(0)
    column, row = rng.uniform(1, 200, (2, 4000))
    for ceilings in surface.ceilings:
        highest = ceilings.at(column, row)
        for turn in np.linspace(0, 2 * np.pi, 9):
            reach = ceilings.side / 2
            near = surface.at(column + reach * np.sin(turn), row + reach * np.cos(turn))
            known = np.isfinite(near)
            assert (near[known] <= highest[known] + 1e-4).all()


def test_one_piece_of_a_model_serves_the_next_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ground = DemGround.open(a_dem(tmp_path / "dem.tif", hills, cell=4.0, half=450), home_lonlat=(LON, LAT))
    opened = []
    real_open = rasterio.open
    monkeypatch.setattr("geo.dem_raster.rasterio.open", lambda *a, **k: opened.append(a) or real_open(*a, **k))
    camera = a_camera()
    for metres in range(0, 1000, 20):
        lon, lat = FRAME.lonlat_from_en([[metres, metres / 3]])[0]
        pose = a_pose(lon=float(lon), lat=float(lat), pitch_deg=-70.0)
        located = locate_pixels([[2000, 1500], [300, 2500]], pose, camera, ground)
        east, north = FRAME.en_from_lonlat(located.lonlat_deg).T
        assert located.alt_m == pytest.approx(hills(east, north), abs=0.1)
    assert 1 <= len(opened) <= 5


def test_a_polygon_that_leaves_the_model_is_refused(tmp_path: Path) -> None:
    ground = DemGround.open(a_dem(tmp_path / "dem.tif", slope, cell=1.0, half=40))
    with pytest.raises(PlaceUnknown, match="no_ground_known"):
        locate_polygon([[100, 100], [3900, 100], [2000, 2900]], a_pose(), a_camera(), ground)
    with pytest.raises(HeightUnknown, match="outside the DEM"):
        ground.camera_height(a_pose(lon=LON + 0.01))


def test_a_model_of_gaps_only_has_no_height(tmp_path: Path) -> None:
    nothing = a_dem(tmp_path / "dem.tif", lambda east, north: np.nan * east)
    with pytest.raises(HeightUnknown):
        DemGround.open(nothing).camera_height(a_pose())
    with pytest.raises(InputFileError, match="does not cover the take-off"):
        DemGround.open(nothing, home_lonlat=(LON, LAT))


def test_a_truncated_model_is_refused_when_it_is_read(tmp_path: Path) -> None:
    path = a_dem(tmp_path / "dem.tif", slope)
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(InputFileError, match="cannot be read to its end"):
        DemGround.open(path).camera_height(a_pose())


def test_a_model_with_coordinates_but_without_a_place_is_refused(tmp_path: Path) -> None:
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "width": 9, "height": 9, "crs": "EPSG:32651"}
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(tmp_path / "bare.tif", "w", transform=Affine.identity(), **profile) as raster,
    ):
        raster.write(np.zeros((9, 9), np.float32), 1)
    with pytest.raises(InputFileError, match="coordinate system"):
        DemGround.open(tmp_path / "bare.tif")


@pytest.mark.parametrize("pitch_deg", [-90.0, -45.0, -12.0])
def test_places_without_errors_are_the_same_places(tmp_path: Path, pitch_deg: float) -> None:
    uv = np.random.default_rng(1).uniform((-30, -30), (4030, 3030), (3000, 2))
    pose, camera = a_pose(heading_deg=30.0, pitch_deg=pitch_deg), a_camera()
    for ground in (FlatGround(), DemGround.open(a_dem(tmp_path / "dem.tif", slope), home_lonlat=(LON, LAT))):
        located = locate_pixels(uv, pose, camera, ground)
        offset = offsets_of_pixels(uv, pose, camera, ground)
        assert (np.isnan(offset[:, 0]) == (located.reason != 0)).all()
        known = located.reason == 0
        assert np.abs(FRAME.en_from_lonlat(located.lonlat_deg[known]) - offset[known, :2]).max() < 1e-4
    inside = uv[((uv > 1) & (uv < 2999)).all(axis=1)]
    one_plane = offsets_of_pixels(inside, pose, camera, FlatGround())
    assert np.isnan(one_plane).any() == (pitch_deg == -12.0)
    with pytest.raises(PlaceUnknown):
        offsets_of_pixels(uv, a_pose(heading_deg=None), camera, FlatGround())


@pytest.mark.parametrize("place", [(120.15, 30.25), (179.9999, -60.0), (10.0, 85.0), (0.0, 89.99), (-75.0, 0.0)])
def test_many_places_are_turned_into_degrees_as_single_ones_are(place: tuple[float, float]) -> None:
    frame = LocalFrame(lon=place[0], lat=place[1])
    metres = np.random.default_rng(0).uniform(-2400, 2400, (600, 2))
    metres[7] = np.nan
    many = frame.lonlat_from_en(metres)
    single = np.vstack([frame.lonlat_from_en(metres[i : i + 1]) for i in range(600)])
    assert (np.isnan(many[:, 0]) == np.isnan(metres[:, 0])).all()
    assert np.nanmax(np.abs(many - single)) < 1e-9
