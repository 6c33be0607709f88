"""The engines' names, apart from what they need: settings speak of them without loading one."""

from typing import Literal

Engine = Literal["auto", "onnxruntime", "openvino", "openvino-bf16", "cuda", "tensorrt", "torch"]
