"""Networks on ONNX Runtime: on the CPU, or through its CUDA or TensorRT provider where that is installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from vision.engines.network import takes_any_size
from vision.errors import ModelError
from vision.model_card import MODEL_FILE, ModelCard

Device = Literal["cpu", "cuda", "tensorrt"]

_Provider = tuple[str, dict[str, str]]

_CPU: _Provider = ("CPUExecutionProvider", {})
# Rounding to 19 bits is these providers' default on newer cards; all engines here are to answer the same.
_CUDA: _Provider = ("CUDAExecutionProvider", {"use_tf32": "0"})
_TENSORRT: _Provider = ("TensorrtExecutionProvider", {"trt_fp16_enable": "0", "trt_int8_enable": "0"})

PROVIDERS: Mapping[Device, tuple[_Provider, ...]] = {
    "cpu": (_CPU,),
    "cuda": (_CUDA, _CPU),
    "tensorrt": (_TENSORRT, _CUDA, _CPU),
}
"""By device: execution providers with their options, best first; the first one is what the device is named after."""


class OnnxRuntimeNetwork:
    """A network in an ONNX Runtime session; each call runs on its caller's thread."""

    def __init__(self, model_dir: Path, card: ModelCard, data: bytes, *, device: Device = "cpu") -> None:
        """Open the network.

        Args:
            model_dir: Where it came from, for messages.
            card: What it is.
            data: The ONNX file.
            device: Where it is to run.

        Raises:
            ModelError: If it cannot be run there, or takes another input than its card says.
        """
        self._session = _session(model_dir, data, device)
        self._device = device
        entry = self._session.get_inputs()[0]
        self._input_name = str(entry.name)
        self._takes_any_size = takes_any_size(model_dir, entry.shape, card)

    @property
    def takes_any_size(self) -> bool:
        """True if width and height of the input may be any multiple of 32; else they are the card's."""
        return self._takes_any_size

    @property
    def computes_elsewhere(self) -> bool:
        """True on a graphics card; a processor's session computes on its caller's thread."""
        return self._device != "cpu"

    def __call__(self, tensor: NDArray[np.float32]) -> list[NDArray[Any]]:
        """Answer one input (1, 3, height, width)."""
        return list(self._session.run(None, {self._input_name: tensor}))


def has_provider(device: Device) -> bool:
    """Tell whether this ONNX Runtime was built with a device's provider; its drivers may still be missing."""
    return PROVIDERS[device][0][0] in onnxruntime.get_available_providers()


def _session(model_dir: Path, data: bytes, device: Device) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    first = PROVIDERS[device][0][0]
    installed = onnxruntime.get_available_providers()
    wanted = [provider for provider in PROVIDERS[device] if provider[0] in installed]
    try:
        session = onnxruntime.InferenceSession(data, sess_options=options, providers=wanted)
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise ModelError(model_dir / MODEL_FILE, f"cannot be run ({reason})", "export it again") from error
    if session.get_providers()[0] != first:  # it falls back to the CPU in silence when a driver is missing
        raise ModelError(
            model_dir / MODEL_FILE,
            f"cannot be run by ONNX Runtime's {first}, whose libraries or drivers do not load here",
            "install them, or choose the engine onnxruntime",
        )
    return session
