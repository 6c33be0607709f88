"""What a signature covers: a department its own lines, the centre all of them, as they stood when it was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dispatch_api.visits.records import LineRow, VisitRow

CENTRE_SIGNS = "centre"


def own_signature(row: VisitRow, party: str) -> Mapping[str, Any] | None:
    """What a party has signed, None where it has not."""
    return next((one for one in row.signatures if one["party"] == party), None)


def signed_over(lines: Sequence[LineRow], party: str) -> int:
    """The version of the visit in which what a party signs for was last changed."""
    return max((line.version for line in lines if party in (CENTRE_SIGNS, line.department)), default=0)


def holds(signature: Mapping[str, Any], lines: Sequence[LineRow]) -> bool:
    """Whether nothing of what was signed has been changed since."""
    # Signatures of earlier versions of this service do not say what they were given over.
    version = signature.get("version")
    return version is None or signed_over(lines, signature["party"]) < version
