"""From an observation that belongs to no case to a new case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from dispatch_api.cases.matters import Matter
from dispatch_api.cases.model import CaseState, Colour
from dispatch_api.cases.neighbours import Neighbours
from dispatch_api.cases.observation import Observation
from dispatch_api.cases.records import observation_values
from dispatch_api.departments.facts import ZoneFact
from dispatch_api.store.ids import rising_id


def new_case(
    seen: Observation,
    matter: Matter,
    *,
    number: str,
    colour: Colour,
    around: Neighbours,
    reasons: Sequence[str],
    rule: Mapping[str, Any],
    at: datetime,
) -> dict[str, Any]:
    """The columns of a new case, `detected`.

    Args:
        seen: The observation that opens it.
        matter: Its matter.
        number: The free case number that it gets.
        colour: Its colour.
        around: What lies at the same place.
        reasons: Why it waits for a person, if it does.
        rule: The routing rule as printed, or who decides.
        at: When.
    """
    columns = observation_values(seen)
    for name in ("key", "flight_id"):
        del columns[name]
    return {
        **columns,
        "case_id": rising_id(),
        "number": number,
        "family": matter.family,
        "state": CaseState.DETECTED.value,
        "colour": colour.value,
        **surroundings(seen),
        "observations": 1,
        "review_reasons": list(reasons),
        "suggestions": [
            *({"case_id": case_id, "because": "perhaps_same"} for case_id in around.perhaps),
            *({"case_id": case_id, "because": "rejected_here"} for case_id in around.rejected),
        ],
        "rule": rule,
        "recurrence_of": around.closed[-1].case_id if around.closed else None,
        "repeats": len(around.closed),
        "refusals": 0,
        "reworks": 0,
        "reporters": [],
        "created_at": at,
    }


def surroundings(seen: Observation) -> dict[str, Any]:
    """The columns of a case that say where it lies: address, zones, grid."""
    grid = surest(seen.zones, "grid")
    return {
        "address": seen.address,
        "zones": [zone.as_json() for zone in seen.zones],
        "grid_code": grid.code if grid else None,
        "grid_name": grid.name if grid else None,
    }


def surest(zones: Sequence[ZoneFact], kind: str) -> ZoneFact | None:
    """The likeliest zone of a kind."""
    return max((zone for zone in zones if zone.kind == kind), key=lambda zone: zone.probability, default=None)
