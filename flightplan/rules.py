"""The rules that every mission keeps; each breach is a `Violation` with its place and its remedy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import shapely

from flightplan.area import lonlat_problem
from flightplan.figures import path_en_m
from flightplan.items import (
    LandHere,
    PhotosByDistance,
    PointCamera,
    ReturnHome,
    SetSpeed,
    TakeOff,
    Waypoint,
)
from flightplan.limits import Violation
from flightplan.profile import profile_of
from flightplan.projection import LocalFrame

if TYPE_CHECKING:
    from flightplan.mission import Mission

LEAST_WAYPOINTS = 2
# More findings of one kind than this help nobody.
_MOST_OF_A_KIND = 5


def violations(mission: Mission) -> Iterator[Violation]:
    """Every rule that the mission breaks; distances and times only once all single figures are sound."""
    broken = [*_place_violations(mission), *_item_violations(mission), *_order_violations(mission)]
    yield from broken
    yield from _photo_violations(mission)
    if not broken:
        yield from _range_violations(mission)
        yield from _battery_violations(mission)
        yield from _terrain_violations(mission)
        yield from _fence_violations(mission)


def _place_violations(mission: Mission) -> Iterator[Violation]:
    home = mission.home
    for place, lon, lat, height in (
        ("home", home.lon, home.lat, home.alt_msl_m),
        *((f"item {n}", i.lon, i.lat, i.alt_m) for n, i in enumerate(mission.items, 1) if isinstance(i, Waypoint)),
    ):
        problem = lonlat_problem(lon, lat)
        if problem is not None:
            yield Violation(rule="position", place=place, problem=problem[0], remedy=problem[1])
        if not math.isfinite(height):
            yield Violation(
                rule="position", place=place, problem=f"height {height} is not a number", remedy="Give it in metres"
            )


def _item_violations(mission: Mission) -> Iterator[Violation]:
    limits = mission.limits
    for number, item in enumerate(mission.items, 1):
        place = f"item {number}"
        match item:
            case TakeOff(alt_home_m=height) | Waypoint(alt_m=height, alt_reference="terrain"):
                yield from _height_violations(mission, place, height)
            case Waypoint(alt_m=height, alt_reference="msl" | "home" as reference):
                if mission.terrain is None:
                    above_m = height - mission.home.alt_msl_m if reference == "msl" else height
                    yield from _height_violations(mission, place, above_m)
            case Waypoint(alt_reference=reference):
                yield Violation(
                    rule="altitude reference",
                    place=place,
                    problem=f"altitude reference {reference!r} is unknown",
                    remedy="Use home, msl or terrain",
                )
            case SetSpeed(speed_m_s=speed) if not 0 < speed <= limits.max_speed_m_s:
                yield Violation(
                    rule="speed",
                    place=place,
                    problem=f"speed {speed:g} m/s is out of range",
                    remedy=f"Set it between 0 and {limits.max_speed_m_s:g} m/s",
                )
            case PointCamera(pitch_deg=pitch) if not -90 <= pitch <= 30:
                yield Violation(
                    rule="camera pitch",
                    place=place,
                    problem=f"camera pitch {pitch:g}° is out of range",
                    remedy="Set it between -90 (down) and 30",
                )
            case PhotosByDistance(distance_m=distance) if not (math.isfinite(distance) and distance > 0):
                yield Violation(
                    rule="photo distance",
                    place=place,
                    problem=f"photo distance {distance:g} m is out of range",
                    remedy="Set it above 0, or switch photos off",
                )


def _height_violations(mission: Mission, place: str, height_m: float) -> Iterator[Violation]:
    most, least = mission.limits.max_height_agl_m, mission.limits.min_height_agl_m
    if math.isfinite(height_m) and height_m > most + 1e-6:
        yield Violation(
            rule="height above ground",
            place=place,
            problem=f"{height_m:.1f} m above ground exceeds {most:g} m",
            remedy="Fly lower, or get an approval and raise the limit",
        )
    elif not height_m >= least:
        yield Violation(
            rule="height above ground",
            place=place,
            problem=f"{height_m:.1f} m above ground is too low to fly",
            remedy=f"Fly at least {least:g} m high",
        )


def _terrain_violations(mission: Mission) -> Iterator[Violation]:
    """The worst place of each leg, where the ground is known."""
    if mission.terrain is None:
        return
    profile = profile_of(mission)
    limits = mission.limits
    off_m = np.maximum(profile.agl_m - limits.max_height_agl_m, limits.min_height_agl_m - profile.agl_m)
    off_m = np.where(np.isnan(profile.agl_m), np.inf, off_m)
    # A leg's worst sample: sorted by leg, then by how far it is off.
    order = np.lexsort((off_m, profile.leg))
    worst = order[np.r_[np.flatnonzero(np.diff(profile.leg[order])), len(order) - 1]]
    found = [int(sample) for sample in worst if off_m[sample] > 1e-3]
    for sample in found[:_MOST_OF_A_KIND]:
        if np.isnan(profile.agl_m[sample]):
            yield Violation(
                rule="terrain",
                place=profile.place(sample),
                problem="the elevation model has no ground there",
                remedy="Give one that covers the whole flight",
            )
        else:
            yield from _height_violations(mission, profile.place(sample), float(profile.agl_m[sample]))


def _fence_violations(mission: Mission) -> Iterator[Violation]:
    """Legs that leave the fence or come too near to it, and rally points outside."""
    if mission.fence is None:
        return
    frame = LocalFrame(lon=mission.home.lon, lat=mission.home.lat)
    margin_m = mission.limits.fence_margin_m
    allowed, forbidden = mission.fence.allowed(), mission.fence.forbidden()
    blocked = shapely.buffer(shapely.transform(forbidden, frame.en_from_lonlat), margin_m)
    room = None
    if allowed is not None:
        room = shapely.buffer(shapely.transform(allowed, frame.en_from_lonlat), -margin_m)
    path = path_en_m(mission)
    legs = shapely.linestrings(np.stack([path[:-1], path[1:]], axis=1))
    is_out = shapely.intersects(blocked, legs)
    if room is not None:
        is_out |= ~shapely.covers(room, legs)
    for leg in np.flatnonzero(is_out)[:_MOST_OF_A_KIND]:
        yield Violation(
            rule="fence",
            place="the way back home" if leg == len(mission.waypoints) else f"leg to waypoint {leg + 1}",
            problem=f"it leaves the fence, or comes nearer to it than {margin_m:g} m",
            remedy="Draw the fence wider, or keep the path away from it",
        )
    for number, point in enumerate(mission.rally, 1):
        place = shapely.points(frame.en_from_lonlat(np.array([[point.lon, point.lat]]))[0])
        if shapely.intersects(blocked, place) or (room is not None and not shapely.covers(room, place)):
            yield Violation(
                rule="fence",
                place=f"rally point {number}",
                problem="it lies outside the fence",
                remedy="Move it inside",
            )


def _order_violations(mission: Mission) -> Iterator[Violation]:
    items = mission.items
    if len(mission.waypoints) < LEAST_WAYPOINTS:
        yield Violation(
            rule="waypoints",
            place="mission",
            problem=f"it has {len(mission.waypoints)} waypoints",
            remedy=f"Give at least {LEAST_WAYPOINTS}",
        )
    if len(items) + 1 > mission.limits.max_items:
        yield Violation(
            rule="number of items",
            place="mission",
            problem=f"{len(items) + 1} items are more than the vehicle stores ({mission.limits.max_items})",
            remedy="Split the mission",
        )
    flying = [(n, i) for n, i in enumerate(items, 1) if isinstance(i, TakeOff | Waypoint | ReturnHome | LandHere)]
    if not flying or not isinstance(flying[0][1], TakeOff):
        yield Violation(
            rule="order", place="mission", problem="it does not begin with a take-off", remedy="Put a take-off first"
        )
    for number, item in flying[1:]:
        if isinstance(item, TakeOff):
            yield Violation(
                rule="order", place=f"item {number}", problem="a second take-off", remedy="Take off once, at the start"
            )
    for number, item in flying[:-1]:
        if isinstance(item, ReturnHome | LandHere):
            yield Violation(
                rule="order", place=f"item {number}", problem="the flight goes on after landing", remedy="Land last"
            )
    if flying and not isinstance(flying[-1][1], ReturnHome | LandHere):
        yield Violation(
            rule="order", place="mission", problem="it does not end with a landing", remedy="End with a return home"
        )


def _range_violations(mission: Mission) -> Iterator[Violation]:
    distances_m = np.hypot(*path_en_m(mission)[1 : len(mission.waypoints) + 1].T)
    farthest = int(np.argmax(distances_m))
    most = mission.limits.max_range_m
    if distances_m[farthest] > most:
        yield Violation(
            rule="range",
            place=f"waypoint {farthest + 1}",
            problem=f"it lies {distances_m[farthest] / 1000:.1f} km from home, more than {most / 1000:g} km",
            remedy="Take off nearer (longitude comes before latitude)",
        )


def _photo_violations(mission: Mission) -> Iterator[Violation]:
    speed = None
    for number, item in enumerate(mission.items, 1):
        if isinstance(item, SetSpeed) and item.speed_m_s > 0:
            speed = item.speed_m_s
        elif isinstance(item, PhotosByDistance) and speed is not None and item.distance_m > 0:
            interval_s = item.distance_m / speed
            if interval_s < mission.limits.min_photo_interval_s - 1e-9:
                yield Violation(
                    rule="photo interval",
                    place=f"item {number}",
                    problem=f"a photo every {interval_s:.2f} s is faster than the camera's "
                    f"{mission.limits.min_photo_interval_s:g} s",
                    remedy="Fly slower, or higher",
                )


def _battery_violations(mission: Mission) -> Iterator[Violation]:
    duration_s = mission.figures().duration_s
    if duration_s > mission.limits.max_duration_s:
        yield Violation(
            rule="battery",
            place="mission",
            problem=f"it takes {duration_s / 60:.1f} min, more than {mission.limits.max_duration_s / 60:g} min",
            remedy="Split it into several missions",
        )
