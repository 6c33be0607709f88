from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from flyonce.settings import bundled_models_dir
from vision.detections import detections_of
from vision.onnx_detector import OnnxDetector
from vision.pixels import ArrayPixels
from vision.redaction import HIDING_CONFIDENCE, hidden_zones, leaving_jpeg, redact, to_hide
from vision.sources.photos import read_frame


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


def test_where_redaction_takes_the_picture_away_can_be_asked_for_without_a_picture():
    things = [
        ("person", (100.0, 100.0, 160.0, 220.0)),
        ("person", (10.0, 10.0, 20.0, 30.0)),
        ("vehicle", (200.0, 50.0, 240.0, 70.0)),
        ("waste", (0.0, 0.0, 90.0, 90.0)),
    ]
    zones = hidden_zones(things)
    assert zones == [(94.0, 88.0, 166.0, 232.0), (196.0, 48.0, 244.0, 72.0)]
    found = detections_of([(box, 0.9, label, None) for label, box in things])
    changed = (redact(noise(), found) != noise()).any(axis=2)
    for left, top, right, bottom in zones:
        assert changed[int(top) : int(bottom), int(left) : int(right)].mean() > 0.95
        changed[int(top) : int(bottom) + 1, int(left) : int(right) + 1] = False
    assert not changed.any()


def test_a_heap_that_looks_a_little_like_a_car_stays_visible_and_a_doubtful_person_beside_it_does_not():
    heap = detections_of([((100.0, 100.0, 200.0, 200.0), 0.8, "waste", None)])
    doubts = detections_of(
        [
            ((104.0, 98.0, 203.0, 201.0), 0.15, "vehicle", None),
            ((150.0, 40.0, 190.0, 140.0), 0.12, "person", None),
        ]
    )
    assert to_hide(heap, doubts).labels == ("waste", "person")
    believed = detections_of([((100.0, 100.0, 200.0, 200.0), 0.8, "vehicle", None)])
    assert to_hide(believed, doubts).labels == ("vehicle", "vehicle", "person")
    assert to_hide(heap, detections_of([])).labels == ("waste",)


def test_of_a_patch_nothing_but_its_mean_remains_so_nothing_can_be_brought_back():
    """Whatever is shuffled inside the patches, the same copy leaves."""
    box = (100.0, 100.0, 150.0, 150.0)  # grown to 60 × 60: six by six patches of ten pixels
    before = noise()
    shuffled = before.copy()
    for top in range(95, 155, 10):
        for left in range(95, 155, 10):
            patch = before[top : top + 10, left : left + 10].reshape(-1, 3)
            order = np.random.default_rng(top * 1000 + left).permutation(len(patch))
            shuffled[top : top + 10, left : left + 10] = patch[order].reshape(10, 10, 3)
    assert (shuffled != before).any()
    assert (redact(shuffled, one("person", box)) == redact(before, one("person", box))).all()


def test_a_jpeg_that_leaves_holds_pixels_and_nothing_else():
    data = leaving_jpeg(noise())
    with Image.open(BytesIO(data)) as picture:
        assert not picture.getexif()
        assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi"}


@pytest.mark.parametrize(
    ("name", "label"),
    [("garb_000018.jpg", "person"), ("garb_000113.jpg", "person"), ("garb_000074.jpg", "vehicle")],
)
def test_in_real_street_pictures_whoever_was_found_is_found_no_more(shared_data, name, label):
    detector = OnnxDetector.open(bundled_models_dir() / "objects", workers=1, least_confidence=HIDING_CONFIDENCE)
    frame = read_frame(shared_data / "train" / "street_garbage_cn" / "images" / name)
    before = detector(frame)
    hidden = redact(frame.image_bgr, before)
    after = detector(replace(frame, pixels=ArrayPixels(hidden))).labelled(label)
    found = before.labelled(label)
    assert found.confidence.max() >= 0.4
    assert len(after) == 0 or after.confidence.max() < 0.25
    outside = np.ones(hidden.shape[:2], bool)
    rows = zip(before.labels, before.boxes_xyxy_px.tolist(), strict=True)
    for left, top, right, bottom in hidden_zones((name, tuple(box)) for name, box in rows):
        outside[max(0, int(top)) : int(bottom) + 1, max(0, int(left)) : int(right) + 1] = False
    assert (hidden[outside] == frame.image_bgr[outside]).all()
    for box in found.boxes_xyxy_px[found.confidence >= 0.4]:
        left, top, right, bottom = (int(side) for side in box)
        head = (slice(top, top + max(2, (bottom - top) // 4)), slice(left, right))
        assert edges(hidden[head]) < 0.6 * edges(frame.image_bgr[head])


def edges(image):
    """How much of a picture changes from pixel to pixel: means of patches leave flat ground with a few steps."""
    grey = image.mean(axis=2)
    return float(np.mean(np.abs(np.diff(grey, axis=0))) + np.mean(np.abs(np.diff(grey, axis=1))))
