"""The bed's world: a plane of metres about an origin, with hills that are a formula, so their heights are exact."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from rasterio import Affine

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Hills:
    """Rolling ground: waves of random direction over a slope.

    The plane is a transverse Mercator about (`lon`, `lat`): within 500 m, metres and angles in it are true to a
    centimetre and to 0.003 degrees.

    Attributes:
        lon: Origin's longitude, degrees, WGS 84.
        lat: Origin's latitude.
        base_m: Altitude of the origin's surroundings, above sea level.
        relief_m: Height of the hills, roughly from valley to top; 0 for level ground.
        wave_m: Shortest and longest distance from top to top.
        seed: Which hills.
    """

    lon: float = 118.87
    lat: float = 28.95
    base_m: float = 80.0
    relief_m: float = 24.0
    wave_m: tuple[float, float] = (170.0, 420.0)
    seed: int = 1

    @cached_property
    def _waves(self) -> tuple[Floats, Floats, Floats]:
        """Amplitude (n,), wave vector (n, 2) and phase (n,)."""
        rng = np.random.default_rng((self.seed, 1))
        length = np.geomspace(*self.wave_m, 5)
        bearing = rng.uniform(0, math.pi, 5)
        size = length / length.sum() * self.relief_m * 0.7
        vectors = (2 * math.pi / length)[:, None] * np.column_stack((np.cos(bearing), np.sin(bearing)))
        return size, vectors, rng.uniform(0, 2 * math.pi, 5)

    def heights(self, en_m: Floats) -> Floats:
        """Altitude (n,) at metres east, north (n, 2)."""
        size, vectors, phase = self._waves
        return np.asarray(self.base_m + np.sin(en_m @ vectors.T + phase) @ size)

    def heights_and_slopes(self, en_m: Floats) -> tuple[Floats, Floats]:
        """Altitude (n,), and its slope (n, 2) per metre east and north."""
        size, vectors, phase = self._waves
        angle = en_m @ vectors.T + phase
        return self.base_m + np.sin(angle) @ size, (np.cos(angle) * size) @ vectors

    @cached_property
    def steepest(self) -> float:
        """No slope is steeper than this."""
        size, vectors, _ = self._waves
        return float((size * np.linalg.norm(vectors, axis=1)).sum())

    @cached_property
    def _plane(self) -> CRS:
        return CRS.from_proj4(
            f"+proj=tmerc +lat_0={self.lat:.9f} +lon_0={self.lon:.9f} +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs"
        )

    @cached_property
    def _to_plane(self) -> Transformer:
        return Transformer.from_crs("OGC:CRS84", self._plane, always_xy=True)

    def lonlat(self, en_m: Floats) -> Floats:
        """Degrees (n, 2), lon before lat, of metres east, north (n, 2)."""
        points = np.asarray(en_m, dtype=np.float64).reshape(-1, 2)
        return np.column_stack(self._to_plane.transform(points[:, 0], points[:, 1], direction="INVERSE"))

    def en_m(self, lonlat_deg: Floats) -> Floats:
        """Metres east, north (n, 2) of degrees (n, 2), lon before lat."""
        points = np.asarray(lonlat_deg, dtype=np.float64).reshape(-1, 2)
        return np.column_stack(self._to_plane.transform(points[:, 0], points[:, 1]))

    def write_dem(self, path: Path, *, cell_m: float = 2.0, reach_m: float = 500.0) -> Path:
        """The hills as a GeoTIFF in the UTM zone of the place, which has other axes than the bed's plane.

        Args:
            path: The file.
            cell_m: Size of a cell.
            reach_m: Metres from the origin to each side that it covers.
        """
        utm = CRS.from_epsg((32600 if self.lat >= 0 else 32700) + int((self.lon + 180) // 6) + 1)
        from_utm = Transformer.from_crs(utm, self._plane, always_xy=True)
        middle = Transformer.from_crs("OGC:CRS84", utm, always_xy=True).transform(self.lon, self.lat)
        cells = math.ceil(2 * reach_m / cell_m)
        west, north = middle[0] - reach_m, middle[1] + reach_m
        steps = (np.arange(cells) + 0.5) * cell_m
        x, y = np.meshgrid(west + steps, north - steps)
        en = np.column_stack(from_utm.transform(x.ravel(), y.ravel()))
        heights = self.heights(en).reshape(cells, cells).astype(np.float32)
        shape = {"width": cells, "height": cells, "count": 1, "dtype": "float32", "compress": "deflate"}
        with rasterio.open(
            path, "w", driver="GTiff", crs=utm.to_wkt(), transform=Affine(cell_m, 0, west, 0, -cell_m, north), **shape
        ) as raster:
            raster.write(heights, 1)
        return path
