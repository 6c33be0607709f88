"""Strips along a line: rivers, roads, dykes, power lines."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry import LineString, MultiLineString, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from flightplan.coverage.asked import Drone, Shooting
from flightplan.coverage.parts import in_order
from flightplan.coverage.pattern_search import Point, Run, Task
from flightplan.coverage.site import Departure, Site, site_of
from flightplan.coverage.survey import CoveragePlan, Pattern, closest_needed
from flightplan.errors import CannotPlan
from flightplan.ground.area import PatrolArea
from flightplan.ground.geojson_shapes import shapes_in
from flightplan.mission.shots import STRAIGHT_DOWN_DEG
from flightplan.projection import LocalFrame

NARROWEST_M = 1.0
WIDEST_M = 5_000.0
LONGEST_M = 200_000.0
# Bends that are smaller than this share of a picture's width are flown straight through.
_SMOOTHED = 0.03
_SHORTEST_ROW_M = 1.0
# A row bent sharper than this begins anew there, with a photo on the corner itself.
_SHARP_DEG = 40.0


@dataclass(frozen=True, kw_only=True)
class Corridor:
    """A strip of ground along lines.

    Attributes:
        name: What people call it.
        lines: Its middle, degrees (longitude, latitude).
        width_m: From one edge to the other.
    """

    name: str
    lines: MultiLineString
    width_m: float

    def __post_init__(self) -> None:
        if not NARROWEST_M <= self.width_m <= WIDEST_M:
            raise CannotPlan(
                problem=f"a strip {self.width_m:g} m wide is out of range",
                remedy=f"Give a width from {NARROWEST_M:g} to {WIDEST_M:,.0f} m",
            )
        length_m = self.frame().local_polygon(self.lines).length
        if length_m > LONGEST_M:
            raise CannotPlan(
                problem=f"the line is {length_m / 1000:,.0f} km long, more than one drone can be planned for",
                remedy="Check the coordinates, or cut it",
            )

    @classmethod
    def from_geojson(cls, path: Path | str, width_m: float) -> Corridor:
        """Reads all lines of a file.

        Raises:
            InputFileError: The file is no GeoJSON, or has no line.
            CannotPlan: The width or the length is out of range.
        """
        path = Path(path)
        found = shapes_in(path, ["LineString"])
        lines = MultiLineString([one.line() for one in found])
        names = {one.name for one in found}
        return cls(name=(names.pop() if len(names) == 1 else "") or path.stem, lines=lines, width_m=width_m)

    def frame(self) -> LocalFrame:
        """A metric frame around the middle of the lines."""
        west, south, east, north = self.lines.bounds
        return LocalFrame(lon=(west + east) / 2, lat=(south + north) / 2)


def plan_corridor(corridor: Corridor, shooting: Shooting, drone: Drone, departure: Departure) -> CoveragePlan:
    """Rows beside one another along the line, as many as the width and the sidelap need, photos by distance.

    Rows follow the line's bends; legs keep out of no-fly areas, and what of the strip lies in one is left out.

    Raises:
        CannotPlan: As `plan_coverage`, or the camera is not to look straight down, or the strip is to be flown twice.
        InvalidMission: The settings break a limit, such as the greatest height.
    """
    if shooting.pitch_deg != STRAIGHT_DOWN_DEG or shooting.cross_hatch:
        raise CannotPlan(
            problem="strips are photographed once, straight down", remedy="Leave out the pitch and the second pass"
        )
    site = site_of(corridor.lines, departure, drone.limits, width_m=corridor.width_m)
    ground = shapely.transform(site.target_en, site.frame.lonlat_from_en)
    assert isinstance(ground, Polygon | MultiPolygon)
    area = PatrolArea(name=corridor.name, polygon=ground)
    middle = [site.frame.local_polygon(line) for line in corridor.lines.geoms]

    def pattern(closer: float) -> Pattern:
        return _rows(site, middle, corridor.width_m, shooting, drone, closer)

    return closest_needed(area, site, shooting, drone, pattern)


def _rows(
    site: Site, lines: Sequence[LineString], width_m: float, shooting: Shooting, drone: Drone, closer: float
) -> Pattern:
    footprint, least_s = shooting.footprint, drone.limits.min_photo_interval_s
    along_m, across_m = footprint.along_m * closer, footprint.across_m * closer
    trigger_m, spacing_m = along_m * (1 - shooting.frontlap), across_m * (1 - shooting.sidelap)
    speed = drone.row_speed_m_s(site, shooting, trigger_m)
    # A little more than needed, because lengths are rounded on the way to the vehicle.
    closest_m = speed * least_s + 0.1
    smoothing_m = across_m * _SMOOTHED
    offsets = _offsets_m(width_m + 2 * smoothing_m, across_m, spacing_m, maps=shooting.maps)
    runs = [
        _run(piece, trigger_m)
        for line in lines
        for offset_m in offsets
        for row in _beside(_simple(line, smoothing_m), offset_m)
        for piece in _pieces(row, site.blocked_en)
    ]
    if not runs:
        raise CannotPlan(problem="no row of the strip can be flown", remedy="Check the line and the no-fly areas")
    ordered = in_order([(run,) for run in runs], site.home_en)
    task = Task(
        area_en=site.parts()[0],
        blocked_en=site.blocked_en,
        along_m=along_m,
        across_m=across_m,
        trigger_m=trigger_m,
        spacing_m=spacing_m,
        closest_m=closest_m,
        speed_m_s=speed,
        home_en=site.home_en,
    )
    first = np.subtract(ordered[0].points[1], ordered[0].points[0])
    return Pattern(
        runs=[part for run in ordered for part in _cut_at_corners(run, closest_m)],
        task=task,
        angle_deg=math.degrees(math.atan2(first[1], first[0])) % 180,
        row_spacing_m=spacing_m,
        speed_m_s=speed,
    )


def _offsets_m(width_m: float, across_m: float, spacing_m: float, *, maps: bool) -> list[float]:
    """Where rows lie beside the middle, metres, positive to the left."""
    # The outermost rows see the edge; for maps two rows must.
    half_m = spacing_m / 2
    edge_m = min(half_m, max(across_m / 2 - spacing_m, 0.0)) if maps else across_m / 2 * 0.9
    span_m = width_m - 2 * edge_m
    if span_m <= 0:
        return [-spacing_m / 4, spacing_m / 4] if maps else [0.0]
    count = max(2, math.ceil(span_m / spacing_m - 1e-9) + 1)
    return [-span_m / 2 + span_m * number / (count - 1) for number in range(count)]


def _simple(line: LineString, tolerance_m: float) -> LineString:
    simple = line.simplify(tolerance_m)
    return simple if isinstance(simple, LineString) else line


def _beside(line: LineString, offset_m: float) -> list[LineString]:
    """The line, moved sideways, in the line's own direction; in pieces where it runs into itself."""
    moved = line if abs(offset_m) < 0.01 else shapely.offset_curve(line, offset_m, join_style="mitre", mitre_limit=2)
    return [part for part in shapely.get_parts(moved) if part.length >= _SHORTEST_ROW_M]


