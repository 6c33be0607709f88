"""What a city flies with: drones, the docks they stand in, and the hours in which they may fly."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from flightplan.errors import CannotPlan
from flightplan.ground.area import lonlat_problem
from flightplan.mission.kinematics import Kinematics
from flightplan.mission.wind import Wind
from flightplan.times import Hours, Stretch, Times, joined, stretch_of

_MOST_DRONES = 100
_LONGEST_NAME = 60
_NO_NAME = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]|^[.\s]|[.\s]$')


@dataclass(frozen=True, kw_only=True)
class DroneModel:
    """A kind of drone, with all that decides how much it gets done in a day.

    Attributes:
        name: What the fleet file calls it.
        camera: Name in the camera table.
        speed_m_s: Ground speed on rows and on the way, where the camera keeps up.
        endurance_s: Rated time in the air.
        reserve: Share of it that a flight must leave, 0 to below 1.
        charge_s: Time in the dock until it may fly again.
        swap_s: More time in the dock: opening, checks, a battery changed.
        max_range_m: Farthest from its dock.
        wind_limit_m_s: Wind in which it stays in the dock.
        kinematics: Its limits of motion.
    """

    name: str
    camera: str = "generic-84dfov"
    speed_m_s: float = 15.0
    endurance_s: float = 2_280.0
    reserve: float = 0.25
    charge_s: float = 1_800.0
    swap_s: float = 120.0
    max_range_m: float = 10_000.0
    wind_limit_m_s: float = 12.0
    kinematics: Kinematics = field(default_factory=Kinematics)

    def __post_init__(self) -> None:
        for name in ("speed_m_s", "endurance_s", "max_range_m", "wind_limit_m_s"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{name} must be finite and above 0")
        for name in ("charge_s", "swap_s"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ValueError(f"{name} must be finite and not negative")
        if not 0 <= self.reserve < 1:
            raise ValueError("reserve must be a share from 0 to below 1")

    @property
    def usable_s(self) -> float:
        """Longest flight, the reserve taken off."""
        return self.endurance_s * (1 - self.reserve)

    def in_wind(self, wind: Wind) -> DroneModel:
        """The same drone while that wind blows."""
        return replace(self, kinematics=replace(self.kinematics, wind=wind, max_wind_m_s=self.wind_limit_m_s))

    @property
    def turnaround_s(self) -> float:
        """Time in the dock between two flights."""
        return self.charge_s + self.swap_s


@dataclass(frozen=True, kw_only=True)
class Dock:
    """Where drones take off and land.

    Attributes:
        name: Its own in the fleet.
        lon: Degrees east, WGS 84.
        lat: Degrees north.
        drone: The kind of drone that stands in it.
        alt_msl_m: Ground height above mean sea level; None for what the terrain says, and 0 without terrain.
        drones: How many stand in it, each flying by itself.
    """

    name: str
    lon: float
    lat: float
    drone: DroneModel
    alt_msl_m: float | None = None
    drones: int = 1

    def __post_init__(self) -> None:
        problem = lonlat_problem(self.lon, self.lat)
        if problem is not None:
            raise ValueError(f"lon, lat: {problem[0]}")
        if self.alt_msl_m is not None and not math.isfinite(self.alt_msl_m):
            raise ValueError("alt_msl_m must be finite")
        if not 1 <= self.drones <= _MOST_DRONES:
            raise ValueError(f"drones must be at least 1 and at most {_MOST_DRONES}")
        # Names become names of files and folders.
        if not self.name.strip() or len(self.name.encode()) > _LONGEST_NAME or _NO_NAME.search(self.name):
            raise ValueError(
                f"name: {self.name[:40]!r} cannot be the name of a folder, or is too long; use letters and digits"
            )


@dataclass(frozen=True, kw_only=True)
class Curfew(Times):
    """When nobody flies: hours of some weekdays, every day, or one stretch of days; `why` in words, for people."""

    why: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.is_always:
            raise ValueError("a curfew needs hours, weekdays or days: without any nobody ever flies")


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """All docks of a city, and when they may fly.

    Attributes:
        docks: At least one; names are their own.
        hours: When flights may take place, each day; empty for round the clock.
        curfews: When they may not, all the same.
        time_zone: The city's.
        source: The file it came from, for messages.
    """

    docks: tuple[Dock, ...]
    hours: tuple[Hours, ...] = ()
    curfews: tuple[Curfew, ...] = ()
    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
    source: str = ""

    def __post_init__(self) -> None:
        if not self.docks:
            raise ValueError("docks: a fleet needs at least one dock")
        # Drones of one dock are told apart by a number after its name.
        names = Counter(
            f"{dock.name}-{number}".casefold() if dock.drones > 1 else dock.name.casefold()
            for dock in self.docks
            for number in range(1, dock.drones + 1)
        )
        names.update({dock.name.casefold() for dock in self.docks if dock.drones > 1})
        twice, count = names.most_common(1)[0]
        if count > 1:
            raise ValueError(f"docks: the name {twice!r} is given twice")

    def in_wind(self, wind: Wind) -> tuple[Fleet, tuple[str, ...]]:
        """The fleet on a day with that wind, and the docks whose drones may not fly in it.

        Raises:
            CannotPlan: None may.
        """
        flying = tuple(dock for dock in self.docks if wind.speed_m_s <= dock.drone.wind_limit_m_s)
        if not flying:
            raise CannotPlan(
                problem=f"a wind of {wind.speed_m_s:g} m/s is more than any drone of the fleet may fly in",
                remedy="Wait for less wind",
            )
        docks = tuple(replace(dock, drone=dock.drone.in_wind(wind)) for dock in flying)
        return replace(self, docks=docks), tuple(dock.name for dock in self.docks if dock not in flying)

    def open_windows(self, day: date) -> list[tuple[datetime, datetime]]:
        """When flights may take place that begin on `day`: times in UTC, in order, not touching one another.

        A window that passes midnight belongs to the day on which it begins.
        """
        opened = [stretch_of(day, one, self.time_zone) for one in self.hours or (None,)]
        around = [day + timedelta(days=number) for number in (-1, 0, 1)]
        closed = [one for curfew in self.curfews for one in curfew.stretches(around, self.time_zone)]
        return _without(joined(opened), closed)


def _without(opened: list[Stretch], closed: Sequence[Stretch]) -> list[Stretch]:
    for shut, free in closed:
        opened = [
            (low, high)
            for begins, ends in opened
            for low, high in ((begins, min(ends, shut)), (max(begins, free), ends))
            if low < high
        ]
    return opened
