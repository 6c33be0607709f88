"""One area of a city, and how surely a place lies in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from shapely.geometry.base import BaseGeometry

ZONE_KINDS = (
    "district",
    "grid",
    "road",
    "permanent_water",
    "reservoir_protection_1",
    "reservoir_protection_2",
    "reservoir_protection_quasi",
    "reservoir_management",
    "no_fishing",
    "street",
    "false_alarm_mask",
)
LINE_KINDS = ("road", "street")
"""Kinds that may be drawn as a line with a width."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Zone:
    """One area of a city.

    Attributes:
        kind: One of `ZONE_KINDS`.
        code: The city's own code.
        name: For people.
        properties: All properties of the feature, as written.
        geometry: Polygon or MultiPolygon in degrees, lon before lat; of a line, the strip of its width.
        axis: The line of a road or street drawn as a line, else None.
        valid_from: First day, None for always.
        valid_to: Last day, None for open end.
        season: First and last day of every year as month and day, like ("03-01", "06-30"); None for the whole year. A
            season that begins later in the year than it ends goes over the turn of the year.
    """

    kind: str
    code: str
    name: str
    properties: Mapping[str, Any]
    geometry: BaseGeometry
    axis: BaseGeometry | None
    valid_from: date | None
    valid_to: date | None
    season: tuple[str, str] | None = None

    @property
    def holds_always(self) -> bool:
        """Whether it holds on every day there is."""
        return self.valid_from is None and self.valid_to is None and self.season is None

    def valid_on(self, day: date) -> bool:
        """Whether the zone holds on that day, first and last day included."""
        if (self.valid_from is not None and day < self.valid_from) or (
            self.valid_to is not None and self.valid_to < day
        ):
            return False
        if self.season is None:
            return True
        (first, last), today = self.season, f"{day:%m-%d}"
        return first <= today <= last if first <= last else today >= first or today <= last


@dataclass(frozen=True, kw_only=True)
class ZoneHit:
    """A zone, and the probability that the place lies in it (its border counts as inside)."""

    zone: Zone
    probability: float
