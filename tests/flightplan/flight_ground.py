"""Generated elevation models around the tests' home, as GeoTIFFs in metres of UTM."""

from __future__ import annotations

import numpy as np
import rasterio
from flight_builders import FRAME
from pyproj import Transformer
from rasterio import Affine

from flightplan.ground.terrain import DemTerrain

HOME_M = 71.5
UTM = "EPSG:32650"


def a_model(path, height_m, *, cell_m=10.0, reach_m=800.0, nodata=None, around=FRAME):
    """A GeoTIFF around a place in metres of UTM 50; `height_m` gets metres east and north of that place."""
    east, north = Transformer.from_crs("OGC:CRS84", UTM, always_xy=True).transform(around.lon, around.lat)
    cells = int(2 * reach_m / cell_m)
    middles = (np.arange(cells) + 0.5) * cell_m - reach_m
    x, y = np.meshgrid(middles, -middles)
    to_lonlat = Transformer.from_crs(UTM, "OGC:CRS84", always_xy=True)
    places = around.en_from_lonlat(np.column_stack(to_lonlat.transform(x.ravel() + east, y.ravel() + north)))
    heights = height_m(places[:, 0], places[:, 1]).reshape(x.shape).astype(np.float32)
    with rasterio.open(
        path, "w", driver="GTiff", width=cells, height=cells, count=1, dtype="float32", crs=UTM, nodata=nodata,
        transform=Affine(cell_m, 0.0, east - reach_m, 0.0, -cell_m, north + reach_m),
    ) as file:  # fmt: skip
        file.write(heights, 1)
    return DemTerrain.open(path)
