"""A sighting in the grouper's own metres, its error parted into what its flight shares and what is its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import shapely
from shapely.geometry.base import BaseGeometry

from geo import gaussian
from geo.gaussian import Sym, Vec
from geo.identity.plane import Plane
from geo.sighting import Sighting

if TYPE_CHECKING:
    from geo.identity.ground import FlightGround

Box = tuple[float, float, float, float]

# How exactly a detector sets a box on one and the same thing: one sigma, and as a share of the thing's size, at most.
BOX_SIGMA_M = 0.3
_BOX_SIZE_SHARE2, _BOX_MOST_M2 = 0.2**2, 2.0**2
_BOX_VARIANCE_M2 = BOX_SIGMA_M * BOX_SIGMA_M


class Point:
    """A sighting in metres.

    Attributes:
        sighting: What was seen.
        ground: What its flight saw of its family, by place.
        picture: The number of its picture: two points of one picture are never one thing.
        en_m: Place, metres east and north, as the flight tells it.
        settled_m: The same without what its picture's sightings share, as far as that is known.
        settled_noise: The error of that place among those of its flight.
        shared: The part of its error that all pictures of the flight share.
        noise: The rest.
        sure: Whether its whole error is small enough to join anything.
        own_m2: The part of the noise that no other sighting of the picture shares, a variance.
        box: West, south, east, north of its outline; None for point-like things.
        solid_m2: The outline's area as the sighting tells it, 0 where it tells none.
    """

    __slots__ = (
        "_outline",
        "_plane",
        "box",
        "en_m",
        "ground",
        "noise",
        "own_m2",
        "picture",
        "settled_m",
        "settled_noise",
        "shared",
        "sighting",
        "solid_m2",
        "sure",
    )

    def __init__(
        self,
        sighting: Sighting,
        plane: Plane,
        ground: FlightGround,
        picture: int,
        floor_m2: float,
        most_variance_m2: float,
    ) -> None:
        fix = sighting.fix
        (ee, en), (_, nn) = fix.covariance_m2
        (cee, cen), (_, cnn) = fix.common_m2
        self.sighting = sighting
        self._plane = plane
        self.ground = ground
        self.picture = picture
        self.en_m: Vec = plane.en(fix.lon, fix.lat)
        box2 = _BOX_VARIANCE_M2
        if area_m2 := sighting.area_m2:
            box2 += min(_BOX_SIZE_SHARE2 * area_m2, _BOX_MOST_M2)
        self.own_m2 = box2
        self.settled_m = self.en_m
        whole = (ee + box2, en, nn + box2)
        self.sure = whole[0] + whole[2] <= most_variance_m2 or gaussian.eigenvalues(whole)[1] <= most_variance_m2
        # A fix that does not say what its flight shares shares the floor, but never all of its error.
        if cee == 0.0 and cnn == 0.0:
            least = max(gaussian.eigenvalues((ee, en, nn))[0], 0.0)
            cee = cnn = min(floor_m2, 0.64 * least)
            cen = 0.0
        self.shared: Sym = (cee, cen, cnn)
        self.noise = gaussian.raised((whole[0] - cee, en - cen, whole[2] - cnn), _BOX_VARIANCE_M2)
        self.settled_noise = self.noise
        self._outline: BaseGeometry | None = None
        self.box: Box | None = None
        self.solid_m2 = area_m2 or 0.0
        if sighting.footprint_lonlat is not None:
            lons, lats = zip(*sighting.footprint_lonlat)  # noqa: B905 - pairs, and this is the busiest place
            self.box = plane.en(min(lons), min(lats)) + plane.en(max(lons), max(lats))

    @property
    def covariance(self) -> Sym:
        """Its whole error."""
        return gaussian.add(self.shared, self.noise)

    def settle(self, shift: Vec, told_m2: float, least_m2: float) -> None:
        """Take off what its picture's sightings share: `told_m2` is certain now, `least_m2` never is (variances)."""
        self.settled_m = (self.en_m[0] - shift[0], self.en_m[1] - shift[1])
        ee, en, nn = self.noise
        self.settled_noise = gaussian.raised((ee - told_m2, en, nn - told_m2), least_m2)

    @property
    def outline(self) -> BaseGeometry | None:
        """Its outline in metres, made when first asked for: most sightings are grouped by place alone."""
        if self._outline is None and self.sighting.footprint_lonlat is not None:
            ring = [self._plane.en(lon, lat) for lon, lat in self.sighting.footprint_lonlat]
            outline = shapely.polygons(ring)
            self._outline = outline if shapely.is_valid(outline) else shapely.make_valid(outline)
        return self._outline
