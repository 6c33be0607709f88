"""Heights along a way over hills: straight climbs and descents, as few as a band above the ground allows.

The way is sampled finely. At each sample the band gives a lowest and a highest height; both are tightened until no
part of them is steeper than the drone climbs or sinks at the speed of that leg, and a leg where the two would cross is
slowed down. `flightplan.coverage.height_lines` then draws straight lines between them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flightplan.coverage.height_lines import HEIGHTS_TRIED, Lines, Point, Way
from flightplan.errors import CannotPlan
from flightplan.ground.terrain import Terrain
from flightplan.mission.kinematics import Kinematics
from flightplan.projection import LocalFrame

Floats = NDArray[np.float64]
# Between samples the ground may bulge, and heights are rounded to centimetres on their way to the vehicle.
_MARGIN_M = 0.3
# Slower than this is no flight: better another height, or another way.
_SLOWEST_M_S = 1.0
_SLOWER = 0.8
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
    """Gives ways over one terrain their heights.

    Attributes:
        terrain: The ground.
        frame: Of the ways.
        home_alt_msl_m: What heights are counted from.
        band: Where to fly above the ground.
        kinematics: How fast the drone climbs and sinks.
        heights_tried: At each stop of a way; with fewer, lines break more often and are found sooner.
    """

    terrain: Terrain
    frame: LocalFrame
    home_alt_msl_m: float
    band: HeightBand
    kinematics: Kinematics
    heights_tried: int = HEIGHTS_TRIED

    def climbs(self, stops: Sequence[Point], speed_m_s: float) -> list[Climb]:
        """The way with its heights, all stops included, in order.

        Raises:
            CannotPlan: The ground is not known somewhere, or too steep for the band.
        """
        way = Way.of(stops)
        low, high, ground = self._corridor(way)
        low, high, speeds = self._tightened(way, low, high, speed_m_s)
        wanted = np.clip(ground + self.band.wanted_m, low, high)
        lines = Lines(way, low, high, wanted, self._steepest(speeds), self.heights_tried)
        climbs: list[Climb] = []
        for vertex in lines.chosen():
            east, north = way.en_m[vertex.sample].tolist()
            speed = self._speed_m_s(climbs[-1], (east, north), vertex.height_m, speed_m_s) if climbs else speed_m_s
            height_m = round(vertex.height_m, 2)
            climbs.append(Climb(point=(east, north), alt_home_m=height_m, stop=vertex.stop, speed_m_s=speed))
        return climbs

    def _speed_m_s(self, last: Climb, point: Point, alt_home_m: float, wished_m_s: float) -> float:
        """As wished, or what the climb allows, in steps of half a metre per second."""
        rise_m = alt_home_m - last.alt_home_m
        rate_m_s = self.kinematics.climb_m_s if rise_m > 0 else self.kinematics.sink_m_s
        fastest = rate_m_s * math.dist(last.point, point) / max(abs(rise_m), 1e-9)
        return wished_m_s if fastest >= wished_m_s else max(math.floor(fastest * 2) / 2, 0.5)

    def _corridor(self, way: Way) -> tuple[Floats, Floats, Floats]:
        """Lowest and highest allowed, and the ground, above home at each sample."""
        some = way.thinned()
        known = self.frame.lonlat_from_en(way.en_m[some])
        lonlat = np.column_stack([np.interp(way.along_m, way.along_m[some], known[:, axis]) for axis in (0, 1)])
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

    def _tightened(self, way: Way, low: Floats, high: Floats, speed_m_s: float) -> tuple[Floats, Floats, Floats]:
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
