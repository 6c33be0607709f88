"""Zones in the picture: projected by the pose, grown by its error, and left out where the pose is not good."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import shapely

from flyonce.ground_views import GroundViews
from flyonce.looks import Shot
from flyonce.picture_masks import Masks
from flyonce.rules_file import load_interpretation
from geo.camera import camera_by_name
from geo.ground import FlatGround
from geo.pose import Pose, PoseSigmas
from geo.zones import Zones

LON, LAT = 118.87, 28.95
CAMERA = camera_by_name("generic-84dfov").filming((1920, 1080))
EXACT = PoseSigmas(east_m=0.01, north_m=0.01, height_m=0.01, heading_deg=0.01, pitch_deg=0.01, roll_deg=0.01)
RULES = load_interpretation()


def lonlat(east_m, north_m):
    return LON + east_m / (111_320 * math.cos(math.radians(LAT))), LAT + north_m / 110_790


def zones(tmp_path, *features):
    path = tmp_path / "zones.geojson"
    rows = [
        {"type": "Feature", "properties": {"kind": kind, **more}, "geometry": _box(*bounds)}
        for kind, bounds, more in features
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": rows}))
    return Zones.from_file(path)


def _box(west, south, east, north):
    ring = [lonlat(*corner) for corner in ((west, south), (east, south), (east, north), (west, north), (west, south))]
    return {"type": "Polygon", "coordinates": [ring]}


def a_shot(*, pitch_deg=-90.0, sigmas=EXACT, **changes):
    pose = Pose(
        at=datetime(2026, 7, 1, tzinfo=UTC), lon=LON, lat=LAT, alt_m=60.0, alt_datum="home", heading_deg=0.0,
        pitch_deg=pitch_deg, roll_deg=0.0, sigmas=sigmas,
    )  # fmt: skip
    shot = Shot(
        pose=pose, camera=replace(CAMERA, focal_sigma_ratio=1e-4), taken_at=None, clock_s=0.0, size_wh_px=(1920, 1080)
    )
    return replace(shot, **changes)


def covered(masks):
    return shapely.union_all([shapely.Polygon(ring) for mask in masks for ring in mask.rings_px])


def px_per_m():
    return CAMERA.focal_xy_px[0] / 60.0


def test_permanent_water_covers_its_pixels_grown_by_what_is_set(tmp_path):
    water = zones(tmp_path, ("permanent_water", (5, -10, 15, 4), {}))
    (mask,) = Masks(water, RULES, FlatGround(sigma_m=0.01)).of(a_shot())
    assert (mask.name, mask.effect, mask.labels) == ("permanent_water", "cut", frozenset({"standing_water"}))
    west, south, east, north = covered([mask]).bounds
    # Grown by 2 m, and by the position's error rounded up to half a metre.
    assert (west - 960) / px_per_m() == pytest.approx(5 - 2.5, abs=0.1)
    assert (east - 960) / px_per_m() == pytest.approx(15 + 2.5, abs=0.1)
    assert (540 - south) / px_per_m() == pytest.approx(4 + 2.5, abs=0.1)
    assert (540 - north) / px_per_m() == pytest.approx(-10 - 2.5, abs=0.1)


def test_an_unsure_pose_grows_the_mask_and_a_bad_one_masks_nothing(tmp_path):
    water = zones(tmp_path, ("permanent_water", (5, -10, 15, 4), {}))
    masks = Masks(water, RULES, FlatGround())
    sure, unsure = (covered(masks.of(a_shot(sigmas=sigmas))).area for sigmas in (EXACT, PoseSigmas()))
    assert unsure > sure * 1.1
    assert masks.of(a_shot(sigmas=replace(PoseSigmas(), east_m=20.0))) == ()
    assert masks.of(a_shot(camera=None)) == ()
    assert masks.of(a_shot(flags=("maybe_turned",))) == ()


def test_water_beside_the_picture_masks_nothing(tmp_path):
    water = zones(tmp_path, ("permanent_water", (300, 300, 400, 400), {}))
    assert Masks(water, RULES, FlatGround()).of(a_shot()) == ()
    assert Masks(None, RULES, FlatGround()).of(a_shot()) == ()


def test_deceiving_ground_drops_the_labels_that_it_names(tmp_path):
    deceit = zones(
        tmp_path,
        ("false_alarm_mask", (-5, -5, 5, 5), {"labels": ["person"]}),
        ("false_alarm_mask", (8, 8, 12, 12), {}),
    )
    found = Masks(deceit, RULES, FlatGround()).of(a_shot())
    assert {(mask.effect, mask.labels) for mask in found} == {("drop", frozenset({"person"})), ("drop", None)}


def test_a_slanting_view_of_ground_knows_where_it_begins_below_the_horizon():
    views = GroundViews(FlatGround())
    down = views.of(a_shot().pose, CAMERA)
    width_m = 60.0 * 1920 / CAMERA.focal_xy_px[0]
    assert down.corners_m[1][0] - down.corners_m[0][0] == pytest.approx(width_m, rel=1e-6)
    assert down.corners_m[0][1] == pytest.approx(width_m * 9 / 32, rel=1e-6)
    assert down.ground_resolution_m == pytest.approx(60.0 / CAMERA.focal_xy_px[0])
    slanting = views.of(a_shot(pitch_deg=-30.0).pose, CAMERA)
    assert 60 / math.tan(math.radians(16)) < slanting.corners_m[0][1] <= 60 / math.tan(math.radians(12)) + 1
    assert views.of(a_shot(pitch_deg=10.0).pose, CAMERA) is None
    assert views.of(replace(a_shot().pose, heading_deg=None), CAMERA) is None
