"""Pictures into the shape a network wants, and its coordinates back; the same arithmetic as in training."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.frame import Image

GREY = 114


@dataclass(frozen=True, kw_only=True, eq=False)
class Letterboxed:
    """A network's input with the way back to the picture it was made of.

    Attributes:
        tensor: Shape (1, 3, height, width), float32, RGB, 0 to 1.
        gain: Factor from the picture to the input.
        left_px: Columns of grey on the left of the input.
        top_px: Rows of grey at its top.
        inner_wh_px: Width and height of the picture within the input.
    """

    tensor: NDArray[np.float32]
    gain: float
    left_px: int
    top_px: int
    inner_wh_px: tuple[int, int]


def letterbox(image_bgr: Image, input_wh_px: tuple[int, int]) -> Letterboxed:
    """Scale a picture into the input without distortion and fill the rest with grey.

    Args:
        image_bgr: Shape (height, width, 3), uint8.
        input_wh_px: Width and height of the input.

    Returns:
        The input.
    """
    height, width = image_bgr.shape[:2]
    gain = min(input_wh_px[0] / width, input_wh_px[1] / height)
    inner = (max(1, round(width * gain)), max(1, round(height * gain)))
    if inner != (width, height):
        # Bilinear, as in training; it would skip pixels where a picture shrinks to less than half.
        how = cv2.INTER_AREA if gain < 0.5 else cv2.INTER_LINEAR
        image_bgr = np.asarray(cv2.resize(image_bgr, inner, interpolation=how), np.uint8)
    left = round((input_wh_px[0] - inner[0]) / 2 - 0.1)
    top = round((input_wh_px[1] - inner[1]) / 2 - 0.1)
    canvas = np.full((input_wh_px[1], input_wh_px[0], 3), GREY, np.uint8)
    canvas[top : top + inner[1], left : left + inner[0]] = image_bgr
    tensor = cv2.dnn.blobFromImage(canvas, 1 / 255, swapRB=True)
    return Letterboxed(tensor=np.asarray(tensor, np.float32), gain=gain, left_px=left, top_px=top, inner_wh_px=inner)


def boxes_in_picture(boxes_xyxy: NDArray[np.float32], box: Letterboxed) -> NDArray[np.float32]:
    """Boxes (n, 4) of the input, in pixels of the picture it was made of."""
    pad = np.array([box.left_px, box.top_px] * 2, np.float32)
    return (boxes_xyxy - pad) / np.float32(box.gain)
