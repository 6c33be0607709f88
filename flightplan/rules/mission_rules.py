"""The rules that every mission keeps; each breach is a `Violation` with its place and its remedy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from flightplan.ground.area import lonlat_problem
from flightplan.ground.meridian import REMEDY as MERIDIAN_REMEDY
from flightplan.ground.meridian import is_across_180
from flightplan.mission.items import (
    LandHere,
    LookAt,
    PhotosByDistance,
    PointCamera,
    ReturnHome,
    SetSpeed,
    TakeOff,
    Waypoint,
)
from flightplan.mission.limits import Violation
from flightplan.rules.path_rules import height_violations, path_violations, photo_violations

if TYPE_CHECKING:
    from flightplan.mission.mission import Mission

LEAST_WAYPOINTS = 2


def violations(mission: Mission) -> Iterator[Violation]:
    """Every rule that the mission breaks; distances and times only once all single figures are sound."""
    single = (_place_violations, _meridian_violations, _wait_violations, _item_violations, _order_violations)
    broken = [one for rule in single for one in rule(mission)]
    yield from broken
    yield from photo_violations(mission)
    if not broken:
        yield from path_violations(mission)


def _place_violations(mission: Mission) -> Iterator[Violation]:
    home = mission.home
    for place, lon, lat, height in (
        ("home", home.lon, home.lat, home.alt_msl_m),
        *((f"item {n}", i.lon, i.lat, i.alt_m) for n, i in enumerate(mission.items, 1) if isinstance(i, Waypoint)),
        *((f"item {n}", i.lon, i.lat, i.alt_home_m) for n, i in enumerate(mission.items, 1) if isinstance(i, LookAt)),
    ):
        problem = lonlat_problem(lon, lat)
        if problem is not None:
            yield Violation(rule="position", place=place, problem=problem[0], remedy=problem[1])
        if not math.isfinite(height):
            yield Violation(
                rule="position", place=place, problem=f"height {height} is not a number", remedy="Give it in metres"
            )


def _wait_violations(mission: Mission) -> Iterator[Violation]:
    for number, item in enumerate(mission.items, 1):
        if isinstance(item, Waypoint) and not 0 <= item.hold_s < math.inf:
            yield Violation(
                rule="wait",
                place=f"item {number}",
                problem=f"a wait of {item.hold_s:g} s is out of range",
                remedy="Give seconds, 0 or more",
            )


def _meridian_violations(mission: Mission) -> Iterator[Violation]:
    """Legs are straight in degrees where zones and files are looked at, and would lead round the earth."""
    if is_across_180([mission.home.lon, *(point.lon for point in mission.waypoints)]):
        yield Violation(
            rule="position", place="mission", problem="it flies across the 180° meridian", remedy=MERIDIAN_REMEDY
        )


def _item_violations(mission: Mission) -> Iterator[Violation]:
    limits = mission.limits
    for number, item in enumerate(mission.items, 1):
        place = f"item {number}"
        match item:
            case TakeOff(alt_home_m=height) | Waypoint(alt_m=height, alt_reference="terrain"):
                yield from height_violations(mission, place, height)
            case Waypoint(alt_m=height, alt_reference="msl" | "home" as reference):
                if mission.terrain is None:
                    above_m = height - mission.home.alt_msl_m if reference == "msl" else height
                    yield from height_violations(mission, place, above_m)
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


def _order_violations(mission: Mission) -> Iterator[Violation]:
    items = mission.items
    if len(mission.waypoints) < LEAST_WAYPOINTS:
        yield Violation(
            rule="waypoints",
            place="mission",
            problem=f"it has {len(mission.waypoints)} waypoints",
            remedy=f"Give at least {LEAST_WAYPOINTS}",
        )
    yield from _store_violations(mission)
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


def _store_violations(mission: Mission) -> Iterator[Violation]:
    store = mission.limits.store
    corners = 0 if mission.fence is None else mission.fence.corners
    for what, count, most, remedy in (
        ("items", len(mission.items) + 1, store.items, "Split the mission"),
        ("fence corners", corners, store.fence_corners, "Draw the fence simpler"),
        ("rally points", len(mission.rally), store.rally_points, "Keep the nearest ones"),
    ):
        if count > most:
            yield Violation(
                rule=f"number of {what}",
                place="mission",
                problem=f"{count} {what} are more than the vehicle stores ({most})",
                remedy=remedy,
            )
