"""Fences and rally points as MAVLink mission items: lists of their own beside the mission (mission types 1 and 2)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from flightplan.link.mavlink import (
    FENCE_INSIDE,
    FENCE_OUTSIDE,
    FRAME_GLOBAL,
    FRAME_RELATIVE,
    NAV_RALLY_POINT,
    MissionItem,
    UnknownItem,
    lonlat_from_xy,
    xy_from_lonlat,
)
from flightplan.mission.fence import Fence, RallyPoint, Ring

# ArduPilot keeps a rally point's height in whole metres.
_RALLY_HEIGHT_TOLERANCE_M = 0.51


def items_from_fence(fence: Fence | None) -> tuple[MissionItem, ...]:
    """The fence in wire form: each ring corner by corner, and each corner says how many its ring has."""
    if fence is None:
        return ()
    rings = [(FENCE_INSIDE, ring) for ring in fence.inside] + [(FENCE_OUTSIDE, ring) for ring in fence.outside]
    corners = [(command, len(ring), corner) for command, ring in rings for corner in ring]
    return tuple(
        MissionItem(seq=seq, frame=FRAME_GLOBAL, command=command, params=(float(count), 0.0, 0.0, 0.0), x=x, y=y)
        for seq, (command, count, corner) in enumerate(corners)
        for x, y in [xy_from_lonlat(*corner)]
    )


def fence_from_items(items: Sequence[MissionItem]) -> Fence | None:
    """The fence that wire items mean; None for no items.

    Raises:
        UnknownItem: An item is no fence corner, or a ring does not have as many corners as it says.
        CannotPlan: A ring encloses nothing.
    """
    rings: dict[int, list[Ring]] = {FENCE_INSIDE: [], FENCE_OUTSIDE: []}
    left = list(items)
    while left:
        first = left[0]
        count = int(first.params[0])
        ring, left = left[:count], left[count:]
        if first.command not in rings:
            raise UnknownItem(seq=first.seq, command=first.command, why="this is no corner of a fence")
        if count < 3 or len(ring) < count or any(_corner_kind(item) != _corner_kind(first) for item in ring):
            raise UnknownItem(seq=first.seq, command=first.command, why=f"its ring does not have {count} corners")
        rings[first.command].append(tuple(lonlat_from_xy(item.x, item.y) for item in ring))
    if not items:
        return None
    return Fence(inside=tuple(rings[FENCE_INSIDE]), outside=tuple(rings[FENCE_OUTSIDE]))


def items_from_rally(rally: Sequence[RallyPoint]) -> tuple[MissionItem, ...]:
    """Rally points in wire form."""
    return tuple(
        MissionItem(seq=seq, frame=FRAME_RELATIVE, command=NAV_RALLY_POINT, x=x, y=y, z=point.alt_home_m)
        for seq, point in enumerate(rally)
        for x, y in [xy_from_lonlat(point.lon, point.lat)]
    )


def rally_from_items(items: Sequence[MissionItem]) -> tuple[RallyPoint, ...]:
    """The rally points that wire items mean.

    Raises:
        UnknownItem: An item is no rally point.
    """
    for item in items:
        if item.command != NAV_RALLY_POINT:
            raise UnknownItem(seq=item.seq, command=item.command, why="this is no rally point")
    places = [(lonlat_from_xy(item.x, item.y), item.z) for item in items]
    return tuple(RallyPoint(lon=lon, lat=lat, alt_home_m=height) for (lon, lat), height in places)


def guard_differences(what: str, sent: Sequence[MissionItem], held: Sequence[MissionItem]) -> tuple[str, ...]:
    """What makes the vehicle's fence or rally points (`what`) others than those sent, one line per field."""
    if len(sent) != len(held):
        return (f"its {what} has {len(held)} points instead of {len(sent)}",)
    pairs = zip(sent, held, strict=True)
    return tuple(itertools.chain.from_iterable(_differences(what, one, other) for one, other in pairs))


def _differences(what: str, sent: MissionItem, held: MissionItem) -> Iterator[str]:
    where = f"{what} point {sent.seq}"
    if sent.command != held.command:
        yield f"{where}: command {held.command} instead of {sent.command}"
        return
    if abs(sent.x - held.x) > 1 or abs(sent.y - held.y) > 1:
        yield f"{where}: latitude, longitude {held.x}, {held.y} instead of {sent.x}, {sent.y} (1e-7 degrees)"
    if sent.command == NAV_RALLY_POINT:
        if not abs(sent.z - held.z) <= _RALLY_HEIGHT_TOLERANCE_M:
            yield f"{where}: height {held.z:.2f} m instead of {sent.z:.2f} m"
    elif sent.params[0] != held.params[0]:
        yield f"{where}: a ring of {held.params[0]:g} corners instead of {sent.params[0]:g}"


def _corner_kind(item: MissionItem) -> tuple[int, float]:
    return item.command, item.params[0]
