"""A city's own layers into zones: every feature is taken, mended and told of, left out by the map, or refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from geo.errors import InputFileError
from geo.zones.crs import SourceCrs, crs_of
from geo.zones.features import check_coordinates, zone_of
from geo.zones.layer_map import LayerRule, NotInMap, rule_of_zones_file
from geo.zones.layers import Layer, read_layers
from geo.zones.mending import CannotMend, mended
from geo.zones.report import ImportedLayer, ImportedZone, LayerReport, Remark
from geo.zones.values import code_of, day_of, month_day_of, names_of, text_of
from geo.zones.zone import ZONE_KINDS

_DRAW = "Draw it again, or delete the row"


def import_file(
    path: Path,
    rules: Sequence[LayerRule] | None = None,
    *,
    crs: str | None = None,
    encoding: str | None = None,
    on_feature: Callable[[], None] = lambda: None,
) -> list[ImportedLayer]:
    """The zones of all layers of a file.

    Args:
        path: GeoJSON, GeoPackage, Shapefile, KML or another format that GDAL knows.
        rules: What becomes what; None for a file whose fields have the names of a zones file already.
        crs: The coordinate system, where the file does not declare it.
        encoding: The texts' encoding, where the file does not tell it.
        on_feature: Called after each feature.

    Raises:
        InputFileError: The file or a whole layer cannot be used: no coordinate system, no such field, no rule for it.
    """
    for_file = [rule for rule in rules or () if rule.is_for_file(path)]
    told = encoding or next((rule.encoding for rule in for_file if rule.encoding), None)
    layers = read_layers(path, encoding=told)
    chosen = [(layer, _rules_for(layer, rules)) for layer in layers]
    if not any(found for _, found in chosen):
        raise InputFileError(
            path=path,
            problem=f"the map has no rule for its layers ({', '.join(layer.name for layer in layers)})",
            remedy="Add one of them under 'layers'",
        )
    return [_import_layer(layer, found, crs, on_feature) for layer, found in chosen]


def _rules_for(layer: Layer, rules: Sequence[LayerRule] | None) -> list[LayerRule]:
    if rules is None:
        if "kind" not in layer.fields and layer.records:
            raise _refuse_layer(
                layer,
                f"it has no field 'kind' (its fields: {', '.join(layer.fields) or 'none'})",
                "Say with --map what becomes what; docs/zones.md shows how",
            )
        return [rule_of_zones_file(layer)]
    found = [rule for rule in rules if rule.is_for(layer)]
    for rule in found:
        missing = [name for name in rule.fields_used() if name not in layer.fields]
        if missing and layer.records:
            raise _refuse_layer(
                layer,
                f"it has no field {missing[0]!r} (its fields: {', '.join(layer.fields) or 'none'})",
                "Correct the map",
            )
    return found


def _refuse_layer(layer: Layer, problem: str, remedy: str) -> InputFileError:
    return InputFileError(path=layer.file, place=f"layer {layer.name}", problem=problem, remedy=remedy)


def _import_layer(
    layer: Layer, rules: Sequence[LayerRule], crs: str | None, on_feature: Callable[[], None]
) -> ImportedLayer:
    if not rules:
        report = LayerReport(
            file=str(layer.file), layer=layer.name, crs="", features=len(layer.records), left_out=len(layer.records),
            remarks=("the map has no rule for it", *layer.remarks),
        )  # fmt: skip
        return ImportedLayer(zones=(), report=report)
    given = next((rule.crs for rule in rules if rule.crs), None) if crs is None else crs
    source = crs_of(layer, given)
    desk = _Desk(layer, source)
    for number, (record, geometry) in enumerate(zip(layer.records, layer.geometries, strict=True), start=1):
        desk.take(number, record, geometry, next((rule for rule in rules if rule.takes(record)), None))
        on_feature()
    return ImportedLayer(zones=tuple(desk.zones), report=desk.report())


class _Refused(Exception):
    """A feature that becomes no zone."""

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem, self.remedy = problem, remedy
        super().__init__(problem)


class _Desk:
    """Takes the features of one layer, one after the other."""

    def __init__(self, layer: Layer, crs: SourceCrs) -> None:
        self._layer, self._crs = layer, crs
        self.zones: list[ImportedZone] = []
        self._mended: list[Remark] = []
        self._refused: list[Remark] = []
        self._told: list[Remark] = []
        self._left_out = 0

    def take(
        self, number: int, record: Mapping[str, Any], geometry: BaseGeometry | None, rule: LayerRule | None
    ) -> None:
        """Make a zone of one feature, or note why not; `rule` is None for one that the map leaves out."""
        code = ""
        try:
            kind = None if rule is None else _kind(record, rule)
            if rule is None or kind is None:
                self._left_out += 1
                return
            if geometry is None:
                raise _Refused(self._layer.unreadable.get(number, "it has no geometry"), _DRAW)
            properties = _properties(record, rule)
            code = str(properties.get("code", ""))
            self._check_code(number, kind, code, rule)
            zone, changes = self._zone(number, kind, properties, geometry)
        except _Refused as error:
            self._refused.append(Remark(feature=number, code=code, problem=error.problem, remedy=error.remedy))
            return
        self.zones.append(zone)
        self._mended += [Remark(feature=number, code=zone.zone.code, problem=change) for change in changes]

    def _check_code(self, number: int, kind: str, code: str, rule: LayerRule) -> None:
        if kind != "grid" or not rule.digits or (code.isascii() and code.isdigit() and len(code) == rule.digits):
            return
        problem = f"the code {code!r} has not {rule.digits} digits" if code else "it has no code"
        if rule.refuses_codes:
            raise _Refused(problem, "Correct it; for codes of another sort put 'digits: 0' into the map")
        self._told.append(Remark(feature=number, code=code, problem=problem))

    def report(self) -> LayerReport:
        """What became of the features."""
        return LayerReport(
            file=str(self._layer.file),
            layer=self._layer.name,
            crs=self._crs.name,
            features=len(self._layer.records),
            taken=dict(Counter(one.zone.kind for one in self.zones)),
            left_out=self._left_out,
            mended=tuple(self._mended),
            refused=tuple(self._refused),
            told=tuple(self._told),
            remarks=self._layer.remarks,
        )

    def _zone(
        self, number: int, kind: str, properties: dict[str, Any], geometry: BaseGeometry
    ) -> tuple[ImportedZone, list[str]]:
        changes = ["a ring was not closed, and was closed"] if number in self._layer.closed else []
        lonlat = shapely.transform(geometry, self._crs.lonlat_from)

        def refuse(problem: str, remedy: str) -> InputFileError:
            return InputFileError(path=self._layer.file, problem=problem, remedy=remedy)

        try:
            check_coordinates(lonlat, refuse)
            result = mended(lonlat, kind)
            zone = zone_of({"kind": kind, **properties}, result.geometry, number, refuse)
        except CannotMend as error:
            raise _Refused(str(error), _DRAW) from error
        except InputFileError as error:
            raise _Refused(error.problem, error.remedy) from error
        return ImportedZone(zone=zone, drawn=result.geometry, layer=self._layer.name, feature=number), [
            *changes,
            *result.changes,
        ]


def _kind(record: Mapping[str, Any], rule: LayerRule) -> str | None:
    try:
        kind = text_of(rule.kind.of(record))
    except NotInMap as error:
        raise _Refused(str(error), "Add it to the values of 'kind'; null leaves such features out") from error
    if kind is not None and kind not in ZONE_KINDS:
        raise _Refused(f"unknown kind {kind!r}", f"Use one of: {', '.join(ZONE_KINDS)}")
    if kind is None and not rule.kind.values:
        raise _Refused("it has no kind", f"Set it to one of: {', '.join(ZONE_KINDS)}")
    return kind


def _properties(record: Mapping[str, Any], rule: LayerRule) -> dict[str, Any]:
    """The properties that the zones file has for this feature; those without a value are left out."""
    found: dict[str, Any] = {name: record.get(name) for name in rule.keep}
    for name, source in rule.sources().items():
        try:
            found[name] = _written(name, source.of(record))
        except NotInMap as error:
            raise _Refused(str(error), f"Add it to the values of '{name}'") from error
        except ValueError as error:
            raise _Refused(
                f"'{name}': {error}", "Write it with the year first, like 2026-05-01; of a season 05-01"
            ) from error
    return {name: value for name, value in found.items() if value is not None}


def _written(name: str, value: Any) -> Any:  # noqa: ANN401 - whatever a field holds
    if name == "code":
        return code_of(value)
    if name in ("valid_from", "valid_to"):
        day = day_of(value)
        return None if day is None else day.isoformat()
    if name in ("season_from", "season_to"):
        return month_day_of(value)
    if name == "labels":
        return names_of(value)
    return value if name == "width_m" else text_of(value)
