"""Ground from an elevation model: any GeoTIFF that says its coordinate system, through rasterio.

Rays are followed cell by cell until they pass under the surface, and the crossing is then halved down. A ray that
meets a gap or leaves the model has no answer.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from pyproj import CRS, Transformer
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioIOError
from rasterio.windows import Window

from geo.errors import HeightUnknown, InputFileError
from geo.frames import LocalFrame
from geo.ground import REPORTED_ALTITUDE_SIGMA_M, CameraHeight, GroundHits
from geo.pose import Pose

Floats = npt.NDArray[np.float64]

# How far around the camera the model is read: beyond 5 heights rays are too flat to be located anyway.
_REACH_HEIGHTS, _LEAST_REACH_M, _HEIGHT_IF_UNKNOWN_M = 5.0, 300.0, 200.0
_MOST_CELLS_PER_SIDE = 4000
_HALVINGS = 24
# How far a take-off height may lie outside the model's own heights and still be believed: a model cut close around the
# pictures may not hold the take-off point, and of two altitudes RTK's is the one that is not far off.
_TAKE_OFF_SLACK_M, _TAKE_OFF_SLACK_RTK_M = 5.0, 30.0
_MOST_SLOPE = math.tan(math.radians(60.0))


class DemGround:
    """The ground as an elevation model tells it, around whichever camera asks."""

    def __init__(self, path: Path, *, home_alt_m: float | None, sigma_m: float) -> None:
        self._path = path
        self._home_alt_m = home_alt_m
        self._sigma_m = sigma_m
        self._last: _Tile | None = None

    @classmethod
    def open(
        cls, path: str | Path, *, home_lonlat: tuple[float, float] | None = None, sigma_m: float = 0.7
    ) -> DemGround:
        """An elevation model from a GeoTIFF, metres in its first band.

        Args:
            path: The file.
            home_lonlat: The take-off point, where known: heights above take-off are then counted from the model there.
            sigma_m: One-sigma error of the model's heights.

        Raises:
            InputFileError: The file is no raster, has no coordinate system, or does not cover the take-off point.
        """
        file = Path(path)
        if not file.is_file():
            raise InputFileError(path=file, problem="no such file", remedy="Check the path")
        try:
            with warnings.catch_warnings():
                # The refusal below says it better.
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                with rasterio.open(file) as raster:
                    crs = raster.crs
            if crs is None:
                raise InputFileError(
                    path=file,
                    problem="the model says no coordinate system",
                    remedy="Write it with its CRS (GeoTIFF)",
                )
        except RasterioIOError as error:
            raise InputFileError(path=file, problem="not a readable raster", remedy="Give a GeoTIFF") from error
        ground = cls(file, home_alt_m=None, sigma_m=sigma_m)
        if home_lonlat is None:
            return ground
        home_alt_m = float(
            _tile(file, LocalFrame(lon=home_lonlat[0], lat=home_lonlat[1]), 50.0).sample(np.zeros((1, 2)))[0]
        )
        if not math.isfinite(home_alt_m):
            raise InputFileError(
                path=file, problem="the model does not cover the take-off point", remedy="Give a larger one"
            )
        return cls(file, home_alt_m=home_alt_m, sigma_m=sigma_m)

    def camera_height(self, pose: Pose) -> CameraHeight:
        """The camera's altitude in the model's datum, by the first of these rules that holds; the flags name it.

        1. `dem_take_off`: the model's height at the known take-off point, plus the height above take-off.
        2. `dem_absolute_altitude`: the picture's absolute altitude, by RTK, or reported without but putting the
           take-off point at a height that the model has around here.
        3. `dem_take_off_unknown`: the model's height under the camera plus the height above take-off, with the relief
           around added to the error.

        Raises:
            HeightUnknown: None holds.
        """
        tile = self._around(pose)
        above_home_m = pose.alt_m if pose.alt_datum == "home" else pose.height_above_home_m
        if self._home_alt_m is not None and above_home_m is not None:
            return CameraHeight(
                alt_m=self._home_alt_m + above_home_m,
                sigma_m=math.hypot(max(pose.sigmas.height_m, 1.0), self._sigma_m),
                source="DEM at the take-off point plus height above take-off",
                flags=("dem_take_off",),
            )
        under_m = float(tile.sample(np.zeros((1, 2)))[0])
        absolute_m = pose.reported_alt_m if pose.alt_datum == "home" else pose.alt_m
        by_rtk = pose.alt_datum == "ellipsoid"
        slack_m = _TAKE_OFF_SLACK_RTK_M if by_rtk else _TAKE_OFF_SLACK_M
        if absolute_m is not None and tile.believes(absolute_m, above_home_m, under_m, slack_m):
            sigma_m = pose.sigmas.height_m if by_rtk else max(pose.sigmas.height_m, REPORTED_ALTITUDE_SIGMA_M)
            return CameraHeight(
                alt_m=absolute_m,
                sigma_m=math.hypot(sigma_m, self._sigma_m),
                source=f"absolute altitude {'by RTK' if by_rtk else 'as reported'} over the DEM",
                flags=("dem_absolute_altitude",)
                if by_rtk
                else ("dem_absolute_altitude", "absolute_altitude_without_rtk"),
            )
        if above_home_m is None or not math.isfinite(under_m):
            raise HeightUnknown(
                reason="the camera is outside the DEM, or tells no height that fits it",
                remedy="Give a DEM that covers the flight, or the ground's altitude",
            )
        return CameraHeight(
            alt_m=under_m + above_home_m,
            sigma_m=math.hypot(max(pose.sigmas.height_m, 1.0), self._sigma_m, tile.relief_m(above_home_m)),
            source="DEM under the camera plus height above take-off",
            flags=("dem_take_off_unknown",),
        )

    def hit(self, frame: LocalFrame, camera_alt_m: float, rays_enu: Floats) -> GroundHits:
        """The first crossing of each ray (n, 3) with the surface, and the surface's normal there."""
        tile = self._tile_of(frame)
        along = tile.march(camera_alt_m, rays_enu)
        offset = rays_enu * along[:, None]
        return GroundHits(offset_m=offset, normal=tile.normals(offset[:, :2]))

    def altitudes_m(self, frame: LocalFrame, en_m: Floats, camera_alt_m: float) -> Floats:
        """The surface's altitude (n,) at metres east, north (n, 2) of the frame; NaN in gaps and outside."""
        return self._tile_of(frame).sample(np.asarray(en_m, dtype=np.float64))

    def _around(self, pose: Pose) -> _Tile:
        height_m = pose.alt_m if pose.alt_datum == "home" else pose.height_above_home_m or _HEIGHT_IF_UNKNOWN_M
        return self._tile_of(LocalFrame(lon=pose.lon, lat=pose.lat), max(_LEAST_REACH_M, _REACH_HEIGHTS * height_m))

    def _tile_of(self, frame: LocalFrame, reach_m: float | None = None) -> _Tile:
        last = self._last
        if last is not None and last.frame == frame and (reach_m is None or reach_m <= last.reach_m):
            return last
        self._last = _tile(self._path, frame, reach_m or _REACH_HEIGHTS * _HEIGHT_IF_UNKNOWN_M)
        return self._last


