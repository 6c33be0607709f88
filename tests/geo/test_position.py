from __future__ import annotations

import numpy as np
import pytest
from geo_builders import LAT, LON, a_fix, a_pose, a_square
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from geo.camera import CAMERA_BY_MODEL, CAMERAS, camera_by_name
from geo.coverage.area import seen_area_m2
from geo.frames import LocalFrame
from geo.gaussian import at_least, distance2, eigenvalues, inverse
from geo.position import ellipse_polygon


@pytest.mark.parametrize(
    ("covariance", "major", "minor", "azimuth"),
    [
        (((9.0, 0.0), (0.0, 4.0)), 3.0, 2.0, 90.0),
        (((4.0, 0.0), (0.0, 9.0)), 3.0, 2.0, 0.0),
        (((5.0, 4.0), (4.0, 5.0)), 3.0, 1.0, 45.0),
        (((5.0, -4.0), (-4.0, 5.0)), 3.0, 1.0, 135.0),
    ],
)
def test_the_ellipses_azimuth_runs_from_north_to_east(
    covariance: tuple[tuple[float, float], tuple[float, float]], major: float, minor: float, azimuth: float
) -> None:
    ellipse = a_fix(covariance_m2=covariance).ellipse()
    assert (ellipse.major_m, ellipse.minor_m) == pytest.approx((major, minor))
    assert ellipse.azimuth_deg % 180 == pytest.approx(azimuth % 180)


def test_the_drawn_ellipse_has_its_axes_on_the_ground() -> None:
    fix = a_fix(covariance_m2=((5.0, 4.0), (4.0, 5.0)))
    ring = ellipse_polygon(fix, 0.95, n=72)
    assert (ring[0] == ring[-1]).all()
    azimuth, _, distance = Geod(ellps="WGS84").inv(*np.broadcast_arrays(LON, LAT, ring[:-1, 0], ring[:-1, 1]))
    longest = int(np.argmax(distance))
    assert distance.max() == pytest.approx(3.0 * 2.4477, rel=1e-3)
    assert distance.min() == pytest.approx(1.0 * 2.4477, rel=1e-2)
    assert azimuth[longest] % 180 == pytest.approx(45.0, abs=0.5)


@pytest.mark.parametrize(
    "changes",
    [{"lat": 95.0}, {"covariance_m2": ((1.0, 2.0), (2.0, 1.0))}, {"covariance_m2": ((float("nan"), 0.0), (0.0, 1.0))}],
)
def test_a_fix_checks_itself(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"place|covariance"):
        a_fix(**changes)


@pytest.mark.parametrize("changes", [{"lon": 0.0, "lat": 0.0}, {"lat": 91.0}, {"alt_m": float("inf")}])
def test_a_pose_checks_itself(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"fix|earth|finite"):
        a_pose(**changes)


@given(st.floats(-170, 170), st.floats(-75, 75), st.floats(-3000, 3000), st.floats(-3000, 3000))
def test_the_local_frame_measures_true_metres(lon: float, lat: float, east: float, north: float) -> None:
    frame = LocalFrame(lon=lon, lat=lat)
    place = frame.lonlat_from_en([[east, north]])[0]
    _, _, distance = Geod(ellps="WGS84").inv(lon, lat, *place)
    assert distance == pytest.approx(np.hypot(east, north), abs=1e-4)
    assert frame.en_from_lonlat([place])[0] == pytest.approx((east, north), abs=1e-4)


@given(st.floats(0.01, 50), st.floats(0.01, 50), st.floats(-0.99, 0.99), st.floats(0.1, 5))
def test_a_raised_covariance_is_nowhere_below_its_floor_and_nowhere_lower_than_before(
    a: float, b: float, share: float, floor: float
) -> None:
    before = (a, share * (a * b) ** 0.5, b)
    after = at_least(before, floor)
    assert eigenvalues(after)[0] >= floor**2 * (1 - 1e-9)
    assert eigenvalues(after)[1] == pytest.approx(max(eigenvalues(before)[1], floor**2), rel=1e-9)


def test_mahalanobis_distance_agrees_with_numpy() -> None:
    covariance, delta = (4.0, 1.5, 2.0), (1.0, -2.0)
    full = np.array([[4.0, 1.5], [1.5, 2.0]])
    assert distance2(delta, covariance) == pytest.approx(np.array(delta) @ np.linalg.inv(full) @ np.array(delta))
    assert inverse(covariance)[0] == pytest.approx(np.linalg.inv(full)[0, 0])


def test_ground_seen_twice_counts_once() -> None:
    assert seen_area_m2([a_square(0, 0, 100), a_square(50, 0, 100)]) == pytest.approx(15_000, rel=3e-3)
    assert seen_area_m2([]) == 0.0


def test_every_model_of_the_table_names_a_camera() -> None:
    assert set(CAMERA_BY_MODEL.values()) <= set(CAMERAS)
    assert all(camera.name == name for name, camera in CAMERAS.items())


def test_the_generic_camera_sees_84_degrees_across() -> None:
    width_m, height_m = camera_by_name("generic-84dfov").footprint_wh_m(100.0)
    assert np.degrees(2 * np.arctan(np.hypot(width_m, height_m) / 2 / 100.0)) == pytest.approx(84.0)
