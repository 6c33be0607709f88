"""Detectors of ONNX models: model folders in, detections in whole pictures of any size out; no torch.

Several workers with a network of one thread each get more out of a CPU than one network with several threads, and each
view of a picture is a piece of work of its own; so one pool of threads serves all views of all models. Models that look
at the same views share the views' tensors: a worker makes one and has all these models answer it.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision.detections import Detections, Detector, in_frame
from vision.engines.choosing import usable_cores
from vision.engines.names import Engine
from vision.errors import ModelError
from vision.frame import Frame
from vision.letterbox import letterbox
from vision.model_card import CARD_FILE, MODEL_FILE, ModelCard
from vision.onnx_model import OnnxModel, Part
from vision.onnx_session import open_model
from vision.pixels import Image
from vision.tiling import Plan, View

Doubts = Callable[[ModelCard], Mapping[str, float]]

_memory = threading.local()


class OnnxDetector:
    """Models over whole pictures: views, inference, merging. Safe to call from several threads."""

    def __init__(self, models: Sequence[OnnxModel], pool: ThreadPoolExecutor) -> None:
        """Join the parts; `of_folders` makes them.

        Args:
            models: The models, in the order of their answers.
            pool: Threads that run them; may be shared with other detectors.
        """
        self.models = tuple(models)
        self._pool = pool

    @classmethod
    def open(
        cls,
        model_dir: Path,
        *,
        engine: Engine = "onnxruntime",
        workers: int | None = None,
        least_confidence: float | None = None,
    ) -> OnnxDetector:
        """Open one model folder; see `of_folders`."""
        return cls.of_folders([model_dir], engine=engine, workers=workers, least_confidence=least_confidence)

    @classmethod
    def of_folders(
        cls,
        model_dirs: Sequence[Path],
        *,
        engine: Engine = "onnxruntime",
        workers: int | None = None,
        least_confidence: float | None = None,
        doubts: Doubts | None = None,
    ) -> OnnxDetector:
        """Open model folders.

        Args:
            model_dirs: Folders with `card.yaml` and `model.onnx`, in the order of their answers.
            engine: What is to run them; see `vision.engines.choosing`.
            workers: Inferences at a time, over all models; the number of usable cores if None.
            least_confidence: Overrides the cards' thresholds, all of them.
            doubts: Tells of a card, by label, from which confidence on boxes are to be answered although it does not
                believe them (see `vision.doubt`).

        Returns:
            The detector.

        Raises:
            ModelError: If a folder does not hold a model that can be run here, or the engine is not here.
        """
        workers = workers or usable_cores()
        opened = [(model_dir, *open_model(model_dir, engine=engine, workers=workers)) for model_dir in model_dirs]
        models = [
            OnnxModel(
                model_dir=model_dir,
                card=card,
                network=network,
                least_confidence=least_confidence,
                doubts={} if doubts is None else doubts(card),
            )
            for model_dir, card, network in opened
        ]
        # While every network computes, one thread more makes the next view ready.
        ahead = int(any(model.network.computes_elsewhere for model in models))
        return cls(models, ThreadPoolExecutor(max_workers=workers + ahead, thread_name_prefix="inference"))

    def __call__(self, frame: Frame) -> Detections:
        """Find things in a picture of any size.

        Args:
            frame: The picture.

        Returns:
            Detections in its pixels, model by model, sorted by label, then most confident or largest first.

        Raises:
            ModelError: If a network's answer does not have the shape its card promises.
        """
        work = [(plan, models, self._begun(frame, plan, models)) for plan, models in self._by_plan(frame)]
        found: dict[OnnxModel, Detections] = {}
        for plan, models, views in work:
            answers = [view.result() for view in views]
            for i, model in enumerate(models):
                found[model] = _in_picture(model.joined(plan, [answer[i] for answer in answers]), plan, frame)
        return Detections.concatenate(found[model] for model in self.models)

    def _by_plan(self, frame: Frame) -> list[tuple[Plan, list[OnnxModel]]]:
        """The plans for a frame, each with the models that look at the same inputs by it."""
        groups: dict[tuple[Plan, tuple[int, int], bool], list[OnnxModel]] = defaultdict(list)
        for model in self.models:
            groups[model.plan(frame), model.card.input_px, model.network.takes_any_size].append(model)
        return [(plan, models) for (plan, _, _), models in groups.items()]

    def _begun(self, frame: Frame, plan: Plan, models: Sequence[OnnxModel]) -> list[Future[list[Part]]]:
        """By view, the answer of each model; a worker makes a view's tensor once for all of them."""
        picture = frame.pixels.reduced(plan.size_wh_px)
        input_px, any_size = models[0].card.input_px, models[0].network.takes_any_size

        def look(view: View) -> list[Part]:
            size = plan.input_for(view, input_px, any_size=any_size)
            box = letterbox(_crop(picture, view), size, into=_own_memory(size))
            return [model.look(plan, view, box) for model in models]

        return [self._pool.submit(look, view) for view in plan.views]


