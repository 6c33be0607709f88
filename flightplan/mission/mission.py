"""A mission: what one drone does from take-off to landing. It is valid, or it does not exist."""

from __future__ import annotations

from dataclasses import dataclass, field

from flightplan.airspace.clearance import Clearance
from flightplan.errors import InvalidMission
from flightplan.ground.obstacles import Obstacle
from flightplan.ground.terrain import Terrain
from flightplan.mission.fence import Fence, RallyPoint
from flightplan.mission.figures import MissionFigures, mission_figures
from flightplan.mission.items import (
    AltitudeReference,
    Home,
    Item,
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
from flightplan.mission.kinematics import Kinematics
from flightplan.mission.limits import FlightLimits
from flightplan.rules.mission_rules import violations

__all__ = [
    "AltitudeReference",
    "Home",
    "Item",
    "LandHere",
    "LookAt",
    "Mission",
    "MissionFigures",
    "PhotosByDistance",
    "PhotosOff",
    "PointCamera",
    "ReturnHome",
    "SetSpeed",
    "TakeOff",
    "Waypoint",
]


@dataclass(frozen=True, kw_only=True)
class Mission:
    """What one drone does from take-off to landing, checked against `limits` on creation.

    Attributes:
        name: What people call it.
        home: Where it takes off.
        items: What it does, in order.
        limits: What it is held to.
        fence: What the vehicle guards by itself; the path keeps `limits.fence_margin_m` from it.
        rally: Places to land at in need, nearer than home.
        clearance: When it may take off, and with which approvals; None where nobody has looked.
        obstacles: What stands near the path; it keeps `limits.obstacle_margin_m` from them.
        terrain: The ground; without it, the ground is taken to be everywhere as high as at home.
        least_return_m: Metres above home for flying home that were found while the ground was known; None where
            nobody looked.

    Raises:
        InvalidMission: With every violation found.
    """

    name: str
    home: Home
    items: tuple[Item, ...]
    limits: FlightLimits = field(default_factory=FlightLimits)
    fence: Fence | None = None
    rally: tuple[RallyPoint, ...] = ()
    clearance: Clearance | None = None
    obstacles: tuple[Obstacle, ...] = ()
    terrain: Terrain | None = field(default=None, compare=False, repr=False)
    least_return_m: float | None = field(default=None, compare=False)

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
        return mission_figures(self, kinematics or Kinematics())
