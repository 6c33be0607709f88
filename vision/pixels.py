"""The pixels of a picture: all of them, or fewer for a network that wants no more."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.errors import InvalidValueError

Image = NDArray[np.uint8]


class Pixels(Protocol):
    """A picture as displayed; safe to be asked by several threads."""

    @property
    def size_wh_px(self) -> tuple[int, int]:
        """Width and height in pixels."""
        ...

    def bgr(self) -> Image:
        """All pixels, shape (height, width, 3), uint8, blue, green, red; read-only."""
        ...

    def reduced(self, size_wh_px: tuple[int, int]) -> Image:
        """The picture in a smaller or the same size (width, height), otherwise as `bgr`; see `resized`."""
        ...


class ArrayPixels:
    """Pixels that are there."""

    def __init__(self, image_bgr: Image) -> None:
        """Lock them.

        Args:
            image_bgr: Shape (height, width, 3), uint8; the caller's own array stays writable.

        Raises:
            InvalidValueError: If it has another shape or type.
        """
        if image_bgr.ndim != 3 or image_bgr.shape[2] != 3 or image_bgr.dtype != np.uint8 or 0 in image_bgr.shape:
            raise InvalidValueError(
                f"a frame needs pixels of shape (height, width, 3) uint8, not {image_bgr.shape} {image_bgr.dtype}"
            )
        self._image = image_bgr.view()
        self._image.setflags(write=False)

    @property
    def size_wh_px(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._image.shape[1], self._image.shape[0]

    def bgr(self) -> Image:
        """All pixels, shape (height, width, 3), uint8, blue, green, red; read-only."""
        return self._image

    def reduced(self, size_wh_px: tuple[int, int]) -> Image:
        """The picture in another size."""
        return resized(self._image, size_wh_px)


def resized(image: Image, size_wh_px: tuple[int, int]) -> Image:
    """A picture in another size: bilinear as in training, but no pixel is skipped where it shrinks a lot.

    Bilinear alone reads only four pixels for each of the new ones. A picture is halved by plain means of four until
    less than a factor of two is left; that costs a fraction of one exact mean over each new pixel's area.

    Args:
        image: Shape (height, width, 3) or (height, width), uint8.
        size_wh_px: Width and height wanted.

    Returns:
        The picture; the same object if it has that size already.
    """
    height, width = image.shape[:2]
    while width >= 2 * size_wh_px[0] and height >= 2 * size_wh_px[1]:
        # An odd last row or column is dropped, so that the fast path of exact halves applies.
        even = image[: height // 2 * 2, : width // 2 * 2]
        image = np.asarray(cv2.resize(even, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8)
        height, width = image.shape[:2]
    if (width, height) == size_wh_px:
        return image
    return np.asarray(cv2.resize(image, size_wh_px, interpolation=cv2.INTER_LINEAR), np.uint8)
