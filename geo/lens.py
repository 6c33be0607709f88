"""Pixels to rays and back: the pinhole with Brown distortion and the fisheye of `geo.camera`.

Arrays in here are columns, shape (3, n) or (2, n): millions of pixels go through it, and columns stay in the
processor's cache. What other modules see is (n, 2) and (n, 3), as everywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from geo.camera import Camera

Floats = npt.NDArray[np.float64]
Coefficients = tuple[float, float, float, float, float]

_NONE: Floats = np.zeros((3, 0))

_NEWTON_STEPS = 12
# Of the normalised image: a hundred thousandth of a pixel.
_CONVERGED = 1e-9
_LOST = 1e-7
# Beyond this field angle (tangent) a Brown polynomial of a drone's lens says nothing.
_WIDEST_TANGENT = 3.0
_WIDEST_FISHEYE_RAD = math.radians(110.0)
# Entries of the table that undoes radial distortion: between two of them a straight line errs by some 1e-8 of the focal
# length, a ten thousandth of a pixel.
_TABLE = 2048
_SETTLED, _MOST_ROUNDS = 2e-7, 8


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
    xd, yd, depth = ray
    np.subtract(u_px, cx, out=xd)
    np.subtract(v_px, cy, out=yd)
    xd *= 1 / fx
    yd *= 1 / fy
    if camera.model == "fisheye":
        return _fisheye_rays(xd, yd, camera)
    depth.fill(1.0)
    if not any(camera.distortion):
        return PixelRays(ray=ray, by_u=np.array([[1 / fx], [0.0], [0.0]]), by_v=np.array([[0.0], [1 / fy], [0.0]]))
    ray[0], ray[1] = _undistorted(xd, yd, camera)
    if not slopes:
        return PixelRays(ray=ray, by_u=_NONE, by_v=_NONE)
    (xx, xy), (yx, yy) = _slopes(ray[0], ray[1], camera.distortion)
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
        depth = np.where(rays[:, 2] > math.cos(math.atan(_WIDEST_TANGENT)), rays[:, 2], np.nan)
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
            xd, yd = _distort(xd, yd, camera.distortion)
    (fx, fy), (cx, cy) = camera.focal_xy_px, camera.principal_xy_px
    return np.column_stack((xd * fx + cx, yd * fy + cy))


def _distort(x: Floats, y: Floats, coefficients: Coefficients) -> tuple[Floats, Floats]:
    """Distorted normalised coordinates of ideal ones."""
    k1, k2, p1, p2, k3 = coefficients
    xx, yy, xy = x * x, y * y, x * y
    r2 = xx + yy
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    return x * radial + 2 * p1 * xy + p2 * (r2 + 2 * xx), y * radial + p1 * (r2 + 2 * yy) + 2 * p2 * xy


def _slopes(x: Floats, y: Floats, coefficients: Coefficients) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Derivative of `_distort`: ((x by x, x by y), (y by x, y by y))."""
    k1, k2, p1, p2, k3 = coefficients
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    # Twice the derivative of the radial factor by r².
    growth = 2 * (k1 + r2 * (2 * k2 + r2 * (3 * k3)))
    across = x * y * growth + 2 * p1 * x + 2 * p2 * y
    return (
        (radial + x * x * growth + 2 * p1 * y + 6 * p2 * x, across),
        (across, radial + y * y * growth + 6 * p1 * y + 2 * p2 * x),
    )


def _undistorted(xd: Floats, yd: Floats, camera: Camera) -> tuple[Floats, Floats]:
    """Ideal coordinates of distorted ones; NaN where none fit.

    The radial part is undone by a table. The tangential part is small, so going round through it a few times brings it
    in; where that does not settle, Newton's method goes on from there.
    """
    k1, k2, p1, p2, k3 = camera.distortion
    widest = _widest(camera)
    table = _shrinking((k1, k2, k3), widest)
    x, y = table.shrunk(xd, yd)
    rounds = _rounds_of(max(abs(p1), abs(p2)), widest)
    if rounds is None:
        return _by_newton(x, y, xd, yd, camera.distortion)
    for _ in range(rounds):
        xx, yy, xy = x * x, y * y, x * y
        xx3, yy3 = 3 * xx, 3 * yy
        xy *= 2
        xx3 += yy
        yy3 += xx
        x, y = table.shrunk(xd - (p1 * xy + p2 * xx3), yd - (p2 * xy + p1 * yy3))
    return x, y


