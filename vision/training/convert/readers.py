"""Readers of formats that are no COCO: VisDrone's lines, FloodNet's masks, YOLO's label files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np

from vision.sources.photos import SUFFIXES
from vision.training.convert.coco import UNMAPPED
from vision.training.convert.picture_size import upright_size
from vision.training.convert.records import Found, Label, Mask, Problem, Report
from vision.training.dataset import DataSet
from vision.training.errors import BadDataSetError
from vision.training.labels import parsed_row

VISDRONE_NAMES = (
    "ignored regions",
    "pedestrian",
    "people",
    "bicycle",
    "car",
    "van",
    "truck",
    "tricycle",
    "awning-tricycle",
    "bus",
    "motor",
    "others",
)
"""Category ids 0 to 11."""

HEAVILY_OCCLUDED = 2

FLOODNET_NAMES = (
    "background",
    "building-flooded",
    "building-non-flooded",
    "road-flooded",
    "road-non-flooded",
    "water",
    "tree",
    "vehicle",
    "pool",
    "grass",
)
"""Mask ids 0 to 9."""

LabelOf = Callable[[str], str | None]


def read_visdrone(
    folder: Path, label_of: LabelOf, report: Report, *, part: str | None, keep_occluded: bool = True
) -> Iterator[Found]:
    """Yield the pictures of a VisDrone-DET folder with `images/` and `annotations/`.

    A line is `left,top,width,height,score,category,truncation,occlusion` in pixels. Category 0 and score 0 mark regions
    in which nobody labelled single things; "others" are things of no class, and count as such regions too.

    Args:
        folder: The folder.
        label_of: This product's label of a class; see `read_coco`.
        report: Told of what is wrong.
        part: The part that the pictures belong to.
        keep_occluded: Keep things of which more than half is hidden; else they do not count.
    """
    for path in _pictures(folder / "images"):
        file = folder / "annotations" / f"{path.stem}.txt"
        lines = file.read_text(encoding="utf-8-sig").splitlines() if file.is_file() else None
        if lines is None:
            report(Problem(kind="bad_label", file=str(file), place="", reason=f"{path.name} has no annotation file"))
            continue
        labels, hidden = [], {"truncated": 0, "heavily_occluded": 0}
        for number, line in enumerate(lines, start=1):
            if line.strip():
                label = _visdrone_label(line, file, number, label_of, report, hidden, keep_occluded=keep_occluded)
                labels += [label] if label else []
        yield Found(
            path=path, name=path.name, file=str(file), place="", part=part, labels=tuple(labels),
            facts={key: count for key, count in hidden.items() if count},
        )  # fmt: skip


def _visdrone_label(
    line: str,
    file: Path,
    number: int,
    label_of: LabelOf,
    report: Report,
    hidden: dict[str, int],
    *,
    keep_occluded: bool,
) -> Label | None:
    place = f"line {number}"
    words = line.strip().rstrip(",").split(",")
    try:
        left, top, width, height, score, category, truncation, occlusion = (int(word) for word in words)
    except ValueError:
        reason = f"{len(words)} fields, wanted 8 integers: left,top,width,height,score,category,truncation,occlusion"
        report(Problem(kind="bad_label", file=str(file), place=place, reason=reason))
        return None
    if not 0 <= category < len(VISDRONE_NAMES):
        reason = f"category {category} is not 0 to {len(VISDRONE_NAMES) - 1}"
        report(Problem(kind="unknown_class", file=str(file), place=place, reason=reason))
        return None
    name = label_of(VISDRONE_NAMES[category])
    if name is None:
        return None
    if name == UNMAPPED:
        reason = f"{VISDRONE_NAMES[category]} is not in the class map"
        report(Problem(kind="unknown_class", file=str(file), place=place, reason=reason))
        return None
    region = score == 0 or (occlusion >= HEAVILY_OCCLUDED and not keep_occluded)
    if not region and name:
        hidden["truncated"] += truncation > 0
        hidden["heavily_occluded"] += occlusion >= HEAVILY_OCCLUDED
    box = (float(left), float(top), float(left + width), float(top + height))
    return Label(name="" if region else name, box_xyxy_px=box, file=str(file), place=place)


def read_floodnet(
    images: Path, masks: Path, label_of_id: Mapping[int, str | None], report: Report, *, part: str | None
) -> Iterator[Found]:
    """Yield the pictures of a FloodNet folder; a mask is `<picture>_lab.png` or `<picture>.png` of class ids.

    Args:
        images: Folder of the pictures.
        masks: Folder of the masks.
        label_of_id: `standing_water` for ids that are water, None for dry ones, "" for ids that nobody judged.
        report: Told of what is wrong.
        part: The part that the pictures belong to.
    """
    for path in _pictures(images):
        named = [masks / f"{path.stem}{ending}.png" for ending in ("_lab", "")]
        mask = next((candidate for candidate in named if candidate.is_file()), None)
        if mask is None:
            report(Problem(kind="bad_mask", file=str(named[0]), place="", reason=f"{path.name} has no mask"))
            continue
        yield Found(
            path=path, name=path.name, file=str(mask), place="", part=part, mask=_mask_reader(mask, label_of_id)
        )


def _mask_reader(path: Path, label_of_id: Mapping[int, str | None]) -> Callable[[], Mask]:
    def read() -> Mask:
        ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if ids is None:
            raise ValueError("is no readable picture")
        if ids.ndim != 2:
            raise ValueError("has colours; the masks of class ids are wanted, one channel")
        unknown = sorted(set(np.unique(ids).tolist()) - set(label_of_id))
        if unknown:
            raise ValueError(f"holds the class ids {unknown}, which the class map does not name")
        table = np.zeros(256, np.uint8)
        for number, label in label_of_id.items():
            table[number] = 0 if label is None else (1 if label else 255)
        return np.asarray(table[ids], np.uint8)

    return read


def read_yolo(data: DataSet, names: list[str], label_of: LabelOf, report: Report) -> Iterator[Found]:
    """Yield the pictures of a YOLO data set, boxes and outlines alike.

    Args:
        data: The set as `read_data_set` lists it.
        names: The source's own class names by index.
        label_of: This product's label of a class; see `read_coco`.
        report: Told of what is wrong.
    """
    for sample in data.samples:
        size = upright_size(sample.path)
        labels = []
        lines = sample.labels_path.read_text(encoding="utf-8").splitlines() if sample.labels_path.is_file() else []
        seen: dict[str, int] = {}
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            place = f"line {number}"
            if line.strip() in seen:
                reason = f"the same as line {seen[line.strip()]}"
                report(Problem(kind="duplicate_id", file=str(sample.labels_path), place=place, reason=reason))
                continue
            seen[line.strip()] = number
            label = _yolo_label(line, names, label_of, sample.labels_path, place, report, size or (1, 1))
            labels += [label] if label else []
        yield Found(
            path=sample.path,
            name=_within_images(sample.path, sample.part),
            file=str(sample.labels_path),
            place="",
            part=None if sample.part == "all" else sample.part,
            labels=tuple(labels),
        )


def _yolo_label(
    line: str, names: list[str], label_of: LabelOf, file: Path, place: str, report: Report, size: tuple[int, int]
) -> Label | None:
    try:
        class_id, numbers = parsed_row(line)
    except ValueError as error:
        report(Problem(kind="bad_label", file=str(file), place=place, reason=str(error)))
        return None
    name = label_of(names[class_id]) if 0 <= class_id < len(names) else UNMAPPED
    if name is None:
        return None
    if name == UNMAPPED:
        reason = f"class {class_id} is not among the {len(names)} classes, or not in the class map"
        report(Problem(kind="unknown_class", file=str(file), place=place, reason=reason))
        return None
    points = np.array(numbers, np.float64)
    if len(points) == 4:
        x, y, width, height = points
        ends = np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
        left, top, right, bottom = (ends * np.tile(size, 2)).tolist()
        return Label(name=name, box_xyxy_px=(left, top, right, bottom), file=str(file), place=place)
    ring = points.reshape(-1, 2) * np.array(size)
    (left, top), (right, bottom) = ring.min(axis=0).tolist(), ring.max(axis=0).tolist()
    return Label(name=name, box_xyxy_px=(left, top, right, bottom), rings_px=(ring,), file=str(file), place=place)


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise BadDataSetError(folder, "is not there", "name the folder that holds the data set as it was downloaded")
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def _within_images(path: Path, part: str) -> str:
    """The place below `images/`, without the folder of the part."""
    places = path.parts
    if "images" not in places:
        return path.name
    below = places[len(places) - places[::-1].index("images") :]
    return "/".join(below[1:] if len(below) > 1 and below[0] == part else below)
