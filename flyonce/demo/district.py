"""The staged district: streets, a reservoir, grids and towns, in metres east and north of its origin.

Every name and code is made up: no province has the code 99, and each name says that it is a demonstration.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import LineString, Polygon, box

from flyonce.demo.frame import LocalFrame

Axis = Literal["north", "east"]


@dataclass(frozen=True, kw_only=True)
class Street:
    """A street without sharp bends: its centre line is a function of one axis.

    Attributes:
        code: Road code, made up.
        name: Name as an address prints it.
        road_class: `main` or `side`.
        width_m: Paved width.
        axis: The axis along which the street runs; the other coordinate is a function of it.
        knots_m: Points (coordinate along `axis`, the other coordinate), shape (n, 2), ascending along `axis`.
        visible_m: From and to where along `axis` the orthophoto shows the street itself; elsewhere it is painted.
    """

    code: str
    name: str
    road_class: Literal["main", "side"]
    width_m: float
    axis: Axis
    knots_m: tuple[tuple[float, float], ...]
    visible_m: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        along = np.array([knot[0] for knot in self.knots_m])
        if len(along) < 2 or not (np.diff(along) > 0).all():
            raise ValueError(f"street {self.name}: its knots must ascend along its axis")

    def offset_m(self, along_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """The other coordinate of the centre line at `along_m`: cubic through the knots, straight beyond them."""
        knots = np.array(self.knots_m)
        slopes = np.gradient(knots[:, 1], knots[:, 0])
        clipped = np.clip(along_m, knots[0, 0], knots[-1, 0])
        left = np.clip(np.searchsorted(knots[:, 0], clipped, side="right") - 1, 0, len(knots) - 2)
        span = knots[left + 1, 0] - knots[left, 0]
        t = (clipped - knots[left, 0]) / span
        inside = (
            (1 + 2 * t) * (1 - t) ** 2 * knots[left, 1]
            + t * (1 - t) ** 2 * span * slopes[left]
            + t**2 * (3 - 2 * t) * knots[left + 1, 1]
            + t**2 * (t - 1) * span * slopes[left + 1]
        )
        beyond = along_m - clipped
        return np.asarray(inside + beyond * np.where(beyond < 0, slopes[0], slopes[-1]))

    def centre_line(self, half_extent_en_m: tuple[float, float], step_m: float = 4.0) -> LineString:
        """The centre line (east, north) across the district."""
        reach = half_extent_en_m[0] if self.axis == "east" else half_extent_en_m[1]
        along = np.arange(-reach, reach + step_m / 2, step_m)
        other = self.offset_m(along)
        return LineString(np.column_stack([along, other] if self.axis == "east" else [other, along]))


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A management grid (网格): 15-digit code, name, town, and its rectangle (west, south, east, north) in metres."""

    code: str
    name: str
    town: str
    bounds_m: tuple[float, float, float, float]

    def __post_init__(self) -> None:
        if len(self.code) != 15 or not self.code.isdigit():
            raise ValueError(f"grid {self.name}: a grid's code has 15 digits, not {self.code!r}")


