"""The 180° meridian, where degrees jump: what lies across it is refused, for nothing here counts round it."""

from __future__ import annotations

from collections.abc import Iterable

import shapely
from shapely.geometry.base import BaseGeometry

REMEDY = "Cut it there, and plan each side by itself"


def is_across_180(lons: Iterable[float]) -> bool:
    """Whether places that belong together lie on both sides of it: degrees east that are half the earth apart."""
    places = list(lons)
    return bool(places) and max(places) - min(places) > 180


def crosses_180(shape: BaseGeometry) -> bool:
    """Whether a part of a shape in degrees is drawn across it; such a part seems to span half the earth."""
    west, _, east, _ = shapely.bounds(shapely.get_parts(shape)).T
    return bool((east - west > 180).any())
