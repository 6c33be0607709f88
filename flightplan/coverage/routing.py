"""Straight legs that go round obstacles: the shortest way over the obstacles' corners."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry

Point = tuple[float, float]
FloatArray = NDArray[np.float64]
# Corners and row ends lie exactly on an obstacle's outline; without this allowance rounding would call them inside.
_TOUCH_M = 0.02


def obstacles(places: Sequence[BaseGeometry], clearance_m: float) -> BaseGeometry:
    """Places that nobody may fly over, with the distance kept from them (metres), as one."""
    if not places:
        return MultiPolygon()
    return shapely.union_all(shapely.buffer(places, max(clearance_m, 0.1), join_style="mitre", mitre_limit=2))


class Router:
    """Finds the shortest way between two points that does not enter any of the obstacles (metres)."""

    def __init__(self, obstacles: BaseGeometry) -> None:
        self._inner = obstacles.buffer(-_TOUCH_M) if not obstacles.is_empty else MultiPolygon()
        shapely.prepare(self._inner)
        rings = [ring for polygon in shapely.get_parts(obstacles) for ring in (polygon.exterior, *polygon.interiors)]
        self._corners: list[Point] = [
            (float(x), float(y)) for ring in rings for x, y in shapely.get_coordinates(ring)[:-1]
        ]
        self._seen_from: dict[int, list[int]] = {}

    @property
    def corners(self) -> list[Point]:
        """Of all obstacles: where ways round them turn."""
        return self._corners

    def is_inside(self, point: Point) -> bool:
        """Whether the point lies in an obstacle."""
        return bool(shapely.contains_xy(self._inner, *point))

    def is_clear(self, start: Point, end: Point) -> bool:
        """Whether the straight leg keeps out of every obstacle."""
        return bool(self._inner.is_empty) or not self._inner.intersects(shapely.linestrings([start, end]))

    def blocked_legs(self, starts: FloatArray, ends: FloatArray) -> list[int]:
        """Which of the straight legs from places (n, 2) to places (n, 2) enter an obstacle."""
        if self._inner.is_empty or not len(starts):
            return []
        lines = shapely.linestrings(np.stack([starts, ends], axis=1))
        hit: list[int] = np.flatnonzero(np.atleast_1d(shapely.intersects(self._inner, lines))).tolist()
        return hit

    def route(self, start: Point, end: Point) -> list[Point]:
        """Points from `start` to `end`, both included; empty when there is no way round."""
        if self.is_clear(start, end):
            return [start, end]
        nodes = [*self._corners, start, end]
        goal = len(nodes) - 1
        best = {goal - 1: 0.0}
        came_from: dict[int, int] = {}
        queue = [(0.0, goal - 1)]
        while queue:
            length, node = heapq.heappop(queue)
            if node == goal:
                return _unwind(nodes, came_from, goal)
            if length > best[node]:
                continue
            for other in self._visible(nodes, node):
                through = length + math.dist(nodes[node], nodes[other])
                if through < best.get(other, math.inf):
                    best[other], came_from[other] = through, node
                    heapq.heappush(queue, (through, other))
        return []

    def _visible(self, nodes: list[Point], node: int) -> list[int]:
        corners = len(self._corners)
        if node >= corners:
            return [index for index in self._clear(nodes, node, range(len(nodes))) if index != node]
        if node not in self._seen_from:
            self._seen_from[node] = self._clear(nodes, node, range(corners))
        return [*self._seen_from[node], *self._clear(nodes, node, range(corners, len(nodes)))]

    def _clear(self, nodes: list[Point], node: int, others: range) -> list[int]:
        ends: FloatArray = np.array([nodes[index] for index in others], dtype=float)
        blocked = set(self.blocked_legs(np.broadcast_to(np.array(nodes[node]), ends.shape), ends))
        return [index for place, index in enumerate(others) if place not in blocked and index != node]


def _unwind(nodes: list[Point], came_from: dict[int, int], goal: int) -> list[Point]:
    path = [goal]
    while path[-1] in came_from:
        path.append(came_from[path[-1]])
    return [nodes[index] for index in reversed(path)]
