from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.errors import InvalidValueError
from vision.tiling import LEAST_OBJECT_PX, MOST_TILES, SMALLEST_OBJECT_M, plan_views, working_scale

SIDES = st.integers(1, 9000)


def test_a_small_picture_is_looked_at_as_a_whole_only_and_shrunk_no_further_than_the_input():
    plan = plan_views((900, 700), (640, 640))
    assert [view.size_wh_px for view in plan.views] == [(640, 498)]
    assert plan.scale == pytest.approx(640 / 900)
    assert [view.size_wh_px for view in plan_views((300, 200), (640, 640)).views] == [(300, 200)]


def test_a_drone_photo_is_looked_at_as_a_whole_and_in_tiles_of_the_networks_size():
    plan = plan_views((4000, 3000), (640, 640))
    whole, *tiles = plan.views
    assert whole.size_wh_px == (4000, 3000)
    assert {tile.size_wh_px for tile in tiles} == {(640, 640)}
    assert len(tiles) == 8 * 6
    assert plan.overlap_px >= LEAST_OBJECT_PX * 4000 / 640


def test_only_tiles_that_show_something_of_interest_are_looked_at_beside_the_whole():
    plan = plan_views((1920, 1080), (640, 640), scale=1.0, any_size=True)
    assert len(plan.views) == 1 + 4 * 2
    lower_right = np.zeros((2, 4), np.bool_)
    lower_right[1, 3] = True
    assert plan.only(lower_right).views == (plan.views[0], plan.views[-1])
    assert plan.only(None) == plan
    alone = plan_views((500, 400), (640, 640))
    assert alone.only(lower_right) == alone


@given(
    size=st.tuples(st.integers(700, 5000), st.integers(700, 5000)),
    grid=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    cell=st.tuples(st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True)),
)
def test_nearly_all_of_what_is_of_interest_lies_in_the_tiles_that_are_left(size, grid, cell):
    of_interest = np.zeros(grid, np.bool_)
    row, column = int(cell[0] * grid[0]), int(cell[1] * grid[1])
    of_interest[row, column] = True
    plan = plan_views(size, (640, 640), scale=1.0, any_size=True).only(of_interest)
    seen = np.zeros((size[1], size[0]), np.bool_)
    for tile in plan.views[1:]:
        seen[tile.top : tile.bottom, tile.left : tile.right] = True
    wanted = seen[
        row * size[1] // grid[0] : (row + 1) * size[1] // grid[0],
        column * size[0] // grid[1] : (column + 1) * size[0] // grid[1],
    ]
    assert wanted.mean() > 0.75


@given(
    width=st.integers(200, 9000),
    height=st.integers(200, 9000),
    resolution_m=st.floats(0.002, 0.04),
    any_size=st.booleans(),
)
def test_with_a_ground_resolution_the_smallest_thing_has_its_pixels_in_some_view(width, height, resolution_m, any_size):
    scale = working_scale(resolution_m, ["person"])
    plan = plan_views((width, height), (640, 640), scale=scale, any_size=any_size)
    inputs_px = [
        SMALLEST_OBJECT_M["person"] / resolution_m * plan.scale * min(1, 640 / max(view.size_wh_px))
        for view in (plan.views[1:] or plan.views)
    ]
    assert min(inputs_px) >= LEAST_OBJECT_PX * 0.997


def test_a_picture_that_shows_all_at_the_networks_size_is_looked_at_once():
    scale = working_scale(0.012, ["person"])
    assert len(plan_views((1920, 1080), (640, 640), scale=scale).views) == 1
    assert len(plan_views((1920, 1080), (640, 640), scale=working_scale(0.02, ["person"])).views) > 1


@given(width=st.integers(1000, 30_000), height=st.integers(1000, 30_000))
def test_a_huge_picture_of_unknown_resolution_is_shrunk_rather_than_cut_for_ever(width, height):
    plan = plan_views((width, height), (640, 640))
    assert len(plan.views) <= MOST_TILES + 1
    assert plan.scale == 1 or len(plan.views) > 0.3 * MOST_TILES  # a long strip loses a whole row at once


def test_twenty_megapixels_are_not_shrunk():
    assert plan_views((5472, 3648), (640, 640)).scale == 1


