"""The simulated autopilot: modes, arming, and flying a mission item by item; it knows no sockets."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np

from flightplan.kinematics import Kinematics, turn_deg
from flightplan.mavlink import (
    FRAME_GLOBAL,
    NAV_LAND,
    NAV_RETURN_TO_LAUNCH,
    NAV_TAKEOFF,
    NAV_WAYPOINT,
    MissionItem,
    lonlat_from_xy,
)
from flightplan.mission import Home
from flightplan.projection import LocalFrame
from flightplan.vehicle.body import Body, Leg, Point

_NAVIGATION = (NAV_WAYPOINT, NAV_RETURN_TO_LAUNCH, NAV_LAND, NAV_TAKEOFF)
_DEFAULT_SPEED_M_S = 10.0
_RTL_LEAST_ALT_M = 15.0
_ARRIVED_M = 0.5
# An autopilot believes in the ground only after it has lain on it for a while.
_LANDED_AFTER_S = 1.0


class Mode(Enum):
    """Flight modes, by ArduCopter's numbers."""

    STABILIZE = 0
    AUTO = 3
    GUIDED = 4
    LOITER = 5
    RTL = 6
    LAND = 9


@dataclass(frozen=True, kw_only=True)
class Photo:
    """One picture taken: where the camera truly was and looked, at that moment.

    Attributes:
        index: Counts from 1.
        at_s: Seconds since the vehicle was switched on.
        lon: Degrees.
        lat: Degrees.
        alt_home_m: Height above home.
        heading_deg: Of the camera, clockwise from true north.
        pitch_deg: Of the camera, -90 straight down.
        roll_deg: Of the camera.
    """

    index: int
    at_s: float
    lon: float
    lat: float
    alt_home_m: float
    heading_deg: float
    pitch_deg: float
    roll_deg: float


