"""The models in the repository: what their cards promise must be there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from vision.detections import LABELS
from vision.frame import Frame
from vision.onnx_detector import OnnxDetector

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


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_model_runs_and_finds_nothing_in_plain_grey(folder: Path) -> None:
    frame = Frame(image_bgr=np.full((480, 640, 3), 114, np.uint8), captured_at=None, source="grey", index=0)
    found = OnnxDetector.open(folder, workers=1)(frame)
    assert len(found) == 0


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_machine_path_is_left_in_a_network(folder: Path) -> None:
    data = (folder / "model.onnx").read_bytes()
    assert not any(trace in data for trace in (b"/home/", b"/tmp/", b"/work/", b"site-packages"))
