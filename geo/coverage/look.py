"""Which cells one picture showed, how finely, and how surely, given the error of its pose."""

from __future__ import annotations

import math
from datetime import datetime

import cv2
import numpy as np
import numpy.typing as npt
import shapely

from geo.camera import Camera
from geo.coverage.cells import NEVER_MM, Cells
from geo.coverage.grid import keys_within, middles
from geo.frames import LocalFrame
from geo.ground import Ground
from geo.lens import pixels_from_camera
from geo.locate import locate_pixels
from geo.pose import Pose, enu_from_camera

Floats = npt.NDArray[np.float64]
Grid = npt.NDArray[np.bool_]

SURE_PERCENT = 95
"""A look is sure of a cell from here on."""

# What is met before the cell stands in front of it; half a cell is the cell itself.
_HIDDEN_M = 2.5
# Width in which the distance to the edge of what was looked at is measured; edges are straight, so this is plenty.
_MASK_PX = 256
_BULGE = 1.06

_SIGMAS = np.linspace(0.0, 5.0, 501)
_TAILS = np.array([0.5 * math.erfc(sigma / math.sqrt(2.0)) for sigma in _SIGMAS])


def cells_shown(
    pose: Pose,
    camera: Camera,
    ground: Ground,
    *,
    footprint_lonlat: Floats,
    of_interest: Grid | None = None,
    at: datetime | None = None,
) -> Cells:
    """The cells whose middles a picture showed, each with one look.

    Args:
        pose: Where the camera was and how it looked, with its errors.
        camera: The lens, for pictures of this size.
        ground: What lies below; cells behind a ridge are not shown.
        footprint_lonlat: The ground that the picture shows (m, 2), lon before lat: `geo.footprint.footprint_polygon`.
        of_interest: The parts of the picture that were looked at, a grid over it (rows, columns); None for all of it.
        at: When, aware; None where that is unknown.

    Returns:
        Cells that the parts looked at showed more likely than not.

    Raises:
        HeightUnknown: Pose and ground have no common height datum.
        PlaceUnknown: The camera's bearing is unknown.
    """
    keys = _keys_around(footprint_lonlat)
    frame = LocalFrame(lon=pose.lon, lat=pose.lat)
    offset, uv, slope = _shown(frame.en_from_lonlat(middles(keys)), pose, camera, ground, frame)
    edges_px, parts_px = _edges_px(uv, camera.size_wh_px), _parts_px(uv, camera.size_wh_px, of_interest)
    keep = np.flatnonzero((edges_px > 0).all(axis=1) & (parts_px > 0))
    located = locate_pixels(uv[keep], pose, camera, ground)
    # The ray to a cell behind a ridge meets the ridge before the cell.
    share = (located.alt_m - ground.camera_height(pose).alt_m) / offset[keep, 2]
    with np.errstate(invalid="ignore"):
        seen = np.abs(1 - share) * np.linalg.norm(offset[keep, :2], axis=1) < _HIDDEN_M
    keep, error = keep[seen], located.covariance_m2[seen]
    sure = _likelihood(edges_px[keep], parts_px[keep], slope[keep] @ error @ np.swapaxes(slope[keep], 1, 2))
    shown = sure >= 0.5
    return _once(keys[keep[shown]], sure[shown], 1.0 / _least_stretch(slope[keep[shown]]), at)


def _keys_around(footprint_lonlat: Floats) -> npt.NDArray[np.int64]:
    """All cells that a picture may show, and few others: far beyond its edges some lenses fold rays back into it.

    Through a lens its edges may bulge beyond straight ones.
    """
    middle = footprint_lonlat.mean(axis=0)
    outline = shapely.make_valid(shapely.Polygon(middle + (footprint_lonlat - middle) * _BULGE))
    keys = keys_within(*outline.bounds)
    shapely.prepare(outline)
    return keys[shapely.contains_xy(outline, *middles(keys).T)]


def _shown(en: Floats, pose: Pose, camera: Camera, ground: Ground, frame: LocalFrame) -> tuple[Floats, Floats, Floats]:
    """Where places appear.

    Args:
        en: Metres east, north (n, 2) of the frame.
        pose: Of the camera.
        camera: The lens.
        ground: What lies below.
        frame: Around the camera.

    Returns:
        Metres from the camera (n, 3) to the ground there, its pixels (n, 2), and how many pixels (n, 2, 2) a metre of
        it to the east and to the north is.
    """
    camera_alt_m = ground.camera_height(pose).alt_m
    rotation = enu_from_camera(*pose.look_deg())
    around = np.vstack((en, en + np.array([1.0, 0.0]), en + np.array([0.0, 1.0])))
    offset = np.column_stack((around, ground.altitudes_m(frame, around, camera_alt_m) - camera_alt_m))
    uv, east, north = np.split(pixels_from_camera(offset @ rotation, camera), 3)
    return offset[: len(en)], uv, np.stack((east - uv, north - uv), axis=2)


