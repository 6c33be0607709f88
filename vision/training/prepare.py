"""One training set in the layout of ultralytics from all data sets: `objects/` (boxes) and `water/` (masks)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from vision.training.errors import BadSourceError
from vision.training.labels import OBJECT_LABELS, write_labels
from vision.training.sources import (
    Picture,
    dry_pictures,
    flood_pictures,
    lake_pictures,
    street_pictures,
    synthetic_pictures,
)
from vision.training.splits import Split, divide


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One picture of a prepared set.

    Attributes:
        name: File name of the picture, unique in the set.
        split: Its part.
        source: Name of its data set.
        group: Its group.
        labelled: Classes that were looked for by the people who labelled it.
    """

    name: str
    split: Split
    source: str
    group: str
    labelled: frozenset[str]


def write_data_yaml(folder: Path, names: Sequence[str], **extra: str) -> None:
    """Write the `data.yaml` that ultralytics reads: the parts that are there, and class names by index."""
    document: dict[str, Any] = {
        "path": str(folder.resolve()),
        **{part: f"images/{part}" for part in ("train", "val", "test") if (folder / "images" / part).is_dir()},
        "names": dict(enumerate(names)),
        **extra,
    }
    (folder / "data.yaml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def write_manifest(folder: Path, entries: Iterable[Entry]) -> None:
    """Note what is in a prepared folder, for the later steps."""
    rows = [
        {"name": e.name, "split": e.split, "source": e.source, "group": e.group, "labelled": sorted(e.labelled)}
        for e in entries
    ]
    (folder / "manifest.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")


def read_manifest(folder: Path) -> list[Entry]:
    """Read what `prepare` noted about each picture of `objects/` or `water/`.

    Raises:
        BadSourceError: The folder was not made by `prepare`.
    """
    path = folder / "manifest.json"
    if not path.is_file():
        raise BadSourceError(path, "is missing (run `python -m vision.training prepare` first)")
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [Entry(**{**row, "labelled": frozenset(row["labelled"])}) for row in rows]


def _entry(picture: Picture, split: Split) -> Entry:
    return Entry(name=picture.name, split=split, source=picture.source, group=picture.group, labelled=picture.labelled)


def _water_mask(picture: Picture) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Read the mask as 0 and 1; of a dry picture all is 0."""
    path = picture.mask_path or picture.path
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise BadSourceError(path, "is no readable picture")
    return np.zeros(mask.shape, np.uint8) if picture.dry else (mask > 0).astype(np.uint8)


def _fresh(folder: Path, second: str) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    for split in ("train", "val", "test"):
        (folder / "images" / split).mkdir(parents=True)
        (folder / second / split).mkdir(parents=True)


def prepare_objects(pictures: Iterable[Picture], folder: Path) -> list[Entry]:
    """Write pictures and YOLO labels of `OBJECT_LABELS`; `labels_given/` keeps the labels as people drew them."""
    _fresh(folder, "labels")
    entries = []
    for split, members in divide(pictures).items():
        (folder / "labels_given" / split).mkdir(parents=True)
        for picture in members:
            shutil.copyfile(picture.path, folder / "images" / split / picture.name)
            for kind in ("labels", "labels_given"):
                write_labels(folder / kind / split / f"{Path(picture.name).stem}.txt", picture.boxes, OBJECT_LABELS)
            entries.append(_entry(picture, split))
    write_data_yaml(folder, OBJECT_LABELS)
    write_manifest(folder, entries)
    return entries


def prepare_water(pictures: Iterable[Picture], folder: Path) -> list[Entry]:
    """Write pictures and water masks (PNG, 0 dry, 1 water) of those that have a mask or are dry."""
    _fresh(folder, "masks")
    entries = []
    for split, members in divide(p for p in pictures if p.dry or p.mask_path).items():
        for picture in members:
            shutil.copyfile(picture.path, folder / "images" / split / picture.name)
            cv2.imwrite(str(folder / "masks" / split / f"{Path(picture.name).stem}.png"), _water_mask(picture))
            entries.append(_entry(picture, split))
    write_data_yaml(folder, ["standing_water"], masks_dir="masks")
    write_manifest(folder, entries)
    return entries


def prepare(data: Path, out: Path, synthetic: Sequence[Path] = ()) -> dict[str, int]:
    """Build `out/objects` and `out/water` anew.

    Args:
        data: Folder with the data sets' folders.
        out: Folder to write; the two sub-folders are replaced.
        synthetic: Folders of composed pictures to mix in.

    Returns:
        Number of pictures per `<set>/<split>/<source>`.
    """
    composed = list(synthetic_pictures(*synthetic))
    objects = prepare_objects([*street_pictures(data), *lake_pictures(data), *composed], out / "objects")
    water = prepare_water([*flood_pictures(data), *dry_pictures(data), *composed], out / "water")
    counts: dict[str, int] = {}
    for kind, entries in (("objects", objects), ("water", water)):
        for entry in entries:
            key = f"{kind}/{entry.split}/{entry.source}"
            counts[key] = counts.get(key, 0) + 1
    return dict(sorted(counts.items()))
