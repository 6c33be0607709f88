"""A sighting in the grouper's own metres, its error parted into what its flight shares and what is its own."""

from __future__ import annotations

import shapely
from shapely.geometry.base import BaseGeometry

from geo import gaussian
from geo.gaussian import Sym, Vec
from geo.identity.plane import Plane
from geo.sighting import Sighting

Box = tuple[float, float, float, float]

# How exactly a detector sets a box on one and the same thing: one sigma, and as a share of the thing's size, at most.
BOX_SIGMA_M = 0.3
_BOX_SIZE_SHARE, _BOX_MOST_M = 0.2, 2.0
_BOX_VARIANCE_M2 = BOX_SIGMA_M * BOX_SIGMA_M


class Point:
    """A sighting in metres.

    Attributes:
        sighting: What was seen.
        key: Its flight and picture: two points of one key are never one thing.
        family: Its family.
        en_m: Place, metres east and north.
        covariance: Its whole error.
        shared: The part of it that all pictures of the flight share.
        noise: The rest.
        box: West, south, east, north of its outline; None for point-like things.
        solid_m2: The outline's area as the sighting tells it, 0 where it tells none.
    """

    __slots__ = (
        "_outline",
        "_ring",
        "box",
        "covariance",
        "en_m",
        "family",
        "key",
        "noise",
        "shared",
        "sighting",
        "solid_m2",
    )

    def __init__(self, sighting: Sighting, plane: Plane, family: str, offset_floor_m: float) -> None:
        fix = sighting.fix
        (ee, en), (_, nn) = fix.covariance_m2
        (cee, cen), (_, cnn) = fix.common_m2
        self.sighting = sighting
        self.key = (sighting.flight_id, sighting.source)
        self.family = family
        self.en_m: Vec = plane.en(fix.lon, fix.lat)
        box2 = _BOX_VARIANCE_M2
        if sighting.area_m2:
            box2 += min(_BOX_SIZE_SHARE * _BOX_SIZE_SHARE * sighting.area_m2, _BOX_MOST_M * _BOX_MOST_M)
        self.covariance: Sym = (ee + box2, en, nn + box2)
        # A fix that does not say what its flight shares shares the floor, but never all of its error.
        if cee == 0.0 and cnn == 0.0:
            least = max(gaussian.eigenvalues((ee, en, nn))[0], 0.0)
            cee = cnn = min(offset_floor_m * offset_floor_m, 0.64 * least)
            cen = 0.0
        self.shared: Sym = (cee, cen, cnn)
        self.noise: Sym = gaussian.at_least((ee + box2 - cee, en - cen, nn + box2 - cnn), BOX_SIGMA_M)
        self._ring: list[Vec] | None = None
        self._outline: BaseGeometry | None = None
        self.box: Box | None = None
        self.solid_m2 = sighting.area_m2 or 0.0
        if sighting.footprint_lonlat is not None:
            to_metres = plane.en
            self._ring = [to_metres(lon, lat) for lon, lat in sighting.footprint_lonlat]
            easts, norths = zip(*self._ring, strict=True)
            self.box = (min(easts), min(norths), max(easts), max(norths))

    @property
    def outline(self) -> BaseGeometry | None:
        """Its outline in metres, made when first asked for: most sightings are grouped by place alone."""
        if self._outline is None and self._ring is not None:
            self._outline = shapely.make_valid(shapely.Polygon(self._ring))
        return self._outline
