"""Rows of a lawn-mower pattern: where a camera flying straight and level must pass over a polygon.

Works in a frame turned so that `u` runs along the rows and `v` across them, both in metres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

FloatArray = NDArray[np.float64]
Interval = tuple[float, float]
SHORTEST_ROW_M = 1.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """One straight run with the camera on, from `start_u_m` to `end_u_m` (start < end) at `v_m`.

    Attributes:
        level: Number of the line it lies on, counted across the rows.
        v_m: Where that line is.
        start_u_m: Its lower end.
        end_u_m: Its upper end.
        room_u_m: Between which places it may be stretched without meeting an obstacle.
    """

    level: int
    v_m: float
    start_u_m: float
    end_u_m: float
    room_u_m: Interval = (-math.inf, math.inf)

    @property
    def length_m(self) -> float:
        """Metres from end to end."""
        return self.end_u_m - self.start_u_m

    @property
    def middle_u_m(self) -> float:
        """Half way between the ends."""
        return (self.start_u_m + self.end_u_m) / 2

    def pulled_in(self, by_m: float) -> Row:
        """The row taken back by `by_m` at both ends, though not to nothing."""
        half_m = max(self.length_m / 2 - by_m, min(SHORTEST_ROW_M, self.length_m) / 2)
        return replace(self, start_u_m=self.middle_u_m - half_m, end_u_m=self.middle_u_m + half_m)

    def stretched(self, length_m: float) -> Row:
        """The row made longer at both ends, as far as there is room."""
        more_m = max(length_m - self.length_m, 0.0) / 2
        low, high = self.room_u_m
        return replace(self, start_u_m=max(self.start_u_m - more_m, low), end_u_m=min(self.end_u_m + more_m, high))


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """How rows are laid.

    Attributes:
        spacing_m: Greatest distance between neighbouring rows.
        edge_m: Greatest distance of the outermost row from the edge of the polygon.
        reach_m: A row covers the polygon this far to both sides: its ends go as far as the polygon does in that strip.
        least_rows: Narrow polygons get at least so many rows.
    """

    spacing_m: float
    edge_m: float
    reach_m: float = 0.0
    least_rows: int = 1


def turned(points_en_m: FloatArray, angle_deg: float) -> FloatArray:
    """Metres (n, 2) along and across rows that point `angle_deg` counter-clockwise from east."""
    angle = math.radians(angle_deg)
    cos, sin = math.cos(angle), math.sin(angle)
    rotation: FloatArray = np.array([[cos, -sin], [sin, cos]])
    return np.asarray(np.asarray(points_en_m) @ rotation, dtype=float)


def turned_back(points_uv_m: FloatArray, angle_deg: float) -> FloatArray:
    """The inverse of `turned`."""
    return turned(points_uv_m, -angle_deg)


def lay_rows(area_uv: Polygon, obstacles_uv: BaseGeometry, pattern: Pattern) -> list[Row]:
    """Rows over `area_uv`, none of them inside an obstacle, level by level from low to high `v`."""
    rows: list[Row] = []
    levels = _levels(area_uv, pattern)
    extents = zip(_extents(area_uv, levels, pattern.reach_m), _extents(obstacles_uv, levels, 0.0), strict=True)
    for level, (v, (wanted, blocked)) in enumerate(zip(levels, extents, strict=True)):
        for start, end in _subtract(wanted, blocked):
            room = _room((start + end) / 2, blocked)
            rows.append(Row(level=level, v_m=v, start_u_m=start, end_u_m=end, room_u_m=room))
    return rows


def _room(u: float, blocked: list[Interval]) -> Interval:
    """The stretch around `u` that is free of obstacles."""
    low = max((end for _, end in blocked if end <= u), default=-math.inf)
    return low, min((start for start, _ in blocked if start >= u), default=math.inf)


def _levels(area_uv: Polygon, pattern: Pattern) -> list[float]:
    _, low, _, high = area_uv.bounds
    middle, span = (low + high) / 2, high - low - 2 * pattern.edge_m
    if pattern.least_rows > 1:
        span = max(span, min(pattern.spacing_m, high - low + pattern.spacing_m / 2) / 2)
    if span <= 0:
        return [middle]
    count = max(pattern.least_rows, math.ceil(span / pattern.spacing_m - 1e-9) + 1)
    return [middle - span / 2 + span * index / (count - 1) for index in range(count)]


def _extents(shape: BaseGeometry, levels: list[float], reach_m: float) -> list[list[Interval]]:
    """Merged intervals of u that the shape takes up within `reach_m` of the line at each level."""
    found: list[list[Interval]] = [[] for _ in levels]
    if shape.is_empty:
        return found
    v = np.array(levels)
    west, _, east, _ = shape.bounds
    # A ring as wide as the reach, or a line: both end beyond the shape.
    corners = ((west - 1, -reach_m), (east + 1, -reach_m), (east + 1, reach_m), (west - 1, reach_m))
    ring = np.stack([np.column_stack([np.full_like(v, u), v + side]) for u, side in corners], axis=1)
    probes = shapely.polygons(ring) if reach_m > 0 else shapely.linestrings(ring[:, :2])
    parts, numbers = shapely.get_parts(shapely.intersection(shape, probes), return_index=True)
    bounds = shapely.bounds(parts)
    order = np.argsort(bounds[:, 0], kind="stable")
    for number, (start, _, end, _) in zip(numbers[order].tolist(), bounds[order].tolist(), strict=True):
        if math.isnan(start):
            continue
        merged = found[number]
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return found


def _subtract(wanted: list[Interval], blocked: list[Interval]) -> list[Interval]:
    pieces = wanted
    for low, high in blocked:
        pieces = [
            piece
            for start, end in pieces
            for piece in ((start, min(end, low)), (max(start, high), end))
            if piece[1] > piece[0]
        ]
    return pieces
