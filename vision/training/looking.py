"""Looking at labelled pictures with the product's own detector, once: answers are kept beside the report.

Every answer is written as soon as it is there, under the hash of picture and model; so an evaluation that was stopped
goes on where it was, and another one of the same model costs no inference.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision import onnx_detector
from vision.detections import Detections, detections_of
from vision.engines.network import Network
from vision.errors import ModelError
from vision.frame import Frame
from vision.model_card import CARD_FILE, ModelCard
from vision.onnx_detector import OnnxDetector
from vision.onnx_model import OnnxModel
from vision.onnx_session import open_model
from vision.sources.photos import read_frame

LEAST_CONFIDENCE = 0.01
"""Average precision needs the doubtful answers too."""

CARD = "card"
"""Name of the answers at the card's own thresholds, as `flyonce detect` gives them."""

AHEAD = 3

_DETECTING = ("boxes", "decoding", "letterbox", "merging", "onnx_detector", "onnx_model", "surfaces", "tiling")
"""Modules that turn a picture and a network into an answer: with other code, old answers are not believed."""


def model_dirs(place: Path) -> list[Path]:
    """List the models of a folder that holds models, or is one.

    Raises:
        ModelError: If there is none.
    """
    if (place / CARD_FILE).is_file():
        return [place]
    found = sorted(path.parent for path in place.glob(f"*/{CARD_FILE}"))
    if not found:
        raise ModelError(place, "holds no model", f"name a folder with <model>/{CARD_FILE}")
    return found


