"""A flight that shows the ground too coarsely for the models is told from one that does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flyonce.ground_views import GroundViews, middle_resolution_m
from flyonce.looks import Shot
from flyonce.near_threshold import KnownModels
from flyonce.sharpness import Sharpness
from geo.camera import Camera
from geo.ground import FlatGround
from geo.pose import Pose
from vision.model_card import ModelCard

CAMERA = Camera(
    name="test", size_wh_px=(1920, 1080), focal_xy_px=(1500.0, 1500.0), principal_xy_px=(960.0, 540.0)
)  # fmt: skip


def a_pose(height_m: float, pitch_deg: float = -90.0) -> Pose:
    return Pose(
        at=None,
        lon=120.15,
        lat=30.25,
        alt_m=height_m,
        alt_datum="home",
        heading_deg=30.0,
        pitch_deg=pitch_deg,
        roll_deg=0.0,
    )


def a_shot(height_m: float, pitch_deg: float = -90.0) -> Shot:
    pose = a_pose(height_m, pitch_deg)
    return Shot(pose=pose, camera=CAMERA, taken_at=None, clock_s=None, size_wh_px=CAMERA.size_wh_px)


def a_card(span: tuple[float, float] | None) -> ModelCard:
    return ModelCard(
        name="m", task="detect", classes=("waste",), input_px=(640, 640), sha256="0", ground_resolution_m=span
    )


def test_a_flight_is_too_coarse_only_if_every_picture_is():
    sharpness = Sharpness(FlatGround(), 0.05)
    assert sharpness.told() is None
    assert sharpness.is_too_coarse(a_shot(150.0))
    assert sharpness.is_too_coarse(a_shot(120.0))
    assert sharpness.told() == {"finest_m": 0.08, "coarsest_m": 0.05}
    assert not sharpness.is_too_coarse(a_shot(60.0))
    assert sharpness.told() is None


def test_of_a_tilted_picture_its_near_part_decides():
    sharpness = Sharpness(FlatGround(), 0.05)
    shot = a_shot(60.0, pitch_deg=-35.0)
    assert middle_resolution_m(shot.pose, CAMERA, FlatGround()) > 0.06
    assert not sharpness.is_too_coarse(shot)


def test_what_nobody_knows_is_not_called_coarse():
    assert not Sharpness(FlatGround(), None).is_too_coarse(a_shot(500.0))
    sharpness = Sharpness(FlatGround(), 0.05)
    assert not sharpness.is_too_coarse(replace(a_shot(500.0), camera=None))
    assert not sharpness.is_too_coarse(replace(a_shot(500.0), pose=None))
    assert not sharpness.is_too_coarse(a_shot(500.0, pitch_deg=10.0))
    assert sharpness.told() is None


@pytest.mark.parametrize("pitch_deg", [-90.0, -60.0, -45.0])
def test_views_and_pictures_agree_on_the_resolution_in_the_middle(pitch_deg):
    pose = a_pose(60.0, pitch_deg)
    by_ray = middle_resolution_m(pose, CAMERA, FlatGround())
    assert by_ray == pytest.approx(GroundViews(FlatGround()).of(pose, CAMERA).ground_resolution_m, rel=1e-3)


def test_the_coarsest_of_the_models_counts_and_one_that_does_not_say_means_nobody_knows():
    cards = {"waste": a_card((0.03, 0.06)), "standing_water": a_card((0.03, 0.12))}
    assert KnownModels(cards=cards).coarsest_resolution_m == 0.12
    assert KnownModels(cards=cards | {"boat": a_card(None)}).coarsest_resolution_m is None
    assert KnownModels(cards={}).coarsest_resolution_m is None
