"""The best lawn-mower pattern over one area: directions, row ends and photo distance, chosen by flight time.

Every candidate's coverage is measured on a grid of sample points, and the quickest one that reaches the goal wins.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from flightplan.coverage.cells import fly_cells, split_into_cells
from flightplan.coverage.footprints import CoverageShare, SampleGrid, share
from flightplan.coverage.routing import Router
from flightplan.coverage.rows import Pattern, Row, lay_rows, turned, turned_back
from flightplan.mission.items import LookAt
from flightplan.mission.kinematics import Kinematics

Point = tuple[float, float]
FloatArray = NDArray[np.float64]

# A spot counts as mapped when five photos show it: fewer leave holes in an orthophoto.
PHOTOS_PER_SPOT = 5
MAPPED_SHARE = 0.99
_SWEEP_STEP_DEG = 15.0
_ANGLES_TRIED = 5
_LONGEST_EDGES = 8
# Row ends, as shares of the row spacing (reach) and of the picture's length (pull-in).
_REACHES = (0.0, 0.25, 0.5)
_PULL_INS = (0.0, 0.015, 0.03, 0.05, 0.08, 0.12, 0.16)
# The flown photos lie up to a few decimetres beside the modelled ones, and the samples are coarse.
_MAPPED_MARGIN = 0.003
_MOST_REPAIRS = 12


@dataclass(frozen=True, kw_only=True)
class Task:
    """What the pattern must do, in metres: photos of `along_m` × `across_m`, at most so far apart.

    Attributes:
        area_en: The area, metres east and north, holes included.
        blocked_en: Where no leg may lead (holes with their clearance), the same frame.
        along_m: Length of a photo's footprint along the row.
        across_m: Its width across the row.
        trigger_m: Greatest distance between photos.
        spacing_m: Greatest distance between rows.
        closest_m: Least distance between photos that the camera manages at this speed.
        speed_m_s: Ground speed on rows.
        home_en: Where the flight begins and ends.
        angles_deg: Directions of rows to choose from, counter-clockwise from east; those that suit the area if None.
    """

    area_en: Polygon
    blocked_en: BaseGeometry
    along_m: float
    across_m: float
    trigger_m: float
    spacing_m: float
    closest_m: float
    speed_m_s: float
    home_en: Point
    angles_deg: tuple[float, ...] | None = None

    @property
    def maps(self) -> bool:
        """Whether the overlaps promise enough photos of every spot for a map."""
        photos = math.floor(self.across_m / self.spacing_m) * math.floor(self.along_m / self.trigger_m)
        return photos >= PHOTOS_PER_SPOT

    @property
    def edge_m(self) -> float:
        """Greatest distance of the outermost row from the edge: for maps, two rows must see the edge."""
        half_m = self.spacing_m / 2
        return min(half_m, max(self.across_m / 2 - self.spacing_m, 0.0)) if self.maps else half_m


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run with the camera on.

    Attributes:
        start: Metres east, north.
        end: Metres east, north.
        trigger_m: Distance between photos.
        via: Corners between start and end; none where it is straight.
        look: What the camera is kept on; None where it is held as everywhere.
    """

    start: Point
    end: Point
    trigger_m: float
    via: tuple[Point, ...] = ()
    look: LookAt | None = None

    @property
    def points(self) -> tuple[Point, ...]:
        """Start, corners and end."""
        return (self.start, *self.via, self.end)

    @property
    def length_m(self) -> float:
        """Metres from start to end."""
        return sum(math.dist(a, b) for a, b in itertools.pairwise(self.points))

    def reversed(self) -> Run:
        """The same run flown the other way."""
        return replace(self, start=self.end, end=self.start, via=self.via[::-1])


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The pattern found: runs in flying order, the rows' direction, and the coverage measured."""

    runs: tuple[Run, ...]
    angle_deg: float
    coverage: CoverageShare


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    seconds: float
    angle_deg: float
    pull_in_m: float
    trigger_m: float
    full_rows: tuple[Row, ...]

    def rows(self, closest_m: float) -> list[Row]:
        """The rows as they would be flown."""
        return [_stretched(row.pulled_in(self.pull_in_m), self.trigger_m, closest_m) for row in self.full_rows]


