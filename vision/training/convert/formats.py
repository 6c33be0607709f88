"""The known public sets: what their classes are to us, and where in a download their files lie."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from vision.detections import LABELS
from vision.training.convert.coco import UNMAPPED, category_names, read_coco, read_json
from vision.training.convert.readers import FLOODNET_NAMES, read_floodnet, read_visdrone, read_yolo
from vision.training.convert.records import Found, Report, Source
from vision.training.dataset import WATER, read_data_set
from vision.training.errors import BadDataSetError, BadSourceError

Format = Literal["floodnet", "uavvaste", "taco", "seadronessee", "visdrone", "aerialwaste", "coco", "yolo"]
FORMATS: tuple[str, ...] = get_args(Format)

_REMEDY = "name the folder of the data set as it was downloaded, or the annotation file itself"

_SEA = {
    "ignored": "", "swimmer": "person", "floater": "person", "swimmer with life jacket": "person",
    "swimmer on boat": "person", "floater on boat": "person", "boat": "boat", "jetski": "boat",
    "life_saving_appliances": None, "life jacket": None, "buoy": None,
}  # fmt: skip

_VISDRONE = {
    "ignored regions": "", "pedestrian": "person", "people": "person", "bicycle": None, "car": "vehicle",
    "van": "vehicle", "truck": "vehicle", "tricycle": None, "awning-tricycle": None, "bus": "vehicle", "motor": None,
    "others": "",
}  # fmt: skip

_AERIAL_WASTE_STORAGE = {
    "Heaps not delimited": "waste", "Full container": None, "Big bags": "waste", "Full pallets": None,
    "Delimited heaps (by barriers/walls/etc)": "waste", "Cisterns": None, "Drums bins": None,
}  # fmt: skip
"""Storage modes: a container, pallet, cistern or drum is no heap, whatever is in it."""

_FLOODNET = dict.fromkeys(FLOODNET_NAMES) | {"road-flooded": WATER, "water": WATER, "background": ""}
"""A flooded building shows its roof, and a pool is no flood: both count as dry. Background was not judged."""

_KNOWN: Mapping[str, Source] = {
    "floodnet": Source(
        name="floodnet",
        classes=_FLOODNET,
        viewpoint="aerial",
        licence="CDLA-Permissive-1.0, as its makers state; check the copy at hand",
        what="UAV photos after Hurricane Harvey, every pixel labelled",
    ),
    "uavvaste": Source(
        name="uavvaste",
        classes={"rubbish": "waste"},
        viewpoint="aerial",
        licence="CC BY 4.0, as its makers state; check the copy at hand",
        what="low UAV photos of litter",
    ),
    "taco": Source(
        name="taco",
        classes={},
        viewpoint="ground",
        licence="CC BY 4.0 for the annotations; each photo has its own",
        what="photos of litter taken by hand",
    ),
    "seadronessee": Source(
        name="seadronessee",
        classes=_SEA,
        viewpoint="aerial",
        licence="unknown: ask its makers",
        what="UAV pictures of people and boats on open water",
    ),
    "visdrone": Source(
        name="visdrone",
        classes=_VISDRONE,
        viewpoint="aerial",
        licence="CC BY-NC-SA 3.0, as often stated; ask its makers",
        what="UAV pictures of Chinese cities: people and vehicles",
    ),
    "aerialwaste": Source(
        name="aerialwaste",
        classes=_AERIAL_WASTE_STORAGE,
        viewpoint="nadir",
        licence="CC BY-NC-ND 4.0, as often stated; ask its makers",
        what="orthophotos of suspected dumps, labelled as wholes and partly outlined",
    ),
    "coco": Source(name="coco", classes={}),
    "yolo": Source(name="yolo", classes={}),
}


class ClassMap:
    """This product's label of a class; counts what it passes over."""

    def __init__(self, classes: Mapping[str, str | None]) -> None:
        """Take a map; None passes a class over, "" makes regions that do not count."""
        self._classes = dict(classes)
        self.passed_over: dict[str, int] = {}

    def __call__(self, name: str) -> str | None:
        """The label, or `UNMAPPED`."""
        label = self._classes.get(name, UNMAPPED)
        if label is None:
            self.passed_over[name] = self.passed_over.get(name, 0) + 1
        return label


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user says of a source.

    Attributes:
        renamed: Our label by their class, in place of or beside the built-in map; None passes over, "" does not count.
        name: Name of the set.
        images: Folder of the pictures, where it is not found by itself.
        licence: In place of what is known.
        viewpoint: In place of what is known.
        keep_occluded: VisDrone: keep things of which more than half is hidden.
    """

    renamed: Mapping[str, str | None]
    name: str | None = None
    images: Path | None = None
    licence: str | None = None
    viewpoint: str | None = None
    keep_occluded: bool = True

    def __post_init__(self) -> None:
        wrong = sorted({label for label in self.renamed.values() if label} - set(LABELS))
        if wrong:
            raise BadSourceError(
                Path("--map"), f"{', '.join(wrong)} is no label of this product", f"use one of {', '.join(LABELS)}"
            )


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A source that is ready to be read.

    Attributes:
        source: What it is.
        class_map: Its class map, which counts while reading.
        pictures: The pictures; reading them reports problems.
        files: Its annotation files.
    """

    source: Source
    class_map: ClassMap
    pictures: Iterator[Found]
    files: tuple[Path, ...]


