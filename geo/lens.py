"""Pixels to rays and back: the pinhole with Brown distortion of `geo.camera`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geo.camera import Camera

Floats = npt.NDArray[np.float64]

_NEWTON_STEPS = 12
_CONVERGED = 1e-7
# Beyond this field angle (tangent) a Brown polynomial of a drone's lens says nothing.
_WIDEST_TANGENT = 3.0


def _distort(xy: Floats, coefficients: tuple[float, float, float, float, float]) -> Floats:
    """Distorted normalised coordinates (n, 2) of ideal ones (n, 2)."""
    k1, k2, p1, p2, k3 = coefficients
    x, y = xy[:, 0], xy[:, 1]
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    return np.column_stack(
        (
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        )
    )


def _undistort(xy: Floats, coefficients: tuple[float, float, float, float, float]) -> Floats:
    """Ideal normalised coordinates (n, 2) of distorted ones; NaN where the polynomial has no inverse there."""
    ideal = xy.copy()
    step = 1e-6
    step_x, step_y = np.array([step, 0.0]), np.array([0.0, step])
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for _ in range(_NEWTON_STEPS):
            here = _distort(ideal, coefficients)
            dx = (_distort(ideal + step_x, coefficients) - here) / step
            dy = (_distort(ideal + step_y, coefficients) - here) / step
            miss = xy - here
            det = dx[:, 0] * dy[:, 1] - dx[:, 1] * dy[:, 0]
            move_x = (miss[:, 0] * dy[:, 1] - miss[:, 1] * dy[:, 0]) / det
            move_y = (dx[:, 0] * miss[:, 1] - dx[:, 1] * miss[:, 0]) / det
            ideal = ideal + np.column_stack((move_x, move_y))
            if np.nanmax(np.abs(miss), initial=0.0) < _CONVERGED * 1e-3:
                break
        lost = ~(np.abs(_distort(ideal, coefficients) - xy).max(axis=1) < _CONVERGED)
        lost |= ~(np.hypot(ideal[:, 0], ideal[:, 1]) < _WIDEST_TANGENT)
    ideal[lost] = np.nan
    return ideal


def normalised_from_pixels(uv_px: npt.ArrayLike, camera: Camera) -> Floats:
    """Ideal image coordinates of pixels: x right and y down at distance 1.

    Args:
        uv_px: Pixels (n, 2), u right, v down, from the outer corner of the top left pixel.
        camera: For the size of the picture that the pixels belong to.

    Returns:
        (n, 2) tangents; NaN where the lens model has no inverse.
    """
    uv = np.asarray(uv_px, dtype=np.float64).reshape(-1, 2)
    xy = (uv - camera.principal_xy_px) / camera.focal_xy_px
    return _undistort(xy, camera.distortion) if any(camera.distortion) else xy


def pixels_from_camera(points: npt.ArrayLike, camera: Camera) -> Floats:
    """Pixels (n, 2) of points (n, 3) in camera axes (x right, y down, z forward); NaN at or behind the camera."""
    xyz = np.asarray(points, dtype=np.float64).reshape(-1, 3)
    ahead = xyz[:, 2] > 1e-9
    depth = np.where(ahead, xyz[:, 2], np.nan)
    xy = xyz[:, :2] / depth[:, None]
    if any(camera.distortion):
        xy = _distort(xy, camera.distortion)
    return xy * camera.focal_xy_px + camera.principal_xy_px
