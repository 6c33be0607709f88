"""Shapes as triangles: boxes, balls, rods, sheets and strips from which every asset is put together.

Lengths are metres, z points up, colours are linear RGB of 0..1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Colour = tuple[float, float, float]
Vector = tuple[float, float, float]
Floats = NDArray[np.float32]
Rng = np.random.Generator


@dataclass(frozen=True, kw_only=True, eq=False)
class Solid:
    """A triangle mesh with one colour per triangle.

    Attributes:
        vertices_m: (n, 3) float32, x, y, z.
        faces: (m, 3) int32, positions in `vertices_m`.
        colours: (m, 3) float32, linear RGB.
    """

    vertices_m: Floats
    faces: NDArray[np.int32]
    colours: Floats

    def __post_init__(self) -> None:
        if len(self.faces) != len(self.colours) or not len(self.faces):
            raise ValueError(f"{len(self.faces)} faces do not fit {len(self.colours)} colours; one each, at least one")
        if self.faces.max() >= len(self.vertices_m) or self.faces.min() < 0:
            raise ValueError("a face names a vertex that is not there")

    def moved(self, at_m: Vector = (0, 0, 0), *, turn_deg: Vector = (0, 0, 0), size: ArrayLike = 1.0) -> Solid:
        """Return the shape scaled by `size`, turned about x, y, z in this order, then moved."""
        vertices = (self.vertices_m * np.asarray(size, np.float32)) @ rotation(turn_deg).T
        return Solid(
            vertices_m=(vertices + np.asarray(at_m, np.float32)).astype(np.float32),
            faces=self.faces,
            colours=self.colours,
        )

    def box_m(self) -> Floats:
        """Return (2, 3): least and greatest x, y, z."""
        return np.stack([self.vertices_m.min(axis=0), self.vertices_m.max(axis=0)])


def rotation(turn_deg: Vector) -> Floats:
    """Return the (3, 3) matrix that turns about x, then y, then z (counter-clockwise seen from the axis' tip)."""
    (a, b, c) = np.radians(turn_deg)
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x, np.float32)


def joined(solids: Iterable[Solid]) -> Solid:
    """Return all of the shapes as one."""
    parts = list(solids)
    starts = np.cumsum([0] + [len(part.vertices_m) for part in parts[:-1]])
    return Solid(
        vertices_m=np.concatenate([part.vertices_m for part in parts]),
        faces=np.concatenate([part.faces + start for part, start in zip(parts, starts, strict=True)]).astype(np.int32),
        colours=np.concatenate([part.colours for part in parts]),
    )


def mesh(vertices_m: ArrayLike, faces: Sequence[Sequence[int]], colour: Colour) -> Solid:
    """Return a mesh of convex faces of any size, cut into triangles."""
    triangles = [(face[0], face[i], face[i + 1]) for face in faces for i in range(1, len(face) - 1)]
    return Solid(
        vertices_m=np.asarray(vertices_m, np.float32),
        faces=np.asarray(triangles, np.int32),
        colours=np.tile(np.asarray(colour, np.float32), (len(triangles), 1)),
    )


def box(size_m: Vector, colour: Colour, at_m: Vector = (0, 0, 0), turn_deg: Vector = (0, 0, 0)) -> Solid:
    """Return a cuboid about its middle."""
    corners = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return mesh(corners, faces, colour).moved(at_m, turn_deg=turn_deg, size=size_m)


@cache
def _sphere(detail: int) -> tuple[Floats, NDArray[np.int32]]:
    """An icosahedron of diameter 1, each face divided `detail` times into four."""
    t = (1 + 5**0.5) / 2
    points: list[tuple[float, float, float]] = [(-1, t, 0), (1, t, 0), (-1, -t, 0), (1, -t, 0), (0, -1, t), (0, 1, t)]
    points += [(0, -1, -t), (0, 1, -t), (t, 0, -1), (t, 0, 1), (-t, 0, -1), (-t, 0, 1)]
    vertices = [np.array(p) / np.hypot(1, t) for p in points]
    faces = [(0, 11, 5), (0, 5, 1), (0, 1, 7), (0, 7, 10), (0, 10, 11), (1, 5, 9), (5, 11, 4), (11, 10, 2), (10, 7, 6)]
    faces += [(7, 1, 8), (3, 9, 4), (3, 4, 2), (3, 2, 6), (3, 6, 8), (3, 8, 9), (4, 9, 5), (2, 4, 11), (6, 2, 10)]
    faces += [(8, 6, 7), (9, 8, 1)]
    for _ in range(detail):
        middles: dict[tuple[int, int], int] = {}
        finer = []
        for face in faces:
            mid = []
            for a, b in zip(face, (*face[1:], face[0]), strict=True):
                edge = (min(a, b), max(a, b))
                if edge not in middles:
                    middles[edge] = len(vertices)
                    point = vertices[a] + vertices[b]
                    vertices.append(point / np.linalg.norm(point))
                mid.append(middles[edge])
            a, b, c = face
            finer += [(a, mid[0], mid[2]), (b, mid[1], mid[0]), (c, mid[2], mid[1]), (mid[0], mid[1], mid[2])]
        faces = finer
    return np.asarray(vertices, np.float32) * np.float32(0.5), np.asarray(faces, np.int32)


