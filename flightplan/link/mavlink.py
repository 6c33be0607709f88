"""MAVLink mission items: the only place where latitude comes first and where degrees become 1e7 integers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from flightplan.ground.terrain import Terrain
from flightplan.mission.limits import FlightLimits
from flightplan.mission.mission import (
    AltitudeReference,
    Home,
    Item,
    LandHere,
    LookAt,
    Mission,
    PhotosByDistance,
    PhotosOff,
    PointCamera,
    ReturnHome,
    SetSpeed,
    TakeOff,
    Waypoint,
)

NAV_WAYPOINT, NAV_RETURN_TO_LAUNCH, NAV_LAND, NAV_TAKEOFF = 16, 20, 21, 22
FENCE_INSIDE, FENCE_OUTSIDE, FENCE_CIRCLE_INSIDE, FENCE_CIRCLE_OUTSIDE, NAV_RALLY_POINT = 5001, 5002, 5003, 5004, 5100
DO_CHANGE_SPEED, DO_SET_ROI_LOCATION, DO_MOUNT_CONTROL = 178, 195, 205
DO_SET_CAM_TRIGG_DIST, DO_GIMBAL_MANAGER_PITCHYAW = 206, 1000
FRAME_GLOBAL, FRAME_MISSION, FRAME_RELATIVE, FRAME_TERRAIN = 5, 2, 6, 11
_FENCED = (FENCE_INSIDE, FENCE_OUTSIDE, FENCE_CIRCLE_INSIDE, FENCE_CIRCLE_OUTSIDE)
_PLACED = (NAV_WAYPOINT, NAV_LAND, NAV_TAKEOFF, DO_SET_ROI_LOCATION, *_FENCED, NAV_RALLY_POINT)
_MOUNT_MODE_ANGLES = 2
_GROUND_SPEED = 1

# The frames of files and of older messages mean the same as their "INT" twins.
_PLAIN_FRAME = {0: 0, 5: 0, 3: 3, 6: 3, 10: 10, 11: 10}
_REFERENCE_OF_FRAME: dict[int, AltitudeReference] = {0: "msl", 3: "home", 10: "terrain"}
_FRAME_OF_REFERENCE = {"msl": FRAME_GLOBAL, "home": FRAME_RELATIVE, "terrain": FRAME_TERRAIN}

# Parameters that a vehicle must give back, with the tolerance of its storage: command -> ((index, tolerance), …).
_COMPARED_PARAMETERS: dict[int, tuple[tuple[int, float], ...]] = {
    NAV_WAYPOINT: ((0, 1.0),),
    DO_CHANGE_SPEED: ((1, 0.02),),
    DO_SET_CAM_TRIGG_DIST: ((0, 0.02), (2, 0.5)),
    DO_GIMBAL_MANAGER_PITCHYAW: ((0, 1.0),),
}


class Autopilot(Enum):
    """Whose dialect of the mission protocol is spoken; the values are MAV_AUTOPILOT."""

    ARDUPILOT = 3
    PX4 = 12

    @property
    def home_is_item_0(self) -> bool:
        """Whether item 0 of a mission is home, and the flight begins with item 1."""
        return self is Autopilot.ARDUPILOT

    @property
    def unset(self) -> float:
        """What stands in a parameter that is left to the vehicle: ArduPilot refuses NaN, PX4 wants it."""
        return 0.0 if self is Autopilot.ARDUPILOT else math.nan


@dataclass(frozen=True, kw_only=True)
class MissionItem:
    """One MISSION_ITEM_INT, as on the wire; `seq` counts from 0.

    Attributes:
        seq: Place in the list.
        frame: MAV_FRAME.
        command: MAV_CMD.
        params: Parameters 1 to 4.
        x: Latitude in 1e-7 degrees, for commands with a place; else parameter 5.
        y: Longitude in 1e-7 degrees, for commands with a place; else parameter 6.
        z: Height in metres, or parameter 7.
    """

    seq: int
    frame: int
    command: int
    params: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    x: int = 0
    y: int = 0
    z: float = 0.0

    @property
    def has_place(self) -> bool:
        """Whether x, y and z are a place."""
        return self.command in _PLACED

    def file_params(self) -> tuple[float, ...]:
        """The seven parameters as mission files write them: 1 to 4, latitude, longitude (degrees), height."""
        x, y = (degrees(self.x), degrees(self.y)) if self.has_place else (float(self.x), float(self.y))
        return (*self.params, x, y, self.z)

    @classmethod
    def from_file_params(cls, *, seq: int, frame: int, command: int, params: Sequence[float]) -> MissionItem:
        """An item from a mission file's seven parameters.

        Raises:
            ValueError: There are not seven, or a place is not finite or out of range.
        """
        if len(params) != 7:
            raise ValueError(f"{len(params)} parameters instead of 7")
        first, second, third, fourth, fifth, sixth, seventh = params
        placed = command in _PLACED
        if placed and not all(math.isfinite(value) for value in (fifth, sixth, seventh)):
            raise ValueError("the place is not finite")
        if placed and not (abs(fifth) <= 90 and abs(sixth) <= 180):
            raise ValueError(
                f"latitude {fifth:g}, longitude {sixth:g} is out of range; in mission files latitude comes first"
            )
        return cls(
            seq=seq,
            frame=frame,
            command=command,
            params=(first, second, third, fourth),
            x=e7(fifth) if placed else _whole(fifth),
            y=e7(sixth) if placed else _whole(sixth),
            z=0.0 if math.isnan(seventh) else seventh,
        )


class UnknownItem(ValueError):
    """A mission item that this program does not fly: its `seq` and `command`, and why."""

    def __init__(self, *, seq: int, command: int, why: str) -> None:
        self.seq = seq
        self.command = command
        super().__init__(f"item {seq} (MAV_CMD {command}): {why}")


def e7(angle_deg: float) -> int:
    """Degrees as 1e-7 integers; rounded, because cutting off is one too low for 6 % of values."""
    return round(angle_deg * 1e7)


def degrees(angle_e7: int) -> float:
    """The inverse of `e7`."""
    return angle_e7 / 1e7


def lonlat_from_xy(x: int, y: int) -> tuple[float, float]:
    """Degrees (longitude, latitude) from MAVLink's (latitude, longitude) in 1e-7 degrees."""
    return degrees(y), degrees(x)