@dataclass
class Autopilot:
    """Flies missions with a `Body`; `step` moves time on.

    Attributes:
        home: Where it stands when it starts.
        on_photo: Called for each picture.
        on_reached: Called with the number of each item that is finished.
        on_text: Called with messages for people.
    """

    home: Home
    kinematics: Kinematics = field(default_factory=Kinematics)
    endurance_s: float = 1_800.0
    on_photo: Callable[[Photo], None] = lambda photo: None
    on_reached: Callable[[int], None] = lambda seq: None
    on_text: Callable[[str], None] = lambda text: None

    def __post_init__(self) -> None:
        self.stand_at(self.home)
        self.body = Body(kinematics=self.kinematics)
        self.mode = Mode.STABILIZE
        self.armed = False
        self.time_s = 0.0
        self.battery = 1.0
        self.mission: tuple[MissionItem, ...] = ()
        self.current = 0
        self.started = False
        self.gimbal_pitch_deg = 0.0
        self.photos = 0
        self._speed_m_s = _DEFAULT_SPEED_M_S
        self._trigger_m = 0.0
        self._trigger_from_m = 0.0
        self._hold_left_s = 0.0
        self._rtl_arrived = False
        self._arrived = False
        self._on_ground_s = 0.0

    def stand_at(self, home: Home) -> None:
        """Puts the drone, and its home, on that place; only sensible on the ground."""
        self.home = home
        self.frame = LocalFrame(lon=home.lon, lat=home.lat)

    # What the ground may ask for

    def load(self, items: tuple[MissionItem, ...]) -> None:
        """Takes a new mission, item 0 (home) included."""
        self.mission = items
        self.current = 0

    def arm(self) -> str | None:
        """Arms, with a fresh battery; returns the reason when it will not."""
        if self.armed:
            return None
        if self.mode not in (Mode.GUIDED, Mode.LOITER, Mode.STABILIZE, Mode.AUTO):
            return f"Arm: {self.mode.name} mode not armable"
        if self.mode is Mode.AUTO and len(self.mission) < 2:
            return "Arm: no mission"
        self.battery = 1.0  # somebody has put in a fresh one
        self.armed = True
        self.started = False
        self.photos = 0
        return None

    def disarm(self, force: bool = False) -> str | None:
        """Disarms on the ground, or anywhere by force; returns the reason when it will not."""
        if self.body.alt_m > 0.1 and not force:
            return "Disarm: not landed"
        self._ends()
        return None

    def set_mode(self, mode: Mode) -> str | None:
        """Changes the mode; returns the reason when it will not."""
        if mode is Mode.AUTO and len(self.mission) < 2:
            return "Mode change to AUTO failed: no mission"
        if mode is Mode.AUTO and self.mode is not Mode.AUTO and self.armed and self.body.alt_m > 0.1:
            self.started = True
        self.mode = mode
        if mode is not Mode.AUTO:
            self._trigger_m = 0.0
        self._rtl_arrived = False
        return None

    def start_mission(self) -> str | None:
        """Begins the mission; returns the reason when it will not."""
        if not self.armed or self.mode is not Mode.AUTO:
            return "Mission start needs AUTO and armed"
        self.started = True
        if self.body.alt_m <= 0.1:
            self._go_to_item(1)
        return None

    def set_current(self, seq: int) -> bool:
        """Flies on from item `seq`; false when there is none."""
        if not 0 <= seq < len(self.mission):
            return False
        self._go_to_item(max(seq, 1)) if self.started else setattr(self, "current", seq)
        return True

    # Time

    def step(self, dt_s: float) -> None:
        """Moves everything on by `dt_s`."""
        if self.armed:
            self.battery = max(0.0, self.battery - dt_s / self.endurance_s)
            self._fly(dt_s)
        self.time_s += dt_s

    def lonlat(self) -> tuple[float, float]:
        """Where it is: degrees."""
        point = self.frame.lonlat_from_en(np.array([[self.body.east_m, self.body.north_m]]))[0]
        return float(point[0]), float(point[1])

    def _fly(self, dt_s: float) -> None:
        match self.mode:
            case Mode.AUTO if self.started:
                self._fly_mission(dt_s)
            case Mode.RTL:
                self._return(dt_s)
            case Mode.LAND:
                self._land(dt_s)
            case _:
                self.body.stand_still()

    def _fly_mission(self, dt_s: float) -> None:
        if self.current >= len(self.mission):
            self.body.stand_still()
            if self.body.alt_m <= 0.1:
                self._ends()
            return
        if self._hold_left_s > 0:
            self._hold_left_s -= dt_s
            self.body.stand_still()
            if self._hold_left_s <= 0:
                self._finish_item()
            return
        item = self.mission[self.current]
        match item.command:
            case 22:
                if self.body.climb(item.z, dt_s):
                    self._finish_item()
            case 16:
                self._fly_to(item, dt_s)
            case 20:
                self._return(dt_s)
            case 21:
                self._land(dt_s)

    def _fly_to(self, item: MissionItem, dt_s: float) -> None:
        """Flies to a waypoint; at a sharp corner it turns to the next leg before its first picture."""
        before_m = self.body.travelled_m
        if not self._arrived:
            self._arrived = self.body.fly(self._leg(item), dt_s)
            self._take_due_photos(before_m, dt_s)
            if not self._arrived:
                return
        if self.body.speed_m_s < 0.5 and not self._aligned(item, dt_s):
            return
        self._hold_left_s = item.params[0] if math.isfinite(item.params[0]) else 0.0
        if self._hold_left_s <= 0:
            self._finish_item()

    def _aligned(self, item: MissionItem, dt_s: float) -> bool:
        """Turns to the course of the next leg; true once it looks there, or when no leg follows."""
        following = self._next_navigation()
        if following is None or following.command != NAV_WAYPOINT:
            return True
        here, there = self._en(item), self._en(following)
        if math.dist(here, there) < _ARRIVED_M:
            return True
        course = math.degrees(math.atan2(there[0] - here[0], there[1] - here[1])) % 360
        return self.body.turn_to(course, dt_s)

    def _next_navigation(self) -> MissionItem | None:
        return next((later for later in self.mission[self.current + 1 :] if later.command in _NAVIGATION), None)

    def _leg(self, item: MissionItem) -> Leg:
        end = self._en(item)
        following = self._next_navigation()
        leave = 0.0
        if following is not None and following.command == NAV_WAYPOINT and not item.params[0] > 0:
            after = self._en(following)
            course = math.degrees(math.atan2(end[0] - self.body.east_m, end[1] - self.body.north_m))
            next_course = math.degrees(math.atan2(after[0] - end[0], after[1] - end[1]))
            here = self.body.course_deg if self.body.distance_to(end) < 1.0 else course
            leave = self.kinematics.corner_speed_m_s(turn_deg(here, next_course), self._speed_m_s)
        return Leg(end_en=end, end_alt_m=self._alt_home_m(item), cruise_m_s=self._speed_m_s, leave_m_s=leave)

    def _en(self, item: MissionItem) -> Point:
        lonlat = np.array([lonlat_from_xy(item.x, item.y)])
        east, north = self.frame.en_from_lonlat(lonlat)[0]
        return float(east), float(north)

    def _alt_home_m(self, item: MissionItem) -> float:
        return item.z - self.home.alt_msl_m if item.frame in (0, FRAME_GLOBAL) else item.z

    def _finish_item(self) -> None:
        self.on_reached(self.current)
        self._go_to_item(self.current + 1)

    def _go_to_item(self, seq: int) -> None:
        """Makes `seq` current; commands without a way are done at once, up to the next one that moves."""
        self._hold_left_s = 0.0
        self._arrived = False
        for number in itertools.count(seq):
            self.current = number
            if number >= len(self.mission) or self.mission[number].command in _NAVIGATION:
                self._rtl_arrived = False
                return
            self._do(self.mission[number])
            self.on_reached(number)

    def _do(self, item: MissionItem) -> None:
        match item.command:
            case 178 if item.params[1] > 0:
                self._speed_m_s = item.params[1]
            case 206:
                self._trigger_m = max(item.params[0], 0.0)
                self._trigger_from_m = self.body.travelled_m
                if self._trigger_m > 0 and item.params[2] == 1.0:
                    self._take_photo(0.0, 0.0)
            case 1000 | 205:
                self.gimbal_pitch_deg = item.params[0]

    def _return(self, dt_s: float) -> None:
        self._trigger_m = 0.0
        height = max(self.body.alt_m, min(_RTL_LEAST_ALT_M, self.body.alt_m + 1.0))
        if not self._rtl_arrived:
            leg = Leg(end_en=(0.0, 0.0), end_alt_m=height, cruise_m_s=self._speed_m_s)
            self._rtl_arrived = self.body.fly(leg, dt_s)
            return
        self._land(dt_s)

    def _land(self, dt_s: float) -> None:
        self.body.speed_m_s = 0.0
        self._on_ground_s = self._on_ground_s + dt_s if self.body.climb(0.0, dt_s) else 0.0
        if self._on_ground_s >= _LANDED_AFTER_S:
            if self.mode is Mode.AUTO and self.current < len(self.mission):
                self.on_reached(self.current)
            self._ends()

    def _ends(self) -> None:
        self.armed = self.started = False
        self._on_ground_s = 0.0
        self._trigger_m = 0.0
        self.body.stand_still()
        self.on_text("Disarmed")

    def _take_due_photos(self, before_m: float, dt_s: float) -> None:
        """Photos whose distance was reached during this step, each at the place where it was."""
        after_m = self.body.travelled_m
        while self._trigger_m > 0 and after_m - self._trigger_from_m >= self._trigger_m:
            self._trigger_from_m += self._trigger_m
            back_m = after_m - self._trigger_from_m
            self._take_photo(back_m, dt_s * (1 - back_m / max(after_m - before_m, 1e-9)))

    def _take_photo(self, back_m: float, after_s: float) -> None:
        """A picture `back_m` behind the present place, `after_s` after the beginning of this step."""
        body = self.body
        course = math.radians(body.course_deg)
        place = np.array([[body.east_m - back_m * math.sin(course), body.north_m - back_m * math.cos(course)]])
        lon, lat = self.frame.lonlat_from_en(place)[0]
        self.photos += 1
        self.on_photo(
            Photo(
                index=self.photos,
                at_s=self.time_s + after_s,
                lon=float(lon),
                lat=float(lat),
                alt_home_m=body.alt_m,
                heading_deg=body.heading_deg,
                pitch_deg=self.gimbal_pitch_deg,
                roll_deg=0.0,
            )
        )


def float32(item: MissionItem) -> MissionItem:
    """The item as an autopilot stores it."""
    first, second, third, fourth = (float(np.float32(value)) for value in item.params)
    return replace(item, params=(first, second, third, fourth), z=float(np.float32(item.z)))
