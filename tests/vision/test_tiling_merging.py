from __future__ import annotations

import numpy as np
import pytest

from vision.detections import Detections, detections_of
from vision.merging import merge_views, suppress
from vision.tiling import View

LEFT = View(left=0, top=0, right=100, bottom=100)
RIGHT = View(left=80, top=0, right=180, bottom=100)
WHOLE = View(left=0, top=0, right=180, bottom=100)
SIZE = (180, 100)


def seen(*boxes, label="boat"):
    return detections_of([(tuple(map(float, box[:4])), box[4], label, None) for box in boxes])


def boxes_of(found):
    return sorted(tuple(round(float(v)) for v in box) for box in found.boxes_xyxy_px)


def test_the_same_thing_in_two_tiles_is_one():
    merged = merge_views([(LEFT, seen((84, 10, 94, 20, 0.6))), (RIGHT, seen((85, 10, 95, 20, 0.8)))], SIZE)
    assert boxes_of(merged) == [(85, 10, 95, 20)]
    assert merged.confidence[0] == pytest.approx(0.8)


def test_a_whole_thing_wins_over_its_cut_part_though_the_part_is_surer():
    merged = merge_views([(LEFT, seen((90, 10, 100, 30, 0.95))), (RIGHT, seen((90, 10, 120, 30, 0.5)))], SIZE)
    assert boxes_of(merged) == [(90, 10, 120, 30)]


def test_halves_that_no_view_saw_whole_are_joined():
    merged = merge_views([(LEFT, seen((20, 10, 100, 40, 0.7))), (RIGHT, seen((80, 12, 170, 41, 0.6)))], SIZE)
    assert boxes_of(merged) == [(20, 10, 170, 41)]
    assert merged.confidence[0] == pytest.approx(0.7)


def test_halves_that_the_whole_view_saw_are_swallowed_by_it():
    merged = merge_views(
        [
            (WHOLE, seen((21, 10, 168, 40, 0.5))),
            (LEFT, seen((20, 10, 100, 40, 0.9))),
            (RIGHT, seen((80, 12, 170, 41, 0.9))),
        ],
        SIZE,
    )
    assert boxes_of(merged) == [(21, 10, 168, 40)]


def test_two_things_beside_each_other_stay_two():
    merged = merge_views([(LEFT, seen((60, 10, 84, 30, 0.7))), (RIGHT, seen((86, 10, 110, 30, 0.7)))], SIZE)
    assert len(merged) == 2


def test_things_of_two_labels_at_one_place_stay_two():
    merged = merge_views(
        [(LEFT, seen((84, 10, 94, 20, 0.6))), (RIGHT, seen((84, 10, 94, 20, 0.8), label="waste"))], SIZE
    )
    assert sorted(merged.labels) == ["boat", "waste"]


def test_a_thing_inside_another_of_the_same_view_is_believed():
    merged = merge_views(
        [(LEFT, seen((10, 10, 60, 60, 0.6), (20, 20, 30, 30, 0.7))), (RIGHT, Detections.empty())], SIZE
    )
    assert len(merged) == 2


def test_a_side_on_the_edge_of_the_picture_is_not_cut():
    merged = merge_views([(LEFT, seen((0, 0, 30, 30, 0.6))), (RIGHT, seen((150, 0, 180, 30, 0.6)))], SIZE)
    assert boxes_of(merged) == [(0, 0, 30, 30), (150, 0, 180, 30)]


def test_outlines_of_halves_are_united():
    def half(left, right):
        ring = np.array([[left, 10], [right, 10], [right, 40], [left, 40]], np.float32)
        return detections_of([((left, 10.0, right, 40.0), 0.8, "waste", ring)])

    merged = merge_views([(LEFT, half(20.0, 100.0)), (RIGHT, half(80.0, 170.0))], SIZE)
    ring = merged.polygons_px[0]
    assert ring.min(axis=0).tolist() == [20, 10]
    assert ring.max(axis=0).tolist() == [170, 40]


def test_nothing_seen_is_nothing_merged():
    assert len(merge_views([(LEFT, Detections.empty()), (RIGHT, Detections.empty())], SIZE)) == 0


def test_within_a_view_doubles_of_a_class_go_and_the_surest_comes_first():
    boxes = np.array([[0, 0, 10, 10], [50, 50, 60, 60], [0, 1, 10, 11], [0, 0, 10, 10]], np.float32)
    kept = suppress(boxes, np.array([0.8, 0.9, 0.7, 0.6], np.float32), np.array([0, 0, 0, 1]), 0.7)
    assert kept.tolist() == [1, 0, 3]