def xy_from_lonlat(lon: float, lat: float) -> tuple[int, int]:
    """MAVLink's (latitude, longitude) in 1e-7 degrees from degrees."""
    return e7(lat), e7(lon)


def plain_frame(frame: int) -> int:
    """The older name of a frame: 0 above sea level, 3 above home, 10 above terrain; others as they are."""
    return _PLAIN_FRAME.get(frame, frame)


def items_from_mission(mission: Mission, autopilot: Autopilot = Autopilot.ARDUPILOT) -> tuple[MissionItem, ...]:
    """The mission in wire form; on ArduPilot item 0 is home."""
    items: list[MissionItem] = []
    if autopilot.home_is_item_0:
        items.append(home_item(mission.home))
    for item in mission.items:
        items.append(_encoded(len(items), item, mission.home, autopilot))
    return tuple(items)


def home_item(home: Home) -> MissionItem:
    """Item 0 of ArduPilot and of `.waypoints` files."""
    x, y = xy_from_lonlat(home.lon, home.lat)
    return MissionItem(seq=0, frame=FRAME_GLOBAL, command=NAV_WAYPOINT, x=x, y=y, z=home.alt_msl_m)


def home_from_item(item: MissionItem) -> Home:
    """Home from item 0."""
    lon, lat = lonlat_from_xy(item.x, item.y)
    return Home(lon=lon, lat=lat, alt_msl_m=item.z)


def mission_from_items(
    *,
    name: str,
    home: Home,
    items: Sequence[MissionItem],
    limits: FlightLimits | None = None,
    terrain: Terrain | None = None,
) -> Mission:
    """The mission that wire items mean, home's item left out.

    Raises:
        UnknownItem: An item has a command or a frame that is not flown here.
        InvalidMission: The mission breaks its limits.
    """
    return Mission(
        name=name,
        home=home,
        items=tuple(_decoded(item) for item in items),
        limits=limits or FlightLimits(),
        terrain=terrain,
    )


def differences(
    sent: Sequence[MissionItem], held: Sequence[MissionItem], autopilot: Autopilot = Autopilot.ARDUPILOT
) -> tuple[str, ...]:
    """What makes the vehicle's mission another one, one line per field; empty when it is the same.

    Not byte by byte: ArduPilot keeps its own home in item 0, gives frame 0 to items without a place,
    and stores some figures more coarsely.
    """
    if len(sent) != len(held):
        return (f"it holds {len(held)} items instead of {len(sent)}",)
    first = 1 if autopilot.home_is_item_0 else 0
    return tuple(
        line for one, other in zip(sent[first:], held[first:], strict=True) for line in _item_differences(one, other)
    )


