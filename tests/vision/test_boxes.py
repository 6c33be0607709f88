"""What boxes share."""

from __future__ import annotations

import numpy as np
import pytest

from vision.boxes import box_areas, iou_matrix, share_inside, share_of_smaller

HERE, HALF_WAY, INSIDE, THERE = (0, 0, 10, 10), (5, 0, 15, 10), (2, 2, 4, 7), (30, 30, 40, 40)


def test_overlap_is_shared_over_united_area() -> None:
    assert iou_matrix([HERE], [HERE, HALF_WAY, THERE]).tolist() == [pytest.approx([1.0, 50 / 150, 0.0])]


def test_a_box_inside_another_shares_all_of_the_smaller_whichever_comes_first() -> None:
    assert share_of_smaller([HERE, INSIDE], [INSIDE, HERE, HALF_WAY]).tolist() == [
        pytest.approx([1.0, 1.0, 0.5]),
        pytest.approx([1.0, 1.0, 0.0]),
    ]


def test_the_share_inside_counts_against_the_first_box() -> None:
    assert share_inside([HERE, INSIDE], [INSIDE, HERE]).tolist() == [
        pytest.approx([0.1, 1.0]),
        pytest.approx([1.0, 1.0]),
    ]


def test_boxes_without_area_share_nothing_and_no_boxes_make_an_empty_answer() -> None:
    assert box_areas([(3, 3, 3, 9), HERE]).tolist() == [0.0, 100.0]
    assert iou_matrix([(3, 3, 3, 9)], [(3, 3, 3, 9), HERE]).tolist() == [[0.0, 0.0]]
    assert iou_matrix(np.zeros((0, 4), np.float32), [HERE, THERE]).shape == (0, 2)
    assert share_of_smaller([HERE], []).shape == (1, 0)