class _Turned:
    """The task in the frame of one row direction."""

    def __init__(self, task: Task, angle_deg: float) -> None:
        self.task = task
        self.angle_deg = angle_deg
        self.area = shapely.transform(task.area_en, lambda points: turned(points, angle_deg))
        self.blocked = shapely.transform(task.blocked_en, lambda points: turned(points, angle_deg))
        home = turned(np.array([task.home_en]), angle_deg)[0]
        self.home: Point = (float(home[0]), float(home[1]))
        self.router = Router(self.blocked)
        self._grid: SampleGrid | None = None

    @property
    def grid(self) -> SampleGrid:
        if self._grid is None:
            self._grid = SampleGrid(self.area, fine_enough_m=min(self.task.along_m, self.task.across_m) / 250)
        return self._grid

    def room(self, start: float, end: float, v: float) -> tuple[float, float]:
        """How far a row may be stretched."""
        step_m = self.task.closest_m
        low = start - step_m if self.router.is_clear((start - step_m, v), (start, v)) else start
        high = end + step_m if self.router.is_clear((end, v), (end + step_m, v)) else end
        return low, high

    def rows(self, reach_m: float) -> list[Row]:
        """Rows to the very edge of the strip that each covers."""
        task = self.task
        least = 2 if task.maps else 1
        pattern = Pattern(spacing_m=task.spacing_m, edge_m=task.edge_m, reach_m=reach_m, least_rows=least)
        return lay_rows(self.area, self.blocked, pattern)

    def seconds(self, rows: list[Row], kinematics: Kinematics) -> float:
        """Flight time from the first row to the last, links led round obstacles."""
        runs = fly_cells(split_into_cells(rows), self.home)
        path = list(runs[0]) if runs else []
        for last, run in itertools.pairwise(runs):
            path += [*self.router.route(last[1], run[0])[1:], run[1]]
        if kinematics.wind is not None and path:
            # Its direction counts from north, not from the rows.
            path = [(east, north) for east, north in turned_back(np.array(path), self.angle_deg).tolist()]
        return kinematics.path_seconds(path, self.task.speed_m_s)

    def counts(self, rows: list[Row], trigger_m: float) -> NDArray[np.int32]:
        photos = _photos_uv(rows, trigger_m, self.task.closest_m)
        return self.grid.counts(photos, self.task.along_m, self.task.across_m)


def find_survey(task: Task, kinematics: Kinematics) -> Survey:
    """The quickest pattern that shows every spot, and where the overlaps promise a map 99 % of them five times."""
    frames = _best_frames(task, kinematics)
    best: tuple[tuple[float, float, float], _Candidate] | None = None
    for candidate in sorted(_candidates(frames, kinematics), key=lambda one: (one.seconds, -one.trigger_m)):
        frame, rows = frames[candidate.angle_deg], candidate.rows(task.closest_m)
        found = share(frame.counts(rows, candidate.trigger_m))
        if found.seen_once == 1.0 and (not task.maps or found.seen_five_times >= MAPPED_SHARE + _MAPPED_MARGIN):
            return _survey(frame, rows, candidate.trigger_m)
        rank = (found.seen_once, found.seen_five_times if task.maps else 0.0, -candidate.seconds)
        if best is None or rank > best[0]:
            best = (rank, candidate)
    if best is None:
        return Survey(runs=(), angle_deg=0.0, coverage=CoverageShare(seen_once=0.0, seen_five_times=0.0))
    candidate = best[1]
    frame, rows = frames[candidate.angle_deg], candidate.rows(task.closest_m)
    return _survey(frame, _repaired(frame, rows, candidate.trigger_m), candidate.trigger_m)


def _triggers(task: Task) -> tuple[float, ...]:
    """The asked distance and, for maps, one that puts three photos of a row over its very end."""
    closer_m = task.along_m / 4
    return (task.trigger_m, closer_m) if task.maps and closer_m < task.trigger_m else (task.trigger_m,)


def _best_frames(task: Task, kinematics: Kinematics) -> dict[float, _Turned]:
    """The few row directions whose plain pattern is flown fastest."""
    frames = {angle: _Turned(task, angle) for angle in task.angles_deg or _angles(task.area_en)}
    times = {angle: frame.seconds(frame.rows(0.0), kinematics) for angle, frame in frames.items()}
    quickest = sorted(times, key=lambda angle: (times[angle], angle))[:_ANGLES_TRIED]
    return {angle: frames[angle] for angle in quickest}


def _angles(area: Polygon) -> list[float]:
    """Directions worth a try, degrees counter-clockwise from east, 0 to 180: long edges, the box, a coarse sweep."""
    edges = np.vstack([np.diff(np.asarray(ring.coords), axis=0) for ring in (area.exterior, *area.interiors)])
    longest = edges[np.argsort(-np.hypot(edges[:, 0], edges[:, 1]), kind="stable")][:_LONGEST_EDGES, :2]
    envelope = shapely.oriented_envelope(area)
    box = np.diff(shapely.get_coordinates(envelope), axis=0)[:2]
    along = [math.degrees(math.atan2(north, east)) for east, north in (*longest, *box)]
    sweep = [step * _SWEEP_STEP_DEG for step in range(round(180 / _SWEEP_STEP_DEG))]
    return sorted({round(angle % 180, 1) % 180 for angle in (*along, *sweep)})


