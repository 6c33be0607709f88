"""Mission files: QGroundControl `.plan`, `QGC WPL 110` `.waypoints`, DJI's WPML `.kmz`, and GeoJSON for maps."""

from __future__ import annotations

from pathlib import Path

from flightplan.errors import InputFileError
from flightplan.files import draft
from flightplan.files.geojson import write_geojson
from flightplan.files.qgc_plan import read_plan, write_plan
from flightplan.files.waypoints import read_waypoints, write_waypoints
from flightplan.files.wpml import write_wpml
from flightplan.files.wpml_reading import read_wpml
from flightplan.ground.terrain import Terrain
from flightplan.mission.limits import FlightLimits
from flightplan.mission.mission import Mission

__all__ = [
    "read_mission",
    "read_plan",
    "read_waypoints",
    "read_wpml",
    "write_geojson",
    "write_plan",
    "write_waypoints",
    "write_wpml",
]


def read_mission(path: Path | str, limits: FlightLimits | None = None, terrain: Terrain | None = None) -> Mission:
    """A mission file of either kind, by its ending. With terrain, heights are held against the ground.

    Raises:
        InputFileError: The ending is neither `.plan` nor `.waypoints`, or the file cannot be used.
        InvalidMission: The mission in it breaks `limits`.
    """
    path = Path(path)
    if path.name.endswith(draft.SUFFIX):
        raise InputFileError(
            path=path, problem=f"this is a draft, not to be flown: {draft.why_draft(path)}", remedy="Plan it again"
        )
    match path.suffix.lower():
        case ".plan":
            return read_plan(path, limits, terrain)
        case ".waypoints":
            return read_waypoints(path, limits, terrain)
    raise InputFileError(
        path=path, problem=f"{path.suffix or 'no ending'} is not a mission file", remedy="Give a .plan or .waypoints"
    )
