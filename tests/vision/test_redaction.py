from __future__ import annotations

import numpy as np
import pytest

from vision.detections import detections_of
from vision.redaction import redact


def noise(width=400, height=300):
    return np.random.default_rng(3).integers(0, 255, (height, width, 3), np.uint8)


def one(label, box=(100.0, 100.0, 160.0, 220.0)):
    return detections_of([(box, 0.9, label, None)])


def test_a_person_becomes_at_most_six_by_six_patches():
    hidden = redact(noise(), one("person"))
    inside = hidden[100:220, 100:160].reshape(-1, 3)
    assert len(np.unique(inside, axis=0)) <= 36


def test_a_vehicle_loses_its_details_and_keeps_its_mean_colour():
    before = noise()
    before[100:220, 100:160] //= 4
    after = redact(before, one("vehicle"))
    assert len(np.unique(after[100:220, 100:160].reshape(-1, 3), axis=0)) < 500
    assert np.abs(after[110:210, 110:150].mean() - before[110:210, 110:150].mean()) < 4


@pytest.mark.parametrize("label", ["waste", "boat", "standing_water"])
def test_other_things_stay_as_they_are(label):
    assert (redact(noise(), one(label)) == noise()).all()


def test_nothing_outside_the_box_and_its_margin_changes():
    before = noise()
    changed = (redact(before, one("person")) != before).any(axis=2)
    assert changed[:87].sum() == changed[233:].sum() == changed[:, :93].sum() == changed[:, 167:].sum() == 0


def test_the_given_picture_is_not_touched():
    before = noise()
    redact(before, one("person"))
    assert (before == noise()).all()


@pytest.mark.parametrize("box", [(0.0, 0.0, 3.0, 2.0), (350.0, 250.0, 400.0, 300.0), (10.0, 10.0, 10.0, 10.0)])
def test_tiny_boxes_and_boxes_at_the_rim_do_no_harm(box):
    assert redact(noise(), one("person", box)).shape == (300, 400, 3)


def test_a_person_too_small_to_be_recognised_stays_visible_for_the_review():
    small, large = (100.0, 100.0, 118.0, 131.0), (100.0, 100.0, 118.0, 133.0)
    assert (redact(noise(), one("person", small)) == noise()).all()
    assert (redact(noise(), one("person", large)) != noise()).any()