def bumps(points: ArrayLike, rng: Rng, *, waves: int = 6, pitch: float = 4.0) -> Floats:
    """Return smooth random heights of about -1..1 at (n, 3) points; `pitch` is the number of waves per metre."""
    where = np.asarray(points, np.float32)
    ways = rng.standard_normal((waves, where.shape[1])).astype(np.float32)
    ways *= pitch * rng.uniform(0.6, 2.2, (waves, 1)).astype(np.float32)
    waved = np.sin(where @ ways.T + rng.uniform(0, 2 * np.pi, waves).astype(np.float32))
    return np.asarray(waved.mean(axis=1) * 1.6, np.float32)


def ball(
    size_m: Vector,
    colour: Colour,
    at_m: Vector = (0, 0, 0),
    turn_deg: Vector = (0, 0, 0),
    *,
    detail: int = 1,
    rng: Rng | None = None,
    crumple: float = 0.0,
) -> Solid:
    """Return an ellipsoid of these diameters; with `crumple` its surface has dents of that relative depth."""
    vertices, faces = _sphere(detail)
    if rng is not None and crumple > 0:
        vertices = vertices * (1 + crumple * bumps(vertices, rng))[:, None]
    whole = Solid(vertices_m=vertices, faces=faces, colours=np.tile(np.asarray(colour, np.float32), (len(faces), 1)))
    return whole.moved(at_m, turn_deg=turn_deg, size=size_m)


def rod(start_m: Vector, end_m: Vector, radii_m: tuple[float, float], colour: Colour, sides: int = 6) -> Solid:
    """Return a round bar between two points with its radius at either end, closed at both."""
    a, b = np.asarray(start_m, float), np.asarray(end_m, float)
    along = (b - a) / max(float(np.linalg.norm(b - a)), 1e-9)
    across = np.cross(along, (0.0, 0.0, 1.0) if abs(along[2]) < 0.9 else (1.0, 0.0, 0.0))
    across /= np.linalg.norm(across)
    other = np.cross(along, across)
    angles = 2 * np.pi * np.arange(sides) / sides
    ring = np.outer(np.cos(angles), across) + np.outer(np.sin(angles), other)
    vertices = np.concatenate([a + radii_m[0] * ring, b + radii_m[1] * ring])
    faces: list[tuple[int, ...]] = [(i, (i + 1) % sides, sides + (i + 1) % sides, sides + i) for i in range(sides)]
    faces += [tuple(range(sides))[::-1], tuple(range(sides, 2 * sides))]
    return mesh(vertices, faces, colour)


def sheet(
    size_m: tuple[float, float], colour: Colour, rng: Rng, *, cells: int = 6, wave_m: float = 0.1, fray: float = 0.1
) -> Solid:
    """Return a crumpled cloth about the origin: `wave_m` is how high its folds are, `fray` how ragged its rim is."""
    along = np.linspace(-0.5, 0.5, cells + 1)
    x, y = (axis.ravel() for axis in np.meshgrid(along, along))
    flat = np.stack([x, y, np.zeros_like(x)], axis=1)
    pull = np.stack([bumps(flat, rng, pitch=5), bumps(flat, rng, pitch=5)], axis=1) * fray
    height = wave_m * (bumps(flat, rng, pitch=6) + 1)
    vertices = np.column_stack([(x + pull[:, 0]) * size_m[0], (y + pull[:, 1]) * size_m[1], height])
    row = cells + 1
    faces = [(i, i + 1, i + row + 1, i + row) for r in range(cells) for i in range(r * row, r * row + cells)]
    return mesh(vertices, faces, colour)


def prism(outline_m: ArrayLike, bottom_m: float, top_m: float, colour: Colour) -> Solid:
    """Return an upright block over a convex (k, 2) outline, counter-clockwise seen from above."""
    ring = np.asarray(outline_m, np.float32)
    k = len(ring)
    vertices = np.concatenate([np.column_stack([ring, np.full(k, z, np.float32)]) for z in (bottom_m, top_m)])
    faces: list[tuple[int, ...]] = [(i, (i + 1) % k, k + (i + 1) % k, k + i) for i in range(k)]
    faces += [tuple(range(k, 2 * k)), tuple(range(k))[::-1]]
    return mesh(vertices, faces, colour)


def loft(rings_m: ArrayLike, colour: Colour, *, closed_ends: bool = True) -> Solid:
    """Return the skin over (r, k, 3) rings of equal count, one after the other."""
    rings = np.asarray(rings_m, np.float32)
    count, k = rings.shape[:2]
    faces: list[tuple[int, ...]] = [
        (r * k + i, r * k + (i + 1) % k, (r + 1) * k + (i + 1) % k, (r + 1) * k + i)
        for r in range(count - 1)
        for i in range(k)
    ]
    if closed_ends:
        faces += [tuple(range(k))[::-1], tuple(range((count - 1) * k, count * k))]
    return mesh(rings.reshape(-1, 3), faces, colour)


def darker(colour: Colour, share: float) -> Colour:
    """Return the colour with this share of its light."""
    return colour[0] * share, colour[1] * share, colour[2] * share


def pick(rng: Rng, colours: Sequence[Colour], jitter: float = 0.12) -> Colour:
    """Return one of the colours, a little lighter or darker."""
    chosen = np.asarray(colours[int(rng.integers(len(colours)))], float)
    r, g, b = np.clip(chosen * rng.uniform(1 - jitter, 1 + jitter) * rng.uniform(0.96, 1.04, 3), 0, 1)
    return float(r), float(g), float(b)
