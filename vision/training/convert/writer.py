"""One writer for all formats: checks every picture and label, divides, writes the layout, and says what was wrong."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TextIO

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from vision.detections import LABELS
from vision.errors import PhotoError
from vision.sources.photos import read_frame
from vision.training.convert.formats import Opened
from vision.training.convert.near_duplicates import difference_hash, groups_of
from vision.training.convert.picture_size import upright_size
from vision.training.convert.records import Found, Label, Mask, Problem
from vision.training.dataset import IGNORED_VALUE, PARTS, WATER
from vision.training.errors import BadSourceError
from vision.training.labels import OBJECT_LABELS
from vision.training.splits import Fractions, split_of

Link = Literal["copy", "hard", "symbolic"]
Division = Literal["given", "groups"]

PROBLEMS_FILE = "problems.jsonl"
EDGE_TOLERANCE_PX = 1.5
"""Label tools round: a box that stands out by less is cut without a word."""

_GREY = 114


class ProblemBook:
    """Writes problems down as they come, and counts them."""

    def __init__(self, file: TextIO) -> None:
        """Write to an open file, one JSON object a line."""
        self._file = file
        self.counts: Counter[str] = Counter()

    def __call__(self, problem: Problem) -> None:
        """Note one."""
        self.counts[problem.kind] += 1
        self._file.write(json.dumps(asdict(problem), ensure_ascii=False) + "\n")


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was written.

    Attributes:
        out: The data set.
        pictures: Number of pictures by part.
        labels: Number of boxes by label; water as pictures that show some.
        passed_over: Number of labels by the source's classes that the class map leaves out.
        problems: Number of problems by kind.
        groups: Number of groups of near-duplicates, if they divided the set; else None.
    """

    out: Path
    pictures: dict[str, int]
    labels: dict[str, int]
    passed_over: dict[str, int]
    problems: dict[str, int]
    groups: int | None


@dataclass(kw_only=True)
class _Shelf:
    """The set that is being written."""

    out: Path
    link: Link
    hide_ignored: bool
    names: tuple[str, ...]
    labelled: frozenset[str]
    masks: bool
    book: ProblemBook
    rows: list[dict[str, Any]] = field(default_factory=list)
    labels: Counter[str] = field(default_factory=Counter)
    taken: set[str] = field(default_factory=set)

    @property
    def pictures(self) -> dict[str, int]:
        """Number of pictures written, by part."""
        return dict(sorted(Counter(row["split"] for row in self.rows).items()))


def write_set(
    opened: Callable[[ProblemBook], Opened],
    out: Path,
    *,
    kind: str,
    link: Link = "copy",
    division: Division = "given",
    hide_ignored: bool = True,
    on_stage: Callable[[str, int], None] = lambda *_: None,
    on_picture: Callable[[], None] = lambda: None,
) -> Written:
    """Convert a source into a new folder; the folder appears only when it is complete.

    Args:
        opened: Opens the source, telling the given book what is wrong.
        out: Folder to make.
        kind: The source's format, for the card.
        link: Whether pictures are copied or linked.
        division: `given` keeps the source's parts and divides only the rest; `groups` divides all anew by groups of
            near-duplicates.
        hide_ignored: Paint regions in which nobody labelled single things grey in pictures that train, so that what is
            in them is not learnt as background.
        on_stage: Told what comes next, and for how many pictures.
        on_picture: Called after each picture of a stage.

    Raises:
        BadSourceError: The folder is there already, or nothing could be converted.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadSourceError(out, "is there already", "name a new folder with --out")
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        written = _write(
            opened, partial, kind, link, division, hide_ignored=hide_ignored, on_stage=on_stage, on_picture=on_picture
        )
        with suppress(FileNotFoundError):
            out.rmdir()
        partial.rename(out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return Written(**{**written, "out": out})


def _write(
    opened: Callable[[ProblemBook], Opened],
    out: Path,
    kind: str,
    link: Link,
    division: Division,
    *,
    hide_ignored: bool,
    on_stage: Callable[[str, int], None],
    on_picture: Callable[[], None],
) -> dict[str, Any]:
    with (out / PROBLEMS_FILE).open("w", encoding="utf-8") as file:
        book = ProblemBook(file)
        source = opened(book)
        labelled = source.source.labelled
        usable = [(found, size) for found in source.pictures if (size := _checked_size(found, book))]
        if not usable:
            raise BadSourceError(
                source.files[0],
                f"no picture could be used ({_counted(book.counts)})",
                "name the pictures with --images",
            )
        parts, groups = _parts([found for found, _ in usable], division, on_stage, on_picture)
        objects = tuple(label for label in OBJECT_LABELS if label in labelled)
        shelf = _Shelf(
            out=out, link=link, hide_ignored=hide_ignored, names=objects or (WATER,), labelled=labelled,
            masks=WATER in labelled, book=book,
        )  # fmt: skip
        on_stage("converting", len(usable))
        for i, (found, size) in enumerate(usable):
            _shelve(shelf, found, size, parts[i], None if groups is None else groups[i])
            on_picture()
    _write_yaml(out / "card.yaml", _card(source, kind, shelf, by_groups=groups is not None))
    _write_yaml(out / "data.yaml", _data_table(shelf))
    (out / "manifest.json").write_text(json.dumps(shelf.rows, indent=1, ensure_ascii=False), encoding="utf-8")
    return {
        "pictures": shelf.pictures,
        "labels": dict(shelf.labels),
        "passed_over": source.class_map.passed_over,
        "problems": dict(book.counts),
        "groups": None if groups is None else len(set(groups)),
    }


def _checked_size(found: Found, book: ProblemBook) -> tuple[int, int] | None:
    """The picture's true size; None (and a problem) if it cannot be used."""

    def problem(kind: Any, reason: str) -> None:  # noqa: ANN401 - a literal
        book(Problem(kind=kind, file=found.file, place=found.place, reason=reason))

    if not found.path.is_file():
        problem("missing_picture", f"{found.name} is not there")
        return None
    size = upright_size(found.path)
    if size is None:
        problem("unreadable_picture", f"{found.name} is no picture that can be read")
        return None
    if found.size_wh_px is not None and found.size_wh_px != size:
        stated = f"{found.size_wh_px[0]} × {found.size_wh_px[1]}"
        problem("size_differs", f"{found.name} is {size[0]} × {size[1]} pixels, stated are {stated}")
        return None
    return size


