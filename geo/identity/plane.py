"""Metres around the first sighting: only differences of tens of metres are ever taken, so a sphere will do."""

from __future__ import annotations

import math

from geo.frames import METRES_PER_DEGREE
from geo.gaussian import Vec
from geo.sighting import LonLat


class Plane:
    """Turns degrees into metres east and north of a place, and back.

    Attributes:
        lon: Of the place, degrees.
        lat: The same.
        east_m: Metres east per degree.
    """

    def __init__(self, lon: float, lat: float) -> None:
        """Touch the earth at a place, degrees."""
        self.lon, self.lat = lon, lat
        self.east_m = METRES_PER_DEGREE * math.cos(math.radians(lat))

    def en(self, lon: float, lat: float) -> Vec:
        """Metres east and north of a place in degrees."""
        return ((lon - self.lon) * self.east_m, (lat - self.lat) * METRES_PER_DEGREE)

    def lonlat(self, en_m: Vec) -> LonLat:
        """Degrees of a place in metres."""
        return (self.lon + en_m[0] / self.east_m, self.lat + en_m[1] / METRES_PER_DEGREE)
