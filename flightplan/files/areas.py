"""Areas to fly over, out of whatever a city keeps them in: GeoJSON, KML, KMZ, GeoPackage, Shapefile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.validation import explain_validity

from flightplan.errors import InputFileError
from flightplan.files.kml import kml_polygons
from flightplan.ground.area import LARGEST_AREA_M2, PatrolArea
from flightplan.ground.meridian import REMEDY, crosses_180
from geo.zones.crs import crs_of
from geo.zones.layers import Layer, is_geojson, read_layers

_NAMES = ("name", "NAME", "Name", "名称", "mc", "MC")


def area_of(path: Path | str, *, crs: str | None = None, encoding: str | None = None) -> PatrolArea:
    """All polygons of a file as one area for one drone; where they overlap or touch they become one.

    Args:
        path: GeoJSON, KML, KMZ, GeoPackage, Shapefile, or another format that GDAL knows.
        crs: What the coordinates are in, where the file does not tell it, like EPSG:4549 or GCJ-02.
        encoding: Of a Shapefile's texts, where the file does not tell it.

    Raises:
        geo.errors.InputFileError: The file is missing or broken, has no polygon, or one that crosses itself or
            lies off the earth, tells no coordinate system, or is too small or too large.
    """
    path = Path(path)
    if is_geojson(path):
        return PatrolArea.from_geojson(path)
    parts = areas_of(path, crs=crs, encoding=encoding)
    whole = shapely.union_all([part.polygon for part in parts])
    assert isinstance(whole, Polygon | MultiPolygon)
    area = PatrolArea(name=parts[0].name if len(parts) == 1 else path.stem, polygon=whole, source=str(path))
    if area.area_m2() > LARGEST_AREA_M2:
        raise InputFileError(
            path=path,
            problem=f"the area has {area.area_m2() / 1e6:,.0f} km², more than one drone can be planned for",
            remedy="Check the coordinates, or plan it for a fleet with --fleet",
        )
    return area


def areas_of(path: Path | str, *, crs: str | None = None, encoding: str | None = None) -> list[PatrolArea]:
    """Every polygon of a file as an area of its own, for a fleet: a city, or its grid cells.

    Raises:
        geo.errors.InputFileError: As `area_of`.
    """
    path = Path(path)
    if is_geojson(path):
        return PatrolArea.all_of_geojson(path)
    found = polygons_of(path, crs=crs, encoding=encoding)
    if not found:
        raise InputFileError(path=path, problem="there is no polygon in it", remedy="Give areas, not lines or points")
    return [PatrolArea(name=name or path.stem, polygon=polygon, source=str(path)) for name, polygon in found]


def shapes_of(path: Path | str, *, crs: str | None = None, encoding: str | None = None) -> list[Polygon]:
    """Every polygon of a file, however small: places that nobody may fly over.

    Raises:
        geo.errors.InputFileError: As `area_of`, the size left aside.
    """
    path = Path(path)
    if is_geojson(path):
        return PatrolArea.shapes_of_geojson(path)
    found = polygons_of(path, crs=crs, encoding=encoding)
    for name, polygon in found:
        if not polygon.is_valid:
            raise InputFileError(
                path=path,
                place=f"polygon {name!r:.60}" if name else "",
                problem=f"the outline crosses itself ({explain_validity(polygon):.80})",
                remedy="Move the corners so that no two sides cross",
            )
        if crosses_180(polygon):
            place = f"polygon {name!r:.60}" if name else ""
            raise InputFileError(path=path, place=place, problem="it is drawn across the 180° meridian", remedy=REMEDY)
    if not found:
        raise InputFileError(path=path, problem="there is no polygon in it", remedy="Give areas, not lines or points")
    return [polygon for _, polygon in found]


def polygons_of(path: Path, *, crs: str | None = None, encoding: str | None = None) -> list[tuple[str, Polygon]]:
    """Name (may be empty) and polygon, degrees, of every polygon of a KML, KMZ or file that GDAL knows."""
    if path.suffix.lower() in (".kml", ".kmz"):
        return kml_polygons(path)
    return [one for layer in read_layers(path, encoding=encoding) for one in _layer_polygons(path, layer, crs)]


def _layer_polygons(path: Path, layer: Layer, crs: str | None) -> Iterator[tuple[str, Polygon]]:
    if layer.unreadable:
        number, problem = next(iter(layer.unreadable.items()))
        raise InputFileError(
            path=path, place=f"{layer.name}, feature {number}", problem=problem, remedy="Repair it in a GIS"
        )
    if all(geometry is None for geometry in layer.geometries):
        return
    lonlat_from = crs_of(layer, crs).lonlat_from
    for record, geometry in zip(layer.records, layer.geometries, strict=True):
        name = next((str(record[key]) for key in _NAMES if record.get(key)), "")
        for part in shapely.get_parts(geometry) if geometry is not None else ():
            if isinstance(part, Polygon) and not part.is_empty:
                yield name, shapely.transform(part, lonlat_from)
