"""What photos show of real ground: heights, slopes and slanting cameras taken as they are.

`flightplan.coverage.footprints` counts rectangles over level ground, which is quick enough to compare hundreds of
patterns; this module measures the one that was chosen. A spot is seen by a photo when its ray falls on the sensor and
is not too long; that something stands in between is not looked at.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from flightplan.errors import CannotPlan
from flightplan.ground.terrain import Terrain
from flightplan.mission.shots import STRAIGHT_DOWN_DEG, Shots
from flightplan.projection import LocalFrame
from geo.camera import Camera

Floats = NDArray[np.float64]
# Beyond so many times the height a slanting picture shows the ground too coarsely to count as a look at it.
FARTHEST_LOOK = 2.5
FLATTEST_PITCH_DEG = -30.0
# Rounding to 1e-7 degrees and whole centimetres moves photos by that much.
_ROUNDING_M = 0.1


@dataclass(frozen=True, kw_only=True)
class View:
    """How a camera sees: half its angles of view, as tangents, and how far a look reaches (in flying heights)."""

    tan_across: float
    tan_along: float
    farthest_look: float = FARTHEST_LOOK

    @classmethod
    def of(cls, camera: Camera) -> View:
        """The camera's pictures lie with their width across the flight."""
        across_m, along_m = camera.footprint_wh_m(1.0)
        return cls(tan_across=across_m / 2, tan_along=along_m / 2)


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """The rectangle of level ground that rows may count on, metres.

    Attributes:
        along_m: Length along the flight.
        across_m: Width across it; of a slanting picture the width of its near edge.
        ahead_m: How far its middle lies ahead of the drone.
    """

    along_m: float
    across_m: float
    ahead_m: float

    @classmethod
    def of(cls, camera: Camera, height_m: float, pitch_deg: float) -> Footprint:
        """What a camera sees of level ground from `height_m`, however it is pitched.

        Raises:
            CannotPlan: The camera would look at the horizon rather than at the ground.
        """
        if not -90.0 <= pitch_deg <= FLATTEST_PITCH_DEG:
            raise CannotPlan(
                problem=f"a camera pitched {pitch_deg:g}° shows too little ground",
                remedy=f"Pitch it between -90 (straight down) and {FLATTEST_PITCH_DEG:g}",
            )
        view = View.of(camera)
        if pitch_deg == STRAIGHT_DOWN_DEG:
            return cls(along_m=2 * height_m * view.tan_along, across_m=2 * height_m * view.tan_across, ahead_m=0.0)
        tilt, half = math.radians(pitch_deg + 90.0), math.atan(view.tan_along)
        near = math.tan(tilt - half)
        wide = (math.cos(tilt) + near * math.sin(tilt)) * view.tan_across
        farthest = math.sqrt(max(view.farthest_look**2 - 1 - wide**2, 0.0))
        far = min(math.tan(tilt + half), farthest) if tilt + half < math.pi / 2 else farthest
        return cls(along_m=(far - near) * height_m, across_m=2 * wide * height_m, ahead_m=(far + near) / 2 * height_m)


class GroundGrid:
    """Sample points over an area (metres east, north), each with its height above mean sea level."""

    def __init__(
        self, area_en: BaseGeometry, frame: LocalFrame, terrain: Terrain | None, level_m: float, most: int = 30_000
    ) -> None:
        west, south, east, north = area_en.bounds
        share = max(area_en.area / max((east - west) * (north - south), 1e-9), 0.02)
        self.cell_m = min(
            max(math.sqrt((east - west) * (north - south) * share / most), 0.25), min(east - west, north - south) / 20
        )
        self._west, self._south = west + self.cell_m / 2, south + self.cell_m / 2
        e = np.arange(self._west, east, self.cell_m)
        n = np.arange(self._south, north, self.cell_m)
        grid_e, grid_n = np.meshgrid(e, n, indexing="ij")
        self._e, self._n = e, n
        shapely.prepare(area_en)
        self.inside = shapely.contains_xy(area_en, grid_e, grid_n)
        self.ground_m = np.full(self.inside.shape, level_m)
        if terrain is not None and self.inside.any():
            places = np.column_stack([grid_e[self.inside], grid_n[self.inside]])
            self.ground_m[self.inside] = terrain.heights_m(frame.lonlat_from_en(places))

    def unknown_en_m(self) -> Floats:
        """Samples inside (n, 2) whose height is not known."""
        at = np.argwhere(self.inside & np.isnan(self.ground_m))
        return np.column_stack([self._e[at[:, 0]], self._n[at[:, 1]]])

    def inside_en_m(self) -> Floats:
        """The samples inside (n, 2), aligned with `counts`."""
        at = np.argwhere(self.inside)
        return np.column_stack([self._e[at[:, 0]], self._n[at[:, 1]]])

    def counts(self, shots: Shots, view: View) -> NDArray[np.int32]:
        """Photos per sample point inside."""
        counted = np.zeros(self.inside.shape, dtype=np.int32)
        lowest_m = float(np.nanmin(self.ground_m[self.inside])) if self.inside.any() else 0.0
        for (east, north), alt_m, course_deg, pitch_deg in zip(
            shots.en_m, shots.alt_msl_m, shots.course_deg, shots.pitch_deg, strict=True
        ):
            reach_m = (alt_m - lowest_m) * _reach(view, pitch_deg)
            columns = self._window(east - reach_m, east + reach_m, self._west, len(self._e))
            rows = self._window(north - reach_m, north + reach_m, self._south, len(self._n))
            off_e, off_n = self._e[columns][:, None] - east, self._n[rows][None, :] - north
            down_m = alt_m - self.ground_m[columns, rows]
            course = math.radians(course_deg)
            ahead = off_e * math.sin(course) + off_n * math.cos(course)
            aside = off_e * math.cos(course) - off_n * math.sin(course)
            counted[columns, rows] += _is_seen(ahead, aside, down_m, pitch_deg, view)
        return counted[self.inside]

    def _window(self, low_m: float, high_m: float, first_m: float, count: int) -> slice:
        low = math.floor((low_m - first_m) / self.cell_m)
        high = math.ceil((high_m - first_m) / self.cell_m) + 1
        return slice(min(max(low, 0), count), min(max(high, 0), count))


def _is_seen(ahead: Floats, aside: Floats, down: Floats, pitch_deg: float, view: View) -> NDArray[np.bool_]:
    tilt = math.radians(pitch_deg + 90.0)
    depth = ahead * math.sin(tilt) + down * math.cos(tilt)
    upward = ahead * math.cos(tilt) - down * math.sin(tilt)
    seen = (np.abs(aside) <= depth * view.tan_across + _ROUNDING_M) & (
        np.abs(upward) <= depth * view.tan_along + _ROUNDING_M
    )
    if tilt > 0:
        seen &= ahead**2 + aside**2 <= down**2 * (view.farthest_look**2 - 1)
    return np.asarray(seen & (down > 0))


def _reach(view: View, pitch_deg: float) -> float:
    """How far sideways a photo sees at most, in flying heights."""
    if pitch_deg <= -90.0:
        return math.hypot(view.tan_across, view.tan_along) + 0.01
    return math.sqrt(view.farthest_look**2 - 1)