@dataclass(frozen=True, kw_only=True)
class District:
    """The whole staged district.

    Attributes:
        frame: Its local frame.
        half_extent_en_m: Half of the ground's size (east, north): what a photo may show.
        half_patrol_en_m: Half of the patrol area's size (east, north): what the flight must cover.
        towns: (code, name, west and east bound in metres) of each town.
        grids: The management grids.
        streets: The streets.
        reservoir_radii_m: Radii of the shore line at equal angles from east, counter-clockwise.
        reservoir_centre_m: (east, north) of the reservoir.
        home_m: (east, north) of the take-off point.
        home_alt_msl_m: Height of the ground, which is level.
    """

    frame: LocalFrame
    half_extent_en_m: tuple[float, float]
    half_patrol_en_m: tuple[float, float]
    towns: tuple[tuple[str, str, tuple[float, float]], ...]
    grids: tuple[Grid, ...]
    streets: tuple[Street, ...]
    reservoir_radii_m: tuple[float, ...]
    reservoir_centre_m: tuple[float, float]
    home_m: tuple[float, float]
    home_alt_msl_m: float

    @cached_property
    def reservoir(self) -> Polygon:
        """The water's shore line (east, north)."""
        knots = np.array([*self.reservoir_radii_m, self.reservoir_radii_m[0]])
        spectrum = np.fft.rfft(knots[:-1])
        count = 180
        radius = np.fft.irfft(spectrum, count) * count / (len(knots) - 1)
        angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
        east, north = self.reservoir_centre_m
        return Polygon(np.column_stack([east + radius * np.cos(angle), north + radius * np.sin(angle)]))

    @cached_property
    def bounds(self) -> Polygon:
        """The ground's rectangle (east, north)."""
        east, north = self.half_extent_en_m
        return box(-east, -north, east, north)

    @cached_property
    def patrol_area(self) -> Polygon:
        """The rectangle that is flown (east, north)."""
        east, north = self.half_patrol_en_m
        return box(-east, -north, east, north)


_MAIN_ROAD_KNOTS_M = (
    # The real road of the orthophoto (see ground.ROAD_PATCH), then bent back to run south.
    (-180.0, -104.0),
    (-120.0, -106.0),
    (-60.0, -113.0),
    (0.0, -117.0),
    (35.0, -108.0),
)

# The patch with the real road fades into the meadow over this distance.
_BLEND_M = 5.0


def demo_district(road_patch_knots_m: tuple[tuple[float, float], ...] = ()) -> District:
    """The district of `flyonce demo`.

    Args:
        road_patch_knots_m: (north, east) of the real road's centre line inside the ground, so that the declared main
            road lies on the visible one; empty where no ground is at hand.
    """
    real_knots = road_patch_knots_m or ((62.0, -88.0), (110.0, -58.0), (165.0, -40.0))
    return District(
        frame=LocalFrame(lon=118.8700, lat=28.9500),
        half_extent_en_m=(230.0, 180.0),
        half_patrol_en_m=(160.0, 120.0),
        towns=(
            ("339901001", "西演镇（演示）", (-230.0, -15.0)),
            ("339901002", "东演街道（演示）", (-15.0, 230.0)),
        ),
        grids=(
            Grid(code="339901001001001", name="西演一网格", town="339901001", bounds_m=(-230.0, -10.0, -15.0, 180.0)),
            Grid(code="339901001001002", name="西演二网格", town="339901001", bounds_m=(-230.0, -180.0, -15.0, -10.0)),
            Grid(code="339901002001001", name="东演一网格", town="339901002", bounds_m=(-15.0, -10.0, 230.0, 180.0)),
            Grid(code="339901002001002", name="东演二网格", town="339901002", bounds_m=(-15.0, -180.0, 230.0, -10.0)),
        ),
        streets=(
            Street(
                code="DEMO-S01",
                name="样例路",
                road_class="side",
                width_m=5.5,
                axis="east",
                knots_m=((-230.0, -84.0), (-80.0, -72.0), (60.0, -82.0), (230.0, -70.0)),
            ),
            Street(
                code="DEMO-S02",
                name="试飞街",
                road_class="side",
                width_m=5.5,
                axis="north",
                knots_m=((-180.0, 6.0), (-60.0, 10.0), (60.0, 2.0), (180.0, 14.0)),
            ),
            Street(
                code="DEMO-M01",
                name="示范大道",
                road_class="main",
                width_m=7.0,
                axis="north",
                knots_m=_MAIN_ROAD_KNOTS_M + real_knots,
                visible_m=(real_knots[0][0] + _BLEND_M, real_knots[-1][0] - _BLEND_M),
            ),
        ),
        reservoir_radii_m=(58.0, 44.0, 52.0, 60.0, 42.0, 48.0, 38.0, 52.0, 60.0, 46.0, 62.0),
        reservoir_centre_m=(112.0, 24.0),
        home_m=(-140.0, -112.0),
        home_alt_msl_m=78.0,
    )
