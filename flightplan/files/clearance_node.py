"""What of ours stands in a mission file: clearance, obstacles, height for flying home; ground stations pass over it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from flightplan.airspace.clearance import Clearance
from flightplan.errors import CannotPlan, InputFileError
from flightplan.files.qgc_fence import is_number
from flightplan.ground.obstacles import Obstacle

KEY = "flyonce"


def clearance_node(clearance: Clearance) -> dict[str, Any]:
    """What a file says of a clearance."""
    return {
        "clearance": {
            "approvals": list(clearance.approvals),
            "ceilingAglM": clearance.ceiling_agl_m,
            "notBefore": None if clearance.not_before is None else clearance.not_before.isoformat(),
            "notAfter": None if clearance.not_after is None else clearance.not_after.isoformat(),
            "heldAgainst": None if clearance.held_against is None else list(clearance.held_against),
            "owed": list(clearance.owed),
        }
    }


def read_clearance(path: Path, node: object) -> Clearance | None:
    """The clearance that a file says, or None where it says none.

    Raises:
        InputFileError: What it says is no clearance; it is never passed over, for it says when the mission may fly.
    """
    if node is None:
        return None
    told = node.get("clearance") if isinstance(node, dict) else None
    if told is None and isinstance(node, dict):
        return None
    try:
        if not isinstance(told, dict) or not is_number(told["ceilingAglM"]):
            raise ValueError("it is not complete")
        return Clearance(
            approvals=_texts(told["approvals"]),
            ceiling_agl_m=float(told["ceilingAglM"]),
            not_before=_time(told["notBefore"]),
            not_after=_time(told["notAfter"]),
            held_against=None if told.get("heldAgainst") is None else _texts(told["heldAgainst"]),
            owed=_texts(told.get("owed", [])),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise InputFileError(
            path=path,
            place=f"{KEY}.clearance",
            problem=f"it cannot be read ({error})",
            remedy="Plan the mission again",
        ) from error


def obstacles_node(obstacles: Sequence[Obstacle]) -> dict[str, Any]:
    """What a file says of obstacles; as everywhere in a plan, latitude comes first."""
    return {
        "obstacles": [
            {"name": one.name, "topMslM": one.top_msl_m, "outline": [[lat, lon] for lon, lat in one.outline]}
            for one in obstacles
        ]
    }


def read_obstacles(path: Path, node: object) -> tuple[Obstacle, ...]:
    """The obstacles that a file says.

    Raises:
        InputFileError: One cannot be read; none is passed over, for flights keep clear of them.
    """
    told = node.get("obstacles", []) if isinstance(node, dict) else []
    try:
        if not isinstance(told, list):
            raise ValueError("they are no list")
        return tuple(_obstacle(one) for one in told)
    except (ValueError, TypeError, KeyError, CannotPlan) as error:
        raise InputFileError(
            path=path,
            place=f"{KEY}.obstacles",
            problem=f"one cannot be read ({error!s:.120})",
            remedy="Plan the mission again",
        ) from error


def return_node(height_m: float) -> dict[str, Any]:
    """What a file says of the height for flying home, metres above home."""
    return {"returnHeightM": height_m}


def read_return_height(path: Path, node: object) -> float | None:
    """The height for flying home that a file says, metres above home, or None where it says none.

    Raises:
        InputFileError: It is no height; it is never passed over, for it clears the ground.
    """
    told = node.get("returnHeightM") if isinstance(node, dict) else None
    if told is None:
        return None
    if not is_number(told) or not 0 < told < math.inf:
        raise InputFileError(
            path=path,
            place=f"{KEY}.returnHeightM",
            problem=f"{told!r:.40} is no height",
            remedy="Plan the mission again",
        )
    return float(told)


def _obstacle(told: dict[str, Any]) -> Obstacle:
    if not (is_number(told["topMslM"]) and isinstance(told["name"], str)):
        raise ValueError("it has no top or no name")
    if not all(is_number(degrees) for corner in told["outline"] for degrees in corner):
        raise ValueError("its outline is no list of places")
    outline = tuple((float(lon), float(lat)) for lat, lon in told["outline"])
    return Obstacle(name=told["name"], outline=outline, top_msl_m=float(told["topMslM"]))


def _texts(told: object) -> tuple[str, ...]:
    if not isinstance(told, list) or not all(isinstance(one, str) for one in told):
        raise ValueError(f"{told!r:.60} is no list of texts")
    return tuple(told)


def _time(told: object) -> datetime | None:
    if told is None:
        return None
    if not isinstance(told, str):
        raise ValueError(f"{told!r} is no time")
    return datetime.fromisoformat(told)
