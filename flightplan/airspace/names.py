"""Names of the properties of zones and approvals, and what somebody meant who wrote another one.

Every feature says by its `kind` that it is ours, and may have foreign properties besides: layers have numbers,
lengths, editors. Only what looks like one of our names that the feature does not give, or what its kind has no use
for, is refused: passed over it would open what was meant to be shut, or shut what was meant to be open.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any

_TIMES_AND_HEIGHTS = ("floor_m", "ceiling_m", "heights_above", "from", "until", "hours", "weekdays")
OF_ZONES = ("kind", "name", *_TIMES_AND_HEIGHTS)
OF_APPROVALS = ("kind", "id", "from", "until", "ceiling_m")
_ALL = (*OF_ZONES, "id")
_NO_LETTER = re.compile(r"[\W_]+")
# More alike than hours and house; hours and hour are.
_ALIKE = 0.81
# Names of a Shapefile's fields have ten characters.
_LONGEST_OF_SHAPEFILE = 10
# Two letters more or less make another short word.
_SHORT = 3


def named_as_ours(record: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that are given; those that formats name otherwise, by our names.

    A Shapefile cuts names off, and what a KML calls a place comes as `Name`.
    """
    others = {name[:_LONGEST_OF_SHAPEFILE]: name for name in _ALL if len(name) > _LONGEST_OF_SHAPEFILE}
    if record.get("name") is None:
        others["Name"] = "name"
    return {others.get(name, name): value for name, value in record.items() if value is not None}


def misnamed(told: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first property that was meant to be another one, or that such a feature has no use for; and what is wrong."""
    is_approval = told.get("kind") == "approval"
    own = OF_APPROVALS if is_approval else OF_ZONES
    for name in told:
        if name in own or name in ("id", "name"):
            continue
        if name in _ALL:
            return name, "approvals have none: draw one for each part of the air, of the day or of the week"
        meant = _meant(name, [one for one in _ALL if one not in told])
        if meant is not None:
            return name, f"this is not a property of ours; is {meant} meant?"
    return None


def _meant(name: str, missing: list[str]) -> str | None:
    """Which of the missing names somebody meant; None for a foreign one."""
    plain = _plain(name)
    best = max(missing, key=lambda one: _likeness(plain, one), default=None)
    return best if best is not None and _likeness(plain, best) > _ALIKE else None


def _likeness(plain: str, own: str) -> float:
    if len(own) < _SHORT:
        return 0.0
    words = {_plain(own), _plain(own.removesuffix("_m"))}
    if any(sorted(plain) == sorted(word) for word in words):
        return 1.0
    return max(SequenceMatcher(None, plain, word).ratio() for word in words)


def _plain(name: str) -> str:
    return _NO_LETTER.sub("", name).casefold()
