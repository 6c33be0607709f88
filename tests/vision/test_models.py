"""The models in the repository: what their cards promise must be there."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from vision.detections import LABELS, Detections
from vision.evaluation import mask_counts, score_masks
from vision.onnx_detector import OnnxDetector
from vision.sources.photos import read_frame
from vision.training.exam import painted
from vision.training.sources import flood_pictures, street_pictures
from vision.training.splits import divide

MODELS = Path(__file__).parents[2] / "models"
FOLDERS = sorted(path.parent for path in MODELS.glob("*/card.yaml"))


def card(folder: Path) -> dict[str, object]:
    content: dict[str, object] = yaml.safe_load((folder / "card.yaml").read_text(encoding="utf-8"))
    return content


def test_both_models_are_there_and_together_small() -> None:
    assert [folder.name for folder in FOLDERS] == ["objects", "water"]
    assert sum(path.stat().st_size for path in MODELS.rglob("*.onnx")) < 25_000_000


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_card_says_what_it_was_made_of_how_good_it_is_and_what_it_is_not_for(folder: Path) -> None:
    content = card(folder)
    assert set(content["classes"]) <= set(LABELS)  # type: ignore[call-overload]
    assert all({"name", "what", "view", "licence"} <= set(entry) for entry in content["training_data"])  # type: ignore[attr-defined]
    assert content["metrics"]["test"]  # type: ignore[index]
    assert len(content["not_for"]) >= 3  # type: ignore[arg-type]
    assert set(content["thresholds"]) == set(content["classes"])  # type: ignore[call-overload]
    assert (folder / "epochs.csv").read_text(encoding="utf-8").count("\n") > 2


def seen(folder: Path, picture: Path) -> Detections:
    return OnnxDetector.open(folder, workers=1)(read_frame(picture))


def test_the_water_model_outlines_most_of_what_people_drew_in_held_out_floods(shared_data: Path) -> None:
    held_out = divide(flood_pictures(shared_data / "train"))["test"][:6]
    counts = []
    for picture in held_out:
        drawn = cv2.imread(str(picture.mask_path), cv2.IMREAD_GRAYSCALE)
        assert drawn is not None
        size = (drawn.shape[1], drawn.shape[0])
        counts.append(mask_counts(painted(seen(MODELS / "water", picture.path), size), np.asarray(drawn > 0)))
    score = score_masks(counts)
    assert score.precision is not None
    assert score.precision > 0.7
    assert score.recall is not None
    assert score.recall > 0.4


def test_the_objects_model_finds_bins_and_waste_in_held_out_streets(shared_data: Path) -> None:
    held_out = divide(street_pictures(shared_data / "train"))["test"][:12]
    wanted = {box.label for picture in held_out for box in picture.boxes}
    found = {label for picture in held_out for label in seen(MODELS / "objects", picture.path).labels}
    assert wanted <= {"waste", "waste_bin", "overflowing_bin"}
    assert len(found & wanted) >= 2


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_machine_path_is_left_in_a_network(folder: Path) -> None:
    data = (folder / "model.onnx").read_bytes()
    assert not any(trace in data for trace in (b"/home/", b"/tmp/", b"/work/", b"site-packages"))