def _pieces(row: LineString, blocked: BaseGeometry) -> list[LineString]:
    left = row if blocked.is_empty else shapely.line_merge(row.difference(blocked))
    return [part for part in shapely.get_parts(left) if part.length >= _SHORTEST_ROW_M]


def _run(row: LineString, trigger_m: float) -> Run:
    points: list[Point] = [(float(east), float(north)) for east, north in shapely.get_coordinates(row)]
    return Run(start=points[0], end=points[-1], trigger_m=trigger_m, via=tuple(points[1:-1]))


def _cut_at_corners(run: Run, closest_m: float) -> list[Run]:
    """The run in pieces between sharp corners, each with a photo on both ends and equal distances between."""
    points = run.points
    cuts = [0]
    for number, (a, b, c) in enumerate(zip(points, points[1:], points[2:], strict=False), start=1):
        before, after = math.atan2(b[1] - a[1], b[0] - a[0]), math.atan2(c[1] - b[1], c[0] - b[0])
        if abs(math.degrees(math.remainder(after - before, 2 * math.pi))) > _SHARP_DEG:
            cuts.append(number)
    cuts.append(len(points) - 1)
    return [_evened(points[low : high + 1], run.trigger_m, closest_m) for low, high in itertools.pairwise(cuts)]


def _evened(points: Sequence[Point], trigger_m: float, closest_m: float) -> Run:
    """A run with equal distances between its photos; one photo at its start where there is no time for two."""
    run = Run(start=points[0], end=points[-1], trigger_m=trigger_m, via=tuple(points[1:-1]))
    length_m = run.length_m
    intervals = min(max(1, math.ceil(length_m / trigger_m - 1e-6)), math.floor(length_m / closest_m))
    # A centimetre less, lest rounding lose the last photo.
    evened_m = math.floor(length_m / intervals * 100 - 1) / 100 if intervals else max(trigger_m, length_m + 1.0)
    return Run(start=run.start, end=run.end, trigger_m=evened_m, via=run.via)