def _candidates(frames: dict[float, _Turned], kinematics: Kinematics) -> Iterator[_Candidate]:
    """Every combination; shorter and longer rows of one pattern differ by the time along them, the links hardly."""
    for angle, frame in frames.items():
        task = frame.task
        for reach in _REACHES:
            full_rows = tuple(frame.rows(reach * task.spacing_m))
            if not full_rows:
                continue
            full_s = frame.seconds(list(full_rows), kinematics)
            full_m = np.array([row.length_m for row in full_rows])
            for pull_in, trigger_m in itertools.product(_PULL_INS, _triggers(task)):
                pull_in_m = pull_in * task.along_m
                flown_m = np.maximum(full_m - 2 * pull_in_m, 0.0)
                flown_m = np.maximum(flown_m, np.ceil(flown_m / trigger_m) * task.closest_m)
                yield _Candidate(
                    seconds=full_s - float((full_m - flown_m).sum()) / task.speed_m_s,
                    angle_deg=angle,
                    pull_in_m=pull_in_m,
                    trigger_m=trigger_m,
                    full_rows=full_rows,
                )


def _stretched(row: Row, trigger_m: float, closest_m: float) -> Row:
    """The row, long enough for photos on both ends that do not follow one another too fast."""
    return row.stretched(max(1, math.ceil(row.length_m / trigger_m - 1e-6)) * closest_m)


def _repaired(frame: _Turned, rows: list[Row], trigger_m: float) -> list[Row]:
    """Rows added over spots that no photo shows (corners behind an obstacle, slivers between rows)."""
    points = frame.grid.points_uv_m()
    for _ in range(_MOST_REPAIRS):
        unseen = points[frame.counts(rows, trigger_m) == 0]
        if not len(unseen):
            break
        extra = _row_over(frame, unseen, level=max(row.level for row in rows) + 2)
        if extra is None:
            break
        rows = [*rows, _stretched(extra, trigger_m, frame.task.closest_m)]
    return rows


def _row_over(frame: _Turned, unseen: FloatArray, level: int) -> Row | None:
    """A short row beside the first unseen spot, clear of obstacles."""
    seed = unseen[0]
    near = unseen[np.abs(unseen[:, 1] - seed[1]) <= frame.task.across_m / 2]
    near = near[np.abs(near[:, 0] - seed[0]) <= 2 * frame.task.along_m]
    middle = (float(near[:, 1].min()) + float(near[:, 1].max())) / 2
    for v in (middle, *(middle + side * frame.task.across_m * 0.2 * step for step in (1, 2) for side in (-1, 1))):
        start, end = float(near[:, 0].min()) - 0.5, float(near[:, 0].max()) + 0.5
        if frame.router.is_clear((start, v), (end, v)):
            return Row(level=level, v_m=v, start_u_m=start, end_u_m=end, room_u_m=frame.room(start, end, v))
    return None


def _survey(frame: _Turned, rows: list[Row], trigger_m: float) -> Survey:
    runs = fly_cells(split_into_cells(rows), frame.home)
    ends = turned_back(np.array(runs).reshape(-1, 2), frame.angle_deg).reshape(-1, 2, 2)
    return Survey(
        runs=tuple(run_between(start, end, trigger_m, frame.task.closest_m) for start, end in ends),
        angle_deg=frame.angle_deg,
        coverage=share(frame.counts(rows, trigger_m)),
    )


def run_between(start: FloatArray, end: FloatArray, trigger_m: float, closest_m: float) -> Run:
    """A run with equal distances between its photos, at most `trigger_m`, and no less than `closest_m`.

    A run too short for two photos becomes one photo in its middle.
    """
    length_m = math.dist(start, end)
    intervals = _intervals(length_m, trigger_m, closest_m)
    if intervals == 0:
        start, trigger_m = (start + end) / 2, max(trigger_m, length_m + 1.0)
    else:
        # A centimetre less, lest rounding lose the last photo.
        trigger_m = max(math.floor(length_m / intervals * 100 - 1) / 100, 0.1)
    (start_e, start_n), (end_e, end_n) = start.tolist(), end.tolist()
    return Run(start=(start_e, start_n), end=(end_e, end_n), trigger_m=trigger_m)


def _intervals(length_m: float, trigger_m: float, closest_m: float) -> int:
    """Equal parts between the photos of a row; 0 where there is time for one photo only, in the middle."""
    wanted = max(1, math.ceil(length_m / trigger_m - 1e-6))
    return wanted if length_m / wanted >= closest_m - 1e-6 else math.floor(length_m / closest_m + 1e-6)


def _photos_uv(rows: Sequence[Row], trigger_m: float, closest_m: float) -> FloatArray:
    """Where the photos of all rows lie (n, 2)."""
    ends = np.array([(row.v_m, row.start_u_m, row.end_u_m) for row in rows])
    intervals = np.array([_intervals(row.length_m, trigger_m, closest_m) for row in rows])
    row_of = np.repeat(np.arange(len(rows)), intervals + 1)
    number = np.arange(len(row_of)) - np.repeat(np.cumsum(intervals + 1) - intervals - 1, intervals + 1)
    part = np.where(intervals[row_of] > 0, number / np.maximum(intervals[row_of], 1), 0.5)
    v, start, end = ends[row_of].T
    return np.column_stack([start + part * (end - start), v])
