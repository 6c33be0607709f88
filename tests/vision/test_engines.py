from __future__ import annotations

import threading

import cv2
import numpy as np
import openvino
import pytest
from onnx_graphs import RED_BGR, answer_always, frame, picture, red_box, redness_map, write_model

from flyonce.settings import bundled_models_dir
from vision.engines import choosing
from vision.engines.choosing import chosen_engine, installed_engines, open_network
from vision.engines.onnxruntime_network import PROVIDERS, has_provider
from vision.errors import ModelError
from vision.model_card import read_model
from vision.onnx_detector import OnnxDetector, load_detectors
from vision.sources.photos import read_frame

MODELS = bundled_models_dir()
BOTH = ("onnxruntime", "openvino")


def same_things(one, other):
    """Boxes within a pixel, confidences within a hundredth, whatever order equals come in."""
    assert sorted(one.labels) == sorted(other.labels)
    left = list(range(len(other)))
    for i in range(len(one)):
        match = next(
            j
            for j in left
            if other.labels[j] == one.labels[i]
            and np.abs(other.boxes_xyxy_px[j] - one.boxes_xyxy_px[i]).max() <= 1
            and abs(other.confidence[j] - one.confidence[i]) <= 1e-2
        )
        left.remove(match)


def drawn(found, size_wh):
    mask = np.zeros(size_wh[::-1], np.uint8)
    for ring in found.polygons_px:
        if ring is not None:
            cv2.fillPoly(mask, [np.round(ring).astype(np.int32)], 1)
    return mask


@pytest.mark.parametrize("name", ["objects", "water"])
def test_the_shipped_models_answer_the_same_on_every_engine(shared_data, name):
    paths = [
        *sorted((shared_data / "train/aerial_maritime_lake").rglob("*.jpg"))[:2],
        *sorted((shared_data / "train/flood_area_kaggle").rglob("*.jpg"))[:3],
        *sorted((shared_data / "train/street_garbage_cn").rglob("*.jpg"))[:2],
    ]
    assert len(paths) == 7
    one, other = (OnnxDetector.open(MODELS / name, engine=engine, workers=1) for engine in BOTH)
    things = 0
    for path in paths:
        seen = read_frame(path)
        if max(seen.size_wh_px) > 900:  # a whole photo of many tiles would take long, and show no more
            seen = frame(seen.image_bgr[:900, :900])
        a, b = one(seen), other(seen)
        same_things(a, b)
        masks = drawn(a, seen.size_wh_px), drawn(b, seen.size_wh_px)
        assert np.mean(masks[0] != masks[1]) < 1e-3
        things += len(a)
    assert things >= 5


@pytest.mark.parametrize("engine", BOTH)
def test_each_engine_finds_what_there_is_in_views_and_for_several_threads(tmp_path, engine):
    write_model(tmp_path / "a", red_box(input_wh=(160, 160)), input_px=[160, 160])
    write_model(
        tmp_path / "b",
        redness_map(input_wh=(160, 160)),
        task="semantic",
        classes=["standing_water"],
        input_px=[160, 160],
    )
    image = picture(600, 420)
    image[100:160, 300:380] = RED_BGR
    detect = load_detectors(tmp_path, engine=engine, workers=2)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(detect(frame(image)))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 3
    for found in answers:
        assert found.labels == ("boat", "standing_water")
        assert np.abs(found.boxes_xyxy_px - [300, 100, 380, 160]).max() <= 4
        assert np.array_equal(found.boxes_xyxy_px, answers[0].boxes_xyxy_px)


@pytest.mark.parametrize("engine", BOTH)
def test_a_network_of_any_size_is_given_no_grey_that_it_need_not_see(tmp_path, engine):
    folder = write_model(
        tmp_path / "m",
        redness_map(any_size=True),
        task="semantic",
        classes=["standing_water"],
        input_px=[160, 160],
    )
    card, data = read_model(folder)
    network = open_network(folder, card, data, engine=engine, workers=1)
    assert network.takes_any_size
    shapes = [network(np.zeros((1, 3, height, 160), np.float32))[0].shape for height in (96, 160, 32, 64, 128, 96)]
    assert shapes == [(1, 1, height, 160) for height in (96, 160, 32, 64, 128, 96)]

    image = picture(320, 180)
    image[60:120, 100:200] = RED_BGR
    fixed = write_model(
        tmp_path / "fixed",
        redness_map(input_wh=(160, 160)),
        task="semantic",
        classes=["standing_water"],
        input_px=[160, 160],
    )
    free, square = (OnnxDetector.open(where, engine=engine, workers=1)(frame(image)) for where in (folder, fixed))
    assert free.labels == square.labels == ("standing_water",)
    assert np.abs(free.boxes_xyxy_px - square.boxes_xyxy_px).max() <= 2
    assert np.abs(free.boxes_xyxy_px[0] - [100, 60, 200, 120]).max() <= 4


