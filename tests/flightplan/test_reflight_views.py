"""Views: what a photo shows, checked by projecting the ground into the picture with code of the test's own."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from reflight_builders import a_target

from flightplan.errors import CannotPlan
from flightplan.reflight.model import Spread, Target, outline_of
from flightplan.reflight.views import ViewRules, reach, shots_of
from geo.camera import camera_by_name

CAMERA = camera_by_name("dji-m3d")
PLACE = (300.0, -200.0)


def pixels(shot, ground_en, heading_deg):
    """Pixel (u, v) of points on the level ground, for a drone whose nose points there; NaN behind the camera."""
    down, ahead = math.radians(-shot.pitch_deg), math.radians(heading_deg)
    right = np.array([math.cos(ahead), -math.sin(ahead), 0.0])
    front = np.array([math.sin(ahead) * math.cos(down), math.cos(ahead) * math.cos(down), -math.sin(down)])
    below = np.cross(front, right)
    rays = np.column_stack([ground_en - np.array(shot.point_en), np.full(len(ground_en), -shot.height_m)])
    depth = rays @ front
    (fu, fv), (cu, cv) = CAMERA.focal_xy_px, CAMERA.principal_xy_px
    with np.errstate(invalid="ignore"):
        depth = np.where(depth > 0, depth, np.nan)
    return np.column_stack([cu + fu * (rays @ right) / depth, cv + fv * (rays @ below) / depth])


def resolution_m(shot, ground_en, heading_deg):
    """The coarsest metres of ground per pixel at each point, over all directions."""
    step_m = 0.01
    base = pixels(shot, ground_en, heading_deg)
    columns = [
        (pixels(shot, ground_en + step_m * np.array(side), heading_deg) - base) / step_m for side in ((1, 0), (0, 1))
    ]
    jacobian = np.stack(columns, axis=2)
    return 1 / np.linalg.svd(jacobian, compute_uv=False)[:, 1]


def heading(shot):
    if shot.run_in_en is None:
        return None
    return math.degrees(math.atan2(*(np.array(shot.point_en) - np.array(shot.run_in_en))))


@settings(max_examples=20, deadline=None)
@given(
    view=st.sampled_from(["nadir", "oblique"]),
    length_m=st.floats(0.5, 90.0),
    thin=st.floats(0.05, 1.0),
    bearing_deg=st.floats(0, 180),
    wanted_m=st.floats(0.025, 0.08),
    looks_deg=st.floats(0, 360),
)
def test_every_spot_that_must_be_seen_is_in_a_photo_sharply_enough(
    view, length_m, thin, bearing_deg, wanted_m, looks_deg
):
    target = a_target(
        length_m=length_m, width_m=length_m * thin, bearing_deg=bearing_deg, view=view, resolution_m=wanted_m
    )
    shots = shots_of(CAMERA, target, PLACE, looks_deg, ViewRules())

    outline = outline_of(target, np.array(PLACE))
    west, south, east, north = outline.bounds
    x, y = np.meshgrid(np.linspace(west, east, 25), np.linspace(south, north, 25))
    spots = np.column_stack([x.ravel(), y.ravel()])
    spots = np.vstack([spots[shapely.contains_xy(outline, spots)], shapely.get_coordinates(outline)])
    middle_px = np.array(CAMERA.size_wh_px) / 2
    seen = np.zeros(len(spots), dtype=bool)
    for shot in shots:
        assert 30.0 <= shot.height_m <= 80.0
        # Straight down the nose may point anywhere; obliquely it points where the run-in led.
        nose = heading(shot)
        for ahead in [nose] if nose is not None else [0.0, 33.0, 90.0, 200.0]:
            near = np.hypot(*(spots - shot.centre_en).T) <= shot.radius_m + 1e-6
            uv = pixels(shot, spots[near], ahead)
            # Whatever the shot claims to show, it shows.
            assert (np.abs(uv - middle_px) <= middle_px * 0.8 + 1).all()
            assert (resolution_m(shot, spots[near], ahead) <= wanted_m * 1.001).all()
            seen |= near
    assert seen.all()


def test_an_oblique_view_looks_where_it_should():
    (shot,) = shots_of(CAMERA, a_target(view="oblique", resolution_m=0.05), PLACE, 90.0, ViewRules())

    assert heading(shot) == pytest.approx(90.0)
    assert shot.pitch_deg == -45.0
    assert pixels(shot, np.array([PLACE]), 90.0)[0] == pytest.approx(np.array(CAMERA.size_wh_px) / 2)
    assert math.dist(shot.run_in_en, shot.point_en) == pytest.approx(15.0)
    assert shot.point_en[0] == pytest.approx(PLACE[0] - shot.height_m)


def test_it_is_flown_as_high_as_the_resolution_allows():
    for wanted_m, lowest, highest in ((0.03, 80.0, 80.0), (0.02, 71.0, 73.3), (0.01, 34.0, 36.7)):
        (shot,) = shots_of(CAMERA, a_target(resolution_m=wanted_m), PLACE, 0.0, ViewRules())
        assert lowest <= shot.height_m <= highest
        assert CAMERA.ground_resolution_m(shot.height_m) <= wanted_m


def test_a_box_is_seen_with_its_corners():
    cell = Spread(half_length_m=50, half_width_m=50, is_box=True)
    target = Target(target_id="cell", lon=118.87, lat=28.94, spread=cell, resolution_m=0.05)
    shots = shots_of(CAMERA, target, PLACE, 0.0, ViewRules())

    shown = shapely.union_all([shapely.Point(shot.centre_en).buffer(shot.radius_m + 0.1, 64) for shot in shots])
    assert shown.covers(shapely.box(PLACE[0] - 50, PLACE[1] - 50, PLACE[0] + 50, PLACE[1] + 50))
    assert 4 <= len(shots) <= 9


def test_what_no_allowed_height_can_show_is_refused():
    with pytest.raises(CannotPlan, match=r"sees nothing at 0\.5 cm per pixel from 30 m"):
        shots_of(CAMERA, a_target(resolution_m=0.005), PLACE, 0.0, ViewRules())
    assert reach(CAMERA, a_target(resolution_m=0.005), ViewRules(lowest_m=10), 1.0).height_m < 20
    with pytest.raises(CannotPlan, match="photos to show all of it"):
        shots_of(CAMERA, a_target(length_m=1_500.0, width_m=1_500.0), PLACE, 0.0, ViewRules())


@pytest.mark.parametrize(
    "rules",
    [{"altitude_m": 20.0}, {"lowest_m": 0.0}, {"pitch_deg": -90.0}, {"room": 0.0}, {"hold_s": 100}, {"run_in_m": 0}],
)
def test_rules_that_cannot_be_are_refused(rules):
    with pytest.raises(CannotPlan):
        ViewRules(**rules)


@settings(max_examples=25, deadline=None)
@given(length=st.floats(1.0, 40), thin=st.floats(0.05, 1.0), bearing_deg=st.floats(0, 179.9))
def test_a_covariance_has_the_ellipse_that_holds_95_of_100(length, thin, bearing_deg):
    sine, cosine = math.sin(math.radians(bearing_deg)), math.cos(math.radians(bearing_deg))
    axes = np.array([[sine, cosine], [cosine, -sine]])
    matrix = axes.T @ np.diag([length**2, (length * thin) ** 2]) @ axes

    spread = Spread.of_covariance(matrix[0, 0], matrix[1, 1], matrix[0, 1])

    assert spread.half_length_m == pytest.approx(length * 2.4477, rel=1e-4)
    assert spread.half_width_m == pytest.approx(length * thin * 2.4477, rel=1e-3, abs=1e-6)
    if thin < 0.9:
        aside = (spread.bearing_deg - bearing_deg + 90) % 180 - 90
        assert abs(aside) < 0.1
    errors = np.random.default_rng(1).multivariate_normal([0, 0], matrix, 4_000)
    share = shapely.contains_xy(spread.outline_en(), errors).mean()
    assert share == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("matrix", [(1.0, 1.0, 2.0), (-1.0, 1.0, 0.0), (math.nan, 1.0, 0.0), (1e9, 1e9, 0.0)])
def test_a_covariance_that_is_none_is_refused(matrix):
    with pytest.raises(ValueError, match=r"covariance|half_length_m"):
        Spread.of_covariance(*matrix)
