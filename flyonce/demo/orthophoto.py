"""The real ground: two orthophoto crops of the NEON programme, out of an installed data package.

The package is only unpacked data here: it is found by name and never imported (its own imports would need torch).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from flyonce.demo.errors import MissingGroundError

_DISTRIBUTION = "deepforest"
PACKAGE = f"{_DISTRIBUTION}==2.1.0"
RESOLUTION_M = 0.1
MEADOW_FILE = "2019_YELL_2_528000_4978000_image_crop2.png"
ROAD_FILE = "2019_YELL_2_541000_4977000_image_crop.png"

# Where the yellow centre line of the real road runs in ROAD_FILE: (row, column) in pixels, read off the picture.
_ROAD_ROW_COL_PX = (
    (0, 172), (93, 192), (180, 209), (240, 225), (300, 245), (360, 267), (450, 305), (540, 343),
    (600, 369), (700, 423), (780, 474), (840, 516), (960, 590), (1034, 650),
)  # fmt: skip

# First and 99th percentile of each channel (blue, green, red) of ROAD_FILE; and its first one brought to MEADOW_FILE's.
_HAZY_BGR = ((89.0, 70.0, 45.0), (228.0, 240.0, 239.0))
_CLEAR_BGR = ((48.0, 50.0, 32.0), (222.0, 232.0, 232.0))
# Nearer to the picture's edge than this the road's full width is not in the picture.
_STRIP_MARGIN_M = 5.0

Image = NDArray[np.uint8]


def orthophoto_path(file_name: str) -> Path:
    """The installed file.

    Raises:
        MissingGroundError: The data package or this file of it is not there.
    """
    try:
        path = Path(str(distribution(_DISTRIBUTION).locate_file(f"deepforest/data/{file_name}")))
    except PackageNotFoundError:
        raise MissingGroundError(package=PACKAGE, file_name=file_name) from None
    if not path.is_file():
        raise MissingGroundError(package=PACKAGE, file_name=file_name)
    return path


def read_orthophoto(file_name: str) -> Image:
    """The picture as BGR, shape (h, w, 3), north up, `RESOLUTION_M` per pixel.

    Raises:
        MissingGroundError: The data package is not there, or the file cannot be read.
    """
    image = cv2.imread(str(orthophoto_path(file_name)), cv2.IMREAD_COLOR)
    if image is None:
        raise MissingGroundError(package=PACKAGE, file_name=file_name)
    return np.asarray(image, dtype=np.uint8)


def _without_haze(image: Image) -> Image:
    """The shadows of each channel brought to the meadow's: that crop was taken on a clearer day."""
    (low, high), (wanted_low, wanted_high) = np.array(_HAZY_BGR), np.array(_CLEAR_BGR)
    levels = np.arange(256)[:, None]
    table = (levels - low) * (wanted_high - wanted_low) / (high - low) + wanted_low
    return np.asarray(cv2.LUT(image, np.clip(np.round(table), 0, 255).astype(np.uint8)[:, None, :]), dtype=np.uint8)


@dataclass(frozen=True, kw_only=True)
class RoadPatch:
    """The crop with a real road, mirrored east-west so that its shadows fall as those of the meadow do.

    Attributes:
        image: BGR, shape (h, w, 3).
    """

    image: Image

    @classmethod
    def read(cls) -> RoadPatch:
        """Reads the crop.

        Raises:
            MissingGroundError: The data package is not there.
        """
        return cls(image=_without_haze(np.ascontiguousarray(read_orthophoto(ROAD_FILE)[:, ::-1])))

    @cached_property
    def centre_line_px(self) -> NDArray[np.float64]:
        """The road's yellow line (column, row) every 20 rows, shape (n, 2), sharpened on the picture itself."""
        height, width = self.image.shape[:2]
        row, col = np.array(_ROAD_ROW_COL_PX, dtype=np.float64).T
        guess = np.poly1d(np.polyfit(row, width - 1 - col, 5))
        yellow = cv2.GaussianBlur(cv2.cvtColor(self.image, cv2.COLOR_BGR2LAB)[..., 2], (5, 5), 0)
        rows = np.arange(0, height, 4)
        seen = []
        for at in rows:
            left = round(float(guess(at))) - 7
            seen.append(left + int(np.argmax(yellow[at, left : left + 15])))
        sharpened = np.poly1d(np.polyfit(rows, seen, 5))
        at_rows = np.arange(0.0, height, 20.0)
        return np.column_stack([sharpened(at_rows), at_rows])

    def strip(self, half_width_m: float, resolution_m: float) -> Image:
        """The road's longest sunny stretch unrolled: rows run along it (down the picture), columns west to east."""
        line = self.centre_line_px
        length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))]) * RESOLUTION_M
        along = np.arange(_STRIP_MARGIN_M, length[-1] - _STRIP_MARGIN_M, resolution_m)
        centre = np.column_stack([np.interp(along, length, line[:, k]) for k in (0, 1)])
        tangent = np.gradient(centre, axis=0)
        tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
        across = np.arange(-half_width_m, half_width_m + resolution_m / 2, resolution_m) / RESOLUTION_M
        col = centre[:, :1] + across * tangent[:, 1:]
        row = centre[:, 1:] - across * tangent[:, :1]
        remapped = cv2.remap(self.image, col.astype(np.float32), row.astype(np.float32), cv2.INTER_CUBIC)
        return _longest_sunny(np.asarray(remapped, dtype=np.uint8))


def _longest_sunny(strip: Image) -> Image:
    """The longest run of rows without a tree's shadow: elsewhere no tree would stand beside it."""
    grey = cv2.blur(cv2.cvtColor(strip, cv2.COLOR_BGR2GRAY), (5, 5))
    inner = grey[:, strip.shape[1] // 7 : -(strip.shape[1] // 7)]
    sunny = np.concatenate([[False], inner.min(axis=1) > 0.72 * np.median(inner), [False]])
    starts, ends = (
        np.flatnonzero(np.diff(sunny.astype(np.int8)) == 1),
        np.flatnonzero(np.diff(sunny.astype(np.int8)) == -1),
    )
    longest = int(np.argmax(ends - starts))
    return np.ascontiguousarray(strip[starts[longest] : ends[longest]])
