"""What guards a flight on board: the fence that the vehicle keeps to by itself, and places to land at in need."""

from __future__ import annotations

import math
from dataclasses import dataclass

import shapely
from shapely.geometry import Polygon

from flightplan.errors import CannotPlan
from flightplan.ground.area import lonlat_problem

Ring = tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Fence:
    """Where the vehicle may be; it breaks off the flight by itself where it would leave it.

    Attributes:
        inside: Rings, degrees (longitude, latitude), the first corner not repeated; it must stay inside every one.
        outside: Rings that it must stay out of.

    Raises:
        CannotPlan: There is no ring at all, or one crosses itself, has under three corners, or places off the earth.
    """

    inside: tuple[Ring, ...] = ()
    outside: tuple[Ring, ...] = ()

    def __post_init__(self) -> None:
        if not self.inside and not self.outside:
            raise CannotPlan(problem="a fence without any ring fences nothing", remedy="Give a ring, or no fence")
        for ring in (*self.inside, *self.outside):
            _check_ring(ring)

    @property
    def corners(self) -> int:
        """Corners of all rings together."""
        return sum(len(ring) for ring in (*self.inside, *self.outside))

    def allowed(self) -> shapely.Geometry | None:
        """Where the vehicle may be, degrees; None where no ring says what is inside."""
        if not self.inside:
            return None
        inside = shapely.intersection_all([Polygon(ring) for ring in self.inside])
        return shapely.difference(inside, self.forbidden())

    def forbidden(self) -> shapely.Geometry:
        """What the rings shut out, degrees."""
        return shapely.union_all([Polygon(ring) for ring in self.outside])


@dataclass(frozen=True, kw_only=True)
class RallyPoint:
    """A place to land at in need, nearer than home.

    Attributes:
        lon: Degrees, WGS 84.
        lat: Degrees, WGS 84.
        alt_home_m: Height above home at which it is flown to.

    Raises:
        CannotPlan: It is no place on the earth, or its height is not a number.
    """

    lon: float
    lat: float
    alt_home_m: float

    def __post_init__(self) -> None:
        problem = lonlat_problem(self.lon, self.lat)
        if problem is not None:
            raise CannotPlan(problem=f"rally point: {problem[0]}", remedy=problem[1])
        if not math.isfinite(self.alt_home_m):
            raise CannotPlan(problem="a rally point's height is not a number", remedy="Give it in metres above home")


def _check_ring(ring: Ring) -> None:
    for lon, lat in ring:
        problem = lonlat_problem(lon, lat)
        if problem is not None:
            raise CannotPlan(problem=f"fence: {problem[0]}", remedy=problem[1])
    if len(set(ring)) < 3:
        raise CannotPlan(problem="a fence's ring has fewer than three corners", remedy="Draw at least a triangle")
    if ring[0] == ring[-1]:
        raise CannotPlan(problem="a fence's ring repeats its first corner", remedy="Leave out the last one")
    if not Polygon(ring).is_valid:
        raise CannotPlan(problem="a fence's ring crosses itself", remedy="Draw its corners in order round the place")
