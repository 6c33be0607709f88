"""Vector layers of other people's files, as they stand: GeoJSON by hand, everything else by GDAL."""

from __future__ import annotations

import codecs
import contextlib
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geo.errors import InputFileError
from geo.zones.dbf import encoding_of_shapefile
from geo.zones.geojson import geometry_of, read_collection

SUFFIXES = (".geojson", ".json", ".gpkg", ".shp", ".kml", ".kmz", ".gdb", ".fgb", ".tab")
"""Names that a folder is searched for; a file that is named itself may have any."""

_WITHOUT_UNICODE = (".shp", ".shz", ".zip", ".dbf", ".tab", ".mif")
GEOJSON_DEFAULT_CRS = "OGC:CRS84"


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """One layer of a file.

    Attributes:
        file: Where it came from.
        name: Its name in the file; of a file without layers, the file's name without suffix.
        fields: Names of its fields.
        records: One mapping of field to value for each feature; None for no value.
        geometries: One for each feature, two-dimensional, in the layer's own coordinates; None where there is none.
        unreadable: What is wrong with geometries that are None but should be something, by feature number from 1.
        closed: Numbers of features one of whose rings was not closed, and was.
        declared_crs: The coordinate system that the file declares, as pyproj understands it; None if it declares none.
        crs_by_default: Whether it is only the one that the format has where nothing else is said.
        remarks: What GDAL had to say.
    """

    file: Path
    name: str
    fields: tuple[str, ...]
    records: Sequence[Mapping[str, Any]]
    geometries: Sequence[BaseGeometry | None]
    unreadable: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    closed: frozenset[int] = frozenset()
    declared_crs: str | None
    crs_by_default: bool = False
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.records) != len(self.geometries):
            raise ValueError("a layer has one record for each geometry")


def is_geojson(path: Path) -> bool:
    """Whether a file is to be read as GeoJSON: it begins like JSON, or its name says so."""
    if path.suffix.lower() in (".geojson", ".json"):
        return True
    try:
        with path.open("rb") as file:
            return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    except OSError:
        return False


def read_layers(path: Path, *, encoding: str | None = None) -> list[Layer]:
    """All layers of a file that have geometries.

    Args:
        path: GeoJSON, GeoPackage, Shapefile, KML, KMZ or another format that GDAL knows.
        encoding: Of a Shapefile's texts, where the file does not tell it, like GBK; formats in Unicode need none.

    Raises:
        InputFileError: The file cannot be read, has no layer, or does not tell its encoding.
    """
    if not path.exists():
        raise InputFileError(path=path, problem="no such file", remedy="Check the path")
    if is_geojson(path):
        return [_geojson_layer(path)]
    if path.suffix.lower() not in _WITHOUT_UNICODE:
        encoding = None
    elif encoding is not None:
        _check_encoding(path, encoding)
    elif path.suffix.lower() == ".shp":
        encoding = encoding_of_shapefile(path)
    read, remarks = _read_with_gdal(path, encoding)
    if not read:
        raise InputFileError(path=path, problem="it has no layer of areas or lines", remedy="Export the layer again")
    return [_gdal_layer(path, name, parts, remarks) for name, parts in read]


def _read_with_gdal(path: Path, encoding: str | None) -> tuple[list[tuple[str, tuple[Any, ...]]], tuple[str, ...]]:
    """Each layer's name and what pyogrio reads of it, and what GDAL had to say."""
    # Imported here, for GDAL takes its time to load, and most zones files are GeoJSON.
    import pyogrio
    import pyogrio.raw
    from pyogrio.errors import DataLayerError, DataSourceError

    whole = path.absolute()
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            names = [str(name) for name, kind in pyogrio.list_layers(whole) if kind is not None]
            read = [(name, pyogrio.raw.read(whole, layer=name, encoding=encoding)) for name in names]
    except UnicodeDecodeError as error:
        raise _refuse(
            path, f"its texts are not in {error.encoding}", "Name their encoding, like --encoding GBK"
        ) from error
    except (DataSourceError, DataLayerError) as error:
        remedy = "Export it as GeoPackage, Shapefile, KML or GeoJSON again"
        if path.suffix.lower() == ".shp":
            remedy = "Keep its .shx, .dbf and .prj beside it, as they were exported"
        raise _refuse(path, _first_sentence(error), remedy) from error
    # An unclosed ring is told of at its feature.
    words = dict.fromkeys(str(one.message) for one in told if "Non closed ring" not in str(one.message))
    return read, tuple(words)


