"""How high a vehicle must climb before it flies straight home from anywhere on its path.

A vehicle that loses its link, its battery or its patience goes home in a straight line, past whatever the planned path
goes round. This height is what it needs then, over the ground and what stands on it.
"""

from __future__ import annotations

import math

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
_LEAST_M = 15.0


def return_height_m(mission: Mission, *, clearance_m: float = CLEARANCE_M) -> float:
    """Metres above home, at least 15, rounded up to whole metres.

    Without terrain it is the greatest height of the mission: nobody knows of anything higher. With terrain it clears
    the ground on every straight way from the path to home, and so it does the mission's obstacles; that may pass 120 m
    true height, for a vehicle in need.

    Args:
        mission: Flown.
        clearance_m: Metres kept above ground and obstacles.

    Raises:
        ValueError: The mission's terrain has no height for some place on the way home.
    """
    home = mission.home
    flown = [item.alt_home_m for item in mission.items if isinstance(item, TakeOff)]
    flown += [item.alt_m for item in mission.items if isinstance(item, Waypoint) and item.alt_reference == "home"]
    needed = max([*flown, _LEAST_M]) if mission.terrain is None else _LEAST_M
    if mission.terrain is None and not mission.obstacles:
        return float(math.ceil(needed))
    ways = _ways_home(mission)
    if mission.terrain is not None:
        frame = LocalFrame(lon=home.lon, lat=home.lat)
        ground = mission.terrain.heights_m(frame.lonlat_from_en(ways))
        if np.isnan(ground).any():
            raise ValueError("the terrain has no height for a place on the straight way home")
        needed = max(needed, float(ground.max()) - home.alt_msl_m + clearance_m)
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


def _tops_m(mission: Mission, ways: Floats) -> list[float]:
    """Tops of the obstacles that the ways home lead over, or past within a step."""
    if not mission.obstacles:
        return []
    frame = LocalFrame(lon=mission.home.lon, lat=mission.home.lat)
    outlines = [frame.local_polygon(one.polygon()) for one in mission.obstacles]
    passed = shapely.STRtree(outlines).query(shapely.points(ways), predicate="dwithin", distance=_STEP_M)[1]
    return [mission.obstacles[number].top_msl_m for number in np.unique(passed).tolist()]
