"""The rule for what stands on the ground: no leg passes it closer than a margin, beside it or over it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import shapely

from flightplan.mission.limits import Violation
from flightplan.mission.profile import profile_of
from flightplan.projection import LocalFrame

if TYPE_CHECKING:
    from flightplan.mission.mission import Mission

_MOST = 5
_ROUNDING_M = 0.01


def obstacle_violations(mission: Mission) -> Iterator[Violation]:
    """The first place at which the path comes too near to each obstacle; the columns over its ends count, too."""
    if not mission.obstacles:
        return
    profile = profile_of(mission)
    frame = LocalFrame(lon=mission.home.lon, lat=mission.home.lat)
    places = frame.en_from_lonlat(profile.lonlat)
    stretches = np.asarray(shapely.linestrings(np.stack([places[:-1], places[1:]], axis=1)))
    lower_m = np.minimum(profile.alt_msl_m[:-1], profile.alt_msl_m[1:])
    # A height that is not known may be any.
    lower_m = np.where(np.isnan(lower_m), -np.inf, lower_m)
    # The drone climbs from the ground, and lands on it.
    tree = shapely.STRtree([*stretches, shapely.points(places[0]), shapely.points(places[-1])])
    lowest_m = np.r_[lower_m, -np.inf, -np.inf]
    samples = np.r_[np.arange(len(stretches)), 0, len(places) - 1]
    margin_m = mission.limits.obstacle_margin_m
    told = 0
    for obstacle in mission.obstacles:
        outline = frame.local_polygon(obstacle.polygon())
        near = tree.query(outline, predicate="dwithin", distance=margin_m - _ROUNDING_M)
        low = near[lowest_m[near] < obstacle.top_msl_m + margin_m - _ROUNDING_M]
        if not len(low):
            continue
        top_m = obstacle.top_msl_m - mission.home.alt_msl_m
        yield Violation(
            rule="obstacle",
            place=profile.place(int(samples[low].min())),
            problem=f"it passes {obstacle.name}, whose top is {top_m:.0f} m above home, closer than {margin_m:g} m",
            remedy="Fly higher or round it, or take off elsewhere",
        )
        told += 1
        if told == _MOST:
            return
