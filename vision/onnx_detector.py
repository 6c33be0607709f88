"""Detectors on ONNX Runtime: a model folder in, detections in whole pictures of any size out; no torch.

Several workers with a one-thread session each get more out of a CPU than one session with several threads, and each
view of a picture is a piece of work of its own; so one pool of threads serves all views of all models.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from vision.decoding import decode_boxes, decode_map
from vision.detections import Detections, Detector, detections_of
from vision.errors import InvalidValueError, ModelError
from vision.frame import Frame, Image
from vision.letterbox import letterbox
from vision.merging import merge_views
from vision.model_card import CARD_FILE, MODEL_FILE, ModelCard
from vision.onnx_session import CPU, open_model
from vision.surfaces import ProbabilityMap, outlines
from vision.tiling import Plan, View, plan_views, working_scale

MIN_SURFACE_PX = 256.0
"""Surfaces smaller than this many pixels of the scaled picture are noise: 16 × 16."""


class OnnxDetector:
    """One model over whole pictures: views, inference, merging. Safe to call from several threads."""

    def __init__(
        self,
        model_dir: Path,
        card: ModelCard,
        session: onnxruntime.InferenceSession,
        pool: ThreadPoolExecutor,
        *,
        least_confidence: float | None = None,
    ) -> None:
        """Join the parts; `open` and `load_detectors` make them.

        Args:
            model_dir: Where the model came from, for error messages.
            card: What the model is.
            session: The network.
            pool: Threads that run it; shared with other detectors.
            least_confidence: Overrides the card's thresholds, all of them.
        """
        self.model_dir = model_dir
        self.card = card
        self._session = session
        self._pool = pool
        self._input_name = session.get_inputs()[0].name
        self._believed = card if least_confidence is None else _with_threshold(card, least_confidence)

    @classmethod
    def open(
        cls,
        model_dir: Path,
        *,
        threads: int = 1,
        workers: int | None = None,
        providers: Sequence[str] = CPU,
        pool: ThreadPoolExecutor | None = None,
        least_confidence: float | None = None,
    ) -> OnnxDetector:
        """Open a model folder.

        Args:
            model_dir: Folder with `card.yaml` and `model.onnx`.
            threads: Threads within one inference.
            workers: Inferences at a time; the number of usable cores if None.
            providers: ONNX Runtime's execution providers, best first.
            pool: Threads to share with other detectors instead of own ones.
            least_confidence: Overrides the card's thresholds, all of them.

        Returns:
            The detector.

        Raises:
            ModelError: If the folder does not hold a model that can be run here.
        """
        card, session = open_model(model_dir, threads=threads, providers=providers)
        return cls(model_dir, card, session, pool or _worker_pool(workers), least_confidence=least_confidence)

    def __call__(self, frame: Frame) -> Detections:
        """Find things in a picture of any size.

        Args:
            frame: The picture.

        Returns:
            Detections in its pixels, sorted by label, then most confident or largest first.

        Raises:
            ModelError: If the network's answer does not have the shape its card promises.
        """
        plan = self._plan(frame)
        picture = _scaled(frame.image_bgr, plan)
        try:
            found = self._surfaces(plan, picture) if self.card.task == "semantic" else self._objects(plan, picture)
        except InvalidValueError as error:
            raise ModelError(
                Path(self.card.name) / MODEL_FILE, str(error), "correct the card or export again"
            ) from error
        width, height = frame.size_wh_px
        return found.scaled(width / plan.size_wh_px[0], height / plan.size_wh_px[1]).clipped(frame.size_wh_px)

    def _plan(self, frame: Frame) -> Plan:
        scale = working_scale(
            frame.ground_resolution_m,
            self.card.labels,
            model_resolution_m=self.card.ground_resolution_m,
            smallest_object_m=self.card.smallest_object_m,
        )
        return plan_views(frame.size_wh_px, self.card.input_px, scale=scale)

    def _objects(self, plan: Plan, picture: Image) -> Detections:
        def look(view: View) -> tuple[View, Detections]:
            box = letterbox(_crop(picture, view), self.card.input_px)
            return view, decode_boxes(self._run(box.tensor), box, self._believed).shifted(view.left, view.top)

        return merge_views(list(self._pool.map(look, plan.views)), plan.size_wh_px)

    def _surfaces(self, plan: Plan, picture: Image) -> Detections:
        def look(view: View) -> tuple[View, NDArray[np.float32]]:
            box = letterbox(_crop(picture, view), self.card.input_px)
            return view, decode_map(self._run(box.tensor), box, self.card)

        blend = ProbabilityMap(plan, len(self.card.classes))
        for view, probability in self._pool.map(look, plan.views):
            blend.add(view, probability)
        return _surfaces_of(blend.blended(), self._believed, plan.size_wh_px)

    def _run(self, tensor: NDArray[np.float32]) -> list[Any]:
        return list(self._session.run(None, {self._input_name: tensor}))


def load_detectors(
    models_dir: Path,
    *,
    workers: int | None = None,
    providers: Sequence[str] = CPU,
    least_confidence: float | None = None,
) -> Detector:
    """Open all models of a folder as one detector.

    Args:
        models_dir: Folder with one folder per model.
        workers: Inferences at a time, over all models; the number of usable cores if None.
        providers: ONNX Runtime's execution providers, best first.
        least_confidence: Overrides the cards' thresholds, all of them.

    Returns:
        A detector whose answer is the answers of all models, one after the other in the order of their names.

    Raises:
        ModelError: If the folder holds no model, or one of them is broken.
    """
    if not models_dir.is_dir():
        raise ModelError(models_dir, "no such folder", "name the folder that holds the models")
    model_dirs = sorted(path.parent for path in models_dir.glob(f"*/{CARD_FILE}"))
    if not model_dirs:
        raise ModelError(
            models_dir, "holds no model", f"name a folder with <model>/{CARD_FILE} and <model>/{MODEL_FILE}"
        )
    pool = _worker_pool(workers)
    detectors = [
        OnnxDetector.open(model_dir, providers=providers, pool=pool, least_confidence=least_confidence)
        for model_dir in model_dirs
    ]

    def detect(frame: Frame) -> Detections:
        return Detections.concatenate(detector(frame) for detector in detectors)

    return detect


def detect_many(detector: Detector, frames: Iterable[Frame], *, ahead: int = 3) -> Iterator[tuple[Frame, Detections]]:
    """Run a detector over many frames, some at a time, and keep their order.

    Args:
        detector: Any detector that may be called from several threads.
        frames: Frames, taken from the iterator by the caller's thread and no sooner than needed.
        ahead: Frames in the works at a time; this bounds the memory.

    Yields:
        Each frame with what was found in it, in the order of the frames.

    Raises:
        VisionError: What the detector or the frames' source raises, at the frame's place in the order.
    """
    waiting: deque[tuple[Frame, Future[Detections]]] = deque()
    pool = ThreadPoolExecutor(max_workers=ahead, thread_name_prefix="frame")
    try:
        for frame in frames:
            waiting.append((frame, pool.submit(detector, frame)))
            if len(waiting) >= ahead:
                yield _finished(waiting)
        while waiting:
            yield _finished(waiting)
    finally:
        pool.shutdown(cancel_futures=True)


def _finished(waiting: deque[tuple[Frame, Future[Detections]]]) -> tuple[Frame, Detections]:
    frame, future = waiting.popleft()
    return frame, future.result()


def _worker_pool(workers: int | None) -> ThreadPoolExecutor:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return ThreadPoolExecutor(max_workers=workers or usable, thread_name_prefix="inference")


def _with_threshold(card: ModelCard, least_confidence: float) -> ModelCard:
    return replace(card, thresholds=dict.fromkeys(card.labels, least_confidence))


def _scaled(image_bgr: Image, plan: Plan) -> Image:
    if plan.scale == 1.0:
        return image_bgr
    return np.asarray(cv2.resize(image_bgr, plan.size_wh_px, interpolation=cv2.INTER_AREA), np.uint8)


def _crop(picture: Image, view: View) -> Image:
    return picture[view.top : view.bottom, view.left : view.right]


def _surfaces_of(probability: NDArray[np.float32], card: ModelCard, size_wh_px: tuple[int, int]) -> Detections:
    rows = [
        (_bounds(surface.ring_px), surface.confidence, label, surface.ring_px)
        for label, channel in zip(card.classes, probability, strict=True)
        if label
        for surface in outlines(_finer(channel), card.threshold(label), size_wh_px, min_area_px=MIN_SURFACE_PX)
    ]
    return detections_of(rows)


def _finer(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Twice the cells each way, interpolated, so that slanting shores do not become stairs."""
    size = (2 * probability.shape[1], 2 * probability.shape[0])
    return np.asarray(cv2.resize(probability, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _bounds(ring_px: NDArray[np.float32]) -> tuple[float, float, float, float]:
    (left, top), (right, bottom) = ring_px.min(axis=0), ring_px.max(axis=0)
    return float(left), float(top), float(right), float(bottom)
