"""One picture with its time and its origin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from vision.errors import InvalidValueError
from vision.pixels import Image, Pixels

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """A picture as displayed: upright by its EXIF orientation, 8 bits per channel.

    Attributes:
        pixels: All of them, or fewer for who wants no more.
        captured_at: Moment of exposure, aware UTC; None where the source does not say it without doubt.
        source: Where the picture came from: a file's path or a stream's address.
        index: Position of the picture within its source, from 0.
        sha256: Lower-case hexadecimal SHA-256 of the original bytes, taken before decoding; None for frames of a video.
        ground_resolution_m: Metres of ground per pixel at the picture's centre, if somebody who knows the pose said so.
        exif_orientation: The original's EXIF orientation, 1 to 8. Other than 1, `image_bgr` is the stored picture
            turned: pixel coordinates of `image_bgr` are then not those of the file as stored.
        media_time_s: Seconds since the first frame of a video or stream, by its own clock; None for photos.
        of_interest: Where the picture is worth looking at: a grid over it, shape (rows, columns), bool; None for
            everywhere.

    Raises:
        InvalidValueError: If a field contradicts the above.
    """

    pixels: Pixels
    captured_at: datetime | None
    source: str
    index: int
    sha256: str | None = None
    ground_resolution_m: float | None = None
    exif_orientation: int = 1
    media_time_s: float | None = None
    of_interest: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if self.captured_at is not None and self.captured_at.utcoffset() != timedelta(0):
            raise InvalidValueError(f"captured_at must be aware UTC, not {self.captured_at!r}")
        if self.index < 0:
            raise InvalidValueError(f"index counts from 0, not {self.index}")
        if self.sha256 is not None and not _SHA256.fullmatch(self.sha256):
            raise InvalidValueError(f"sha256 must be 64 lower-case hexadecimal digits, not {self.sha256!r}")
        if self.ground_resolution_m is not None and not 0 < self.ground_resolution_m < float("inf"):
            raise InvalidValueError(f"ground_resolution_m must be positive, not {self.ground_resolution_m}")
        if self.exif_orientation not in range(1, 9):
            raise InvalidValueError(f"exif_orientation is 1 to 8, not {self.exif_orientation}")
        if self.media_time_s is not None and not 0 <= self.media_time_s < float("inf"):
            raise InvalidValueError(f"media_time_s counts from 0, not {self.media_time_s}")
        grid = self.of_interest
        if grid is not None and (grid.ndim != 2 or grid.dtype != np.bool_ or not grid.any()):
            raise InvalidValueError("of_interest must be a grid (rows, columns) of booleans with something of interest")

    @property
    def image_bgr(self) -> Image:
        """All pixels, shape (height, width, 3), uint8, channels blue, green, red; read-only.

        Of a video's frame they are converted when they are first asked for.
        """
        return self.pixels.bgr()

    @property
    def size_wh_px(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.size_wh_px