def _edges_px(uv: Floats, size_wh_px: tuple[int, int]) -> Floats:
    """How far (n, 4) pixels lie inside the left, top, right and lower edge; negative outside, and without a pixel."""
    known = np.where(np.isfinite(uv), uv, -1.0)
    return np.column_stack((known, np.array(size_wh_px) - known))


def _parts_px(uv: Floats, size_wh_px: tuple[int, int], of_interest: Grid | None) -> Floats:
    """How far (n,) pixels lie inside the parts looked at, not minding the picture's edges; 0 outside of them."""
    if of_interest is None or of_interest.all():
        return np.full(len(uv), np.inf)
    width, height = size_wh_px
    known = np.where(np.isfinite(uv), uv, -1.0)
    scale = _MASK_PX / width
    mask = _mask(of_interest, (_MASK_PX, max(round(height * scale), 1)))
    # One pixel of the mask reaches half a pixel beyond its middle.
    far = np.maximum(cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) - 0.5, 0.0) / scale
    rows, columns = far.shape
    column = np.clip(known[:, 0] * scale, 0, columns - 1).astype(np.intp)
    row = np.clip(known[:, 1] * scale, 0, rows - 1).astype(np.intp)
    return np.asarray(far[row, column], dtype=np.float64)


def _mask(of_interest: Grid, size_wh_px: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """The grid as a picture; beyond its edge nothing ends, for the picture's own edge is measured apart."""
    rows, columns = of_interest.shape
    column = np.arange(size_wh_px[0]) * columns // size_wh_px[0]
    row = np.arange(size_wh_px[1]) * rows // size_wh_px[1]
    return np.ascontiguousarray(of_interest[row][:, column], dtype=np.uint8)


def _least_stretch(slope: Floats) -> Floats:
    """Pixels (n,) per metre of ground in the direction in which they are fewest: the smaller singular value."""
    (a, b), (c, d) = slope[:, 0].T, slope[:, 1].T
    squares, determinant = a * a + b * b + c * c + d * d, np.abs(a * d - b * c)
    greatest = np.sqrt((squares + np.sqrt(np.maximum(squares**2 - 4 * determinant**2, 0.0))) / 2)
    return np.asarray(np.maximum(determinant / greatest, 1e-9))


def _likelihood(edges_px: Floats, parts_px: Floats, error_px2: Floats) -> Floats:
    """How likely (n,) places lie inside, at least: what may lie beyond each edge is taken off.

    Args:
        edges_px: How far inside each of the picture's edges (n, 4).
        parts_px: How far inside the parts looked at (n,).
        error_px2: Covariance (n, 2, 2) of where the places appear.
    """
    ((uu, uv), (_, vv)) = np.moveaxis(error_px2, 0, 2)
    along_u, along_v = np.sqrt(np.maximum(uu, 1e-12)), np.sqrt(np.maximum(vv, 1e-12))
    worst = np.sqrt(np.maximum((uu + vv) / 2 + np.hypot((uu - vv) / 2, uv), 1e-12))
    beyond = [_tail(edges_px[:, side] / sigma) for side, sigma in enumerate((along_u, along_v, along_u, along_v))]
    return np.asarray(1.0 - sum(beyond) - _tail(parts_px / worst))


def _tail(sigmas: Floats) -> Floats:
    """How likely (n,) an error is greater than so many sigmas, to one side."""
    return np.asarray(np.interp(sigmas, _SIGMAS, _TAILS))


def _once(keys: npt.NDArray[np.int64], sure: Floats, resolution_m: Floats, at: datetime | None) -> Cells:
    percent = np.floor(sure * 100 + 1e-9).astype(np.uint8)
    millimetres = np.clip(np.ceil(resolution_m * 1000 - 1e-6), 1, NEVER_MM - 1).astype(np.uint16)
    surely = percent >= SURE_PERCENT
    seconds = np.full(len(keys), 0 if at is None else int(at.timestamp()), dtype=np.uint32)
    return Cells(
        key=keys,
        looks=np.ones(len(keys), dtype=np.uint16),
        sure_looks=surely.astype(np.uint16),
        first_s=seconds,
        last_s=seconds,
        finest_mm=millimetres,
        coarsest_mm=millimetres,
        sure_finest_mm=np.where(surely, millimetres, NEVER_MM).astype(np.uint16),
        sure_percent=percent,
    )
