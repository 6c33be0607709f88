"""Names of the properties of zones and approvals, and what is refused of others.

Every feature says by its `kind` that it is ours. What was meant to be one of our properties, or what its kind has no
use for, is refused: passed over it would open what was meant to be shut, or shut what was meant to be open.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flightplan.property_names import meant_instead

OURS = ("kind", "name", "id", "floor_m", "ceiling_m", "heights_above", "from", "until", "hours", "weekdays")
_NOT_OF_APPROVALS = ("floor_m", "heights_above", "hours", "weekdays")


def misnamed(told: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first property that was meant to be another one, or that such a feature has no use for; and what is wrong."""
    for name in told:
        if told.get("kind") == "approval" and name in _NOT_OF_APPROVALS:
            return name, "approvals have none: draw one for each part of the air, of the day or of the week"
        meant = meant_instead(name, OURS, told)
        if meant is not None:
            return name, f"this is not a property of ours; is {meant} meant?"
    return None
