"""Whether a case opens by itself, or waits for a person, and why."""

from __future__ import annotations

from collections.abc import Sequence

from dispatch_api.cases.matters import Matter
from dispatch_api.cases.model import Colour
from dispatch_api.cases.observation import Observation
from dispatch_api.departments.facts import ZoneFact
from dispatch_api.departments.routing import SURELY

SPLIT_OFF_REASON = "split_off"
LASTING_REASONS = frozenset({"matter_always", "rejected_here", "false_alarm_mask", SPLIT_OFF_REASON})
"""Reasons that no further observation takes away; a surer look takes away the others."""


def review_reasons(seen: Observation, matter: Matter, colour: Colour, *, rejected_here: bool) -> list[str]:
    """Why a person has to look before a case is opened; empty when the auto rule may open it.

    Args:
        seen: The observation.
        matter: Its matter.
        colour: The colour of the case.
        rejected_here: Whether a person rejected the same at this place before.
    """
    always = matter.review == "always"
    checks = {
        "matter_always": always,
        "below_auto_level": not always and seen.confidence < matter.auto_level,
        "red": colour is Colour.RED,
        "required": seen.review_required,
        "rejected_here": rejected_here,
        "false_alarm_mask": "false_alarm_mask" in sure_zones(seen.zones),
    }
    return [name for name, holds in checks.items() if holds]


def sure_zones(zones: Sequence[ZoneFact]) -> dict[str, frozenset[str]]:
    """The kinds of zone that a thing surely lies in, each with the classes of those zones."""
    sure: dict[str, frozenset[str]] = {}
    for zone in zones:
        if zone.probability >= SURELY:
            sure[zone.kind] = sure.get(zone.kind, frozenset()) | ({zone.zone_class} if zone.zone_class else set())
    return sure
