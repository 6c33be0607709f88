"""`QGC WPL 110`: a line per item, 12 tab-separated columns, line 0 is home; latitude is column 9, longitude 10."""

from __future__ import annotations

import math
from pathlib import Path

from flightplan.errors import InputFileError
from flightplan.files.text import read_text, write_text
from flightplan.ground.terrain import Terrain
from flightplan.link.mavlink import (
    Autopilot,
    MissionItem,
    UnknownItem,
    home_from_item,
    items_from_mission,
    mission_from_items,
)
from flightplan.mission.limits import FlightLimits
from flightplan.mission.mission import Mission

_HEADER = "QGC WPL 110"
_COLUMNS = 12
_FILE_FRAMES = {5: 0, 6: 3, 11: 10}


def write_waypoints(path: Path | str, mission: Mission) -> None:
    """Writes the mission as ArduPilot's ground stations read it."""
    lines = [_HEADER, *(_line(item) for item in items_from_mission(mission, Autopilot.ARDUPILOT))]
    write_text(Path(path), "\n".join(lines) + "\n")


def read_waypoints(path: Path | str, limits: FlightLimits | None = None, terrain: Terrain | None = None) -> Mission:
    """Reads a mission; line 0 is home. With terrain, heights are held against the ground.

    Raises:
        InputFileError: The header, a line or a command cannot be used.
        InvalidMission: The mission breaks `limits`.
    """
    path = Path(path)
    lines = read_text(path).splitlines()
    if lines[0].strip() != _HEADER:
        raise InputFileError(
            path=path, place="line 1", problem=f"it does not begin with {_HEADER!r}", remedy="Give a .waypoints file"
        )
    items = [_item(path, number, line) for number, line in enumerate(lines[1:], 2) if line.strip()]
    if not items:
        raise InputFileError(path=path, problem="it has no items", remedy="Write the mission again")
    for expected, item in enumerate(items):
        if item.seq != expected:
            raise InputFileError(
                path=path,
                place=f"line {expected + 2}",
                problem=f"item {item.seq} stands where item {expected} is due",
                remedy="Number the items without gaps",
            )
    try:
        return mission_from_items(
            name=path.stem, home=home_from_item(items[0]), items=items[1:], limits=limits, terrain=terrain
        )
    except UnknownItem as error:
        raise InputFileError(
            path=path, place=f"line {error.seq + 2}", problem=str(error), remedy="Remove it, or plan the area here"
        ) from error


def _line(item: MissionItem) -> str:
    numbers = [f"{value:.8f}" for value in item.file_params()]
    current = 1 if item.seq == 0 else 0
    return "\t".join(
        [str(item.seq), str(current), str(_FILE_FRAMES.get(item.frame, item.frame)), str(item.command), *numbers, "1"]
    )


def _item(path: Path, number: int, line: str) -> MissionItem:
    columns = line.split("\t") if "\t" in line else line.split()
    place = f"line {number}"
    if len(columns) != _COLUMNS:
        raise InputFileError(
            path=path, place=place, problem=f"{len(columns)} columns instead of {_COLUMNS}", remedy="Write it again"
        )
    try:
        params = [float(value) for value in columns[4:11]]
        if any(math.isinf(value) for value in params):
            raise ValueError("a number in it is infinite")
        return MissionItem.from_file_params(
            seq=int(columns[0]), frame=int(columns[2]), command=int(columns[3]), params=params
        )
    except ValueError as error:
        raise InputFileError(path=path, place=place, problem=str(error), remedy="Correct this line") from error
