"""Eight bits instead of 32: a model's convolutions quantized, kept only if it answers as well as before."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.letterbox import letterbox
from vision.model_card import CARD_FILE, MODEL_FILE, read_card
from vision.sources.photos import read_frame
from vision.training.cards import read_card_table, sha256_of, write_card
from vision.training.dataset import DataSet
from vision.training.errors import BadDataSetError, ExtraMissingError
from vision.training.exam import examine
from vision.training.scores import report

OnnxModel = Any

CALIBRATING = 64
"""Pictures that show the range of every layer's values."""

MOST_LOSS = 1.0
"""Points (hundredths) of mAP50-95 or IoU that eight bits may cost."""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What quantization cost on the val part.

    Attributes:
        measure: `map50_95` or `iou`.
        before: Of the model with 32 bits, 0..1.
        after: Of the model with 8 bits, 0..1.
        bytes_before: Size of its file.
        bytes_after: Size of its file.
    """

    measure: str
    before: float
    after: float
    bytes_before: int
    bytes_after: int

    @property
    def points(self) -> float:
        """Loss in hundredths; negative if it got better."""
        return 100 * (self.before - self.after)

    @property
    def bearable(self) -> bool:
        """Whether the quantized model may be kept."""
        return self.points < MOST_LOSS


def quantize_model(
    model_dir: Path,
    calibration: DataSet,
    measuring: DataSet,
    *,
    workers: int = 2,
    on_total: Callable[[int], None] = lambda _: None,
    on_picture: Callable[[], None] = lambda: None,
) -> Loss:
    """Quantize the convolutions of a model; its file and card are replaced only if the loss is bearable.

    Args:
        model_dir: Folder of the model with 32 bits.
        calibration: Pictures of the kind it will see; the first of a fixed shuffle are used.
        measuring: Labelled pictures, the val part, on which both are measured.
        workers: Inferences at a time.
        on_total: Told the number of looks to come.
        on_picture: Called after each look.

    Returns:
        What it costs.

    Raises:
        ExtraMissingError: If `onnx` is not installed.
        BadDataSetError: The val part has nothing by which the two could be compared.
    """
    card = read_card(model_dir)
    paths = [sample.path for sample in calibration.samples]
    chosen = [paths[i] for i in np.random.default_rng(7).permutation(len(paths))[:CALIBRATING]]
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / model_dir.name
        small.mkdir()
        _quantize(model_dir / MODEL_FILE, small / MODEL_FILE, chosen, card.input_px)
        table = read_card_table(model_dir)
        write_card(small, {**table, "sha256": sha256_of(small / MODEL_FILE)})
        on_total(2 * len(measuring.samples))
        figures = []
        for place in (model_dir, small):
            exam = examine(measuring, place, workers=workers, water_thresholds=(), on_picture=on_picture)
            figures.append(_figure(report(exam), measuring))
        loss = Loss(
            measure=figures[0][0], before=figures[0][1], after=figures[1][1],
            bytes_before=(model_dir / MODEL_FILE).stat().st_size, bytes_after=(small / MODEL_FILE).stat().st_size,
        )  # fmt: skip
        if loss.bearable:
            shutil.copyfile(small / MODEL_FILE, model_dir / MODEL_FILE)
            noted = {
                "measure": loss.measure,
                "before": loss.before,
                "after": loss.after,
                "calibrated_on": f"{len(chosen)} pictures of {calibration.root.name}",
                "measured_on": f"{measuring.root.name}, val",
            }
            write_card(model_dir, {**table, "sha256": sha256_of(model_dir / MODEL_FILE), "int8": noted})
    assert (model_dir / CARD_FILE).is_file()
    return loss


def _figure(made: dict[str, Any], data: DataSet) -> tuple[str, float]:
    for block, measure in (("objects", "map50_95"), ("water", "iou")):
        value = (made[block] or {}).get(measure)
        if value is not None:
            return measure, float(value)
    raise BadDataSetError(data.root, "has no labelled thing in its val part to compare by", "give another data set")


class _Pictures:
    """What onnxruntime's calibration asks for its inputs."""

    def __init__(self, paths: Sequence[Path], input_px: tuple[int, int]) -> None:
        self._tensors = self._all(paths, input_px)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        tensor = next(self._tensors, None)
        return None if tensor is None else {"images": tensor}

    @staticmethod
    def _all(paths: Sequence[Path], input_px: tuple[int, int]) -> Iterator[NDArray[np.float32]]:
        for path in paths:
            yield letterbox(read_frame(path).image_bgr, input_px).tensor


def _quantize(model: Path, out: Path, paths: Sequence[Path], input_px: tuple[int, int]) -> None:
    try:
        import onnx
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    except ImportError as error:
        raise ExtraMissingError(error.name or str(error)) from error

    class Reader(_Pictures, CalibrationDataReader):  # type: ignore[misc]  # onnxruntime is untyped
        pass

    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        onnx.save(_widened(onnx.load(str(model))), str(plain))
        logging.disable(logging.WARNING)  # onnxruntime advises a preparation that networks of open size do not pass
        try:
            quantize_static(
                str(plain), str(out), Reader(paths, input_px), quant_format=QuantFormat.QDQ,
                op_types_to_quantize=["Conv"], per_channel=True, weight_type=QuantType.QInt8,
                activation_type=QuantType.QUInt8,
            )  # fmt: skip
        finally:
            logging.disable(logging.NOTSET)


def _widened(model: OnnxModel) -> OnnxModel:
    """Weights in 32 bits in place of those that a node widens from 16 when the model is loaded."""
    from onnx import numpy_helper

    halves = {weight.name: weight for weight in model.graph.initializer}
    kept = []
    for node in model.graph.node:
        if node.op_type == "Cast" and node.input[0] in halves:
            weight = halves[node.input[0]]
            values = numpy_helper.to_array(weight).astype(np.float32)
            weight.CopyFrom(numpy_helper.from_array(values, node.output[0]))
        else:
            kept.append(node)
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return model
