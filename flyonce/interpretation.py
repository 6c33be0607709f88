"""From labels and places to matters, by rules that are configuration (`interpretation.yaml`)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import yaml

from flyonce.context import Surroundings
from geo.zones import ZONE_KINDS

Built = TypeVar("Built")


class RulesError(Exception):
    """The interpretation rules cannot be used: names the file, the place in it and the remedy."""

    def __init__(self, *, path: object, place: str, problem: str, remedy: str = "") -> None:
        self.path = str(path)
        self.place = place
        remedy = remedy or "Compare with the default flyonce/interpretation.yaml"
        super().__init__(f"{path}, {place}: {problem}. {remedy}.")


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
    """At most `distance_m` from a zone of one of `kinds`, or from its edge."""

    kinds: tuple[str, ...]
    distance_m: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", _names(self.kinds))
        if not self.kinds or self.distance_m < 0:
            raise ValueError("needs at least one zone kind and a distance_m of 0 or more")
        _check_kinds(self.kinds)


@dataclass(frozen=True, kw_only=True)
class StayRule:
    """How long a thing must stay where it is; see docs/matters.md.

    Attributes:
        seconds: From the first to the last sighting at the same place.
        min_frames: Pictures that show it within that time.
        gone_after_looks: This many looks in a row that show the place without the thing end a stay.
        slower_than_m_s: A thing shown to move faster than this passes; it does not stay.
    """

    seconds: float
    min_frames: int = 2
    gone_after_looks: int = 2
    slower_than_m_s: float = 0.4

    def __post_init__(self) -> None:
        if self.seconds < 0 or self.min_frames < 1 or self.gone_after_looks < 1 or self.slower_than_m_s <= 0:
            raise ValueError("seconds may not be negative, min_frames, gone_after_looks and speed must be positive")


@dataclass(frozen=True, kw_only=True)
class PermanentWater:
    """Which water is no finding: what lies in zones of `kind`, grown by `grow_m` and by the position's error."""

    kind: str = "permanent_water"
    labels: tuple[str, ...] = ("standing_water",)
    grow_m: float = 2.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", _names(self.labels))
        _check_kinds((self.kind,))
        if self.grow_m < 0:
            raise ValueError("grow_m must not be negative")


@dataclass(frozen=True, kw_only=True)
class FalseAlarms:
    """Ground that is known to deceive: zones of `kind`, grown by `grow_m` and by the position's error."""

    kind: str = "false_alarm_mask"
    grow_m: float = 0.0

    def __post_init__(self) -> None:
        _check_kinds((self.kind,))
        if self.grow_m < 0:
            raise ValueError("grow_m must not be negative")


@dataclass(frozen=True, kw_only=True)
class WetLook:
    """When water is only a wet look; see docs/matters.md.

    Attributes:
        labels: Labels that are doubted.
        min_confidence: A surest look below this is a doubt.
        min_width_m: A mean width (twice the area by the length around) below this is a doubt.
        min_agreement: Outlines of two looks that share less of their union than this, in the median, are a doubt.
        min_hit_share: Found in a smaller share of the looks at its place: a doubt.
        drop_at: So many doubts, and the thing is dropped; with fewer a person reviews it.
    """

    labels: tuple[str, ...] = ()
    min_confidence: float = 0.0
    min_width_m: float = 0.0
    min_agreement: float = 0.0
    min_hit_share: float = 0.0
    drop_at: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", _names(self.labels))
        shares = (self.min_confidence, self.min_agreement, self.min_hit_share)
        if not all(0 <= share <= 1 for share in shares) or self.min_width_m < 0 or self.drop_at < 1:
            raise ValueError("shares lie between 0 and 1, min_width_m is not negative, drop_at is 1 or more")


@dataclass(frozen=True, kw_only=True)
class LabelTraits:
    """What holds for a label wherever it is seen: `flat` things lie on the ground and have an outline there."""

    flat: bool = False


@dataclass(frozen=True, kw_only=True)
class Stay:
    """How long a thing was seen to stay.

    Attributes:
        seconds: From the first to the last sighting of its longest stay; None where pictures tell no time.
        frames: Pictures of that stay.
        moves: Whether it was shown to move faster than the rule's speed.
    """

    seconds: float | None
    frames: int
    moves: bool = False


