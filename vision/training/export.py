"""From a checkpoint to `model.onnx`: nothing in it but the network, and checked to answer as the checkpoint does."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.letterbox import letterbox
from vision.training.checkpoints import open_checkpoint
from vision.training.errors import BadSourceError, ExportMismatchError
from vision.training.train import prepare_environment

Network = Any
"""A torch module; torch is not there where types are checked."""
Tensor = Any
OnnxModel = Any

OPSET = 17
ALLOWED_SCORE_DIFFERENCE = 5e-2
"""Weights are stored in 16 bits, which shows where a score climbs steeply; a broken export differs by tenths."""
LEAST_WEIGHTS_HALVED = 256


def _inputs(pictures: Sequence[Path], input_px: int) -> list[NDArray[np.float32]]:
    tensors = []
    for path in pictures:
        image = cv2.imread(str(path))
        if image is None:
            raise BadSourceError(path, "is no readable picture")
        tensors.append(letterbox(np.asarray(image, np.uint8), (input_px, input_px)).tensor)
    return tensors


def _water_network(model: Network) -> Network:
    """Wrap a one-class semantic network so that it answers the probability of water, one value for 4 x 4 pixels.

    The network's own map has one for 8 x 8. Grown to every pixel, map and sigmoid took a fifth of the whole time and
    said no more; four pixels are the cells in which views are blended.
    """
    import torch

    class Probability(torch.nn.Module):  # type: ignore[misc]  # torch is not there where types are checked
        def __init__(self, network: Network) -> None:
            super().__init__()
            self.network = network

        def forward(self, picture: Tensor) -> Tensor:
            logits = self.network(picture)
            grown = torch.nn.functional.interpolate(logits, scale_factor=2, mode="bilinear", align_corners=False)
            return torch.sigmoid(grown)

    return Probability(model).eval()


def _quick_distances(dfl: Network) -> Network:
    """The head's mean over its bins of distance, with the bins last: ONNX Runtime's softmax is slow over other axes.

    The same sums as ultralytics' `DFL`, without the eighth of the whole network's time that its order of axes takes.
    """
    import torch

    class Distances(torch.nn.Module):  # type: ignore[misc]  # torch is not there where types are checked
        def __init__(self, bins: int) -> None:
            super().__init__()
            self.bins = bins
            self.register_buffer("distance", torch.arange(bins, dtype=torch.float)[:, None])

        def forward(self, answers: Tensor) -> Tensor:
            batch, _, anchors = answers.shape
            share = answers.view(batch, 4, self.bins, anchors).transpose(2, 3).softmax(-1)
            return (share @ self.distance).view(batch, 4, anchors)

    return Distances(dfl.c1) if hasattr(dfl, "c1") else dfl


def _objects_network(model: Network, end_to_end: bool) -> Network:
    head = model.model[-1]
    if hasattr(head, "dfl"):
        head.dfl = _quick_distances(head.dfl)
    head.export, head.format = True, "onnx"
    head.dynamic = True  # anchors are then made in the graph, for whatever size comes in
    if hasattr(head, "end2end"):
        head.end2end = end_to_end
    return model


def _load(checkpoint: Path, task: Literal["objects", "water"], end_to_end: bool) -> Network:
    model = open_checkpoint(checkpoint).model.float().eval()
    for parameter in model.parameters():
        parameter.requires_grad = False
    model = model.fuse(verbose=False)
    return _water_network(model) if task == "water" else _objects_network(model, end_to_end)


def _write_onnx(network: Network, input_px: int, path: Path) -> None:
    """Write a slimmed graph without the comments and paths of the machine that made it.

    Height and width stay open: a film's frame is then looked at without grey above and below, in less time.
    """
    import onnx
    import onnxslim  # type: ignore[import-not-found, unused-ignore]
    import torch

    example = torch.zeros(1, 3, input_px, input_px)
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.onnx"
        torch.onnx.export(
            network, (example,), str(raw), opset_version=OPSET, input_names=["images"], output_names=["output0"],
            dynamic_axes={"images": {2: "height", 3: "width"}}, dynamo=False,
        )  # fmt: skip
        slim = onnxslim.slim(onnx.load(str(raw)))
    slim.producer_name, slim.doc_string, slim.graph.doc_string = "flyonce", "", ""
    slim.graph.name = path.parent.name
    del slim.metadata_props[:]
    del slim.graph.value_info[:]  # guesses at open sizes, a tenth of the file; run-times make their own
    for node in slim.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    _halve_weights(slim)
    onnx.checker.check_model(slim)
    onnx.save(slim, str(path))


def _halve_weights(model: OnnxModel) -> None:
    """Store large weights in 16 bits and widen them when the model is loaded: half the file, arithmetic as before."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for weight in model.graph.initializer:
        if weight.data_type != TensorProto.FLOAT or np.prod(weight.dims) < LEAST_WEIGHTS_HALVED:
            continue
        name, values = weight.name, numpy_helper.to_array(weight)
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_16"))
        casts.append(helper.make_node("Cast", [f"{name}_16"], [name], to=TensorProto.FLOAT))
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*casts, *nodes])


