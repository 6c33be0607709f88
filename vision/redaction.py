"""The copy that leaves the house: people and number plates made unrecognisable.

From above it is not known which way a person looks or where a vehicle's plates are. So the rule takes the safe side:
a person's whole box, a tenth larger on each side, becomes at most six by six patches of one colour; a vehicle's whole
box becomes patches of a twelfth of its shorter side, about 15 cm on a car, three times the width of a plate's
character, while its kind and colour stay visible. A person shown at less than `LEAST_PERSON_PX` is left alone: half a
metre of shoulders in 32 pixels is 64 pixels a metre, where EN IEC 62676-4 speaks of observing, at half of what
recognising and a quarter of what identifying somebody takes; and whoever must review the case has to see that it is a
person at all. Only what a detector found can be hidden: a person that it missed stays visible, which is why the sealed
original and the review before publishing exist.
"""

from __future__ import annotations

import cv2
import numpy as np

from vision.detections import Detections
from vision.frame import Image

PERSON_PATCHES = 6
VEHICLE_PATCHES = 12
LEAST_PERSON_PX = 32.0
_MARGIN = 0.1
_LEAST_PATCH_PX = 4


def redact(image_bgr: Image, detections: Detections) -> Image:
    """Hide persons and number plates.

    Args:
        image_bgr: Shape (height, width, 3), uint8.
        detections: Everything found in it; give the detector a low threshold where hiding matters more than beauty.

    Returns:
        A new picture, the same outside the boxes of vehicles and of persons large enough to be recognised.
    """
    hidden = np.array(image_bgr)
    for box, label in zip(detections.boxes_xyxy_px, detections.labels, strict=True):
        if label == "person" and _longer_side_px(box) >= LEAST_PERSON_PX:
            _pixelate(hidden, _grown(box, hidden), PERSON_PATCHES, longer_side=True)
        elif label == "vehicle":
            _pixelate(hidden, _grown(box, hidden), VEHICLE_PATCHES, longer_side=False)
    return hidden


def _longer_side_px(box: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> float:
    return float(max(box[2] - box[0], box[3] - box[1]))


def _grown(box: np.ndarray[tuple[int, ...], np.dtype[np.float32]], image: Image) -> tuple[int, int, int, int]:
    height, width = image.shape[:2]
    dx, dy = _MARGIN * float(box[2] - box[0]), _MARGIN * float(box[3] - box[1])
    left, top = max(0, int(box[0] - dx)), max(0, int(box[1] - dy))
    return left, top, min(width, int(np.ceil(box[2] + dx))), min(height, int(np.ceil(box[3] + dy)))


def _pixelate(image: Image, window: tuple[int, int, int, int], patches: int, *, longer_side: bool) -> None:
    """Replace a window by patches of their mean colour, in place."""
    left, top, right, bottom = window
    area = image[top:bottom, left:right]
    if not area.size:
        return
    height, width = area.shape[:2]
    side = max(height, width) if longer_side else min(height, width)
    patch_px = max(_LEAST_PATCH_PX, side / patches)
    coarse_wh = (max(1, int(width / patch_px)), max(1, int(height / patch_px)))
    coarse = cv2.resize(area, coarse_wh, interpolation=cv2.INTER_AREA)
    image[top:bottom, left:right] = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
