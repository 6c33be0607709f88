"""COCO's JSON: boxes, polygons and run-length masks; crowds are regions in which nobody labelled single things."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.training.convert.records import Found, Kind, Label, Problem, Report, Ring
from vision.training.errors import BadDataSetError

Row = dict[str, Any]
IMAGE_FOLDERS = ("images", "image", "Images", "data", "JPEGImages")

UNMAPPED = "unmapped"
"""What a class map answers for a class that it does not name."""


def read_json(path: Path) -> Row:
    """Read a COCO file.

    Raises:
        BadDataSetError: It is not JSON, or lacks COCO's tables.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadDataSetError(path, f"cannot be read as JSON ({error})", "download it again") from error
    wanted = ("images", "annotations", "categories")
    if not isinstance(content, dict) or not all(isinstance(content.get(key, []), list) for key in wanted):
        raise BadDataSetError(
            path, "is not COCO: images, annotations and categories must be lists", "name another file"
        )
    if "images" not in content or "categories" not in content:
        raise BadDataSetError(path, "is not COCO: it lacks images or categories", "name another file")
    return content


def category_names(content: Row) -> list[str]:
    """Names of the classes, in the file's order."""
    return [str(row.get("name")) for row in content["categories"]]


def read_coco(
    path: Path,
    content: Row,
    label_of: Callable[[str], str | None],
    report: Report,
    *,
    images: Path | None = None,
    part: str | None = None,
    part_of: Mapping[str, str] | None = None,
    picture_facts: Callable[[Row, bool], tuple[frozenset[str] | None, Row]] = lambda _row, _has: (None, {}),
) -> Iterator[Found]:
    """Yield the pictures of a COCO file.

    Args:
        path: The file.
        content: What `read_json` read from it.
        label_of: This product's label of a class; None passes it over, "" makes a region that does not count, and
            `UNMAPPED` lists its labels as of an unknown class.
        report: Told of what is wrong.
        images: Folder of the pictures; looked for beside the file if None.
        part: The part that all pictures belong to.
        part_of: Part by file name, in place of `part`.
        picture_facts: From a picture's row and whether it has labels: what was looked for in it, and facts.
    """
    folders = [images] if images else _folders(path, part)
    names = {row.get("id"): str(row.get("name")) for row in content["categories"]}
    labels = _labels_by_picture(path, content, names, label_of, report)
    seen_ids: set[Any] = set()
    seen_files: set[str] = set()
    for row in content["images"]:
        place = f"id {row.get('id')}"
        file_name = str(row.get("file_name", ""))
        if row.get("id") in seen_ids or file_name in seen_files:
            kind: Kind = "duplicate_id" if row.get("id") in seen_ids else "duplicate_picture"
            report(Problem(kind=kind, file=str(path), place=place, reason=f"the picture {file_name} is listed twice"))
            continue
        seen_ids.add(row.get("id"))
        seen_files.add(file_name)
        mine = tuple(labels.pop(row.get("id"), ()))
        labelled, facts = picture_facts(row, bool(mine))
        yield Found(
            path=_picture(folders, file_name),
            name=file_name,
            file=str(path),
            place=place,
            part=part_of.get(Path(file_name).name, part) if part_of else part,
            labels=mine,
            labelled=labelled,
            size_wh_px=_stated_size(row),
            facts=facts,
        )
    for picture_id, orphans in labels.items():
        if picture_id not in seen_ids:
            for label in orphans:
                reason = f"the picture {picture_id} is not in the file"
                report(Problem(kind="no_such_picture", file=str(path), place=label.place, reason=reason))


def _stated_size(row: Row) -> tuple[int, int] | None:
    width, height = row.get("width"), row.get("height")
    if not isinstance(width, int | float) or not isinstance(height, int | float):
        return None
    return int(width), int(height)


def _labels_by_picture(
    path: Path, content: Row, names: Mapping[Any, str], label_of: Callable[[str], str | None], report: Report
) -> dict[Any, list[Label]]:
    sizes = {row.get("id"): (row.get("width"), row.get("height")) for row in content["images"]}
    found: defaultdict[Any, list[Label]] = defaultdict(list)
    seen: set[Any] = set()
    for number, row in enumerate(content.get("annotations", [])):
        place = f"id {row['id']}" if "id" in row else f"annotation {number}"
        if "id" in row and row["id"] in seen:
            report(
                Problem(kind="duplicate_id", file=str(path), place=place, reason="an annotation with this id exists")
            )
            continue
        seen.add(row.get("id"))
        name = names.get(row.get("category_id"))
        label = UNMAPPED if name is None else label_of(name)
        if label is None:
            continue
        if label == UNMAPPED:
            reason = f"category {row.get('category_id')} ({name or 'not in categories'}) is not in the class map"
            report(Problem(kind="unknown_class", file=str(path), place=place, reason=reason))
            continue
        try:
            box, rings, mask = _shape(row, sizes.get(row.get("image_id"), (None, None)))
        except (TypeError, ValueError, KeyError, IndexError) as error:
            report(Problem(kind="bad_label", file=str(path), place=place, reason=str(error)))
            continue
        name_here = "" if row.get("iscrowd") else label
        found[row.get("image_id")].append(
            Label(name=name_here, box_xyxy_px=box, rings_px=rings, mask=mask, file=str(path), place=place)
        )
    return found