def _check_same(network: Network, path: Path, tensors: Sequence[NDArray[np.float32]], task: str) -> float:
    """Compare scores (objects: all rows after the boxes; water: every pixel) and return the greatest difference."""
    import onnxruntime
    import torch

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for tensor in _square_and_wide(tensors):
        with torch.no_grad():
            trained = network(torch.from_numpy(tensor))
        trained = (trained[0] if isinstance(trained, (tuple, list)) else trained).numpy()
        exported = np.asarray(session.run(None, {"images": tensor})[0])
        difference = np.abs(trained - exported)
        if task == "objects":  # boxes are in pixels: measured by the input's size
            difference[:, :4] /= tensor.shape[-1]
        worst = max(worst, float(difference.max()))
    if worst > ALLOWED_SCORE_DIFFERENCE:
        raise ExportMismatchError(path, worst, ALLOWED_SCORE_DIFFERENCE)
    return worst


def _square_and_wide(tensors: Sequence[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Each input, and its upper part in the shape of a film's frame."""
    for tensor in tensors:
        yield tensor
        yield np.ascontiguousarray(tensor[:, :, : max(32, tensor.shape[2] * 5 // 8 // 32 * 32)])


def joined_logs(tables: Sequence[str]) -> str:
    """Join tables of epochs (CSV with a header line each) with a column `run`, from 1; what a run lacks stays empty."""
    runs = [list(csv.DictReader(io.StringIO(table))) for table in tables]
    columns = list(dict.fromkeys(column for rows in runs for row in rows for column in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, ["run", *columns], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({"run": run, **row} for run, rows in enumerate(runs, start=1) for row in rows)
    return out.getvalue()


def export_model(
    checkpoint: Path,
    task: Literal["objects", "water"],
    model_dir: Path,
    *,
    input_px: int,
    pictures: Sequence[Path],
    logs: Sequence[Path] = (),
) -> float:
    """Write `model.onnx` (and `epochs.csv`) to a model folder.

    `objects` answers (1, 4 + classes, n) columns and needs suppression afterwards, `water` (1, 1, h, w) probabilities.

    Args:
        checkpoint: What training left.
        task: Which model it is.
        model_dir: Folder to write to.
        input_px: Side of the input, a multiple of 32.
        pictures: Pictures on which checkpoint and export are compared.
        logs: Tables of epochs of the runs that led to the checkpoint, first to last; joined beside the model.

    Returns:
        The greatest difference of any score between the two.

    Raises:
        ExportMismatchError: If they differ by more than rounding.
    """
    prepare_environment(threads=1)
    model_dir.mkdir(parents=True, exist_ok=True)
    network = _load(checkpoint, task, end_to_end=False)
    path = model_dir / "model.onnx"
    _write_onnx(network, input_px, path)
    difference = _check_same(network, path, _inputs(pictures, input_px), task)
    if logs:
        (model_dir / "epochs.csv").write_text(joined_logs([log.read_text(encoding="utf-8") for log in logs]))
    return difference
