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
    """

    kind: str
    code: str
    name: str
    properties: Mapping[str, Any]
    geometry: BaseGeometry
    axis: BaseGeometry | None
    valid_from: date | None
    valid_to: date | None

    def valid_on(self, day: date) -> bool:
        """Whether the zone holds on that day, first and last day included."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, kw_only=True)
class ZoneHit:
    """A zone, and the probability that the place lies in it (its border counts as inside)."""

    zone: Zone
    probability: float
