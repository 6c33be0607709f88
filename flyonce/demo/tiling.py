"""Tiles a picture over a larger area without visible seams: overlapping copies, cut where they differ least."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def tile_seamlessly(tile: Image, size_wh_px: tuple[int, int], overlap_px: int) -> Image:
    """The tile repeated to fill `size_wh_px` (width, height).

    Args:
        tile: Shape (h, w, 3).
        size_wh_px: Size of the result.
        overlap_px: How far neighbours overlap; the cut runs somewhere inside.

    Raises:
        ValueError: The overlap does not fit twice into the tile.
    """
    if not 1 < overlap_px <= min(tile.shape[:2]) // 2:
        raise ValueError(f"an overlap of {overlap_px} px does not fit twice into a tile of {tile.shape[1::-1]} px")
    width, height = size_wh_px
    row = _repeat_across(tile, width, overlap_px)
    column = _repeat_across(np.ascontiguousarray(row.transpose(1, 0, 2)), height, overlap_px)
    return np.ascontiguousarray(column.transpose(1, 0, 2))


def _repeat_across(tile: Image, width: int, overlap: int) -> Image:
    step = tile.shape[1] - overlap
    joint = _joint(tile[:, -overlap:], tile[:, :overlap])
    period = np.concatenate([joint, tile[:, overlap:-overlap]], axis=1)
    copies = -(-(width - overlap) // step)
    row = np.concatenate([tile[:, :overlap], tile[:, overlap:-overlap], *[period] * copies], axis=1)
    return np.ascontiguousarray(row[:, :width])


def _joint(left: Image, right: Image) -> Image:
    """Crosses over from `left` to `right` along the cut where they differ least."""
    contrast = np.abs(left.astype(np.float32) - right.astype(np.float32)).sum(axis=2)
    cut = _cheapest_cut(cv2.blur(contrast, (9, 9)))
    cols = np.arange(left.shape[1])[None, :]
    weight = np.clip((cols - cut[:, None]) / 12 + 0.5, 0, 1)[..., None].astype(np.float32)
    return np.round(left * (1 - weight) + right * weight).astype(np.uint8)


def _cheapest_cut(cost: NDArray[np.float32]) -> NDArray[np.int64]:
    """Column of the cheapest top-to-bottom path in every row, moving at most one column per row."""
    total = cost.copy()
    # The cut stays off the edges so that the cross-fade is complete inside the overlap.
    total[:, :8] = total[:, -8:] = 1e6
    for row in range(1, len(total)):
        above = np.pad(total[row - 1], 1, constant_values=np.inf)
        total[row] += np.minimum(np.minimum(above[:-2], above[1:-1]), above[2:])
    cut = np.empty(len(total), dtype=np.int64)
    cut[-1] = int(np.argmin(total[-1]))
    for row in range(len(total) - 2, -1, -1):
        first = max(cut[row + 1] - 1, 0)
        cut[row] = first + int(np.argmin(total[row, first : cut[row + 1] + 2]))
    return cut
