"""How high a vehicle must climb before it flies straight home from anywhere on its path.

A vehicle that loses its link, its battery or its patience goes home in a straight line, past whatever the planned path
goes round. This height is what it needs then, over the ground and what stands on it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import shapely
from numpy.typing import NDArray

from flightplan.mission.figures import path_en_m
from flightplan.mission.mission import Mission, TakeOff, Waypoint
from flightplan.projection import LocalFrame

Floats = NDArray[np.float64]

CLEARANCE_M = 30.0
"""Above the ground on the way home: trees, pylons and low houses are in no elevation model of the ground."""

# Samples of the way home are as close as cells of the models that cities have.
_STEP_M = 25.0
# Within one, ground of 35 degrees rises by about as much.
_SQUARE_M = 12.5
_LEAST_M = 15.0


def return_height_m(mission: Mission, *, clearance_m: float = CLEARANCE_M) -> float:
    """Metres above home, at least 15, rounded up to whole metres.

    Without terrain it is the greatest height of the mission, or what was found over the ground when it was planned:
    nobody knows of anything higher. With terrain it clears the ground on every straight way from the path to home, and
    so it does the mission's obstacles; that may pass 120 m true height, for a vehicle in need.

    Args:
        mission: Flown.
        clearance_m: Metres kept above ground and obstacles.

    Raises:
        ValueError: The mission's terrain has no height for some place on the way home.
    """
    home = mission.home
    flown = [item.alt_home_m for item in mission.items if isinstance(item, TakeOff)]
    flown += [item.alt_m for item in mission.items if isinstance(item, Waypoint) and item.alt_reference == "home"]
    needed = max([*flown, mission.least_return_m or 0.0, _LEAST_M]) if mission.terrain is None else _LEAST_M
    if mission.terrain is None and not mission.obstacles:
        return float(math.ceil(needed))
    ways = _ways_home(mission)
    if mission.terrain is not None:
        frame = LocalFrame(lon=home.lon, lat=home.lat)
        terrain = mission.terrain
        top_m = _highest_m(ways, lambda places: terrain.heights_m(frame.lonlat_from_en(places)))
        if math.isnan(top_m):
            raise ValueError("the terrain has no height for a place on the straight way home")
        needed = max(needed, top_m - home.alt_msl_m + clearance_m)
    for top_m in _tops_m(mission, ways):
        needed = max(needed, top_m - home.alt_msl_m + clearance_m)
    return float(math.ceil(needed))


def _ways_home(mission: Mission) -> Floats:
    """Places (n, 2), metres from home, along every straight way from the path to home, a step apart at most."""
    path = path_en_m(mission)
    lengths = np.hypot(*np.diff(path, axis=0).T)
    parts = np.maximum(np.ceil(lengths / _STEP_M), 1).astype(np.intp)
    leg = np.repeat(np.arange(len(parts)), parts)
    share = (np.arange(len(leg)) - np.repeat(np.cumsum(parts) - parts, parts)) / parts[leg]
    on_path = np.vstack([path[leg] + share[:, None] * (path[leg + 1] - path[leg]), path[-1:]])
    # Ways from neighbouring places are never farther apart than the places are.
    shares = np.arange(0.0, 1.0, _STEP_M / max(float(np.hypot(*on_path.T).max()), _STEP_M))
    fan: Floats = (on_path[:, None, :] * shares[None, :, None]).reshape(-1, 2)
    return np.vstack([on_path, fan])


def _highest_m(ways: Floats, heights_m: Callable[[Floats], Floats]) -> float:
    """The highest ground at places (n, 2); NaN where it is not known at one.

    Near home, and over rows side by side, most places are nearly the same: one of each small square is looked at, and
    all of those squares that are nearly as high as the highest.
    """
    squares = np.floor((ways - ways.min(axis=0)) / _SQUARE_M).astype(np.intp)
    kept = np.full(squares.max(axis=0) + 1, -1)
    kept[squares[:, 0], squares[:, 1]] = np.arange(len(ways))
    some = kept[kept >= 0]
    heights = heights_m(ways[some])
    top_m = float(heights.max())
    if math.isnan(top_m):
        return top_m
    is_high = np.zeros(kept.shape, dtype=np.bool_)
    high = some[heights >= top_m - _SQUARE_M]
    is_high[squares[high, 0], squares[high, 1]] = True
    return float(heights_m(ways[is_high[squares[:, 0], squares[:, 1]]]).max())


def _tops_m(mission: Mission, ways: Floats) -> list[float]:
    """Tops of the obstacles that the ways home lead over, or past within a step."""
    if not mission.obstacles:
        return []
    frame = LocalFrame(lon=mission.home.lon, lat=mission.home.lat)
    outlines = [frame.local_polygon(one.polygon()) for one in mission.obstacles]
    passed = shapely.STRtree(outlines).query(shapely.points(ways), predicate="dwithin", distance=_STEP_M)[1]
    return [mission.obstacles[number].top_msl_m for number in np.unique(passed).tolist()]
