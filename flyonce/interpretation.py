"""From labels and places to matters, by rules that are configuration (`interpretation.yaml`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flyonce.context import Surroundings
from flyonce.rules import (
    Confirmation,
    FalseAlarms,
    LabelTraits,
    Nearness,
    PermanentWater,
    Rule,
    StayOf,
    WetLook,
    stays,
)


@dataclass(frozen=True, kw_only=True)
class Interpretation:
    """The whole table; `rule_for` answers for one thing."""

    rules: tuple[Rule, ...]
    confirmation: Mapping[str, Confirmation]
    permanent_water: PermanentWater = field(default_factory=PermanentWater)
    false_alarms: FalseAlarms = field(default_factory=FalseAlarms)
    wet_look: WetLook = field(default_factory=WetLook)
    labels: Mapping[str, LabelTraits] = field(default_factory=dict)

    def confirmation_of(self, label: str) -> Confirmation:
        """The confirmation figures that hold for a label."""
        return self.confirmation.get(label, self.confirmation["default"])

    def is_flat(self, label: str) -> bool:
        """Whether things of this label lie flat on the ground."""
        return self.labels.get(label, LabelTraits()).flat

    def rule_for(
        self,
        *,
        label: str,
        area_m2: float | None,
        around: Surroundings,
        mapped_kinds: Sequence[str],
        stay_of: StayOf,
    ) -> Rule | None:
        """The first rule that fits, or None: then there is no matter.

        Args:
            label: What the detector called the thing.
            area_m2: Its area on the ground; None when unknown, which passes no minimum above zero.
            around: How far the mapped zones are.
            mapped_kinds: Zone kinds that the zones file has at all.
            stay_of: Measures how long it stayed, by a rule's figures; asked only where all else fits.
        """
        return next(
            (r for r in self.rules if label in r.label and _fits(r, area_m2, around, mapped_kinds, stay_of)), None
        )


def _fits(
    rule: Rule, area_m2: float | None, around: Surroundings, mapped_kinds: Sequence[str], stay_of: StayOf
) -> bool:
    if rule.min_area_m2 > 0 and (area_m2 is None or area_m2 < rule.min_area_m2):
        return False
    if any(kind in mapped_kinds for kind in rule.unless_mapped):
        return False
    asked = ((rule.within, around.inside_m), (rule.near, around.inside_m), (rule.shore, around.edge_m))
    if not all(_is_near(nearness, distances_m) for nearness, distances_m in asked if nearness is not None):
        return False
    return rule.stay is None or stays(rule.stay, stay_of(rule.stay)) is not False


def _is_near(nearness: Nearness, distances_m: Mapping[str, float]) -> bool:
    return any(distances_m.get(kind, float("inf")) <= nearness.distance_m for kind in nearness.kinds)
