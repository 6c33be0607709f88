from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import shapely
from geo_builders import LAT, LON, a_camera, a_distorted_camera, a_pose, opencv_pixels
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.camera import Camera
from geo.errors import HeightUnknown, NothingSeen, PlaceUnknown
from geo.footprint import clip_to_picture, footprint_polygon
from geo.frames import LocalFrame
from geo.ground import FlatGround
from geo.locate import ground_area_m2, locate_pixels, locate_polygon, offsets_of_pixels, project_to_pixels
from geo.pose import Pose, PoseSigmas
from geo.position import scale_of_probability

FRAME = LocalFrame(lon=LON, lat=LAT)


def some_ground(pose: Pose, camera: Camera, count: int = 40) -> np.ndarray:
    """Points (n, 3) on the plane under the camera that it sees, east, north, up from it."""
    rng = np.random.default_rng(7)
    pitch, heading = math.radians(pose.pitch_deg or 0), math.radians(pose.heading_deg or 0)
    ahead = pose.alt_m / math.tan(-pitch) if pitch > -1.5 else 0.0
    middle = np.array([ahead * math.sin(heading), ahead * math.cos(heading)])
    en = middle + rng.uniform(-0.35, 0.35, (count, 2)) * pose.alt_m
    return np.column_stack((en, np.full(count, -pose.alt_m)))


@pytest.mark.parametrize("camera", [a_camera(), a_distorted_camera()])
@pytest.mark.parametrize(
    ("heading", "pitch", "roll"),
    [(0, -90, 0), (45, -90, 0), (200, -89.9, 0), (-131, -75, 2), (92.9, -60, 0), (10, -45, -5), (300, -40, 175)],
)
def test_a_pixel_lies_where_opencv_saw_the_point(camera: Camera, heading: float, pitch: float, roll: float) -> None:
    pose = a_pose(heading_deg=heading, pitch_deg=pitch, roll_deg=roll)
    points = some_ground(pose, camera)
    uv = opencv_pixels(points, camera, heading, pitch, roll)
    located = locate_pixels(uv, pose, camera, FlatGround())
    inside = ((uv >= 0) & (uv <= camera.size_wh_px)).all(axis=1)
    assert inside.sum() > 20
    found = FRAME.en_from_lonlat(located.lonlat_deg)
    assert np.abs(found - points[:, :2])[inside].max() < 0.01
    assert located.alt_m[inside] == pytest.approx(0.0, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    heading=st.floats(-180, 180),
    pitch=st.floats(-90, -35),
    roll=st.floats(-30, 30),
    height=st.floats(10, 300),
    u=st.floats(0, 4000),
    v=st.floats(0, 3000),
)
def test_a_pixel_comes_back_from_the_ground(
    heading: float, pitch: float, roll: float, height: float, u: float, v: float
) -> None:
    pose = a_pose(heading_deg=heading, pitch_deg=pitch, roll_deg=roll, alt_m=height)
    camera = a_distorted_camera()
    located = locate_pixels([[u, v]], pose, camera, FlatGround())
    if located.reason[0]:
        assert located.flags_of(0)[0] in ("above_horizon", "bearing_only")
        return
    back = project_to_pixels(located.lonlat_deg, pose, camera, FlatGround())
    assert back == pytest.approx(np.array([[u, v]]), abs=0.02)


def test_north_is_up_in_a_picture_taken_straight_down_facing_north() -> None:
    (top,) = locate_pixels([[2000, 0]], a_pose(), a_camera(), FlatGround())
    (right,) = locate_pixels([[4000, 1500]], a_pose(), a_camera(), FlatGround())
    assert top is not None
    assert right is not None
    assert FRAME.en_from_lonlat([[top.lon, top.lat]])[0] == pytest.approx((0.0, 1500 / 28), abs=1e-3)
    assert FRAME.en_from_lonlat([[right.lon, right.lat]])[0] == pytest.approx((2000 / 28, 0.0), abs=1e-3)


def test_rays_without_an_answer_say_why() -> None:
    camera, pose = a_camera(), a_pose(pitch_deg=-10.0)
    located = locate_pixels([[2000, 0], [2000, 1400], [2000, 3000], [2000, 3200]], pose, camera, FlatGround())
    assert [located.flags_of(i)[0] for i in range(4)] == [
        "above_horizon",
        "bearing_only",
        "flat_ground_above_take_off",
        "outside_picture",
    ]
    assert [fix is None for fix in located] == [True, True, False, True]
    assert np.isnan(located.lonlat_deg[[0, 1, 3]]).all()


@pytest.mark.parametrize("missing", ["heading_deg", "pitch_deg"])
def test_a_camera_without_bearing_locates_nothing(missing: str) -> None:
    located = locate_pixels([[2000, 1500]], a_pose(**{missing: None}), a_camera(), FlatGround())
    assert located[0] is None
    assert located.flags_of(0) == ("bearing_unknown",)
    with pytest.raises(PlaceUnknown):
        project_to_pixels([[LON, LAT]], a_pose(**{missing: None}), a_camera(), FlatGround())


