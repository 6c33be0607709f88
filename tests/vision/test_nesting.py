"""One box for one thing that the detector boxed whole and in parts; neighbours and other labels stay."""

from __future__ import annotations

import pytest

from vision.detections import Detections, detections_of
from vision.nesting import without_nested

PERSONS = frozenset({"person"})


def seen(*rows: tuple[tuple[float, float, float, float], float, str]) -> Detections:
    return detections_of([(box, confidence, label, None) for box, confidence, label in rows])


def boxes(found: Detections) -> list[tuple[float, ...]]:
    return [tuple(box) for box in found.boxes_xyxy_px.tolist()]


@pytest.mark.parametrize("whole", [0.5, 0.3])
def test_of_an_angler_and_his_head_the_surer_box_is_left(whole):
    body, head = (100, 100, 112, 120), (102, 100, 110, 107)
    found = seen((head, 0.4, "person"), (body, whole, "person"))
    assert boxes(without_nested(found, PERSONS)) == [body if whole > 0.4 else head]


def test_a_part_inside_a_part_goes_with_the_whole():
    found = seen(((0, 0, 20, 40), 0.6, "person"), ((2, 0, 18, 20), 0.5, "person"), ((5, 0, 15, 8), 0.4, "person"))
    assert boxes(without_nested(found, PERSONS)) == [(0, 0, 20, 40)]


def test_of_boxes_around_a_surer_part_only_the_part_is_left():
    found = seen(((0, 0, 10, 20), 0.3, "person"), ((6, 0, 16, 20), 0.4, "person"), ((6, 0, 10, 5), 0.5, "person"))
    assert boxes(without_nested(found, PERSONS)) == [(6, 0, 10, 5)]


def test_persons_beside_one_another_stay():
    # Four fifths of the second one's box lie in the first one's: shoulder to shoulder, seen from a slant.
    found = seen(((0, 0, 20, 40), 0.6, "person"), ((12, 10, 22, 40), 0.5, "person"))
    assert len(without_nested(found, PERSONS)) == 2


def test_a_person_in_a_boat_and_a_lift_in_a_dock_stay():
    found = seen(
        ((0, 0, 50, 20), 0.9, "boat"),
        ((10, 5, 18, 15), 0.4, "person"),
        ((100, 0, 150, 50), 0.6, "dock_or_lift"),
        ((110, 10, 130, 30), 0.5, "dock_or_lift"),
        ((200, 0, 300, 80), 0.8, "waste"),
        ((220, 20, 230, 30), 0.6, "waste"),
    )
    assert boxes(without_nested(found, PERSONS)) == boxes(found)


def test_the_same_box_twice_is_one_and_nothing_is_nothing():
    found = seen(((0, 0, 5, 9), 0.5, "person"), ((0, 0, 5, 9), 0.5, "person"))
    assert len(without_nested(found, PERSONS)) == 1
    assert len(without_nested(Detections.empty(), PERSONS)) == 0
