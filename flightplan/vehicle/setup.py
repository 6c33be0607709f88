"""What a simulated vehicle is: whose dialect it speaks, what it can do, and when it turns back by itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from flightplan.link.mavlink import Autopilot as Dialect
from flightplan.mission.kinematics import Kinematics
from flightplan.vehicle.wind import Wind


@dataclass(frozen=True, kw_only=True)
class VehicleSetup:
    """The properties of a simulated vehicle.

    Attributes:
        dialect: ArduPilot or PX4.
        kinematics: Its limits of motion.
        max_airspeed_m_s: Greatest speed through the air; over ground the wind comes on top.
        endurance_s: Flight time of a full battery.
        low_battery: Share of the battery at which it returns.
        empty_battery: Share at which it lands where it is.
        station_timeout_s: Real seconds without a ground station's heartbeat after which it returns; None never does.
        wind: What blows.
        max_height_m: Of the fence, above home; None for no limit.
        max_distance_m: Of the fence, from home; None for no limit.
        most_items: Mission items that it stores.
    """

    dialect: Dialect = Dialect.ARDUPILOT
    kinematics: Kinematics = field(default_factory=Kinematics)
    max_airspeed_m_s: float = 23.0
    endurance_s: float = 3_600.0
    low_battery: float = 0.2
    empty_battery: float = 0.05
    station_timeout_s: float | None = None
    wind: Wind = field(default_factory=Wind)
    max_height_m: float | None = None
    max_distance_m: float | None = None
    most_items: int = 700

    def __post_init__(self) -> None:
        for name in ("max_airspeed_m_s", "endurance_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be finite and positive, not {value!r}")
        for name in ("max_height_m", "max_distance_m"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be finite and positive, or None for no limit, not {value!r}")
        if not 0 <= self.empty_battery <= self.low_battery < 1:
            raise ValueError("the battery's shares must be 0 <= empty <= low < 1")
        if self.station_timeout_s is not None and not self.station_timeout_s > 0:
            raise ValueError("station_timeout_s must be positive, or None for never")
