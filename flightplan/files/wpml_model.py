"""A mission as DJI's waylines see it: stops with actions on arrival, and stretches along which photos are taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from flightplan.errors import CannotPlan
from flightplan.files.wpml_schema import LEAST_DOCK_TAKE_OFF_M, MOST_HEIGHT_M, SPEED_M_S
from flightplan.mission.items import (
    LandHere,
    LookAt,
    PhotosByDistance,
    PhotosOff,
    PointCamera,
    ReturnHome,
    SetSpeed,
    TakeOff,
    Waypoint,
)
from flightplan.mission.mission import Mission

LinkLoss = Literal["goBack", "landing", "hover", "goContinue"]
_DEFAULT_SPEED_M_S = 10.0


@dataclass(frozen=True, kw_only=True)
class DjiAircraft:
    """A drone that lives in a dock, with the camera that belongs to it.

    Attributes:
        drone: `droneEnumValue` and `droneSubEnumValue`.
        payload: `payloadEnumValue`.
        lenses: What `payloadLensIndex` may name, the one for photos first.
        reroutes: Whether its missions tell if it may fly round obstacles by itself.
    """

    drone: tuple[int, int]
    payload: int
    lenses: tuple[str, ...]
    reroutes: bool = False


# From DJI's product tables: M30 and M30T of Dock 1, M3D and M3TD of Dock 2.
AIRCRAFT: Mapping[str, DjiAircraft] = MappingProxyType(
    {
        "m30": DjiAircraft(drone=(67, 0), payload=52, lenses=("wide", "zoom")),
        "m30t": DjiAircraft(drone=(67, 1), payload=53, lenses=("wide", "zoom", "ir")),
        "m3d": DjiAircraft(drone=(91, 0), payload=80, lenses=("wide", "zoom"), reroutes=True),
        "m3td": DjiAircraft(drone=(91, 1), payload=81, lenses=("wide", "zoom", "ir"), reroutes=True),
    }
)


@dataclass(frozen=True, kw_only=True)
class WpmlOptions:
    """What a WPML file tells that a mission does not.

    Attributes:
        aircraft: A key of `AIRCRAFT`.
        lenses: Which lenses' photos are kept; empty for the wide one's.
        on_link_lost: What the drone does when it hears nothing any more; `goContinue` flies the mission on.
        rth_height_m: Height above home for flying back; None for the mission's greatest.
        geoid_m: Height of the geoid above the ellipsoid at home. With it heights are written as ellipsoid heights,
            the same wherever the drone takes off; without it, above the place of take-off.
    """

    aircraft: str = "m3d"
    lenses: tuple[str, ...] = ()
    on_link_lost: LinkLoss = "goBack"
    rth_height_m: float | None = None
    geoid_m: float | None = None

    def __post_init__(self) -> None:
        if self.aircraft not in AIRCRAFT:
            raise CannotPlan(
                problem=f"{self.aircraft!r} is no drone of a dock that waylines are written for",
                remedy=f"Use one of {', '.join(AIRCRAFT)}",
            )
        missing = [lens for lens in self.lenses if lens not in self.drone.lenses]
        if missing:
            raise CannotPlan(
                problem=f"the {self.aircraft} has no lens {missing[0]!r}",
                remedy=f"Use {', '.join(self.drone.lenses)}",
            )
        if self.rth_height_m is not None and not 2 <= self.rth_height_m <= MOST_HEIGHT_M:
            raise CannotPlan(
                problem=f"a return height of {self.rth_height_m:g} m is out of range",
                remedy=f"Set it between 2 and {MOST_HEIGHT_M:g} m",
            )
        if self.geoid_m is not None and not abs(self.geoid_m) <= 110:
            raise CannotPlan(
                problem=f"the geoid lies nowhere {self.geoid_m:g} m above the ellipsoid",
                remedy="Give its height at home in metres",
            )

    @property
    def drone(self) -> DjiAircraft:
        """The drone."""
        return AIRCRAFT[self.aircraft]

    @property
    def lens_index(self) -> str:
        """`payloadLensIndex`."""
        return ",".join(self.lenses or self.drone.lenses[:1])


@dataclass(frozen=True, kw_only=True)
class Stop:
    """A waypoint.

    Attributes:
        lon: Degrees.
        lat: Degrees.
        height_m: Above home.
        speed_m_s: On the way to the next one.
        pitch_deg: Of the camera on leaving.
        turns_camera: Whether the camera is turned to that pitch here.
        hold_s: Seconds to wait.
        photo: Whether a photo is taken on arrival.
    """

    lon: float
    lat: float
    height_m: float
    speed_m_s: float
    pitch_deg: float
    turns_camera: bool = False
    hold_s: float = 0.0
    photo: bool = False


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Photos every `distance_m` metres from stop `first` to stop `last`."""

    first: int
    last: int
    distance_m: float


