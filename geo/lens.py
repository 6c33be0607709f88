"""Pixels to rays and back: the pinhole with Brown distortion and the fisheye of `geo.camera`.

Arrays in here are columns, shape (3, n) or (2, n): millions of pixels go through it, and columns stay in the
processor's cache. What other modules see is (n, 2) and (n, 3), as everywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geo.brown import CONVERGED, LOST, NEWTON_STEPS, WIDEST_TANGENT, Coefficients, distorted, most
from geo.brown import slopes as brown_slopes
from geo.camera import Camera
from geo.undistortion import undistortion_of

Floats = npt.NDArray[np.float64]

_NONE: Floats = np.zeros((3, 0))

_WIDEST_FISHEYE_RAD = math.radians(110.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class PixelRays:
    """Rays of pixels in camera axes (x right, y down, z forward), and how they turn with the pixel.

    Attributes:
        ray: (3, n), of any length; NaN where the lens model has no inverse.
        by_u: (3, n), or (3, 1) where all are alike: change of the ray per pixel to the right.
        by_v: The same per pixel down.
    """

    ray: Floats
    by_u: Floats
    by_v: Floats


def rays_of_pixels(uv_px: npt.ArrayLike, camera: Camera) -> Floats:
    """Rays (n, 3) in camera axes of pixels (n, 2); NaN where the lens model has no inverse.

    Their third component is 1 for a pinhole or Brown lens; a fisheye's rays have length 1 and may look backwards.
    """
    uv = np.asarray(uv_px, dtype=np.float64).reshape(-1, 2)
    return np.ascontiguousarray(rays_with_slopes(uv[:, 0], uv[:, 1], camera, slopes=False).ray.T)


def rays_with_slopes(u_px: Floats, v_px: Floats, camera: Camera, *, slopes: bool = True) -> PixelRays:
    """Rays of pixels given as two columns (n,); without `slopes`, how they turn is left empty."""
    (fx, fy), (cx, cy) = camera.focal_xy_px, camera.principal_xy_px
    ray = np.empty((3, len(u_px)))
    if camera.model == "brown" and any(camera.distortion):
        lens = undistortion_of(camera)
        lens.ideal(np.stack((u_px, v_px)), out=ray[:2])
        ray[:2] = lens.to_image @ ray[:2]
        ray[2].fill(1.0)
        return _brown_rays(ray, camera, slopes=slopes)
    xd, yd, depth = ray
    np.subtract(u_px, cx, out=xd)
    np.subtract(v_px, cy, out=yd)
    xd *= 1 / fx
    yd *= 1 / fy
    if camera.model == "fisheye":
        return _fisheye_rays(xd, yd, camera)
    depth.fill(1.0)
    return PixelRays(ray=ray, by_u=np.array([[1 / fx], [0.0], [0.0]]), by_v=np.array([[0.0], [1 / fy], [0.0]]))


def _brown_rays(ray: Floats, camera: Camera, *, slopes: bool) -> PixelRays:
    if not slopes:
        return PixelRays(ray=ray, by_u=_NONE, by_v=_NONE)
    (fx, fy) = camera.focal_xy_px
    (xx, xy), (yx, yy) = brown_slopes(ray[0], ray[1], camera.distortion)
    det = xx * yy - xy * yx
    by_u, by_v = np.zeros_like(ray), np.zeros_like(ray)
    # The inverse of the distortion's own derivative.
    by_u[0], by_u[1] = yy / det / fx, -yx / det / fx
    by_v[0], by_v[1] = -xy / det / fy, xx / det / fy
    return PixelRays(ray=ray, by_u=by_u, by_v=by_v)


def normalised_from_pixels(uv_px: npt.ArrayLike, camera: Camera) -> Floats:
    """Ideal image coordinates of pixels: x right and y down at distance 1.

    Args:
        uv_px: Pixels (n, 2), u right, v down, from the outer corner of the top left pixel.
        camera: For the size of the picture that the pixels belong to.

    Returns:
        (n, 2) tangents; NaN where the lens model has no inverse, or a fisheye looks sideways or backwards.
    """
    rays = rays_of_pixels(uv_px, camera)
    with np.errstate(invalid="ignore", divide="ignore"):
        depth = np.where(rays[:, 2] > math.cos(math.atan(WIDEST_TANGENT)), rays[:, 2], np.nan)
    return rays[:, :2] / depth[:, None] if camera.model == "fisheye" else rays[:, :2]


def pixels_from_camera(points: npt.ArrayLike, camera: Camera) -> Floats:
    """Pixels (n, 2) of points (n, 3) in camera axes (x right, y down, z forward); NaN where the lens cannot see them.

    A pinhole sees nothing at or behind the camera, a fisheye nothing more than 110 degrees off its axis.
    """
    x, y, z = np.asarray(points, dtype=np.float64).reshape(-1, 3).T
    if camera.model == "fisheye":
        flat = np.hypot(x, y)
        angle = np.arctan2(flat, z)
        angle[angle > _WIDEST_FISHEYE_RAD] = np.nan
        bent, _ = _bent(angle, camera.distortion)
        stretch = np.where(flat > 0, bent / np.where(flat > 0, flat, 1.0), 0.0)
        xd, yd = x * stretch, y * stretch
    else:
        depth = np.where(z > 1e-9, z, np.nan)
        xd, yd = x / depth, y / depth
        if any(camera.distortion):
            xd, yd = distorted(xd, yd, camera.distortion)
    (fx, fy), (cx, cy) = camera.focal_xy_px, camera.principal_xy_px
    return np.column_stack((xd * fx + cx, yd * fy + cy))


def _bent(angle: Floats, coefficients: Coefficients) -> tuple[Floats, Floats]:
    """A fisheye's distance from the axis in the normalised image for an angle off it, and its derivative."""
    k1, k2, k3, k4, _ = coefficients
    a2 = angle * angle
    return (
        angle * (1 + a2 * (k1 + a2 * (k2 + a2 * (k3 + a2 * k4)))),
        1 + a2 * (3 * k1 + a2 * (5 * k2 + a2 * (7 * k3 + a2 * (9 * k4)))),
    )


def _fisheye_rays(xd: Floats, yd: Floats, camera: Camera) -> PixelRays:
    radius = np.hypot(xd, yd)
    angle = radius.copy()
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for _ in range(NEWTON_STEPS):
            bent, slope = _bent(angle, camera.distortion)
            miss = radius - bent
            if not (most(miss) >= CONVERGED):
                break
            angle = angle + miss / slope
        lost = ~((np.abs(miss) < LOST) & (slope > 0) & (angle <= _WIDEST_FISHEYE_RAD) & (angle >= 0))
    angle[lost] = np.nan
    sin, cos = np.sin(angle), np.cos(angle)
    middle = radius < 1e-12
    safe = np.where(middle, 1.0, radius)
    # The direction from the axis in the image, and how fast the ray turns across it.
    a, b = np.where(middle, 1.0, xd / safe), np.where(middle, 0.0, yd / safe)
    across = np.where(middle, 1.0, sin / safe)
    outward = np.stack((a * cos, b * cos, -sin)) / slope
    around = np.stack((-b * across, a * across, np.zeros_like(a)))
    (fx, fy) = camera.focal_xy_px
    return PixelRays(
        ray=np.stack((a * sin, b * sin, cos)),
        by_u=(a * outward - b * around) / fx,
        by_v=(b * outward + a * around) / fy,
    )
