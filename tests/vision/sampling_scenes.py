"""Flights over flat ground for the sampler's tests: a camera's path, what it sees, what was seen of each point."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vision.sampling import FrameChoice, GroundSampler, GroundView
from vision.sampling.passage import EDGE


@dataclass(frozen=True, kw_only=True)
class At:
    """Where a camera that looks straight down is at a time, and which part of its picture was looked at."""

    time_s: float
    east_m: float
    north_m: float
    heading_deg: float = 0.0
    height_m: float = 60.0
    of_interest: NDArray[np.bool_] | None = field(default=None, compare=False)


def a_view(at: At, *, wide_per_m: float = 1.44, aspect: float = 9 / 16, width_px: int = 1920) -> GroundView:
    """What it sees: the picture's top points in the direction of the heading."""
    half_w = at.height_m * wide_per_m / 2
    half_h = half_w * aspect
    turn = math.radians(at.heading_deg)
    ahead = np.array([math.sin(turn), math.cos(turn)])
    right = np.array([math.cos(turn), -math.sin(turn)])
    corners = [(-half_w, half_h), (half_w, half_h), (half_w, -half_h), (-half_w, -half_h)]
    middle = np.array([at.east_m, at.north_m])
    return GroundView(
        corners_m=np.array([middle + x * right + y * ahead for x, y in corners]),
        ground_resolution_m=2 * half_w / width_px,
    )


def straight(
    *, speed_m_s: float, length_m: float, fps: float = 30.0, heading_deg: float = 0.0, begin_s: float = 0.0,
    start_m: tuple[float, float] = (0.0, 0.0), crab_deg: float = 0.0, height_m: float = 60.0,
) -> list[At]:  # fmt: skip
    """A straight leg; the picture is turned by `crab_deg` against the direction of flight."""
    course = math.radians(heading_deg)
    frames = int(length_m / speed_m_s * fps)
    return [
        At(
            time_s=begin_s + index / fps,
            east_m=start_m[0] + math.sin(course) * speed_m_s * index / fps,
            north_m=start_m[1] + math.cos(course) * speed_m_s * index / fps,
            heading_deg=heading_deg + crab_deg,
            height_m=height_m,
        )
        for index in range(frames)
    ]


def hover(*, seconds: float, fps: float = 30.0, at: At | None = None) -> list[At]:
    """A camera that stands still with the shiver of a real one."""
    begin = at or At(time_s=0.0, east_m=0.0, north_m=0.0)
    rng = np.random.default_rng(3)
    return [
        At(
            time_s=begin.time_s + (index + 1) / fps,
            east_m=begin.east_m + float(rng.normal(0, 0.15)),
            north_m=begin.north_m + float(rng.normal(0, 0.15)),
            heading_deg=begin.heading_deg + float(rng.normal(0, 0.2)),
            height_m=begin.height_m,
        )
        for index in range(int(seconds * fps))
    ]


def looked_at(sampler: GroundSampler, path: Iterable[At], *, skipping: bool = True) -> Iterator[At]:
    """The places from which the sampler wanted a look."""
    for at in path:
        if skipping and at.time_s < sampler.next_time_s:
            continue
        decision = sampler.decide(at.time_s, a_view(at))
        if decision.look:
            yield replace(at, of_interest=decision.of_interest)


def looked_at_share(sampler: GroundSampler, path: Iterable[At]) -> float:
    """How many pictures' worth was looked at."""
    parts = [at.of_interest for at in looked_at(sampler, path)]
    return sum(1.0 if part is None else float(part.mean()) for part in parts)


def chosen(path: list[At], *, between_keys_s: float, keys_until_s: float = math.inf) -> Iterator[At]:
    """The places of frames that are looked at in a video with a key picture now and then."""
    by_time = {at.time_s: at for at in path}
    times = np.array(list(by_time))

    def view_at(media_time_s: float) -> GroundView | None:
        later = by_time.get(float(times[np.abs(times - media_time_s).argmin()]))
        return None if later is None or media_time_s > times[-1] else a_view(later)

    choice = FrameChoice(GroundSampler(), view_at)
    for at in path:
        if (at.time_s / between_keys_s) % 1 == 0 and at.time_s <= keys_until_s:
            choice.key(at.time_s)
        if choice.skips(at.time_s):
            continue
        decision = choice.decide(at.time_s, a_view(at))
        if decision.look:
            yield replace(at, of_interest=decision.of_interest)


def times_seen(points_m: NDArray[np.float64], places: Iterable[At]) -> NDArray[np.int64]:
    """In how many pictures taken from these places each point (n, 2) is shown off the edge, and looked at."""
    seen = np.zeros(len(points_m), np.int64)
    for at in places:
        unit = a_view(at).unit_from_ground(points_m)
        shown = ((unit > EDGE) & (unit < 1 - EDGE)).all(axis=1)
        if at.of_interest is not None:
            rows, columns = at.of_interest.shape
            row, column = (unit[shown] * (columns, rows)).astype(int).T[::-1]
            shown[shown] = at.of_interest[row, column]
        seen += shown
    return seen


def way_in_view_m(points_m: NDArray[np.float64], path: list[At]) -> NDArray[np.float64]:
    """How far the camera flew while it showed each point off the edge."""
    way = np.zeros(len(points_m))
    for here, there in pairwise(path):
        unit = a_view(there).unit_from_ground(points_m)
        inside = ((unit > EDGE) & (unit < 1 - EDGE)).all(axis=1)
        way += inside * math.hypot(there.east_m - here.east_m, there.north_m - here.north_m)
    return way
