"""A folder of verdict samples in the layout of `vision.training.dataset`, written beside and moved into place whole."""

from __future__ import annotations

import csv
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from vision.detections import LABELS
from vision.redaction import leaving_jpeg
from vision.training.errors import BadDataSetError
from vision.training.labels import RelativeBox, write_labels
from vision.training.splits import Split
from vision.training.verdicts import WATER, Cut, Thing

_PARTS: tuple[Split, ...] = ("train", "val", "test")
JPEG_QUALITY = 95

Facts = Mapping[str, Any]
"""What is known of a picture, as JSON values; nested values become JSON text in the tables."""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """The names of the tables beside the pictures."""

    manifest: str = "manifest.csv"
    hard_negatives: str = "hard_negatives.csv"
    left_out: str = "left_out.csv"


@contextmanager
def written_whole(folder: Path) -> Iterator[Path]:
    """Give a folder to write to that takes the place of `folder` at the end; if anything fails, nothing is left.

    Raises:
        BadDataSetError: `folder` is a file, holds something already, or cannot be made.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadDataSetError(folder, "is not an empty folder", "name a new one with --out")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise BadDataSetError(folder, f"cannot be made ({error.strerror})", "name another with --out") from error
    try:
        yield fresh
        fresh.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


class VerdictSet:
    """Writes samples one by one; `finish` writes what speaks of all of them."""

    def __init__(self, folder: Path) -> None:
        """Begin in an empty folder."""
        self._folder = folder
        self._rows: list[dict[str, Any]] = []
        self._negatives: list[dict[str, Any]] = []
        self._uncertain: list[dict[str, Any]] = []
        for part in _PARTS:
            for kind in ("images", "labels", "ignored", "masks"):
                (folder / kind / part).mkdir(parents=True)

    def add(self, stem: str, part: Split, cut: Cut, facts: Facts) -> None:
        """Write one labelled cut-out.

        Args:
            stem: Its file name without a suffix, unique in the set.
            part: Its part.
            cut: The picture with its labels.
            facts: For the manifest.
        """
        picture = leaving_jpeg(cut.image_bgr, quality=JPEG_QUALITY)
        (self._folder / "images" / part / f"{stem}.jpg").write_bytes(picture)
        size = (cut.image_bgr.shape[1], cut.image_bgr.shape[0])
        write_labels(self._folder / "labels" / part / f"{stem}.txt", _relative(cut.things, size), LABELS)
        if cut.ignored:
            write_labels(self._folder / "ignored" / part / f"{stem}.txt", _relative(cut.ignored, size), LABELS)
        if cut.mask is not None:
            _write_mask(self._folder / "masks" / part / f"{stem}.png", cut.mask)
        name = f"{stem}.jpg"
        self._rows.append({"name": name, "split": part, **facts, "window_xyxy_px": list(cut.window_xyxy_px)})
        self._negatives += [
            {"name": name, "split": part, "label": thing.label, "box_xyxy_px": _tenths(thing)}
            | {key: facts.get(key) for key in ("case_number", "reason_code", "reason", "confidence")}
            for thing in cut.not_there
        ]

    def add_uncertain(self, stem: str, jpeg: bytes, facts: Facts) -> None:
        """Write one picture that waits for somebody's label."""
        (self._folder / "uncertain" / "images").mkdir(parents=True, exist_ok=True)
        (self._folder / "uncertain" / "images" / f"{stem}.jpg").write_bytes(jpeg)
        self._uncertain.append({"name": f"{stem}.jpg", **facts})

    def finish(self, *, left_out: Sequence[Facts], card: Facts) -> None:
        """Write `data.yaml`, `water.yaml`, `card.yaml`, the manifests and the tables."""
        folder, names = self._folder, Listed()
        _write_yaml(folder / "data.yaml", _yaml_of(LABELS, {str(part): f"images/{part}" for part in _PARTS}))
        self._write_water_lists()
        _write_yaml(folder / "card.yaml", card)
        _write_json(folder / "manifest.json", self._rows)
        _write_csv(folder / names.manifest, self._rows)
        _write_csv(folder / names.hard_negatives, self._negatives)
        _write_csv(folder / names.left_out, left_out)
        if self._uncertain:
            _write_json(folder / "uncertain" / "manifest.json", self._uncertain)
            _write_csv(folder / "uncertain" / names.manifest, self._uncertain)

    def counts(self) -> dict[str, int]:
        """Pictures by part, with hard negatives and uncertain ones."""
        parts = {str(part): sum(row["split"] == part for row in self._rows) for part in _PARTS}
        return {**parts, "hard_negatives": len(self._negatives), "uncertain": len(self._uncertain)}

    def _write_water_lists(self) -> None:
        """`water.yaml` names only the pictures that have a mask, by lists: surfaces are trained apart from boxes."""
        lists: dict[str, str] = {}
        for part in _PARTS:
            masks = sorted((self._folder / "masks" / part).glob("*.png"))
            lines = [f"./images/{part}/{mask.stem}.jpg\n" for mask in masks]
            lists[part] = f"water_{part}.txt"
            (self._folder / lists[part]).write_text("".join(lines), encoding="utf-8")
        _write_yaml(self._folder / "water.yaml", {**_yaml_of([WATER], lists), "masks_dir": "masks"})


def _yaml_of(names: Sequence[str], parts: Mapping[str, str]) -> dict[str, Any]:
    # No `path`: the set is read from where its data.yaml lies, wherever it is moved to.
    return {**parts, "names": dict(enumerate(names))}


def _relative(things: Iterable[Thing], size_wh_px: tuple[int, int]) -> list[RelativeBox]:
    width, height = size_wh_px
    boxes = []
    for thing in things:
        left, top, right, bottom = thing.box_xyxy_px
        boxes.append(
            RelativeBox(
                label=thing.label, left=left / width, top=top / height, right=right / width, bottom=bottom / height
            )
        )
    return boxes


def _tenths(thing: Thing) -> list[float]:
    return [round(side, 1) for side in thing.box_xyxy_px]


def _write_mask(path: Path, mask: NDArray[np.uint8]) -> None:
    done, data = cv2.imencode(".png", mask)
    if not done:
        raise RuntimeError(f"OpenCV could not write {path.name}")
    path.write_bytes(data.tobytes())


def _write_yaml(path: Path, table: Facts) -> None:
    path.write_text(yaml.safe_dump(dict(table), sort_keys=False, allow_unicode=True), encoding="utf-8")


def _write_json(path: Path, rows: Sequence[Facts]) -> None:
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_csv(path: Path, rows: Sequence[Facts]) -> None:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(columns or ["name"])
        for row in rows:
            table.writerow([_cell(row.get(column)) for column in columns])


def _cell(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value
