"""Models of the ground as files, of surfaces given by a formula."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
from geo_builders import LAT, LON
from pyproj import Transformer
from rasterio import Affine

from geo.frames import LocalFrame

FRAME = LocalFrame(lon=LON, lat=LAT)
Surface = Callable[[np.ndarray, np.ndarray], np.ndarray]


def a_dem(
    path: Path,
    surface: Surface,
    *,
    crs: str = "EPSG:32651",
    cell: float = 2.0,
    half: int = 260,
    nodata: float = -9999.0,
) -> Path:
    """A model of `surface(east_m, north_m)` around LON, LAT; heights are NaN where it has a gap."""
    to_crs = Transformer.from_crs("OGC:CRS84", crs, always_xy=True)
    x0, y0 = to_crs.transform(LON, LAT)
    x = x0 + (np.arange(2 * half) - half + 0.5) * cell
    y = y0 - (np.arange(2 * half) - half + 0.5) * cell
    grid_x, grid_y = np.meshgrid(x, y)
    lon, lat = to_crs.transform(grid_x.ravel(), grid_y.ravel(), direction="INVERSE")
    east, north = FRAME.en_from_lonlat(np.column_stack((lon, lat))).T
    heights = surface(east, north).reshape(grid_x.shape).astype(np.float32)
    heights[np.isnan(heights)] = nodata
    transform = Affine(cell, 0, x0 - half * cell, 0, -cell, y0 + half * cell)
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "width": 2 * half, "height": 2 * half}
    with rasterio.open(path, "w", crs=crs, transform=transform, nodata=nodata, **profile) as raster:
        raster.write(heights, 1)
    return path


def slope(east: np.ndarray, north: np.ndarray) -> np.ndarray:
    return 50.0 + 0.2 * east - 0.1 * north