@dataclass(frozen=True, kw_only=True)
class Wayline:
    """All of a mission that WPML can tell.

    Attributes:
        take_off_m: Height above home to climb to first.
        speed_m_s: At the beginning.
        pitch_deg: Of the camera at the beginning; None where the mission does not say.
        stops: Waypoints.
        stretches: In order, not overlapping but for their ends.
        lost: What of the mission is not in here, in words.
    """

    take_off_m: float
    speed_m_s: float
    pitch_deg: float | None
    stops: tuple[Stop, ...]
    stretches: tuple[Stretch, ...]
    lost: tuple[str, ...] = ()

    @property
    def highest_m(self) -> float:
        """Greatest height above home."""
        return max(self.take_off_m, *(stop.height_m for stop in self.stops))


def begun_as_docks_do(mission: Mission) -> Mission:
    """The mission with its climb as waylines begin: up to the first waypoint's height over the dock, then level to it.

    Raises:
        InvalidMission: That breaks a limit which the slanting line to the first waypoint kept.
    """
    first = next((item for item in mission.items if isinstance(item, Waypoint)), None)
    if first is None or first.alt_reference == "terrain":
        return mission
    height_m = first.alt_m - (mission.home.alt_msl_m if first.alt_reference == "msl" else 0.0)
    items = tuple(
        # What is too low for a dock is refused as it stands.
        replace(item, alt_home_m=height_m)
        if isinstance(item, TakeOff) and LEAST_DOCK_TAKE_OFF_M <= item.alt_home_m < height_m
        else item
        for item in mission.items
    )
    return mission if items == mission.items else replace(mission, items=items)


def wayline_of(mission: Mission) -> Wayline:
    """The mission as stops and stretches.

    Raises:
        CannotPlan: A dock's drone cannot fly it: it takes off too low, flies too fast, follows the ground by its own
            model, or does not come home.
    """
    return _Walk(mission=mission).wayline()


