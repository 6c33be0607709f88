"""Which sightings are of one thing: incremental grouping by error, not by a fixed radius.

A sighting joins the nearest piece of its flight whose place fits its error; two sightings of one picture are never one
thing. The offset that all pictures of one flight share cancels between them, so it does not widen the gate inside a
flight; and it does not average out, so a thing seen a hundred times in one flight is still only as sure as that offset.
Between flights it is told by the things that both saw, and taken off; where too few tell it, the gate is as wide as it.
"""

from geo.identity.grouper import Grouper
from geo.identity.journal import Merge, Suggestion
from geo.identity.known import offset_from_known
from geo.identity.looks import PictureLooks
from geo.identity.rules import IdentityRules, load_rules
from geo.identity.thing import Thing

__all__ = [
    "Grouper",
    "IdentityRules",
    "Merge",
    "PictureLooks",
    "Suggestion",
    "Thing",
    "load_rules",
    "offset_from_known",
]
