"""Networks on OpenVINO's CPU plugin; the package is imported when the first one is opened."""

from __future__ import annotations

import importlib.util
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.engines.network import takes_any_size
from vision.errors import ModelError
from vision.model_card import MODEL_FILE, ModelCard

MOST_SHAPES = 4
"""Networks are compiled for each shape of input (6 to 10 % faster than one for all); older ones are let go of."""

_Shape = tuple[int, ...]


class OpenVinoNetwork:
    """A network compiled for as many streams of one thread as there are workers."""

    def __init__(self, model_dir: Path, card: ModelCard, data: bytes, *, workers: int, bfloat16: bool = False) -> None:
        """Read the network; it is compiled for the card's input at once, for other shapes when they come.

        Args:
            model_dir: Where it came from, for messages.
            card: What it is.
            data: The ONNX file.
            workers: Calls at a time.
            bfloat16: Compute in 16 bits, which processors with AMX or AVX512-BF16 do about twice as fast.

        Raises:
            ModelError: If it cannot be run, takes another input than its card says, or the processor has no bfloat16.
        """
        import openvino

        self._core = openvino.Core()
        if bfloat16 and "BF16" not in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise ModelError(
                model_dir / MODEL_FILE,
                "cannot be run in bfloat16, which this processor does not compute",
                "choose the engine openvino or onnxruntime",
            )
        self._lock = threading.Lock()
        self._compiled: OrderedDict[_Shape, Any] = OrderedDict()
        self._requests = threading.local()
        self._config = {
            # The plugin's default is bfloat16 where the CPU has it, and less accurate.
            "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
            "NUM_STREAMS": workers,
            "INFERENCE_NUM_THREADS": workers,
            # Two networks would pin their streams to the same cores.
            "ENABLE_CPU_PINNING": False,
        }
        try:
            self._model = self._core.read_model(data)
            shape = [side.get_length() if side.is_static else "?" for side in self._model.input(0).partial_shape]
        except RuntimeError as error:
            raise _not_run(model_dir, error) from error
        self._takes_any_size = takes_any_size(model_dir, shape, card)
        try:
            self._compiled_for((1, 3, card.input_px[1], card.input_px[0]))
        except RuntimeError as error:
            raise _not_run(model_dir, error) from error

    @property
    def takes_any_size(self) -> bool:
        """True if width and height of the input may be any multiple of 32; else they are the card's."""
        return self._takes_any_size

    @property
    def computes_elsewhere(self) -> bool:
        """True: the plugin's streams compute."""
        return True

    def __call__(self, tensor: NDArray[np.float32]) -> list[NDArray[Any]]:
        """Answer one input (1, 3, height, width)."""
        answers = self._request(tensor.shape).infer([tensor], share_inputs=True)
        return [np.asarray(answers[port]) for port in answers]

    def _request(self, shape: _Shape) -> Any:  # noqa: ANN401 - openvino is untyped here
        """This thread's own request for a shape: one request serves one call at a time."""
        compiled = self._compiled_for(shape)
        kept = getattr(self._requests, "kept", None)
        if kept is None or kept[0] is not compiled:
            kept = self._requests.kept = (compiled, compiled.create_infer_request())
        return kept[1]

    def _compiled_for(self, shape: _Shape) -> Any:  # noqa: ANN401 - openvino is untyped here
        with self._lock:
            if shape not in self._compiled:
                model = self._model.clone()
                if self._model.is_dynamic():
                    model.reshape(list(shape))
                self._compiled[shape] = self._core.compile_model(model, "CPU", self._config)
            self._compiled.move_to_end(shape)
            while len(self._compiled) > MOST_SHAPES:
                self._compiled.popitem(last=False)
            return self._compiled[shape]


def has_openvino() -> bool:
    """Tell whether the package is installed."""
    return importlib.util.find_spec("openvino") is not None


def _not_run(model_dir: Path, error: RuntimeError) -> ModelError:
    reason = next((line for line in reversed(str(error).splitlines()) if line.strip()), "no reason given")
    return ModelError(model_dir / MODEL_FILE, f"cannot be run by OpenVINO ({reason})", "choose the engine onnxruntime")
