"""Which engine runs the models: what was asked for, or the best one that is here and answers in full precision."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from vision.engines.names import Engine
from vision.engines.network import Network
from vision.engines.onnxruntime_network import OnnxRuntimeNetwork, has_provider
from vision.engines.openvino_network import OpenVinoNetwork, has_openvino
from vision.errors import ModelError
from vision.model_card import ModelCard

_REMEDIES: Mapping[Engine, str] = {
    "openvino": "pip install 'flyonce[openvino]'",
    "openvino-bf16": "pip install 'flyonce[openvino]'",
    "cuda": "install onnxruntime-gpu instead of onnxruntime",
    "tensorrt": "install onnxruntime-gpu instead of onnxruntime, and TensorRT",
    "torch": "pip install 'flyonce[train]'",
}


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def installed_engines() -> dict[Engine, bool]:
    """Each engine, with whether what it needs is installed; a driver may still be missing."""
    return {
        "onnxruntime": True,
        "openvino": has_openvino(),
        "openvino-bf16": has_openvino(),
        "cuda": has_provider("cuda"),
        "tensorrt": has_provider("tensorrt"),
        "torch": all(importlib.util.find_spec(name) is not None for name in ("torch", "ultralytics")),
    }


def chosen_engine(wanted: Engine, place: Path) -> Engine:
    """Turn `auto` into an engine, and refuse one that is not here.

    `auto` looks only at what is installed, never at a clock, so that the same installation always gives the same
    answer: CUDA, else ONNX Runtime. OpenVINO is no faster on the models that we ship and one analysis with it stood
    still for a reason that was not found, and its bfloat16, twice as fast where the processor multiplies it, answers a
    little differently; TensorRT picks its arithmetic by timing it; torch needs the checkpoint itself: these are never
    chosen unasked.

    Args:
        wanted: What was asked for.
        place: The model or models, for the message.

    Returns:
        An engine other than `auto`.

    Raises:
        ModelError: If there is no such engine, or it is not installed.
    """
    if wanted not in get_args(Engine):
        raise ModelError(place, f"cannot be run by an engine {wanted!r}", f"choose among {', '.join(get_args(Engine))}")
    installed = installed_engines()
    if wanted == "auto":
        return "cuda" if installed["cuda"] else "onnxruntime"
    if not installed[wanted]:
        raise ModelError(
            place,
            f"is to be run by the engine {wanted}, which is not installed",
            f"{_REMEDIES[wanted]}, or choose the engine auto",
        )
    return wanted


def open_network(model_dir: Path, card: ModelCard, data: bytes, *, engine: Engine, workers: int) -> Network:
    """Open an ONNX network.

    Args:
        model_dir: Where it came from, for messages.
        card: What it is.
        data: The ONNX file.
        engine: What is to run it; `auto` never fails for want of a driver.
        workers: Calls at a time.

    Returns:
        The network.

    Raises:
        ModelError: If the engine is not here, cannot run the network, or runs no ONNX file.
    """
    chosen = chosen_engine(engine, model_dir)
    if chosen == "torch":
        raise ModelError(
            model_dir, "is an ONNX model, which torch does not run", "choose the engine auto, or name a .pt checkpoint"
        )
    if chosen in ("openvino", "openvino-bf16"):
        return OpenVinoNetwork(model_dir, card, data, workers=workers, bfloat16=chosen == "openvino-bf16")
    if chosen == "onnxruntime":
        return OnnxRuntimeNetwork(model_dir, card, data)
    try:
        return OnnxRuntimeNetwork(model_dir, card, data, device="tensorrt" if chosen == "tensorrt" else "cuda")
    except ModelError:
        if engine != "auto":
            raise
    return open_network(model_dir, card, data, engine="onnxruntime", workers=workers)
