"""Readers of the training data sets: where each picture lies, what it shows and which pictures belong together."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vision.detections import LABELS
from vision.training.errors import BadSourceError
from vision.training.labels import OBJECT_LABELS, RelativeBox, read_labels

STREET, LAKE, FLOOD, SYNTHETIC = "street_garbage_cn", "aerial_maritime_lake", "flood_area_kaggle", "synthetic"

PHOTOS_PER_LAKE_BLOCK = 5
"""Neighbouring photos of the lake flight overlap on the ground, so a run of photo numbers stays together."""


DRY_SHARE_OF_STREET = 0.35


def unit_hash(text: str) -> float:
    """Return a number in 0..1 that depends on the text alone, the same on every machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One labelled picture of a data set.

    Attributes:
        path: The picture file.
        source: Name of its data set.
        group: Pictures of one group must never be divided between training and held-out parts.
        boxes: Labelled boxes; empty where nothing is, or nothing is labelled.
        labelled: The classes that were looked for in this picture: only for these is a missing box a negative.
        name: File name in a prepared set; that of `path` if empty.
        mask_path: Picture of the water surface (non-zero is water), if water is labelled.
        dry: Whether the picture counts as one without any water surface.
        may_be_held_out: False for distorted copies, on which no figure should be measured.
        may_train: False for composed pictures whose sprites and grounds were kept apart for measuring.
    """

    path: Path
    source: str
    group: str
    boxes: tuple[RelativeBox, ...]
    labelled: frozenset[str]
    name: str = ""
    mask_path: Path | None = None
    dry: bool = False
    may_be_held_out: bool = True
    may_train: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or self.path.name)


def _manifest(folder: Path) -> list[dict[str, Any]]:
    path = folder / "manifest.json"
    if not path.is_file():
        raise BadSourceError(path, "is missing")
    entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return entries


def _boxes(folder: Path, file: str) -> tuple[RelativeBox, ...]:
    return read_labels(folder / "labels" / f"{Path(file).stem}.txt")


def street_pictures(data: Path) -> Iterator[Picture]:
    """Yield the ground-level street pictures: waste and bins are labelled, people and cars are not."""
    folder = data / STREET
    for entry in _manifest(folder):
        yield Picture(
            path=folder / "images" / entry["file"],
            source=STREET,
            group=f"{STREET}:{entry['near_dup_group']}",
            boxes=_boxes(folder, entry["file"]),
            labelled=frozenset({"waste", "waste_bin", "overflowing_bin"}),
            may_be_held_out=not entry["augmented_copy"],
        )


def dry_pictures(data: Path) -> Iterator[Picture]:
    """Yield a part of the street pictures as ground without water.

    No flood picture is dry, and a model that never saw dry ground calls every smooth surface water. A puddle may hide
    in one or another; nobody looked for them.
    """
    for picture in street_pictures(data):
        if unit_hash(f"dry:{picture.path.name}") < DRY_SHARE_OF_STREET:
            yield replace(picture, boxes=(), labelled=frozenset({"standing_water"}), dry=True)


def lake_group(file: str) -> str:
    """Return the group of a lake picture: tiles, their whole photo and its neighbours in the flight stay together.

    Raises:
        ValueError: The name is not one of the lake set's.
    """
    match = re.fullmatch(r"lake_DJI_(\d+)(?:_t\d+)?\.jpg", file)
    if match is None:
        raise ValueError(f"{file!r} is no picture name of the lake set")
    return f"{LAKE}:{int(match.group(1)) // PHOTOS_PER_LAKE_BLOCK}"


def lake_pictures(data: Path) -> Iterator[Picture]:
    """Yield the nadir lake-shore pictures: boats, docks and cars are labelled; no waste, bin or angler is there."""
    folder = data / LAKE
    for entry in _manifest(folder):
        yield Picture(
            path=folder / "images" / entry["file"],
            source=LAKE,
            group=lake_group(entry["file"]),
            boxes=_boxes(folder, entry["file"]),
            labelled=frozenset(OBJECT_LABELS) - {"person"},
        )


def flood_pictures(data: Path) -> Iterator[Picture]:
    """Yield the oblique flood pictures with their water masks; nothing but water is labelled."""
    folder = data / FLOOD
    for entry in _manifest(folder):
        yield Picture(
            path=folder / "images" / entry["file"],
            source=FLOOD,
            group=f"{FLOOD}:{entry['near_dup_group']}",
            boxes=(),
            labelled=frozenset({"standing_water"}),
            mask_path=folder / "masks" / f"{Path(entry['file']).stem}.png",
        )


def _composed_parts(folder: Path) -> dict[str, dict[str, Any]]:
    """Read which part each composed picture belongs to and which looks are in it; empty without `split.json`."""
    path = folder / "split.json"
    records: dict[str, dict[str, Any]] = (
        json.loads(path.read_text(encoding="utf-8"))["pictures"] if path.is_file() else {}
    )
    return records


def synthetic_pictures(*folders: Path) -> Iterator[Picture]:
    """Yield composed nadir pictures: `images/`, `labels/` (boxes of every class) and `masks/` (water).

    Where `split.json` is beside them, its `train` part only trains and its `val` part only measures: the two share
    neither a sprite look nor a real ground. Of several folders, a picture for measuring is left out if a look in it
    trains in any of them.

    Raises:
        BadSourceError: A folder holds no picture.
    """
    parts = {folder: _composed_parts(folder) for folder in folders}
    trained = {
        look
        for records in parts.values()
        for row in records.values()
        if row["part"] == "train"
        for look in row["sprites"]
    }
    for folder, records in parts.items():
        images = sorted(p for p in (folder / "images").glob("*") if p.suffix in {".jpg", ".png"})
        if not images:
            raise BadSourceError(folder / "images", "holds no picture")
        for path in images:
            row = records.get(path.name, {"part": None, "sprites": ()})
            if row["part"] != "val" or not trained.intersection(row["sprites"]):
                yield _composed_picture(folder, path, row["part"], several=len(folders) > 1)


def _composed_picture(folder: Path, path: Path, part: str | None, *, several: bool) -> Picture:
    mask = folder / "masks" / f"{path.stem}.png"
    return Picture(
        path=path,
        source=SYNTHETIC,
        group=f"{SYNTHETIC}:{path.stem}",
        boxes=_boxes(folder, path.name),
        labelled=frozenset(LABELS),
        name=f"{folder.name}_{path.name}" if several else path.name,
        mask_path=mask if mask.is_file() else None,
        may_be_held_out=part != "train",
        may_train=part != "val",
    )
