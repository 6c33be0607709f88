from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from onnx_graphs import RED_BGR, picture, red_box, redness_map, write_model

from vision.model_card import read_card
from vision.training.evaluate import count_findings, evaluate_objects, evaluate_water
from vision.training.labels import LABELS, RelativeBox, write_labels
from vision.training.prepare import prepare_objects, prepare_water
from vision.training.sources import synthetic_pictures

SIDE = 64


def composed(folder: Path, *, things: int, empty: int) -> Path:
    """Pictures with a red square that is both a boat and the water, and pictures of plain ground."""
    for kind in ("images", "labels", "masks"):
        (folder / kind).mkdir(parents=True)
    for i in range(things + empty):
        image, mask, boxes = picture(SIDE, SIDE), np.zeros((SIDE, SIDE), np.uint8), []
        if i < things:
            left = 8 + i % 16
            image[16:48, left : left + 32] = RED_BGR
            mask[16:48, left : left + 32] = 255
            boxes = [
                RelativeBox(label="boat", left=left / SIDE, top=0.25, right=(left + 32) / SIDE, bottom=0.75),
            ]
        cv2.imwrite(str(folder / "images" / f"{i}.png"), image)
        cv2.imwrite(str(folder / "masks" / f"{i}.png"), mask)
        write_labels(folder / "labels" / f"{i}.txt", boxes, LABELS)
    return folder


def card_of(model_dir: Path) -> dict[str, object]:
    content: dict[str, object] = yaml.safe_load((model_dir / "card.yaml").read_text())
    return content


def test_a_detector_that_sees_everything_gets_full_marks_into_its_card(tmp_path: Path) -> None:
    prepare_objects(synthetic_pictures(composed(tmp_path / "data", things=40, empty=10)), tmp_path / "objects")
    model_dir = write_model(tmp_path / "m", red_box(confidence=0.7), note="kept")

    evaluate_objects(model_dir, tmp_path / "objects")

    card = card_of(model_dir)
    scores = card["metrics"]["test"]["synthetic"]["boat"]  # type: ignore[index]
    assert (scores["ap50"], scores["precision"], scores["recall"]) == (1.0, 1.0, 1.0)
    assert card["note"] == "kept"
    assert read_card(model_dir).threshold("boat") == 0.7

    counted = count_findings(model_dir, tmp_path / "data" / "images")
    assert counted == {"pictures": 50, "findings": {"boat": 40}, "pictures_with_findings": {"boat": 40}}
    assert card_of(model_dir)["unlabelled_flights"] == {"data": counted}
    assert card["metrics"]["threshold_not_chosen_by_data"] == []  # type: ignore[index]


def test_a_water_model_that_sees_everything_gets_full_marks_into_its_card(tmp_path: Path) -> None:
    prepare_water(synthetic_pictures(composed(tmp_path / "data", things=30, empty=20)), tmp_path / "water")
    model_dir = write_model(tmp_path / "m", redness_map(stride=8), task="semantic", classes=["standing_water"])

    evaluate_water(model_dir, tmp_path / "water")

    card = card_of(model_dir)
    scores = card["metrics"]["test"]["synthetic"]  # type: ignore[index]
    assert scores["iou"] > 0.7
    assert scores["dry_pictures"] > 0
    assert scores["dry_pictures_with_alarm"] == 0
    assert read_card(model_dir).threshold("standing_water") == pytest.approx(0.55, abs=0.3)


def test_a_water_model_that_sees_nothing_gets_none(tmp_path: Path) -> None:
    folder = composed(tmp_path / "data", things=30, empty=5)
    for path in (folder / "images").glob("*.png"):
        cv2.imwrite(str(path), picture(SIDE, SIDE))
    prepare_water(synthetic_pictures(folder), tmp_path / "water")
    model_dir = write_model(tmp_path / "m", redness_map(stride=8), task="semantic", classes=["standing_water"])
    metrics = evaluate_water(model_dir, tmp_path / "water")
    assert metrics["test"]["synthetic"]["recall"] == 0.0
    assert metrics["test"]["synthetic"]["precision"] is None
