"""Same thing, or another one: the merge rule, over places with their errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod
from shapely import Polygon, make_valid
from shapely.geometry.base import BaseGeometry

from geo.identity.rules import IdentityRules
from geo.position import scale_of_probability

_GEOD = Geod(ellps="WGS84")


class Likeness(StrEnum):
    """How alike two things are by place."""

    SAME = "same"
    PERHAPS = "perhaps"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A place with its error, its outline and the time it was seen."""

    lon: float
    lat: float
    covariance_m2: tuple[tuple[float, float], tuple[float, float]]
    footprint_lonlat: Sequence[tuple[float, float]] | None
    first_seen_at: datetime
    last_seen_at: datetime

    @property
    def ellipse_95_m(self) -> float:
        """Half the long axis of the 95 % error ellipse."""
        return scale_of_probability(0.95) * math.sqrt(np.linalg.eigvalsh(np.asarray(self.covariance_m2))[-1])

    def box_lonlat(self, probability: float) -> tuple[float, float, float, float]:
        """West, south, east, north around the outline and the part of the error that holds the truth so surely.

        Two places that are alike with a probability have boxes of that probability, or larger ones, that touch.
        """
        scale = scale_of_probability(probability)
        reach_e = scale * math.sqrt(self.covariance_m2[0][0])
        reach_n = scale * math.sqrt(self.covariance_m2[1][1])
        lon_deg = reach_e / (111_000.0 * max(math.cos(math.radians(self.lat)), 0.01))
        lat_deg = reach_n / 110_000.0
        lons = [self.lon - lon_deg, self.lon + lon_deg, *(lon for lon, _ in self.footprint_lonlat or ())]
        lats = [self.lat - lat_deg, self.lat + lat_deg, *(lat for _, lat in self.footprint_lonlat or ())]
        return min(lons), min(lats), max(lons), max(lats)


def likeness(one: Spot, other: Spot, rules: IdentityRules) -> tuple[Likeness, float]:
    """Compare two spots by place alone.

    Args:
        one: A spot.
        other: Another.
        rules: The thresholds: `merge_probability`, `suggest_probability`, `overlap_share`, `max_ellipse95_m`.

    Returns:
        The verdict, and the squared distance in units of the joint error (0: the same point).
    """
    distance2 = squared_distance(one, other)
    close = distance2 < scale_of_probability(rules.merge_probability) ** 2
    if close or overlap(one.footprint_lonlat, other.footprint_lonlat) >= rules.overlap_share:
        sharp = max(one.ellipse_95_m, other.ellipse_95_m) <= rules.max_ellipse95_m
        return (Likeness.SAME if sharp else Likeness.PERHAPS), distance2
    near = distance2 < scale_of_probability(rules.suggest_probability) ** 2
    return (Likeness.PERHAPS if near else Likeness.OTHER), distance2


def squared_distance(one: Spot, other: Spot) -> float:
    """Squared Mahalanobis distance of two places under their joint error."""
    azimuth_deg, _, distance_m = _GEOD.inv(one.lon, one.lat, other.lon, other.lat)
    azimuth = math.radians(azimuth_deg)
    delta = np.array([distance_m * math.sin(azimuth), distance_m * math.cos(azimuth)])
    joint: NDArray[np.float64] = np.asarray(one.covariance_m2) + np.asarray(other.covariance_m2)
    return float(delta @ np.linalg.solve(joint, delta))


def overlap(one: Sequence[tuple[float, float]] | None, other: Sequence[tuple[float, float]] | None) -> float:
    """Share of the smaller outline that lies in the other one, 0 where either is unknown or has no area."""
    if one is None or other is None:
        return 0.0
    first, second = _area(one), _area(other)
    smaller = min(first.area, second.area)
    return float(first.intersection(second).area / smaller) if smaller > 0 else 0.0


def _area(outline: Sequence[tuple[float, float]]) -> BaseGeometry:
    return make_valid(Polygon(outline))


def time_gap(one: Spot, other: Spot) -> timedelta:
    """Time between the two, zero where they were seen in the same span."""
    return max(one.first_seen_at - other.last_seen_at, other.first_seen_at - one.last_seen_at, timedelta(0))
