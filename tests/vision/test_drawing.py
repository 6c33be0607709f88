from __future__ import annotations

import numpy as np
import pytest
from onnx_graphs import picture

from vision.detections import detections_of
from vision.drawing import crop_evidence, draw

RING = np.array([[100, 100], [200, 100], [200, 200], [100, 200]], np.float32)
FOUND = detections_of(
    [((300.0, 300.0, 360.0, 340.0), 0.8, "boat", None), ((100.0, 100.0, 200.0, 200.0), 0.7, "standing_water", RING)]
)


def changed(before, after):
    return (before != after).any(axis=2)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_boxes_outlines_and_labels_show_and_the_given_picture_stays(lang):
    before = picture(640, 480)
    after = draw(before, FOUND, lang)
    assert (before == picture(640, 480)).all()
    mark = changed(before, after)
    assert mark[300, 310:350].all()  # the upper side of the box
    assert not mark[320, 330]  # the inside of a box without outline stays as it is
    assert mark[150, 150]  # the inside of an outline is tinted
    assert mark[280:297, 300:340].any()  # the label above the box
    assert not mark[400:, 400:].any()


def test_lines_grow_with_the_picture():
    small, large = picture(800, 600), picture(4000, 3000)
    box = detections_of([((200.0, 200.0, 500.0, 500.0), 0.8, "boat", None)])
    thin = changed(small, draw(small, box))[350, 150:250].sum()
    thick = changed(large, draw(large, box))[350, 150:250].sum()
    assert thick >= 2 * thin


def test_a_label_at_the_corner_stays_within_the_picture():
    before = picture(200, 100)
    corner = detections_of([((190.0, 0.0, 199.0, 9.0), 0.8, "overflowing_bin", None)])
    assert changed(before, draw(before, corner)).any()


def test_nothing_found_leaves_the_picture_as_it_is():
    before = picture(64, 64)
    assert (draw(before, FOUND.where([])) == before).all()


@pytest.mark.parametrize(
    "box", [(10.0, 10.0, 30.0, 30.0), (3950.0, 2950.0, 4000.0, 3000.0), (1500.0, 900.0, 1700.0, 1100.0)]
)
def test_evidence_shows_the_thing_with_its_surroundings(box):
    image = picture(4000, 3000)
    left, top, right, bottom = (int(value) for value in box)
    image[top:bottom, left:right] = (1, 2, 3)
    crop = crop_evidence(image, detections_of([(box, 0.9, "waste", None)]), 0)
    assert crop.shape[:2] == (640, 640)
    assert (crop == (1, 2, 3)).all(axis=2).sum() > 0.5 * (right - left) * (bottom - top)


@pytest.mark.parametrize("centre", [(60, 60), (3000, 1500), (3980, 2990)])
def test_evidence_of_a_tiny_thing_shows_it_once_more_enlarged_and_not_over_itself(centre):
    image = np.full((3000, 4000, 3), 90, np.uint8)
    left, top = centre[0] - 5, centre[1] - 5
    image[top : top + 10, left : left + 10] = (1, 2, 3)
    box = (float(left), float(top), left + 10.0, top + 10.0)
    crop = crop_evidence(image, detections_of([(box, 0.9, "person", None)]), 0)
    assert crop.shape[:2] == (640, 640)
    enlarged = (np.abs(crop.astype(int) - (1, 2, 3)).max(axis=2) < 8) & (crop != 0).any(axis=2)
    assert enlarged.sum() > 4 * 100  # a hundred pixels as it was
    assert (crop[600:, 600:] == 90).all() or centre[0] > 3700  # the corner at the bottom right stays free
    marked = (crop == (60, 20, 220)).all(axis=2)  # a person's colour: the box itself is still there
    assert marked.sum() > 30


def test_evidence_of_a_large_thing_is_three_times_its_size():
    box = (1000.0, 1000.0, 1600.0, 1400.0)
    crop = crop_evidence(picture(4000, 3000), detections_of([(box, 0.9, "waste", None)]), 0)
    assert crop.shape[:2] == (1200, 1800)


def test_evidence_of_a_small_picture_is_the_picture():
    assert crop_evidence(picture(300, 200), FOUND.where([1]), 0).shape[:2] == (200, 300)