def _parts(
    pictures: Sequence[Found],
    division: Division,
    on_stage: Callable[[str, int], None],
    on_picture: Callable[[], None],
) -> tuple[list[str], list[str] | None]:
    """The part of each picture, and its group where groups decided."""
    given = [found.part for found in pictures]
    if division == "given" and all(given):
        return [str(part) for part in given], None
    on_stage("looking for near-duplicates", len(pictures))
    hashes: list[int | None] = []
    for found in pictures:
        try:
            hashes.append(difference_hash(found.path))
        except PhotoError:
            hashes.append(None)  # what is damaged inside is found again, and listed, when it is written
        on_picture()
    names = [pictures[first].name for first in groups_of(hashes)]
    keep = division == "given"
    decided: dict[str, str] = {}
    for name, part in zip(names, given, strict=True):
        if keep and part:
            decided.setdefault(name, part)
    return [
        part if keep and part else decided.get(name) or split_of(name, Fractions())
        for name, part in zip(names, given, strict=True)
    ], names


def _shelve(shelf: _Shelf, found: Found, size: tuple[int, int], part: str, group: str | None) -> None:
    """Write one picture with its labels."""
    labels = [(label, box) for label in found.labels if (box := _checked_box(label, size, shelf.book))]
    mask = None
    if shelf.masks:
        try:
            mask = _water_mask(found, [label for label, _ in labels], size)
        except ValueError as error:
            shelf.book(Problem(kind="bad_mask", file=found.file, place="", reason=str(error)))
            return
    name = _free_name(found.name, shelf.taken)
    regions = [box for label, box in labels if not label.name]
    picture = _folder(shelf, "images", part) / name
    if regions and shelf.hide_ignored and part == "train":
        picture = picture.with_suffix(".png" if picture.suffix.lower() == ".png" else ".jpg")
        name = picture.name
        try:
            _write_hidden(found.path, picture, regions)
        except PhotoError as error:
            shelf.book(Problem(kind="unreadable_picture", file=str(found.path), place="", reason=str(error)))
            return
    else:
        _place(found.path, picture, shelf.link)
    stem = Path(name).stem
    things = [(label, box) for label, box in labels if label.name in shelf.names and label.name != WATER]
    if shelf.names != (WATER,):
        lines = "".join(_line(shelf.names.index(label.name), box, size) for label, box in things)
        (_folder(shelf, "labels", part) / f"{stem}.txt").write_text(lines, encoding="utf-8")
    if regions:
        lines = "".join(_line(0, box, size) for box in regions)
        (_folder(shelf, "ignored", part) / f"{stem}.txt").write_text(lines, encoding="utf-8")
    if mask is not None:
        cv2.imwrite(str(_folder(shelf, "masks", part) / f"{stem}.png"), mask)
        shelf.labels[WATER] += bool((mask == 1).any())
    shelf.labels.update(label.name for label, _ in things)
    row = {"name": name, "split": part, "original": found.name, **found.facts}
    if found.labelled is not None:
        row["labelled"] = sorted(found.labelled)
    if group is not None:
        row["group"] = group
    shelf.rows.append(row)


