"""Checkpoints of ultralytics as detectors, beside ultralytics itself."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from vision.engines.choosing import installed_engines
from vision.errors import ModelError
from vision.frame import Frame
from vision.onnx_detector import load_detectors
from vision.pixels import ArrayPixels
from vision.sources.photos import read_frame
from vision.ultralytics_detector import UltralyticsDetector


def test_a_real_checkpoint_answers_as_ultralytics_itself(shared_data, tmp_path, monkeypatch):
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    assert installed_engines()["torch"]
    detect = load_detectors(shared_data / "weights" / "yolo11n-coco-restored.pt", engine="torch")
    assert isinstance(detect, UltralyticsDetector)
    ((_, model),) = detect._models
    things = 0
    for path in sorted((shared_data / "train/street_garbage_cn").rglob("*.jpg"))[:6]:
        image = np.ascontiguousarray(read_frame(path).image_bgr[:640, :640])
        (raw,) = model.predict(image, imgsz=640, conf=0.25, verbose=False)
        ours = detect(
            Frame(source="photo", index=0, pixels=ArrayPixels(image), captured_at=datetime(2026, 1, 1, tzinfo=UTC))
        )
        assert len(ours) == len(raw.boxes)
        theirs = raw.boxes.xyxy.cpu().numpy()
        for label, box in zip(ours.labels, ours.boxes_xyxy_px, strict=True):
            assert np.abs(theirs - box).max(axis=1).min() <= 1
            assert label in model.names.values()
        things += len(ours)
    assert things > 0
    broken = tmp_path / "broken.pt"
    broken.write_bytes(b"no weights")
    with pytest.raises(ModelError, match="is no checkpoint of ultralytics"):
        load_detectors(broken)
