"""What stands on the ground and flights keep clear of: masts, towers, cranes, buildings, cables."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from flightplan.errors import CannotPlan
from flightplan.ground.area import lonlat_problem
from flightplan.ground.terrain import Terrain
from flightplan.projection import LocalFrame

Ring = tuple[tuple[float, float], ...]
HIGHEST_M = 1_000.0
# The ground under an outline is looked at this close.
_STEP_M = 10.0
# Where nobody knows the ground, what stands there reaches higher than anything flies.
_ENDLESS_M = 9_000.0


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """One that stands near a mission.

    Attributes:
        name: What people call it.
        outline: Degrees (longitude, latitude), the first corner not repeated.
        top_msl_m: Its top above mean sea level.

    Raises:
        CannotPlan: The outline is none, or the top is no number.
    """

    name: str
    outline: Ring
    top_msl_m: float

    def __post_init__(self) -> None:
        for lon, lat in self.outline:
            problem = lonlat_problem(lon, lat)
            if problem is not None:
                raise CannotPlan(problem=f"obstacle {self.name}: {problem[0]}", remedy=problem[1])
        is_outline = len(set(self.outline)) >= 3 and self.polygon().is_valid
        if not is_outline or not math.isfinite(self.top_msl_m):
            raise CannotPlan(
                problem=f"obstacle {self.name} has no outline or no top",
                remedy="Give three corners or more, and a top",
            )

    def polygon(self) -> Polygon:
        """The outline."""
        return Polygon(self.outline)


@dataclass(frozen=True, kw_only=True, eq=False)
class Standing:
    """One of a map: its place, and how high it is over its own ground or over the sea.

    Attributes:
        name: What people call it.
        ground: Outline, degrees.
        height_m: Above the ground that it stands on; None where only the top is known.
        top_msl_m: Its top above mean sea level; None where only the height is known.
    """

    name: str
    ground: Polygon
    height_m: float | None = None
    top_msl_m: float | None = None

    def __post_init__(self) -> None:
        if (self.height_m is None) == (self.top_msl_m is None):
            raise ValueError("give one of height_m and top_msl_m")
        if self.height_m is not None and not 0 < self.height_m <= HIGHEST_M:
            raise ValueError(f"height_m must be above 0 and at most {HIGHEST_M:,.0f}")
        if self.top_msl_m is not None and not -500 <= self.top_msl_m <= _ENDLESS_M:
            raise ValueError(f"top_msl_m must lie between -500 and {_ENDLESS_M:,.0f}")

    def above_ground_m(self, terrain: Terrain | None) -> float:
        """How high it is over the lowest ground beneath it.

        Raises:
            CannotPlan: Only its top above the sea is known, and no terrain is.
        """
        if self.height_m is not None and terrain is None:
            return self.height_m
        ground_m = self._ground_m(terrain)
        return self._top_m(ground_m) - float(np.nanmin(ground_m)) if _is_known(ground_m) else math.inf

    def seen_from(self, home_alt_msl_m: float, terrain: Terrain | None) -> Obstacle:
        """With its top above the sea; without terrain the ground is everywhere as high as at home.

        Raises:
            CannotPlan: Only its top above the sea is known, and no terrain is.
        """
        if self.height_m is not None and terrain is None:
            top_m = home_alt_msl_m + self.height_m
        else:
            top_m = self._top_m(self._ground_m(terrain))
        corners = [(round(lon, 7), round(lat, 7)) for lon, lat in shapely.get_coordinates(self.ground.exterior)[:-1]]
        return Obstacle(name=self.name, outline=tuple(corners), top_msl_m=round(top_m, 2))

    def _ground_m(self, terrain: Terrain | None) -> NDArray[np.float64]:
        if terrain is None:
            raise CannotPlan(
                problem=f"obstacle {self.name} tells its top above the sea only, and nobody knows the ground",
                remedy="Give --terrain, or its height_m above the ground",
            )
        middle = self.ground.representative_point()
        frame = LocalFrame(lon=middle.x, lat=middle.y)
        line = frame.local_polygon(self.ground).exterior.segmentize(_STEP_M)
        return terrain.heights_m(np.vstack([frame.lonlat_from_en(shapely.get_coordinates(line)), middle.coords[0]]))

    def _top_m(self, ground_m: NDArray[np.float64]) -> float:
        if self.top_msl_m is not None:
            return self.top_msl_m
        assert self.height_m is not None
        return float(np.nanmax(ground_m)) + self.height_m if _is_known(ground_m) else _ENDLESS_M


def _is_known(ground_m: NDArray[np.float64]) -> bool:
    return bool(np.isfinite(ground_m).any())


def widened(ground: BaseGeometry, by_m: float) -> Polygon:
    """The outline with so much more around it, degrees."""
    middle = ground.representative_point()
    frame = LocalFrame(lon=middle.x, lat=middle.y)
    wide = frame.local_polygon(ground).buffer(by_m, quad_segs=4)
    return Polygon(shapely.transform(wide, frame.lonlat_from_en).exterior)
