"""Detectors of ultralytics checkpoints (`.pt`): for a model that was trained and not exported yet; needs `[train]`.

A checkpoint is a program: open only those whose origin you trust.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.detections import Detections, in_frame
from vision.engines.choosing import chosen_engine, usable_cores
from vision.engines.names import Engine
from vision.errors import ModelError
from vision.frame import Frame
from vision.model_card import ModelCard, Task
from vision.onnx_model import Part, joined, plan_for
from vision.surfaces import ProbabilityMap
from vision.tiling import Plan, View

DEFAULT_INPUT_PX = 640

_TASKS: Mapping[str, Task] = {"detect": "detect", "segment": "segment", "semantic": "semantic"}


class UltralyticsDetector:
    """Checkpoints over whole pictures, one picture at a time: ultralytics' predictors do not bear several threads."""

    def __init__(self, models: Sequence[tuple[ModelCard, Any]]) -> None:
        """Join the parts; `open` makes them.

        Args:
            models: What each model is, and the `ultralytics.YOLO` that answers.
        """
        self._models = tuple(models)
        self._lock = threading.Lock()

    @classmethod
    def open(
        cls, checkpoints: Sequence[Path], *, engine: Engine = "torch", least_confidence: float | None = None
    ) -> UltralyticsDetector:
        """Open checkpoints.

        Args:
            checkpoints: Files, in the order of their answers.
            engine: What was asked for: `auto` or `torch`.
            least_confidence: Overrides the thresholds, all of them.

        Returns:
            The detector; its labels are the checkpoints' class names.

        Raises:
            ModelError: If a file is no such checkpoint, or torch and ultralytics are not installed.
        """
        for path in checkpoints:
            if engine not in ("auto", "torch"):
                raise ModelError(
                    path, f"is a checkpoint, which the engine {engine} does not run", "export it, or choose auto"
                )
            chosen_engine("torch", path)
        return cls([_opened(path, least_confidence) for path in checkpoints])

    def __call__(self, frame: Frame) -> Detections:
        """Find things in a picture of any size.

        Args:
            frame: The picture.

        Returns:
            Detections in its pixels, model by model, sorted by label, then most confident or largest first.
        """
        with self._lock:
            return Detections.concatenate(_found(card, model, frame) for card, model in self._models)


def part_of(result: Any, card: ModelCard, plan: Plan, view: View) -> Part:  # noqa: ANN401 - ultralytics is untyped
    """Convert an `ultralytics.engine.results.Results` of one view, here and nowhere else.

    Args:
        result: What the predictor answered for the view's pixels; its arrays may be torch's or numpy's.
        card: What the model is; its classes are the result's names.
        plan: The plan that the view is of.
        view: The view.

    Returns:
        What `vision.onnx_model.joined` wants: detections in pixels of the scaled picture, or a map of probability.
    """
    if card.task == "semantic":
        numbers = _array(result.semantic_mask.data).reshape(view.size_wh_px[::-1])
        # One class alone is number 1 on background 0, as in an exported class map.
        of_class = np.arange(1, 2) if len(card.classes) == 1 else np.arange(len(card.classes))
        probability = (numbers[None] == of_class[:, None, None]).astype(np.float32)
        return ProbabilityMap(plan, len(card.classes)).cells_of(view, probability)
    boxes = result.boxes
    class_id = _array(boxes.cls).astype(np.intp)
    rings = [None] * len(class_id) if result.masks is None else [_ring(ring) for ring in result.masks.xy]
    found = Detections(
        boxes_xyxy_px=_array(boxes.xyxy).astype(np.float32).reshape(-1, 4),
        confidence=np.clip(_array(boxes.conf).astype(np.float32), 0, 1),
        labels=tuple(str(card.classes[i]) for i in class_id),
        polygons_px=tuple(rings),
    )
    believed = [i for i in range(len(found)) if found.confidence[i] >= card.threshold(found.labels[i])]
    return found.where(np.array(believed, np.intp)).clipped(view.size_wh_px).shifted(view.left, view.top)


def _found(card: ModelCard, model: Any, frame: Frame) -> Detections:  # noqa: ANN401 - ultralytics is untyped
    plan = plan_for(card, frame, any_size=True)
    picture = frame.pixels.reduced(plan.size_wh_px)
    floor = min(card.threshold(label) for label in card.labels)
    parts = []
    for view in plan.views:
        pixels = np.ascontiguousarray(picture[view.top : view.bottom, view.left : view.right])
        (result,) = model.predict(pixels, imgsz=max(card.input_px), conf=floor, verbose=False, save=False)
        parts.append(part_of(result, card, plan, view))
    width, height = frame.size_wh_px
    found = joined(card, plan, parts)
    return in_frame(found.scaled(width / plan.size_wh_px[0], height / plan.size_wh_px[1]), frame)


def _opened(path: Path, least_confidence: float | None) -> tuple[ModelCard, Any]:
    if not path.is_file():
        raise ModelError(path, "no such file", "name a checkpoint that ultralytics wrote")
    from vision.training.train import prepare_environment

    prepare_environment(threads=usable_cores())
    from ultralytics import YOLO

    try:
        model = YOLO(str(path))
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(path, f"is no checkpoint of ultralytics ({reason})", "train it again") from error
    return _card_of(path, model, least_confidence), model


def _card_of(path: Path, model: Any, least_confidence: float | None) -> ModelCard:  # noqa: ANN401
    if model.task not in _TASKS:
        raise ModelError(path, f"is a model for the task {model.task!r}", f"use one of {', '.join(_TASKS)}")
    side_px = int(model.overrides.get("imgsz") or DEFAULT_INPUT_PX)
    card = ModelCard(
        name=path.stem,
        task=_TASKS[model.task],
        classes=tuple(str(model.names[i]) for i in sorted(model.names)),
        input_px=(side_px, side_px),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )
    if least_confidence is None:
        return card
    return replace(card, thresholds=dict.fromkeys(card.labels, least_confidence))


def _array(values: Any) -> NDArray[Any]:  # noqa: ANN401 - a torch tensor or an array
    return np.asarray(values.cpu() if hasattr(values, "cpu") else values)


def _ring(points: Any) -> NDArray[np.float32] | None:  # noqa: ANN401
    ring = _array(points).astype(np.float32)
    return ring if len(ring) >= 3 else None
