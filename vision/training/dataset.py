"""Labelled pictures in the one layout that training, evaluation and the converters share.

    data.yaml               names of the classes, and where the parts are
    card.yaml               what was looked for (`labelled`), from where the pictures are taken (`viewpoint`), licence
    manifest.json           the same per picture, where the pictures differ; optional
    images/<part>/*.jpg
    labels/<part>/*.txt     YOLO boxes or outlines; `labels_given/` beside it holds what people drew, without guesses
    masks/<part>/*.png      surfaces: not 0 is water; 255 was not judged where ones are, or data.yaml has `masks_dir`
    ignored/<part>/*.txt    regions in which nobody labelled single things

A card or manifest in a folder above a folder `images` speaks for the pictures in it; so several sources can lie in one
data set.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from vision.sources.photos import SUFFIXES
from vision.training.errors import BadDataSetError
from vision.training.labels import Shape, read_shapes

Viewpoint = Literal["nadir", "oblique", "aerial", "ground", "rendered", "unknown"]
"""From where a picture is taken; `aerial` is from above at no stated pitch. `rendered` is no photograph at all."""

PARTS = ("train", "val", "test")
WATER = "standing_water"

IGNORED_VALUE = 255

_REMEDY = "give a folder with data.yaml and images/ and labels/ beside it"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One labelled picture.

    Attributes:
        path: The picture.
        part: `train`, `val`, `test`, or `all` where the data set is not divided.
        source: Name of the data set that the picture comes from.
        viewpoint: From where it is taken.
        labelled: The labels that people looked for: only for these is a missing box a negative.
        labels_path: Label file; it need not exist where nothing is.
        mask_path: Picture of the surfaces, if they are labelled so.
        ignored_path: Label file of the regions that do not count.
        ground_resolution_m: Metres of ground per pixel, if the manifest says so.
        group: Near-duplicates share it; empty if unknown.
    """

    path: Path
    part: str
    source: str
    viewpoint: Viewpoint
    labelled: frozenset[str]
    labels_path: Path
    mask_path: Path | None
    ignored_path: Path
    ground_resolution_m: float | None = None
    group: str = ""


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """Labelled pictures with their classes.

    Attributes:
        root: The folder that holds `data.yaml`.
        names: Class names by index, as this product calls them; "" for a class to be passed over.
        samples: The pictures, sorted by part and path.
        notes: What had to be concluded because no card says it, in sentences.
        ignored_value: Value of mask pixels that nobody judged; None where every pixel was.
    """

    root: Path
    names: tuple[str, ...]
    samples: tuple[Sample, ...]
    notes: tuple[str, ...]
    ignored_value: int | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that hold pictures."""
        return tuple(dict.fromkeys(sample.part for sample in self.samples))

    def shapes(self, sample: Sample) -> tuple[Shape, ...]:
        """Read what is labelled in a picture; classes to be passed over are left out.

        Raises:
            BadLabelError: A line of the label file is no label.
        """
        return tuple(shape for shape in read_shapes(sample.labels_path, self.names) if shape.label)


def read_data_set(
    place: Path,
    *,
    part: str | None = None,
    labelled: frozenset[str] | None = None,
    renamed: Mapping[str, str] | None = None,
    only: frozenset[str] | None = None,
) -> DataSet:
    """Read where the pictures and labels of a data set are; the pictures themselves are not opened.

    Args:
        place: `data.yaml`, or the folder that holds it. A folder with `images/` only may lie in a folder that does.
        part: Only this part; all if None.
        labelled: What people looked for, in place of what cards and manifests say.
        renamed: Class names of the data set by this product's; "" passes a class over.
        only: Labels to keep; all if None.

    Raises:
        BadDataSetError: It is not in the layout above.
    """
    yaml_path, table = _table_of(place)
    names = tuple((renamed or {}).get(name, name) for name in _names(yaml_path, table))
    folders = list(_parts(place, yaml_path, table))
    found: dict[Path, Sample] = {}
    sources = _Sources(names, labelled, only)
    for name, entries in folders:
        if part in (None, name):
            for path in (picture for entry in entries for picture in _pictures(entry, yaml_path)):
                found.setdefault(path, sources.sample(path, name))
    if not found:
        have = ", ".join(name for name, _ in folders) or "none"
        raise BadDataSetError(yaml_path, f"has no picture in the part {part or 'train, val or test'} (parts: {have})")
    samples = tuple(sorted(found.values(), key=lambda sample: (sample.part, sample.path)))
    return DataSet(
        root=yaml_path.parent,
        names=names,
        samples=samples,
        notes=tuple(sources.notes),
        ignored_value=IGNORED_VALUE if "masks_dir" in table else None,
    )


class _Sources:
    """What the cards and manifests above the pictures say, each read once."""

    def __init__(self, names: Sequence[str], labelled: frozenset[str] | None, only: frozenset[str] | None) -> None:
        self._names = tuple(names)
        self._labelled = labelled
        self._only = only
        self.notes: list[str] = []
        self._folder = cache(self._read_folder)
        self._occurring = cache(self._read_occurring)

    def sample(self, path: Path, part: str) -> Sample:
        images = _images_folder(path)
        card, rows = self._folder(images)
        row = rows.get(path.name, {})
        source = str(row.get("source") or card.get("name") or images.parent.name)
        given = row.get("labelled", card.get("labelled"))
        labelled = self._labelled
        if labelled is None:
            labelled = frozenset(given) if given is not None else self._occurring(images)
        resolution = row.get("ground_resolution_m", card.get("ground_resolution_m"))
        mask = _beside(path, "masks").with_suffix(".png")
        drawn = _beside(path, "labels_given").with_suffix(".txt")
        return Sample(
            path=path,
            part=part,
            source=source,
            viewpoint=_viewpoint(images, row.get("viewpoint") or card.get("viewpoint") or VIEWPOINTS.get(source)),
            labelled=labelled & self._tellable(images),
            labels_path=drawn if drawn.parent.is_dir() else _beside(path, "labels").with_suffix(".txt"),
            mask_path=mask if mask.is_file() else None,
            ignored_path=_beside(path, "ignored").with_suffix(".txt"),
            ground_resolution_m=float(resolution) if isinstance(resolution, (int, float)) else None,
            group=str(row.get("group", row.get("near_dup_group", ""))),
        )

    def _tellable(self, images: Path) -> frozenset[str]:
        """What label files and masks of this data set can say at all."""
        told = frozenset(self._names) - {""} | ({WATER} if images.with_name("masks").is_dir() else set())
        return told if self._only is None else told & self._only

    def _read_folder(self, images: Path) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        card = images.parent / "card.yaml"
        manifest = images.parent / "manifest.json"
        rows = _read(manifest) if manifest.is_file() else []
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise BadDataSetError(manifest, "must be a list with one object per picture")
        table = _read(card) if card.is_file() else {}
        if not isinstance(table, dict):
            raise BadDataSetError(card, "must be a table of keys")
        named = {str(row.get("name") or row.get("file")): row for row in rows}
        return table, named

    def _read_occurring(self, images: Path) -> frozenset[str]:
        """The classes that occur in a folder's label files: nobody says what else was looked for."""
        labels = next((p for p in (images.with_name("labels_given"), images.with_name("labels")) if p.is_dir()), None)
        found = set()
        for file in sorted(labels.rglob("*.txt")) if labels else ():
            ids = {line.split()[0] for line in file.read_text(encoding="utf-8").splitlines() if line.strip()}
            found |= {int(name) for name in ids if name.isdecimal() and int(name) < len(self._names)}
        occurring = {self._names[i] for i in found} - {""}
        if images.with_name("masks").is_dir():
            occurring.add(WATER)
        self.notes.append(
            f"{images.parent} has no card that says what was looked for: only the labels that occur in it count "
            f"({', '.join(sorted(occurring)) or 'none'})"
        )
        return frozenset(occurring)