def moved(pose: Pose, camera: Camera, rng: np.random.Generator, sigmas: PoseSigmas) -> tuple[Pose, Camera, np.ndarray]:
    truth = replace(
        pose,
        heading_deg=(pose.heading_deg or 0) + rng.normal(0, sigmas.heading_deg),
        pitch_deg=(pose.pitch_deg or 0) + rng.normal(0, sigmas.pitch_deg),
        roll_deg=(pose.roll_deg or 0) + rng.normal(0, sigmas.roll_deg),
        alt_m=pose.alt_m + rng.normal(0, math.hypot(sigmas.height_m, 0.5)),
    )
    ratio = 1 + rng.normal(0, camera.focal_sigma_ratio)
    lens = replace(camera, focal_xy_px=(camera.focal_xy_px[0] * ratio, camera.focal_xy_px[1] * ratio))
    return truth, lens, rng.normal(0, (sigmas.east_m, sigmas.north_m))


@pytest.mark.parametrize(
    ("pose", "uv"),
    [
        (a_pose(), (2000.0, 1500.0)),
        (a_pose(heading_deg=30.0), (100.0, 2900.0)),
        (a_pose(pitch_deg=-60.0, heading_deg=200.0), (3800.0, 200.0)),
        (a_pose(pitch_deg=-35.0, heading_deg=120.0, alt_m=60.0), (1000.0, 1500.0)),
    ],
)
def test_the_95_percent_ellipse_holds_95_percent(pose: Pose, uv: tuple[float, float]) -> None:
    camera, rng = a_camera(), np.random.default_rng(11)
    (fix,) = locate_pixels([uv], pose, camera, FlatGround())
    assert fix is not None
    centre = FRAME.en_from_lonlat([[fix.lon, fix.lat]])[0]
    shape = np.linalg.inv(np.array(fix.covariance_m2))
    limit, held, count = scale_of_probability(0.95) ** 2, 0, 3000
    for _ in range(count):
        truth, lens, offset = moved(pose, camera, rng, pose.sigmas)
        point = _plane_point(uv + rng.normal(0, 1, 2), truth, lens) + offset - centre
        held += point @ shape @ point < limit
    assert 0.93 < held / count < 0.97


def _plane_point(uv: np.ndarray, pose: Pose, camera: Camera) -> np.ndarray:
    """Where the pixel's ray meets the plane, by angles written out once more."""
    assert pose.heading_deg is not None
    assert pose.pitch_deg is not None
    assert pose.roll_deg is not None
    h, p, r = (math.radians(angle) for angle in (pose.heading_deg, pose.pitch_deg, pose.roll_deg))
    ahead = np.array([math.sin(h) * math.cos(p), math.cos(h) * math.cos(p), math.sin(p)])
    level_right = np.array([math.cos(h), -math.sin(h), 0.0])
    level_down = np.cross(ahead, level_right)
    right = math.cos(r) * level_right + math.sin(r) * level_down
    x, y = (np.asarray(uv) - camera.principal_xy_px) / camera.focal_xy_px
    ray = ahead + x * right + y * np.cross(ahead, right)
    return ray[:2] * (-pose.alt_m / ray[2])


def test_the_part_that_a_flight_shares_is_smaller_than_the_whole() -> None:
    (fix,) = locate_pixels([[3900, 100]], a_pose(), a_camera(), FlatGround())
    assert fix is not None
    rest = np.array(fix.covariance_m2) - np.array(fix.common_m2)
    assert np.linalg.eigvalsh(rest).min() > 0.5
    assert np.linalg.eigvalsh(np.array(fix.common_m2)).min() >= 1.2**2 - 1e-9


def test_a_worse_focal_length_makes_a_larger_error_away_from_the_middle() -> None:
    sure, unsure = a_camera(focal_sigma_ratio=0.003), a_camera(focal_sigma_ratio=0.04)
    (one,), (other,) = (locate_pixels([[3900, 1500]], a_pose(), camera, FlatGround()) for camera in (sure, unsure))
    assert one is not None
    assert other is not None
    # 68 m from the middle, 4 % of focal length is 2.7 m along the line from the middle, and nothing across it.
    east, north = (other.covariance_m2[i][i] - one.covariance_m2[i][i] for i in (0, 1))
    assert east == pytest.approx((0.04 * 67.86) ** 2 - (0.003 * 67.86) ** 2, rel=0.01)
    assert north == pytest.approx(0.0, abs=1e-6)


def test_a_square_on_the_ground_has_its_area_and_an_honest_error() -> None:
    pose, camera = a_pose(heading_deg=30.0, pitch_deg=-60.0), a_distorted_camera()
    corners = np.array([[20, 40, -100], [30, 40, -100], [30, 50, -100], [20, 50, -100]], float)
    polygon = locate_polygon(opencv_pixels(corners, camera, 30.0, -60.0, 0.0), pose, camera, FlatGround())
    assert polygon.area_m2 == pytest.approx(100.0, rel=1e-3)
    assert ground_area_m2(polygon.lonlat_deg) == pytest.approx(100.0, rel=2e-3)
    # Height is 1.6 m of 100 m: 3.2 % of the area; pitch and focal length add to it.
    assert 3.0 < polygon.area_sigma_m2 < 12.0


