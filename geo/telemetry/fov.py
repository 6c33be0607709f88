"""A camera out of the fields of view that telemetry tells, where they are exact enough to be one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from geo.camera import Camera
from geo.telemetry.entry import Entry

# Two angles of one lens with square pixels fit the picture's shape this well; others were cut, squeezed or made up.
_SAME_SHAPE = 0.03
_LEAST_DEG, _MOST_DEG = 0.1, 150.0
_SIGMA_RATIO = 0.02


def focal_px(fov_wh_deg: tuple[float | None, float | None], size_wh_px: tuple[int, int]) -> float | None:
    """The focal length in pixels of pictures of that size (width, height); None where the angles are not exact.

    Both angles are needed: a horizontal one alone may be that of another crop of the sensor.
    """
    horizontal_deg, vertical_deg = fov_wh_deg
    if horizontal_deg is None or vertical_deg is None:
        return None
    if not (_LEAST_DEG <= horizontal_deg <= _MOST_DEG and _LEAST_DEG <= vertical_deg <= _MOST_DEG):
        return None
    across, down = (math.tan(math.radians(angle) / 2) for angle in (horizontal_deg, vertical_deg))
    if abs(down / across * size_wh_px[0] / size_wh_px[1] - 1) > _SAME_SHAPE:
        return None
    return size_wh_px[0] / 2 / across


def camera_of_fov(points: Sequence[Entry], size_wh_px: tuple[int, int]) -> tuple[Camera, list[Entry]] | None:
    """The camera at its widest, and the points with their zoom beyond that; None where a field of view is not exact."""
    focals = [focal_px(point.fov_wh_deg, size_wh_px) for point in points]
    known = [focal for focal in focals if focal is not None]
    if not known or len(known) < len(focals):
        return None
    widest = min(known)
    zoomed = [replace(point, zoom=focal / widest) for point, focal in zip(points, known, strict=True)]
    return camera_with_focal(widest, size_wh_px), zoomed


def camera_with_focal(focal: float, size_wh_px: tuple[int, int]) -> Camera:
    """An ideal pinhole with that focal length in pixels, as telemetry tells one."""
    return Camera(
        name="fov_of_telemetry",
        size_wh_px=size_wh_px,
        focal_xy_px=(focal, focal),
        principal_xy_px=(size_wh_px[0] / 2, size_wh_px[1] / 2),
        focal_sigma_ratio=_SIGMA_RATIO,
    )
