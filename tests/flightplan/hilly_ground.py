"""A generated city between hills, as an elevation model: for tests and `benchmarks/city_planning.py --hills`.

Level ground, and hills of some hundred metres with flanks as steep as loose ground gets.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import Affine

from flightplan.ground.terrain import DemTerrain
from flightplan.mission.mission import Mission, TakeOff
from flightplan.projection import LocalFrame

Floats = NDArray[np.float64]

CELL_M = 30.0
BASE_M = 60.0
# Hills and the waves on them get weaker by this power of their length.
_ROUGHNESS = 2.1
_LONGEST_M = 9_000.0


def write_hills(
    path: Path, around: LocalFrame, *, reach_m: float, steepest_deg: float = 30.0, plain: float = 0.4, seed: int = 5
) -> DemTerrain:
    """Write a GeoTIFF of hills around a place, and open it.

    Args:
        path: The file.
        around: The middle.
        reach_m: Metres from the middle to each side that it covers.
        steepest_deg: One cell in a hundred is steeper.
        plain: Share of the ground that is nearly level.
        seed: Which hills.
    """
    cells = int(np.ceil(2 * reach_m / CELL_M))
    heights = _hills(cells, steepest_deg, plain, seed).astype(np.float32)
    corner, end = around.lonlat_from_en(np.array([(-reach_m, reach_m), (reach_m, -reach_m)]))
    step = (end - corner) / cells
    with rasterio.open(
        path, "w", driver="GTiff", width=cells, height=cells, count=1, dtype="float32", crs="EPSG:4326",
        transform=Affine(step[0], 0.0, corner[0], 0.0, step[1], corner[1]),
    ) as file:  # fmt: skip
        file.write(heights, 1)
    return DemTerrain.open(path)


class GroundGrid:
    """The heights of such a file, read and interpolated apart from the planner."""

    def __init__(self, path: Path) -> None:
        with rasterio.open(path) as file:
            self._heights = file.read(1).astype(float)
            self._back = ~file.transform

    def above_m(self, mission: Mission) -> Floats:
        """Heights above the ground every two metres between take-off and landing."""
        points = mission.waypoints
        height_m = next(item.alt_home_m for item in mission.items if isinstance(item, TakeOff))
        path = [(mission.home.lon, mission.home.lat, height_m), *((at.lon, at.lat, at.alt_m) for at in points)]
        frame = LocalFrame(lon=mission.home.lon, lat=mission.home.lat)
        lonlat, alt_m = np.array(path)[:, :2], np.array(path)[:, 2]
        flown_m = np.r_[0.0, np.cumsum(np.hypot(*np.diff(frame.en_from_lonlat(lonlat), axis=0).T))]
        at_m = np.unique(np.r_[np.arange(0.0, flown_m[-1], 2.0), flown_m])
        lon, lat, height = (np.interp(at_m, flown_m, column) for column in (lonlat[:, 0], lonlat[:, 1], alt_m))
        return np.asarray(height + mission.home.alt_msl_m - self._at(lon, lat))

    def _at(self, lon: Floats, lat: Floats) -> Floats:
        back = self._back
        column, row = back.a * lon + back.c - 0.5, back.e * lat + back.f - 0.5
        left, top = np.floor(column).astype(int), np.floor(row).astype(int)
        x, y, grid = column - left, row - top, self._heights
        upper = (1 - x) * grid[top, left] + x * grid[top, left + 1]
        lower = (1 - x) * grid[top + 1, left] + x * grid[top + 1, left + 1]
        return np.asarray((1 - y) * upper + y * lower)


def _hills(cells: int, steepest_deg: float, plain: float, seed: int) -> Floats:
    """Heights (cells, cells) above mean sea level."""
    rng = np.random.default_rng(seed)
    waves = np.hypot(np.fft.fftfreq(cells, CELL_M)[:, None], np.fft.rfftfreq(cells, CELL_M)[None, :])
    longest = 1 / min(_LONGEST_M, cells * CELL_M)
    strength = np.maximum(waves, longest) ** -_ROUGHNESS
    strength[0, 0] = 0.0
    rough = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(cells, cells))) * strength, s=(cells, cells))
    # What lies under the plain's level is filled nearly to it.
    above = rough - np.quantile(rough, plain)
    shape = np.where(above > 0, above, 0.03 * above)
    rise = np.gradient(shape, CELL_M)
    slope = np.hypot(rise[0], rise[1])
    steepest = np.quantile(slope, 0.99)
    return BASE_M + shape * np.tan(np.radians(steepest_deg)) / steepest
