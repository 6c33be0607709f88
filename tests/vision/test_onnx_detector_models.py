"""The models that the product carries, on real pictures that did not train them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from flyonce.settings import bundled_models_dir
from vision.detections import LABELS
from vision.model_card import read_model
from vision.onnx_detector import OnnxDetector
from vision.sources.photos import read_frame
from vision.training.sources import flood_pictures, lake_pictures, street_pictures
from vision.training.splits import divide

MODELS = bundled_models_dir()


def held_out(pictures, count):
    return sorted(divide(pictures)["test"], key=lambda picture: picture.path.name)[:count]


def found_share(detect, picture, label):
    """How many of a picture's labelled things of a label are boxed at IoU 0.5 or more, and of how many."""
    one = read_frame(picture.path)
    width, height = one.size_wh_px
    boxes = detect(one).labelled(label).boxes_xyxy_px
    truths = [
        np.array([box.left * width, box.top * height, box.right * width, box.bottom * height])
        for box in picture.boxes
        if box.label == label
    ]
    return sum(any(iou(truth, box) >= 0.5 for box in boxes) for truth in truths), len(truths)


def iou(a, b):
    wide, high = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)
    return wide * high / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - wide * high)


@pytest.mark.parametrize("name", ["objects", "water"])
def test_each_model_is_the_one_its_card_describes(name):
    card, _ = read_model(MODELS / name)
    assert card.name == name
    assert set(card.labels) <= set(LABELS)
    assert card.licence == "AGPL-3.0-or-later"
    OnnxDetector.open(MODELS / name, workers=1)


def test_the_models_together_are_small_enough_to_carry():
    assert sum(path.stat().st_size for path in MODELS.glob("*/model.onnx")) < 25_000_000


def test_water_is_outlined_in_flood_pictures_that_did_not_train(shared_data: Path):
    detect = OnnxDetector.open(MODELS / "water", least_confidence=0.5)
    overlaps = []
    for picture in held_out(flood_pictures(shared_data / "train"), 8):
        one = read_frame(picture.path)
        truth = cv2.imread(str(picture.mask_path), cv2.IMREAD_GRAYSCALE) > 0
        drawn = np.zeros(truth.shape, np.uint8)
        for ring in detect(one).polygons_px:
            cv2.fillPoly(drawn, [np.round(ring).astype(np.int32)], 1)
        overlaps.append(np.logical_and(drawn, truth).sum() / np.logical_or(drawn, truth).sum())
    assert np.mean(overlaps) > 0.5


@pytest.mark.parametrize(
    ("pictures_of", "label", "floor"),
    [(lake_pictures, "boat", 0.25), (lake_pictures, "dock_or_lift", 0.35), (street_pictures, "waste", 0.25)],
)
def test_things_are_found_in_pictures_that_did_not_train(shared_data: Path, pictures_of, label, floor):
    """The floors lie well below what was measured: they notice a broken chain, not a model a little better or worse."""
    detect = OnnxDetector.open(MODELS / "objects", least_confidence=0.2)
    with_label = [
        picture
        for picture in divide(pictures_of(shared_data / "train"))["test"]
        if any(box.label == label for box in picture.boxes)
    ]
    counts = np.array([found_share(detect, picture, label) for picture in with_label[:12]])
    hits, truths = counts.sum(axis=0)
    assert truths >= 12
    assert hits / truths > floor
