"""Builders of tiny ONNX networks with known answers, so that the run-time is tested without any weights."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

from vision.frame import Frame
from vision.pixels import ArrayPixels

RED_BGR = (20, 20, 235)
GROUND_BGR = (90, 110, 90)


def picture(width=640, height=480, colour=GROUND_BGR):
    return np.full((height, width, 3), colour, np.uint8)


def frame(image=None, **fields):
    return Frame(
        **{"pixels": ArrayPixels(picture() if image is None else image), "captured_at": None, "source": "a", "index": 0}
        | fields
    )


def answer_always(*answers, input_wh=(64, 64)):
    """A network that gives the same answers whatever it sees."""
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "none"], ["nil"]),
    ]
    weights = [numpy_helper.from_array(np.float32(0), "none")]
    for i, answer in enumerate(answers):
        weights.append(numpy_helper.from_array(np.asarray(answer), f"c{i}"))
        nodes.append(
            helper.make_node("Cast", ["nil"], [f"n{i}"], to=helper.np_dtype_to_tensor_dtype(np.asarray(answer).dtype))
        )
        nodes.append(helper.make_node("Add", [f"c{i}", f"n{i}"], [f"output{i}"]))
    outputs = [_value(f"output{i}", np.asarray(a).shape, np.asarray(a).dtype) for i, a in enumerate(answers)]
    return _model(nodes, weights, outputs, input_wh)


def redness_map(*, stride=1, input_wh=(64, 64), any_size=False):
    """A semantic network of one class: how red each pixel is, as a probability, on a grid of `stride` pixels."""
    weights = [
        numpy_helper.from_array(np.array([40.0, -20.0, -20.0], np.float32).reshape(1, 3, 1, 1), "w"),
        numpy_helper.from_array(np.array([-12.0], np.float32), "b"),
    ]
    nodes = [
        helper.make_node("Conv", ["images", "w", "b"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["fine"]),
        helper.make_node("AveragePool", ["fine"], ["output0"], kernel_shape=[stride, stride], strides=[stride, stride]),
    ]
    shape = (1, 1, "rows", "columns") if any_size else (1, 1, input_wh[1] // stride, input_wh[0] // stride)
    return _model(nodes, weights, [_value("output0", shape, np.float32)], ("width", "height") if any_size else input_wh)


def red_box(*, input_wh=(64, 64), confidence=0.9):
    """An end-to-end detector of one class: the box around all red pixels of the input, or confidence 0."""
    width, height = input_wh
    columns = np.arange(width, dtype=np.float32).reshape(1, 1, 1, width)
    rows = np.arange(height, dtype=np.float32).reshape(1, 1, height, 1)
    weights = [
        numpy_helper.from_array(np.array([1.0, -1.0, 0.0], np.float32).reshape(1, 3, 1, 1), "w"),
        numpy_helper.from_array(np.float32(0.5), "half"),
        numpy_helper.from_array(np.float32(confidence), "conf"),
        numpy_helper.from_array(np.zeros((1, 1, 1, 1), np.float32), "zero"),
        numpy_helper.from_array(np.array([1, 1, 6], np.int64), "shape"),
    ]
    nodes = [
        helper.make_node("Conv", ["images", "w"], ["red"]),
        helper.make_node("Greater", ["red", "half"], ["is_red"]),
        helper.make_node("Cast", ["is_red"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["mask"], ["any"], keepdims=1),
        helper.make_node("Mul", ["any", "conf"], ["c"]),
    ]
    for axis, index, length in (("x", columns, width), ("y", rows, height)):
        weights.append(numpy_helper.from_array(index + 1, f"after_{axis}"))
        weights.append(numpy_helper.from_array(length - index, f"before_{axis}"))
        weights.append(numpy_helper.from_array(np.full((1, 1, 1, 1), length, np.float32), f"length_{axis}"))
        nodes += [
            helper.make_node("Mul", ["mask", f"after_{axis}"], [f"m_{axis}"]),
            helper.make_node("ReduceMax", [f"m_{axis}"], [f"high_{axis}"], keepdims=1),
            helper.make_node("Mul", ["mask", f"before_{axis}"], [f"k_{axis}"]),
            helper.make_node("ReduceMax", [f"k_{axis}"], [f"r_{axis}"], keepdims=1),
            helper.make_node("Sub", [f"length_{axis}", f"r_{axis}"], [f"low_{axis}"]),
        ]
    nodes += [
        helper.make_node("Concat", ["low_x", "low_y", "high_x", "high_y", "c", "zero"], ["row"], axis=3),
        helper.make_node("Reshape", ["row", "shape"], ["output0"]),
    ]
    return _model(nodes, weights, [_value("output0", (1, 1, 6), np.float32)], input_wh)


def write_model(folder: Path, model, **card):
    """Write a model folder; the keywords override the card of a one-class end-to-end detector of boats."""
    folder.mkdir(parents=True, exist_ok=True)
    data = model if isinstance(model, bytes) else model.SerializeToString()
    (folder / "model.onnx").write_bytes(data)
    content = {
        "name": folder.name,
        "task": "detect",
        "classes": ["boat"],
        "input_px": [64, 64],
        "sha256": hashlib.sha256(data).hexdigest(),
        "end_to_end": True,
        "thresholds": {},
        "ground_resolution_m": None,
        "licence": "AGPL-3.0-or-later",
    } | card
    (folder / "card.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder


def _value(name, shape, dtype):
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)


def _model(nodes, weights, outputs, input_wh):
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, input_wh[1], input_wh[0]])
    graph = helper.make_graph(nodes, "known", [images], outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model
