"""The map from a city's own layers to zones: which layer is which kind, and which field holds what; YAML, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from dataclasses import field as made
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from geo.errors import InputFileError
from geo.zones.layers import Layer
from geo.zones.values import text_of
from geo.zones.zone import ZONE_KINDS

GRID_DIGITS = 15
_COMPARE = "Compare with docs/zones.md"


class NotInMap(ValueError):
    """A value of a field that its list of `values` does not name."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a property comes from: a field, a field whose values are named, or one value for all.

    Attributes:
        field: Name of the field; None for one value for all.
        values: What the field's values stand for, as texts; empty to take them as they are.
        value: The value for all.
    """

    field: str | None = None
    values: Mapping[str, Any] = made(default_factory=lambda: MappingProxyType({}))
    value: Any = None

    def of(self, record: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever a field holds
        """The value for one feature.

        Raises:
            NotInMap: The field holds a value that `values` does not name.
        """
        if self.field is None:
            return self.value
        found = record.get(self.field)
        if not self.values:
            return found
        key = text_of(found) or ""
        if key not in self.values:
            raise NotInMap(f"{self.field} is {found!r}, which the map does not name")
        return self.values[key]


@dataclass(frozen=True, kw_only=True)
class LayerRule:
    """What the features of one layer become; see docs/zones.md.

    Attributes:
        kind: Where the kind comes from.
        layer: Name of the layer, with * and ? for any letters.
        file: Name of the file, the same.
        where: Only features with these values of these fields.
        code: Where the code comes from; likewise the other properties.
        name: For people.
        road_class: Written as `class`.
        basis: Legal basis or notice.
        valid_from: First day.
        valid_to: Last day.
        season_from: First day of every year.
        season_to: Last day of every year.
        width_m: Width of a line.
        labels: Whom deceiving ground deceives.
        keep: Other fields to be kept as they are.
        digits: How many digits a grid's code has, 0 for any code.
        refuses_codes: Whether a grid with another code is refused, not only told of.
        crs: The coordinate system, where the file does not declare it.
        encoding: The texts' encoding, where the file does not tell it.
    """

    kind: Source
    layer: str = "*"
    file: str = "*"
    where: Mapping[str, tuple[str, ...]] = made(default_factory=lambda: MappingProxyType({}))
    code: Source | None = None
    name: Source | None = None
    road_class: Source | None = None
    basis: Source | None = None
    valid_from: Source | None = None
    valid_to: Source | None = None
    season_from: Source | None = None
    season_to: Source | None = None
    width_m: Source | None = None
    labels: Source | None = None
    keep: tuple[str, ...] = ()
    digits: int = GRID_DIGITS
    refuses_codes: bool = True
    crs: str | None = None
    encoding: str | None = None

    def is_for(self, layer: Layer) -> bool:
        """Whether this rule is for the features of that layer."""
        return fnmatchcase(layer.name, self.layer) and self.is_for_file(layer.file)

    def is_for_file(self, file: Path) -> bool:
        """Whether this rule is for layers of that file."""
        return fnmatchcase(file.name, self.file)

    def takes(self, record: Mapping[str, Any]) -> bool:
        """Whether it is for this feature."""
        return all((text_of(record.get(name)) or "") in wanted for name, wanted in self.where.items())

    def sources(self) -> Mapping[str, Source]:
        """The properties of a zone that this rule gives, by their names in the zones file."""
        named = {_WRITTEN_AS.get(name, name): getattr(self, name) for name in _PROPERTIES}
        return {name: source for name, source in named.items() if source is not None}

    def fields_used(self) -> tuple[str, ...]:
        """Every field that a layer must have for this rule."""
        used = [self.kind.field, *(source.field for source in self.sources().values()), *self.where, *self.keep]
        return tuple(dict.fromkeys(name for name in used if name is not None))


_PROPERTIES = (
    "code", "name", "road_class", "basis", "valid_from", "valid_to", "season_from", "season_to", "width_m", "labels",
)  # fmt: skip
_WRITTEN_AS = {"road_class": "class"}
_KEYS = tuple(_WRITTEN_AS.get(one.name, one.name) for one in fields(LayerRule) if one.name != "refuses_codes")


def rule_of_zones_file(layer: Layer) -> LayerRule:
    """The rule of a layer whose fields have the names of a zones file already."""
    known = {name: Source(field=_WRITTEN_AS.get(name, name)) for name in _PROPERTIES}
    has = {name: source for name, source in known.items() if source.field in layer.fields}
    others = [name for name in layer.fields if name != "kind" and name not in {one.field for one in has.values()}]
    return LayerRule(kind=Source(field="kind"), keep=tuple(others), refuses_codes=False, **has)  # type: ignore[arg-type]


def load_layer_map(path: Path) -> tuple[LayerRule, ...]:
    """Read a map.

    Raises:
        InputFileError: It is not YAML of the shape that docs/zones.md describes.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise InputFileError(path=path, problem="no such file", remedy="Check the path") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        words = " ".join(str(error).split())
        raise InputFileError(path=path, problem=f"cannot be read as YAML ({words})", remedy=_COMPARE) from error
    rules = raw.get("layers") if isinstance(raw, dict) else None
    if not isinstance(rules, list) or not rules:
        raise InputFileError(path=path, problem="it has no list 'layers'", remedy=_COMPARE)
    return tuple(_Reader(path, f"layers[{number}]").rule(entry) for number, entry in enumerate(rules))