def test_a_polygon_that_reaches_the_sky_has_no_place() -> None:
    with pytest.raises(PlaceUnknown, match="above_horizon"):
        locate_polygon([[10, 10], [500, 10], [500, 2900]], a_pose(pitch_deg=-20.0), a_camera(), FlatGround())


def test_a_footprint_straight_down_is_the_cameras_frame() -> None:
    camera = a_camera()
    ring = footprint_polygon(a_pose(heading_deg=33.0), camera, FlatGround())
    width_m, height_m = camera.footprint_wh_m(100.0)
    assert ground_area_m2(ring) == pytest.approx(width_m * height_m, rel=1e-3)
    radius = np.hypot(*FRAME.en_from_lonlat(ring).T).max()
    assert radius == pytest.approx(math.hypot(width_m, height_m) / 2, rel=1e-3)


def test_a_footprint_towards_the_horizon_ends_where_rays_get_too_flat() -> None:
    ring = footprint_polygon(a_pose(pitch_deg=-15.0, heading_deg=90.0), a_camera(), FlatGround())
    en = FRAME.en_from_lonlat(ring)
    assert np.hypot(*en.T).max() == pytest.approx(100 / math.tan(math.radians(12.0)), rel=0.01)
    assert en[:, 0].min() > 50


@pytest.mark.parametrize("pose", [a_pose(pitch_deg=40.0), a_pose(pitch_deg=None)])
def test_a_picture_of_the_sky_has_no_footprint(pose: Pose) -> None:
    with pytest.raises(NothingSeen):
        footprint_polygon(pose, a_camera(), FlatGround())


def test_a_lake_is_drawn_into_the_picture_where_it_is_seen() -> None:
    pose, camera = a_pose(), a_camera()
    # The lake covers everything east of the camera, and has an island.
    lake = shapely.Polygon(
        FRAME.lonlat_from_en([[0, -500], [500, -500], [500, 500], [0, 500]]),
        [FRAME.lonlat_from_en([[10, -5], [20, -5], [20, 5], [10, 5]])],
    )
    rings = clip_to_picture(lake, pose, camera, FlatGround())
    drawn = shapely.union_all([shapely.Polygon(ring) for ring in rings])
    assert drawn.area == pytest.approx(2000 * 3000 - 280 * 280, rel=0.01)
    assert not shapely.contains_xy(drawn, 2000 + 15 * 28, 1500)
    assert shapely.contains_xy(drawn, 2000 + 40 * 28, 1500)


def test_a_picture_stored_upside_down_locates_alike_when_turned() -> None:
    pose, camera = a_pose(heading_deg=77.0, pitch_deg=-70.0, roll_deg=1.0), a_distorted_camera()
    uv = np.array([[300.0, 400.0], [3700.0, 2500.0]])
    right = locate_pixels(uv, pose, camera, FlatGround()).lonlat_deg
    turned = locate_pixels(np.array([4000, 3000]) - uv, pose.turned_half(), camera.turned_half(), FlatGround())
    assert np.abs(FRAME.en_from_lonlat(turned.lonlat_deg) - FRAME.en_from_lonlat(right)).max() < 1e-4


@pytest.mark.parametrize(
    "camera", [a_camera(), a_distorted_camera(), a_distorted_camera(distortion=(-0.1, 0, 0, 0, 0))]
)
@pytest.mark.parametrize("pitch_deg", [-90.0, -60.0, -35.0, 5.0])
def test_metres_are_those_of_places_with_errors(camera: Camera, pitch_deg: float) -> None:
    """Also where some pixels look above the horizon, too flat, or lie outside the picture."""
    pose = a_pose(heading_deg=77.0, pitch_deg=pitch_deg, roll_deg=3.0)
    uv = np.random.default_rng(6).uniform((0, 0), (4000, 3000), (40_000, 2))
    for pixels in (uv, np.vstack((uv, [[-500.0, 100.0], [4000.5, 3000.5], [np.nan, 5.0]]))):
        located = locate_pixels(pixels, pose, camera, FlatGround())
        offset = offsets_of_pixels(pixels, pose, camera, FlatGround())
        assert (np.isnan(offset[:, 0]) == (located.reason != 0)).all()
        seen = located.reason == 0
        assert FRAME.en_from_lonlat(located.lonlat_deg[seen]) == pytest.approx(offset[seen, :2], abs=1e-6)
        assert offset[seen, 2] == pytest.approx(-100.0, abs=1e-9)


def test_no_height_above_the_ground_is_refused() -> None:
    with pytest.raises(HeightUnknown, match="under the ground"):
        locate_pixels([[0, 0]], a_pose(), a_camera(), FlatGround(alt_m=120.0, datum="home"))