@given(width=SIDES, height=SIDES, scale=st.floats(0.1, 1))
def test_tiles_of_a_network_of_any_size_are_smaller_and_still_overlap(width, height, scale):
    fixed, fitted = (
        plan_views((width, height), (640, 640), scale=scale, any_size=any_size) for any_size in (False, True)
    )
    assert len(fitted.views) == len(fixed.views)
    for one, other in zip(fitted.views, fixed.views, strict=True):
        assert all(a <= b for a, b in zip(one.size_wh_px, other.size_wh_px, strict=True))
    for axis, length in enumerate(fitted.size_wh_px):
        spans = sorted({((v.left, v.right), (v.top, v.bottom))[axis] for v in fitted.views[1:]})
        assert all(a[1] - b[0] >= fitted.overlap_px - 1 for a, b in itertools.pairwise(spans))
        if spans:
            assert spans[0][0] == 0
            assert spans[-1][1] == length


def test_a_picture_lower_than_the_network_is_cut_in_one_row():
    plan = plan_views((4000, 300), (640, 640))
    assert {tile.size_wh_px for tile in plan.views[1:]} == {(640, 300)}


@given(width=SIDES, height=SIDES, side=st.sampled_from([320, 640, 1280]))
def test_every_pixel_is_seen_and_no_view_sticks_out(width, height, side):
    plan = plan_views((width, height), (side, side))
    for axis, length in enumerate(plan.size_wh_px):
        spans = sorted({(v.left, v.right) if axis == 0 else (v.top, v.bottom) for v in plan.views[1:]})
        assert all(0 <= first < last <= length and last - first <= side for first, last in spans)
        if spans:
            assert spans[0][0] == 0
            assert spans[-1][1] == length
            assert all(b[0] < a[1] for a, b in itertools.pairwise(spans))


@given(width=st.integers(1000, 6000), x=st.floats(0, 1), share=st.floats(0, 1))
def test_what_the_shrunk_whole_cannot_show_is_uncut_in_some_tile(width, x, share):
    plan = plan_views((width, 640), (640, 640))
    size = share * min(LEAST_OBJECT_PX * width / 640, 320)
    left = x * (width - size)
    tiles = plan.views[1:]
    assert any(tile.left <= left and left + size <= tile.right for tile in tiles)


def test_shrinking_first_makes_fewer_tiles():
    fine, coarse = plan_views((4000, 3000), (640, 640)), plan_views((4000, 3000), (640, 640), scale=0.4)
    assert coarse.size_wh_px == (1600, 1200)
    assert len(coarse.views) < len(fine.views) / 4


@pytest.mark.parametrize("scale", [0, -1, 1.01, math.nan])
def test_a_scale_that_enlarges_or_makes_nothing_is_refused(scale):
    with pytest.raises(InvalidValueError, match="scale"):
        plan_views((100, 100), (64, 64), scale=scale)


def test_without_a_ground_resolution_no_scale_is_guessed():
    assert working_scale(None, ["boat"]) is None


def test_the_smallest_thing_of_interest_keeps_its_pixels():
    scale = working_scale(0.02, ["boat", "waste"], smallest_object_m={"waste": 1.2})
    assert 1.2 / (0.02 / scale) == pytest.approx(LEAST_OBJECT_PX)


def test_a_picture_is_shrunk_no_further_than_the_model_was_seen_to_work():
    assert working_scale(0.02, ["boat"], model_resolution_m=(0.01, 0.04)) == pytest.approx(0.5)
    assert working_scale(0.02, ["person"], model_resolution_m=(0.1, 0.2)) == pytest.approx(0.2)


def test_a_coarse_picture_is_never_enlarged():
    assert working_scale(0.5, ["person"]) == 1.0


def test_for_labels_of_unknown_size_no_scale_is_guessed():
    assert working_scale(0.02, ["zeppelin"]) is None


@given(width=SIDES, height=SIDES, scale=st.floats(0.1, 1))
def test_a_tile_of_a_network_of_any_size_keeps_the_scale_of_its_plan(width, height, scale):
    plan = plan_views((width, height), (640, 640), scale=scale, any_size=True)
    for tile in plan.views[1:]:
        for side, given_px in zip(tile.size_wh_px, plan.input_for(tile, (640, 640), any_size=True), strict=True):
            assert side <= given_px < side + 32
            assert given_px % 32 == 0


def test_the_whole_fills_the_input_as_far_as_its_shape_allows():
    plan = plan_views((1920, 1080), (640, 640), scale=1.0, any_size=True)
    assert plan.input_for(plan.views[0], (640, 640), any_size=True) == (640, 384)
    assert plan.input_for(plan.views[0], (640, 640), any_size=False) == (640, 640)


def test_tiles_overlap_less_where_the_ground_resolution_is_known():
    known, unknown = plan_views((1920, 1080), (640, 640), scale=1.0), plan_views((1920, 1080), (640, 640))
    assert known.overlap_px == 64
    assert unknown.overlap_px == 128
