"""Paints open water into the ground: depth colour, wind ripples, glints, and a wet muddy shore."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

# BGR, read off pictures of small reservoirs from above: the middle, the shallow rim, and wet mud.
_DEEP = np.array([74.0, 78.0, 52.0], dtype=np.float32)
_SHALLOW = np.array([104.0, 122.0, 98.0], dtype=np.float32)
_MUD = np.array([118.0, 142.0, 156.0], dtype=np.float32)
_SHALLOW_M = 7.0
_MUD_M = 1.8


def paint_water(image: Image, shore_px: NDArray[np.float64], resolution_m: float, rng: np.random.Generator) -> None:
    """Paints the polygon as water, in place.

    Args:
        image: BGR, shape (h, w, 3).
        shore_px: Shore line (column, row), shape (n, 2).
        resolution_m: Metres per pixel.
        rng: Draws ripples and glints.
    """
    margin = round(8 / resolution_m)
    left, top = np.maximum(np.floor(shore_px.min(axis=0)).astype(int) - margin, 0)
    right, bottom = np.ceil(shore_px.max(axis=0)).astype(int) + margin
    block = image[top:bottom, left:right]
    inside_m = _signed_distance_m(block.shape[:2], shore_px - (left, top), resolution_m)
    inside_m += 0.35 * _noise(block.shape[:2], 3.0 / resolution_m, rng)
    colour = _water_colour(inside_m, resolution_m, rng)
    _blend(block, np.broadcast_to(_MUD, colour.shape), np.clip(1 + inside_m / _MUD_M, 0, 1) * 0.75)
    _blend(block, colour, np.clip(inside_m / 0.25, 0, 1))


def _signed_distance_m(
    shape_hw: tuple[int, int], shore_px: NDArray[np.float64], resolution_m: float
) -> NDArray[np.float32]:
    """Metres from the shore line, positive on the water."""
    mask = np.zeros(shape_hw, dtype=np.uint8)
    cv2.fillPoly(mask, [np.round(shore_px).astype(np.int32)], 1)
    within = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    outside = cv2.distanceTransform(1 - mask, cv2.DIST_L2, 3)
    return np.asarray((within - outside) * resolution_m, dtype=np.float32)


def _water_colour(inside_m: NDArray[np.float32], resolution_m: float, rng: np.random.Generator) -> NDArray[np.float32]:
    depth = np.clip(inside_m / _SHALLOW_M, 0, 1)[..., None] ** 0.7
    colour = _SHALLOW * (1 - depth) + _DEEP * depth
    shape = inside_m.shape
    sky = _noise(shape, 22 / resolution_m, rng)
    ripple = _noise(shape, 0.5 / resolution_m, rng, stretch=2.6) + 0.6 * _noise(shape, 0.16 / resolution_m, rng, 2.0)
    shade = 5.0 * sky + 3.2 * ripple * (0.55 + 0.45 * np.tanh(sky))
    glint = np.clip(ripple - 3.3, 0, 1) * 45
    return np.asarray(colour + (shade + glint)[..., None], dtype=np.float32)


def _noise(
    shape_hw: tuple[int, int], size_px: float, rng: np.random.Generator, stretch: float = 1.0
) -> NDArray[np.float32]:
    """Smooth noise of unit spread whose blobs measure about `size_px`, `stretch` times longer across the wind."""
    step = max(size_px / 2, 1.0)
    small = (max(int(shape_hw[0] / step), 4), max(int(shape_hw[1] / (step * stretch)), 4))
    field = cv2.GaussianBlur(rng.standard_normal(small, dtype=np.float32), (0, 0), 1.0)
    large = cv2.resize(field, (shape_hw[1], shape_hw[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray((large - large.mean()) / large.std(), dtype=np.float32)


def _blend(block: Image, colour: NDArray[np.float32], alpha: NDArray[np.float32]) -> None:
    weight = alpha[..., None].astype(np.float32)
    block[:] = np.clip(np.round(colour * weight + block * (1 - weight)), 0, 255).astype(np.uint8)
