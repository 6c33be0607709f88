"""What the air is divided into: no-fly and controlled zones, and the approvals that were given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from shapely.geometry.base import BaseGeometry

from flightplan.times import Stretch, Times

ZoneKind = Literal["no_fly", "controlled"]
HeightReference = Literal["agl", "msl"]


@dataclass(frozen=True, kw_only=True, eq=False)
class AirZone:
    """A part of the air in which a rule holds.

    Attributes:
        kind: `no_fly` forbids; `controlled` asks for an approval.
        name: What people call it.
        ground: Where, degrees, longitude before latitude.
        floor_m: From this height on.
        ceiling_m: Up to this height.
        heights_above: Of floor and ceiling: the ground (`agl`) or mean sea level (`msl`).
        times: When; None for always.
    """

    kind: ZoneKind
    name: str
    ground: BaseGeometry
    floor_m: float = 0.0
    ceiling_m: float = math.inf
    heights_above: HeightReference = "agl"
    times: Times | None = None

    def __post_init__(self) -> None:
        if not self.floor_m < self.ceiling_m:
            raise ValueError("floor_m must be less than ceiling_m")

    def in_force(self, begins_at: datetime, ends_at: datetime, time_zone: ZoneInfo) -> list[Stretch]:
        """When it holds between these times (aware), the stretches at the edges whole."""
        if self.times is None:
            return [(begins_at, ends_at)]
        return self.times.within(begins_at, ends_at, time_zone)


@dataclass(frozen=True, kw_only=True, eq=False)
class Approval:
    """What the authority has allowed.

    Attributes:
        id: Its number, to be told before take-off.
        ground: Where, degrees.
        begins_at: From when on (aware).
        ends_at: Until when.
        ceiling_m: Up to this height above ground.
    """

    id: str
    ground: BaseGeometry
    begins_at: datetime
    ends_at: datetime
    ceiling_m: float

    def __post_init__(self) -> None:
        if not self.id.strip():
            raise ValueError("id must not be empty")
        if self.begins_at.utcoffset() is None or self.ends_at.utcoffset() is None:
            raise ValueError("from and until must say their time zone")
        if self.ends_at <= self.begins_at:
            raise ValueError("until must be later than from")
        if not (math.isfinite(self.ceiling_m) and self.ceiling_m > 0):
            raise ValueError("ceiling_m must be finite and above 0")

    def holds(self, begins_at: datetime, ends_at: datetime) -> bool:
        """Whether it holds all the time between these."""
        return self.begins_at <= begins_at and ends_at <= self.ends_at


@dataclass(frozen=True, kw_only=True)
class Airspace:
    """All that is known of the air over a city.

    Attributes:
        zones: In any order; they may overlap.
        approvals: Those given.
        time_zone: By whose clocks the zones' hours go.
    """

    zones: Sequence[AirZone] = ()
    approvals: Sequence[Approval] = ()
    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
