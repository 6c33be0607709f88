"""Zones as files: GeoJSON for the product, GeoPackage for people with a GIS; whole or not at all."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import mapping

from geo.errors import InputFileError
from geo.whole_file import whole_file
from geo.zones.report import ImportedZone

_TEXTS = ("kind", "code", "name", "class", "basis", "valid_from", "valid_to", "season_from", "season_to")
_CRS = "EPSG:4326"


def write_zones(path: Path, zones: Sequence[ImportedZone]) -> None:
    """Write a zones file that `Zones.from_file` reads: `.geojson`, `.json` or `.gpkg`, WGS 84, lon before lat.

    Raises:
        InputFileError: The name ends otherwise, or the file cannot be written; then there is none.
    """
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise InputFileError(path=path, problem="it is of no known kind", remedy="End its name with .geojson or .gpkg")
    from pyogrio.errors import DataSourceError  # loads GDAL, which takes its time

    try:
        with whole_file(path) as partial:
            write(partial, zones)
    except (OSError, DataSourceError) as error:
        raise InputFileError(path=path, problem=f"cannot be written ({error})", remedy="Check the folder") from error


def properties_of(one: ImportedZone) -> dict[str, Any]:
    """The properties that the zones file has for a zone."""
    return {**one.zone.properties, "kind": one.zone.kind, "code": one.zone.code, "name": one.zone.name}


def _write_geojson(path: Path, zones: Sequence[ImportedZone]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        for number, one in enumerate(zones):
            feature = {"type": "Feature", "properties": properties_of(one), "geometry": mapping(one.drawn)}
            file.write(("" if number == 0 else ",") + "\n" + json.dumps(feature, ensure_ascii=False, default=str))
        file.write("\n]}\n")


def _write_gpkg(path: Path, zones: Sequence[ImportedZone]) -> None:
    """Two layers, areas and lines: few programs draw a layer that mixes them."""
    written = False
    for layer, types in (("areas", ("Polygon", "MultiPolygon")), ("lines", ("LineString", "MultiLineString"))):
        chosen = [one for one in zones if one.drawn.geom_type in types]
        if chosen or (layer == "areas" and not zones):
            _write_layer(path, layer, types[1], chosen, append=written)
            written = True


def _write_layer(path: Path, layer: str, geometry_type: str, zones: Sequence[ImportedZone], *, append: bool) -> None:
    import pyogrio.raw

    columns = _columns(zones)
    shapes = np.array([one.drawn for one in zones], dtype=object)
    with warnings.catch_warnings():
        # GDAL wonders at a GeoPackage whose name says .partial; it gets its own in a moment.
        warnings.simplefilter("ignore", RuntimeWarning)
        pyogrio.raw.write(
            path, shapely.to_wkb(shapes), list(columns.values()), list(columns),
            layer=layer, driver="GPKG", geometry_type=geometry_type, promote_to_multi=True, crs=_CRS, append=append,
        )  # fmt: skip


def _columns(zones: Sequence[ImportedZone]) -> dict[str, Any]:
    rows = [properties_of(one) for one in zones]
    names = dict.fromkeys((*_TEXTS, *(name for row in rows for name in row)))
    return {name: _column([row.get(name) for row in rows]) for name in names}


def _column(values: list[Any]) -> Any:  # noqa: ANN401 - an array of whatever type fits
    if any(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values) and all(
        value is None or isinstance(value, (int, float)) for value in values
    ):
        return np.array([np.nan if value is None else float(value) for value in values])
    return np.array([None if value is None else _text(value) for value in values], dtype=object)


def _text(value: Any) -> str:  # noqa: ANN401 - whatever a property holds
    if isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value):
        return ",".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


_WRITERS: dict[str, Callable[[Path, Sequence[ImportedZone]], None]] = {
    ".geojson": _write_geojson,
    ".json": _write_geojson,
    ".gpkg": _write_gpkg,
}
WRITTEN_SUFFIXES = tuple(_WRITERS)
