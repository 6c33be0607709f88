"""Cases as a GeoPackage: points in WGS 84 with the columns of the table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely

LAYER = "cases"


def write_geopackage(path: Path, rows: Sequence[dict[str, Any]], header: Sequence[str]) -> None:
    """Write a new file.

    Args:
        path: Where; its name ends with .gpkg.
        rows: Values by the names of columns, `lon` and `lat` among them.
        header: The names of the columns in their order.
    """
    import pyogrio.raw  # loads GDAL, which takes its time

    places = np.array([(row["lon"], row["lat"]) for row in rows], dtype=np.float64).reshape(-1, 2)
    pyogrio.raw.write(
        path,
        shapely.to_wkb(shapely.points(places)),
        [_column([row[name] for row in rows]) for name in header],
        list(header),
        layer=LAYER,
        driver="GPKG",
        geometry_type="Point",
        crs="EPSG:4326",
    )


def _column(values: list[Any]) -> Any:  # noqa: ANN401 - an array of whatever type fits
    told = [value for value in values if value is not None]
    if told and all(isinstance(value, bool) for value in values):
        return np.array(values, dtype=bool)
    if told and all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return np.array(values, dtype=np.int64)
    if told and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in told):
        return np.array([np.nan if value is None else float(value) for value in values])
    return np.array([None if value is None else str(value) for value in values], dtype=object)
