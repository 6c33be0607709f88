"""Where the simulated drone is, and how it moves: straight legs, limited in acceleration, climb and turning rate.

It steers along the wanted line; its `drift` tells how far beside it the wind and its own momentum hold it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from flightplan.mission.kinematics import Kinematics, turn_deg
from flightplan.vehicle.drift import Drift
from flightplan.vehicle.wind import Wind, ground_speed_limit_m_s

Point = tuple[float, float]
_ALIGNED_DEG = 0.5
_CRAWL_M_S = 0.3
_GRAVITY_M_S2 = 9.80665


@dataclass(frozen=True, kw_only=True)
class Leg:
    """A straight way to a place.

    Attributes:
        end_en: Metres east, north of home.
        end_alt_m: Height above home.
        cruise_m_s: Speed wished for.
        leave_m_s: Speed at the end; zero stops there.
    """

    end_en: Point
    end_alt_m: float
    cruise_m_s: float
    leave_m_s: float = 0.0


@dataclass
class Body:
    """The drone's state; metres east, north and up from home, degrees, seconds."""

    kinematics: Kinematics = field(default_factory=Kinematics)
    wind: Wind = field(default_factory=Wind)
    max_airspeed_m_s: float = 23.0
    east_m: float = 0.0
    north_m: float = 0.0
    alt_m: float = 0.0
    heading_deg: float = 0.0
    speed_m_s: float = 0.0
    climb_m_s: float = 0.0
    course_deg: float = 0.0
    pitch_deg: float = 0.0
    yaw_rate_deg_s: float = 0.0
    travelled_m: float = 0.0

    def __post_init__(self) -> None:
        self.drift = Drift(
            wind=self.wind,
            acceleration_m_s2=self.kinematics.acceleration_m_s2,
            max_airspeed_m_s=self.max_airspeed_m_s,
        )

    @property
    def place_en(self) -> Point:
        """Where the drone is, metres east and north of home."""
        return self.east_m + self.drift.east_m, self.north_m + self.drift.north_m

    @property
    def velocity_en_m_s(self) -> Point:
        """Over ground, metres per second east and north."""
        course = math.radians(self.course_deg)
        east = self.speed_m_s * math.sin(course) + self.drift.east_m_s
        north = self.speed_m_s * math.cos(course) + self.drift.north_m_s
        return east, north

    def distance_to(self, point: Point) -> float:
        """Horizontal metres from the wanted line to a place."""
        return math.hypot(point[0] - self.east_m, point[1] - self.north_m)

    def climb(self, target_m: float, dt_s: float) -> bool:
        """Climbs or sinks for `dt_s`; true when `target_m` is reached."""
        rise = min(max(target_m - self.alt_m, -self.kinematics.sink_m_s * dt_s), self.kinematics.climb_m_s * dt_s)
        self.alt_m += rise
        self.climb_m_s = rise / dt_s
        if abs(target_m - self.alt_m) > 1e-6:
            return False
        self.alt_m = target_m
        return True

    def fly(self, leg: Leg, dt_s: float) -> bool:
        """Flies along the leg for `dt_s`; true when its end is reached.

        A corner sharper than the kinematics' limit is turned on the spot before moving off.
        """
        left_m = self.distance_to(leg.end_en)
        if left_m > 0.05:
            course = math.degrees(math.atan2(leg.end_en[0] - self.east_m, leg.end_en[1] - self.north_m)) % 360
            if self.speed_m_s > 0.1 and abs(turn_deg(self.course_deg, course)) > self.kinematics.stop_turn_deg:
                self.brake(dt_s)
                return False
            self.drift.turned(self.speed_m_s, self.course_deg, course)
            self.course_deg = course
        off_deg = abs(turn_deg(self.heading_deg, self.course_deg))
        self._turn(self.course_deg, dt_s)
        if left_m > 0.05 and self.speed_m_s < 0.1 and off_deg > self.kinematics.stop_turn_deg:
            self._set_speed(0.0, dt_s)
            self.climb_m_s = 0.0
            return False
        return self._advance(leg, left_m, dt_s)

    def turn_to(self, course_deg: float, dt_s: float) -> bool:
        """Turns on the spot for `dt_s`; true when the nose points there."""
        self.course_deg = course_deg
        self._set_speed(0.0, dt_s)
        self.climb_m_s = 0.0
        self._turn(course_deg, dt_s)
        return abs(turn_deg(self.heading_deg, course_deg)) < _ALIGNED_DEG

    def brake(self, dt_s: float) -> bool:
        """Slows down along its course for `dt_s`; true when it stands still."""
        slower = max(self.speed_m_s - self.kinematics.acceleration_m_s2 * dt_s, 0.0)
        moved_m = (self.speed_m_s + slower) / 2 * dt_s
        course = math.radians(self.course_deg)
        self.east_m += moved_m * math.sin(course)
        self.north_m += moved_m * math.cos(course)
        self.travelled_m += moved_m
        self._set_speed(slower, dt_s)
        self.climb_m_s = self.yaw_rate_deg_s = 0.0
        return self.speed_m_s == 0.0

    def stand_still(self) -> None:
        """Marks the drone as lying on the ground."""
        self.speed_m_s = self.climb_m_s = self.yaw_rate_deg_s = self.pitch_deg = 0.0

    def _advance(self, leg: Leg, left_m: float, dt_s: float) -> bool:
        a = self.kinematics.acceleration_m_s2
        fastest = ground_speed_limit_m_s(self.course_deg, self.wind.mean_en_m_s, self.max_airspeed_m_s)
        step_m = self.speed_m_s * dt_s
        braking_m = max(left_m - step_m, 0.0)
        allowed = min(leg.cruise_m_s, fastest, math.sqrt(leg.leave_m_s**2 + 2 * a * braking_m))
        speed = min(max(allowed, self.speed_m_s - a * dt_s), self.speed_m_s + a * dt_s)
        speed = max(speed, min(_CRAWL_M_S, fastest, self.speed_m_s + a * dt_s, left_m / dt_s))
        moved_m = min((self.speed_m_s + speed) / 2 * dt_s, left_m)
        self._set_speed(speed, dt_s)
        arrived = left_m - moved_m < 0.02
        target_m = leg.end_alt_m
        if left_m > 1e-9:
            share = moved_m / left_m
            self.east_m += (leg.end_en[0] - self.east_m) * share
            self.north_m += (leg.end_en[1] - self.north_m) * share
            self.travelled_m += moved_m
            if not arrived:
                seconds_left = max(left_m / max(speed, 0.1), dt_s)
                target_m = self.alt_m + (leg.end_alt_m - self.alt_m) * dt_s / seconds_left
        is_high_enough = self.climb(target_m, dt_s)
        if not arrived:
            return False
        self.travelled_m += left_m - moved_m
        self.east_m, self.north_m = leg.end_en
        if not is_high_enough:
            # It waits here for its height; what speed it still has carries it past and back.
            self.drift.carried(self.speed_m_s, self.course_deg)
            self._set_speed(0.0, dt_s)
        return is_high_enough

    def _set_speed(self, speed_m_s: float, dt_s: float) -> None:
        """The nose goes down to speed up and up to brake."""
        acceleration = (speed_m_s - self.speed_m_s) / dt_s
        wanted = -math.degrees(math.atan2(acceleration, _GRAVITY_M_S2))
        self.pitch_deg += (wanted - self.pitch_deg) * min(1.0, dt_s / 0.3)
        self.speed_m_s = speed_m_s

    def _turn(self, course_deg: float, dt_s: float) -> None:
        off = turn_deg(self.heading_deg, course_deg)
        most = self.kinematics.yaw_rate_deg_s * dt_s
        step = min(max(off, -most), most)
        self.heading_deg = (self.heading_deg + step) % 360
        self.yaw_rate_deg_s = step / dt_s if abs(step) > _ALIGNED_DEG * dt_s else 0.0
