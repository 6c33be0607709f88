"""A fence round a mission, simple enough for the vehicle to store."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from flightplan.mission.fence import Fence, Ring
from flightplan.mission.mission import Mission
from flightplan.projection import LocalFrame

DEFAULT_ROOM_M = 30.0
"""Wind, positioning and the way it takes to stop carry a drone so far off its path, about."""

_FIRST_TOLERANCE_M = 0.5


def fence_round(mission: Mission, keep_out: Sequence[Polygon] = (), *, room_m: float = DEFAULT_ROOM_M) -> Fence:
    """A fence that the mission's path keeps at least `limits.fence_margin_m` from.

    Outside it is the path's hull with `room_m` more: whatever way the vehicle takes home in need stays inside. Places
    to be kept out of become rings of their own where they lie in it, made simpler until the vehicle stores them all.
    Those for which it has no corners left are left out, the farthest from the path first.

    Args:
        mission: Flown; its `limits.store` says how many corners there may be.
        keep_out: Degrees, longitude before latitude.
        room_m: Metres around the path.
    """
    frame = LocalFrame(lon=mission.home.lon, lat=mission.home.lat)
    path = LineString(frame.en_from_lonlat(np.array(mission.path_lonlat())))
    most = mission.limits.store.fence_corners
    hull = path.convex_hull.buffer(room_m, join_style="mitre", mitre_limit=1.5)
    outer = _simpler(hull, room_m / 2, most // 2)
    margin_m = mission.limits.fence_margin_m
    # Corners are rounded to a centimetre, and two lines that touch are no room.
    near = path.buffer(margin_m + 0.1)
    inner: list[Polygon] = []
    left = most - _corners(outer)
    for place in sorted((frame.local_polygon(one) for one in keep_out), key=path.distance):
        if not place.intersects(outer):
            continue
        # What is drawn simpler may lose a strip to the path's margin, and never gain one.
        simple = _simpler(place, margin_m, left).difference(near.buffer(0.05))
        for part in shapely.get_parts(simple):
            ring = _simpler(Polygon(part.exterior), margin_m, left)
            if ring.is_empty or _corners(ring) > left or ring.intersects(near):
                continue
            inner.append(ring)
            left -= _corners(ring)
    return Fence(inside=(_ring(frame, outer),), outside=tuple(_ring(frame, one) for one in inner))


def _corners(polygon: BaseGeometry) -> int:
    return max(len(shapely.get_coordinates(polygon)) - 1, 0)


def _simpler(polygon: Polygon, tolerance_m: float, most: int) -> Polygon:
    """The polygon, with up to `most` corners if a coarser line of at most `tolerance_m` gives that."""
    allowed_m = _FIRST_TOLERANCE_M
    simple = polygon.simplify(0.01)
    while _corners(simple) > most and allowed_m <= tolerance_m:
        simple = polygon.simplify(allowed_m)
        allowed_m *= 2
    return simple if isinstance(simple, Polygon) else polygon


def _ring(frame: LocalFrame, polygon: Polygon) -> Ring:
    lonlat = frame.lonlat_from_en(shapely.get_coordinates(polygon.exterior)[:-1])
    return tuple((round(float(lon), 7), round(float(lat), 7)) for lon, lat in lonlat)
