"""Heights along a way over hills: straight climbs and descents, as few as a band above the ground allows.

The way is sampled finely. At each sample the band gives a lowest and a highest height; both are tightened until no
part of them is steeper than the drone climbs or sinks at the speed of that leg, and a leg where the two would cross is
slowed down. Between the stops of the way, whose heights are free within the band, straight lines are drawn as far as
they stay inside (the narrowing of slopes), and the heights of the stops are chosen so that lines break seldom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flightplan.errors import CannotPlan
from flightplan.kinematics import Kinematics
from flightplan.projection import LocalFrame
from flightplan.terrain import Terrain

Point = tuple[float, float]
Floats = NDArray[np.float64]
STEP_M = 2.5
# Between samples the ground may bulge, and heights are rounded to centimetres on their way to the vehicle.
_MARGIN_M = 0.3
# Slower than this is no flight: better another height, or another way.
_SLOWEST_M_S = 1.0
_SLOWER = 0.8
_HEIGHTS_TRIED = 5
_MOST_TIGHTENINGS = 200


@dataclass(frozen=True, kw_only=True)
class HeightBand:
    """Where to fly above the ground straight below, metres: `low_m` to `high_m`, best at `wanted_m`."""

    low_m: float
    wanted_m: float
    high_m: float

    def __post_init__(self) -> None:
        figures = (self.low_m, self.wanted_m, self.high_m)
        if not (all(math.isfinite(figure) for figure in figures) and 0 < self.low_m <= self.wanted_m <= self.high_m):
            raise CannotPlan(
                problem=f"heights of {self.low_m:g} to {self.high_m:g} m above ground are no band",
                remedy="Give a band around the height, lower than it",
            )
        if self.high_m - self.low_m < 2 * _MARGIN_M:
            raise CannotPlan(
                problem=f"a band of {self.high_m - self.low_m:.1f} m is too narrow to fly in",
                remedy="Give a wider one, or a height farther below the greatest one allowed",
            )


@dataclass(frozen=True, kw_only=True)
class Climb:
    """A stop of the way, or a place where the climb changes between two stops.

    Attributes:
        point: Metres east, north.
        alt_home_m: Height above home.
        stop: Number of the stop; None in between.
        speed_m_s: Over the ground, on the leg that leads here.
    """

    point: Point
    alt_home_m: float
    stop: int | None
    speed_m_s: float


@dataclass(frozen=True, kw_only=True)
class GroundFollower:
    """Gives ways over one terrain their heights."""

    terrain: Terrain
    frame: LocalFrame
    home_alt_msl_m: float
    band: HeightBand
    kinematics: Kinematics

    def climbs(self, stops: Sequence[Point], speed_m_s: float) -> list[Climb]:
        """The way with its heights, all stops included, in order.

        Raises:
            CannotPlan: The ground is not known somewhere, or too steep for the band.
        """
        way = _Way.of(stops)
        low, high, ground = self._corridor(way)
        low, high, speeds = self._tightened(way, low, high, speed_m_s)
        wanted = np.clip(ground + self.band.wanted_m, low, high)
        lines = _Lines(way, low, high, wanted, self._steepest(speeds))
        climbs: list[Climb] = []
        for at, height, stop, _ in lines.chosen():
            point = (float(way.en_m[at, 0]), float(way.en_m[at, 1]))
            speed = self._speed_m_s(climbs[-1], point, height, speed_m_s) if climbs else speed_m_s
            climbs.append(Climb(point=point, alt_home_m=round(height, 2), stop=stop, speed_m_s=speed))
        return climbs

    def _speed_m_s(self, last: Climb, point: Point, alt_home_m: float, wished_m_s: float) -> float:
        """As wished, or what the climb allows, in steps of half a metre per second."""
        rise_m = alt_home_m - last.alt_home_m
        rate_m_s = self.kinematics.climb_m_s if rise_m > 0 else self.kinematics.sink_m_s
        fastest = rate_m_s * math.dist(last.point, point) / max(abs(rise_m), 1e-9)
        return wished_m_s if fastest >= wished_m_s else max(math.floor(fastest * 2) / 2, 0.5)

    def _corridor(self, way: _Way) -> tuple[Floats, Floats, Floats]:
        """Lowest and highest allowed, and the ground, above home at each sample."""
        lonlat = self.frame.lonlat_from_en(way.en_m)
        ground = self.terrain.heights_m(lonlat) - self.home_alt_msl_m
        unknown = np.flatnonzero(np.isnan(ground))
        if len(unknown):
            lon, lat = lonlat[unknown[0]]
            raise CannotPlan(
                problem=f"the elevation model has no ground at longitude {lon:.6f}, latitude {lat:.6f}",
                remedy="Give one that covers the area, home and the way between them",
            )
        before, after = np.r_[ground[0], ground[:-1]], np.r_[ground[1:], ground[-1]]
        low = np.maximum(np.maximum(before, after), ground) + self.band.low_m + _MARGIN_M
        high = np.minimum(np.minimum(before, after), ground) + self.band.high_m - _MARGIN_M
        self._refuse_crossed(low, high, lonlat)
        return low, high, ground

    def _refuse_crossed(self, low: Floats, high: Floats, lonlat: Floats) -> None:
        worst = int(np.argmax(low - high))
        if low[worst] > high[worst]:
            lon, lat = lonlat[worst]
            raise CannotPlan(
                problem=f"the ground at longitude {lon:.6f}, latitude {lat:.6f} is too steep to keep between "
                f"{self.band.low_m:g} and {self.band.high_m:g} m above it",
                remedy="Give a wider band, or leave that place out of the area",
            )

    def _tightened(self, way: _Way, low: Floats, high: Floats, speed_m_s: float) -> tuple[Floats, Floats, Floats]:
        """The corridor that can be flown, and the speed of each leg."""
        speeds = np.full(len(way.lengths_m), speed_m_s)
        for _ in range(_MOST_TIGHTENINGS):
            up, down = self._steepest(speeds)
            step_up, step_down = up[way.leg[1:]] * way.step_m, down[way.leg[1:]] * way.step_m
            flown_low, flown_high = _tightest(low, high, step_up, step_down)
            crossed = np.flatnonzero(flown_low > flown_high + 1e-9)
            if not len(crossed):
                return np.minimum(flown_low, flown_high), flown_high, speeds
            slow = np.unique(np.r_[way.leg[crossed], way.leg[np.minimum(crossed + 1, len(way.leg) - 1)]])
            if (speeds[slow] <= _SLOWEST_M_S).all():
                self._refuse_crossed(flown_low, flown_high, self.frame.lonlat_from_en(way.en_m))
            speeds[slow] = np.maximum(speeds[slow] * _SLOWER, _SLOWEST_M_S)
        raise CannotPlan(problem="the ground is too steep to be followed", remedy="Give a wider band")

    def _steepest(self, speeds: Floats) -> tuple[Floats, Floats]:
        """Greatest climb and descent, metres per metre, on each leg."""
        # A little less, so that the drone need not wait at the end of a leg.
        return 0.95 * self.kinematics.climb_m_s / speeds, 0.95 * self.kinematics.sink_m_s / speeds


@dataclass(frozen=True, kw_only=True, eq=False)
class _Way:
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
    def of(cls, stops: Sequence[Point]) -> _Way:
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


def _tightest(low: Floats, high: Floats, step_up: Floats, step_down: Floats) -> tuple[Floats, Floats]:
    """The corridor without what is steeper than that between neighbours."""
    climbed, sunk = np.r_[0.0, np.cumsum(step_up)], np.r_[0.0, np.cumsum(step_down)]

    def last(values: Floats) -> Floats:
        return np.asarray(np.maximum.accumulate(values))

    def first(values: Floats) -> Floats:
        return np.asarray(np.maximum.accumulate(values[::-1])[::-1])

    # To be high enough later one must be so early (climbs are limited), and one sinks from a height only so fast.
    low = np.maximum(first(low - climbed) + climbed, last(low + sunk) - sunk)
    high = np.minimum(-(last(-high + climbed) - climbed), -(first(-high - sunk) + sunk))
    return low, high


class _Lines:
    """Straight lines through the corridor; the stops' heights are chosen leg by leg (dynamic programming)."""

    def __init__(self, way: _Way, low: Floats, high: Floats, wanted: Floats, steepest: tuple[Floats, Floats]) -> None:
        self._way, self._low, self._high, self._wanted = way, low, high, wanted
        self._up, self._down = steepest

    def chosen(self) -> list[tuple[int, float, int | None, int]]:
        """(sample, height, stop or None, leg that leads here) of every vertex."""
        heights = [self._tried(int(at)) for at in self._way.stops]
        costs = [self._off(int(self._way.stops[0]), heights[0])]
        ways: list[list[list[tuple[int, list[tuple[int, float]]]]]] = []
        for leg in range(len(self._way.lengths_m)):
            best, back = self._best(leg, costs[-1], heights[leg], heights[leg + 1])
            costs.append(best)
            ways.append([back])
        return self._unwound(heights, costs, [one[0] for one in ways])

    def _best(
        self, leg: int, costs: Floats, starts: Floats, ends: Floats
    ) -> tuple[Floats, list[tuple[int, list[tuple[int, float]]]]]:
        """For each height at the leg's end: the least cost, the start it comes from, and the breaks between."""
        begin, end = int(self._way.stops[leg]), int(self._way.stops[leg + 1])
        straight = self._straight(leg, begin, end, starts, ends)
        at_end = self._off(end, ends)
        best, back = [], []
        for number, height in enumerate(ends):
            tries: list[tuple[float, int, list[tuple[int, float]]]] = [
                (float(costs[start]), int(start), []) for start in np.flatnonzero(straight[:, number])
            ]
            if not tries:
                tries = self._tries(leg, costs, starts, float(height))
            cost, start, breaks = min(tries, default=(math.inf, 0, []), key=lambda one: one[:2])
            best.append(cost + float(at_end[number]))
            back.append((start, breaks))
        return np.array(best), back

    def _tries(
        self, leg: int, costs: Floats, starts: Floats, end_m: float
    ) -> list[tuple[float, int, list[tuple[int, float]]]]:
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

    def _broken(self, leg: int, begin: int, end: int, start_m: float, end_m: float) -> list[tuple[int, float]] | None:
        """Breaks of a line from one height to another that stays inside; None where there is no such line."""
        along = self._way.along_m
        up, down = float(self._up[leg]), float(self._down[leg])
        left = along[end] - along[begin : end + 1]
        low = np.maximum(self._low[begin : end + 1], end_m - up * left)
        high = np.minimum(self._high[begin : end + 1], end_m + down * left)
        low[-1] = high[-1] = end_m
        if (low > high + 1e-6).any() or not low[0] - 1e-6 <= start_m <= high[0] + 1e-6:
            return None
        breaks: list[tuple[int, float]] = []
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

    def _unwound(
        self, heights: list[Floats], costs: list[Floats], ways: list[list[tuple[int, list[tuple[int, float]]]]]
    ) -> list[tuple[int, float, int | None, int]]:
        number = int(np.argmin(costs[-1]))
        if not math.isfinite(costs[-1][number]):
            raise CannotPlan(problem="the ground is too steep to be followed", remedy="Give a wider band")
        found: list[tuple[int, float, int | None, int]] = []
        for leg in range(len(ways) - 1, -1, -1):
            found.append((int(self._way.stops[leg + 1]), float(heights[leg + 1][number]), leg + 1, leg))
            number, breaks = ways[leg][number]
            found += [(at, z, None, leg) for at, z in reversed(breaks)]
        found.append((0, float(heights[0][number]), 0, -1))
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