@dataclass(kw_only=True)
class _Walk:
    """Goes through a mission's items; what is switched before the first waypoint holds from it on."""

    mission: Mission
    take_off_m: float = 0.0
    speed_m_s: float = _DEFAULT_SPEED_M_S
    first_speed_m_s: float | None = None
    pitch_deg: float | None = None
    first_pitch_deg: float | None = None
    trigger: PhotosByDistance | None = None
    begun_at: int = 0
    stops: list[Stop] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)

    def wayline(self) -> Wayline:
        for number, item in enumerate(self.mission.items, 1):
            match item:
                case TakeOff(alt_home_m=height_m):
                    self._take_off(height_m)
                case Waypoint():
                    self._stop(number, item)
                case SetSpeed(speed_m_s=speed_m_s):
                    self._speed(number, speed_m_s)
                case PointCamera(pitch_deg=pitch_deg):
                    self._point(pitch_deg)
                case LookAt():
                    raise CannotPlan(
                        problem=f"item {number}: looking at a place is not written for docks",
                        remedy="Fly it with MAVLink, or point the camera by its pitch",
                    )
                case PhotosByDistance():
                    self._photos(item)
                case PhotosOff():
                    self._photos(None)
                case ReturnHome():
                    self._photos(None)
                case LandHere():
                    raise CannotPlan(
                        problem=f"item {number}: it lands away from its dock",
                        remedy="End the mission with a return home",
                    )
        return Wayline(
            take_off_m=self.take_off_m,
            speed_m_s=self.first_speed_m_s or _DEFAULT_SPEED_M_S,
            pitch_deg=self.first_pitch_deg,
            stops=tuple(self.stops),
            stretches=tuple(self.stretches),
            lost=tuple(_lost(self.mission)),
        )

    def _take_off(self, height_m: float) -> None:
        if not LEAST_DOCK_TAKE_OFF_M <= height_m <= MOST_HEIGHT_M:
            raise CannotPlan(
                problem=f"a take-off to {height_m:g} m is not possible from a dock",
                remedy=f"Take off to between {LEAST_DOCK_TAKE_OFF_M:g} and {MOST_HEIGHT_M:g} m",
            )
        self.take_off_m = height_m

    def _stop(self, number: int, waypoint: Waypoint) -> None:
        if waypoint.alt_reference == "terrain":
            raise CannotPlan(
                problem=f"item {number}: a dock's drone has no model of the ground to follow",
                remedy="Plan with heights above home",
            )
        above_m = self.mission.home.alt_msl_m if waypoint.alt_reference == "msl" else 0.0
        self.stops.append(
            Stop(
                lon=waypoint.lon,
                lat=waypoint.lat,
                height_m=waypoint.alt_m - above_m,
                speed_m_s=self.speed_m_s,
                pitch_deg=self.pitch_deg or 0.0,
                hold_s=waypoint.hold_s,
            )
        )

    def _speed(self, number: int, speed_m_s: float) -> None:
        low, high = SPEED_M_S
        if not low <= speed_m_s <= high:
            raise CannotPlan(
                problem=f"item {number}: {speed_m_s:g} m/s is no speed of DJI's waylines",
                remedy=f"Plan with {low:g} to {high:g} m/s",
            )
        self.speed_m_s = speed_m_s
        self.first_speed_m_s = self.first_speed_m_s or speed_m_s
        if self.stops:
            self.stops[-1] = replace(self.stops[-1], speed_m_s=speed_m_s)

    def _point(self, pitch_deg: float) -> None:
        self.pitch_deg = pitch_deg
        if self.stops:
            self.stops[-1] = replace(self.stops[-1], pitch_deg=pitch_deg, turns_camera=True)
        else:
            self.first_pitch_deg = pitch_deg

    def _photos(self, trigger: PhotosByDistance | None) -> None:
        at = max(len(self.stops) - 1, 0)
        if self.trigger is not None and at > self.begun_at:
            self.stretches.append(Stretch(first=self.begun_at, last=at, distance_m=self.trigger.distance_m))
        self.trigger, self.begun_at = trigger, at
        if trigger is not None and trigger.at_once and self.stops:
            self.stops[-1] = replace(self.stops[-1], photo=True)


def _lost(mission: Mission) -> Iterator[str]:
    if mission.clearance is not None and not mission.clearance.is_open:
        yield "when it may take off, and its approvals: give the dock's task its times"
    if mission.fence is not None:
        yield "the fence: set it in the dock's own settings"
    if mission.rally:
        yield f"{len(mission.rally)} rally points: set alternate landing places in the dock's own settings"
    if mission.obstacles:
        yield f"{len(mission.obstacles)} obstacles: the return height clears them, the dock knows nothing of them"
    first = next(number for number, item in enumerate(mission.items) if isinstance(item, Waypoint))
    if any(isinstance(item, PhotosByDistance) for item in mission.items[:first]):
        yield "photos on the way to the first waypoint: they begin there"
