"""Surfaces made from noise: grass, soil, asphalt, water, and the things on them that are none of our classes."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Field = NDArray[np.float32]
Mask = NDArray[np.bool_]

# BGR colours and how much each surface varies at coarse and at fine grain.
SURFACES: dict[str, tuple[list[tuple[int, int, int]], float, float]] = {
    "grass": ([(55, 110, 80), (60, 120, 110), (70, 105, 75), (85, 140, 125), (45, 85, 70), (95, 145, 140)], 14, 13),
    "soil": ([(95, 125, 150), (120, 145, 165), (80, 105, 125), (130, 160, 185), (75, 90, 110)], 13, 9),
    "asphalt": ([(95, 95, 95), (120, 120, 118), (70, 70, 72), (140, 140, 138), (105, 110, 112)], 6, 6),
    "concrete": ([(170, 175, 178), (190, 195, 195), (150, 155, 160), (165, 175, 185)], 6, 4),
    "gravel": ([(140, 150, 155), (120, 130, 140), (155, 165, 175)], 7, 18),
}
WATERS: list[tuple[int, int, int]] = [
    (75, 105, 110),
    (60, 85, 85),
    (90, 115, 125),
    (85, 80, 55),
    (70, 75, 60),
    (60, 60, 50),
    (105, 135, 145),
    (110, 110, 85),
    (50, 70, 60),
    (125, 130, 125),
]


def _shown(values: NDArray[np.floating[Any]]) -> Pixels:
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def waves(
    rng: np.random.Generator, size: int, coarsest_px: float, falloff: float = 0.55, finest_px: float = 2
) -> Field:
    """Cloud-like noise of zero mean and unit spread, (size, size) float32."""
    total = np.zeros((size, size), np.float32)
    step, weight = max(coarsest_px, finest_px), 1.0
    if step >= 16 and size >= 64:  # what is coarse is made small and enlarged: half the time
        small = np.zeros((size // 4 + 1, size // 4 + 1), np.float32)
        while step >= 8:
            small += weight * _octave(rng, small.shape[0], step / 4)
            step, weight = step / 2, weight * falloff
        total += cv2.resize(small, None, fx=4, fy=4, interpolation=cv2.INTER_LINEAR)[:size, :size]
    while step >= finest_px:
        total += weight * _octave(rng, size, step)
        step, weight = step / 2, weight * falloff
    return np.asarray((total - total.mean()) / max(float(total.std()), 1e-6), np.float32)


def _octave(rng: np.random.Generator, size: int, step_px: float) -> Field:
    cells = int(size / step_px) + 4
    grid = rng.standard_normal((cells, cells), np.float32)
    big = cv2.resize(grid, None, fx=step_px, fy=step_px, interpolation=cv2.INTER_CUBIC)
    row, column = rng.integers(0, big.shape[0] - size + 1), rng.integers(0, big.shape[1] - size + 1)
    return np.asarray(big[row : row + size, column : column + size], np.float32)


def surface(rng: np.random.Generator, name: str, size: int) -> Pixels:
    """A patch of one of `SURFACES`, (size, size, 3) BGR."""
    colours, coarse, fine = SURFACES[name]
    one, other = (np.array(colours[rng.integers(len(colours))], np.float32) for _ in range(2))
    mix = 1 / (1 + np.exp(-1.5 * waves(rng, size, size / rng.uniform(2, 6))))[..., None]
    shade = coarse * waves(rng, size, size / rng.uniform(6, 20)) + fine * waves(
        rng, size, rng.uniform(2.5, 6), 0.8, 1.5
    )
    return _shown(one * mix + other * (1 - mix) + shade[..., None])


def water(rng: np.random.Generator, size: int) -> Pixels:
    """Open water with wind waves and slow changes of colour, (size, size, 3) BGR."""
    colour = np.array(WATERS[rng.integers(len(WATERS))], np.float32) + rng.uniform(-10, 10, 3).astype(np.float32)
    big = size * 2
    ripples = cv2.resize(waves(rng, big, rng.uniform(4, 14), 0.5), (big, int(big * rng.uniform(0.25, 0.6))))
    ripples = cv2.copyMakeBorder(ripples, 0, big - ripples.shape[0], 0, 0, cv2.BORDER_REFLECT)
    turn = cv2.getRotationMatrix2D((big / 2, big / 2), float(rng.uniform(0, 180)), 1.0)
    ripples = cv2.warpAffine(ripples, turn, (big, big), borderMode=cv2.BORDER_REFLECT)
    ripples = ripples[size // 2 : size // 2 + size, size // 2 : size // 2 + size]
    slow = waves(rng, size, size / 2)
    shade = rng.uniform(0.5, 7) * ripples + rng.uniform(2, 8) * slow
    return _shown(colour + shade[..., None])


def blob(rng: np.random.Generator, size: int, at: tuple[float, float], radius_px: float, rough: float = 0.35) -> Mask:
    """An irregular patch around a pixel, (size, size) bool."""
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    reach = np.hypot(columns - at[0], rows - at[1])
    return np.asarray(reach < radius_px * (1 + rough * waves(rng, size, max(radius_px * 0.9, 4))), bool)


def darken(picture: Pixels, where: Mask, share: float, soft_px: float) -> Pixels:
    """A copy with a shadow that takes away `share` of the light, a little less of the blue."""
    depth = cv2.GaussianBlur(where.astype(np.float32), (0, 0), max(soft_px, 0.3))[..., None]
    keep = 1 - depth * np.array([share * 0.85, share * 0.97, share], np.float32)
    return _shown(picture.astype(np.float32) * keep)


def crown(
    rng: np.random.Generator, picture: Pixels, at: tuple[float, float], radius_px: float, fall_px: tuple[float, float]
) -> tuple[Pixels, Mask]:
    """A copy with a tree and its shadow; and the (h, w) bool mask of what the leaves hide."""
    size = picture.shape[0]
    leaves = blob(rng, size, at, radius_px, 0.3)
    shift = np.array([[1, 0, fall_px[0]], [0, 1, fall_px[1]]], np.float32)
    cast = cv2.warpAffine(leaves.astype(np.uint8), shift, (size, size)).astype(bool)
    shaded = darken(picture, cast & ~leaves, float(rng.uniform(0.45, 0.7)), 1.5)
    colour = np.array([(40, 85, 60), (45, 100, 75), (60, 110, 95), (50, 75, 60)][rng.integers(4)], np.float32)
    light = 22 * waves(rng, size, max(radius_px / 3, 3), 0.75) + 14 * waves(rng, size, 4, 0.8, 1.5)
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    side = ((columns - at[0]) * fall_px[0] + (rows - at[1]) * fall_px[1]) / max(math.hypot(*fall_px) * radius_px, 1)
    shade = (light - 22 * side)[..., None] * np.array([0.6, 1.0, 0.85], np.float32)
    edge = cv2.GaussianBlur(leaves.astype(np.float32), (0, 0), 1.0)[..., None]
    mixed = shaded * (1 - edge) + np.clip(colour + shade, 0, 255) * edge
    return np.clip(mixed, 0, 255).astype(np.uint8), leaves


def roof(
    rng: np.random.Generator, picture: Pixels, ground_m: float, fall_px: tuple[float, float]
) -> tuple[Pixels, Mask]:
    """A copy with a house and its shadow; and the mask of the roof."""
    size = picture.shape[0]
    half = np.array([rng.uniform(3, 9), rng.uniform(2.5, 5)]) / ground_m
    turn = rng.uniform(0, np.pi)
    axes = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    middle = rng.uniform(0, size, 2)
    corners = middle + (np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half) @ axes
    flat = np.zeros((size, size), np.uint8)
    cv2.fillPoly(flat, [corners.astype(np.int32)], 1)
    cast = np.zeros_like(flat)
    for share in np.linspace(0, 2.0, 9):
        cv2.fillPoly(cast, [(corners + share * np.array(fall_px)).astype(np.int32)], 1)
    shaded = darken(picture, (cast > 0) & (flat == 0), float(rng.uniform(0.5, 0.75)), 1.0).astype(np.float32)
    palette = [
        (70, 80, 150),
        (110, 110, 115),
        (150, 120, 80),
        (215, 215, 215),
        (80, 80, 85),
        (90, 110, 140),
        (170, 175, 180),
    ]
    colour = np.array(palette[rng.integers(len(palette))], np.float32)
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    across = (columns - middle[0]) * axes[1, 0] + (rows - middle[1]) * axes[1, 1]
    ridges = np.sin(((columns - middle[0]) * axes[0, 0] + (rows - middle[1]) * axes[0, 1]) * 2 * np.pi * ground_m / 0.3)
    shade = np.where(across > 0, rng.uniform(5, 30), -rng.uniform(5, 30)) + 3 * ridges + 5 * waves(rng, size, 40)
    shaded[flat > 0] = np.clip(colour + shade[..., None], 0, 255)[flat > 0]
    return shaded.astype(np.uint8), flat.astype(bool)


def road(rng: np.random.Generator, picture: Pixels, ground_m: float) -> tuple[Pixels, Mask]:
    """A copy with a straight road across it; and the mask of its surface."""
    size = picture.shape[0]
    half = rng.uniform(2.5, 5.5) / ground_m
    turn, off = rng.uniform(0, np.pi), rng.uniform(-0.25, 0.25) * size
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32) - size / 2
    across = columns * math.sin(turn) - rows * math.cos(turn) - off
    along = columns * math.cos(turn) + rows * math.sin(turn)
    ragged = waves(rng, size, 30) * rng.uniform(0, 0.25) / ground_m
    on = np.abs(across) + ragged < half
    edge = cv2.GaussianBlur(on.astype(np.float32), (0, 0), 1.0)[..., None]
    paved = surface(rng, str(rng.choice(["asphalt", "asphalt", "concrete", "soil", "gravel"])), size).astype(np.float32)
    if rng.random() < 0.6:
        line = 0.08 / ground_m
        dashed = (along * ground_m) % 6 < rng.choice([3.0, 6.0])
        marks = (np.abs(across) < line) & dashed | (np.abs(np.abs(across) - half * 0.9) < line)
        colour = np.array([(225, 228, 228), (60, 190, 220)][rng.integers(2)], np.float32)
        paved = np.where(marks[..., None], paved * 0.3 + colour * 0.7, paved)
    if rng.random() < 0.4:
        kerb = (np.abs(np.abs(across) - half) < 0.1 / ground_m)[..., None]
        paved = np.where(kerb, 175.0, paved)
        edge = np.maximum(edge, kerb)
    return np.clip(picture * (1 - edge) + paved * edge, 0, 255).astype(np.uint8), np.asarray(on, bool)
