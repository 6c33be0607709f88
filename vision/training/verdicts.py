"""Reviewers' verdicts as labelled pictures: cut out, everything that nobody judged taken out of the reckoning.

A verdict speaks of one thing in a picture. What else the models saw there was judged by nobody, so it must become
neither a label nor background: it is painted over in the grey that training fills margins with, and listed in
`ignored/` for `evaluate`. A rejected thing leaves its pixels in place without a label: a hard negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.boxes import iou_matrix
from vision.detections import LABELS, Polygon
from vision.drawing import evidence_window
from vision.pixels import Image

Box = tuple[float, float, float, float]

WATER = "standing_water"
FILL_BGR = (114, 114, 114)
"""What letterboxing and ultralytics fill margins with: the network learns nothing from it."""

UNKNOWN_VALUE = 255
"""In a mask: nobody said what this is; ultralytics and `evaluate` leave such pixels out."""

_SAME_THING = 0.5
_MARGIN = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class Thing:
    """One thing that somebody judged, or that a model saw and nobody judged.

    Attributes:
        label: One of `LABELS`.
        box_xyxy_px: Left, top, right, bottom in pixels of the picture.
        polygon_px: Its outline, shape (k, 2), x before y; None where there is none.
        is_there: True if a person says so, False if a person says that it is not; None if nobody said anything.
    """

    label: str
    box_xyxy_px: Box
    polygon_px: Polygon | None = None
    is_there: bool | None = None

    def __post_init__(self) -> None:
        if self.label not in LABELS:
            raise ValueError(f"{self.label!r} is no known label")
        left, top, right, bottom = self.box_xyxy_px
        if not (left < right and top < bottom):
            raise ValueError(f"a box is left, top, right, bottom with some area, not {self.box_xyxy_px}")

    def shifted(self, dx_px: float, dy_px: float) -> Thing:
        """The same thing in a picture whose origin lies (dx_px, dy_px) further to the left and top."""
        left, top, right, bottom = self.box_xyxy_px
        moved = None
        if self.polygon_px is not None:
            moved = (self.polygon_px + np.array([dx_px, dy_px], np.float32)).astype(np.float32)
        return Thing(
            label=self.label,
            box_xyxy_px=(left + dx_px, top + dy_px, right + dx_px, bottom + dy_px),
            polygon_px=moved,
            is_there=self.is_there,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Cut:
    """A labelled cut-out.

    Attributes:
        image_bgr: Shape (height, width, 3), uint8; what nobody judged is painted over.
        window_xyxy_px: Where it lies in the whole picture, whole pixels.
        things: The judged things that are there, in pixels of the cut-out, cut at its edges.
        not_there: The things that a person says are not there: hard negatives.
        ignored: What nobody judged.
        mask: Shape (height, width), uint8: 1 water, 0 dry, `UNKNOWN_VALUE`; None where the verdict is not of water.
    """

    image_bgr: Image
    window_xyxy_px: tuple[int, int, int, int]
    things: tuple[Thing, ...]
    not_there: tuple[Thing, ...]
    ignored: tuple[Thing, ...]
    mask: NDArray[np.uint8] | None


def cut_sample(image_bgr: Image, subject: Thing, others: Sequence[Thing], *, all_known: bool) -> Cut:
    """Cut a judged thing out with the surroundings that its reviewer saw.

    Args:
        image_bgr: The whole picture, shape (height, width, 3), uint8.
        subject: What the verdict is about.
        others: Everything else that the models saw in the picture, or that other verdicts speak of.
        all_known: Whether `others` is everything; if it is not, nothing is known beyond the thing itself, and the
            cut-out ends a tenth outside of its box.

    Returns:
        The cut-out with its labels. An unjudged answer that is the subject itself once more is left out.
    """
    height, width = image_bgr.shape[:2]
    if all_known:
        window = evidence_window(subject.box_xyxy_px, (width, height))
    else:
        window = _tight(subject.box_xyxy_px, (width, height))
    left, top, right, bottom = window
    seen = [_within(thing.shifted(-left, -top), (right - left, bottom - top)) for thing in (subject, *others)]
    mine = seen[0]
    if mine is None:
        raise ValueError(f"the box {subject.box_xyxy_px} lies outside of the picture of {width} × {height} pixels")
    beside = [thing for thing in seen[1:] if thing is not None and not _is_again(thing, mine)]
    unknown = [thing for thing in beside if thing.is_there is None]
    judged = [mine, *(thing for thing in beside if thing.is_there is not None)]
    cut = np.array(image_bgr[top:bottom, left:right])
    _paint_over(cut, unknown, judged)
    mask = _water_mask(cut.shape[:2], judged) if subject.label == WATER else None
    return Cut(
        image_bgr=cut,
        window_xyxy_px=window,
        things=tuple(thing for thing in judged if thing.is_there),
        not_there=tuple(thing for thing in judged if thing.is_there is False),
        ignored=tuple(unknown),
        mask=mask,
    )


def covered_share(box: Box, covers: Sequence[Box]) -> float:
    """Which part of a box other boxes cover together, 0..1, counted on a grid of 64 × 64 points."""
    left, top, right, bottom = box
    steps = (np.arange(64) + 0.5) / 64
    x, y = np.meshgrid(left + steps * (right - left), top + steps * (bottom - top))
    hit = np.zeros(x.shape, np.bool_)
    for a, b, c, d in covers:
        hit |= (x >= a) & (x < c) & (y >= b) & (y < d)
    return float(hit.mean())


def _tight(box: Box, size_wh_px: tuple[int, int]) -> tuple[int, int, int, int]:
    left, top, right, bottom = box
    dx, dy = _MARGIN * (right - left), _MARGIN * (bottom - top)
    width, height = size_wh_px
    first_x, first_y = max(0, int(left - dx)), max(0, int(top - dy))
    return first_x, first_y, min(width, int(np.ceil(right + dx))), min(height, int(np.ceil(bottom + dy)))


def _within(thing: Thing, size_wh_px: tuple[int, int]) -> Thing | None:
    """A thing cut at the edges of a picture; None if it lies outside."""
    width, height = size_wh_px
    left, top, right, bottom = thing.box_xyxy_px
    left, top, right, bottom = max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height))
    if right - left < 1 or bottom - top < 1:
        return None
    outline = None if thing.polygon_px is None else np.clip(thing.polygon_px, 0, (width, height)).astype(np.float32)
    return Thing(label=thing.label, box_xyxy_px=(left, top, right, bottom), polygon_px=outline, is_there=thing.is_there)


def _is_again(thing: Thing, subject: Thing) -> bool:
    """Whether an answer that nobody judged is the subject seen once more."""
    if thing.label != subject.label or thing.is_there is not None:
        return False
    return bool(iou_matrix([thing.box_xyxy_px], [subject.box_xyxy_px])[0, 0] >= _SAME_THING)


def _paint_over(image: Image, unknown: Sequence[Thing], judged: Sequence[Thing]) -> None:
    """Paint what nobody judged, in place; the judged things' own pixels stay.

    Water is left to be seen: box models do not answer it, masks say of it what is unknown, and waste that floats would
    lose the ground that it lies on.
    """
    away = np.zeros(image.shape[:2], np.uint8)
    for thing in unknown:
        if thing.label != WATER:
            _fill(away, thing, 1)
    for thing in judged:
        left, top, right, bottom = (round(side) for side in thing.box_xyxy_px)
        away[top:bottom, left:right] = 0
    image[away > 0] = FILL_BGR


def _water_mask(shape: tuple[int, ...], judged: Sequence[Thing]) -> NDArray[np.uint8]:
    """1 where a person says that water is, 0 where it is not, and unknown everywhere else: nobody drew the shore."""
    mask = np.full(shape[:2], UNKNOWN_VALUE, np.uint8)
    for thing in judged:
        if thing.label == WATER:
            _fill(mask, thing, 1 if thing.is_there else 0)
    return mask


def _fill(canvas: NDArray[np.uint8], thing: Thing, value: int) -> None:
    if thing.polygon_px is None:
        left, top, right, bottom = thing.box_xyxy_px
        canvas[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))] = value
    else:
        cv2.fillPoly(canvas, [np.round(thing.polygon_px - 0.5).astype(np.int32)], value)
