from __future__ import annotations

import numpy as np
import pytest

from vision.detections import Detections, detections_of
from vision.errors import InvalidValueError


def found(n=3, **columns):
    defaults = {
        "boxes_xyxy_px": np.array([[i, i, i + 10, i + 5] for i in range(n)], np.float32).reshape(n, 4),
        "confidence": np.linspace(0.9, 0.5, n, dtype=np.float32),
        "labels": tuple(f"label{i}" for i in range(n)),
    }
    return Detections(**(defaults | columns))


TRIANGLE = np.array([[0, 0], [4, 0], [0, 4]], np.float32)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"labels": ("a", "b")}, "do not fit"),
        ({"confidence": np.array([0.5, 0.5], np.float32)}, "do not fit"),
        ({"boxes_xyxy_px": np.zeros((3, 5), np.float32)}, "do not fit"),
        ({"polygons_px": (None,)}, "do not fit"),
        ({"confidence": np.array([0.5, 0.5, 1.5])}, "between 0 and 1"),
        ({"confidence": np.array([0.5, 0.5, np.nan])}, "between 0 and 1"),
        ({"boxes_xyxy_px": np.array([[0, 0, 1, 1], [5, 0, 4, 1], [0, 0, 1, 1]])}, "right >= left"),
        ({"boxes_xyxy_px": np.array([[0, 0, 1, 1], [0, 0, np.inf, 1], [0, 0, 1, 1]])}, "finite"),
        ({"labels": ("a", "", "c")}, "needs a label"),
        ({"polygons_px": (None, np.zeros((2, 2)), None)}, "at least 3"),
        ({"polygons_px": (None, np.full((3, 2), np.nan), None)}, "finite"),
        ({"track_id": np.array([1, 2])}, "track_id"),
    ],
)
def test_columns_that_do_not_fit_together_cannot_exist(columns, says):
    with pytest.raises(InvalidValueError, match=says):
        found(**columns)


def test_columns_are_copied_and_locked():
    boxes = np.array([[0, 0, 1, 1]], np.float32)
    one = found(1, boxes_xyxy_px=boxes)
    boxes[0, 0] = 9
    assert one.boxes_xyxy_px[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        one.boxes_xyxy_px[0, 0] = 9


def test_a_mask_and_positions_select_whole_rows():
    all_three = found(polygons_px=(None, TRIANGLE, None), track_id=np.array([7, 8, 9]))
    by_mask = all_three.where([False, True, True])
    assert by_mask.labels == ("label1", "label2")
    assert by_mask.track_id.tolist() == [8, 9]
    assert np.array_equal(by_mask.polygons_px[0], TRIANGLE)
    assert all_three.where([2, 0]).labels == ("label2", "label0")
    assert len(all_three.where([])) == 0


def test_a_mask_of_another_length_is_refused():
    with pytest.raises(InvalidValueError, match="does not fit 3"):
        found().where([True, False])


def test_rows_are_chosen_by_label():
    assert found().labelled("label0", "label2").labels == ("label0", "label2")
    assert len(found().labelled("other")) == 0


def test_parts_are_put_one_after_the_other():
    both = Detections.concatenate([found(2), Detections.empty(), found(1, polygons_px=(TRIANGLE,))])
    assert both.labels == ("label0", "label1", "label0")
    assert both.boxes_xyxy_px.shape == (3, 4)
    assert both.polygons_px[:2] == (None, None)
    assert len(Detections.concatenate([])) == 0


def test_identities_survive_only_if_every_part_has_them():
    tracked = found(1, track_id=np.array([5]))
    assert Detections.concatenate([tracked, tracked, Detections.empty()]).track_id.tolist() == [5, 5]
    assert Detections.concatenate([tracked, found(1)]).track_id is None


def test_shifting_moves_boxes_and_outlines_alike():
    moved = found(1, polygons_px=(TRIANGLE,)).shifted(100, -10)
    assert moved.boxes_xyxy_px[0].tolist() == [100, -10, 110, -5]
    assert moved.polygons_px[0].tolist() == [[100, -10], [104, -10], [100, -6]]


def test_scaling_stretches_each_axis_by_its_own_factor():
    scaled = found(1, polygons_px=(TRIANGLE,)).scaled(2, 3)
    assert scaled.boxes_xyxy_px[0].tolist() == [0, 0, 20, 15]
    assert scaled.polygons_px[0].tolist() == [[0, 0], [8, 0], [0, 12]]


def test_clipping_cuts_at_the_edges_and_drops_what_lies_outside():
    three = found(3).shifted(-11, 0)  # the first ends at -1, the second at 0, the third at 1
    cut = three.clipped((50, 4))
    assert cut.labels == ("label2",)
    assert cut.boxes_xyxy_px[0].tolist() == [0, 2, 1, 4]


def test_what_touches_nothing_of_interest_is_left_out():
    things = detections_of(
        [
            ((float(x), float(y), float(x + 30), float(y + 10)), 0.5, "waste", None)
            for x, y in ((5, 5), (35, 5), (60, 25))
        ]
    )
    grid = np.array([[True, False], [False, False]])
    assert things.touching(grid, (100, 40)).boxes_xyxy_px[:, 0].tolist() == [5, 35]
    assert len(things.touching(~grid, (100, 40))) == 2
    assert len(Detections.empty().touching(grid, (100, 40))) == 0


def test_rows_become_columns():
    made = detections_of([((1, 2, 3, 4), 0.5, "boat", None), ((5, 6, 7, 8), 0.25, "waste", TRIANGLE)])
    assert made.labels == ("boat", "waste")
    assert made.boxes_xyxy_px.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert len(detections_of([])) == 0
