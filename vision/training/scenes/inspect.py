"""Looking at what was rendered: contact sheets with the labels drawn in, and counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vision.detections import LABELS
from vision.training.scenes.assets import PARTS, Part
from vision.training.scenes.errors import BadScenesError

_COLOURS = {
    "standing_water": (255, 120, 0), "waste": (0, 0, 255), "person": (0, 255, 0), "fishing_gear": (255, 0, 255),
    "boat": (255, 255, 0), "vehicle": (0, 200, 255), "dock_or_lift": (180, 105, 255), "waste_bin": (0, 140, 255),
    "overflowing_bin": (0, 80, 160),
}  # fmt: skip
SIZES_PX = (6, 12, 24, 48, 96, 10_000)
HEIGHTS_M = (20, 40, 80, 151)


def manifests(out: Path, part: Part) -> Iterator[dict[str, Any]]:
    """Yield the manifest of every finished picture of a part, in order."""
    for path in sorted((out / part / "meta").glob("*.json")):
        yield json.loads(path.read_text(encoding="utf-8"))


def sheet(out: Path, part: Part, picture: Path, *, first: int = 0, count: int = 12, columns: int = 4) -> int:
    """Draw `count` pictures with their labels side by side; returns how many there were.

    Raises:
        BadScenesError: The part holds no picture.
    """
    chosen = list(manifests(out, part))[first : first + count]
    if not chosen:
        raise BadScenesError(out / part, "holds no finished picture; render first")
    tiles = [_drawn(out / part, row) for row in chosen]
    blank = np.zeros_like(tiles[0])
    tiles += [blank] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    cv2.imwrite(str(picture), np.vstack(rows))
    return len(chosen)


def _drawn(folder: Path, row: dict[str, Any]) -> np.ndarray:
    picture = cv2.imread(str(folder / "images" / row["picture"]))
    mask = cv2.imread(str(folder / "masks" / f"{Path(row['picture']).stem}.png"), cv2.IMREAD_GRAYSCALE)
    if picture is None or mask is None:
        raise BadScenesError(folder, f"{row['picture']} or its mask is missing; delete its manifest and render again")
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    drawn = cv2.drawContours(picture, contours, -1, _COLOURS["standing_water"], 1)
    for one in row["objects"]:
        left, top, right, bottom = (round(v) for v in one["box_xyxy_px"])
        thick = 2 if one["angler"] else 1
        colour = _COLOURS[one["label"]] if one["labelled"] else (128, 128, 128)
        cv2.rectangle(drawn, (left, top), (right, bottom), colour, thick)
    view = row["view"]
    text = f"{row['site']['kind']} {view['camera_xyz_m'][2]:.0f} m {view['pitch_deg']:.0f} deg {row['number']}"
    cv2.putText(drawn, text, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return np.asarray(drawn)


def _bin(value: float, edges: tuple[int, ...]) -> str:
    for low, high in pairwise(edges):
        if value < high:
            return f"{low}-{high}" if high < 10_000 else f"{low}+"
    return f"{edges[-1]}+"


def summary(out: Path) -> dict[str, Any]:
    """Count pictures by height, pitch and site, and labelled things by class and size, of each part.

    Raises:
        BadScenesError: The folder holds no scenes.
    """
    if not any((out / part).is_dir() for part in PARTS):
        raise BadScenesError(out, f"holds no scenes ({'/, '.join(PARTS)}/); name the folder that was rendered into")
    found: dict[str, Any] = {}
    for part in PARTS:
        counts: dict[str, Counter[str]] = {
            name: Counter() for name in ("sites", "heights_m", "views", "objects", "person", "by_size_px", "lookalikes")
        }
        pictures, water, puddles = 0, 0, 0
        for row in manifests(out, part):
            pictures += 1
            counts["sites"][row["site"]["kind"]] += 1
            counts["heights_m"][_bin(row["view"]["camera_xyz_m"][2], HEIGHTS_M)] += 1
            counts["views"]["nadir" if row["view"]["pitch_deg"] < -80 else "oblique"] += 1
            water += row["water"]["reservoir_px"] >= 200
            puddles += row["water"]["puddle_px"] >= 200
            for one in row["objects"]:
                if one["labelled"]:
                    counts["objects"][one["label"]] += 1
                    counts["by_size_px"][f"{one['label']} {_bin(one['size_px'], SIZES_PX)}"] += 1
                    if one["label"] == "person":
                        counts["person"]["angler" if one["angler"] else "other"] += 1
            counts["lookalikes"].update(one["kind"] for one in row["lookalikes"])
        found[part] = {
            "pictures": pictures, "with_reservoir": water, "with_puddles": puddles,
            **{name: dict(sorted(counter.items())) for name, counter in counts.items()},
        }  # fmt: skip
    return {"labels": list(LABELS), **found}
