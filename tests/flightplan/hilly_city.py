"""A generated city between hills, as an elevation model: for tests and `benchmarks/city_planning.py --hills`.

Level ground with valleys, and hills of up to some hundred metres whose flanks are as steep as slopes of loose ground get.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import Affine

from flightplan.ground.terrain import DemTerrain
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
