"""A clearance inside a mission file, under a key of our own that ground stations pass over."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from flightplan.airspace.clearance import Clearance
from flightplan.errors import InputFileError
from flightplan.files.qgc_fence import is_number

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
