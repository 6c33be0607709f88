"""A data set with what the models answer for it: looked at once, scored many ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.detections import Detections
from vision.errors import PhotoError
from vision.evaluation import MaskCounts, TrueBoxes, mask_counts
from vision.model_card import ModelCard, read_card
from vision.training.dataset import IGNORED_VALUE, WATER, DataSet, Sample
from vision.training.errors import BadDataSetError, TrainingError
from vision.training.labels import Shape, read_shapes
from vision.training.looking import CARD, LEAST_CONFIDENCE, Look, Looker, look_at_all, model_dirs, thresholds_of

WATER_CANDIDATES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)

BASE = str(LEAST_CONFIDENCE)


@dataclass(frozen=True, kw_only=True, eq=False)
class ObjectsRow:
    """One picture with what was found in it and what is true.

    Attributes:
        sample: The picture.
        doubtful: All answers down to a very low confidence.
        believed: The answers at the card's thresholds.
        truth: What people drew; only labels that were looked for.
    """

    sample: Sample
    doubtful: Detections
    believed: Detections
    truth: TrueBoxes


@dataclass(frozen=True, kw_only=True)
class WaterRow:
    """One picture with the overlap of found and drawn surfaces.

    Attributes:
        sample: The picture.
        counts: By threshold: `CARD` or a number as text.
    """

    sample: Sample
    counts: dict[str, MaskCounts]


@dataclass(frozen=True, kw_only=True)
class Exam:
    """Everything that is needed to score models on a data set.

    Attributes:
        cards: The models that had something to answer, by name.
        objects: Pictures in which a label of a box model was looked for.
        labels: Labels of box models that were looked for anywhere.
        water: Pictures in which water was looked for.
        problems: Pictures that could not be used, in sentences.
    """

    cards: tuple[ModelCard, ...]
    objects: tuple[ObjectsRow, ...]
    labels: tuple[str, ...]
    water: tuple[WaterRow, ...]
    problems: tuple[str, ...]


def examine(
    data: DataSet,
    models: Path,
    *,
    answers: Path | None = None,
    workers: int = 2,
    water_thresholds: Sequence[float] = WATER_CANDIDATES,
    on_total: Callable[[int], None] = lambda _: None,
    on_picture: Callable[[], None] = lambda: None,
) -> Exam:
    """Look at every picture of a data set with every model that answers a label which was looked for in it.

    Args:
        data: The data set.
        models: Folder of models, or of one model.
        answers: Folder for the files of answers; None keeps nothing.
        workers: Inferences at a time.
        water_thresholds: Thresholds of probability to outline surfaces at, besides the card's.
        on_total: Told the number of looks to come.
        on_picture: Called after each look.

    Raises:
        ModelError: A model cannot be used.
        BadDataSetError: No model answers anything that was looked for.
    """
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="inference")
    lookers = [_looker(model_dir, answers, water_thresholds, pool) for model_dir in model_dirs(models)]
    jobs = [(looker, s) for looker in lookers for s in data.samples if s.labelled.intersection(looker.card.labels)]
    if not jobs:
        raise BadDataSetError(
            data.root,
            "nothing in it was looked for that the models answer "
            f"(looked for: {_listed({label for s in data.samples for label in s.labelled})}; "
            f"models answer: {_listed({label for looker in lookers for label in looker.card.labels})})",
            "name the models that fit, or rename its classes with --rename",
        )
    on_total(len(jobs))
    objects: dict[Path, ObjectsRow] = {}
    water: list[WaterRow] = []
    problems: list[str] = []

    def work(number: int) -> ObjectsRow | WaterRow | str:
        looker, sample = jobs[number]
        try:
            look = looker(sample.path, ground_resolution_m=sample.ground_resolution_m)
            semantic = looker.card.task == "semantic"
            return _water_row(data, sample, look) if semantic else _objects_row(data, sample, look)
        except (PhotoError, TrainingError) as error:
            return str(error)

    with pool:
        for _, row in look_at_all(work, len(jobs), ahead=workers + 1):
            on_picture()
            if isinstance(row, str):
                problems.append(row)
            elif isinstance(row, WaterRow):
                water.append(row)
            else:
                before = objects.get(row.sample.path)
                objects[row.sample.path] = row if before is None else _joined(before, row)
    if not objects and not water:
        raise BadDataSetError(
            data.root, f"none of its pictures could be used; the first: {problems[0]}", "correct them"
        )
    answered = {label for looker in lookers if looker.card.task != "semantic" for label in looker.card.labels}
    looked_for = {label for row in objects.values() for label in row.sample.labelled}
    return Exam(
        cards=tuple(looker.card for looker in lookers if any(job[0] is looker for job in jobs)),
        objects=tuple(objects.values()),
        labels=tuple(sorted(answered & looked_for)),
        water=tuple(water),
        problems=tuple(dict.fromkeys(problems)),
    )


def painted(found: Detections, size_wh_px: tuple[int, int]) -> NDArray[np.bool_]:
    """Paint outlines into a mask of shape (height, width)."""
    return _painted([polygon for polygon in found.polygons_px if polygon is not None], size_wh_px)


def true_water(
    data: DataSet, sample: Sample, size_wh_px: tuple[int, int]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Read the drawn surface of a picture: its mask, or else its outlines; nothing drawn is dry ground.

    Returns:
        Where water is, and which pixels were judged at all; both of shape (height, width).

    Raises:
        BadDataSetError: The mask cannot be read or is not of the picture's size.
        BadLabelError: A line of the label file is no label.
    """
    if sample.mask_path is None:
        rings = [_ring(shape) * np.array(size_wh_px) for shape in data.shapes(sample) if shape.label == WATER]
        painted_rings = _painted(rings, size_wh_px)
        return painted_rings, np.ones_like(painted_rings)
    mask = cv2.imread(str(sample.mask_path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise BadDataSetError(sample.mask_path, "is no readable mask", "save it as PNG, 0 dry and 1 water")
    if mask.shape != (size_wh_px[1], size_wh_px[0]):
        raise BadDataSetError(
            sample.mask_path,
            f"is {mask.shape[1]} × {mask.shape[0]} pixels, its picture {size_wh_px[0]} × {size_wh_px[1]}",
            "give the mask the picture's size",
        )
    # ones tell class ids, among which 255 was not judged; 0 and 255 alone may be plain black and white
    by_id = data.ignored_value is not None or bool((mask == 1).any())
    judged = np.asarray(mask != IGNORED_VALUE) if by_id else np.ones(mask.shape, np.bool_)
    return np.asarray(mask > 0) & judged, judged


def _looker(model_dir: Path, answers: Path | None, water: Sequence[float], pool: ThreadPoolExecutor) -> Looker:
    card = read_card(model_dir)
    file = None
    if answers is not None:
        answers.mkdir(parents=True, exist_ok=True)
        file = answers / f"answers-{card.name}-{card.sha256[:12]}.jsonl"
    return Looker(model_dir, thresholds=thresholds_of(card, water), answers=file, pool=pool)


def _objects_row(data: DataSet, sample: Sample, look: Look) -> ObjectsRow:
    sides = np.tile(np.array(look.size_wh_px, np.float32), 2)
    shapes = [shape for shape in data.shapes(sample) if shape.label in sample.labelled]
    regions = [shape.box for shape in read_shapes(sample.ignored_path, data.names)]
    return ObjectsRow(
        sample=sample,
        doubtful=look.found[BASE].labelled(*sample.labelled),
        believed=look.found[CARD].labelled(*sample.labelled),
        truth=TrueBoxes(
            boxes_xyxy_px=np.array([shape.box for shape in shapes], np.float32).reshape(-1, 4) * sides,
            labels=tuple(shape.label for shape in shapes),
            regions_xyxy_px=np.array(regions, np.float32).reshape(-1, 4) * sides,
        ),
    )


def _water_row(data: DataSet, sample: Sample, look: Look) -> WaterRow:
    true, judged = true_water(data, sample, look.size_wh_px)
    counts = {
        name: mask_counts(painted(found, look.size_wh_px)[judged], true[judged]) for name, found in look.found.items()
    }
    return WaterRow(sample=sample, counts=counts)


def _joined(a: ObjectsRow, b: ObjectsRow) -> ObjectsRow:
    """The answers of two models for one picture."""
    return ObjectsRow(
        sample=a.sample,
        doubtful=Detections.concatenate([a.doubtful, b.doubtful]),
        believed=Detections.concatenate([a.believed, b.believed]),
        truth=a.truth,
    )


def _ring(shape: Shape) -> NDArray[np.float64]:
    left, top, right, bottom = shape.box
    return np.array(shape.ring or ((left, top), (right, top), (right, bottom), (left, bottom)))


def _painted(rings: Sequence[NDArray[np.floating]], size_wh_px: tuple[int, int]) -> NDArray[np.bool_]:
    mask = np.zeros((size_wh_px[1], size_wh_px[0]), np.uint8)
    for ring in rings:
        cv2.fillPoly(mask, [np.round(ring - 0.5).astype(np.int32)], 1)
    return mask.astype(np.bool_)


def _listed(labels: set[str]) -> str:
    return ", ".join(sorted(labels)) or "nothing"
