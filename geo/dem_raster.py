"""Reading pieces of an elevation model: any raster that says its coordinate system, through rasterio."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioIOError
from rasterio.windows import Window

from geo.dem_surface import DemSurface, Singles
from geo.errors import InputFileError

Floats = npt.NDArray[np.float64]

_MOST_CELLS_PER_SIDE = 4000


@dataclass(frozen=True, kw_only=True, eq=False)
class DemPiece:
    """A window of a raster.

    Attributes:
        surface: Its heights.
        origin: Column and row of the raster where the window begins.
        size: Columns and rows of the raster that it covers.
        shrink: Cells of the surface per cell of the raster, across and down; less than 1 where it was made coarser.
        raster_size: Columns and rows of the whole raster.
    """

    surface: DemSurface
    origin: tuple[int, int]
    size: tuple[int, int]
    shrink: tuple[float, float]
    raster_size: tuple[int, int]

    def holds(self, cells: Floats) -> bool:
        """Whether all that the raster has around these columns and rows (n, 2) is in this piece, at full resolution."""
        if min(self.shrink) < 1.0:
            return False
        low, high = _box(cells, self.raster_size)
        end = np.add(self.origin, self.size)
        return bool((low >= self.origin).all() and (high <= end).all())

    def cells_from_raster(self, cells: Floats) -> Floats:
        """Columns and rows (n, 2) of the surface, of those of the raster, which count from its corner."""
        # From the corner to the middle of a cell is half a cell, and the surface has a rim of one.
        return (cells - self.origin) * self.shrink - 0.5 + 1.0


class DemRaster:
    """An elevation model's file."""

    def __init__(self, path: Path, *, crs: CRS, size: tuple[int, int], back: rasterio.Affine) -> None:
        self._path = path
        self._size = size
        self._back = back
        self._from_lonlat = Transformer.from_crs("OGC:CRS84", crs, always_xy=True)

    @classmethod
    def open(cls, file: Path) -> DemRaster:
        """Look at a file's header.

        Raises:
            InputFileError: The file is no raster, or has no coordinate system that can be used.
        """
        if not file.is_file():
            raise InputFileError(path=file, problem="no such file", remedy="Check the path")
        try:
            with warnings.catch_warnings():
                # The refusal below says it better.
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                with rasterio.open(file) as raster:
                    told, transform, size = raster.crs, raster.transform, (raster.width, raster.height)
        except RasterioIOError as error:
            raise InputFileError(path=file, problem="not a readable raster", remedy="Give a GeoTIFF") from error
        if told is None or transform.is_degenerate or transform == rasterio.Affine.identity():
            raise InputFileError(
                path=file, problem="the model says no coordinate system", remedy="Write it with its CRS (GeoTIFF)"
            )
        try:
            crs = CRS.from_wkt(told.to_wkt())
        except CRSError as error:
            raise InputFileError(
                path=file, problem="the model's coordinate system is not known", remedy="Write it with an EPSG code"
            ) from error
        return cls(file, crs=crs, size=size, back=~transform)

    def cells_of(self, lonlat_deg: Floats) -> Floats:
        """Columns and rows (n, 2), from the raster's corner, of places (n, 2), lon before lat."""
        x, y = self._from_lonlat.transform(lonlat_deg[:, 0], lonlat_deg[:, 1])
        back = self._back
        return np.column_stack((back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f))

    def read(self, cells: Floats, *, beyond: float = 0.0) -> DemPiece:
        """The heights around these columns and rows (n, 2), made coarser where they are too many.

        Args:
            cells: What must be in it.
            beyond: How much more to read to each side, as a share of the box around them, if that is not too much.

        Raises:
            InputFileError: The file cannot be read any more.
        """
        low, high = _box(cells, self._size)
        more = np.ceil((cells.max(axis=0) - cells.min(axis=0)) * beyond)
        if ((high - low + 2 * more) <= _MOST_CELLS_PER_SIDE).all():
            low, high = np.maximum(low - more, 0), np.minimum(high + more, self._size)
        (left, top), (columns, rows) = (int(side) for side in low), (int(side) for side in high - low)
        if columns < 1 or rows < 1:
            heights, shrink = np.full((1, 1), np.nan, np.float32), (1.0, 1.0)
            columns, rows = 0, 0
        else:
            shape = tuple(min(side, _MOST_CELLS_PER_SIDE) for side in (rows, columns))
            heights = self._heights(Window(left, top, columns, rows), shape)
            shrink = (heights.shape[1] / columns, heights.shape[0] / rows)
        return DemPiece(
            surface=DemSurface(heights_m=heights),
            origin=(left, top),
            size=(columns, rows),
            shrink=shrink,
            raster_size=self._size,
        )

    def _heights(self, window: Window, shape: tuple[int, ...]) -> Singles:
        try:
            with rasterio.open(self._path) as raster:
                read = raster.read(1, window=window, out_shape=shape, masked=True, resampling=Resampling.average)
        except RasterioIOError as error:
            raise InputFileError(
                path=self._path, problem="cannot be read to its end", remedy="Copy it again"
            ) from error
        heights: Singles = np.ma.filled(read.astype(np.float32), np.nan)
        heights[~np.isfinite(heights)] = np.nan
        return heights


def _box(cells: Floats, raster_size: tuple[int, int]) -> tuple[Floats, Floats]:
    """First and last column and row of a raster around these, clipped to what it has."""
    finite = cells[np.isfinite(cells).all(axis=1)]
    if not len(finite):
        return np.zeros(2), np.zeros(2)
    low = np.clip(np.floor(finite.min(axis=0)) - 1, 0, raster_size)
    return low, np.clip(np.ceil(finite.max(axis=0)) + 1, low, raster_size)
