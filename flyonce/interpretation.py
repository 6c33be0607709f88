"""From labels and places to matters, by rules that are configuration (`interpretation.yaml`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml


class RulesError(Exception):
    """The interpretation rules cannot be used: names the file, the place in it and the remedy."""

    def __init__(self, *, path: object, place: str, problem: str) -> None:
        self.path = str(path)
        self.place = place
        super().__init__(f"{path}, {place}: {problem}. Compare with the default flyonce/interpretation.yaml.")


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """When a thing counts: found in `min_frames` pictures, and in `min_hit_share` of those that looked there."""

    min_frames: int = 2
    min_hit_share: float = 0.34

    def __post_init__(self) -> None:
        if self.min_frames < 1 or not 0 <= self.min_hit_share <= 1:
            raise ValueError("min_frames must be at least 1 and min_hit_share between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class Nearness:
    """At most `distance_m` from a zone of one of `kinds`."""

    kinds: tuple[str, ...]
    distance_m: float

    def __post_init__(self) -> None:
        if not self.kinds or self.distance_m < 0:
            raise ValueError("needs at least one zone kind and a distance_m of 0 or more")


@dataclass(frozen=True, kw_only=True)
class PermanentWater:
    """Which water is no finding: `max_share` of it inside zones of `kind`, grown by `grow_m`."""

    kind: str = "permanent_water"
    max_share: float = 0.5
    grow_m: float = 4.0


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One line of the table: a label in a context is a matter."""

    id: str
    label: str
    matter: str
    within: Nearness | None = None
    near: Nearness | None = None
    unless_mapped: tuple[str, ...] = ()
    min_area_m2: float = 0.0
    review: bool = False


@dataclass(frozen=True, kw_only=True)
class Interpretation:
    """The whole table; `rule_for` answers for one thing."""

    rules: tuple[Rule, ...]
    confirmation: Mapping[str, Confirmation]
    permanent_water: PermanentWater

    def confirmation_of(self, label: str) -> Confirmation:
        """The confirmation figures that hold for a label."""
        return self.confirmation.get(label, self.confirmation["default"])

    def rule_for(
        self, *, label: str, area_m2: float | None, distances_m: Mapping[str, float], mapped_kinds: Sequence[str]
    ) -> Rule | None:
        """The first rule that fits, or None: then there is no matter.

        Args:
            label: What the detector called the thing.
            area_m2: Its area on the ground; None when unknown, which passes no minimum above zero.
            distances_m: By zone kind, metres from the thing's place to the nearest such zone (0 inside).
            mapped_kinds: Zone kinds that the zones file has at all.
        """
        return next((r for r in self.rules if r.label == label and _fits(r, area_m2, distances_m, mapped_kinds)), None)


def load_interpretation(path: Path | None = None) -> Interpretation:
    """Read the rules from `path`, or the defaults.

    Raises:
        RulesError: The file is not YAML of the shape described in the default file.
    """
    source = files("flyonce").joinpath("interpretation.yaml") if path is None else path
    try:
        raw = yaml.safe_load(source.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RulesError(path=source, place="whole file", problem=f"cannot be read as YAML ({error})") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("rules"), list):
        raise RulesError(path=source, place="top level", problem="needs a list `rules`")
    rules = tuple(
        _built(source, f"rules[{number}]", lambda entry=entry: _rule(entry))
        for number, entry in enumerate(raw["rules"])
    )
    confirmation = {
        label: _built(source, f"confirmation.{label}", lambda figures=figures: Confirmation(**figures))
        for label, figures in ({"default": {}} | raw.get("confirmation", {})).items()
    }
    water = _built(source, "permanent_water", lambda: PermanentWater(**raw.get("permanent_water", {})))
    return Interpretation(rules=rules, confirmation=MappingProxyType(confirmation), permanent_water=water)


def _built(source: object, place: str, build: Any) -> Any:  # noqa: ANN401 - one place for all three shapes
    try:
        return build()
    except (TypeError, ValueError, KeyError) as error:
        raise RulesError(path=source, place=place, problem=str(error)) from error


def _rule(entry: Mapping[str, Any]) -> Rule:
    fields = dict(entry)
    for name in ("within", "near"):
        if name in fields:
            near = dict(fields[name])
            fields[name] = Nearness(kinds=tuple(near.pop("kinds")), **near)
    fields["unless_mapped"] = tuple(fields.get("unless_mapped", ()))
    return Rule(**fields)


def _fits(rule: Rule, area_m2: float | None, distances_m: Mapping[str, float], mapped_kinds: Sequence[str]) -> bool:
    if rule.min_area_m2 > 0 and (area_m2 is None or area_m2 < rule.min_area_m2):
        return False
    if any(kind in mapped_kinds for kind in rule.unless_mapped):
        return False
    return all(
        any(distances_m.get(kind, float("inf")) <= nearness.distance_m for kind in nearness.kinds)
        for nearness in (rule.within, rule.near)
        if nearness is not None
    )