def _shape(
    row: Row, size_wh_px: tuple[Any, Any]
) -> tuple[tuple[float, float, float, float], tuple[Ring, ...], Callable[[], NDArray[np.bool_]] | None]:
    """Box, outlines and mask of an annotation."""
    shape = row.get("segmentation")
    rings: tuple[Ring, ...] = ()
    mask: Callable[[], NDArray[np.bool_]] | None = None
    if isinstance(shape, dict):
        counts, size = shape["counts"], (int(shape["size"][0]), int(shape["size"][1]))
        if size_wh_px[0] is not None and size != (size_wh_px[1], size_wh_px[0]):
            raise ValueError(f"its mask is {size[1]} × {size[0]}, its picture {size_wh_px[0]} × {size_wh_px[1]}")
        decoded_rle(counts, size)  # fails now if it is wrong; kept small until it is needed
        mask = partial(decoded_rle, counts, size)
    elif isinstance(shape, list) and shape:
        flat = [shape] if isinstance(shape[0], int | float) else shape
        rings = tuple(_ring(numbers) for numbers in flat)
    box = row.get("bbox")
    if box:
        if len(box) != 4:
            raise ValueError(f"its box has {len(box)} numbers, not 4")
        left, top, width, height = (float(value) for value in box)
        if not all(math.isfinite(value) for value in (left, top, width, height)):
            raise ValueError("its box is not finite")
        return (left, top, left + width, top + height), rings, mask
    if rings:
        points = np.concatenate(rings)
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        return (float(left), float(top), float(right), float(bottom)), rings, mask
    if mask is not None:
        return _bounds(mask()), rings, mask
    raise ValueError("it has neither a box nor an outline")


def _ring(numbers: list[float]) -> Ring:
    values = np.array(numbers, np.float64)
    if values.ndim != 1 or len(values) < 6 or len(values) % 2 or not np.isfinite(values).all():
        raise ValueError(f"an outline needs at least 3 points x, y, not {len(numbers)} numbers")
    return values.reshape(-1, 2)


def _bounds(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return 0.0, 0.0, 0.0, 0.0
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def decoded_rle(counts: str | list[int], size_hw_px: tuple[int, int]) -> NDArray[np.bool_]:
    """Decode COCO's run lengths: runs of 0 and 1 in turn, down the columns.

    Args:
        counts: Run lengths, or COCO's text of them.
        size_hw_px: Height and width.

    Returns:
        Shape (height, width).

    Raises:
        ValueError: The runs do not fill the mask exactly.
    """
    runs = np.array(_runs_of(counts) if isinstance(counts, str) else counts, np.int64)
    height, width = size_hw_px
    if (runs < 0).any() or runs.sum() != height * width:
        raise ValueError(f"its runs cover {runs.sum()} pixels, its mask has {height * width}")
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return np.asarray(flat.reshape((width, height)).T)


def _runs_of(text: str) -> list[int]:
    """Read COCO's text of run lengths.

    A letter holds 5 bits, counted from "0" on; a sixth says that more follow. From the fourth run on, what is written
    is the difference to the run before the last.
    """
    runs: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"{letter!r} is no letter of a run-length text")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("its run-length text ends amid a number")
    return runs


def _folders(path: Path, part: str | None) -> list[Path]:
    """Where the pictures of an annotation file may be."""
    roots = [path.parent, path.parent.parent]
    named = [root / folder for root in roots for folder in IMAGE_FOLDERS]
    stem = [root / path.stem for root in roots]
    deeper = [folder / name for folder in (*named, *roots) for name in ([part] if part else [])]
    return [folder for folder in (*deeper, *named, *stem, *roots) if folder.is_dir()]


def _picture(folders: list[Path], file_name: str) -> Path:
    """The first folder that has the picture; of none, where it was first looked for."""
    candidates = [folder / name for folder in folders for name in (file_name, Path(file_name).name)]
    return next((path for path in candidates if path.is_file()), candidates[0] if candidates else Path(file_name))
