"""One thing seen once, on the ground: what `geo` knows of a detection."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from geo.position import Fix

LonLat = tuple[float, float]

CUT_BY_EDGE = "cut_by_edge"
"""Flag of a fix: the picture's edge cuts the thing, so that place, outline and confidence are those of a part."""


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """One thing seen in one picture.

    Attributes:
        label: Class name.
        confidence: 0 to 1.
        fix: Where its point of contact with the ground is.
        footprint_lonlat: Its outline on the ground, corners as (lon, lat) degrees, not closed; None if point-like.
        area_m2: Its area on the ground.
        area_sigma_m2: One-sigma error of that area; None where it is unknown.
        seen_at: Aware time, None where the picture tells none.
        source: The picture (a file name, a stream and frame number): two sightings of one source are never one thing.
        box_xyxy_px: Where it is in the picture.
        evidence_sha256: Hash of the original picture.
        flight_id: Sightings of one flight share that flight's position offset.
    """

    label: str
    confidence: float
    fix: Fix
    source: str
    footprint_lonlat: tuple[LonLat, ...] | None = None
    area_m2: float | None = None
    area_sigma_m2: float | None = None
    seen_at: datetime | None = None
    box_xyxy_px: tuple[float, float, float, float] | None = None
    evidence_sha256: str | None = None
    flight_id: str = "flight"

    def __post_init__(self) -> None:
        if not self.label:
            raise ValueError("a sighting needs a label")
        if not 0 <= self.confidence <= 1:
            raise ValueError("a sighting's confidence must lie between 0 and 1")
        if self.seen_at is not None and self.seen_at.tzinfo is None:
            raise ValueError("a sighting's time must be aware")
        if self.area_m2 is not None and not (math.isfinite(self.area_m2) and self.area_m2 >= 0):
            raise ValueError("a sighting's area must be finite and not negative")
        sigma_m2 = self.area_sigma_m2
        if sigma_m2 is not None and (self.area_m2 is None or not (math.isfinite(sigma_m2) and sigma_m2 >= 0)):
            raise ValueError("the error of a sighting's area must be finite, not negative, and of an area")
        if self.footprint_lonlat is not None and len(self.footprint_lonlat) < 3:
            raise ValueError("a footprint needs at least three corners")
