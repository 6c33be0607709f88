"""Class names and YOLO label files.

One class list holds for all data sets (`LABELS`); a model may use a part of it in its own order. A label line is
`id cx cy w h` (a box) or `id x1 y1 x2 y2 …` (a polygon), relative to the picture, 0..1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vision.detections import LABELS
from vision.training.errors import BadLabelError

OBJECT_LABELS = (
    "waste",
    "person",
    "vehicle",
    "boat",
    "dock_or_lift",
    "waste_bin",
    "overflowing_bin",
    "fishing_gear",
)
"""What `models/objects` answers, by output index."""

_ROUNDING = 1e-4  # label files are rounded to six digits: a box at the rim may stick out by that


@dataclass(frozen=True, kw_only=True)
class RelativeBox:
    """A labelled box relative to its picture.

    Attributes:
        label: One of `LABELS`.
        left: Left side, 0..1 of the picture's width.
        top: Top side, 0..1 of the picture's height.
        right: Right side, greater than `left`.
        bottom: Bottom side, greater than `top`.
    """

    label: str
    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        if self.label not in LABELS:
            raise ValueError(f"{self.label!r} is no known label")
        if not (-_ROUNDING <= self.left < self.right <= 1 + _ROUNDING):
            raise ValueError(f"left {self.left} and right {self.right} are no span within 0..1")
        if not (-_ROUNDING <= self.top < self.bottom <= 1 + _ROUNDING):
            raise ValueError(f"top {self.top} and bottom {self.bottom} are no span within 0..1")

    def line(self, classes: Sequence[str]) -> str:
        """Return the YOLO line with the class index that `classes` gives."""
        width, height = self.right - self.left, self.bottom - self.top
        x, y = self.left + width / 2, self.top + height / 2
        return f"{classes.index(self.label)} {x:.6f} {y:.6f} {width:.6f} {height:.6f}"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What one line of a label file says.

    Attributes:
        label: Class name.
        box: Left, top, right and bottom, relative to the picture, cut at its edges, 0..1.
        ring: Outline as (x, y), relative to the picture; None where only the box is given.
    """

    label: str
    box: tuple[float, float, float, float]
    ring: tuple[tuple[float, float], ...] | None = None


def _sides(numbers: Sequence[float]) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of a box or of a polygon's bounding box, within 0..1."""
    if len(numbers) == 4:
        x, y, width, height = numbers
        sides = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    else:
        sides = (min(numbers[0::2]), min(numbers[1::2]), max(numbers[0::2]), max(numbers[1::2]))
    left, top, right, bottom = (min(max(side, 0.0), 1.0) for side in sides)
    return left, top, right, bottom


def parsed_row(line: str) -> tuple[int, list[float]]:
    """Return class id and numbers of one line: 4 of a box, or 6, 8, … of a polygon.

    Raises:
        ValueError: It is no label.
    """
    class_id, *rest = line.split()
    numbers = [float(word) for word in rest]
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError("a coordinate is not finite")
    if len(numbers) != 4 and (len(numbers) < 6 or len(numbers) % 2):
        raise ValueError(f"{len(numbers)} numbers are neither a box (4) nor a polygon (6, 8, …)")
    return int(class_id), numbers


def _rows(path: Path, classes: Sequence[str]) -> Iterator[tuple[int, str, list[float]]]:
    """Yield line number, class name and numbers of each line that holds a label."""
    for line_number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            class_id, numbers = parsed_row(line)
            if not 0 <= class_id < len(classes):
                raise ValueError(f"class {class_id} is not among the {len(classes)} classes")
        except ValueError as error:
            raise BadLabelError(path, line_number, str(error)) from error
        yield line_number, classes[class_id], numbers


def read_shapes(path: Path, classes: Sequence[str]) -> tuple[Shape, ...]:
    """Read a YOLO label file with the outlines in it and with any class names; a missing file is an empty tuple.

    Raises:
        BadLabelError: A line is no label, has no area within the picture, or names a class that `classes` lacks.
    """
    shapes = []
    for line_number, label, numbers in _rows(path, classes) if path.exists() else ():
        left, top, right, bottom = _sides(numbers)
        if not (left < right and top < bottom):
            raise BadLabelError(path, line_number, "the label has no area within the picture")
        ring = None if len(numbers) == 4 else tuple(zip(numbers[0::2], numbers[1::2], strict=True))
        shapes.append(Shape(label=label, box=(left, top, right, bottom), ring=ring))
    return tuple(shapes)


def read_labels(path: Path, classes: Sequence[str] = LABELS) -> tuple[RelativeBox, ...]:
    """Read a YOLO label file; a polygon becomes its bounding box, a missing file an empty tuple.

    Raises:
        BadLabelError: A line is no label, or names a class that `classes` does not have.
    """
    boxes = []
    for line_number, label, numbers in _rows(path, classes) if path.exists() else ():
        left, top, right, bottom = _sides(numbers)
        try:
            boxes.append(RelativeBox(label=label, left=left, top=top, right=right, bottom=bottom))
        except ValueError as error:
            raise BadLabelError(path, line_number, str(error)) from error
    return tuple(boxes)


def write_labels(path: Path, boxes: Iterable[RelativeBox], classes: Sequence[str]) -> None:
    """Write the boxes whose label is in `classes`; the others are left out. No box makes an empty file (a negative)."""
    lines = [box.line(classes) for box in boxes if box.label in classes]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
