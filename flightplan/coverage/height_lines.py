"""The fewest straight lines through a corridor of heights along a way, and the way's samples.

Between the stops of the way, whose heights are free within the corridor, a line is drawn as far as it stays inside (the
narrowing of slopes), and the heights of the stops are chosen so that lines break seldom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flightplan.errors import CannotPlan

Point = tuple[float, float]
Floats = NDArray[np.float64]
# Breaks of a line: (sample, height).
Breaks = list[tuple[int, float]]
STEP_M = 2.5
_HEIGHTS_TRIED = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Way:
    """Samples (n) along a way of straight legs.

    Attributes:
        en_m: (n, 2) places.
        step_m: (n - 1,) distances between them.
        along_m: (n,) metres from the start.
        leg: (n,) which leg leads to each sample.
        stops: Which samples are the stops.
        lengths_m: Of the legs.
    """

    en_m: Floats
    step_m: Floats
    along_m: Floats
    leg: NDArray[np.intp]
    stops: NDArray[np.intp]
    lengths_m: Floats

    @classmethod
    def of(cls, stops: Sequence[Point]) -> Way:
        """The samples of a way from stop to stop (metres east, north)."""
        corners: Floats = np.array(stops, dtype=float)
        lengths = np.hypot(*np.diff(corners, axis=0).T)
        parts = np.maximum(np.ceil(lengths / STEP_M), 1).astype(np.intp)
        leg = np.repeat(np.arange(len(parts)), parts)
        share = (np.arange(len(leg)) - np.repeat(np.cumsum(parts) - parts, parts) + 1) / parts[leg]
        between = corners[leg] + share[:, None] * (corners[leg + 1] - corners[leg])
        step = lengths[leg] / parts[leg]
        return cls(
            en_m=np.vstack([corners[:1], between]),
            step_m=step,
            along_m=np.r_[0.0, np.cumsum(step)],
            leg=np.r_[0, leg],
            stops=np.r_[0, np.cumsum(parts)],
            lengths_m=lengths,
        )


class Vertex(NamedTuple):
    """Where lines meet: the number of the way's sample, the height, and the number of the stop; None in between."""

    sample: int
    height_m: float
    stop: int | None


