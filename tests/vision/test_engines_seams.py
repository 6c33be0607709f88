"""A thing on a seam is one thing, whatever its place and size: what perfect eyes would see in each view is merged."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx_graphs import RED_BGR, frame, picture, redness_map, write_model

from vision.detections import Detections, detections_of
from vision.merging import merge_views
from vision.onnx_detector import OnnxDetector
from vision.tiling import plan_views

SIZE = (2600, 1500)
PLAN = plan_views(SIZE, (640, 640), scale=1.0)
LEAST_SEEN_PX = 10


def seen_in(view, truth, random, *, with_outline=False):
    """What a detector that is a little off at every side says of a rectangle's visible part, if it is large enough."""
    gain = min(640 / view.size_wh_px[0], 640 / view.size_wh_px[1], 1)
    part = np.array([*np.maximum(truth[:2], (view.left, view.top)), *np.minimum(truth[2:], (view.right, view.bottom))])
    sides = part[2:] - part[:2]
    if (sides <= 0).any() or sides.min() * gain < LEAST_SEEN_PX:
        return Detections.empty()
    if sides.prod() < 0.2 * np.prod(truth[2:] - truth[:2]):
        return Detections.empty()
    off = np.clip(random.normal(0, 0.01, 4) * np.tile(sides, 2), -2 / gain, 2 / gain)
    box = np.clip(part + off, [view.left, view.top] * 2, [view.right, view.bottom] * 2)
    left, top, right, bottom = (float(value) for value in box)
    ring = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32) if with_outline else None
    return detections_of([((left, top, right, bottom), float(random.uniform(0.3, 0.95)), "boat", ring)])


def iou(a, b):
    inter = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()
    return inter / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - inter)


@settings(max_examples=40)
@given(
    width=st.floats(14, 1800),
    stretch=st.floats(0.3, 3),
    x=st.floats(0, 1),
    y=st.floats(0, 1),
    seed=st.integers(0, 999),
)
def test_one_thing_anywhere_is_one_box_of_its_size(width, stretch, x, y, seed):
    height = float(np.clip(width * stretch, 14, 1400))
    left, top = x * (SIZE[0] - width), y * (SIZE[1] - height)
    truth = np.array([left, top, left + width, top + height])
    random = np.random.default_rng(seed)
    merged = merge_views([(view, seen_in(view, truth, random)) for view in PLAN.views], SIZE)
    assert len(merged) == 1
    assert iou(merged.boxes_xyxy_px[0], truth) > 0.7


@settings(max_examples=25)
@given(
    width=st.floats(150, 1800), height=st.floats(30, 300), x=st.floats(0, 1), y=st.floats(0, 1), seed=st.integers(0, 99)
)
def test_a_long_thing_that_only_tiles_saw_has_one_outline_without_a_slit(width, height, x, y, seed):
    left, top = x * (SIZE[0] - width), y * (SIZE[1] - height)
    truth = np.array([left, top, left + width, top + height])
    random = np.random.default_rng(seed)
    tiles = [(view, seen_in(view, truth, random, with_outline=True)) for view in PLAN.views[1:]]
    merged = merge_views([(PLAN.views[0], Detections.empty()), *tiles], SIZE)
    for ring in merged.polygons_px:
        shape = shapely.Polygon(ring)
        assert shape.is_valid
        closed = shape.buffer(8, join_style="mitre").buffer(-8, join_style="mitre")
        assert closed.area <= 1.06 * shape.area


@settings(max_examples=25)
@given(gap=st.floats(10, 60), x=st.floats(0.05, 0.9), y=st.floats(0.05, 0.9), seed=st.integers(0, 999))
def test_two_things_beside_each_other_stay_two_wherever_the_seams_are(gap, x, y, seed):
    random = np.random.default_rng(seed)
    left, top = x * SIZE[0], y * SIZE[1]
    truths = [np.array([left + i * (40 + gap), top, left + i * (40 + gap) + 40, top + 50]) for i in (0, 1)]
    parts = [(view, Detections.concatenate(seen_in(view, truth, random) for truth in truths)) for view in PLAN.views]
    merged = merge_views(parts, SIZE)
    inside = [truth for truth in truths if truth[2] < SIZE[0] and truth[3] < SIZE[1]]
    assert all(max(iou(truth, box) for box in merged.boxes_xyxy_px) > 0.7 for truth in inside)
    assert len(merged) <= 2


@settings(max_examples=6)
@given(
    x=st.floats(0.2, 0.8),
    y=st.floats(0.2, 0.8),
    long=st.integers(60, 260),
    short=st.integers(30, 120),
    turn_deg=st.floats(0, 180),
)
def test_a_surface_across_seams_is_one_outline_without_a_slit(water, x, y, long, short, turn_deg):
    truth = np.zeros((500, 700), np.uint8)
    cv2.ellipse(truth, (int(700 * x), int(500 * y)), (long, short), turn_deg, 0, 360, 1, -1)
    image = picture(700, 500)
    image[truth > 0] = RED_BGR
    found = water(frame(image))
    assert found.labels == ("standing_water",)
    ring = shapely.Polygon(found.polygons_px[0])
    assert ring.is_valid
    assert ring.buffer(6).buffer(-6).area <= 1.02 * ring.area
    drawn = np.zeros(truth.shape, np.uint8)
    cv2.fillPoly(drawn, [np.floor(found.polygons_px[0]).astype(np.int32)], 1)
    assert np.logical_and(drawn, truth).sum() / np.logical_or(drawn, truth).sum() > 0.9


@pytest.fixture(scope="module")
def water(tmp_path_factory):
    """A detector of red surfaces in tiles of 160 pixels: 25 views of the picture."""
    folder = write_model(
        tmp_path_factory.mktemp("seams") / "m",
        redness_map(input_wh=(160, 160)),
        task="semantic",
        classes=["standing_water"],
        input_px=[160, 160],
    )
    return OnnxDetector.open(folder, workers=2)
