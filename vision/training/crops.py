"""Windows at native scale out of larger pictures from above, so that small inputs train on true sizes.

A picture from above keeps its ground resolution in the product (tiles, not shrinking), so training must not shrink it
either; a 416-pixel window costs a CPU two fifths of a 640-pixel picture.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import yaml

from vision.training.errors import BadSourceError
from vision.training.labels import OBJECT_LABELS, RelativeBox, read_labels, write_labels
from vision.training.prepare import Entry, read_manifest, write_data_yaml
from vision.training.sources import LAKE, SYNTHETIC, unit_hash

FROM_ABOVE = frozenset({LAKE, SYNTHETIC})
LEAST_VISIBLE_SHARE = 0.4


def boxes_in_window(
    boxes: Sequence[RelativeBox], picture_wh_px: tuple[int, int], left_px: int, top_px: int, side_px: int
) -> list[RelativeBox]:
    """Return boxes relative to a square window, cut at its edges; those that mostly lie outside are left out.

    Args:
        boxes: Relative to the picture.
        picture_wh_px: Width and height of the picture.
        left_px: Left side of the window in the picture.
        top_px: Top side of the window.
        side_px: Side of the window.
    """
    inside = []
    for box in boxes:
        sides = np.array([box.left, box.top, box.right, box.bottom]) * np.tile(picture_wh_px, 2)
        sides = (sides - np.array([left_px, top_px, left_px, top_px])) / side_px
        cut = np.clip(sides, 0.0, 1.0)
        area, seen = np.prod(sides[2:] - sides[:2]), np.prod(cut[2:] - cut[:2])
        if seen > 0 and seen >= LEAST_VISIBLE_SHARE * area:
            left, top, right, bottom = cut.tolist()
            inside.append(RelativeBox(label=box.label, left=left, top=top, right=right, bottom=bottom))
    return inside


def window_corners(
    name: str, boxes: Sequence[RelativeBox], picture_wh_px: tuple[int, int], side_px: int, windows: int
) -> Iterator[tuple[int, int]]:
    """Yield left and top of windows: around a thing where there is one, else anywhere; the same on every machine."""
    room = np.maximum(np.array(picture_wh_px) - side_px, 0)
    for i in range(windows):
        at = np.array([unit_hash(f"{name}:{i}:x"), unit_hash(f"{name}:{i}:y")])
        corner = at * room
        if boxes and i == 0:
            box = boxes[int(unit_hash(f"{name}:{i}:box") * len(boxes))]
            middle = np.array([box.left + box.right, box.top + box.bottom]) / 2 * np.array(picture_wh_px)
            corner = middle - side_px * (0.25 + 0.5 * at)
        left, top = np.clip(np.round(corner), 0, room).astype(int).tolist()
        yield left, top


def _read(path: Path, flag: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image = cv2.imread(str(path), flag)
    if image is None:
        raise BadSourceError(path, "is no readable picture")
    return np.asarray(image, np.uint8)


def _cut(source: Path, out: Path, entry: Entry, side_px: int, windows: int, masks: bool) -> int:
    """Write the windows of one picture; returns their number."""
    stem = Path(entry.name).stem
    image = _read(source / "images" / entry.split / entry.name, cv2.IMREAD_COLOR)
    size = (image.shape[1], image.shape[0])
    boxes = () if masks else read_labels(source / "labels" / entry.split / f"{stem}.txt", OBJECT_LABELS)
    mask = _read(source / "masks" / entry.split / f"{stem}.png", cv2.IMREAD_UNCHANGED) if masks else None
    for i, (left, top) in enumerate(window_corners(entry.name, boxes, size, side_px, windows)):
        window = (slice(top, top + side_px), slice(left, left + side_px))
        cv2.imwrite(
            str(out / "images" / entry.split / f"{stem}_w{i}.jpg"), image[window], [cv2.IMWRITE_JPEG_QUALITY, 92]
        )
        if mask is not None:
            cv2.imwrite(str(out / "masks" / entry.split / f"{stem}_w{i}.png"), mask[window])
        else:
            inside = boxes_in_window(boxes, size, left, top, side_px)
            write_labels(out / "labels" / entry.split / f"{stem}_w{i}.txt", inside, OBJECT_LABELS)
    return windows


def _copy(source: Path, out: Path, entry: Entry, second: str, suffix: str) -> int:
    shutil.copyfile(source / "images" / entry.split / entry.name, out / "images" / entry.split / entry.name)
    file = f"{Path(entry.name).stem}{suffix}"
    shutil.copyfile(source / second / entry.split / file, out / second / entry.split / file)
    return 1


def cut_windows(source: Path, out: Path, side_px: int, *, keep_street: float = 1.0, windows: int = 2) -> dict[str, int]:
    """Write a set for training: windows of pictures from above, the others whole; the test part is left out.

    Args:
        source: The `objects` or `water` folder that `prepare` wrote.
        out: Folder to replace.
        side_px: Side of the windows.
        windows: How many to cut from a picture; the first shows a thing, if there is one.
        keep_street: Share of the other pictures' train part to keep, 0..1, for short runs.

    Returns:
        Number of pictures per `<split>/<source>`.
    """
    masks = (source / "masks").is_dir()
    second, suffix = ("masks", ".png") if masks else ("labels", ".txt")
    if out.exists():
        shutil.rmtree(out)
    for split in ("train", "val"):
        (out / "images" / split).mkdir(parents=True)
        (out / second / split).mkdir(parents=True)
    counts: dict[str, int] = {}
    for entry in (e for e in read_manifest(source) if e.split != "test"):
        if entry.source in FROM_ABOVE:
            made = _cut(source, out, entry, side_px, windows, masks)
        elif entry.split == "train" and unit_hash(f"keep:{entry.name}") >= keep_street:
            continue
        else:
            made = _copy(source, out, entry, second, suffix)
        key = f"{entry.split}/{entry.source}"
        counts[key] = counts.get(key, 0) + made
    names = ["standing_water"] if masks else list(OBJECT_LABELS)
    write_data_yaml(out, names, **({"masks_dir": "masks"} if masks else {}))
    # what people did not look for has been guessed before: the labels are complete
    (out / "card.yaml").write_text(yaml.safe_dump({"name": out.name, "labelled": names}), encoding="utf-8")
    (out / "windows.json").write_text(json.dumps({"side_px": side_px, "pictures": counts}), encoding="utf-8")
    return counts