StayOf = Callable[[StayRule], Stay]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One line of the table: a label in a context is a matter.

    Attributes:
        id: Its name.
        label: The labels that it holds for.
        matter: Key of the matter.
        within: Inside, or at most so far from, zones of these kinds.
        near: The same, as a second condition.
        shore: At most so far from the edge of zones of these kinds, from inside as from outside.
        stay: How long it must stay there; None for no matter how long.
        unless_mapped: Holds only where none of these kinds of zone is mapped at all.
        min_area_m2: Least area on the ground.
        review: A person always decides.
    """

    id: str
    label: tuple[str, ...]
    matter: str
    within: Nearness | None = None
    near: Nearness | None = None
    shore: Nearness | None = None
    stay: StayRule | None = None
    unless_mapped: tuple[str, ...] = ()
    min_area_m2: float = 0.0
    review: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", _names(self.label))
        object.__setattr__(self, "unless_mapped", _names(self.unless_mapped))
        if not self.label:
            raise ValueError("needs at least one label")
        _check_kinds(self.unless_mapped)


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


def stays(rule: StayRule, stay: Stay) -> bool | None:
    """Whether a stay is long enough; None where no picture tells a time, so that only a person can say."""
    if stay.frames < rule.min_frames or stay.moves:
        return False
    return None if stay.seconds is None else stay.seconds >= rule.seconds


def load_interpretation(
    path: Path | None = None, *, labels: Collection[str] | None = None, matters: Collection[str] | None = None
) -> Interpretation:
    """Read the rules from `path`, or the defaults.

    Args:
        path: A city's own file.
        labels: Labels that the models can answer; None leaves them unchecked.
        matters: Matters that are configured; None leaves them unchecked.

    Raises:
        RulesError: The file is not YAML of the shape described in the default file, or names a key, label, kind of
            zone or matter that does not exist.
    """
    source = files("flyonce").joinpath("interpretation.yaml") if path is None else path
    try:
        raw = yaml.safe_load(source.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RulesError(path=source, place="whole file", problem=f"cannot be read as YAML ({error})") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("rules"), list):
        raise RulesError(path=source, place="top level", problem="needs a list `rules`")
    table = _Reader(source=source)
    table.check_keys("top level", raw, [entry.name for entry in fields(Interpretation)])
    read = Interpretation(
        rules=tuple(table.rule(f"rules[{number}]", entry) for number, entry in enumerate(raw["rules"])),
        confirmation=table.by_label("confirmation", {"default": {}} | (raw.get("confirmation") or {}), Confirmation),
        permanent_water=table.build("permanent_water", raw.get("permanent_water", {}), PermanentWater),
        false_alarms=table.build("false_alarms", raw.get("false_alarms", {}), FalseAlarms),
        wet_look=table.build("wet_look", raw.get("wet_look", {}), WetLook),
        labels=table.by_label("labels", raw.get("labels") or {}, LabelTraits),
    )
    _check_names(source, read, labels, matters)
    return read


@dataclass(frozen=True, kw_only=True)
class _Reader:
    """Builds dataclasses from tables of one file; whatever does not fit is refused with its place."""

    source: object

    def check_keys(self, place: str, entry: Mapping[str, Any], known: Sequence[str]) -> None:
        unknown = [str(key) for key in entry if key not in known]
        if unknown:
            remedy = f"Use one of: {', '.join(known)}"
            raise RulesError(path=self.source, place=place, problem=f"unknown key {', '.join(unknown)}", remedy=remedy)

    def build(self, place: str, entry: object, kind: type[Built]) -> Built:
        if not isinstance(entry, Mapping):
            raise RulesError(path=self.source, place=place, problem=f"needs a table of keys, not {entry!r}")
        known = fields(kind)  # type: ignore[arg-type]
        self.check_keys(place, entry, [one.name for one in known])
        missing = [
            one.name
            for one in known
            if one.name not in entry and one.default is MISSING and one.default_factory is MISSING
        ]
        if missing:
            raise RulesError(path=self.source, place=place, problem=f"lacks {', '.join(missing)}")
        try:
            return kind(**entry)
        except (TypeError, ValueError) as error:
            raise RulesError(path=self.source, place=place, problem=str(error)) from error

    def rule(self, place: str, entry: object) -> Rule:
        if not isinstance(entry, Mapping):
            raise RulesError(path=self.source, place=place, problem=f"needs a table of keys, not {entry!r}")
        parts: dict[str, Any] = dict(entry)
        for name in ("within", "near", "shore"):
            if name in parts:
                parts[name] = self.build(f"{place}.{name}", parts[name], Nearness)
        if "stay" in parts:
            parts["stay"] = self.build(f"{place}.stay", parts["stay"], StayRule)
        return self.build(place, parts, Rule)

    def by_label(self, place: str, table: object, kind: type[Built]) -> Mapping[str, Built]:
        if not isinstance(table, Mapping):
            raise RulesError(path=self.source, place=place, problem="needs a table by label")
        return MappingProxyType(
            {str(label): self.build(f"{place}.{label}", entry, kind) for label, entry in table.items()}
        )


def _names(value: object) -> tuple[str, ...]:
    """One name, or a list of names."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"needs a name or a list of names, not {value!r}")
    return tuple(value)


def _check_kinds(kinds: Sequence[str]) -> None:
    unknown = [kind for kind in kinds if kind not in ZONE_KINDS]
    if unknown:
        raise ValueError(f"unknown kind of zone {', '.join(unknown)}; there are {', '.join(ZONE_KINDS)}")


def _check_names(
    source: object, read: Interpretation, labels: Collection[str] | None, matters: Collection[str] | None
) -> None:
    """Refuse labels that no model answers and matters that nobody configured: such a rule would never fire."""
    used = [(f"rules[{number}].label", label) for number, rule in enumerate(read.rules) for label in rule.label]
    used += [("permanent_water.labels", label) for label in read.permanent_water.labels]
    used += [("wet_look.labels", label) for label in read.wet_look.labels]
    used += [(f"confirmation.{label}", label) for label in read.confirmation if label != "default"]
    used += [(f"labels.{label}", label) for label in read.labels]
    for place, label in used:
        if labels is not None and label not in labels:
            remedy = f"Use one of: {', '.join(sorted(labels))}; or add a model whose card has it"
            raise RulesError(path=source, place=place, problem=f"no model knows the label {label!r}", remedy=remedy)
    for number, rule in enumerate(read.rules):
        if matters is not None and rule.matter not in matters:
            remedy = f"Use one of: {', '.join(sorted(matters))}; or add it to the matters file (--matters)"
            raise RulesError(
                path=source,
                place=f"rules[{number}].matter",
                problem=f"no matter {rule.matter!r} is configured",
                remedy=remedy,
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