def load_detectors(
    models_dir: Path,
    *,
    engine: Engine = "auto",
    workers: int | None = None,
    least_confidence: float | None = None,
    doubts: Doubts | None = None,
) -> Detector:
    """Open all models of a folder as one detector.

    Args:
        models_dir: Folder with one folder per model; or an ultralytics checkpoint (`.pt`), or a folder of such, which
            need the extra `train`.
        engine: What is to run them; see `vision.engines.choosing`.
        workers: Inferences at a time, over all models; the number of usable cores if None.
        least_confidence: Overrides the cards' thresholds, all of them.
        doubts: Tells of a card, by label, from which confidence on boxes are to be answered although it does not
            believe them (see `vision.doubt`); checkpoints know no doubts.

    Returns:
        A detector whose answer is the answers of all models, one after the other in the order of their names.

    Raises:
        ModelError: If the folder holds no model, one of them is broken, or the engine is not here.
    """
    if not models_dir.exists():
        raise ModelError(models_dir, "no such folder", "name the folder that holds the models")
    checkpoints = [models_dir] if models_dir.suffix == ".pt" else sorted(models_dir.glob("*.pt"))
    model_dirs = sorted(path.parent for path in models_dir.glob(f"*/{CARD_FILE}"))
    if checkpoints and (engine == "torch" or not model_dirs):
        from vision.ultralytics_detector import UltralyticsDetector

        return UltralyticsDetector.open(checkpoints, engine=engine, least_confidence=least_confidence)
    if not model_dirs:
        raise ModelError(
            models_dir, "holds no model", f"name a folder with <model>/{CARD_FILE} and <model>/{MODEL_FILE}"
        )
    return OnnxDetector.of_folders(
        model_dirs, engine=engine, workers=workers, least_confidence=least_confidence, doubts=doubts
    )


def detect_many(
    detector: Detector, frames: Iterable[Frame], *, ahead: int | None = None
) -> Iterator[tuple[Frame, Detections]]:
    """Run a detector over many frames, some at a time, and keep their order.

    While a frame waits for its inference, the next ones are read and made ready.

    Args:
        detector: Any detector that may be called from several threads.
        frames: Frames, taken from the iterator by the caller's thread and no sooner than needed.
        ahead: Frames in the works at a time; this bounds the memory. One more than usable cores, at least 3, if None.

    Yields:
        Each frame with what was found in it, in the order of the frames.

    Raises:
        VisionError: What the detector or the frames' source raises, at the frame's place in the order.
    """
    ahead = ahead or max(3, usable_cores() + 1)
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


def _in_picture(found: Detections, plan: Plan, frame: Frame) -> Detections:
    width, height = frame.size_wh_px
    return in_frame(found.scaled(width / plan.size_wh_px[0], height / plan.size_wh_px[1]), frame)


def _crop(picture: Image, view: View) -> Image:
    return picture[view.top : view.bottom, view.left : view.right]


def _own_memory(size_wh_px: tuple[int, int]) -> NDArray[np.float32]:
    """This thread's memory for a tensor: new memory each time would cost as much as filling it."""
    wanted = 3 * size_wh_px[0] * size_wh_px[1]
    if getattr(_memory, "pixels", np.empty(0)).size < wanted:
        _memory.pixels = np.empty(wanted, np.float32)
    pixels: NDArray[np.float32] = _memory.pixels
    return pixels[:wanted].reshape(1, 3, size_wh_px[1], size_wh_px[0])
