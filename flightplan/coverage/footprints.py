"""How often each spot of an area is seen: photo footprints counted over a fine grid of sample points."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class CoverageShare:
    """Shares (0 to 1) of an area that at least one, and at least five photos show."""

    seen_once: float
    seen_five_times: float


class SampleGrid:
    """Sample points inside a polygon, in the frame whose first axis runs along the rows (metres)."""

    def __init__(self, area_uv: Polygon, most_points: int = 50_000, fine_enough_m: float = 0.0) -> None:
        west, south, east, north = area_uv.bounds
        narrow_m = min(east - west, north - south)
        self.cell_m = max(
            math.sqrt((east - west) * (north - south) / most_points), narrow_m / 400, min(fine_enough_m, narrow_m / 20)
        )
        self._west, self._south = west, south
        self._shape = (math.ceil((east - west) / self.cell_m), math.ceil((north - south) / self.cell_m))
        u = west + (np.arange(self._shape[0]) + 0.5) * self.cell_m
        v = south + (np.arange(self._shape[1]) + 0.5) * self.cell_m
        grid_u, grid_v = np.meshgrid(u, v, indexing="ij")
        shapely.prepare(area_uv)
        self._inside = shapely.contains_xy(area_uv, grid_u, grid_v)

    def counts(self, photos_uv_m: FloatArray, along_m: float, across_m: float) -> NDArray[np.int32]:
        """Photos per sample point inside, for photos (n, 2) whose footprint is `along_m` by `across_m`."""
        low_u = self._index((photos_uv_m[:, 0] - along_m / 2 - self._west), 0)
        high_u = self._index((photos_uv_m[:, 0] + along_m / 2 - self._west), 0)
        low_v = self._index((photos_uv_m[:, 1] - across_m / 2 - self._south), 1)
        high_v = self._index((photos_uv_m[:, 1] + across_m / 2 - self._south), 1)
        corners = np.zeros((self._shape[0] + 1, self._shape[1] + 1), dtype=np.int32)
        np.add.at(corners, (low_u, low_v), 1)
        np.add.at(corners, (high_u, high_v), 1)
        np.add.at(corners, (low_u, high_v), -1)
        np.add.at(corners, (high_u, low_v), -1)
        summed = corners.cumsum(axis=0, dtype=np.int32).cumsum(axis=1, dtype=np.int32)
        return summed[:-1, :-1][self._inside]

    def points_uv_m(self) -> FloatArray:
        """The sample points (n, 2), aligned with `counts`."""
        index_u, index_v = np.nonzero(self._inside)
        return np.column_stack(
            [self._west + (index_u + 0.5) * self.cell_m, self._south + (index_v + 0.5) * self.cell_m]
        )

    def _index(self, offset_m: FloatArray, axis: int) -> NDArray[np.int64]:
        """First sample whose middle lies at or beyond the offset."""
        return np.clip(np.ceil(offset_m / self.cell_m - 0.5), 0, self._shape[axis]).astype(np.int64)


def share(counts: NDArray[np.int32]) -> CoverageShare:
    """The shares of a count per sample point."""
    if counts.size == 0:
        return CoverageShare(seen_once=0.0, seen_five_times=0.0)
    return CoverageShare(seen_once=float((counts >= 1).mean()), seen_five_times=float((counts >= 5).mean()))
