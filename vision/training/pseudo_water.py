"""Water masks of the lake pictures from an earlier water model: real ground from straight above, with real shadows.

The lake is one large surface, which even a poor model finds; what else it calls water there, small and amid the land,
is none. So its mistakes become the negatives that it lacks. Only the training part is treated so.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.onnx_detector import OnnxDetector
from vision.sources.photos import read_frame
from vision.training.exam import painted
from vision.training.prepare import Entry, read_manifest, write_manifest
from vision.training.sources import LAKE

IGNORED = 255
LAKE_SHARE = 0.05
"""Least share of the picture that a surface of the lake takes; a smaller one inside the picture is a mistake."""
SHORE_PX = 13
SURE = 0.7
SEEN_TO_BE_WRONG = frozenset(
    f"lake_DJI_{name}.jpg"
    for name in [
        "0259_t34",
        "0263_t44",
        "0282",
        "0283",
        "0288",
        "0288_t32",
        "0288_t33",
        "0289_t21",
        "0289_t33",
        "0289_t44",
        "0290",
        "0290_t00",
        "0290_t11",
        "0290_t12",
        "0294",
        "0306",
        "0307",
        "0308",
        "0308_t04",
        "0309",
        "0309_t12",
        "0311",
        "0311_t20",
        "0312_t11",
        "0312_t41",
        "0317",
        "0317_t00",
        "0317_t02",
        "0317_t12",
        "0317_t44",
        "0331",
    ]
)
"""Looked at by eye: glinting water called land, or a shadow that fills the picture called a lake."""


def lake_mask(found: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Sort found surfaces into lake (1), mistakes (0) and doubt (255).

    Args:
        found: Shape (height, width), what a model calls water.

    Returns:
        The same shape. In doubt are shores, and small surfaces that the picture's edge may have cut off a lake.
    """
    mask = np.zeros(found.shape, np.uint8)
    count, regions, stats, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8))
    height, width = found.shape
    for i in range(1, count):
        left, top, region_width, region_height, area = (int(value) for value in stats[i])
        at_edge = left == 0 or top == 0 or left + region_width == width or top + region_height == height
        if area >= LAKE_SHARE * found.size:
            mask[regions == i] = 1
        elif at_edge:
            mask[regions == i] = IGNORED
    lake = (mask == 1).astype(np.uint8)
    kernel = np.ones((SHORE_PX, SHORE_PX), np.uint8)
    shore = cv2.dilate(lake, kernel) != cv2.erode(lake, kernel)
    mask[shore] = IGNORED
    return mask


def add_lake_masks(prepared: Path, model_dir: Path) -> int:
    """Add the lake pictures of the training part, with masks as described above, to the water set.

    Args:
        prepared: Folder with `objects/` (from which the pictures come) and `water/`.
        model_dir: An earlier water model.

    Returns:
        Number of pictures added.
    """
    detector = OnnxDetector.open(model_dir, workers=1, least_confidence=SURE)
    entries = [e for e in read_manifest(prepared / "water") if e.source != LAKE]
    pictures = (e for e in read_manifest(prepared / "objects") if e.source == LAKE and e.split == "train")
    lake = [e for e in pictures if e.name not in SEEN_TO_BE_WRONG]
    water = prepared / "water"
    for entry in lake:
        picture = prepared / "objects" / "images" / "train" / entry.name
        frame = read_frame(picture)
        mask = lake_mask(painted(detector(frame), frame.size_wh_px))
        shutil.copyfile(picture, water / "images" / "train" / entry.name)
        cv2.imwrite(str(water / "masks" / "train" / f"{picture.stem}.png"), mask)
        entries.append(Entry(name=entry.name, split="train", source=LAKE, group=entry.group, labelled=frozenset()))
    write_manifest(water, entries)
    return len(lake)
