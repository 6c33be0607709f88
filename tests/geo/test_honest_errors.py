"""The error that a place comes with, against truths drawn around the reported pose and seen by OpenCV."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from geo_builders import a_camera, a_distorted_camera, a_pose
from ground_models import Surface, a_dem
from honest_scenes import (
    CONSUMER,
    FLAT_SIGMA_M,
    HEADING_DEG,
    ROLL_DEG,
    RTK,
    PerfectPoses,
    Trials,
    ground_of,
    hills,
    level,
    rugged,
    squared_distances,
)
from scattered_places import Motion, sampled_to_told

from geo.dem import DemGround
from geo.ground import FlatGround, Ground
from geo.locate import locate_pixels, locate_polygon
from geo.pose import PoseSigmas
from geo.position import scale_of_probability

FISHEYE = a_camera(model="fisheye", focal_xy_px=(1400.0, 1400.0), distortion=(0.03, -0.01, 0.002, -0.0004, 0.0))


@pytest.fixture(scope="module")
def grounds() -> Iterator[dict[Surface, tuple[Ground, float]]]:
    with tempfile.TemporaryDirectory() as folder:
        yield {surface: ground_of(surface, Path(folder)) for surface in (level, hills)}


@pytest.mark.parametrize("pitch_deg", [-90, -60, -35])
@pytest.mark.parametrize("sigmas", [RTK, CONSUMER], ids=["rtk", "consumer"])
@pytest.mark.parametrize("surface", [level, hills])
def test_the_95_percent_ellipse_holds_95_percent_of_truths(
    grounds: dict[Surface, tuple[Ground, float]], surface: Surface, sigmas: PoseSigmas, pitch_deg: float
) -> None:
    ground, ground_sigma_m = grounds[surface]
    trials = Trials(
        pitch_deg=pitch_deg, surface=surface, sigmas=sigmas, ground_sigma_m=ground_sigma_m, count=1200, seed=5
    )
    located = locate_pixels(trials.uv_px, trials.pose, trials.camera, ground)
    squared = squared_distances(located, trials.truth_en_m)
    assert len(squared) > 950
    assert 0.93 < (squared < scale_of_probability(0.95) ** 2).mean() < 0.97
    assert 0.35 < (squared < 1).mean() < 0.44


def test_a_fisheyes_ellipse_holds_as_many() -> None:
    trials = Trials(
        pitch_deg=-70, surface=level, sigmas=CONSUMER, ground_sigma_m=FLAT_SIGMA_M, count=900, seed=5, camera=FISHEYE
    )
    squared = squared_distances(
        locate_pixels(trials.uv_px, trials.pose, trials.camera, FlatGround()), trials.truth_en_m
    )
    assert len(squared) > 750
    assert 0.93 < (squared < scale_of_probability(0.95) ** 2).mean() < 0.97


@pytest.mark.parametrize("surface", [level, hills])
@pytest.mark.parametrize("motion", [Motion(), Motion(east_m_s=8.0, north_m_s=6.0, clock_sigma_s=0.1)])
def test_the_told_error_is_that_of_places_drawn_at_random(
    grounds: dict[Surface, tuple[Ground, float]], surface: Surface, motion: Motion
) -> None:
    """Along both axes of the ellipse, with OpenCV's rays; sigmas small enough that hills are planes within them."""
    pose = a_pose(heading_deg=HEADING_DEG, pitch_deg=-60.0, roll_deg=ROLL_DEG, sigmas=RTK)
    for pixel in ((2000.0, 1500.0), (700.0, 900.0)):
        least, most = sampled_to_told(
            pixel, pose, a_distorted_camera(), surface, *grounds[surface], motion=motion, count=1500
        )
        assert 0.92 < least <= most < 1.08


@pytest.mark.parametrize("pitch_deg", [-90, -60])
def test_a_model_of_30_m_cells_places_to_a_metre_and_knows_its_error(tmp_path: Path, pitch_deg: float) -> None:
    """Slopes of 26 degrees, 95 m of relief; the ground between the cells is not in the model."""
    coarse = DemGround.open(a_dem(tmp_path / "coarse.tif", rugged, cell=30.0, half=60))
    placed = PerfectPoses(coarse, pitch_deg=pitch_deg, count=400)
    located, pose = placed.located, placed.pose
    assert (located.reason == 0).mean() > 0.98
    assert np.nanmedian(placed.off_m) < 1.5
    assert (squared_distances(located, placed.truth_en_m) < scale_of_probability(0.95) ** 2).mean() > 0.93
    fine = DemGround.open(a_dem(tmp_path / "fine.tif", rugged, cell=2.0, half=300))
    assert coarse.camera_height(pose).sigma_m > fine.camera_height(pose).sigma_m + 0.3


def test_an_areas_error_covers_what_poses_and_outlines_do_to_it() -> None:
    """A round puddle of 80 m², its pose and outline redrawn many times."""
    rng = np.random.default_rng(3)
    camera, pose_sigmas = a_camera(), CONSUMER
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    ring = np.column_stack((2100 + 150 * np.cos(angle), 1300 + 110 * np.sin(angle)))
    trials = Trials(pitch_deg=-55, surface=level, sigmas=pose_sigmas, ground_sigma_m=FLAT_SIGMA_M, count=1, seed=1)
    told = locate_polygon(ring, trials.pose, camera, FlatGround())
    areas = []
    for _ in range(400):
        pose = replace(
            trials.pose,
            pitch_deg=-55 + rng.normal(0, pose_sigmas.pitch_deg),
            roll_deg=1.5 + rng.normal(0, pose_sigmas.roll_deg),
            alt_m=100 + rng.normal(0, np.hypot(pose_sigmas.height_m, FLAT_SIGMA_M)),
        )
        scale = 1 + rng.normal(0, camera.focal_sigma_ratio)
        lens = replace(camera, focal_xy_px=(2800.0 * scale, 2800.0 * scale))
        areas.append(locate_polygon(ring + rng.normal(0, 1, ring.shape), pose, lens, FlatGround()).area_m2)
    assert told.area_m2 == pytest.approx(np.mean(areas), rel=0.02)
    assert told.area_sigma_m2 == pytest.approx(np.std(areas), rel=0.12)
