"""Pictures that lie on the ground: quilts of real orthophoto crops, painted soils, wear and grain."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.training.errors import BadSourceError
from vision.training.scenes.assets import PARTS, Part
from vision.training.scenes.solids import Rng

Pixels = NDArray[np.uint8]

SIDE_PX = 1024
TILE_M = 42.0
"""Side of the ground that one ground picture covers; it is mirrored beyond."""

CROPS: Mapping[Part, tuple[tuple[str, tuple[float, float, float, float]], ...]] = {
    "train": (("SOAP_031.png", (0, 0, 1, 1)), ("OSBS_029.png", (0, 0, 0.55, 1))),
    "val": (("OSBS_029.png", (0.6, 0, 1, 1)),),
    "test": (("SOAP_061.png", (0, 0, 1, 1)),),
}
"""Real orthophotos (0.1 m per pixel, data package `deepforest`) and the piece of each (left, top, right, bottom)."""

COUNTS: Mapping[Part, tuple[int, int]] = {"train": (8, 10), "val": (3, 3), "test": (4, 4)}
"""Ground pictures of each part: quilts of real crops, painted ones."""

SOILS = {
    "lawn": (70, 98, 80),
    "dry grass": (110, 150, 150),
    "earth": (80, 105, 130),
    "clay": (85, 120, 165),
    "gravel": (135, 140, 145),
    "sand": (140, 175, 195),
    "concrete": (165, 170, 172),
    "weeds": (75, 100, 92),
}
"""BGR of painted grounds, 0..255 as photographed."""


def clouds(rng: Rng, side_px: int, coarsest_px: float, falloff: float = 0.6) -> NDArray[np.float32]:
    """Return (side, side) of cloud-like noise with zero mean and unit spread."""
    total = np.zeros((side_px, side_px), np.float32)
    step, weight = coarsest_px, 1.0
    while step >= 1:
        cells = int(side_px / step) + 4
        grid: NDArray[Any] = rng.standard_normal((cells, cells), np.float32)
        if step > 1:
            grid = cv2.resize(grid, None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR)
        total += np.float32(weight) * grid[:side_px, :side_px]
        step, weight = step / 2.5, weight * falloff
    return np.asarray((total - total.mean()) / total.std(), np.float32)


def _quilt(rng: Rng, folder: Path, part: Part) -> NDArray[np.float32]:
    layers = []
    for _ in range(3):
        name, piece = CROPS[part][int(rng.integers(len(CROPS[part])))]
        photo = _read(folder, name)
        height, width = photo.shape[:2]
        left, top, right, bottom = (round(s * n) for s, n in zip(piece, (width, height) * 2, strict=True))
        photo = np.rot90(photo[top:bottom, left:right], int(rng.integers(4)))
        photo = photo[:, :: int(rng.choice([-1, 1]))]
        layers.append(cv2.resize(np.ascontiguousarray(photo), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC))
    first = layers[0].astype(np.float32)
    for layer in layers[1:]:
        share = np.clip(clouds(rng, SIDE_PX, 300, 0.4) * 1.5 + 0.5, 0, 1)[..., None]
        first = first + (layer.astype(np.float32) - first) * share
    return first


def _soil(rng: Rng) -> NDArray[np.float32]:
    names = list(SOILS)
    first, second = (np.array(SOILS[names[int(rng.integers(len(names)))]], np.float32) for _ in range(2))
    share = np.clip(clouds(rng, SIDE_PX, 250, 0.5) * rng.uniform(0.3, 1.5) + rng.uniform(0, 1), 0, 1)[..., None]
    picture = first + (second - first) * share
    return np.asarray(picture * (1 + 0.12 * clouds(rng, SIDE_PX, 60, 0.8))[..., None], np.float32)


@lru_cache(maxsize=8)
def _read(folder: Path, name: str) -> Pixels:
    found = sorted(folder.rglob(name))
    picture = cv2.imread(str(found[0]), cv2.IMREAD_COLOR) if found else None
    if picture is None:
        raise BadSourceError(
            folder, f"holds no readable {name}; unpack the data package there and name it with --grounds"
        )
    return picture.astype(np.uint8)


def ground_number(part: Part, share: float) -> int:
    """Return which of the part's ground pictures a share of 0..1 means."""
    return min(int(share * sum(COUNTS[part])), sum(COUNTS[part]) - 1)


def ground(folder: Path, part: Part, number: int) -> Pixels:
    """Return ground picture `number` of a part: (1024, 1024, 3) uint8 BGR over `TILE_M` metres.

    Raises:
        BadSourceError: `folder` lacks an orthophoto.
    """
    rng = np.random.default_rng([77, PARTS.index(part), number])
    picture = _quilt(rng, folder, part) if number < COUNTS[part][0] else _soil(rng)
    # 0.1 m per pixel is too coarse for a camera at 30 m: blades, pebbles and litter of that size are added.
    picture = picture * (1 + rng.uniform(0.04, 0.12) * clouds(rng, SIDE_PX, 6, 0.9))[..., None]
    return np.clip(picture, 0, 255).astype(np.uint8)


def wear(part: Part, number: int) -> Pixels:
    """Return (512, 512) uint8 of stains, cracks and patches over 24 m of paving; 170 leaves a colour as it is."""
    rng = np.random.default_rng([78, PARTS.index(part), number])
    field = 1 + 0.07 * clouds(rng, 512, 160) + 0.035 * clouds(rng, 512, 8, 0.8)
    picture = np.clip(field * 170, 40, 255).astype(np.uint8)
    for _ in range(int(rng.integers(3, 14))):  # cracks and joints
        at = rng.uniform(0, 512, 2)
        way = rng.uniform(0, 2 * np.pi)
        line = [at]
        for _ in range(int(rng.integers(4, 20))):
            way += rng.normal(0, 0.35)
            line.append(line[-1] + 14 * np.array([np.cos(way), np.sin(way)]))
        cv2.polylines(picture, [np.round(line).astype(np.int32)], False, int(rng.integers(70, 140)), 1, cv2.LINE_AA)
    for _ in range(int(rng.integers(0, 5))):  # mended places
        x, y, w, h = rng.uniform((0, 0, 8, 8), (500, 500, 80, 60)).astype(int)
        picture[y : y + h, x : x + w] = np.clip(picture[y : y + h, x : x + w] * rng.uniform(0.6, 1.2), 0, 255)
    return np.asarray(picture, np.uint8)


def grain(part: Part) -> Pixels:
    """Return (512, 512) uint8 of fine grain over 2.7 m; 200 leaves a colour as it is."""
    rng = np.random.default_rng([79, PARTS.index(part)])
    return np.asarray(np.clip(200 * (1 + 0.07 * clouds(rng, 512, 24, 0.8)), 60, 255), np.uint8)
