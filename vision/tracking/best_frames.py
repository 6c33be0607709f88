"""Which frames of a track are kept as evidence: sharp, large, central; as JPEG, each frame kept once for all tracks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.edge import is_cut
from vision.frame import Frame

# A crop whose Laplacian varies by this much is as sharp as it need be.
_SHARP = 150.0
_CONTEXT = 0.5
# Of a large thing the middle tells how sharp it is.
_MOST_JUDGED_PX = 640.0
_CUT_WORTH = 0.25


@dataclass(frozen=True, kw_only=True)
class BestFrame:
    """A frame kept as evidence of a track.

    Attributes:
        source: Where the frame came from.
        index: Its number in that source.
        captured_at: Its time, aware UTC, where the source tells one.
        media_time_s: Its time on the source's clock.
        box_xyxy_px: Where the thing is in it.
        confidence: How sure the detector was.
        quality: 0 to 1: sharpness, size and centrality together.
        size_wh_px: Width and height of the frame.
        jpeg: The whole frame, as looked at; encoded here, so not the original's bytes.
    """

    source: str
    index: int
    captured_at: datetime | None
    media_time_s: float | None
    box_xyxy_px: tuple[float, float, float, float]
    confidence: float
    quality: float
    size_wh_px: tuple[int, int]
    jpeg: bytes


def quality(frame: Frame, box_xyxy_px: NDArray[np.float32]) -> float:
    """How good a frame is as evidence of what is in a box, 0 to 1.

    The geometric mean of three shares: the sharpness of the box and its surroundings, the size of the box against a
    fifth of the picture, and how near it is to the middle; a box that the edge cuts off is worth a quarter.
    """
    width, height = frame.size_wh_px
    left, top, right, bottom = (float(value) for value in box_xyxy_px)
    size = min(((right - left) * (bottom - top)) ** 0.5 / (0.2 * (width * height) ** 0.5), 1.0)
    off = np.hypot((left + right) / width - 1, (top + bottom) / height - 1) / 2**0.5
    parts = _sharpness(frame, (left, top, right, bottom)) * size * (1 - 0.8 * min(float(off), 1.0))
    return float(parts ** (1 / 3)) * (_CUT_WORTH if is_cut(box_xyxy_px, frame.size_wh_px) else 1.0)


def _sharpness(frame: Frame, box: tuple[float, float, float, float]) -> float:
    left, top, right, bottom = box
    rows, columns = _around(top, bottom), _around(left, right)
    crop = frame.image_bgr[rows, columns]
    if min(crop.shape[:2]) < 3:
        return 0.0
    spread = float(cv2.Laplacian(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), cv2.CV_32F).var())
    return spread / (spread + _SHARP)


def _around(low: float, high: float) -> slice:
    """The pixels from one side to the other, with some beyond; no more than are needed to judge by."""
    middle, half = (low + high) / 2, (0.5 + _CONTEXT) * (high - low) + 8
    half = min(half, _MOST_JUDGED_PX / 2)
    return slice(max(int(middle - half), 0), max(int(middle + half) + 1, 0))


class FrameStore:
    """JPEGs of frames, each encoded once and counted by how many tracks keep it."""

    def __init__(self, *, jpeg_quality: int) -> None:
        self._jpeg_quality = jpeg_quality
        self._kept: dict[tuple[str, int], tuple[bytes, int]] = {}

    @property
    def bytes_kept(self) -> int:
        """Size of all JPEGs."""
        return sum(len(jpeg) for jpeg, _ in self._kept.values())

    def keep(self, frame: Frame) -> bytes:
        """The frame's JPEG, counted once more."""
        key = (frame.source, frame.index)
        jpeg, count = self._kept.get(key) or (self._encoded(frame), 0)
        self._kept[key] = (jpeg, count + 1)
        return jpeg

    def drop(self, frames: Iterable[BestFrame]) -> None:
        """Forget frames that a track no longer keeps."""
        for frame in frames:
            key = (frame.source, frame.index)
            jpeg, count = self._kept[key]
            if count > 1:
                self._kept[key] = (jpeg, count - 1)
            else:
                del self._kept[key]

    def _encoded(self, frame: Frame) -> bytes:
        _, data = cv2.imencode(".jpg", frame.image_bgr, [cv2.IMWRITE_JPEG_QUALITY, self._jpeg_quality])
        return data.tobytes()