@pytest.mark.parametrize("engine", BOTH)
def test_answers_stay_the_callers_own_when_the_network_is_asked_again(tmp_path, engine):
    folder = write_model(tmp_path / "m", redness_map(), task="semantic", classes=["standing_water"])
    card, data = read_model(folder)
    network = open_network(folder, card, data, engine=engine, workers=1)
    (first,) = network(np.zeros((1, 3, 64, 64), np.float32))
    before = first.copy()
    network(np.ones((1, 3, 64, 64), np.float32) * np.array([1, 0, 0], np.float32).reshape(1, 3, 1, 1))
    assert np.array_equal(first, before)


def test_openvino_is_never_chosen_unasked(tmp_path):
    assert installed_engines()["openvino"]
    assert not has_provider("cuda")
    assert chosen_engine("auto", tmp_path) == "onnxruntime"
    assert chosen_engine("openvino", tmp_path) == "openvino"


def test_a_graphics_card_without_its_driver_does_not_stop_the_automatic_choice(tmp_path, monkeypatch):
    folder = write_model(tmp_path / "m", red_box())
    card, data = read_model(folder)
    monkeypatch.setattr(choosing, "has_provider", lambda device: True)
    assert chosen_engine("auto", folder) == "cuda"
    network = open_network(folder, card, data, engine="auto", workers=1)
    assert network(np.zeros((1, 3, 64, 64), np.float32))[0].shape == (1, 1, 6)
    with pytest.raises(ModelError, match="CUDAExecutionProvider, whose libraries or drivers do not load here"):
        open_network(folder, card, data, engine="cuda", workers=1)


def test_bfloat16_finds_the_same_things_or_says_that_the_processor_has_none(tmp_path):
    folder = write_model(tmp_path / "m", red_box(input_wh=(160, 160)), input_px=[160, 160])
    image = picture(160, 160)
    image[60:100, 40:120] = RED_BGR
    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        with pytest.raises(ModelError, match="bfloat16, which this processor does not compute; choose the engine"):
            OnnxDetector.open(folder, engine="openvino-bf16")
        return
    found = OnnxDetector.open(folder, engine="openvino-bf16")(frame(image))
    assert found.labels == ("boat",)
    assert np.abs(found.boxes_xyxy_px - [40, 60, 120, 100]).max() <= 4


def test_a_processor_without_bfloat16_is_told_so(tmp_path, monkeypatch):
    class Core:
        def get_property(self, device, name):
            return ["FP32", "INT8"]

    monkeypatch.setattr(openvino, "Core", Core)
    folder = write_model(tmp_path / "m", red_box())
    with pytest.raises(ModelError, match="bfloat16, which this processor does not compute; choose the engine"):
        OnnxDetector.open(folder, engine="openvino-bf16")


@pytest.mark.parametrize("engine", ["openvino", "openvino-bf16", "cuda", "tensorrt", "torch"])
def test_an_engine_that_is_not_installed_is_refused_with_its_remedy(tmp_path, monkeypatch, engine):
    monkeypatch.setattr(choosing, "installed_engines", lambda: dict.fromkeys(PROVIDERS, False) | {engine: False})
    write_model(tmp_path / "m", red_box())
    with pytest.raises(ModelError, match=rf"{engine}, which is not installed; .*install .*, or choose the engine auto"):
        load_detectors(tmp_path, engine=engine)


def test_an_engine_that_nobody_knows_is_refused(tmp_path):
    write_model(tmp_path / "m", red_box())
    with pytest.raises(ModelError, match=r"engine 'ncnn'; choose among auto, onnxruntime, openvino"):
        load_detectors(tmp_path, engine="ncnn")


@pytest.mark.parametrize("engine", BOTH)
def test_each_engine_refuses_what_is_no_network_and_a_card_of_another_size(tmp_path, engine):
    broken = write_model(tmp_path / "broken", b"not a network")
    with pytest.raises(ModelError, match=r"model\.onnx: cannot be run"):
        OnnxDetector.open(broken, engine=engine)
    other = write_model(tmp_path / "other", red_box(), input_px=[96, 96])
    with pytest.raises(ModelError, match="its card says"):
        OnnxDetector.open(other, engine=engine)


def test_models_that_look_at_the_same_views_share_their_tensors(tmp_path, monkeypatch):
    rows = np.array([[[10, 10, 20, 20, 0.9, 0]]], np.float32)
    for name in ("a", "b"):
        write_model(tmp_path / name, answer_always(rows))
    write_model(tmp_path / "c", answer_always(rows), ground_resolution_m=[0.2, 0.2])
    made = []
    letterbox = OnnxDetector.__call__.__globals__["letterbox"]
    monkeypatch.setattr(
        "vision.onnx_detector.letterbox", lambda *args, **keywords: made.append(1) or letterbox(*args, **keywords)
    )
    detect = load_detectors(tmp_path, engine="onnxruntime", workers=2)
    views = [len(model.plan(frame(picture(400, 300))).views) for model in detect.models]
    detect(frame(picture(400, 300)))
    assert len(made) == views[0] == views[1] == views[2] > 1
    made.clear()
    known = frame(picture(400, 300), ground_resolution_m=0.15)
    views = [len(model.plan(known).views) for model in detect.models]
    assert views[0] == views[1] != views[2]
    detect(known)
    assert len(made) == views[0] + views[2]