VIEWPOINTS: Mapping[str, Viewpoint] = {
    "street_garbage_cn": "ground",
    "aerial_maritime_lake": "nadir",
    "flood_area_kaggle": "oblique",
    "caliterra_gps": "nadir",
    "brighton_beach_dji": "nadir",
    "synthetic": "rendered",
}
"""From where the pictures of the data sets that this product trained on are taken; their manifests do not say it."""


def _viewpoint(images: Path, value: object) -> Viewpoint:
    if value is None:
        return "unknown"
    for known in get_args(Viewpoint):
        if value == known:
            return known  # type: ignore[no-any-return]
    raise BadDataSetError(
        images.parent, f"names the viewpoint {value!r}", f"write one of {', '.join(get_args(Viewpoint))}"
    )


def _table_of(place: Path) -> tuple[Path, dict[str, Any]]:
    candidates = [place] if place.suffix in {".yaml", ".yml"} else [place / "data.yaml", place.parent / "data.yaml"]
    path = next((candidate for candidate in candidates if candidate.is_file()), None)
    if path is None:
        raise BadDataSetError(place, "no data.yaml is there" if place.exists() else "no such data set", _REMEDY)
    table = _read(path)
    if not isinstance(table, dict):
        raise BadDataSetError(path, "is not a table of keys", _REMEDY)
    return path, table