@dataclass(frozen=True, kw_only=True, eq=False)
class _Tile:
    """A piece of the model around one camera, in the camera's local frame.

    Attributes:
        frame: Where it is around.
        reach_m: How far it goes.
        heights_m: (rows, columns), NaN in gaps.
        to_cell: (6, 2) coefficients of (1, e, n, e², en, n²) that give column and row: map projections bend so little
            over a kilometre or two that a parabola follows them to a fraction of a cell.
        cell_m: Size of a cell on the ground.
    """

    frame: LocalFrame
    reach_m: float
    heights_m: Floats
    to_cell: Floats
    cell_m: float
    lowest_m: float = field(init=False)
    highest_m: float = field(init=False)

    def __post_init__(self) -> None:
        known = self.heights_m[np.isfinite(self.heights_m)]
        object.__setattr__(self, "lowest_m", float(known.min()) if known.size else math.nan)
        object.__setattr__(self, "highest_m", float(known.max()) if known.size else math.nan)

    def sample(self, en_m: Floats) -> Floats:
        """Bilinear heights (n,) at metres east, north (n, 2); NaN in gaps and outside."""
        column, row = (_terms(en_m) @ self.to_cell).T
        rows, columns = self.heights_m.shape
        inside = (column >= 0) & (row >= 0) & (column <= columns - 1) & (row <= rows - 1)
        column, row = np.where(inside, column, 0.0), np.where(inside, row, 0.0)
        left = np.minimum(column.astype(np.intp), max(columns - 2, 0))
        top = np.minimum(row.astype(np.intp), max(rows - 2, 0))
        right, bottom = np.minimum(left + 1, columns - 1), np.minimum(top + 1, rows - 1)
        x, y = column - left, row - top
        h = self.heights_m
        upper = h[top, left] * (1 - x) + h[top, right] * x
        lower = h[bottom, left] * (1 - x) + h[bottom, right] * x
        return np.where(inside, upper * (1 - y) + lower * y, np.nan)

    def believes(self, absolute_m: float, above_home_m: float | None, under_m: float, slack_m: float) -> bool:
        """Whether an absolute altitude fits this model: above its ground, and taken off from a height that it has."""
        if not math.isfinite(self.highest_m) or (math.isfinite(under_m) and absolute_m <= under_m):
            return False
        if above_home_m is None:
            return absolute_m > self.lowest_m
        take_off_m = absolute_m - above_home_m
        return self.lowest_m - slack_m <= take_off_m <= self.highest_m + slack_m

    def relief_m(self, height_m: float) -> float:
        """How much the ground's height varies within some heights of the camera, one sigma."""
        span = np.linspace(-2 * abs(height_m), 2 * abs(height_m), 21)
        heights = self.sample(np.column_stack([axis.ravel() for axis in np.meshgrid(span, span)]))
        known = heights[np.isfinite(heights)]
        return float(known.std()) if known.size else 0.0

    def march(self, camera_alt_m: float, rays: Floats) -> Floats:
        """How many times its own length each ray (n, 3) goes to the surface; NaN where it meets none."""
        with np.errstate(divide="ignore", invalid="ignore"):
            start = np.maximum((self.highest_m + 0.01 - camera_alt_m) / rays[:, 2], 0.0)
            end = (self.lowest_m - 0.01 - camera_alt_m) / rays[:, 2]
            flat = np.hypot(rays[:, 0], rays[:, 1])
            end = np.minimum(end, np.where(flat > 0, self.reach_m / flat, np.inf))
        going = (rays[:, 2] < 0) & np.isfinite(start) & np.isfinite(end) & (end > start)
        result = np.full(len(rays), np.nan)
        index = np.flatnonzero(going)
        low, high = self._bracket(camera_alt_m, rays[index], start[index], end[index], flat[index])
        found = np.isfinite(low)
        result[index[found]] = self._halve(camera_alt_m, rays[index[found]], low[found], high[found])
        return result

    def _above(self, camera_alt_m: float, rays: Floats, along: Floats) -> Floats:
        return camera_alt_m + rays[:, 2] * along - self.sample(rays[:, :2] * along[:, None])

    def _bracket(
        self, camera_alt_m: float, rays: Floats, start: Floats, end: Floats, flat: Floats
    ) -> tuple[Floats, Floats]:
        """The step, one cell long, in which each ray first goes under the surface; NaN where it never does."""
        steps = np.maximum(np.ceil((end - start) * flat / self.cell_m), 1.0)
        stride = (end - start) / steps
        low, high = np.full(len(rays), np.nan), np.full(len(rays), np.nan)
        active = np.arange(len(rays))
        before = self._above(camera_alt_m, rays, start) if len(rays) else np.zeros(0)
        for step in range(1, int(steps.max(initial=0.0)) + 1):
            along = start[active] + stride[active] * step
            now = self._above(camera_alt_m, rays[active], along)
            under = now <= 0
            # Only a step that began above known ground crosses it: otherwise the ray came out of a gap.
            crossed = under & (before >= 0)
            low[active[crossed]] = along[crossed] - stride[active[crossed]]
            high[active[crossed]] = along[crossed]
            keep = ~under & (step < steps[active])
            active, before = active[keep], now[keep]
            if not len(active):
                break
        return low, high

    def _halve(self, camera_alt_m: float, rays: Floats, low: Floats, high: Floats) -> Floats:
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            under = self._above(camera_alt_m, rays, middle) <= 0
            low, high = np.where(under, low, middle), np.where(under, middle, high)
        return (low + high) / 2

    def normals(self, en_m: Floats) -> Floats:
        """Upward normals (n, 3) of the surface, over a cell to each side; level where a neighbour is unknown."""
        reach = max(self.cell_m, 1.0)
        slopes = []
        for axis in (0, 1):
            shift = np.zeros(2)
            shift[axis] = reach
            slope = (self.sample(en_m + shift) - self.sample(en_m - shift)) / (2 * reach)
            slopes.append(np.clip(np.where(np.isfinite(slope), slope, 0.0), -_MOST_SLOPE, _MOST_SLOPE))
        normal = np.column_stack((-slopes[0], -slopes[1], np.ones(len(en_m))))
        unit: Floats = normal / np.linalg.norm(normal, axis=1, keepdims=True)
        return unit


