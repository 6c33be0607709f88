"""The thresholds of identity, and reading them from YAML: what does not fit is refused with file, line and remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType

import yaml

from geo.errors import InputFileError

_REMEDY = "Compare with the default geo/identity/identity.yaml"
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(min|h|d)")
_SECONDS = {"min": 60.0, "h": 3_600.0, "d": 86_400.0}
# 5.3 sigmas. What looks for neighbours has to end somewhere.
LARGEST_PROBABILITY = 0.999_999
_TABLES = {"families": ("labels", "window")}


@dataclass(frozen=True, kw_only=True)
class IdentityRules:
    """When sightings are of one thing; the defaults are those of the default file.

    Attributes:
        merge_probability: Two places inside this share of their joint error are one.
        suggest_probability: Between the two shares a person decides.
        frame_probability: The gate between the pictures of one flight, whose shared offset cancels.
        residual_probability: The gate between things whose offsets cancel, where other evidence speaks for one thing.
        overlap_share: Outlines that share this much of the smaller one are one thing.
        max_ellipse95_m: A place less sure than this (95 %, major half axis) may be suggested, and never joins.
        offset_floor_m: The least offset, one sigma per axis, that all pictures of one flight share.
        align_matches: So many things seen on two flights tell the offset between them; fewer do not.
        align_floor_m: What remains uncertain of an offset that was told, one sigma per axis, at least.
        clean_look_pictures: A flight that showed a place in this many pictures without the thing found it clean.
        families: Label → family; labels of one family may join. A label that is missing is its own family.
        windows: Family → longest time between sightings of one thing; none means no limit.
    """

    merge_probability: float = 0.95
    suggest_probability: float = 0.999
    frame_probability: float = 0.99
    residual_probability: float = 0.9999
    overlap_share: float = 0.30
    max_ellipse95_m: float = 30.0
    offset_floor_m: float = 1.2
    align_matches: int = 5
    align_floor_m: float = 0.2
    clean_look_pictures: int = 4
    families: Mapping[str, str] = field(default_factory=dict)
    windows: Mapping[str, timedelta] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("merge_probability", "suggest_probability", "frame_probability", "residual_probability"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must lie between 0 and 1")
        if self.suggest_probability > LARGEST_PROBABILITY:
            raise ValueError(f"suggest_probability must not be more than {LARGEST_PROBABILITY}")
        if self.merge_probability > self.suggest_probability:
            raise ValueError("suggest_probability must not be less than merge_probability")
        if self.frame_probability > self.residual_probability:
            raise ValueError("residual_probability must not be less than frame_probability")
        if not 0 < self.overlap_share <= 1:
            raise ValueError("overlap_share must lie above 0 and not above 1")
        if self.max_ellipse95_m <= 0:
            raise ValueError("max_ellipse95_m must be positive")
        if self.offset_floor_m < 0 or self.align_floor_m < 0:
            raise ValueError("offset_floor_m and align_floor_m must not be negative")
        if self.align_matches < 3 or self.clean_look_pictures < 1:
            raise ValueError("align_matches must be at least 3, and clean_look_pictures at least 1")
        if any(window <= timedelta(0) for window in self.windows.values()):
            raise ValueError("a window must be longer than nothing")

    def family_of(self, label: str) -> str:
        """The family that a label belongs to."""
        return self.families.get(label, label)


def load_rules(path: Path | None = None) -> IdentityRules:
    """Read the rules from `path`, or the defaults that come with the package.

    Raises:
        InputFileError: The file is not YAML of the shape described in the default file; names file, line and remedy.
    """
    source: Path | Traversable = files("geo.identity").joinpath("identity.yaml") if path is None else path
    try:
        text = source.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f"line {error.problem_mark.line + 1}"
        problem = f"is no YAML ({error.problem})"
        raise InputFileError(path=source, place=line, problem=problem, remedy=_REMEDY) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputFileError(path=source, problem=f"cannot be read ({error})", remedy=_REMEDY) from error
    return _Reader(source).rules(node)


class _Reader:
    """Reads one file; every refusal names the line."""

    def __init__(self, source: Path | Traversable) -> None:
        self._source = source

    def rules(self, node: yaml.Node | None) -> IdentityRules:
        known = {one.name: one for one in fields(IdentityRules) if one.name != "windows"}
        values: dict[str, object] = {}
        lines: dict[str, yaml.Node] = {}
        for name, value in self._entries(node, "the file", tuple(known)):
            lines[name] = value
            if name == "families":
                values["families"], values["windows"] = self._families(value)
            else:
                values[name] = self._number(name, value, whole=known[name].type == "int")
        try:
            return IdentityRules(**values)  # type: ignore[arg-type]
        except ValueError as error:
            # The message begins with the name of the field that does not fit.
            culprit = next((node for name, node in lines.items() if name in str(error)), node)
            raise self._refusal(culprit, str(error)) from error

    def _families(self, node: yaml.Node) -> tuple[Mapping[str, str], Mapping[str, timedelta]]:
        families: dict[str, str] = {}
        windows: dict[str, timedelta] = {}
        for family, table in self._entries(node, "families", None):
            for name, value in self._entries(table, f"families > {family}", _TABLES["families"]):
                if name == "window":
                    windows[family] = self._duration(value)
                    continue
                if not isinstance(value, yaml.SequenceNode):
                    raise self._refusal(value, f"labels of {family} must be a list")
                for item in value.value:
                    label = str(getattr(item, "value", ""))
                    if label in families:
                        raise self._refusal(item, f"the label {label!r} is in two families")
                    families[label] = family
        return MappingProxyType(families), MappingProxyType(windows)

    def _entries(
        self, node: yaml.Node | None, place: str, known: tuple[str, ...] | None
    ) -> list[tuple[str, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            raise self._refusal(node, f"{place} needs a table of keys")
        entries: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = str(key.value)
            if known is not None and name not in known:
                raise self._refusal(key, f"{place} has an unknown key {name!r}", f"Use one of: {', '.join(known)}")
            if name in entries:
                raise self._refusal(key, f"{place} has the key {name!r} twice", "Keep one of the two")
            entries[name] = value
        return list(entries.items())

    def _number(self, name: str, node: yaml.Node, *, whole: bool) -> float | int:
        value = yaml.safe_load(yaml.serialize(node))
        kinds = (int,) if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise self._refusal(node, f"{name} must be a {'whole ' if whole else ''}number, not {value!r}")
        return value

    def _duration(self, node: yaml.Node) -> timedelta:
        text = str(getattr(node, "value", ""))
        match = _DURATION.fullmatch(text)
        if match is None:
            raise self._refusal(node, f"{text!r} is no duration", "Write a number with min, h or d, like 72h")
        return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])

    def _refusal(self, node: yaml.Node | None, problem: str, remedy: str = _REMEDY) -> InputFileError:
        line = "" if node is None else f"line {node.start_mark.line + 1}"
        return InputFileError(path=self._source, place=line, problem=problem, remedy=remedy)