def _rounds_of(tangential: float, widest: float) -> int | None:
    """How often the tangential part must be gone through until it is brought in; None where that does not settle."""
    error, gain = 6 * tangential * widest**2, 16 * tangential * widest
    rounds = 0
    while error > _SETTLED:
        error, rounds = error * gain, rounds + 1
        if rounds > _MOST_ROUNDS:
            return None
    return rounds


@dataclass(frozen=True, kw_only=True, eq=False)
class _Shrinking:
    """How much nearer to the axis than it appears a point is, by the square of its apparent distance.

    Attributes:
        factors: At equal steps of the square, from 0 on; NaN from where the picture folds over itself.
        growth: From each of them to the next.
        steps_per_unit: How many steps the square's unit has.
    """

    factors: Floats
    growth: Floats
    steps_per_unit: float

    def shrunk(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """The points without radial distortion; NaN beyond the table's end, where the picture folds over itself."""
        place = x * x
        place += y * y
        place *= self.steps_per_unit
        np.fmin(place, len(self.factors) - 2 + 0.5, out=place)
        step = place.astype(np.intp)
        place -= step
        factor = self.factors.take(step)
        place *= self.growth.take(step)
        factor += place
        return x * factor, y * factor


@lru_cache(maxsize=64)
def _shrinking(radial: tuple[float, float, float], widest: float) -> _Shrinking:
    k1, k2, k3 = radial
    radius = np.linspace(0.0, _WIDEST_TANGENT, 8 * _TABLE)
    bent = radius * (1 + radius**2 * (k1 + radius**2 * (k2 + radius**2 * k3)))
    rises = np.diff(bent) > 0
    end = len(bent) if rises.all() else int(np.argmin(rises)) + 1
    squares = np.linspace(0.0, (1.05 * widest) ** 2, _TABLE)
    apparent = np.sqrt(squares)
    ideal = np.interp(apparent, bent[:end], radius[:end], right=np.nan)
    for _ in range(_NEWTON_STEPS):
        r2 = ideal * ideal
        miss = apparent - ideal * (1 + r2 * (k1 + r2 * (k2 + r2 * k3)))
        ideal = ideal + miss / (1 + r2 * (3 * k1 + r2 * (5 * k2 + r2 * 7 * k3)))
    factors = np.divide(ideal, apparent, out=np.ones(_TABLE), where=apparent > 0)
    # Pixels farther out than the picture's corners end in this.
    factors = np.r_[factors, np.nan, np.nan]
    growth = np.r_[np.diff(factors), np.nan]
    return _Shrinking(factors=factors, growth=growth, steps_per_unit=(_TABLE - 1) / squares[-1])


def _by_newton(x: Floats, y: Floats, xd: Floats, yd: Floats, coefficients: Coefficients) -> tuple[Floats, Floats]:
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for _ in range(_NEWTON_STEPS):
            at_x, at_y = _distort(x, y, coefficients)
            miss_x, miss_y = xd - at_x, yd - at_y
            (xx, xy), (yx, yy) = _slopes(x, y, coefficients)
            if not (max(_most(miss_x), _most(miss_y)) >= _CONVERGED):
                break
            det = xx * yy - xy * yx
            x = x + (miss_x * yy - xy * miss_y) / det
            y = y + (xx * miss_y - miss_x * yx) / det
        # Where the picture folds over itself, a point found is another pixel's.
        found = (np.abs(miss_x) < _LOST) & (np.abs(miss_y) < _LOST) & (xx * yy - xy * yx > 0)
        found &= x * x + y * y < _WIDEST_TANGENT**2
    return np.where(found, x, np.nan), np.where(found, y, np.nan)


def _most(values: Floats) -> float:
    """Largest magnitude; values that ran away do not hold up the others."""
    with np.errstate(invalid="ignore"):
        return float(np.max(np.abs(values), initial=0.0, where=np.abs(values) < 1.0))


def _widest(camera: Camera) -> float:
    """How far from the axis the picture's corners are, in distorted normalised coordinates."""
    (width, height), (fx, fy), (cx, cy) = camera.size_wh_px, camera.focal_xy_px, camera.principal_xy_px
    return math.hypot(max(cx, width - cx) / fx, max(cy, height - cy) / fy)


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
        for _ in range(_NEWTON_STEPS):
            bent, slope = _bent(angle, camera.distortion)
            miss = radius - bent
            if not (_most(miss) >= _CONVERGED):
                break
            angle = angle + miss / slope
        lost = ~((np.abs(miss) < _LOST) & (slope > 0) & (angle <= _WIDEST_FISHEYE_RAD) & (angle >= 0))
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
