"""The ground under a flight, from an elevation model in any coordinate system."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from geo.dem_raster import DemPiece, DemRaster

Floats = NDArray[np.float64]


class Terrain(Protocol):
    """Whatever knows the ground's height."""

    def heights_m(self, lonlat: Floats) -> Floats:
        """Heights above mean sea level (n,) at degrees (n, 2) longitude, latitude; NaN where it is not known."""


class DemTerrain:
    """Terrain from a GeoTIFF."""

    def __init__(self, raster: DemRaster, path: Path) -> None:
        self.path = path
        self._raster = raster
        self._piece: DemPiece | None = None

    @classmethod
    def open(cls, path: Path | str) -> DemTerrain:
        """Look at a file's header; heights are read where they are asked for.

        Raises:
            InputFileError: The file is no raster, or says no coordinate system.
        """
        return cls(DemRaster.open(Path(path)), Path(path))

    def heights_m(self, lonlat: Floats) -> Floats:
        """Bilinear heights (n,) at degrees (n, 2); NaN in gaps and beyond the model's edge.

        Raises:
            InputFileError: The file cannot be read any more.
        """
        points = np.atleast_2d(np.asarray(lonlat, dtype=float))
        cells = self._raster.cells_of(points)
        if self._piece is None or not self._piece.holds(cells):
            # As much again to each side: the next question is asked nearby.
            self._piece = self._raster.read(cells, beyond=1.0)
        column, row = self._piece.cells_from_raster(cells).T
        return self._piece.surface.at(column, row)