def _checked_box(
    label: Label, size_wh_px: tuple[int, int], book: ProblemBook
) -> tuple[float, float, float, float] | None:
    """The box cut at the picture's edges; None (and a problem) if nothing of it is left."""
    left, top, right, bottom = label.box_xyxy_px
    width, height = size_wh_px

    def problem(kind: Any, reason: str) -> None:  # noqa: ANN401 - a literal
        book(Problem(kind=kind, file=label.file, place=label.place, reason=reason))

    words = f"the box ({left:g}, {top:g}, {right:g}, {bottom:g})"
    if right <= left or bottom <= top:
        problem("zero_area", f"{words} has no area")
        return None
    if right <= 0 or bottom <= 0 or left >= width or top >= height:
        problem("out_of_picture", f"{words} lies outside the picture of {width} × {height}")
        return None
    if min(left, top) < -EDGE_TOLERANCE_PX or right > width + EDGE_TOLERANCE_PX or bottom > height + EDGE_TOLERANCE_PX:
        problem("cut_at_edge", f"{words} stands out of the picture of {width} × {height}; what is inside is kept")
    return max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height))


def _water_mask(found: Found, labels: Iterable[Label], size_wh_px: tuple[int, int]) -> Mask:
    if found.mask is not None:
        mask = found.mask()
        if mask.shape != (size_wh_px[1], size_wh_px[0]):
            raise ValueError(
                f"is {mask.shape[1]} × {mask.shape[0]} pixels, {found.name} is {size_wh_px[0]} × {size_wh_px[1]}"
            )
        return mask
    painted: NDArray[np.uint8] = np.zeros((size_wh_px[1], size_wh_px[0]), np.uint8)
    if found.labelled is not None and WATER not in found.labelled:
        painted[:] = IGNORED_VALUE
        return painted
    for value, names in ((IGNORED_VALUE, ("",)), (1, (WATER,))):
        for label in labels:
            if label.name in names:
                _paint(painted, label, value)
    return painted


def _paint(mask: Mask, label: Label, value: int) -> None:
    if label.mask is not None:
        mask[label.mask()] = value
        return
    left, top, right, bottom = label.box_xyxy_px
    box = np.array(((left, top), (right, top), (right, bottom), (left, bottom)))
    for ring in label.rings_px or (box,):
        cv2.fillPoly(mask, [np.round(ring - 0.5).astype(np.int32)], value)


def _write_hidden(path: Path, out: Path, regions: Iterable[tuple[float, float, float, float]]) -> None:
    image = read_frame(path).image_bgr.copy()
    for left, top, right, bottom in regions:
        image[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))] = _GREY
    quality = [cv2.IMWRITE_JPEG_QUALITY, 95] if out.suffix == ".jpg" else []
    cv2.imwrite(str(out), image, quality)


def _place(path: Path, out: Path, link: Link) -> None:
    if link == "hard":
        os.link(path, out)
    elif link == "symbolic":
        out.symlink_to(path.resolve())
    else:
        shutil.copyfile(path, out)


def _free_name(name: str, taken: set[str]) -> str:
    """A file name of its own: folders of the source become part of it, for they may repeat names."""
    flat = Path(name).as_posix().lstrip("./").replace("/", "_")
    stem, suffix = Path(flat).stem, Path(flat).suffix
    candidate, number = flat, 2
    while Path(candidate).stem.casefold() in taken:
        candidate, number = f"{stem}_{number}{suffix}", number + 1
    taken.add(Path(candidate).stem.casefold())
    return candidate


def _line(class_id: int, box: tuple[float, float, float, float], size_wh_px: tuple[int, int]) -> str:
    left, top, right, bottom = np.array(box) / np.tile(size_wh_px, 2)
    return f"{class_id} {(left + right) / 2:.6f} {(top + bottom) / 2:.6f} {right - left:.6f} {bottom - top:.6f}\n"


def _folder(shelf: _Shelf, kind: str, part: str) -> Path:
    folder = shelf.out / kind / part
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _card(source: Opened, kind: str, shelf: _Shelf, *, by_groups: bool) -> dict[str, Any]:
    about = source.source
    return {
        "name": about.name,
        "what": about.what,
        "format": kind,
        "licence": about.licence,
        "viewpoint": about.viewpoint,
        "labelled": sorted(shelf.labelled),
        "not_annotated": [label for label in LABELS if label not in shelf.labelled],
        "class_map": dict(about.classes),
        "passed_over": dict(sorted(source.class_map.passed_over.items())),
        "division": "by groups of near-duplicates" if by_groups else "as the source gives it",
        "pictures": shelf.pictures,
        "labels": dict(sorted(shelf.labels.items())),
        "problems": dict(sorted(shelf.book.counts.items())),
    }


def _data_table(shelf: _Shelf) -> dict[str, Any]:
    return {
        **{part: f"images/{part}" for part in PARTS if part in shelf.pictures},
        "names": dict(enumerate(shelf.names)),
        **({"masks_dir": "masks"} if shelf.masks else {}),
    }


def _write_yaml(path: Path, table: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(table, sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} × {kind}" for kind, count in counts.items()) or "the source names none"
