"""Undoing a Brown lens for millions of pixels: from where a point appears to where it would without distortion.

The distortion is `apparent = ideal * (R(s) + 2 p.ideal) + s p`, with s the ideal point's squared distance from the
axis, R the radial polynomial, and p = (p2, p1). In axes of which the first lies along p its inverse is therefore

    ideal = (apparent - (shift, 0)) * factor,

where `factor` depends on the apparent point's squared distance and, by way of p, a little on its first coordinate: a
short polynomial of that coordinate, whose coefficients stand in tables over the squared distance. How long it must be,
and which tables need a straight line between their entries, is told by what it would cost to do without. `shift` is
s |p|, and s follows from the factor: `s = factor² * ((first - shift)² + second²)`, a quadratic equation for the shift.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
from numpy.polynomial import chebyshev

from geo.brown import WIDEST_TANGENT, Coefficients, undistorted
from geo.camera import Camera

Floats = npt.NDArray[np.float64]
Shorts = npt.NDArray[np.float32]
Number = TypeVar("Number", np.float32, np.float64)
Places = npt.NDArray[np.intp]

# Between two entries a straight line errs by some 1e-8 of the focal length, a thirty thousandth of a pixel.
_ENTRIES = 4096
# Pixels farther out than the picture's corners by this have no answer.
_BEYOND = 1.05
_HIGHEST_DEGREE = 6
# Of the normalised image: half a ten thousandth of a pixel.
_NEGLIGIBLE = 2e-8
# So many pixels at a time stay in the processor's cache with all that is reckoned about them.
_AT_A_TIME = 16384


@dataclass(frozen=True, kw_only=True, eq=False)
class Undistortion:
    """The inverse of one lens.

    Attributes:
        from_pixels: (2, 2) what turns pixels into apparent points, in the tables' axes and so that their squared
            distance counts entries.
        origin: (2, 1) where pixel (0, 0) lies in them.
        to_image: (2, 2) what turns ideal points in the tables' axes into normalised image coordinates.
        factor: What apparent points are multiplied by where their first coordinate is 0.
        growth: How the factor grows with that coordinate: a polynomial of it. Empty without tangential part.
        tangential: The length of p, in the tables' scale.
        refined: The lens in the tables' axes and their scale, where polynomials alone do not reach the accuracy.
    """

    from_pixels: Floats
    origin: Floats
    to_image: Floats
    factor: _Table[np.float64]
    growth: tuple[_Table[np.float32], ...]
    tangential: float
    refined: tuple[Coefficients, float] | None

    def ideal(self, uv_px: Floats, out: Floats) -> None:
        """Put the ideal points of pixels (2, n) into `out` (2, n), in the tables' axes; NaN where there are none."""
        # Pixels that are endless or no number are answered by none.
        with np.errstate(invalid="ignore"):
            for begin in range(0, uv_px.shape[1], _AT_A_TIME):
                piece = slice(begin, begin + _AT_A_TIME)
                apparent = self.from_pixels @ uv_px[:, piece]
                apparent += self.origin
                self._straighten(apparent, out[:, piece])

    def _straighten(self, apparent: Floats, out: Floats) -> None:
        first, second = apparent
        square, room = first * first, second * second
        square += room
        # What the tangential part does is so little that short numbers hold it.
        across, along = first.astype(np.float32), square.astype(np.float32)
        # What lies beyond the last entry, or is no number, gets the entry after it, where all is unknown.
        np.fmin(square, _ENTRIES + 0.5, out=square)
        np.floor(square, out=room)
        entry = room.astype(np.intp)
        square -= room
        factor = self.factor.at(entry, square, room)
        if self.growth:
            grown = _polynomial(self.growth, entry, square.astype(np.float32), across)
            grown *= across
            room[:] = grown
            factor += room
            room[:] = self._shift(factor.astype(np.float32), along, across)
            np.subtract(first, room, out=out[0])
            out[0] *= factor
        else:
            np.multiply(first, factor, out=out[0])
        np.multiply(second, factor, out=out[1])
        if self.refined is not None:
            coefficients, scale = self.refined
            out[0], out[1] = undistorted(out[0], out[1], first / scale, second / scale, coefficients)

    def _shift(self, factor: Shorts, square: Shorts, first: Shorts) -> Shorts:
        """The smaller root of `bend * shift² - 2 * slope * shift + bend * square = 0`."""
        bend = factor * factor
        bend *= np.float32(2 * self.tangential)
        slope = bend * first
        slope += np.float32(1)
        level = bend * square
        bend *= level
        root = slope * slope
        root -= bend
        np.sqrt(root, out=root)
        root += slope
        level /= root
        return level


