"""A mission: what one drone does from take-off to landing. It is valid, or it does not exist."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from flightplan.area import lonlat_problem
from flightplan.errors import InvalidMission
from flightplan.kinematics import Kinematics, turn_deg
from flightplan.limits import FlightLimits, Violation
from flightplan.projection import LocalFrame

AltitudeReference = Literal["home", "msl", "terrain"]
LEAST_WAYPOINTS = 2
LOWEST_FLIGHT_M = 2.0
# Between the last waypoint and standstill on the ground: settling above home before the descent.
_LANDING_OVERHEAD_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Home:
    """Where the drone takes off and lands: degrees, and the ground's height above mean sea level."""

    lon: float
    lat: float
    alt_msl_m: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TakeOff:
    """Climb straight up from home to `alt_home_m` above it."""

    alt_home_m: float


@dataclass(frozen=True, kw_only=True)
class Waypoint:
    """Fly straight to a place.

    Attributes:
        lon: Degrees, WGS 84.
        lat: Degrees, WGS 84.
        alt_m: Height in metres above what `alt_reference` says.
        alt_reference: Above `home`, mean sea level (`msl`), or the vehicle's own `terrain` model.
        hold_s: Seconds to wait there.
    """

    lon: float
    lat: float
    alt_m: float
    alt_reference: AltitudeReference = "home"
    hold_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class SetSpeed:
    """Fly with this ground speed from here on."""

    speed_m_s: float


@dataclass(frozen=True, kw_only=True)
class PointCamera:
    """Turn the gimbal: `pitch_deg` 0 is the horizon, -90 straight down; yaw follows the drone's nose."""

    pitch_deg: float


@dataclass(frozen=True, kw_only=True)
class PhotosByDistance:
    """A photo every `distance_m` metres, the first one `at_once` or after the first distance."""

    distance_m: float
    at_once: bool = True


@dataclass(frozen=True, kw_only=True)
class PhotosOff:
    """No more photos."""


@dataclass(frozen=True, kw_only=True)
class ReturnHome:
    """Fly straight home and land."""


@dataclass(frozen=True, kw_only=True)
class LandHere:
    """Land straight below the last waypoint."""


Item = TakeOff | Waypoint | SetSpeed | PointCamera | PhotosByDistance | PhotosOff | ReturnHome | LandHere


@dataclass(frozen=True, kw_only=True)
class MissionFigures:
    """What a mission amounts to.

    Attributes:
        length_m: Horizontal metres from home, through every waypoint, to the landing.
        survey_length_m: Horizontal metres from the first to the last waypoint.
        duration_s: From take-off to landing, with climb, turns and descent.
        turns: Corners sharper than 20 degrees between the first and the last waypoint.
        photos: Photos that the distance trigger takes.
    """

    length_m: float
    survey_length_m: float
    duration_s: float
    turns: int
    photos: int


@dataclass(frozen=True, kw_only=True)
class Mission:
    """What one drone does from take-off to landing, checked against `limits` on creation.

    Heights above ground are taken from the level of home; a terrain model refines this elsewhere.

    Raises:
        InvalidMission: With every violation found.
    """

    name: str
    home: Home
    items: tuple[Item, ...]
    limits: FlightLimits = field(default_factory=FlightLimits)

    def __post_init__(self) -> None:
        found = tuple(violations(self))
        if found:
            raise InvalidMission(found)

    @property
    def waypoints(self) -> tuple[Waypoint, ...]:
        """The waypoints in flying order."""
        return tuple(item for item in self.items if isinstance(item, Waypoint))

    def path_lonlat(self) -> list[tuple[float, float]]:
        """Degrees (longitude, latitude) of home, every waypoint and, where it returns, home again."""
        home = (self.home.lon, self.home.lat)
        back = [home] if any(isinstance(item, ReturnHome) for item in self.items) else []
        return [home, *((point.lon, point.lat) for point in self.waypoints), *back]

    def figures(self, kinematics: Kinematics | None = None) -> MissionFigures:
        """Length, duration, turns and photos, with the planner's model of motion."""
        return _figures(self, kinematics or Kinematics())


def violations(mission: Mission) -> Iterator[Violation]:
    """Every rule that the mission breaks; distances and times only once all single figures are sound."""
    broken = [*_place_violations(mission), *_item_violations(mission), *_order_violations(mission)]
    yield from broken
    yield from _photo_violations(mission)
    if not broken:
        yield from _range_violations(mission)
        yield from _battery_violations(mission)


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
            case TakeOff(alt_home_m=height):
                yield from _height_violations(mission, place, height)
            case Waypoint(alt_m=height, alt_reference="msl"):
                yield from _height_violations(mission, place, height - mission.home.alt_msl_m)
            case Waypoint(alt_m=height, alt_reference="home" | "terrain"):
                yield from _height_violations(mission, place, height)
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
    most = mission.limits.max_height_agl_m
    if math.isfinite(height_m) and height_m > most + 1e-6:
        yield Violation(
            rule="height above ground",
            place=place,
            problem=f"{height_m:.1f} m above ground exceeds {most:g} m",
            remedy="Fly lower, or get an approval and raise the limit",
        )
    elif not height_m >= LOWEST_FLIGHT_M:
        yield Violation(
            rule="height above ground",
            place=place,
            problem=f"{height_m:.1f} m above ground is too low to fly",
            remedy=f"Fly at least {LOWEST_FLIGHT_M:g} m high",
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
    distances_m = np.hypot(*_path_en(mission)[1 : len(mission.waypoints) + 1].T)
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


def _path_en(mission: Mission) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    frame = LocalFrame(lon=mission.home.lon, lat=mission.home.lat)
    return frame.en_from_lonlat(np.array(mission.path_lonlat()))


def _figures(mission: Mission, kinematics: Kinematics) -> MissionFigures:
    path = [(float(east), float(north)) for east, north in _path_en(mission)]
    survey = path[1 : len(mission.waypoints) + 1]
    speeds = [item.speed_m_s for item in mission.items if isinstance(item, SetSpeed)] or [10.0]
    heights = [item.alt_home_m for item in mission.items if isinstance(item, TakeOff)]
    climb_s = heights[0] / kinematics.climb_m_s + heights[0] / kinematics.sink_m_s
    legs = [math.degrees(math.atan2(b[0] - a[0], b[1] - a[1])) for a, b in itertools.pairwise(survey) if a != b]
    return MissionFigures(
        length_m=_length_m(path),
        survey_length_m=_length_m(survey),
        duration_s=climb_s + kinematics.path_seconds(path, speeds[0]) + _LANDING_OVERHEAD_S,
        turns=sum(abs(turn_deg(a, b)) > kinematics.stop_turn_deg for a, b in itertools.pairwise(legs)),
        photos=_photos(mission, survey),
    )


def _length_m(points: list[tuple[float, float]]) -> float:
    return sum(math.dist(a, b) for a, b in itertools.pairwise(points))


def _photos(mission: Mission, survey: list[tuple[float, float]]) -> int:
    """Photos of the distance trigger, switched on and off between waypoints."""
    photos, run_m, index = 0, 0.0, -1
    trigger: PhotosByDistance | None = None
    for item in (*mission.items, PhotosOff()):
        if isinstance(item, Waypoint):
            index += 1
            run_m += math.dist(survey[index - 1], survey[index]) if trigger and index else 0.0
        elif isinstance(item, PhotosByDistance | PhotosOff):
            photos += int(trigger.at_once) + math.floor(run_m / trigger.distance_m + 1e-6) if trigger else 0
            trigger, run_m = (item if isinstance(item, PhotosByDistance) else None), 0.0
    return photos