class RememberingNetwork:
    """A network that answers the same input only once: trying thresholds on a picture costs no inference."""

    def __init__(self, network: Network) -> None:
        """Wrap a network."""
        self._network = network
        self._answers: dict[bytes, list[NDArray[Any]]] = {}

    @property
    def takes_any_size(self) -> bool:
        """As the network."""
        return self._network.takes_any_size

    @property
    def computes_elsewhere(self) -> bool:
        """As the network."""
        return self._network.computes_elsewhere

    def __call__(self, tensor: NDArray[np.float32]) -> list[NDArray[Any]]:
        """Answer one input."""
        key = hashlib.sha256(tensor.tobytes()).digest()
        if key not in self._answers:
            self._answers[key] = self._network(tensor)
        return [answer.copy() for answer in self._answers[key]]


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one model answered for one picture.

    Attributes:
        sha256: Of the picture's bytes.
        size_wh_px: Width and height of the picture.
        found: Detections by the threshold they were asked at: `CARD`, or a number as text.
    """

    sha256: str
    size_wh_px: tuple[int, int]
    found: Mapping[str, Detections]


class Looker:
    """One model that looks at pictures at several thresholds at once."""

    def __init__(
        self,
        model_dir: Path,
        *,
        thresholds: Sequence[float] = (),
        answers: Path | None = None,
        pool: ThreadPoolExecutor | None = None,
    ) -> None:
        """Open a model.

        Args:
            model_dir: Folder of the model.
            thresholds: Thresholds to ask at besides the card's own.
            answers: File of answers (JSON lines) to go on with; None keeps nothing.
            pool: Threads that run the network; one if None.

        Raises:
            ModelError: If the folder does not hold a model that can be run here.
        """
        self.model_dir = model_dir
        self.card, self._network = open_model(model_dir)
        self._thresholds = {str(value): value for value in thresholds}
        self._pool = pool or ThreadPoolExecutor(max_workers=1)
        self._answers = _Answers(answers, self._print())

    def __call__(self, path: Path, *, ground_resolution_m: float | None = None) -> Look:
        """Look at a picture, or remember what was seen in it.

        Raises:
            PhotoError: The picture cannot be read.
        """
        key = f"{hashlib.sha256(path.read_bytes()).hexdigest()}@{ground_resolution_m}" if path.is_file() else ""
        known = self._answers.get(key)
        if known is not None:
            return known
        frame = replace(read_frame(path), ground_resolution_m=ground_resolution_m)
        return self._answers.add(key, frame.size_wh_px, self._look(frame))

    def _look(self, frame: Frame) -> dict[str, Detections]:
        network = RememberingNetwork(self._network)

        def at(threshold: float | None) -> Detections:
            model = OnnxModel(model_dir=self.model_dir, card=self.card, network=network, least_confidence=threshold)
            return OnnxDetector([model], self._pool)(frame)

        return {CARD: at(None), **{name: at(value) for name, value in self._thresholds.items()}}

    def _print(self) -> str:
        """What the answers depend on besides the picture."""
        text = json.dumps([asdict(self.card), sorted(self._thresholds), _code()], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Answers:
    """Answers of one model in a file, one JSON object a line."""

    def __init__(self, path: Path | None, model: str) -> None:
        self._path = path
        self._model = model
        self._lock = Lock()
        self._known = dict(self._read()) if path is not None and path.is_file() else {}

    def get(self, key: str) -> Look | None:
        row = self._known.get(key)
        return None if row is None else _look_of(row)

    def add(self, key: str, size_wh_px: tuple[int, int], found: Mapping[str, Detections]) -> Look:
        """Keep answers; returns them as they will be read again, rounded."""
        rows = {name: _rows(detections) for name, detections in found.items()}
        row = {"model": self._model, "key": key, "size": list(size_wh_px), "found": rows}
        if self._path is not None:
            with self._lock, self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        return _look_of(row)

    def _read(self) -> Iterator[tuple[str, dict[str, Any]]]:
        assert self._path is not None
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
            except json.JSONDecodeError:  # the line that was being written when the run was stopped
                continue
            if row["model"] == self._model:
                yield row["key"], row


def _look_of(row: Mapping[str, Any]) -> Look:
    return Look(
        sha256=row["key"].split("@")[0],
        size_wh_px=(row["size"][0], row["size"][1]),
        found={name: _detections(rows) for name, rows in row["found"].items()},
    )


@cache
def _code() -> str:
    folder = Path(onnx_detector.__file__).parent
    code = b"".join((folder / f"{name}.py").read_bytes() for name in _DETECTING if (folder / f"{name}.py").is_file())
    return hashlib.sha256(code).hexdigest()


def look_at_all(look: Callable[[int], Any], count: int, *, ahead: int = AHEAD) -> Iterator[tuple[int, Any]]:
    """Run `look` for 0, 1, … `count` - 1, some at a time, and yield number and answer in order.

    Args:
        look: May be called from several threads.
        count: How often.
        ahead: Calls in the works at a time.
    """
    pool = ThreadPoolExecutor(max_workers=ahead, thread_name_prefix="picture")
    waiting: deque[tuple[int, Future[Any]]] = deque()
    try:
        for number in range(count):
            waiting.append((number, pool.submit(look, number)))
            if len(waiting) > ahead:
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _rows(found: Detections) -> list[list[Any]]:
    return [
        [
            label,
            round(float(confidence), 6),
            [round(float(value), 2) for value in box],
            None if polygon is None else np.round(polygon.astype(float), 2).tolist(),
        ]
        for label, confidence, box, polygon in zip(
            found.labels, found.confidence, found.boxes_xyxy_px, found.polygons_px, strict=True
        )
    ]


def _detections(rows: Sequence[Sequence[Any]]) -> Detections:
    return detections_of(
        [
            (
                (box[0], box[1], box[2], box[3]),
                confidence,
                label,
                None if polygon is None else np.array(polygon, np.float32),
            )
            for label, confidence, box, polygon in rows
        ]
    )


def thresholds_of(card: ModelCard, candidates: Sequence[float]) -> tuple[float, ...]:
    """Return the thresholds to ask a model at: one far below its own for boxes, the candidates for surfaces."""
    return tuple(candidates) if card.task == "semantic" else (LEAST_CONFIDENCE,)
