"""Ground from an elevation model: any GeoTIFF that says its coordinate system, through rasterio.

How the camera's height over the model comes about stands here; how rays are followed, in `geo.dem_tile`. A ray that
meets a gap or leaves the model has no answer.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from geo.dem_raster import DemPiece, DemRaster
from geo.dem_tile import DemTile
from geo.errors import HeightUnknown, InputFileError
from geo.frames import LocalFrame
from geo.ground import REPORTED_ALTITUDE_SIGMA_M, CameraHeight, GroundHits
from geo.pose import Pose

Floats = npt.NDArray[np.float64]

# How far around the camera the model is read: beyond 5 heights rays are too flat to be located anyway.
_REACH_HEIGHTS, _LEAST_REACH_M, _HEIGHT_IF_UNKNOWN_M = 5.0, 300.0, 200.0
_BEYOND = 0.5
# How far a take-off height may lie outside the model's own heights and still be believed: a model cut close around the
# pictures may not hold the take-off point, and of two altitudes RTK's is the one that is not far off.
_TAKE_OFF_SLACK_M, _TAKE_OFF_SLACK_RTK_M = 5.0, 30.0


class DemGround:
    """The ground as an elevation model tells it, around whichever camera asks."""

    def __init__(self, raster: DemRaster, *, home_alt_m: float | None, sigma_m: float) -> None:
        self._raster = raster
        self._home_alt_m = home_alt_m
        self._sigma_m = sigma_m
        self._last: DemTile | None = None
        self._read: DemPiece | None = None

    @classmethod
    def open(
        cls, path: str | Path, *, home_lonlat: tuple[float, float] | None = None, sigma_m: float = 0.7
    ) -> DemGround:
        """An elevation model from a GeoTIFF, metres in its first band.

        Args:
            path: The file.
            home_lonlat: The take-off point, where known: heights above take-off are then counted from the model there.
            sigma_m: One-sigma error of the model's heights; what lies between its cells is added.

        Raises:
            InputFileError: The file is no raster, has no coordinate system, or does not cover the take-off point.
        """
        raster = DemRaster.open(Path(path))
        ground = cls(raster, home_alt_m=None, sigma_m=sigma_m)
        if home_lonlat is None:
            return ground
        take_off = ground._tile_of(LocalFrame(lon=home_lonlat[0], lat=home_lonlat[1]), _LEAST_REACH_M)
        home_alt_m = float(take_off.sample(np.zeros((1, 2)))[0])
        if not math.isfinite(home_alt_m):
            raise InputFileError(
                path=path, problem="the model does not cover the take-off point", remedy="Give a larger one"
            )
        ground._home_alt_m = home_alt_m
        return ground

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
        ground_sigma_m = math.hypot(self._sigma_m, tile.between_cells_m)
        above_home_m = pose.alt_m if pose.alt_datum == "home" else pose.height_above_home_m
        if self._home_alt_m is not None and above_home_m is not None:
            return CameraHeight(
                alt_m=self._home_alt_m + above_home_m,
                sigma_m=math.hypot(_above_home_sigma_m(pose), ground_sigma_m),
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
                sigma_m=math.hypot(sigma_m, ground_sigma_m),
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
            sigma_m=math.hypot(_above_home_sigma_m(pose), ground_sigma_m, tile.relief_m(above_home_m)),
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

    def _around(self, pose: Pose) -> DemTile:
        height_m = pose.alt_m if pose.alt_datum == "home" else pose.height_above_home_m or _HEIGHT_IF_UNKNOWN_M
        return self._tile_of(LocalFrame(lon=pose.lon, lat=pose.lat), max(_LEAST_REACH_M, _REACH_HEIGHTS * height_m))

    def _tile_of(self, frame: LocalFrame, reach_m: float | None = None) -> DemTile:
        last = self._last
        if last is not None and last.frame == frame and (reach_m is None or reach_m <= last.reach_m):
            return last
        # Kept by this name, too: another thread may put its own in place meanwhile.
        tile = self._last = self._tile(frame, reach_m or _REACH_HEIGHTS * _HEIGHT_IF_UNKNOWN_M)
        return tile

    def _tile(self, frame: LocalFrame, reach_m: float) -> DemTile:
        grid = np.linspace(-reach_m, reach_m, 9)
        en = np.column_stack([axis.ravel() for axis in np.meshgrid(grid, grid)])
        cells = self._raster.cells_of(frame.lonlat_from_en(en))
        read = self._read
        if read is None or not read.holds(cells):
            # A flight goes on: what is read for one picture serves the next ones, too.
            read = self._read = self._raster.read(cells, beyond=_BEYOND)
        fitted, *_ = np.linalg.lstsq(_terms(en), read.cells_from_raster(cells), rcond=None)
        to_cell: Floats = np.asarray(fitted, dtype=np.float64)
        cell_m = 1.0 / math.sqrt(abs(float(np.linalg.det(to_cell[1:3]))))
        return DemTile(frame=frame, reach_m=reach_m, surface=read.surface, to_cell=to_cell, cell_m=cell_m)


def _above_home_sigma_m(pose: Pose) -> float:
    """One sigma of the height above take-off, which beside an RTK altitude is the barometer's, not RTK's."""
    return pose.sigmas.height_m if pose.alt_datum == "home" else max(pose.sigmas.height_m, 1.0)


def _terms(en_m: Floats) -> Floats:
    east, north = en_m[:, 0], en_m[:, 1]
    return np.column_stack((np.ones(len(en_m)), east, north, east * east, east * north, north * north))
