"""Pictures into the shape a network wants, and its coordinates back; the same arithmetic as in training."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.errors import InvalidValueError
from vision.pixels import Image, resized

GREY = 114
INPUT_STEP_PX = 32
"""Sides of an input are multiples of this: the networks halve five times."""

_LEVEL = np.float32(1 / 255)


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

    @property
    def input_wh_px(self) -> tuple[int, int]:
        """Width and height of the input."""
        return self.tensor.shape[3], self.tensor.shape[2]


def letterbox(
    image_bgr: Image, input_wh_px: tuple[int, int], *, into: NDArray[np.float32] | None = None
) -> Letterboxed:
    """Scale a picture into the input without distortion and fill the rest with grey.

    Args:
        image_bgr: Shape (height, width, 3), uint8.
        input_wh_px: Width and height of the input.
        into: Memory for the tensor, shape (1, 3, height, width), to be used again and again; new if None.

    Returns:
        The input.

    Raises:
        InvalidValueError: If `into` has another shape or type.
    """
    shape = (1, 3, input_wh_px[1], input_wh_px[0])
    tensor = np.empty(shape, np.float32) if into is None else into
    if tensor.shape != shape or tensor.dtype != np.float32:
        raise InvalidValueError(f"the tensor must have the shape {shape} float32, not {tensor.shape} {tensor.dtype}")
    height, width = image_bgr.shape[:2]
    gain = min(input_wh_px[0] / width, input_wh_px[1] / height)
    inner = inner_size((width, height), input_wh_px)
    left = round((input_wh_px[0] - inner[0]) / 2 - 0.1)
    top = round((input_wh_px[1] - inner[1]) / 2 - 0.1)
    _fill(tensor[0], resized(image_bgr, inner), left, top)
    return Letterboxed(tensor=tensor, gain=gain, left_px=left, top_px=top, inner_wh_px=inner)


def inner_size(size_wh_px: tuple[int, int], input_wh_px: tuple[int, int]) -> tuple[int, int]:
    """Width and height of a picture scaled to touch two opposite sides of the input, undistorted."""
    gain = min(input_wh_px[0] / size_wh_px[0], input_wh_px[1] / size_wh_px[1])
    return max(1, round(size_wh_px[0] * gain)), max(1, round(size_wh_px[1] * gain))


def least_input(size_wh_px: tuple[int, int], input_wh_px: tuple[int, int]) -> tuple[int, int]:
    """The smallest input, in steps of 32 px, that shows a picture as large as `input_wh_px` would."""
    width, height = (math.ceil(s / INPUT_STEP_PX) * INPUT_STEP_PX for s in inner_size(size_wh_px, input_wh_px))
    return min(width, input_wh_px[0]), min(height, input_wh_px[1])


def boxes_in_picture(boxes_xyxy: NDArray[np.float32], box: Letterboxed) -> NDArray[np.float32]:
    """Boxes (n, 4) of the input, in pixels of the picture it was made of."""
    pad = np.array([box.left_px, box.top_px] * 2, np.float32)
    return (boxes_xyxy - pad) / np.float32(box.gain)


def _fill(planes: NDArray[np.float32], image_bgr: Image, left: int, top: int) -> None:
    """Write a picture as planes of red, green and blue from 0 to 1, and grey around it, in one pass each."""
    height, width = image_bgr.shape[:2]
    planes[:, :top] = GREY * _LEVEL
    planes[:, top + height :] = GREY * _LEVEL
    planes[:, top : top + height, :left] = GREY * _LEVEL
    planes[:, top : top + height, left + width :] = GREY * _LEVEL
    inner = planes[:, top : top + height, left : left + width]
    for plane, channel in zip(inner[::-1], cv2.split(image_bgr), strict=True):
        np.multiply(channel, _LEVEL, out=plane)
