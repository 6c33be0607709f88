"""Puddles: flat sheets of water over a muddy or paved bed, shallow at the rim, with wet ground around."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.training.scenes.solids import Colour, Floats, Rng

CELLS = 44

# Linear colours of shallow and deep water; the browns come first, and most often: they are the hardest to tell.
TINTS: list[tuple[Colour, Colour]] = [
    ((0.30, 0.22, 0.14), (0.20, 0.145, 0.09)),
    ((0.20, 0.16, 0.11), (0.10, 0.085, 0.06)),
    ((0.36, 0.29, 0.20), (0.27, 0.21, 0.14)),
    ((0.26, 0.17, 0.10), (0.16, 0.10, 0.055)),
    ((0.17, 0.165, 0.15), (0.085, 0.09, 0.085)),
    ((0.15, 0.16, 0.09), (0.07, 0.085, 0.05)),
    ((0.08, 0.08, 0.078), (0.035, 0.037, 0.04)),
]


@dataclass(frozen=True, kw_only=True, eq=False)
class Film:
    """A flat triangle net with one colour per corner point.

    Attributes:
        points_m: (n, 2) float32 x, y about the puddle's middle.
        faces: (m, 3) int32.
        colours: (n, 3) float32, linear RGB.
    """

    points_m: Floats
    faces: NDArray[np.int32]
    colours: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Puddle:
    """One puddle.

    Attributes:
        water: The water.
        rim: The wet ground around and under it.
        brown: Whether it is turbid with mud.
        shine: How much more it mirrors than clean still water would (1), 0.5 to 3.
    """

    water: Film
    rim: Film
    brown: bool
    shine: float


def waves(rng: Rng, size: int, coarsest: float) -> Floats:
    """Return (size, size) of cloud-like noise, zero mean and unit spread; `coarsest` is its largest step in cells."""
    total = np.zeros((size, size), np.float32)
    step, weight = coarsest, 1.0
    while step >= 2:
        cells = int(size / step) + 4
        grid = rng.standard_normal((cells, cells)).astype(np.float32)
        big = cv2.resize(grid, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
        total += np.float32(weight) * big[:size, :size]
        step, weight = step / 2, weight * 0.55
    return np.asarray((total - total.mean()) / total.std(), np.float32)


def depth_field(rng: Rng, reach_m: float, stretch: float) -> Floats:
    """Return (CELLS + 1, CELLS + 1) of a depth-like field over a square of 2.6 * reach; above 0 is water."""
    size = CELLS + 1
    along = np.linspace(-1.3, 1.3, size, dtype=np.float32)
    x, y = np.meshgrid(along, along)
    coarse = size * 0.35
    x, y = x + 0.22 * waves(rng, size, coarse), y + 0.22 * waves(rng, size, coarse)
    field = np.full((size, size), -9.0, np.float32)
    turn = rng.uniform(0, np.pi)
    for lobe in range(int(rng.integers(1, 4))):
        off = np.zeros(2) if lobe == 0 else rng.uniform(-0.5, 0.5, 2)
        big = 0.82 if lobe == 0 else rng.uniform(0.25, 0.5)
        u = (x - off[0]) * np.cos(turn) + (y - off[1]) * np.sin(turn)
        v = -(x - off[0]) * np.sin(turn) + (y - off[1]) * np.cos(turn)
        field = np.maximum(field, big - np.hypot(u, v / stretch))
    field = field + 0.08 * waves(rng, size, size * 0.18)
    edge = np.maximum(np.abs(along)[:, None], np.abs(along)[None, :])
    return np.asarray(np.where(edge > 1.2, -1.0, field), np.float32)


def above(field: Floats, level: float, reach_m: float) -> tuple[Floats, NDArray[np.int32], Floats]:
    """Cut out the part of the net where the field exceeds `level`, with straight cuts through the cells at its rim.

    Returns:
        Points (n, 2) in metres, triangles (m, 3), and the field's value at each point (n,).
    """
    scale = 2.6 * reach_m / CELLS
    points: list[tuple[float, float]] = []
    values: list[float] = []
    known: dict[tuple[float, float], int] = {}
    faces: list[tuple[int, int, int]] = []

    def vertex(x: float, y: float, value: float) -> int:
        key = (round(x, 4), round(y, 4))
        if key not in known:
            known[key] = len(points)
            points.append((x * scale - 1.3 * reach_m, y * scale - 1.3 * reach_m))
            values.append(value)
        return known[key]

    wet = field > level
    touched = wet[:-1, :-1] | wet[1:, :-1] | wet[:-1, 1:] | wet[1:, 1:]
    for row, column in zip(*np.nonzero(touched), strict=True):
        corners = [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)]
        ring: list[int] = []
        for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
            f0, f1 = float(field[y0, x0]), float(field[y1, x1])
            if f0 > level:
                ring.append(vertex(float(x0), float(y0), f0))
            if (f0 > level) != (f1 > level):
                t = (level - f0) / (f1 - f0)
                ring.append(vertex(x0 + t * (x1 - x0), y0 + t * (y1 - y0), level))
        faces += [(ring[0], ring[i], ring[i + 1]) for i in range(1, len(ring) - 1)]
    return np.asarray(points, np.float32), np.asarray(faces, np.int32), np.asarray(values, np.float32)


def puddle(rng: Rng, reach_m: float, ground: Colour) -> Puddle:
    """Return a puddle of about `reach_m` metres from middle to rim on ground of this colour."""
    field = depth_field(rng, reach_m, float(rng.uniform(0.3, 0.95)))
    number = int(rng.choice(len(TINTS), p=[0.18, 0.18, 0.12, 0.16, 0.12, 0.09, 0.15]))
    light = rng.uniform(0.75, 1.2)
    shallow, deep = (np.array(c) * light for c in TINTS[number])
    points, faces, value = above(field, 0.0, reach_m)
    depth = 1 - np.exp(-value * reach_m / rng.uniform(0.1, 0.9))
    bed = np.array(ground) * 0.55
    clear = rng.uniform(0.0, 0.7)  # how much of the bed shows at the rim
    colour = shallow * (1 - depth)[:, None] + deep * depth[:, None]
    colour = colour + (bed - colour) * (clear * (1 - depth))[:, None]
    water = Film(points_m=points, faces=faces, colours=np.asarray(colour, np.float32))
    wide = rng.uniform(0.03, 0.22)
    points, faces, value = above(field, -wide, reach_m)
    dry = np.clip(-value / wide, 0, 1)[:, None] ** 2
    rim_colour = np.array(ground) * (0.5 + 0.45 * dry)
    rim = Film(points_m=points, faces=faces, colours=np.asarray(rim_colour, np.float32))
    return Puddle(water=water, rim=rim, brown=number < 4, shine=float(rng.choice([0.5, 1.0, 1.5, 3.0])))
