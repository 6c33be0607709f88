"""Lenses against OpenCV's, and how rays turn with the pixel."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from geo_builders import LAT, LON, a_camera, a_distorted_camera, a_pose
from honest_scenes import axes, seen_by_opencv

from geo.camera import Camera
from geo.footprint import footprint_polygon
from geo.frames import LocalFrame
from geo.ground import FlatGround
from geo.lens import normalised_from_pixels, pixels_from_camera, rays_of_pixels, rays_with_slopes
from geo.locate import locate_pixels, project_to_pixels

FISHEYE = a_camera(model="fisheye", focal_xy_px=(1500.0, 1505.0), distortion=(0.03, -0.01, 0.002, -0.0004, 0.0))
STRONG = a_camera(distortion=(-0.25, 0.12, 3e-3, -2e-3, -0.02), principal_xy_px=(2030.0, 1460.0))
CAMERAS = [a_camera(), a_distorted_camera(), STRONG, FISHEYE]


def some_pixels(camera: Camera, count: int = 500) -> np.ndarray:
    return np.random.default_rng(4).uniform((0, 0), camera.size_wh_px, (count, 2))


@pytest.mark.parametrize("camera", CAMERAS)
def test_opencv_sees_a_ray_at_the_pixel_that_it_came_from(camera: Camera) -> None:
    uv = some_pixels(camera)
    rays = rays_of_pixels(uv, camera)
    assert np.isfinite(rays).all()
    # OpenCV's fisheye sees only what is ahead of the camera.
    ahead = rays[:, 2] > 0.05
    assert ahead.mean() > 0.95
    seen = seen_by_opencv(30.0 * rays[ahead], camera, np.eye(3))
    assert np.abs(seen - uv[ahead]).max() < 2e-3
    assert np.abs(pixels_from_camera(7.0 * rays, camera) - uv).max() < 2e-3


@pytest.mark.parametrize(
    "distortion",
    [
        (-0.27, 0.11, 4e-4, -3e-4, -0.03),
        (-0.27, 0.11, 1e-3, -1e-3, -0.03),
        (-0.1126, 0.0149, -8.5e-5, 1e-7, -0.0271),
        (0.1, -0.05, 1e-3, 5e-4, 0.02),
        (-0.1, 0.02, 0.0, 0.0, 0.0),
        # No lens of a drone, but an inverse that the tables alone do not reach.
        (-0.1, 0.02, 3e-2, -2e-2, 0.0),
    ],
)
def test_undoing_distortion_agrees_with_opencv_to_a_ten_thousandth_of_a_pixel(distortion: tuple[float, ...]) -> None:
    """At the pixel to 1e-4; the ideal point, which strong lenses move several times as far, to 3e-4 px."""
    camera = a_camera(distortion=distortion)
    uv = np.vstack((some_pixels(camera, 30_000), [(2000.0, 1500.0), (0.0, 0.0), (4000.0, 3000.0)]))
    rays = rays_of_pixels(uv, camera)
    assert np.abs(pixels_from_camera(rays, camera) - uv).max() < 1e-4
    matrix = np.array([[2800.0, 0.0, 2000.0], [0.0, 2800.0, 1500.0], [0.0, 0.0, 1.0]])
    until = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 200, 1e-13)
    ideal = cv2.undistortPoints(uv[:, None], matrix, np.array(distortion), criteria=until)[:, 0]
    assert np.abs(rays[:, :2] - ideal).max() * 2800 < 3e-4


@pytest.mark.parametrize("camera", [a_distorted_camera(), STRONG, a_camera(distortion=(-0.1, 0.0, 0.0, 0.0, 0.0))])
def test_pixels_that_are_no_numbers_or_far_outside_have_no_ray(camera: Camera) -> None:
    none = [[np.nan, 10.0], [10.0, np.nan], [np.inf, 10.0], [-np.inf, -np.inf], [1e9, 0.0], [4000.0, -1e4]]
    assert np.isnan(rays_of_pixels(none, camera)[:, :2]).all()
    good = some_pixels(camera, 20)
    mixed = rays_of_pixels(np.vstack((none, good)), camera)[6:]
    assert mixed == pytest.approx(rays_of_pixels(good, camera), abs=1e-12)


@pytest.mark.parametrize("camera", CAMERAS)
def test_rays_turn_with_the_pixel_as_told(camera: Camera) -> None:
    u, v = some_pixels(camera).T
    rays = rays_with_slopes(u, v, camera)
    step = 0.5
    by_u = (rays_with_slopes(u + step, v, camera).ray - rays_with_slopes(u - step, v, camera).ray) / (2 * step)
    by_v = (rays_with_slopes(u, v + step, camera).ray - rays_with_slopes(u, v - step, camera).ray) / (2 * step)
    assert np.abs(rays.by_u - by_u).max() < 1e-7
    assert np.abs(rays.by_v - by_v).max() < 1e-7


def test_a_fisheye_sees_to_the_side_and_behind() -> None:
    wide = replace(FISHEYE, focal_xy_px=(1000.0, 1005.0), distortion=(0.0, 0.0, 0.0, 0.0, 0.0))
    # An equidistant lens: 1000 px are one radian.
    (sideways,) = rays_of_pixels([[2000 + 1000 * np.pi / 2, 1500]], wide)
    assert sideways == pytest.approx((1.0, 0.0, 0.0), abs=1e-12)
    (behind,) = rays_of_pixels([[2000, 1500 + 1005 * np.radians(100)]], wide)
    assert behind[2] == pytest.approx(np.cos(np.radians(100)))
    assert pixels_from_camera([behind], wide)[0] == pytest.approx((2000, 1500 + 1005 * np.radians(100)))
    assert np.isnan(pixels_from_camera([[0.2, 0.0, -1.0]], wide)).all()
    assert np.isnan(normalised_from_pixels([[2000 + 1600, 1500]], wide)).all()


@pytest.mark.parametrize(("heading", "pitch", "roll"), [(0, -90, 0), (130, -60, 2), (280, -40, -3)])
def test_a_fisheyes_pixel_lies_where_opencv_saw_the_point(heading: float, pitch: float, roll: float) -> None:
    rng = np.random.default_rng(2)
    points = np.column_stack((rng.uniform(-90, 90, (300, 2)), np.full(300, -100.0)))
    rows = axes(heading, pitch, roll)
    points = points[(points @ rows[2]) > 5]
    uv = seen_by_opencv(points, FISHEYE, rows)
    inside = ((uv >= 0) & (uv <= FISHEYE.size_wh_px)).all(axis=1)
    assert inside.sum() > 80
    pose = a_pose(heading_deg=heading, pitch_deg=pitch, roll_deg=roll)
    located = locate_pixels(uv[inside], pose, FISHEYE, FlatGround())
    found = LocalFrame(lon=LON, lat=LAT).en_from_lonlat(located.lonlat_deg)
    assert np.nanmax(np.abs(found - points[inside, :2])) < 0.01
    assert (located.reason == 0).mean() > 0.95


def test_a_fisheye_turned_by_half_locates_alike() -> None:
    camera = replace(FISHEYE, principal_xy_px=(2040.0, 1480.0))
    pose, uv = a_pose(heading_deg=77.0, pitch_deg=-70.0, roll_deg=1.0), np.array([[1300.0, 900.0], [2900.0, 2500.0]])
    right = locate_pixels(uv, pose, camera, FlatGround()).lonlat_deg
    turned = locate_pixels(np.array([4000, 3000]) - uv, pose.turned_half(), camera.turned_half(), FlatGround())
    assert np.abs(turned.lonlat_deg - right).max() < 1e-11


@pytest.mark.parametrize("pitch_deg", [-90.0, -60.0, -35.0])
def test_a_fisheyes_footprint_holds_what_it_locates_and_no_more(pitch_deg: float) -> None:
    pose = a_pose(heading_deg=50.0, pitch_deg=pitch_deg)
    frame = LocalFrame(lon=LON, lat=LAT)
    ring = frame.en_from_lonlat(footprint_polygon(pose, FISHEYE, FlatGround())).astype(np.float32)
    reach_m = 100.0 / np.tan(np.radians(12.0))
    places = np.random.default_rng(8).uniform(-reach_m, reach_m, (4000, 2))
    pixels = project_to_pixels(frame.lonlat_from_en(places), pose, FISHEYE, FlatGround())
    seen = ((pixels >= 0) & (pixels <= FISHEYE.size_wh_px)).all(axis=1) & (np.hypot(*places.T) < reach_m)
    told = [cv2.pointPolygonTest(ring, (float(e), float(n)), False) >= 0 for e, n in places]
    assert 0.1 < seen.mean() < 0.8
    assert (seen == told).mean() > 0.985


def test_pixels_beyond_a_fold_have_no_ray() -> None:
    # This polynomial turns back at a tangent of 0.91: what appears farther out than that appears nowhere.
    folded = a_camera(distortion=(-0.4, 0.0, 0.0, 0.0, 0.0), focal_xy_px=(1800.0, 1800.0))
    rays = rays_of_pixels([[2000, 1500], [2900, 1500], [3995, 2995]], folded)
    assert np.isfinite(rays[:2]).all()
    assert np.isnan(rays[2, :2]).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": "panoramic"},
        {"model": "fisheye", "distortion": (0.1, 0.0, 0.0, 0.0, 0.1)},
        {"focal_sigma_ratio": -0.1},
        {"focal_sigma_ratio": float("nan")},
    ],
)
def test_lenses_that_are_none_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="camera test"):
        a_camera(**wrong)
