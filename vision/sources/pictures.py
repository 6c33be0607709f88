"""From a decoded picture of PyAV to upright 8-bit BGR."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, cast

import cv2
import numpy as np
from av.buffer import Buffer
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame

from vision.pixels import Image

_TURNS = {
    (1, 0, 0, 1): None,
    (0, 1, -1, 0): cv2.ROTATE_90_CLOCKWISE,
    (-1, 0, 0, -1): cv2.ROTATE_180,
    (0, -1, 1, 0): cv2.ROTATE_90_COUNTERCLOCKWISE,
}
_MIRRORS = {
    (-1, 0, 0, 1): 1,
    (1, 0, 0, -1): 0,
}
_TRANSPOSES = {
    (0, 1, 1, 0): False,
    (0, -1, -1, 0): True,
}
_AS_STORED = (1, 0, 0, 1)

Turn = tuple[int, int, int, int]
"""The 2 × 2 part (a, b, c, d) of a display matrix in quarter turns: displayed x = a·x + c·y, y = b·x + d·y."""


def turn_of(picture: VideoFrame) -> Turn | None:
    """How the container or the stream wants the picture displayed.

    Args:
        picture: A decoded picture.

    Returns:
        A quarter turn or mirroring, (1, 0, 0, 1) for none; None when the display matrix is something else.
    """
    beside: Mapping[SideDataType, Buffer] = cast(Any, picture.side_data)
    try:
        matrix = beside[SideDataType.DISPLAYMATRIX]
    except (KeyError, ValueError):
        return _AS_STORED
    return _quarter_turn(bytes(matrix))


class Turns:
    """How a stream's pictures are to be displayed, looked up again only when their rotation or size changes.

    PyAV ties a picture whose side data are read into a cycle of references: its megabytes would then wait for Python's
    rare search for cycles, instead of being freed at once.
    """

    def __init__(self) -> None:
        self._known_for: tuple[int, int, int] | None = None
        self._turn: Turn | None = _AS_STORED

    def of(self, picture: VideoFrame) -> Turn | None:
        """The same as `turn_of`."""
        kind = (picture.rotation, picture.width, picture.height)
        if kind != self._known_for:
            self._turn, self._known_for = turn_of(picture), kind
        return self._turn


def is_as_stored(turn: Turn | None) -> bool:
    """Whether pictures are displayed as they are stored; a matrix that is no quarter turn is left alone."""
    return turn in (None, _AS_STORED)


def displayed_size(picture: VideoFrame) -> tuple[int, int]:
    """Width and height in pixels of what `upright_bgr` makes of a picture."""
    turn = turn_of(picture) or _AS_STORED
    return (picture.width, picture.height) if turn[0] else (picture.height, picture.width)


def upright_bgr(picture: VideoFrame, turn: Turn | None) -> Image:
    """Convert to BGR and turn as the display matrix says; a matrix that is no quarter turn is left alone.

    Args:
        picture: A decoded picture of any pixel format.
        turn: What `turn_of` or `Turns.of` says of it.

    Returns:
        Pixels, shape (height, width, 3), uint8, blue, green, red.
    """
    stored = np.asarray(picture.to_ndarray(format="bgr24"), np.uint8)
    return _turned(stored, turn or _AS_STORED)


def _turned(image: Image, turn: Turn) -> Image:
    if turn in _TRANSPOSES:
        turned = cv2.transpose(image)
        return np.asarray(cv2.rotate(turned, cv2.ROTATE_180) if _TRANSPOSES[turn] else turned, np.uint8)
    if turn in _MIRRORS:
        return np.asarray(cv2.flip(image, _MIRRORS[turn]), np.uint8)
    code = _TURNS[turn]
    return image if code is None else np.asarray(cv2.rotate(image, code), np.uint8)


def _quarter_turn(matrix: bytes) -> Turn | None:
    if len(matrix) < 36:
        return None
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix[:36])
    largest = max(abs(value) for value in (a, b, c, d))
    if largest == 0:
        return None
    parts = (a / largest, b / largest, c / largest, d / largest)
    rounded = tuple(round(part) for part in parts)
    if any(abs(part - whole) > 0.01 for part, whole in zip(parts, rounded, strict=True)):
        return None
    turn = (rounded[0], rounded[1], rounded[2], rounded[3])
    return turn if turn in _TURNS or turn in _MIRRORS or turn in _TRANSPOSES else None
