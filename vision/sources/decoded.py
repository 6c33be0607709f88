"""The pixels of a decoded picture, converted when somebody asks for them.

What goes to a network is a ninth of a 1080p picture: brightness and colour are shrunk as the decoder left them, and
only that is converted. The whole picture is converted for those few that become evidence.
"""

from __future__ import annotations

import threading

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from vision.pixels import ArrayPixels, Image, Pixels, resized
from vision.sources.pictures import Turn, is_as_stored, upright_bgr

_PLANAR = frozenset({"yuv420p", "yuvj420p"})
_LUMA_WEIGHTS = {1: (0.2126, 0.0722), 2: (0.299, 0.114), 5: (0.299, 0.114), 6: (0.299, 0.114)}
"""Weights of red and blue in the brightness, by what the film says of its colours (ITU-T H.273, matrix coefficients):
BT.709, nothing, which FFmpeg takes for BT.601, and twice BT.601."""
_FULL_RANGE = 2


def pixels_of(picture: VideoFrame, turn: Turn | None) -> Pixels:
    """The pixels of a decoded picture as displayed.

    Args:
        picture: Of any pixel format.
        turn: What `turn_of` or `Turns.of` says of it.

    Returns:
        Pixels that are converted when asked for, or now where the picture is turned or of a rare format.
    """
    if is_as_stored(turn) and picture.format.name in _PLANAR and int(picture.colorspace) in _LUMA_WEIGHTS:
        return DecodedPixels(picture)
    return ArrayPixels(upright_bgr(picture, turn))


class DecodedPixels:
    """Pixels as the decoder left them: brightness, and colour at half the size."""

    def __init__(self, picture: VideoFrame) -> None:
        """Keep a picture of format yuv420p or yuvj420p that is displayed as stored."""
        self._size_wh_px = (picture.width, picture.height)
        self._picture: VideoFrame | None = picture
        self._whole: ArrayPixels | None = None
        self._lock = threading.Lock()

    @property
    def size_wh_px(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._size_wh_px

    def bgr(self) -> Image:
        """All pixels, shape (height, width, 3), uint8, blue, green, red; read-only."""
        return self._converted().bgr()

    def reduced(self, size_wh_px: tuple[int, int]) -> Image:
        """The picture in a smaller or the same size."""
        with self._lock:
            picture = self._picture
        width, height = self._size_wh_px
        if picture is None or 2 * size_wh_px[0] > width or 2 * size_wh_px[1] > height:
            return self._converted().reduced(size_wh_px)
        planes = cv2.merge([resized(plane, size_wh_px) for plane in _planes(picture)])
        return np.asarray(cv2.transform(planes, _bgr_from_yuv(picture)), np.uint8)

    def _converted(self) -> ArrayPixels:
        with self._lock:
            if self._whole is None:
                assert self._picture is not None
                self._whole = ArrayPixels(upright_bgr(self._picture, None))
                self._picture = None
            return self._whole


def _planes(picture: VideoFrame) -> list[Image]:
    planes = []
    for plane in picture.planes:
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        planes.append(rows[: plane.height, : plane.width])
    return planes


def _bgr_from_yuv(picture: VideoFrame) -> NDArray[np.float32]:
    """The matrix (3, 4) from brightness and two colours, 0 to 255, to blue, green and red."""
    red, blue = _LUMA_WEIGHTS[int(picture.colorspace)]
    green = 1 - red - blue
    full = picture.format.name == "yuvj420p" or int(picture.color_range) == _FULL_RANGE
    black, gain, colour_gain = (0.0, 1.0, 2.0) if full else (16.0, 255 / 219, 255 / 112)
    matrix = np.array(
        [
            [gain, colour_gain * (1 - blue), 0.0],
            [gain, -colour_gain * (1 - blue) * blue / green, -colour_gain * (1 - red) * red / green],
            [gain, 0.0, colour_gain * (1 - red)],
        ]
    )
    offset = -matrix @ (black, 128.0, 128.0)
    return np.column_stack((matrix, offset)).astype(np.float32)