@dataclass(frozen=True, kw_only=True, eq=False)
class _Table(Generic[Number]):
    """A function of the squared distance: from each entry on `values + slopes * share`, or `values` alone."""

    values: npt.NDArray[Number]
    slopes: npt.NDArray[Number] | None

    def at(self, entry: Places, share: npt.NDArray[Number], room: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """The function at these entries and shares of the step to the next ones; `room` is written over."""
        # None is out of range; numpy has the quickest loop for this mode.
        found = self.values.take(entry, mode="wrap")
        if self.slopes is not None:
            self.slopes.take(entry, mode="wrap", out=room)
            room *= share
            found += room
        return found


def _polynomial(tables: tuple[_Table[np.float32], ...], entry: Places, share: Shorts, across: Shorts) -> Shorts:
    room = np.empty_like(share)
    total = tables[-1].at(entry, share, room)
    for table in tables[-2::-1]:
        total *= across
        total += table.at(entry, share, room)
    return total


@lru_cache(maxsize=64)
def undistortion_of(camera: Camera) -> Undistortion:
    """The inverse of a Brown lens."""
    k1, k2, p1, p2, k3 = camera.distortion
    tangential = math.hypot(p1, p2)
    turn = np.array([[p2, p1], [-p1, p2]]) / tangential if tangential else np.eye(2)
    (fx, fy), (cx, cy) = camera.focal_xy_px, camera.principal_xy_px
    scale = math.sqrt(_ENTRIES) / (_BEYOND * _widest(camera))
    from_pixels = scale * turn @ np.diag((1 / fx, 1 / fy))
    along = (k1, k2, 0.0, tangential, k3)
    fit = _fitted_to(along, scale)
    return Undistortion(
        from_pixels=from_pixels,
        origin=-from_pixels @ np.array([[cx], [cy]]),
        to_image=turn.T,
        factor=fit.tables[0],
        growth=tuple(_short(table) for table in fit.tables[1:]),
        tangential=tangential * scale,
        refined=None if fit.is_enough else (along, scale),
    )


def _widest(camera: Camera) -> float:
    """How far from the axis the picture's corners are, in distorted normalised coordinates."""
    (width, height), (fx, fy), (cx, cy) = camera.size_wh_px, camera.focal_xy_px, camera.principal_xy_px
    return math.hypot(max(cx, width - cx) / fx, max(cy, height - cy) / fy)


def _fitted_to(along: Coefficients, scale: float) -> _Fit:
    """What apparent points in the tables' scale are multiplied by."""
    k1, k2, _, tangential, k3 = along
    nodes = _HIGHEST_DEGREE + 1 if tangential else 1
    angle_rad = (2 * np.arange(nodes) + 1) * np.pi / (2 * nodes)
    distance = np.sqrt(np.arange(_ENTRIES + 1.0))
    xd, yd = (np.outer(distance / scale, part(angle_rad)) for part in (np.cos, np.sin))
    x, y = undistorted(*_without_radial(xd, yd, (k1, k2, k3)), xd, yd, along)
    s = x * x + y * y
    factor = 1 / (scale * (1 + s * (k1 + s * (k2 + s * k3)) + 2 * tangential * x))
    return _fitted(factor, distance)


def _without_radial(xd: Floats, yd: Floats, radial: tuple[float, float, float]) -> tuple[Floats, Floats]:
    """Where the points would be without radial distortion, roughly; NaN where the picture folds over itself."""
    k1, k2, k3 = radial
    radius = np.linspace(0.0, WIDEST_TANGENT, 8 * _ENTRIES)
    bent = radius * (1 + radius**2 * (k1 + radius**2 * (k2 + radius**2 * k3)))
    rises = np.diff(bent) > 0
    end = len(bent) if rises.all() else int(np.argmin(rises)) + 1
    apparent = np.hypot(xd, yd)
    ideal = np.interp(apparent, bent[:end], radius[:end], right=np.nan)
    factor = np.divide(ideal, apparent, out=np.ones_like(ideal), where=apparent > 0)
    return xd * factor, yd * factor


@dataclass(frozen=True, kw_only=True, eq=False)
class _Fit:
    """A polynomial's tables, constant first, and whether what was left out of them is negligible."""

    tables: list[_Table[np.float64]]
    is_enough: bool


def _fitted(values: Floats, distance: Floats) -> _Fit:
    """Tables of a polynomial, as short and as plain as does no harm.

    Args:
        values: (entries, nodes) at each entry, at the Chebyshev nodes of the first coordinate.
        distance: (entries,) the first coordinate's range, and what values are multiplied by.
    """
    highest = values.shape[1] - 1
    nodes = np.cos((2 * np.arange(highest + 1) + 1) * np.pi / (2 * highest + 2))
    waves = values @ np.linalg.inv(chebyshev.chebvander(nodes, highest)).T
    # Entries beyond the picture's corners are there to be interpolated to.
    inside = distance * _BEYOND <= distance[-1]
    cost = [_worst(waves[:, power] * distance, inside) for power in range(highest + 1)]
    left_out = np.cumsum(cost[::-1])[::-1]
    degree = next((power for power in range(min(1, highest), highest) if left_out[power + 1] < _NEGLIGIBLE), highest)
    powers = np.zeros((degree + 1, degree + 1))
    for power, one in enumerate(np.eye(degree + 1)):
        powers[power, : power + 1] = chebyshev.cheb2poly(one)[: power + 1]
    steps = np.maximum(distance, 1.0)[:, None] ** np.arange(degree + 1)
    polynomials = waves[:, : degree + 1] @ powers / steps
    # On the axis itself there is no direction to tell them from.
    polynomials[0, 1:] = polynomials[1, 1:]
    tables = [_table(column, distance ** (power + 1), inside) for power, column in enumerate(polynomials.T)]
    return _Fit(tables=tables, is_enough=degree < highest or highest == 0)


def _table(values: Floats, weight: Floats, inside: npt.NDArray[np.bool_]) -> _Table[np.float64]:
    growth, ends = np.diff(values), (np.nan, np.nan)
    if _worst(growth / 2 * weight[1:], inside[1:]) < _NEGLIGIBLE:
        return _Table(values=np.r_[values[:-1] + growth / 2, ends], slopes=None)
    return _Table(values=np.r_[values[:-1], ends], slopes=np.r_[growth, ends])


def _short(table: _Table[np.float64]) -> _Table[np.float32]:
    slopes = None if table.slopes is None else table.slopes.astype(np.float32)
    return _Table(values=table.values.astype(np.float32), slopes=slopes)


def _worst(values: Floats, inside: npt.NDArray[np.bool_]) -> float:
    return float(np.fmax.reduce(np.abs(values[inside])))