def open_source(kind: str, place: Path, options: Options, report: Report) -> Opened:
    """Find a source's files and begin to read them.

    Args:
        kind: One of `FORMATS`.
        place: The folder of the download, or an annotation file.
        options: What the user says of it.
        report: Told of what is wrong while the pictures are read.

    Raises:
        BadDataSetError: The place does not hold such a source.
        BadSourceError: Nothing in it is mapped to a label of this product.
    """
    if kind not in FORMATS:
        raise BadSourceError(place, f"{kind!r} is no known format", f"use one of {', '.join(FORMATS)}")
    if not place.exists():
        raise BadDataSetError(place, "no such file or folder", _REMEDY)
    openers = {"visdrone": _visdrone, "floodnet": _floodnet, "yolo": _yolo}
    opened = openers.get(kind, _coco)(kind, place, options, report)
    if not any(opened.source.classes.values()):
        theirs = ", ".join(opened.source.classes) or "none"
        raise BadSourceError(
            place,
            f"none of its classes is mapped to a label of this product (classes: {theirs})",
            "add --map THEIRS=OURS",
        )
    return opened


def _source(kind: str, options: Options, theirs: list[str] | None = None) -> Source:
    known = _KNOWN[kind]
    classes: dict[str, str | None] = {
        name: label for name, label in known.classes.items() if theirs is None or name in theirs
    }
    for name in theirs or ():
        if kind in {"uavvaste", "taco", "aerialwaste"}:
            classes.setdefault(name, "waste")
        elif kind in {"coco", "yolo"}:
            classes.setdefault(name, name if name in LABELS else None)
    foreign = sorted(set(options.renamed) - set(theirs if theirs is not None else classes))
    if foreign:
        have = ", ".join(theirs if theirs is not None else classes)
        raise BadSourceError(
            Path("--map"), f"{', '.join(foreign)} is no class of this source", f"its classes are {have}"
        )
    classes.update(options.renamed)
    changed: dict[str, Any] = {
        key: value
        for key, value in (("name", options.name), ("licence", options.licence), ("viewpoint", options.viewpoint))
        if value
    }
    return replace(known, classes=classes, **changed)


def _coco(kind: str, place: Path, options: Options, report: Report) -> Opened:
    files = _coco_files(place)
    contents = {path: read_json(path) for path in files}
    theirs = list(dict.fromkeys(name for content in contents.values() for name in category_names(content)))
    source = _source(kind, options, theirs)
    class_map = ClassMap(source.classes)
    facts = _aerial_waste_facts(contents) if kind == "aerialwaste" else None

    def pictures() -> Iterator[Found]:
        for path in files:
            more: dict[str, Any] = {"picture_facts": facts} if facts else {}
            yield from read_coco(
                path, contents.pop(path), class_map, report, images=options.images, part=_part_in(path.stem),
                part_of=_distribution(path), **more,
            )  # fmt: skip

    return Opened(source=source, class_map=class_map, pictures=pictures(), files=tuple(files))


