from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from vision.detections import Detections
from vision.model_card import read_card
from vision.training.cards import card, sha256_of, training_facts, write_card
from vision.training.exam import painted
from vision.training.export import joined_logs
from vision.training.torchvision_ops import kept_boxes
from vision.training.train import Recipe


def test_no_training_module_needs_torch_to_be_imported() -> None:
    code = (
        "import sys; sys.modules.update(torch=None, ultralytics=None, torchvision=None, onnx=None)\n"
        "import importlib, pkgutil, vision.training as t\n"
        "names = [m.name for m in pkgutil.iter_modules(t.__path__) if m.name != '__main__']\n"
        "[importlib.import_module(f'vision.training.{n}') for n in names]; print(len(names))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 10


def test_suppression_keeps_the_best_of_overlapping_boxes() -> None:
    boxes = np.array([(0, 0, 10, 10), (1, 0, 11, 10), (50, 50, 60, 60)], np.float32)
    assert kept_boxes(boxes, np.array([0.6, 0.9, 0.3], np.float32), 0.5).tolist() == [1, 2]
    assert kept_boxes(boxes, np.array([0.6, 0.9, 0.3], np.float32), 0.95).tolist() == [1, 0, 2]


def test_suppression_agrees_with_opencv_on_random_boxes() -> None:
    random = np.random.default_rng(3)
    corner = random.uniform(0, 100, (200, 2))
    boxes = np.hstack([corner, corner + random.uniform(5, 40, (200, 2))]).astype(np.float32)
    scores = random.permutation(np.linspace(0.01, 0.99, 200)).astype(np.float32)
    xywh = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
    expected = cv2.dnn.NMSBoxes(xywh.tolist(), scores.tolist(), 0.0, 0.45)
    assert kept_boxes(boxes, scores, 0.45).tolist() == np.asarray(expected).reshape(-1).tolist()


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"input_px": 600}, {"learning_rate": 0.0}, {"mosaic": 1.5}])
def test_a_recipe_that_cannot_be_trained_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Recipe(**{"epochs": 1, **wrong})  # type: ignore[arg-type]


def test_a_written_card_is_what_the_run_time_reads(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"network")
    facts = {"pictures": {"train/synthetic": 3}, "how": "made up"}
    write_card(tmp_path, card("objects", tmp_path, input_px=640, thresholds={"waste": 0.4}, training=facts, metrics={}))
    read = read_card(tmp_path)
    assert read.threshold("waste") == 0.4
    assert read.sha256 == sha256_of(tmp_path / "model.onnx")
    assert (read.task, read.input_px, read.classes[0]) == ("detect", (640, 640), "waste")


def test_a_card_names_composed_pictures_only_if_they_were_trained_on(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"network")

    def sources(pictures: dict[str, int]) -> list[str]:
        facts = {"pictures": pictures, "how": ""}
        made = card("water", tmp_path, input_px=640, thresholds={}, training=facts, metrics={})
        return [entry["name"] for entry in made["training_data"]]

    assert sources({"train/flood_area_kaggle": 5}) == ["flood_area_kaggle"]
    assert sources({"train/flood_area_kaggle": 5, "train/synthetic": 1}) == ["flood_area_kaggle", "synthetic"]


def test_training_facts_count_pictures_by_part_and_source(tmp_path: Path) -> None:
    rows = [{"name": f"{i}.jpg", "split": "val", "source": "made", "group": "g", "labelled": []} for i in range(3)]
    (tmp_path / "manifest.json").write_text(json.dumps(rows), encoding="utf-8")
    assert training_facts(tmp_path, "a note") == {"pictures": {"val/made": 3}, "how": "a note"}


def test_tables_of_several_runs_are_joined_with_the_number_of_the_run_also_where_columns_differ() -> None:
    assert joined_logs(["epoch,loss\n1,0.5\n2,0.4\n", "epoch,loss,overlap\n1,0.3,0.9\n"]) == (
        "run,epoch,loss,overlap\n1,1,0.5,\n1,2,0.4,\n2,1,0.3,0.9\n"
    )


def test_outlines_are_painted_where_they_lie() -> None:
    ring = np.array([(2, 1), (6, 1), (6, 4), (2, 4)], np.float32)
    found = Detections(
        boxes_xyxy_px=np.array([(2, 1, 6, 4)], np.float32),
        confidence=np.array([0.9], np.float32),
        labels=("standing_water",),
        polygons_px=(ring,),
    )
    mask = painted(found, (10, 8))
    assert mask.shape == (8, 10)
    assert mask[2, 4]
    assert not mask[6, 4]
    assert not mask[2, 8]
