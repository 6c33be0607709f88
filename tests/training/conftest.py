"""These tests train for real. `make test-training` runs them where the extra `train` is installed."""

from __future__ import annotations

import importlib.util
import os

import pytest

_NEEDED = ("torch", "ultralytics", "onnx", "onnxslim")


@pytest.fixture(scope="session", autouse=True)
def _extra_train() -> None:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing and os.environ.get("FLYONCE_TRAINING"):
        pytest.fail(f"{', '.join(missing)} missing, and FLYONCE_TRAINING forbids to skip")
    if missing:
        pytest.skip("needs the extra train (torch), too large for the base environment: see `make test-training`")
