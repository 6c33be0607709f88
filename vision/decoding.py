"""The answers of ultralytics networks, turned into detections in pixels of the picture that was looked at."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.detections import Detections, Polygon
from vision.errors import InvalidValueError
from vision.letterbox import Letterboxed, boxes_in_picture
from vision.merging import suppress
from vision.model_card import ModelCard
from vision.surfaces import outlines

_Floats = NDArray[np.float32]

WITHIN_VIEW_IOU = 0.7
MAX_CANDIDATES = 3000
MIN_MASK_PX = 16.0


def decode_boxes(outputs: Sequence[NDArray[np.generic]], box: Letterboxed, card: ModelCard) -> Detections:
    """Decode a `detect` or `segment` network.

    Args:
        outputs: The network's outputs: rows (1, n, 6 + masks) of left, top, right, bottom, confidence, class if
            it is end to end, else columns (1, 4 + classes + masks, n) of centre, size and one score per class; for
            `segment` the prototypes (1, masks, rows, columns) come second.
        box: The input that was answered.
        card: The model's card.

    Returns:
        Detections in pixels of the picture that `box` was made of, most confident first.

    Raises:
        InvalidValueError: If the outputs do not have the shape that the card promises.
    """
    first = np.asarray(outputs[0], np.float32)
    masks = np.asarray(outputs[1], np.float32)[0] if card.task == "segment" and len(outputs) > 1 else None
    extra = 0 if masks is None else masks.shape[0]
    floors = np.array([card.threshold(label) if label else 2.0 for label in card.classes], np.float32)
    boxes, confidence, class_id, coefficients = (
        _end_to_end_rows(first, extra) if card.end_to_end else _raw_columns(first, floors, extra)
    )
    chosen = np.flatnonzero((class_id >= 0) & (class_id < len(floors)))
    chosen = chosen[confidence[chosen] >= floors[class_id[chosen]]]
    if not len(chosen):
        return Detections.empty()
    chosen = chosen[np.argsort(-confidence[chosen], kind="stable")][:MAX_CANDIDATES]
    if not card.end_to_end:
        chosen = chosen[suppress(boxes[chosen], confidence[chosen], class_id[chosen], WITHIN_VIEW_IOU)]
    polygons: tuple[Polygon | None, ...] = ()
    if masks is not None:
        polygons = tuple(_outline(masks, coefficients[i], boxes[i], box) for i in chosen)
    in_picture = boxes_in_picture(boxes[chosen], box)
    in_picture[:, 2:] = np.maximum(in_picture[:, 2:], in_picture[:, :2])
    found = Detections(
        boxes_xyxy_px=in_picture,
        confidence=np.clip(confidence[chosen], 0, 1),
        labels=tuple(str(card.classes[i]) for i in class_id[chosen]),
        polygons_px=polygons,
    )
    return found.clipped(_picture_size(box))


def decode_map(outputs: Sequence[NDArray[np.generic]], box: Letterboxed, card: ModelCard) -> _Floats:
    """Decode a `semantic` network.

    Args:
        outputs: First a map: float probabilities (1, classes, rows, columns), or class numbers (1, rows, columns) of
            an integer type, which count as certain; one class alone is number 1 on background 0.
        box: The input that was answered.
        card: The model's card.

    Returns:
        Probabilities, shape (classes, rows, columns), covering exactly the picture that `box` was made of.

    Raises:
        InvalidValueError: If the output does not have the shape that the card promises.
    """
    answer = np.asarray(outputs[0])
    classes = len(card.classes)
    if np.issubdtype(answer.dtype, np.integer) or answer.dtype == np.bool_:
        if answer.ndim != 3:
            raise InvalidValueError(f"a class map must have the shape (1, rows, columns), not {answer.shape}")
        numbers = np.arange(1, 2) if classes == 1 else np.arange(classes)
        answer = (answer == numbers[:, None, None, None])[:, 0][None].astype(np.float32)
    if answer.ndim != 4 or answer.shape[1] != classes:
        raise InvalidValueError(f"the map has the shape {answer.shape}, but the card names {classes} classes")
    probability = np.ascontiguousarray(answer[0], np.float32)
    if probability.size and (probability.min() < -0.01 or probability.max() > 1.01):
        raise InvalidValueError("the map holds values outside 0 to 1: export it with its sigmoid or softmax")
    return _without_grey(probability, box)


def _end_to_end_rows(answer: _Floats, extra: int) -> tuple[_Floats, _Floats, NDArray[np.intp], _Floats]:
    if answer.ndim != 3 or answer.shape[2] != 6 + extra:
        raise InvalidValueError(f"an end-to-end answer must have the shape (1, n, {6 + extra}), not {answer.shape}")
    rows = answer[0]
    return rows[:, :4], rows[:, 4], rows[:, 5].round().astype(np.intp), rows[:, 6:]


def _raw_columns(answer: _Floats, floors: _Floats, extra: int) -> tuple[_Floats, _Floats, NDArray[np.intp], _Floats]:
    """The columns in which any class reaches its floor; of thousands these are few, most often none."""
    classes = len(floors)
    if answer.ndim != 3 or answer.shape[1] != 4 + classes + extra:
        raise InvalidValueError(
            f"a raw answer must have the shape (1, {4 + classes + extra}, n) for {classes} classes, not {answer.shape}"
        )
    scores = answer[0, 4 : 4 + classes]
    columns = answer[0][:, np.flatnonzero((scores >= floors[:, None]).any(axis=0))]
    scores = columns[4 : 4 + classes]
    class_id = scores.argmax(axis=0)
    confidence = np.take_along_axis(scores, class_id[None], axis=0)[0]
    half = columns[2:4] / 2
    boxes = np.concatenate([columns[:2] - half, columns[:2] + half]).T
    return np.ascontiguousarray(boxes), confidence, class_id, columns[4 + classes :].T


def _without_grey(probability: _Floats, box: Letterboxed) -> _Floats:
    across, down = (box.input_wh_px[0] / probability.shape[2], box.input_wh_px[1] / probability.shape[1])
    inner = np.array([box.left_px, box.top_px, *box.inner_wh_px]) / [across, down, across, down]
    if (inner % 1).any():
        # Grown to the input first, because the grey margin need not be a whole number of coarse cells.
        probability = np.stack(
            [cv2.resize(channel, box.input_wh_px, interpolation=cv2.INTER_LINEAR) for channel in probability]
        )
        inner = np.array([box.left_px, box.top_px, *box.inner_wh_px])
    left, top, width, height = inner.astype(int)
    return probability[:, top : top + height, left : left + width]


def _outline(prototypes: _Floats, coefficients: _Floats, box_xyxy: _Floats, box: Letterboxed) -> Polygon | None:
    left, top = np.maximum(np.floor(box_xyxy[:2]).astype(int), 0)
    right, bottom = np.minimum(np.ceil(box_xyxy[2:]).astype(int), box.input_wh_px)
    if right - left < 2 or bottom - top < 2:
        return None
    logits, (from_x, from_y) = _logits_around(prototypes, coefficients, (left, top, right, bottom), box.input_wh_px)
    inside = 1 / (1 + np.exp(-logits[top - from_y : bottom - from_y, left - from_x : right - from_x]))
    size = (int(right - left), int(bottom - top))
    surfaces = outlines(np.ascontiguousarray(inside), 0.5, size, min_area_px=MIN_MASK_PX)
    if not surfaces:
        return None
    offset = np.array([left - box.left_px, top - box.top_px], np.float32)
    return (surfaces[0].ring_px + offset) / np.float32(box.gain)


def _logits_around(
    prototypes: _Floats, coefficients: _Floats, bounds: tuple[int, int, int, int], input_wh_px: tuple[int, int]
) -> tuple[_Floats, tuple[int, int]]:
    """A mask's logits at the input's scale, of the box and two cells around it only, and their first pixel."""
    rows, columns = prototypes.shape[1:]
    cell_x, cell_y = input_wh_px[0] / columns, input_wh_px[1] / rows
    first_x, last_x = max(0, int(bounds[0] / cell_x) - 2), min(columns, int(bounds[2] / cell_x) + 3)
    first_y, last_y = max(0, int(bounds[1] / cell_y) - 2), min(rows, int(bounds[3] / cell_y) + 3)
    logits = np.tensordot(coefficients, prototypes[:, first_y:last_y, first_x:last_x], axes=1).astype(np.float32)
    size = (round((last_x - first_x) * cell_x), round((last_y - first_y) * cell_y))
    grown = np.asarray(cv2.resize(logits, size, interpolation=cv2.INTER_LINEAR), np.float32)
    return grown, (round(first_x * cell_x), round(first_y * cell_y))


def _picture_size(box: Letterboxed) -> tuple[int, int]:
    return round(box.inner_wh_px[0] / box.gain), round(box.inner_wh_px[1] / box.gain)