def _read(path: Path) -> Any:  # noqa: ANN401 - what a file holds is checked by the caller
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, json.JSONDecodeError) as error:
        raise BadDataSetError(path, f"cannot be read ({str(error).splitlines()[0]})", "correct the file") from error


def _names(path: Path, table: Mapping[str, Any]) -> tuple[str, ...]:
    names = table.get("names")
    if isinstance(names, Mapping) and sorted(names) == list(range(len(names))):
        names = [names[i] for i in range(len(names))]
    if not isinstance(names, list) or not names:
        raise BadDataSetError(path, "lacks `names`, the class names by index from 0", "add them")
    return tuple(str(name) for name in names)


def _parts(place: Path, yaml_path: Path, table: Mapping[str, Any]) -> Iterator[tuple[str, list[Path]]]:
    """Yield the parts with their folders or list files."""
    if place.is_dir() and place != yaml_path.parent:  # one source of a set whose data.yaml is above it
        yield "all", [place / "images"]
        return
    named = [name for name in PARTS if table.get(name)]
    if not named:
        yield "all", [yaml_path.parent / "images"]
    for name in named:
        value = table[name]
        yield name, [_place(yaml_path, table, str(item)) for item in (value if isinstance(value, list) else [value])]


def _place(yaml_path: Path, table: Mapping[str, Any], item: str) -> Path:
    """Where an entry is: beside `data.yaml` before `path`, for a set that was moved still names its old place."""
    beside = yaml_path.parent / item
    stated = yaml_path.parent / str(table.get("path") or ".") / item
    found = next((place for place in (beside, stated) if place.exists()), None)
    if found is None:
        raise BadDataSetError(yaml_path, f"names {item}, which is not there", "correct the entry or restore the folder")
    return found


def _pictures(entry: Path, yaml_path: Path) -> Iterator[Path]:
    if entry.is_file():
        for line in entry.read_text(encoding="utf-8").splitlines():
            if line.strip():
                path = Path(line.strip())
                yield path if path.is_absolute() else (entry.parent / path)
        return
    if not entry.is_dir():
        raise BadDataSetError(yaml_path, f"needs the folder {entry}, which is not there", _REMEDY)
    for path in sorted(entry.rglob("*")):
        if path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
            yield path


def _images_folder(path: Path) -> Path:
    """The folder `images` above a picture, or the picture's own folder."""
    return next((parent for parent in path.parents if parent.name == "images"), path.parent)


def _beside(path: Path, kind: str) -> Path:
    """The same place under `labels` or `masks` instead of `images`."""
    images = _images_folder(path)
    return images.with_name(kind) / path.relative_to(images)
