"""Layers as cities hand them over, written by GDAL, for the tests of their import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pyproj
import shapely
import yaml

CITY_LON, CITY_LAT = 120.15, 30.25
GRID_CODE = "330106001001{:03d}"


def square(east_m: float, north_m: float, side_m: float = 100.0, epsg: int = 4549) -> shapely.Polygon:
    """A square in the metres of a Gauss-Krueger grid, its south-west corner so far from the city's middle."""
    east, north = pyproj.Transformer.from_crs(4490, epsg, always_xy=True).transform(CITY_LON, CITY_LAT)
    return shapely.box(east + east_m, north + north_m, east + east_m + side_m, north + north_m + side_m)


def in_degrees(shape: shapely.Geometry, epsg: int = 4549) -> shapely.Geometry:
    transformer = pyproj.Transformer.from_crs(epsg, pyproj.CRS(epsg).geodetic_crs, always_xy=True)
    return shapely.transform(shape, lambda xy: np.column_stack(transformer.transform(*xy.T)))


def write_layer(
    path: Path,
    shapes: Sequence[shapely.Geometry | None],
    columns: Mapping[str, Sequence[Any]],
    *,
    crs: str | None = "EPSG:4549",
    layer: str | None = None,
    geometry_type: str = "Polygon",
    encoding: str | None = None,
    append: bool = False,
) -> Path:
    arrays = [
        np.array(values, dtype=None if isinstance(values[0], (int, float)) else object) for values in columns.values()
    ]
    driver = {".shp": "ESRI Shapefile", ".gpkg": "GPKG", ".kml": "LIBKML", ".geojson": "GeoJSON"}[path.suffix]
    options = {} if encoding is None else {"encoding": encoding}
    pyogrio.raw.write(
        path, shapely.to_wkb(np.array(shapes, dtype=object)), arrays, list(columns), layer=layer, driver=driver,
        geometry_type=geometry_type, crs=crs or "EPSG:4549", append=append, **options,
    )  # fmt: skip
    if crs is None:
        path.with_suffix(".prj").unlink()
    return path


def write_map(path: Path, *layers: Mapping[str, Any]) -> Path:
    path.write_text(yaml.safe_dump({"layers": [dict(one) for one in layers]}, allow_unicode=True), encoding="utf-8")
    return path
