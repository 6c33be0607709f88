"""Figures for the card, measured through the product's own run-time: thresholds on val, scores on test."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.detections import Detections
from vision.evaluation import BoxScore, TrueBoxes, best_threshold, score_label, score_masks
from vision.frame import Frame
from vision.onnx_detector import OnnxDetector
from vision.onnx_session import open_model
from vision.training.cards import read_card_table, write_card
from vision.training.errors import BadSourceError
from vision.training.labels import OBJECT_LABELS, read_labels
from vision.training.prepare import Entry, read_manifest
from vision.training.splits import Split

LEAST_CONFIDENCE = 0.02
OBJECT_CANDIDATES = tuple(round(0.25 + 0.05 * i, 2) for i in range(14))
WATER_CANDIDATES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
CAUTION_BETA = 0.5
"""Somebody is sent to every finding, so a false alarm weighs more than a miss when a threshold is chosen."""


def read_frame(path: Path) -> Frame:
    """Read a picture of a prepared set.

    Raises:
        BadSourceError: It cannot be read.
    """
    image = cv2.imread(str(path))
    if image is None:
        raise BadSourceError(path, "is no readable picture")
    return Frame(image_bgr=np.asarray(image, np.uint8), captured_at=None, source=str(path), index=0)


def _true_boxes(path: Path, size_wh_px: tuple[int, int]) -> TrueBoxes:
    given = read_labels(path, OBJECT_LABELS)
    rows = np.array([(b.left, b.top, b.right, b.bottom) for b in given], np.float32).reshape(-1, 4)
    return TrueBoxes(
        boxes_xyxy_px=rows * np.tile(np.array(size_wh_px, np.float32), 2), labels=tuple(b.label for b in given)
    )


class ObjectsExam:
    """One part of the objects set with what a model finds in it, looked at once and scored many ways."""

    def __init__(self, detector: OnnxDetector, objects: Path, split: Split) -> None:
        """Look at every picture of the part.

        Args:
            detector: Opened with a low `least_confidence`, for average precision needs the doubtful answers too.
            objects: The `objects` folder that `prepare` wrote.
            split: The part.
        """
        self._rows: list[tuple[Entry, Detections, TrueBoxes]] = []
        for entry in (e for e in read_manifest(objects) if e.split == split):
            frame = read_frame(objects / "images" / split / entry.name)
            truth = _true_boxes(objects / "labels_given" / split / f"{Path(entry.name).stem}.txt", frame.size_wh_px)
            self._rows.append((entry, detector(frame), truth))

    @property
    def sources(self) -> list[str]:
        """Names of the data sets in this part."""
        return sorted({entry.source for entry, _, _ in self._rows})

    def pairs(self, label: str, source: str | None = None) -> list[tuple[Detections, TrueBoxes]]:
        """Return found and true of the pictures in which people looked for this label, of one data set or of all."""
        return [
            (found, truth)
            for entry, found, truth in self._rows
            if label in entry.labelled and source in (None, entry.source)
        ]

    def thresholds(self, labels: Iterable[str]) -> dict[str, float]:
        """Choose thresholds; a label without a true thing in this part gets none."""
        chosen = {
            label: best_threshold(self.pairs(label), label, OBJECT_CANDIDATES, beta=CAUTION_BETA) for label in labels
        }
        return {label: value for label, value in chosen.items() if value is not None}

    def scores(self, thresholds: dict[str, float]) -> dict[str, dict[str, Any]]:
        """Score each label per data set; labels nobody looked for in a data set are left out."""
        table: dict[str, dict[str, Any]] = {}
        for source in self.sources:
            pictures = sum(entry.source == source for entry, _, _ in self._rows)
            table[source] = {"pictures": pictures}
            for label in thresholds:
                pairs = self.pairs(label, source)
                if not pairs:
                    continue
                score = score_label(pairs, label, thresholds[label])
                if score.truths or score.false_alarms:
                    table[source][label] = _rounded(score)
        return table


def _rounded(score: BoxScore) -> dict[str, Any]:
    values = asdict(score)
    del values["label"], values["threshold"]
    return {key: round(value, 3) if isinstance(value, float) else value for key, value in values.items()}


def painted(found: Detections, size_wh_px: tuple[int, int]) -> NDArray[np.bool_]:
    """Paint outlines into a mask of shape (height, width)."""
    mask = np.zeros((size_wh_px[1], size_wh_px[0]), np.uint8)
    for polygon in found.polygons_px:
        if polygon is not None:
            cv2.fillPoly(mask, [np.round(polygon - 0.5).astype(np.int32)], 1)
    return mask.astype(np.bool_)


class RememberingSession:
    """A network that answers the same input only once: trying thresholds costs no inference.

    Answers are kept in 16 bits, finer than any threshold.
    """

    def __init__(self, session: Any) -> None:  # noqa: ANN401 - onnxruntime is untyped
        """Wrap an `onnxruntime.InferenceSession`."""
        self._session = session
        self._answers: dict[bytes, list[NDArray[np.float16]]] = {}

    def get_inputs(self) -> Any:  # noqa: ANN401
        """Return what the network takes."""
        return self._session.get_inputs()

    def run(self, _outputs: None, feed: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Answer one input."""
        key = hashlib.sha256(next(iter(feed.values())).tobytes()).digest()
        if key not in self._answers:
            self._answers[key] = [np.asarray(a, np.float16) for a in self._session.run(None, feed)]
        return [answer.astype(np.float32) for answer in self._answers[key]]