class _Reader:
    """Reads one entry; whatever does not fit is refused with its place."""

    def __init__(self, path: Path, place: str) -> None:
        self._path, self._place = path, place

    def rule(self, entry: object) -> LayerRule:
        table = self._table(entry, _KEYS, "")
        if "kind" not in table:
            raise self._refuse("kind", "is missing", f"Set it to one of: {', '.join(ZONE_KINDS)}")
        parts: dict[str, Any] = {"kind": self._kind(table["kind"])}
        for name in _PROPERTIES:
            written = _WRITTEN_AS.get(name, name)
            if written in table:
                parts[name] = self._source(written, table[written])
        for name in ("layer", "file", "crs", "encoding"):
            if name in table:
                parts[name] = self._text(name, table[name])
        parts["where"] = MappingProxyType(self._where(table.get("where", {})))
        parts["keep"] = tuple(self._text("keep", one) for one in _as_list(table.get("keep", [])))
        digits = table.get("digits", GRID_DIGITS)
        if not isinstance(digits, int) or isinstance(digits, bool) or digits < 0:
            raise self._refuse("digits", f"is {digits!r}", "Give how many digits a code has, 0 for any")
        return LayerRule(**parts, digits=digits)

    def _kind(self, raw: object) -> Source:
        source = Source(value=raw) if isinstance(raw, str) else self._source("kind", raw)
        named = list(source.values.values()) if source.values else [source.value] if source.field is None else []
        unknown = [kind for kind in named if kind is not None and kind not in ZONE_KINDS]
        if unknown:
            raise self._refuse("kind", f"names the unknown kind {unknown[0]!r}", f"Use one of: {', '.join(ZONE_KINDS)}")
        return source

    def _source(self, name: str, raw: object) -> Source:
        if isinstance(raw, str):
            return Source(field=raw)
        table = self._table(raw, ("field", "values", "value"), name)
        values = table.get("values", {})
        if ("field" in table) == ("value" in table) or ("value" in table and values) or not isinstance(values, Mapping):
            raise self._refuse(name, "needs a field, a field with values, or one value", _COMPARE)
        field_name = self._text(name, table["field"]) if "field" in table else None
        named = MappingProxyType({str(key).strip(): value for key, value in values.items()})
        return Source(field=field_name, values=named, value=table.get("value"))

    def _where(self, raw: object) -> dict[str, tuple[str, ...]]:
        if not isinstance(raw, Mapping):
            raise self._refuse("where", "is no table of fields", _COMPARE)
        return {str(name): tuple(str(value).strip() for value in _as_list(wanted)) for name, wanted in raw.items()}

    def _text(self, name: str, raw: object) -> str:
        if not isinstance(raw, str) or not raw:
            raise self._refuse(name, f"is {raw!r}, not a text", _COMPARE)
        return raw

    def _table(self, raw: object, known: Sequence[str], name: str) -> Mapping[str, Any]:
        if not isinstance(raw, Mapping):
            raise self._refuse(name, f"is {raw!r}, not a table of keys", _COMPARE)
        unknown = [str(key) for key in raw if key not in known]
        if unknown:
            raise self._refuse(name, f"has the unknown key {unknown[0]}", f"Use one of: {', '.join(known)}")
        return raw

    def _refuse(self, name: str, problem: str, remedy: str) -> InputFileError:
        place = f"{self._place}.{name}" if name else self._place
        return InputFileError(path=self._path, place=place, problem=problem, remedy=remedy)


def _as_list(raw: object) -> list[Any]:
    return list(raw) if isinstance(raw, (list, tuple)) else [raw]
