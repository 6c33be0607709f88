"""Names of the properties of a layer's features, and what somebody meant who wrote another one.

Layers have properties of their own: numbers, lengths, editors. They are passed over; only what looks like one of our
names that the feature does not give is refused, for nothing says more clearly that it was meant.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

_NO_LETTER = re.compile(r"[\W_]+")
# More alike than hours and house; hours and hour are.
_ALIKE = 0.81
# Names of a Shapefile's fields have ten characters.
_LONGEST_OF_SHAPEFILE = 10
# A letter more or less makes another word of so short a name.
_SHORT = 3


def named_as_ours(record: Mapping[str, Any], ours: Sequence[str]) -> dict[str, Any]:
    """The properties that are given; those that formats name otherwise, by our names.

    A Shapefile cuts names off, and what a KML calls a place comes as `Name`.
    """
    others = {name[:_LONGEST_OF_SHAPEFILE]: name for name in ours if len(name) > _LONGEST_OF_SHAPEFILE}
    if record.get("name") is None:
        others["Name"] = "name"
    return {others.get(name, name): value for name, value in record.items() if value is not None}


def meant_instead(name: str, ours: Sequence[str], given: Collection[str]) -> str | None:
    """Which of our names, not given besides, a property was meant to have; None for ours and for a foreign one."""
    if name in ours:
        return None
    plain = _plain(name)
    missing = [one for one in ours if one not in given]
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