class WaterModel:
    """A water model that can be looked at through the product's detector at any threshold."""

    def __init__(self, model_dir: Path) -> None:
        """Open the model of a folder."""
        self._model_dir = model_dir
        self._card, session = open_model(model_dir, threads=1)
        self._session = RememberingSession(session)
        self._pool = ThreadPoolExecutor(max_workers=1)

    def at(self, threshold: float) -> OnnxDetector:
        """Return the detector that believes a probability from `threshold` on, 0..1."""
        return OnnxDetector(self._model_dir, self._card, self._session, self._pool, least_confidence=threshold)


def water_scores(model: WaterModel, water: Path, split: Split, threshold: float) -> dict[str, dict[str, Any]]:
    """Score outlines against drawn masks per data set.

    Args:
        model: The model.
        water: The `water` folder that `prepare` wrote.
        split: The part.
        threshold: Least probability of water, 0..1.
    """
    detector = model.at(threshold)
    masks: dict[str, list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]] = {}
    for entry in (e for e in read_manifest(water) if e.split == split):
        frame = read_frame(water / "images" / split / entry.name)
        true = cv2.imread(str(water / "masks" / split / f"{Path(entry.name).stem}.png"), cv2.IMREAD_GRAYSCALE)
        if true is None:
            raise BadSourceError(water / "masks" / split, f"lacks the mask of {entry.name}")
        pair = (painted(detector(frame), frame.size_wh_px), np.asarray(true > 0))
        masks.setdefault(entry.source, []).append(pair)
    table: dict[str, dict[str, Any]] = {}
    for source, pairs in sorted(masks.items()):
        values = asdict(score_masks(pairs))
        table[source] = {key: round(value, 3) if isinstance(value, float) else value for key, value in values.items()}
    return table


def _surface_goodness(scores: dict[str, Any]) -> float:
    """Return F-beta of the areas, or of a dry data set the share of pictures without an alarm."""
    if scores["dry_pictures"] == scores["pictures"]:
        return 1.0 - float(scores["dry_pictures_with_alarm"]) / float(scores["pictures"])
    precision, recall = scores["precision"] or 0.0, scores["recall"] or 0.0
    weighted = CAUTION_BETA**2 * precision + recall
    return float((1 + CAUTION_BETA**2) * precision * recall / weighted) if weighted else 0.0


