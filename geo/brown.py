"""Brown's lens distortion in normalised image coordinates, its derivative, and its inverse by Newton's method.

Coefficients are k1, k2, p1, p2, k3, as OpenCV orders them. Coordinates are columns (n,), as in `geo.lens`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Coefficients = tuple[float, float, float, float, float]

NEWTON_STEPS = 12
# Of the normalised image: a hundred thousandth of a pixel.
CONVERGED = 1e-9
LOST = 1e-7
# Beyond this field angle (tangent) the polynomial of a drone's lens says nothing.
WIDEST_TANGENT = 3.0


def distorted(x: Floats, y: Floats, coefficients: Coefficients) -> tuple[Floats, Floats]:
    """Distorted normalised coordinates of ideal ones."""
    k1, k2, p1, p2, k3 = coefficients
    xx, yy, xy = x * x, y * y, x * y
    r2 = xx + yy
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    return x * radial + 2 * p1 * xy + p2 * (r2 + 2 * xx), y * radial + p1 * (r2 + 2 * yy) + 2 * p2 * xy


def slopes(x: Floats, y: Floats, coefficients: Coefficients) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Derivative of `distorted`: ((x by x, x by y), (y by x, y by y))."""
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


def undistorted(x: Floats, y: Floats, xd: Floats, yd: Floats, coefficients: Coefficients) -> tuple[Floats, Floats]:
    """Ideal coordinates of distorted ones `xd, yd`, sought from `x, y` on; NaN where none fit."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for _ in range(NEWTON_STEPS):
            at_x, at_y = distorted(x, y, coefficients)
            miss_x, miss_y = xd - at_x, yd - at_y
            (xx, xy), (yx, yy) = slopes(x, y, coefficients)
            if not (max(most(miss_x), most(miss_y)) >= CONVERGED):
                break
            det = xx * yy - xy * yx
            x = x + (miss_x * yy - xy * miss_y) / det
            y = y + (xx * miss_y - miss_x * yx) / det
        # Where the picture folds over itself, a point found is another pixel's.
        found = (np.abs(miss_x) < LOST) & (np.abs(miss_y) < LOST) & (xx * yy - xy * yx > 0)
        found &= x * x + y * y < WIDEST_TANGENT**2
    return np.where(found, x, np.nan), np.where(found, y, np.nan)


def most(values: Floats) -> float:
    """Largest magnitude; values that ran away do not hold up the others."""
    with np.errstate(invalid="ignore"):
        return float(np.max(np.abs(values), initial=0.0, where=np.abs(values) < 1.0))
