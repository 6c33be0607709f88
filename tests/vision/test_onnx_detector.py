from __future__ import annotations

import threading
import time

import cv2
import numpy as np
import pytest
from onnx_graphs import RED_BGR, answer_always, frame, picture, red_box, redness_map, write_model

from vision.detections import Detections, detections_of
from vision.errors import ModelError
from vision.onnx_detector import OnnxDetector, detect_many, load_detectors


def mask_of(polygons, width, height):
    mask = np.zeros((height, width), np.uint8)
    for ring in polygons:
        cv2.fillPoly(mask, [np.floor(ring).astype(np.int32)], 1)
    return mask


def iou(a, b):
    return np.logical_and(a, b).sum() / np.logical_or(a, b).sum()


def test_a_box_comes_back_in_pixels_of_the_picture_whatever_its_shape(tmp_path):
    detect = OnnxDetector.open(write_model(tmp_path / "m", red_box(input_wh=(320, 320)), input_px=[320, 320]))
    for width, height in ((320, 320), (200, 100), (100, 200), (451, 333)):
        image = picture(width, height)
        image[height // 4 : height // 2, width // 3 : width // 2] = RED_BGR
        found = detect(frame(image))
        assert found.labels == ("boat",)
        wanted = [width // 3, height // 4, width // 2, height // 2]
        assert np.abs(found.boxes_xyxy_px[0] - wanted).max() <= 1.5 * max(1, max(width, height) / 320)


def test_nothing_red_is_nothing_found(tmp_path):
    detect = OnnxDetector.open(write_model(tmp_path / "m", red_box()))
    assert len(detect(frame(picture(50, 50)))) == 0


@pytest.mark.parametrize("left", [10, 250, 300, 395, 470])
@pytest.mark.parametrize("top", [10, 250, 330])
def test_a_thing_in_a_large_picture_is_found_once_and_uncut_wherever_it_lies(tmp_path, left, top):
    image = picture(600, 420)
    image[top : top + 30, left : left + 40] = RED_BGR
    detect = OnnxDetector.open(write_model(tmp_path / "m", red_box(input_wh=(160, 160)), input_px=[160, 160]))
    found = detect(frame(image))
    assert len(found) == 1
    assert np.abs(found.boxes_xyxy_px[0] - [left, top, left + 40, top + 30]).max() <= 4


def test_of_a_picture_of_interest_in_part_only_that_part_is_answered(tmp_path):
    image = picture(600, 420)
    image[350:380, 500:540] = RED_BGR
    detect = OnnxDetector.open(write_model(tmp_path / "m", red_box(input_wh=(160, 160)), input_px=[160, 160]))
    assert len(detect.models[0].plan(frame(image)).views) > 10
    grid = np.zeros((2, 4), np.bool_)
    grid[1, 3] = True
    part = frame(image, of_interest=grid)
    assert len(detect.models[0].plan(part).views) < 7
    (box,) = detect(part).boxes_xyxy_px
    assert np.abs(box - [500, 350, 540, 380]).max() <= 4
    assert len(detect(frame(image, of_interest=~grid))) == 0


def test_raw_columns_are_freed_of_doubles_and_of_ignored_classes(tmp_path):
    columns = np.zeros((1, 4 + 3, 5), np.float32)
    columns[0, :, 0] = [20, 30, 10, 20, 0.9, 0.1, 0.0]
    columns[0, :, 1] = [21, 30, 10, 20, 0.8, 0.1, 0.0]  # the same thing again
    columns[0, :, 2] = [21, 30, 10, 20, 0.0, 0.7, 0.0]  # another class at the same place
    columns[0, :, 3] = [50, 50, 10, 10, 0.0, 0.0, 0.99]  # a class to be ignored
    columns[0, :, 4] = [50, 10, 10, 10, 0.2, 0.0, 0.0]  # below the threshold
    folder = write_model(
        tmp_path / "m",
        answer_always(columns),
        end_to_end=False,
        classes=["boat", "vehicle", None],
        thresholds={"boat": 0.5},
    )
    found = OnnxDetector.open(folder)(frame(picture(64, 64)))
    assert found.labels == ("boat", "vehicle")
    assert found.confidence == pytest.approx([0.9, 0.7])
    assert found.boxes_xyxy_px.tolist() == [[15, 20, 25, 40], [16, 20, 26, 40]]


def test_the_least_confidence_of_the_call_overrides_the_card(tmp_path):
    rows = np.array([[[10, 10, 20, 20, 0.4, 0], [30, 30, 40, 40, 0.15, 0]]], np.float32)
    folder = write_model(tmp_path / "m", answer_always(rows), thresholds={"boat": 0.3})
    assert len(OnnxDetector.open(folder)(frame(picture(64, 64)))) == 1
    assert len(OnnxDetector.open(folder, least_confidence=0.1)(frame(picture(64, 64)))) == 2
    assert len(OnnxDetector.open(folder, least_confidence=0.9)(frame(picture(64, 64)))) == 0


@pytest.mark.parametrize("stride", [1, 8])
def test_a_puddle_across_all_seams_is_one_outline_of_the_right_area(tmp_path, stride):
    image = picture(700, 500)
    truth = np.zeros((500, 700), np.uint8)
    cv2.ellipse(truth, (350, 250), (280, 150), 15, 0, 360, 1, -1)
    image[truth > 0] = RED_BGR
    folder = write_model(
        tmp_path / "m",
        redness_map(stride=stride, input_wh=(160, 160)),
        task="semantic",
        classes=["standing_water"],
        input_px=[160, 160],
        thresholds={"standing_water": 0.5},
    )
    found = OnnxDetector.open(folder)(frame(image))
    assert found.labels == ("standing_water",)
    assert iou(mask_of(found.polygons_px, 700, 500), truth) > 0.97
    assert found.confidence[0] > 0.9


def test_an_integer_class_map_of_one_class_counts_one_as_that_class(tmp_path):
    numbers = np.zeros((1, 64, 64), np.uint8)
    numbers[0, 16:48, 16:48] = 1
    folder = write_model(tmp_path / "m", answer_always(numbers), task="semantic", classes=["standing_water"])
    found = OnnxDetector.open(folder)(frame(picture(64, 64)))
    assert found.labels == ("standing_water",)
    assert found.boxes_xyxy_px[0] == pytest.approx([16, 16, 48, 48], abs=2.1)


def test_in_an_integer_class_map_the_background_class_is_left_out(tmp_path):
    numbers = np.zeros((1, 64, 64), np.int32)
    numbers[0, :, 32:] = 1
    folder = write_model(tmp_path / "m", answer_always(numbers), task="semantic", classes=[None, "standing_water"])
    found = OnnxDetector.open(folder)(frame(picture(64, 64)))
    assert found.labels == ("standing_water",)
    assert found.boxes_xyxy_px[0] == pytest.approx([32, 0, 64, 64], abs=2.1)


def test_a_segment_model_gives_each_box_its_own_outline(tmp_path):
    prototypes = np.full((1, 2, 16, 16), -8, np.float32)
    prototypes[0, 0, 4:8, 4:8] = 8  # the first mask: a square at (16, 16)-(32, 32) of the input
    prototypes[0, 1, 10:14, 10:14] = 8
    rows = np.array([[[12, 12, 36, 36, 0.9, 0, 1, 0], [38, 38, 60, 60, 0.8, 0, 0, 1]]], np.float32)
    folder = write_model(tmp_path / "m", answer_always(rows, prototypes), task="segment", classes=["waste"])
    found = OnnxDetector.open(folder)(frame(picture(64, 64)))
    assert found.labels == ("waste", "waste")
    first, second = found.polygons_px
    assert first.min(axis=0) == pytest.approx([16, 16], abs=2.5)
    assert first.max(axis=0) == pytest.approx([32, 32], abs=2.5)
    assert second.min(axis=0) == pytest.approx([40, 40], abs=2.5)


def test_all_models_of_a_folder_answer_together(tmp_path):
    row = np.array([[[10, 10, 20, 20, 0.9, 0]]], np.float32)
    write_model(tmp_path / "a", answer_always(row), classes=["boat"])
    write_model(tmp_path / "b", answer_always(row), classes=["waste"])
    assert load_detectors(tmp_path, workers=2)(frame(picture(64, 64))).labels == ("boat", "waste")


def test_a_known_ground_resolution_spares_views_and_keeps_pixels(tmp_path):
    image = picture(1600, 1200)
    image[600:680, 800:900] = RED_BGR
    detect = OnnxDetector.open(write_model(tmp_path / "m", red_box(input_wh=(320, 320)), input_px=[320, 320]))
    (model,) = detect.models
    fine = detect(frame(image))
    coarse = detect(frame(image, ground_resolution_m=0.05))
    views = [len(model.plan(frame(image, ground_resolution_m=r)).views) for r in (None, 0.05)]
    assert views[1] < views[0] / 3
    assert np.abs(coarse.boxes_xyxy_px[0] - fine.boxes_xyxy_px[0]).max() <= 9


def test_the_order_of_frames_is_kept_though_the_first_is_slowest():
    def detect(one):
        time.sleep(0.05 if one.index == 0 else 0)
        return detections_of([((0, 0, 1 + one.index, 1), 0.5, "boat", None)])

    frames = [frame(index=i) for i in range(6)]
    done = list(detect_many(detect, frames, ahead=3))
    assert [one.index for one, _ in done] == [0, 1, 2, 3, 4, 5]
    assert [found.boxes_xyxy_px[0][2] for _, found in done] == [1, 2, 3, 4, 5, 6]


def test_frames_are_not_read_further_ahead_than_allowed():
    read = []

    def frames():
        for i in range(10):
            read.append(i)
            yield frame(index=i)

    results = detect_many(lambda one: Detections.empty(), frames(), ahead=3)
    next(results)
    assert read == [0, 1, 2]
    results.close()


def test_an_error_in_one_frame_comes_at_its_place():
    def detect(one):
        if one.index == 1:
            raise ModelError("m", "broke", "mend it")
        return Detections.empty()

    results = detect_many(detect, [frame(index=i) for i in range(3)], ahead=2)
    assert next(results)[0].index == 0
    with pytest.raises(ModelError, match="mend it"):
        next(results)


def test_one_detector_serves_several_threads(tmp_path):
    image = picture(600, 420)
    image[100:130, 300:340] = RED_BGR
    detect = OnnxDetector.open(
        write_model(tmp_path / "m", red_box(input_wh=(160, 160)), input_px=[160, 160]), workers=2
    )
    boxes = []
    threads = [threading.Thread(target=lambda: boxes.append(detect(frame(image)).boxes_xyxy_px)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(boxes) == 4
    assert all(np.array_equal(one, boxes[0]) for one in boxes)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sha256": "0" * 64}, "SHA-256"),
        ({"input_px": [32, 32]}, "its card says"),
        ({"classes": []}, "at least one label"),
        ({"task": "guess"}, "task must be one of"),
        ({"thresholds": {"waste": 0.5}}, "thresholds name labels"),
        ({"thresholds": {"boat": 5}}, "between 0 and 1"),
        ({"input_px": 64}, "card.yaml"),
        ({"ground_resolution_m": [0.2, 0.1]}, "ground_resolution_m"),
    ],
)
def test_a_card_that_does_not_fit_is_refused_with_its_reason(tmp_path, change, says):
    with pytest.raises(ModelError, match=says):
        OnnxDetector.open(write_model(tmp_path / "m", red_box(), **change))


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("card.yaml", None, "card.yaml: is missing"),
        ("card.yaml", b"{", "cannot be read"),
        ("card.yaml", b"- a\n", "not a table"),
        ("card.yaml", b"name: x\n", "lacks the key"),
        ("card.yaml", b"\xff\xfe\x00", "cannot be read"),
        ("model.onnx", None, "model.onnx: is missing"),
        ("model.onnx", b"", "SHA-256"),
    ],
)
def test_a_broken_model_folder_is_refused_by_file_and_remedy(tmp_path, file, content, says):
    folder = write_model(tmp_path / "m", red_box())
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    with pytest.raises(ModelError, match=says):
        OnnxDetector.open(folder)


def test_a_file_that_is_no_network_is_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot be run"):
        OnnxDetector.open(write_model(tmp_path / "m", b"not a network"))


def test_an_answer_of_another_shape_than_the_card_promises_is_an_error(tmp_path):
    detect = OnnxDetector.open(write_model(tmp_path / "m", red_box(), end_to_end=False))
    with pytest.raises(ModelError, match=r"\(1, 5, n\)"):
        detect(frame(picture(64, 64)))


def test_a_map_that_was_exported_without_its_sigmoid_is_an_error(tmp_path):
    logits = np.full((1, 1, 64, 64), 7.5, np.float32)
    detect = OnnxDetector.open(write_model(tmp_path / "m", answer_always(logits), task="semantic", classes=["waste"]))
    with pytest.raises(ModelError, match="sigmoid"):
        detect(frame(picture(64, 64)))


def test_a_folder_without_models_is_refused(tmp_path):
    with pytest.raises(ModelError, match="holds no model"):
        load_detectors(tmp_path)
    with pytest.raises(ModelError, match="no such folder"):
        load_detectors(tmp_path / "absent")
