"""What is to be looked at again: a place with its uncertainty, and how it must be seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon

from flightplan.ground.area import lonlat_problem

View = Literal["nadir", "oblique"]
Floats = NDArray[np.float64]
# Of a two-dimensional normal distribution: the ellipse that holds the place in 95 of 100 cases.
_CHI_SQUARE_95 = 5.991464547107979
_LARGEST_M = 2_000.0
_CORNERS = 48
MOST_PRIORITY = 9


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How large the ground is that must be seen whole, around a place.

    Attributes:
        half_length_m: Along `bearing_deg`.
        half_width_m: Across it.
        bearing_deg: Of the length, clockwise from north.
        is_box: A rectangle, such as a cell of a ledger, instead of an ellipse.
    """

    half_length_m: float
    half_width_m: float
    bearing_deg: float = 0.0
    is_box: bool = False

    def __post_init__(self) -> None:
        for name in ("half_length_m", "half_width_m"):
            if not 0 <= getattr(self, name) <= _LARGEST_M:
                raise ValueError(f"{name} must lie between 0 and {_LARGEST_M:g} m")
        if not math.isfinite(self.bearing_deg):
            raise ValueError("bearing_deg must be finite")

    @classmethod
    def of_covariance(cls, east_m2: float, north_m2: float, east_north_m2: float) -> Spread:
        """The 95 % ellipse of a place's covariance, square metres.

        Raises:
            ValueError: It is none.
        """
        matrix = np.array([[east_m2, east_north_m2], [east_north_m2, north_m2]], dtype=float)
        if not (np.abs(matrix) <= _LARGEST_M**2).all():
            raise ValueError(f"a covariance must be finite, and no more than {_LARGEST_M**2:,.0f} m²")
        squares, axes = np.linalg.eigh(matrix)
        if squares[0] < -1e-9 * max(abs(squares[1]), 1.0):
            raise ValueError("a covariance must not have a negative variance along any direction")
        lengths = np.sqrt(_CHI_SQUARE_95 * np.maximum(squares, 0.0))
        east, north = axes[:, 1]
        return cls(
            half_length_m=float(lengths[1]),
            half_width_m=float(lengths[0]),
            bearing_deg=float(math.degrees(math.atan2(east, north)) % 180),
        )

    def outline_en(self) -> Polygon:
        """Metres east and north of the place; around the ellipse, not within it."""
        angles = np.arange(_CORNERS) * 2 * math.pi / _CORNERS
        # Never empty: a place that is known exactly is a dot.
        length, width = max(self.half_length_m, 0.01), max(self.half_width_m, 0.01)
        if self.is_box:
            along_across = np.array([(length, width), (-length, width), (-length, -width), (length, -width)])
        else:
            along_across = np.column_stack([length * np.cos(angles), width * np.sin(angles)])
            along_across /= math.cos(math.pi / _CORNERS)
        return Polygon(along_across @ self.axes())

    def axes(self) -> Floats:
        """(2, 2) unit vectors (east, north) along and across."""
        sine, cosine = math.sin(math.radians(self.bearing_deg)), math.cos(math.radians(self.bearing_deg))
        return np.array([[sine, cosine], [cosine, -sine]])


@dataclass(frozen=True, kw_only=True)
class Target:
    """Something that waits to be looked at again.

    Attributes:
        target_id: A case's number, a cell's, or a hot-spot's.
        lon: Degrees, WGS 84.
        lat: Degrees, WGS 84.
        spread: What must be seen whole around it.
        view: Straight down, or obliquely.
        resolution_m: Metres of ground per pixel, or finer.
        bearing_deg: Where the camera looks in an oblique view, clockwise from north; None for any direction.
        priority: 1 (can wait) to 9 (first).
        due_on: Day by which it should have been seen; None for no day.
    """

    target_id: str
    lon: float
    lat: float
    spread: Spread
    view: View = "nadir"
    resolution_m: float = 0.03
    bearing_deg: float | None = None
    priority: int = 1
    due_on: date | None = None

    def __post_init__(self) -> None:
        problem = lonlat_problem(self.lon, self.lat)
        if problem is not None:
            raise ValueError(f"lon, lat: {problem[0]}")
        if not self.target_id.strip():
            raise ValueError("id must not be empty")
        if not 0.001 <= self.resolution_m <= 10:
            raise ValueError("resolution_m must lie between 0.001 and 10")
        if not 1 <= self.priority <= MOST_PRIORITY:
            raise ValueError(f"priority must lie between 1 and {MOST_PRIORITY}")
        if self.bearing_deg is not None and not math.isfinite(self.bearing_deg):
            raise ValueError("bearing_deg must be finite")

    @property
    def urgency(self) -> tuple[int, date, str]:
        """For sorting, the most urgent first."""
        return -self.priority, self.due_on or date.max, self.target_id


def outline_of(target: Target, place_en: Floats) -> Polygon:
    """What must be seen, in the metres that `place_en` (2,) is given in."""
    return shapely.transform(target.spread.outline_en(), lambda points: points + place_en)
