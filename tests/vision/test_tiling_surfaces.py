from __future__ import annotations

import cv2
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.surfaces import ProbabilityMap, outlines
from vision.tiling import plan_views


def blobs(seed, side=120):
    noise = np.random.default_rng(seed).random((side, side)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 6)
    return ((smooth > np.median(smooth)) * 1.0).astype(np.float32)


def areas_of(surfaces):
    return [float(shapely.Polygon(surface.ring_px).area) for surface in surfaces]


def test_a_rectangle_is_outlined_along_the_edges_of_its_cells():
    probability = np.zeros((30, 40), np.float32)
    probability[10:20, 5:25] = 0.8
    (surface,) = outlines(probability, 0.5, (160, 120), min_area_px=1)
    assert surface.ring_px.min(axis=0).tolist() == [20, 40]
    assert surface.ring_px.max(axis=0).tolist() == [100, 80]
    assert surface.area_px == pytest.approx(80 * 40)
    assert surface.confidence == pytest.approx(0.8)


def test_small_areas_are_left_out_and_the_largest_comes_first():
    probability = np.zeros((50, 50), np.float32)
    probability[2:4, 2:4] = 1
    probability[10:15, 10:15] = 1
    probability[20:40, 20:40] = 1
    assert [round(s.area_px) for s in outlines(probability, 0.5, (50, 50), min_area_px=10)] == [400, 25]


def test_an_island_does_not_count_as_water():
    probability = np.zeros((60, 60), np.float32)
    probability[5:55, 5:55] = 1
    probability[20:40, 20:40] = 0
    (surface,) = outlines(probability, 0.5, (60, 60), min_area_px=4)
    ring = shapely.Polygon(surface.ring_px)
    assert ring.is_valid
    assert ring.area == pytest.approx(50 * 50 - 20 * 20, rel=0.01)
    assert not ring.contains(shapely.Point(30, 30))
    assert surface.confidence == pytest.approx(1)


def test_nothing_above_the_threshold_gives_nothing():
    assert outlines(np.full((10, 10), 0.4, np.float32), 0.5, (10, 10), min_area_px=1) == []


def test_everything_above_the_threshold_gives_the_whole_picture():
    (surface,) = outlines(np.ones((10, 20), np.float32), 0.5, (200, 100), min_area_px=1)
    assert surface.area_px == pytest.approx(200 * 100)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_outlines_are_valid_rings_and_cover_what_the_map_says(seed):
    probability = blobs(seed)
    surfaces = outlines(probability, 0.5, (480, 480), min_area_px=16 * 16)
    drawn = np.zeros((480, 480), np.uint8)
    for surface in surfaces:
        assert shapely.Polygon(surface.ring_px).is_valid
        cv2.fillPoly(drawn, [np.floor(surface.ring_px).astype(np.int32)], 1)
    truth = cv2.resize(probability, (480, 480), interpolation=cv2.INTER_NEAREST) > 0.5
    assert np.logical_and(drawn, truth).sum() / np.logical_or(drawn, truth).sum() > 0.93
    assert sum(areas_of(surfaces)) == pytest.approx(truth.sum(), rel=0.06)


def test_views_that_agree_blend_without_a_seam():
    plan = plan_views((1000, 700), (256, 256))
    blend = ProbabilityMap(plan, 1)
    for view in plan.views:
        blend.add(view, blend.cells_of(view, np.full((1, 16, 16), 0.7, np.float32)))
    assert np.abs(blend.blended() - 0.7).max() < 1e-4
    assert blend.blended().shape == (1, 175, 250)


def test_the_edge_of_a_tile_counts_for_less_than_its_middle():
    plan = plan_views((1000, 256), (256, 256))
    blend = ProbabilityMap(plan, 1)
    for i, view in enumerate(plan.views[1:]):
        blend.add(view, blend.cells_of(view, np.full((1, 8, 8), i % 2, np.float32)))
    row = blend.blended()[0, 30]
    steps = np.abs(np.diff(row))
    assert steps.max() < 0.2
    assert row.min() == pytest.approx(0, abs=0.01)
    assert row.max() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("scale", "expected"), [(None, 1.5 / 2.5), (1.0, 0.25 / 1.25)])
def test_the_whole_counts_for_more_than_a_tile_where_nobody_knows_the_scale_and_for_less_elsewhere(scale, expected):
    plan = plan_views((1000, 256), (256, 256), scale=scale)
    blend = ProbabilityMap(plan, 1)
    for view in plan.views:
        whole = view.size_wh_px == plan.size_wh_px
        blend.add(view, blend.cells_of(view, np.full((1, 8, 8), float(whole), np.float32)))
    in_one_tile = blend.blended()[0, :, :10]
    assert in_one_tile == pytest.approx(expected, abs=0.01)
