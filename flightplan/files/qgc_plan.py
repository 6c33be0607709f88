"""QGroundControl's `.plan`, with simple items only, so that a ground station flies exactly what was checked."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from flightplan.airspace.clearance import OPEN_HEIGHT_M
from flightplan.errors import InputFileError
from flightplan.files.clearance_node import (
    KEY,
    clearance_node,
    obstacles_node,
    read_clearance,
    read_obstacles,
    read_return_height,
    return_node,
)
from flightplan.files.qgc_fence import fence_node, is_number, rally_node, read_fence, read_rally
from flightplan.files.text import read_text, write_text
from flightplan.ground.terrain import Terrain
from flightplan.link.mavlink import Autopilot, MissionItem, UnknownItem, items_from_mission, mission_from_items
from flightplan.mission.limits import FlightLimits
from flightplan.mission.mission import Home, Mission, SetSpeed
from flightplan.mission.return_height import return_height_m

_MULTIROTOR = 2
_ALTITUDE_MODE_RELATIVE = 1
_ALTITUDE_MODE_OF_FRAME = {5: 2, 6: 1, 11: 4}
_FILE_FRAMES = {5: 0, 6: 3, 11: 10}
_DEFAULT_SPEED_M_S = 10.0


def write_plan(path: Path | str, mission: Mission, autopilot: Autopilot = Autopilot.ARDUPILOT) -> None:
    """Writes the mission, its fence and its rally points for QGroundControl."""
    speed = next((item.speed_m_s for item in mission.items if isinstance(item, SetSpeed)), _DEFAULT_SPEED_M_S)
    first = 1 if autopilot.home_is_item_0 else 0
    home = mission.home
    document: dict[str, Any] = {
        "fileType": "Plan",
        "version": 1,
        "groundStation": "QGroundControl",
        "mission": {
            "version": 2,
            "firmwareType": autopilot.value,
            "vehicleType": _MULTIROTOR,
            "cruiseSpeed": speed,
            "hoverSpeed": speed,
            "globalPlanAltitudeMode": _ALTITUDE_MODE_RELATIVE,
            "plannedHomePosition": [home.lat, home.lon, home.alt_msl_m],
            "items": [_simple_item(item, first) for item in items_from_mission(mission, autopilot)[first:]],
        },
        "geoFence": fence_node(mission.fence),
        "rallyPoints": rally_node(mission.rally),
    }
    ours = {} if mission.clearance is None else clearance_node(mission.clearance)
    if mission.obstacles:
        ours |= obstacles_node(mission.obstacles)
    height_m = _return_over_ground_m(mission)
    if height_m is not None:
        ours |= return_node(height_m)
    if ours:
        document[KEY] = ours
    write_text(Path(path), json.dumps(document, indent=2, allow_nan=False) + "\n")


def read_plan(path: Path | str, limits: FlightLimits | None = None, terrain: Terrain | None = None) -> Mission:
    """Reads a `.plan` with its fence, rally points, obstacles and clearance; keys that are not known are passed over.

    With terrain, heights are held against the ground. Without `limits`, a clearance's greatest height is the limit.

    Survey items are taken with the simple items that QGroundControl stored in them, and circles of a fence as polygons
    on the safe side of them.

    Raises:
        InputFileError: The file is not a plan, or has an item that is not flown here.
        InvalidMission: The mission breaks `limits`, or leaves its own fence.
    """
    path = Path(path)
    document = _document(path)
    mission = document.get("mission")
    if document.get("fileType") != "Plan" or not isinstance(mission, dict):
        raise InputFileError(path=path, problem="this JSON is not a QGroundControl plan", remedy="Give a .plan file")
    if mission.get("version") != 2 or document.get("version") != 1:
        raise InputFileError(
            path=path,
            place="mission.version",
            problem=f"version {mission.get('version')!r} is not supported",
            remedy="Save it with QGroundControl 4 or later",
        )
    clearance = read_clearance(path, document.get(KEY))
    if limits is None and clearance is not None:
        limits = FlightLimits(max_height_agl_m=max(clearance.ceiling_agl_m, OPEN_HEIGHT_M))
    items = [_item(path, place, seq, node) for seq, (place, node) in enumerate(_simple_nodes(path, mission), 1)]
    try:
        flown = mission_from_items(
            name=path.stem, home=_home(path, mission), items=items, limits=limits, terrain=terrain
        )
    except UnknownItem as error:
        raise InputFileError(
            path=path, place=f"item {error.seq}", problem=str(error), remedy="Remove it, or plan the area here"
        ) from error
    fence, rally = read_fence(path, document.get("geoFence")), read_rally(path, document.get("rallyPoints"))
    obstacles = read_obstacles(path, document.get(KEY))
    return replace(
        flown,
        fence=fence,
        rally=rally,
        clearance=clearance,
        obstacles=obstacles,
        least_return_m=read_return_height(path, document.get(KEY)),
    )


def _return_over_ground_m(mission: Mission) -> float | None:
    """What flying home needs over the ground: whoever reads the file may not have the elevation model."""
    if mission.terrain is None:
        return mission.least_return_m
    try:
        return return_height_m(mission)
    except ValueError:
        # The model ends beside the path: nobody knows.
        return None


def _simple_item(item: MissionItem, first: int) -> dict[str, Any]:
    node: dict[str, Any] = {
        "type": "SimpleItem",
        "autoContinue": True,
        "command": item.command,
        "doJumpId": item.seq - first + 1,
        "frame": _FILE_FRAMES.get(item.frame, item.frame),
        "params": [None if math.isnan(value) else value for value in item.file_params()],
    }
    if item.has_place:
        node |= {"Altitude": item.z, "AltitudeMode": _ALTITUDE_MODE_OF_FRAME[item.frame], "AMSLAltAboveTerrain": None}
    return node


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise InputFileError(
            path=path,
            place=f"line {error.lineno}, column {error.colno}",
            problem=f"this is not JSON ({error.msg})",
            remedy="Save the plan again; it may have been cut off",
        ) from error
    except ValueError as error:
        raise InputFileError(
            path=path, problem="a number in it has thousands of digits", remedy="Save the plan again"
        ) from error
    except RecursionError as error:
        raise InputFileError(
            path=path, problem="this JSON is nested too deeply for a plan", remedy="Save the plan again"
        ) from error
    if not isinstance(document, dict):
        raise InputFileError(path=path, problem="this JSON is not a QGroundControl plan", remedy="Give a .plan file")
    return document


def _home(path: Path, mission: dict[str, Any]) -> Home:
    position = mission.get("plannedHomePosition")
    numeric = isinstance(position, list) and len(position) >= 2 and all(is_number(value) for value in position[:2])
    if not numeric:
        raise InputFileError(
            path=path,
            place="mission.plannedHomePosition",
            problem=f"{position!r} is not a position",
            remedy="Set the planned home in QGroundControl and save again",
        )
    assert isinstance(position, list)
    height = float(position[2]) if len(position) > 2 and is_number(position[2]) else 0.0
    return Home(lon=float(position[1]), lat=float(position[0]), alt_msl_m=height)


def _simple_nodes(path: Path, mission: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, node in enumerate(_list(path, "mission.items", mission.get("items"))):
        place = f"mission.items[{number}]"
        if not isinstance(node, dict):
            raise InputFileError(path=path, place=place, problem="this is not an item", remedy="Save the plan again")
        if node.get("type") == "SimpleItem":
            yield place, node
            continue
        stored = node.get("TransectStyleComplexItem")
        if not isinstance(stored, dict) or not isinstance(stored.get("Items"), list):
            raise InputFileError(
                path=path,
                place=place,
                problem=f"a {node.get('complexItemType') or node.get('type')!s} item without stored waypoints",
                remedy="Export simple waypoints, or plan the area here",
            )
        for inner, simple in enumerate(stored["Items"]):
            yield f"{place}.TransectStyleComplexItem.Items[{inner}]", simple


def _item(path: Path, place: str, seq: int, node: dict[str, Any]) -> MissionItem:
    params = _list(path, f"{place}.params", node.get("params"))
    values = [math.nan if value is None else float(value) for value in params if value is None or is_number(value)]
    command, frame = node.get("command"), node.get("frame")
    if len(values) != len(params) or not isinstance(command, int) or not isinstance(frame, int):
        raise InputFileError(path=path, place=place, problem="the item is not complete", remedy="Save the plan again")
    try:
        return MissionItem.from_file_params(seq=seq, frame=frame, command=command, params=values)
    except ValueError as error:
        raise InputFileError(path=path, place=place, problem=str(error), remedy="Correct it and save again") from error


def _list(path: Path, place: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise InputFileError(path=path, place=place, problem="the list is missing", remedy="Save the plan again")
    return value