class Lines:
    """Straight lines through the corridor; the stops' heights are chosen leg by leg (dynamic programming)."""

    def __init__(self, way: Way, low: Floats, high: Floats, wanted: Floats, steepest: tuple[Floats, Floats]) -> None:
        self._way, self._low, self._high, self._wanted = way, low, high, wanted
        self._up, self._down = steepest

    def chosen(self) -> list[Vertex]:
        """Every vertex of the way, from its first stop to its last.

        Raises:
            CannotPlan: No line that climbs slowly enough stays inside.
        """
        heights = [self._tried(int(at)) for at in self._way.stops]
        costs = self._off(int(self._way.stops[0]), heights[0])
        ways: list[list[tuple[int, Breaks]]] = []
        for leg in range(len(self._way.lengths_m)):
            costs, back = self._best(leg, costs, heights[leg], heights[leg + 1])
            ways.append(back)
        return self._unwound(heights, costs, ways)

    def _best(self, leg: int, costs: Floats, starts: Floats, ends: Floats) -> tuple[Floats, list[tuple[int, Breaks]]]:
        """For each height at the leg's end: the least cost, the start it comes from, and the breaks between."""
        begin, end = int(self._way.stops[leg]), int(self._way.stops[leg + 1])
        straight = self._straight(leg, begin, end, starts, ends)
        at_end = self._off(end, ends)
        best, back = [], []
        for number, height in enumerate(ends):
            tries: list[tuple[float, int, Breaks]] = [
                (float(costs[start]), int(start), []) for start in np.flatnonzero(straight[:, number])
            ]
            if not tries:
                tries = self._tries(leg, costs, starts, float(height))
            cost, start, breaks = min(tries, default=(math.inf, 0, []), key=lambda one: one[:2])
            best.append(cost + float(at_end[number]))
            back.append((start, breaks))
        return np.array(best), back

    def _tries(self, leg: int, costs: Floats, starts: Floats, end_m: float) -> list[tuple[float, int, Breaks]]:
        """From each height at the leg's start to one at its end: the cost, the start, and the breaks."""
        begin, end = int(self._way.stops[leg]), int(self._way.stops[leg + 1])
        found = []
        for start, start_m in enumerate(starts.tolist()):
            breaks = self._broken(leg, begin, end, start_m, end_m)
            if breaks is not None:
                off = sum(float(self._off(at, np.array([z]))[0]) for at, z in breaks)
                found.append((float(costs[start]) + len(breaks) + off, start, breaks))
        return found

    def _tried(self, at: int) -> Floats:
        """Heights worth a try at a stop."""
        low, high = self._low[at], self._high[at]
        if high - low < 0.5:
            return np.array([(low + high) / 2])
        return np.unique(np.r_[np.linspace(low, high, _HEIGHTS_TRIED), self._wanted[at]])

    def _off(self, at: int, heights: Floats) -> Floats:
        """Far less than a vertex: how far heights are from the wanted one."""
        return np.asarray(0.01 * np.abs(heights - self._wanted[at]) / 10.0)

    def _straight(self, leg: int, begin: int, end: int, starts: Floats, ends: Floats) -> NDArray[np.bool_]:
        """Which pairs of heights are joined by one line (starts, ends)."""
        length = self._way.lengths_m[leg]
        rise = ends[None, :] - starts[:, None]
        if length <= 0:
            return np.asarray(np.abs(rise) < 1e-9)
        share = (self._way.along_m[begin : end + 1] - self._way.along_m[begin]) / length
        lines = starts[:, None, None] + rise[:, :, None] * share
        low, high = self._low[begin : end + 1] - 1e-6, self._high[begin : end + 1] + 1e-6
        inside = ((lines >= low) & (lines <= high)).all(axis=2)
        return np.asarray(inside & (rise <= self._up[leg] * length + 1e-6) & (-rise <= self._down[leg] * length + 1e-6))

    def _broken(self, leg: int, begin: int, end: int, start_m: float, end_m: float) -> Breaks | None:
        """Breaks of a line from one height to another that stays inside; None where there is no such line."""
        along = self._way.along_m
        up, down = float(self._up[leg]), float(self._down[leg])
        left = along[end] - along[begin : end + 1]
        low = np.maximum(self._low[begin : end + 1], end_m - up * left)
        high = np.minimum(self._high[begin : end + 1], end_m + down * left)
        low[-1] = high[-1] = end_m
        if (low > high + 1e-6).any() or not low[0] - 1e-6 <= start_m <= high[0] + 1e-6:
            return None
        breaks: Breaks = []
        at, height = 0, start_m
        while True:
            reached, slope = _farthest(
                along[begin + at : end + 1] - along[begin + at], low[at:], high[at:], height, up, down
            )
            if reached == 0:
                return None
            height += slope * float(along[begin + at + reached] - along[begin + at])
            at += reached
            if begin + at == end:
                return breaks
            breaks.append((begin + at, height))

    def _unwound(self, heights: list[Floats], costs: Floats, ways: list[list[tuple[int, Breaks]]]) -> list[Vertex]:
        number = int(np.argmin(costs))
        if not math.isfinite(costs[number]):
            raise CannotPlan(problem="the ground is too steep to be followed", remedy="Give a wider band")
        found: list[Vertex] = []
        for leg in range(len(ways) - 1, -1, -1):
            found.append(Vertex(int(self._way.stops[leg + 1]), float(heights[leg + 1][number]), leg + 1))
            number, breaks = ways[leg][number]
            found += [Vertex(at, height, None) for at, height in reversed(breaks)]
        found.append(Vertex(0, float(heights[0][number]), 0))
        return found[::-1]


def _farthest(run: Floats, low: Floats, high: Floats, height: float, up: float, down: float) -> tuple[int, float]:
    """How far (index) one line from `height` stays between `low` and `high`, and its slope; 0 where it cannot begin.

    Where it ends because the ground rises it is the steepest line, where the ground falls the flattest: so the next
    one gets farthest.
    """
    if len(run) < 2:
        return 0, 0.0
    least = np.maximum.accumulate(np.maximum((low[1:] - height) / run[1:], -down))
    most = np.minimum.accumulate(np.minimum((high[1:] - height) / run[1:], up))
    open_ = least <= most + 1e-9
    reached = len(open_) if open_.all() else int(np.argmin(open_))
    if reached == 0:
        return 0, 0.0
    if reached == len(open_):
        return reached, float((least[-1] + most[-1]) / 2)
    rises = (low[reached + 1] - height) / run[reached + 1] > most[reached - 1]
    return reached, float(most[reached - 1] if rises else least[reached - 1])
