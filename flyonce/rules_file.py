"""Reading the table of rules from YAML: whatever does not fit is refused with its place and a remedy."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import yaml

from flyonce.interpretation import Interpretation
from flyonce.rules import (
    Confirmation,
    FalseAlarms,
    LabelTraits,
    Nearness,
    PermanentWater,
    Rule,
    StayRule,
    WetLook,
)

Built = TypeVar("Built")


class RulesError(Exception):
    """The interpretation rules cannot be used: names the file, the place in it and the remedy."""

    def __init__(self, *, path: object, place: str, problem: str, remedy: str = "") -> None:
        self.path = str(path)
        self.place = place
        remedy = remedy or "Compare with the default flyonce/interpretation.yaml"
        super().__init__(f"{path}, {place}: {problem}. {remedy}.")


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
