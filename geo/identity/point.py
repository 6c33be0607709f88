"""A sighting in the grouper's own metres, its error parted into what its flight shares and what is its own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import shapely
from shapely.geometry.base import BaseGeometry

from geo import gaussian
from geo.frames import METRES_PER_DEGREE
from geo.gaussian import Estimate, Sym
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
    """A sighting in metres, while its picture is looked at; `Record` keeps it.

    Attributes:
        sighting: What was seen.
        ground: What its flight saw of its family, by place.
        picture: The number of its picture: two points of one picture are never one thing.
        told: Place, metres east and north, as the flight tells it, and its error without what the flight shares.
        settled: The same without what its picture's sightings share, as far as that is known.
        shared: The part of its error that all pictures of the flight share.
        sure: Whether its whole error is small enough to join anything.
        own_m2: The part of the noise that no other sighting of the picture shares, a variance.
        common_m2: What other sightings of the picture may share of it in any direction, a variance.
        box: West, south, east, north of its outline; None for point-like things.
        solid_m2: The outline's area as the sighting tells it, 0 where it tells none.
        seen_s: When, seconds since 1970; NaN where the picture tells no time.
    """

    __slots__ = (
        "box",
        "common_m2",
        "ground",
        "own_m2",
        "picture",
        "seen_s",
        "settled",
        "shared",
        "sighting",
        "solid_m2",
        "sure",
        "told",
    )

    def __init__(
        self,
        sighting: Sighting,
        plane: Plane,
        ground: FlightGround,
        picture: int,
        seen_s: float,
        floor_m2: float,
        most_variance_m2: float,
    ) -> None:
        fix = sighting.fix
        (ee, en), (_, nn) = fix.covariance_m2
        (cee, cen), (_, cnn) = fix.common_m2
        # A fix that does not say what its flight shares shares the floor, but never all of its error.
        if cee == 0.0 and cnn == 0.0:
            least = max(gaussian.eigenvalues((ee, en, nn))[0], 0.0)
            cee = cnn = min(floor_m2, 0.64 * least)
            cen = 0.0
        own_m2, area_m2 = _BOX_VARIANCE_M2, sighting.area_m2
        if area_m2:
            own_m2 += min(_BOX_SIZE_SHARE2 * area_m2, _BOX_MOST_M2)
        ee, nn = ee + own_m2, nn + own_m2
        self.sure = ee + nn <= most_variance_m2 or gaussian.eigenvalues((ee, en, nn))[1] <= most_variance_m2
        ee, en, nn = ee - cee, en - cen, nn - cnn
        low = (ee if ee < nn else nn) if en == 0.0 else (ee + nn) / 2 - math.hypot((ee - nn) / 2, en)
        if low < _BOX_VARIANCE_M2:
            ee, en, nn = gaussian.raised((ee, en, nn), _BOX_VARIANCE_M2)
            low = _BOX_VARIANCE_M2
        self.sighting = sighting
        self.ground = ground
        self.picture = picture
        self.seen_s = seen_s
        self.own_m2 = own_m2
        self.common_m2 = low - own_m2
        self.shared: Sym = (cee, cen, cnn)
        # `plane.en` written out, here and for the outline: this is the busiest place.
        lon, lat, east_m = plane.lon, plane.lat, plane.east_m
        self.told: Estimate = ((fix.lon - lon) * east_m, (fix.lat - lat) * METRES_PER_DEGREE, ee, en, nn)
        self.settled = self.told
        self.solid_m2 = area_m2 or 0.0
        ring = sighting.footprint_lonlat
        if ring is None:
            self.box: Box | None = None
        else:
            lons, lats = zip(*ring)  # noqa: B905 - pairs
            self.box = (
                (min(lons) - lon) * east_m,
                (min(lats) - lat) * METRES_PER_DEGREE,
                (max(lons) - lon) * east_m,
                (max(lats) - lat) * METRES_PER_DEGREE,
            )

    @property
    def covariance(self) -> Sym:
        """Its whole error."""
        return gaussian.add(self.shared, self.told[2:])


def outline_of(sighting: Sighting, plane: Plane) -> BaseGeometry | None:
    """A sighting's outline in metres, None for point-like things."""
    if sighting.footprint_lonlat is None:
        return None
    outline = shapely.polygons([plane.en(lon, lat) for lon, lat in sighting.footprint_lonlat])
    return outline if shapely.is_valid(outline) else shapely.make_valid(outline)
