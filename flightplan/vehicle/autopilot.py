"""The simulated autopilot: modes, arming, and flying a mission item by item; it knows no sockets."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from flightplan.link.mavlink import Autopilot as Dialect
from flightplan.link.mavlink import MissionItem
from flightplan.link.modes import Mode
from flightplan.mission.fence import Fence, RallyPoint
from flightplan.mission.mission import Home
from flightplan.projection import LocalFrame
from flightplan.vehicle.body import Body, Leg, Point
from flightplan.vehicle.camera import Camera, Photo
from flightplan.vehicle.failsafes import BatteryGuard
from flightplan.vehicle.fencing import Breach, Circle, FenceGuard
from flightplan.vehicle.homecoming import Homecoming
from flightplan.vehicle.route import NAVIGATION, Route, en_from_lonlat
from flightplan.vehicle.setup import VehicleSetup

_DEFAULT_SPEED_M_S = 10.0
_IN_AIR_M = 0.1
_ARMABLE = (Mode.GUIDED, Mode.LOITER, Mode.POSHOLD, Mode.STABILIZE, Mode.AUTO)


@dataclass
class Autopilot:
    """Flies missions with a `Body`; `step` moves time on.

    Attributes:
        home: Where it stands when it starts.
        setup: What it can do.
        on_photo: Called for each picture.
        on_reached: Called with the number of each item that is finished.
        on_text: Called with messages for people.
        on_fence: Called when it goes beyond its fence.
    """

    home: Home
    setup: VehicleSetup = field(default_factory=VehicleSetup)
    on_photo: Callable[[Photo], None] = lambda photo: None
    on_reached: Callable[[int], None] = lambda seq: None
    on_text: Callable[[str], None] = lambda text: None
    on_fence: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self._is_px4 = self.setup.dialect is Dialect.PX4
        self.body = Body(
            kinematics=self.setup.kinematics, wind=self.setup.wind, max_airspeed_m_s=self.setup.max_airspeed_m_s
        )
        self.camera = Camera(self.body, lambda photo: self.on_photo(photo))
        # PX4 keeps to a fence as soon as it has one; ArduPilot waits to be told.
        self.fence = FenceGuard(
            spoken=self.setup.dialect,
            enabled=self._is_px4,
            max_height_m=self.setup.max_height_m,
            max_distance_m=self.setup.max_distance_m,
        )
        self.rally: tuple[RallyPoint, ...] = ()
        self._fence_plan: tuple[Fence | None, tuple[Circle, ...]] = (None, ())
        self.mission: tuple[MissionItem, ...] = ()
        self.armed = self.started = False
        self.stand_at(self.home)
        self.mode = Mode.LOITER if self._is_px4 else Mode.STABILIZE
        self.paused = False
        self.homecoming = Homecoming(self.body)
        self.time_s = 0.0
        self.battery = 1.0
        self.current = 0
        self._battery_guard = BatteryGuard(self.setup)
        self._speed_m_s = _DEFAULT_SPEED_M_S
        self._hold_left_s = 0.0
        self._guided_to: Leg | None = None
        self._arrived = False

    @property
    def photos(self) -> int:
        """Pictures taken since it was armed."""
        return self.camera.photos

    @property
    def return_alt_m(self) -> float:
        """Height above home at which it flies home."""
        return self.homecoming.alt_m

    @return_alt_m.setter
    def return_alt_m(self, alt_m: float) -> None:
        self.homecoming.alt_m = alt_m

    @property
    def is_flying_mission(self) -> bool:
        """Whether a mission is under way, perhaps paused by its own command."""
        return self.armed and self.started and self.mode is Mode.AUTO

    @property
    def in_air(self) -> bool:
        """Whether it has left the ground."""
        return self.body.alt_m > _IN_AIR_M

    def stand_at(self, home: Home) -> None:
        """Puts the drone, and its home, on that place; only sensible on the ground."""
        self.home = home
        self.frame = LocalFrame(lon=home.lon, lat=home.lat)
        self.body.east_m = self.body.north_m = 0.0
        self.fence.load(*self._fence_plan, self.frame)
        self._route = Route(items=self.mission, home=home, frame=self.frame)

    # What the ground may ask for

    def load(self, items: tuple[MissionItem, ...]) -> None:
        """Takes a new mission, item 0 (home) included; one under way goes on with the item of the same number."""
        self.mission = items
        self.current = min(self.current, len(items) - 1) if self.is_flying_mission and items else 0
        self._arrived = False
        self._route = Route(items=items, home=self.home, frame=self.frame)

    def guard(self, fence: Fence | None, rally: tuple[RallyPoint, ...], circles: tuple[Circle, ...] = ()) -> None:
        """Takes a new fence and rally points."""
        self._fence_plan = (fence, circles)
        self.fence.load(fence, circles, self.frame)
        self.rally = rally

    def arm(self) -> str | None:
        """Arms, with a fresh battery; returns the reason when it will not."""
        if self.armed:
            return None
        if self.mode not in _ARMABLE:
            return f"Arm: {self.mode.name} mode not armable"
        if self.mode is Mode.AUTO and len(self.mission) < 2:
            return "Arm: no mission"
        if self.fence.enabled and self.fence.limits_beyond(self.body.place_en, self.body.alt_m):
            return "Arm: vehicle outside fence"
        self.battery = 1.0  # somebody has put in a fresh one
        self._battery_guard.reset()
        self.armed = True
        self.started = self.paused = False
        self.camera.photos = 0
        return None

    def disarm(self, force: bool = False) -> str | None:
        """Disarms on the ground, or anywhere by force; returns the reason when it will not."""
        if self.in_air and not force:
            return "Disarm: not landed"
        self._ends()
        return None

    def set_mode(self, mode: Mode) -> str | None:
        """Changes the mode; returns the reason when it will not."""
        if mode is Mode.AUTO and len(self.mission) < 2:
            return "Mode change to AUTO failed: no mission"
        if mode is self.mode:
            return None  # a repeated order changes nothing
        self.mode = mode
        if mode is Mode.AUTO and self.armed:
            self._take_up_mission()
        self.paused = False
        self._guided_to = None
        self.homecoming.begin_anew()
        if mode is not Mode.AUTO:
            self.camera.stop()
        return None

    def _take_up_mission(self) -> None:
        """In the air it flies on with the current item; PX4 also takes off by the change of mode alone."""
        if self.in_air:
            self.started = True
            self._arrived = False
        elif self._is_px4:
            self.started = True
            self._go_to_item(1)

    def start_mission(self) -> str | None:
        """Begins the mission, or flies on with it, in its mode; returns the reason when it will not."""
        if self.armed and self.mode is not Mode.AUTO:
            problem = self.set_mode(Mode.AUTO)
            if problem is not None:
                return problem
        if not self.armed or self.mode is not Mode.AUTO:
            return "Mission start needs an armed vehicle"
        if not self.in_air and not (self.started and self.current):
            self._go_to_item(1)
        self.started = True
        return None

    def pause(self, paused: bool) -> str | None:
        """Stops within the mission and flies on; returns the reason when it will not."""
        if self.mode is not Mode.AUTO or not self.started:
            return "Pause needs a mission under way"
        self.paused = paused
        return None

    def go_to(self, lonlat: tuple[float, float], alt_home_m: float, speed_m_s: float) -> str | None:
        """Flies to a place and waits there; returns the reason when it will not."""
        if not (self.armed and self.in_air):
            return "Reposition needs a flying vehicle"
        self.set_mode(Mode.LOITER if self._is_px4 else Mode.GUIDED)
        cruise = speed_m_s if speed_m_s > 0 else self._speed_m_s
        self._guided_to = Leg(end_en=en_from_lonlat(self.frame, lonlat), end_alt_m=alt_home_m, cruise_m_s=cruise)
        return None

    def set_current(self, seq: int) -> bool:
        """Flies on from item `seq`; false when there is none."""
        if not 0 <= seq < len(self.mission):
            return False
        self._go_to_item(max(seq, 1)) if self.started else setattr(self, "current", seq)
        return True

    def do(self, item: MissionItem) -> None:
        """Carries out a command that needs no way: speed, camera, gimbal."""
        match item.command:
            case 178 if item.params[1] > 0:
                self._speed_m_s = item.params[1]
            case 206:
                at_once = item.params[2] == 1.0
                self.camera.trigger(item.params[0], at_once=at_once, frame=self.frame, now_s=self.time_s)
            case 1000 | 205:
                self.camera.point(item.params[0])
            case 195:
                self.camera.look_at(self._route.place_en(item), self._route.alt_home_m(item))

    def break_off(self, why: str, mode: Mode = Mode.RTL) -> None:
        """A fail-safe: says why, and returns or lands."""
        self.on_text(why)
        is_on_way_down = self.mode is Mode.LAND or (self.mode is Mode.RTL and mode is not Mode.LAND)
        if self.armed and self.in_air and not is_on_way_down:
            self.set_mode(mode)

    # Time

    def step(self, dt_s: float) -> None:
        """Moves everything on by `dt_s`."""
        if self.armed:
            self.battery = max(0.0, self.battery - dt_s / self.setup.endurance_s)
            self._fly(dt_s)
            if self.in_air:
                self.body.drift.step(dt_s)
            self._watch()
        self.time_s += dt_s

    def lonlat(self) -> tuple[float, float]:
        """Where it is: degrees."""
        point = self.frame.lonlat_from_en(np.array([self.body.place_en]))[0]
        return float(point[0]), float(point[1])

    def _watch(self) -> None:
        self._battery_guard.check(
            self.battery,
            lambda: self.break_off("Battery low: returning"),
            lambda: self.break_off("Battery empty: landing", Mode.LAND),
        )
        if self.fence.crosses_now(self.body.place_en, self.body.alt_m, self.time_s):
            self.on_fence()
            self._break_off_at_fence()

    def _break_off_at_fence(self) -> None:
        what = "Max Alt" if self.fence.breach_type == Breach.HEIGHT else "Boundary"
        text, mode = f"{what} fence breached", self.fence.mode_after_breach
        if mode is None:
            self.on_text(text)
        else:
            self.break_off(f"{text}: {mode.name}", mode)

    def _fly(self, dt_s: float) -> None:
        match self.mode:
            case Mode.AUTO if self.started and self.paused:
                self._brake(dt_s)
            case Mode.AUTO if self.started:
                self._fly_mission(dt_s)
            case Mode.RTL:
                self._return(dt_s)
            case Mode.LAND:
                self._land(dt_s)
            case _ if self._guided_to is not None:
                self.body.fly(self._guided_to, dt_s)
            case _:
                self.body.brake(dt_s)

    def _brake(self, dt_s: float) -> None:
        before_m = self.body.travelled_m
        self.body.brake(dt_s)
        self.camera.flown(before_m, self.frame, self.time_s, dt_s)

    def _fly_mission(self, dt_s: float) -> None:
        if self.current >= len(self.mission):
            self.body.brake(dt_s)
            if not self.in_air:
                self._ends()
            return
        if self._hold_left_s > 0:
            self._hold_left_s -= dt_s
            self.body.brake(dt_s)
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
            case 20 if self._is_px4:
                # It takes this item for an order to change the mode, and the mission has ended with that.
                self.on_reached(self.current)
                self.set_mode(Mode.RTL)
            case 20:
                self._return(dt_s)
            case 21:
                self._land(dt_s)

    def _fly_to(self, item: MissionItem, dt_s: float) -> None:
        """Flies to a waypoint; at a sharp corner it turns to the next leg before its first picture."""
        before_m = self.body.travelled_m
        if not self._arrived:
            leg = self._route.leg(self.current, self.body, self._speed_m_s, self.setup.kinematics)
            self._arrived = self.body.fly(leg, dt_s)
            self.camera.flown(before_m, self.frame, self.time_s, dt_s)
            if not self._arrived:
                return
        if self.body.speed_m_s < 0.5 and not self._aligned(dt_s):
            return
        self._hold_left_s = item.params[0] if math.isfinite(item.params[0]) else 0.0
        if self._hold_left_s <= 0:
            self._finish_item()

    def _aligned(self, dt_s: float) -> bool:
        """Turns to the course of the next leg; true once it looks there, or when no leg follows."""
        course = self._route.course_after(self.current)
        return course is None or self.body.turn_to(course, dt_s)

    def _finish_item(self) -> None:
        self.on_reached(self.current)
        self._go_to_item(self.current + 1)

    def _go_to_item(self, seq: int) -> None:
        """Makes `seq` current; commands without a way are done at once, up to the next one that moves."""
        self._hold_left_s = 0.0
        self._arrived = False
        for number in itertools.count(seq):
            self.current = number
            if number >= len(self.mission) or self.mission[number].command in NAVIGATION:
                self.homecoming.begin_anew()
                return
            self.do(self.mission[number])
            self.on_reached(number)

    def _return(self, dt_s: float) -> None:
        """Flies to the nearest of home and the rally points, and lands there."""
        self.camera.stop()
        rally: list[Point] = [en_from_lonlat(self.frame, (point.lon, point.lat)) for point in self.rally]
        if self.homecoming.fly([(0.0, 0.0), *rally], self._speed_m_s, dt_s):
            self._landed()

    def _land(self, dt_s: float) -> None:
        if self.homecoming.land(dt_s):
            self._landed()

    def _landed(self) -> None:
        if self.mode is Mode.AUTO and self.current < len(self.mission):
            self.on_reached(self.current)
        self._ends()

    def _ends(self) -> None:
        self.armed = self.started = self.paused = False
        self._guided_to = None
        self.homecoming.begin_anew()
        self.camera.stop()
        self.body.stand_still()
        self.on_text("Disarmed")