def _item_differences(sent: MissionItem, held: MissionItem) -> Iterator[str]:
    where = f"item {sent.seq}"
    if sent.command != held.command:
        yield f"{where}: command {held.command} instead of {sent.command}"
        return
    for index, tolerance in _COMPARED_PARAMETERS.get(sent.command, ()):
        if not abs(sent.params[index] - held.params[index]) <= tolerance:
            yield f"{where}: parameter {index + 1} is {held.params[index]:g} instead of {sent.params[index]:g}"
    if not sent.has_place:
        return
    if _PLAIN_FRAME.get(sent.frame) != _PLAIN_FRAME.get(held.frame):
        yield f"{where}: frame {held.frame} instead of {sent.frame}"
    if sent.command != NAV_TAKEOFF and (abs(sent.x - held.x) > 1 or abs(sent.y - held.y) > 1):
        yield f"{where}: latitude, longitude {held.x}, {held.y} instead of {sent.x}, {sent.y} (1e-7 degrees)"
    if not abs(sent.z - held.z) <= 0.02:
        yield f"{where}: height {held.z:.2f} m instead of {sent.z:.2f} m"


def _encoded(seq: int, item: Item, home: Home, autopilot: Autopilot) -> MissionItem:
    unset = autopilot.unset
    match item:
        case TakeOff(alt_home_m=height):
            x, y = xy_from_lonlat(home.lon, home.lat)
            params = (0.0, 0.0, 0.0, unset)
            return MissionItem(seq=seq, frame=FRAME_RELATIVE, command=NAV_TAKEOFF, params=params, x=x, y=y, z=height)
        case Waypoint():
            x, y = xy_from_lonlat(item.lon, item.lat)
            frame = _FRAME_OF_REFERENCE[item.alt_reference]
            params = (item.hold_s, 0.0, 0.0, unset)
            return MissionItem(seq=seq, frame=frame, command=NAV_WAYPOINT, params=params, x=x, y=y, z=item.alt_m)
        case SetSpeed(speed_m_s=speed):
            return _command(seq, DO_CHANGE_SPEED, (_GROUND_SPEED, speed, -1.0, 0.0))
        case PointCamera(pitch_deg=pitch):
            return _command(seq, DO_GIMBAL_MANAGER_PITCHYAW, (pitch, 0.0, unset, unset))
        case LookAt():
            x, y = xy_from_lonlat(item.lon, item.lat)
            return MissionItem(seq=seq, frame=FRAME_RELATIVE, command=DO_SET_ROI_LOCATION, x=x, y=y, z=item.alt_home_m)
        case PhotosByDistance(distance_m=distance, at_once=at_once):
            return _command(seq, DO_SET_CAM_TRIGG_DIST, (distance, 0.0, float(at_once), 0.0))
        case PhotosOff():
            return _command(seq, DO_SET_CAM_TRIGG_DIST, (0.0, 0.0, 0.0, 0.0))
        case ReturnHome():
            return _command(seq, NAV_RETURN_TO_LAUNCH, (0.0, 0.0, 0.0, 0.0))
        case LandHere():
            return MissionItem(seq=seq, frame=FRAME_RELATIVE, command=NAV_LAND, params=(0.0, 0.0, 0.0, unset))


def _command(seq: int, command: int, params: tuple[float, float, float, float]) -> MissionItem:
    return MissionItem(seq=seq, frame=FRAME_MISSION, command=command, params=params)


def _decoded(item: MissionItem) -> Item:
    first, second, third, _ = item.params
    match item.command:
        case 22:
            _require_frame(item, 3)
            return TakeOff(alt_home_m=item.z)
        case 16:
            plain = _PLAIN_FRAME.get(item.frame)
            if plain is None:
                raise UnknownItem(seq=item.seq, command=item.command, why=f"altitude frame {item.frame} is not known")
            lon, lat = lonlat_from_xy(item.x, item.y)
            hold_s = 0.0 if math.isnan(first) else first
            reference = _REFERENCE_OF_FRAME[plain]
            return Waypoint(lon=lon, lat=lat, alt_m=item.z, alt_reference=reference, hold_s=hold_s)
        case 20:
            return ReturnHome()
        case 21:
            return LandHere()
        case 178:
            return SetSpeed(speed_m_s=second)
        case 195:
            _require_frame(item, 3)
            lon, lat = lonlat_from_xy(item.x, item.y)
            return LookAt(lon=lon, lat=lat, alt_home_m=item.z)
        case 206:
            return PhotosByDistance(distance_m=first, at_once=third == 1.0) if first > 0 else PhotosOff()
        case 1000:
            return PointCamera(pitch_deg=first)
        case 205 if item.z == _MOUNT_MODE_ANGLES:
            return PointCamera(pitch_deg=first)
        case _:
            raise UnknownItem(seq=item.seq, command=item.command, why="this command is not flown by this program")


def _require_frame(item: MissionItem, plain: int) -> None:
    if _PLAIN_FRAME.get(item.frame) != plain:
        raise UnknownItem(seq=item.seq, command=item.command, why="its height must be relative to home")


def _whole(value: float) -> int:
    return round(value) if math.isfinite(value) else 0