def _terms(en_m: Floats) -> Floats:
    east, north = en_m[:, 0], en_m[:, 1]
    return np.column_stack((np.ones(len(en_m)), east, north, east * east, east * north, north * north))


def _tile(path: Path, frame: LocalFrame, reach_m: float) -> _Tile:
    with rasterio.open(path) as raster:
        grid = np.linspace(-reach_m, reach_m, 9)
        en = np.column_stack([axis.ravel() for axis in np.meshgrid(grid, grid)])
        cells = _cells_of(raster, frame.lonlat_from_en(en))
        window = _window(raster, cells)
        heights, shrink = _heights(raster, window)
    # Cell numbers count from the middle of a cell, as bilinear sampling needs it.
    cells = (cells - (window.col_off, window.row_off)) * shrink - 0.5
    to_cell, *_ = np.linalg.lstsq(_terms(en), cells, rcond=None)
    cell_m = 1.0 / math.sqrt(abs(float(np.linalg.det(to_cell[1:3]))))
    return _Tile(frame=frame, reach_m=reach_m, heights_m=heights, to_cell=to_cell, cell_m=cell_m)


def _cells_of(raster: Any, lonlat_deg: Floats) -> Floats:  # noqa: ANN401 - rasterio has no types
    to_crs = Transformer.from_crs("OGC:CRS84", CRS.from_wkt(raster.crs.to_wkt()), always_xy=True)
    x, y = to_crs.transform(lonlat_deg[:, 0], lonlat_deg[:, 1])
    back = ~raster.transform
    return np.column_stack((back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f))


def _window(raster: Any, cells: Floats) -> Window:  # noqa: ANN401
    left, top = np.clip(np.floor(cells.min(axis=0)) - 1, 0, (raster.width, raster.height))
    right, bottom = np.clip(np.ceil(cells.max(axis=0)) + 1, 0, (raster.width, raster.height))
    return Window(int(left), int(top), int(right - left), int(bottom - top))


def _heights(raster: Any, window: Window) -> tuple[Floats, Floats]:  # noqa: ANN401
    """Heights with NaN gaps, made coarser where there are too many cells; and cells read per cell asked for."""
    if window.width < 1 or window.height < 1:
        return np.full((1, 1), np.nan), np.ones(2)
    columns, rows = (min(int(side), _MOST_CELLS_PER_SIDE) for side in (window.width, window.height))
    read = raster.read(1, window=window, out_shape=(rows, columns), masked=True, resampling=Resampling.average)
    heights = np.ma.filled(read.astype(np.float64), np.nan)
    heights[~np.isfinite(heights)] = np.nan
    return heights, np.array([columns / window.width, rows / window.height])