def water_threshold(
    model: WaterModel, water: Path, candidates: Sequence[float] = WATER_CANDIDATES
) -> tuple[float, dict[str, Any]]:
    """Choose the threshold with the best mean F-beta over data sets with water in the val part.

    Where all is dry, the share of pictures without an alarm takes the place of F-beta.

    Returns:
        The threshold, and the scores at every candidate.
    """
    seen = {value: water_scores(model, water, "val", value) for value in candidates}

    def goodness(value: float) -> float:
        return float(np.mean([_surface_goodness(scores) for scores in seen[value].values()]))

    return max(sorted(candidates, reverse=True), key=goodness), {str(key): value for key, value in seen.items()}


_HOW = "ONNX Runtime through vision.onnx_detector, CPU; a box is right at IoU 0.5; thresholds were chosen on val"


def evaluate_objects(model_dir: Path, objects: Path) -> dict[str, Any]:
    """Choose thresholds on val, score test, write both into the card; returns the card's metrics.

    A label that val has no true thing of keeps a careful 0.5.
    """
    detector = OnnxDetector.open(model_dir, least_confidence=LEAST_CONFIDENCE)
    chosen = ObjectsExam(detector, objects, "val").thresholds(detector.card.labels)
    thresholds = {label: chosen.get(label, 0.5) for label in detector.card.labels}
    table = ObjectsExam(detector, objects, "test").scores(thresholds)
    without = sorted(set(detector.card.labels) - set(chosen))
    metrics = {"how": _HOW, "threshold_not_chosen_by_data": without, "test": table}
    write_card(model_dir, {**read_card_table(model_dir), "thresholds": thresholds, "metrics": metrics})
    return metrics


def evaluate_water(model_dir: Path, water: Path) -> dict[str, Any]:
    """Choose the threshold on val, score test, write both into the card; returns the card's metrics."""
    model = WaterModel(model_dir)
    threshold, seen = water_threshold(model, water)
    metrics = {
        "how": "outlines of the ONNX model through vision.onnx_detector painted and compared with drawn masks",
        "test": water_scores(model, water, "test", threshold),
        "val_by_threshold": {
            value: {source: round(_surface_goodness(scores), 3) for source, scores in table.items()}
            for value, table in seen.items()
        },
    }
    write_card(
        model_dir, {**read_card_table(model_dir), "thresholds": {"standing_water": threshold}, "metrics": metrics}
    )
    return metrics


def count_findings(model_dir: Path, folder: Path) -> dict[str, Any]:
    """Count what a model with its card's thresholds finds in unlabelled pictures, and note it in the card.

    It is no measure of accuracy: nobody labelled these. It shows how loud a model is where little is to be found.

    Args:
        model_dir: Folder of the model.
        folder: Folder of pictures; the folder above it names them.
    """
    detector = OnnxDetector.open(model_dir)
    findings: Counter[str] = Counter()
    pictures_with: Counter[str] = Counter()
    area_px = water_px = 0.0
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in {".jpg", ".jpeg", ".png"})
    for path in paths:
        frame = read_frame(path)
        found = detector(frame)
        findings.update(found.labels)
        pictures_with.update(set(found.labels))
        area_px += frame.image_bgr.shape[0] * frame.image_bgr.shape[1]
        water_px += float(painted(found, frame.size_wh_px).sum())
    noted: dict[str, Any] = {
        "pictures": len(paths),
        "findings": dict(findings),
        "pictures_with_findings": dict(pictures_with),
    }
    if detector.card.task == "semantic":
        noted["share_of_ground"] = round(water_px / max(area_px, 1.0), 4)
    card = read_card_table(model_dir)
    looked = {**card.get("unlabelled_flights", {}), folder.parent.name: noted}
    write_card(model_dir, {**card, "unlabelled_flights": looked})
    return noted
