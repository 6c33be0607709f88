"""The fewest straight lines through a corridor of heights along a way, and the way's samples.

Between the stops of the way, whose heights are free within the corridor, a line is drawn as far as it stays inside (the
narrowing of slopes), and the heights of the stops are chosen so that lines break seldom.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
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
# Over 250 m, a straight way in metres and one in degrees are a millimetre apart.
_STRAIGHT_SAMPLES = 100
HEIGHTS_TRIED = 5
# What a metre off the wanted height costs at a vertex, in vertices.
_OFF_PER_M = 0.001
_LOOKED_AT_ONCE = 160


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

    def thinned(self) -> NDArray[np.intp]:
        """Some of the samples, the stops among them, with so little between that it is straight in degrees, too."""
        return np.union1d(np.arange(0, len(self.en_m), _STRAIGHT_SAMPLES), self.stops)

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

    def __init__(
        self,
        way: Way,
        low: Floats,
        high: Floats,
        wanted: Floats,
        steepest: tuple[Floats, Floats],
        heights_tried: int = HEIGHTS_TRIED,
    ) -> None:
        """Through a way's corridor; at stops, the wanted height and, if more than one, so many others are tried."""
        self._way, self._low, self._high, self._wanted = way, low, high, wanted
        self._up, self._down = steepest
        self._heights_tried = heights_tried

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
        line = slice(begin, end + 1)
        corridor = _Leg(
            begin, self._way.along_m[line], self._low[line], self._high[line], (self._up[leg], self._down[leg])
        )
        best, back = [], []
        for number, height in enumerate(ends):
            tries: list[tuple[float, int, Breaks]] = [
                (float(costs[start]), int(start), []) for start in np.flatnonzero(straight[:, number])
            ]
            if not tries:
                tries = self._tries(corridor, costs, starts, float(height))
            cost, start, breaks = min(tries, default=(math.inf, 0, []), key=lambda one: one[:2])
            best.append(cost + float(at_end[number]))
            back.append((start, breaks))
        return np.array(best), back

    def _tries(self, leg: _Leg, costs: Floats, starts: Floats, end_m: float) -> list[tuple[float, int, Breaks]]:
        """From each height at the leg's start to one at its end: the cost, the start, and the breaks."""
        narrowed = leg.narrowed(end_m)
        found: list[tuple[float, int, Breaks]] = []
        if narrowed is None:
            return found
        for start, start_m in enumerate(starts.tolist()):
            breaks = leg.breaks(start_m, narrowed)
            if breaks is not None:
                off = sum(_OFF_PER_M * abs(z - self._wanted[at]) for at, z in breaks)
                found.append((float(costs[start] + len(breaks) + off), start, breaks))
        return found

    def _tried(self, at: int) -> Floats:
        """Heights worth a try at a stop."""
        low, high = self._low[at], self._high[at]
        if high - low < 0.5:
            return np.array([(low + high) / 2])
        if self._heights_tried == 1:
            return self._wanted[at : at + 1]
        return np.unique(np.r_[np.linspace(low, high, self._heights_tried), self._wanted[at]])

    def _off(self, at: int, heights: Floats) -> Floats:
        """Far less than a vertex: how far heights are from the wanted one."""
        return np.asarray(_OFF_PER_M * np.abs(heights - self._wanted[at]))

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


class _Leg:
    """The corridor over one leg, and lines through it from heights at its start to heights at its end.

    Which height a line ends at is felt only near the end: from each start, the lines are drawn once for all ends.
    """

    def __init__(self, begin: int, along_m: Floats, low: Floats, high: Floats, steepest: tuple[float, float]) -> None:
        """Of the samples from number `begin` on: metres along the way, and the corridor."""
        self._begin, self._along = begin, along_m
        self._whole = _Narrowed(low, high, len(along_m))
        self._up, self._down = float(steepest[0]), float(steepest[1])
        self._drawn: dict[float, list[_Drawn]] = {}

    def narrowed(self, end_m: float) -> _Narrowed | None:
        """The corridor for lines that end at that height; None where it is shut."""
        left = self._along[-1] - self._along
        low = np.maximum(self._whole.low, end_m - self._up * left)
        high = np.minimum(self._whole.high, end_m + self._down * left)
        low[-1] = high[-1] = end_m
        if (low > high + 1e-6).any():
            return None
        differs = (low > self._whole.low) | (high < self._whole.high)
        differs[-1] = True
        return _Narrowed(low, high, int(np.argmax(differs)))

    def breaks(self, start_m: float, corridor: _Narrowed) -> Breaks | None:
        """Breaks of a line from that height that stays inside; None where there is no such line."""
        if not corridor.low[0] - 1e-6 <= start_m <= corridor.high[0] + 1e-6:
            return None
        if start_m not in self._drawn:
            self._drawn[start_m] = list(self._lines(0, start_m, self._whole))
        same = [one for one in self._drawn[start_m] if one.looked < corridor.differs_from]
        at, height = (same[-1].at, same[-1].height_m) if same else (0, start_m)
        lines = [*same, *self._lines(at, height, corridor)]
        if not lines or lines[-1].at != len(self._along) - 1:
            return None
        return [(self._begin + one.at, one.height_m) for one in lines[:-1]]

    def _lines(self, at: int, height: float, corridor: _Narrowed) -> Iterator[_Drawn]:
        """The ends of one line after the other, up to the leg's end or to where no line begins."""
        last = len(self._along) - 1
        while at < last:
            run = self._along[at:] - self._along[at]
            reached, slope = _farthest(run, corridor.low[at:], corridor.high[at:], height, self._up, self._down)
            if reached == 0:
                return
            height += slope * float(run[reached])
            at += reached
            yield _Drawn(at, height, min(at + 1, last))


class _Narrowed(NamedTuple):
    """A leg's lowest and highest heights, and the first sample at which they are not those of the whole corridor."""

    low: Floats
    high: Floats
    differs_from: int


class _Drawn(NamedTuple):
    """The sample and the height at which a line ends, and the last sample that it was fitted to."""

    at: int
    height_m: float
    looked: int


def _farthest(run: Floats, low: Floats, high: Floats, height: float, up: float, down: float) -> tuple[int, float]:
    """How far (index) one line from `height` stays between `low` and `high`, and its slope; 0 where it cannot begin.

    Where it ends because the ground rises it is the steepest line, where the ground falls the flattest: so the next
    one gets farthest.
    """
    last, upto = len(run) - 1, _LOOKED_AT_ONCE
    while last > 0:
        # Most lines are much shorter than what is left of the leg.
        ahead = slice(1, min(upto, last) + 1)
        least = np.maximum.accumulate(np.maximum((low[ahead] - height) / run[ahead], -down))
        most = np.minimum.accumulate(np.minimum((high[ahead] - height) / run[ahead], up))
        shut = least > most + 1e-9
        reached = int(np.argmax(shut))
        if shut[reached]:
            break
        if upto >= last:
            return last, float((least[-1] + most[-1]) / 2)
        upto *= 4
    else:
        return 0, 0.0
    if reached == 0:
        return 0, 0.0
    rises = (low[reached + 1] - height) / run[reached + 1] > most[reached - 1]
    return reached, float(most[reached - 1] if rises else least[reached - 1])