def _coco_files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    candidates = [
        path
        for folder in (place, place / "annotations", place / "data")
        for path in sorted(folder.glob("*.json"))
        if "distribution" not in path.name and "unofficial" not in path.name
    ]
    if not candidates:
        raise BadDataSetError(place, "holds no annotation file (*.json, annotations/*.json)", _REMEDY)
    return candidates


def _distribution(path: Path) -> dict[str, str] | None:
    """UAVVaste says in a file of its own which picture belongs to which part."""
    file = path.parent / "train_val_test_distribution_file.json"
    if not file.is_file():
        return None
    parts = json.loads(file.read_text(encoding="utf-8"))
    return {name: part for part, names in parts.items() for name in names}


def _part_in(name: str) -> str | None:
    words = name.lower().replace("-", "_").split("_")
    for part, signs in (
        ("train", ("train", "training")),
        ("val", ("val", "valid", "validation")),
        ("test", ("test", "testing")),
    ):
        if any(word in signs for word in words):
            return part
    return None


def _aerial_waste_facts(contents: Mapping[Path, Any]) -> Any:  # noqa: ANN401 - a function for read_coco
    """AerialWaste labels pictures as wholes; only some are outlined as well."""
    names = {row["id"]: row["name"] for content in contents.values() for row in content["categories"]}

    def facts(row: dict[str, Any], outlined: bool) -> tuple[frozenset[str] | None, dict[str, Any]]:
        positive = bool(row.get("is_candidate_location", row.get("categories")))
        told: dict[str, Any] = {
            "image_labels": ["waste"] if positive else [],
            "image_categories": [names.get(number, str(number)) for number in row.get("categories") or ()],
        }
        told.update((key, row[key]) for key in ("img_source", "severity", "evidence", "site_type") if key in row)
        # somewhere in a candidate is waste, but without outlines nobody says where: it must be no negative
        return (frozenset({"waste"}) if outlined or not positive else frozenset()), told

    return facts


def _visdrone(kind: str, place: Path, options: Options, report: Report) -> Opened:
    folders = [place] if (place / "annotations").is_dir() else sorted(p.parent for p in place.glob("*/annotations"))
    if not folders:
        raise BadDataSetError(place, "holds no folder with images/ and annotations/", _REMEDY)
    source = _source(kind, options)
    class_map = ClassMap(source.classes)

    def pictures() -> Iterator[Found]:
        for folder in folders:
            part = _part_in(folder.name)
            yield from read_visdrone(folder, class_map, report, part=part, keep_occluded=options.keep_occluded)

    return Opened(source=source, class_map=class_map, pictures=pictures(), files=tuple(folders))


def _floodnet(kind: str, place: Path, options: Options, report: Report) -> Opened:
    pairs = _floodnet_pairs(place)
    if not pairs:
        raise BadDataSetError(place, "holds no folder of pictures (*org-img) beside one of masks (*label-img)", _REMEDY)
    source = _source(kind, options)
    ids = {number: source.classes.get(name) for number, name in enumerate(FLOODNET_NAMES)}

    def pictures() -> Iterator[Found]:
        for images, masks in pairs:
            part = _part_in(images.parent.name) or _part_in(images.name)
            yield from read_floodnet(images, masks, ids, report, part=part)

    return Opened(
        source=source, class_map=ClassMap(source.classes), pictures=pictures(), files=tuple(m for _, m in pairs)
    )


def _floodnet_pairs(place: Path) -> list[tuple[Path, Path]]:
    found = []
    for images in sorted([*place.rglob("*org-img"), *place.rglob("image"), *place.rglob("images")]):
        names = (images.name.replace("org", "label"), "mask", "masks", "label", "labels")
        masks = next(
            (images.with_name(name) for name in names if images.with_name(name).is_dir() and name != images.name), None
        )
        if masks is not None:
            found.append((images, masks))
    return found


def _yolo(kind: str, place: Path, options: Options, report: Report) -> Opened:
    data = read_data_set(place, labelled=frozenset())
    names = list(data.names)
    source = _source(kind, options, names)
    class_map = ClassMap(source.classes)
    return Opened(
        source=source, class_map=class_map, pictures=read_yolo(data, names, class_map, report),
        files=(data.root / "data.yaml",),
    )  # fmt: skip
