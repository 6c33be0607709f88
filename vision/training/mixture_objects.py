"""The mixture for the object model: nothing that a picture shows and nobody labelled is taken for background."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from vision.detections import LABELS
from vision.training.crops import boxes_in_window, window_corners
from vision.training.labels import OBJECT_LABELS, RelativeBox, read_labels, write_labels
from vision.training.mixture import (
    QUALITY,
    SCENES,
    SIDE_PX,
    Ingredients,
    Mixture,
    Pixels,
    entries_of,
    finished_scenes,
    ground_of_flights,
    read_picture,
    shrunk,
    window,
)
from vision.training.prepare import Entry
from vision.training.sources import FLOOD, LAKE, STREET

NOT_IN_STREETS = frozenset({"boat", "dock_or_lift", "fishing_gear"})
NOT_ON_DRY_GROUND = frozenset(OBJECT_LABELS) - {"waste", "vehicle"}
"""Looked over by eye; rubble and machines are there, so nothing is said about waste and vehicles."""

FAR_STREETS = 150
_FAR = f"{STREET}_far"
_GRID = (2, 2, 3, 4)
_LEAST_SIDE = 6 / SIDE_PX
_LAKE_WINDOW_PX = 512


def mix_objects(things: Ingredients, out: Path) -> dict[str, int]:
    """Write the mixture for the object model.

    Street, lake and composed pictures with what people (or the composer) labelled; windows of the lake pictures;
    street pictures made small, several on one canvas, blurred and hazy as from further off; flood pictures, of which
    the teacher alone says what is in them; dry flights, where no boat, dock, bin or gear can be; rendered scenes.

    Args:
        things: What goes in.
        out: Folder to replace.

    Returns:
        Pictures per `<part>/<source>`.

    Raises:
        BadSourceError: A source lacks something.
    """
    mixture = Mixture(out, "labels")
    entries = entries_of(things, "objects")
    source = things.prepared / "objects"
    for entry in entries:
        path = mixture.place(entry.split, entry.name, entry.source, _judged(entry), group=entry.group)
        shutil.copyfile(source / "images" / entry.split / entry.name, path)
        write_labels(_beside(path), _given(source, entry), OBJECT_LABELS)
        if entry.source == LAKE and entry.split == "train":
            _add_lake_window(mixture, source, entry)
    streets = [entry for entry in entries if entry.source == STREET and entry.split == "train"]
    for number in range(round(FAR_STREETS * things.shares.get(_FAR, 1.0)) if streets else 0):
        _add_far_streets(mixture, source, streets, number)
    _add_floods(mixture, things)
    for name, flight, image in ground_of_flights(things, windows=2):
        _add(mixture, name, flight, NOT_ON_DRY_GROUND, image, ())
    if things.scenes is not None:
        _add_scenes(mixture, things.scenes)
    mixture.keep(things)
    return mixture.finish(OBJECT_LABELS)


def _beside(picture: Path) -> Path:
    return (picture.parents[2] / "labels" / picture.parent.name / picture.name).with_suffix(".txt")


def _given(source: Path, entry: Entry) -> tuple[RelativeBox, ...]:
    return read_labels(source / "labels_given" / entry.split / f"{Path(entry.name).stem}.txt", OBJECT_LABELS)


def _judged(entry: Entry) -> frozenset[str]:
    judged = entry.labelled & frozenset(OBJECT_LABELS)
    return judged | NOT_IN_STREETS if entry.source == STREET else judged


def _add(
    mixture: Mixture, name: str, source: str, judged: frozenset[str], image: Pixels, boxes: Sequence[RelativeBox]
) -> None:
    path = mixture.place("train", name, source, judged)
    cv2.imwrite(str(path), image, QUALITY)
    write_labels(_beside(path), boxes, OBJECT_LABELS)


def _add_lake_window(mixture: Mixture, source: Path, entry: Entry) -> None:
    image = read_picture(source / "images" / entry.split / entry.name)
    height, width = image.shape[:2]
    side, boxes = min(_LAKE_WINDOW_PX, height, width), _given(source, entry)
    left, top = next(window_corners(entry.name, boxes, (width, height), side, 1))
    inside = boxes_in_window(boxes, (width, height), left, top, side)
    name = f"{Path(entry.name).stem}_window.jpg"
    _add(mixture, name, LAKE, _judged(entry), image[top : top + side, left : left + side], inside)


def _add_far_streets(mixture: Mixture, source: Path, streets: Sequence[Entry], number: int) -> None:
    rng = np.random.default_rng([8, number])
    grid = int(rng.choice(_GRID))
    cell = SIDE_PX // grid
    canvas = np.full((SIDE_PX, SIDE_PX, 3), 114, np.uint8)
    boxes: list[RelativeBox] = []
    for row, column in np.ndindex(grid, grid):
        entry = streets[int(rng.integers(len(streets)))]
        image = cv2.resize(
            read_picture(source / "images" / entry.split / entry.name), (cell, cell), interpolation=cv2.INTER_AREA
        )
        flipped = bool(rng.random() < 0.5)
        canvas[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell] = (
            image[:, ::-1] if flipped else image
        )
        boxes += [_in_cell(box, flipped, column, row, cell) for box in _given(source, entry)]
    if rng.random() < 0.6:
        canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.3, 1.3)), np.uint8)
    haze = rng.uniform(0, 0.4)
    hazy = np.asarray(canvas * (1 - haze) + haze * rng.uniform(170, 225), np.uint8)
    seen = [box for box in boxes if min(box.right - box.left, box.bottom - box.top) >= _LEAST_SIDE]
    _add(mixture, f"streets_far_{number:04d}.jpg", _FAR, _judged(streets[0]), hazy, seen)


def _in_cell(box: RelativeBox, flipped: bool, column: int, row: int, cell: int) -> RelativeBox:
    left, right = (1 - box.right, 1 - box.left) if flipped else (box.left, box.right)
    size = cell / SIDE_PX
    return RelativeBox(
        label=box.label,
        left=(column + left) * size,
        top=(row + box.top) * size,
        right=(column + right) * size,
        bottom=(row + box.bottom) * size,
    )


def _add_floods(mixture: Mixture, things: Ingredients) -> None:
    source = things.prepared / "water" / "images" / "train"
    for entry in entries_of(things, "water"):
        if entry.source == FLOOD and entry.split == "train":
            image = read_picture(source / entry.name)
            close = max(image.shape[:2]) > 900 and things.draw(f"close:{entry.name}") < 0.7
            view = image[window(image, entry.name, things)] if close else shrunk(image)
            _add(mixture, entry.name, FLOOD, frozenset(), view, ())


def _add_scenes(mixture: Mixture, scenes: Path) -> None:
    for part in ("train", "val"):
        for stem in finished_scenes(scenes, part):
            path = mixture.place(part, f"{stem}.jpg", SCENES, OBJECT_LABELS)
            shutil.copyfile(scenes / part / "images" / path.name, path)
            boxes = read_labels(scenes / part / "labels" / f"{stem}.txt", LABELS)
            write_labels(_beside(path), boxes, OBJECT_LABELS)