def _check_encoding(path: Path, encoding: str) -> None:
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        raise _refuse(path, str(error), "Name an encoding like GBK or UTF-8") from error


def _geojson_layer(path: Path) -> Layer:
    features, crs = read_collection(path)
    records: list[Mapping[str, Any]] = []
    geometries: list[BaseGeometry | None] = []
    unreadable: dict[int, str] = {}
    for number, feature in enumerate(features, start=1):
        is_feature = isinstance(feature, dict) and feature.get("type") == "Feature"
        properties = feature.get("properties") if is_feature else None
        records.append(properties if isinstance(properties, dict) else {})
        geometries.append(None)
        if not is_feature:
            unreadable[number] = "not a GeoJSON Feature"
        elif feature.get("geometry") is not None:
            try:
                geometries[-1] = geometry_of(feature["geometry"])
            except ValueError as error:
                unreadable[number] = str(error)
    return Layer(
        file=path,
        name=path.stem,
        fields=tuple(dict.fromkeys(name for record in records for name in record)),
        records=records,
        geometries=geometries,
        unreadable=unreadable,
        declared_crs=crs or GEOJSON_DEFAULT_CRS,
        crs_by_default=crs is None,
    )


def _gdal_layer(path: Path, name: str, parts: tuple[Any, ...], remarks: tuple[str, ...]) -> Layer:
    """A layer of what pyogrio read: its facts, numbers of features (unused), geometries as WKB, and columns."""
    meta, _, wkb, columns = parts
    fields = tuple(str(one) for one in meta["fields"])
    rows = [[_value(value) for value in column] for column in columns]
    wkb = [] if wkb is None else wkb
    texts = [*fields, *(value for row in rows for value in row if isinstance(value, str))]
    values = zip(*rows, strict=True) if rows else iter([()] * len(wkb))
    geometries, unreadable, closed = _geometries(wkb)
    return Layer(
        file=path,
        name=name,
        fields=fields,
        records=[dict(zip(fields, record, strict=True)) for record in values],
        geometries=geometries,
        unreadable=unreadable,
        closed=closed,
        declared_crs=meta["crs"],
        remarks=remarks + _looks_misread(texts),
    )


def _looks_misread(texts: Iterable[str]) -> tuple[str, ...]:
    """A remark on texts that declare Latin letters but make Chinese ones as GBK; many programs declare wrongly."""
    for text in texts:
        if not text.isascii() and max(text) <= "\xff":
            with contextlib.suppress(UnicodeError):
                meant = text.encode("latin-1").decode("gbk")
                if any("\u4e00" <= letter <= "\u9fff" for letter in meant):
                    return (f"{text!r} may be {meant!r}: if so, name --encoding GBK",)
    return ()


def _geometries(wkb: Sequence[bytes | None]) -> tuple[list[BaseGeometry | None], dict[int, str], frozenset[int]]:
    geometries: list[BaseGeometry | None] = []
    unreadable: dict[int, str] = {}
    closed: set[int] = set()
    for number, one in enumerate(wkb, start=1):
        geometries.append(None)
        try:
            geometries[-1] = shapely.force_2d(shapely.from_wkb(one))
        except shapely.GEOSException as error:
            try:
                geometries[-1] = shapely.force_2d(shapely.from_wkb(one, on_invalid="fix"))
                closed.add(number)
            except shapely.GEOSException:
                unreadable[number] = f"the geometry cannot be read ({error})"
    return geometries, unreadable, frozenset(closed)


def _value(value: Any) -> Any:  # noqa: ANN401 - whatever a field holds
    """A field's value as JSON has it: days as ISO texts, nothing for bytes and for what is no number."""
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value.astype("datetime64[D]"))
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, np.ndarray):
        return [_value(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value


def _refuse(path: Path, problem: str, remedy: str) -> InputFileError:
    return InputFileError(path=path, problem=f"cannot be read ({problem})", remedy=remedy)


def _first_sentence(error: Exception) -> str:
    return str(error).split(";")[0].split(". ")[0].strip().rstrip(".")
