from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.errors import InvalidValueError
from vision.tiling import LEAST_OBJECT_PX, plan_views, working_scale

SIDES = st.integers(1, 9000)


def test_a_small_picture_is_looked_at_as_a_whole_only():
    plan = plan_views((900, 700), (640, 640))
    assert [view.size_wh_px for view in plan.views] == [(900, 700)]


def test_a_drone_photo_is_looked_at_as_a_whole_and_in_tiles_of_the_networks_size():
    plan = plan_views((4000, 3000), (640, 640))
    whole, *tiles = plan.views
    assert whole.size_wh_px == (4000, 3000)
    assert {tile.size_wh_px for tile in tiles} == {(640, 640)}
    assert len(tiles) == 8 * 6
    assert plan.overlap_px >= LEAST_OBJECT_PX * 4000 / 640


def test_a_picture_lower_than_the_network_is_cut_in_one_row():
    plan = plan_views((4000, 300), (640, 640))
    assert {tile.size_wh_px for tile in plan.views[1:]} == {(640, 300)}


@given(width=SIDES, height=SIDES, side=st.sampled_from([320, 640, 1280]))
def test_every_pixel_is_seen_and_no_view_sticks_out(width, height, side):
    plan = plan_views((width, height), (side, side))
    for axis, length in ((0, width), (1, height)):
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


def test_without_a_ground_resolution_nothing_is_shrunk():
    assert working_scale(None, ["boat"]) == 1.0


def test_the_smallest_thing_of_interest_keeps_its_pixels():
    scale = working_scale(0.02, ["boat", "waste"], smallest_object_m={"waste": 1.2})
    assert 1.2 / (0.02 / scale) == pytest.approx(LEAST_OBJECT_PX)


def test_a_picture_is_shrunk_no_further_than_the_model_was_seen_to_work():
    assert working_scale(0.02, ["boat"], model_resolution_m=(0.01, 0.04)) == pytest.approx(0.5)
    assert working_scale(0.02, ["person"], model_resolution_m=(0.1, 0.2)) == pytest.approx(0.2)


def test_a_coarse_picture_is_never_enlarged():
    assert working_scale(0.5, ["person"]) == 1.0


def test_labels_of_unknown_size_leave_the_picture_as_it_is():
    assert working_scale(0.02, ["zeppelin"]) == 1.0
