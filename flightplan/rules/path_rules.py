"""The rules for a mission's path: heights over the ground, fence, range, photos and battery."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import shapely

from flightplan.mission.figures import path_en_m, usual_speed_m_s
from flightplan.mission.items import PhotosByDistance, PhotosOff, SetSpeed, Waypoint
from flightplan.mission.limits import Violation
from flightplan.mission.profile import profile_of
from flightplan.projection import LocalFrame
from flightplan.rules.obstacle_rules import obstacle_violations

if TYPE_CHECKING:
    from flightplan.mission.mission import Mission

# More findings of one kind than this help nobody.
_MOST_OF_A_KIND = 5
_NO_SPEED_M_S = 1e-9


def path_violations(mission: Mission) -> Iterator[Violation]:
    """Every rule that the path breaks; for missions whose single figures are sound."""
    yield from _range_violations(mission)
    yield from _battery_violations(mission)
    yield from _terrain_violations(mission)
    yield from _blur_violations(mission)
    yield from _fence_violations(mission)
    yield from obstacle_violations(mission)


def photo_violations(mission: Mission) -> Iterator[Violation]:
    """Photos that follow one another faster than the camera takes them, wherever speed or distance are set."""
    usual_m_s = usual_speed_m_s(mission)
    # What is no speed is another rule's.
    speed_m_s, distance_m = usual_m_s if usual_m_s > 0 else _NO_SPEED_M_S, math.inf
    for number, item in enumerate(mission.items, 1):
        match item:
            case SetSpeed(speed_m_s=told) if told > 0:
                speed_m_s = told
            case PhotosByDistance(distance_m=told) if told > 0:
                distance_m = told
            case PhotosOff():
                distance_m = math.inf
            case _:
                continue
        interval_s = distance_m / speed_m_s
        if interval_s < mission.limits.min_photo_interval_s - 1e-9:
            yield Violation(
                rule="photo interval",
                place=f"item {number}",
                problem=f"a photo every {interval_s:.2f} s is faster than the camera's "
                f"{mission.limits.min_photo_interval_s:g} s",
                remedy="Fly slower, or higher",
            )


def height_violations(mission: Mission, place: str, height_m: float) -> Iterator[Violation]:
    """What is wrong with one height above the ground, at a place in words."""
    most, least = mission.limits.max_height_agl_m, mission.limits.min_height_agl_m
    if math.isfinite(height_m) and height_m > most + 1e-6:
        yield Violation(
            rule="height above ground",
            place=place,
            problem=f"{height_m:.1f} m above ground exceeds {most:g} m",
            remedy="Fly lower, get an approval, or give the terrain if it is the ground that rises"
            if mission.terrain is None
            else "Fly lower, or get an approval",
        )
    elif not height_m >= least:
        yield Violation(
            rule="height above ground",
            place=place,
            problem=f"{height_m:.1f} m above ground is too low to fly",
            remedy=f"Fly at least {least:g} m high",
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


def _battery_violations(mission: Mission) -> Iterator[Violation]:
    duration_s = mission.figures().duration_s
    if duration_s > mission.limits.max_duration_s:
        yield Violation(
            rule="battery",
            place="mission",
            problem=f"it takes {duration_s / 60:.1f} min, more than {mission.limits.max_duration_s / 60:g} min",
            remedy="Split it into several missions",
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
            yield from height_violations(mission, profile.place(sample), float(profile.agl_m[sample]))


def _blur_violations(mission: Mission) -> Iterator[Violation]:
    """Rows flown faster than the camera's exposure allows, by the lowest height above ground of each."""
    exposure = mission.limits.exposure
    if exposure is None:
        return
    profile = profile_of(mission)
    speed, is_on = 0.0, False
    for number, item in enumerate(mission.items, 1):
        match item:
            case SetSpeed(speed_m_s=told):
                speed = told
            case PhotosByDistance() | PhotosOff():
                is_on = isinstance(item, PhotosByDistance)
            case Waypoint() if is_on:
                over_m = profile.agl_m[profile.leg == number]
                most = exposure.max_speed_m_s(float(np.nanmin(over_m))) if np.isfinite(over_m).any() else np.inf
                if speed > most + 1e-6:
                    yield Violation(
                        rule="motion blur",
                        place=f"item {number}",
                        problem=f"at {speed:g} m/s the ground moves {exposure.max_blur_px * speed / most:.1f} pixels "
                        f"while a picture is taken, more than {exposure.max_blur_px:g}",
                        remedy=f"Fly at most {math.floor(most * 10) / 10:g} m/s, or expose shorter",
                    )


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
