"""Two-dimensional covariances as plain numbers (ee, en, nn): one at a time, this is far quicker than arrays."""

from __future__ import annotations

import math

Sym = tuple[float, float, float]
Vec = tuple[float, float]
Estimate = tuple[float, float, float, float, float]
"""A place and its error: east, north, ee, en, nn."""
Pull = tuple[float, float, float, float, float]
"""What tells a weighted mean of places: the information (ee, en, nn), and that times the mean (east, north)."""

NO_PULL: Pull = (0.0, 0.0, 0.0, 0.0, 0.0)
ZERO: Sym = (0.0, 0.0, 0.0)


def isotropic(sigma_m: float) -> Sym:
    """The same sigma in every direction."""
    return (sigma_m * sigma_m, 0.0, sigma_m * sigma_m)


def add(a: Sym, b: Sym) -> Sym:
    """Sum of two covariances."""
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])


def scale(a: Sym, factor: float) -> Sym:
    """A covariance times a number."""
    return (a[0] * factor, a[1] * factor, a[2] * factor)


def subtract(a: Sym, b: Sym, *, least_m: float) -> Sym:
    """`a` without its part `b`, at least `least_m` (one sigma) in every direction."""
    return at_least((a[0] - b[0], a[1] - b[1], a[2] - b[2]), least_m)


def eigenvalues(a: Sym) -> tuple[float, float]:
    """Smallest and largest variance over all directions."""
    if a[1] == 0.0:
        return (a[0], a[2]) if a[0] < a[2] else (a[2], a[0])
    middle, spread = (a[0] + a[2]) / 2, math.hypot((a[0] - a[2]) / 2, a[1])
    return middle - spread, middle + spread


def at_least(a: Sym, sigma_m: float) -> Sym:
    """`a` with its variance raised to `sigma_m` squared in the directions where it is less."""
    return raised(a, sigma_m * sigma_m)


def raised(a: Sym, floor: float) -> Sym:
    """`a` with its variance raised to `floor` in the directions where it is less."""
    if a[1] == 0.0:
        return a if a[0] >= floor and a[2] >= floor else (max(a[0], floor), 0.0, max(a[2], floor))
    low, high = eigenvalues(a)
    if low >= floor:
        return a
    if high <= floor:
        return (floor, 0.0, floor)
    # a = low * I + (high - low) * P with P the projector on the major axis; only `low` changes.
    share = (high - floor) / (high - low)
    return (floor + (a[0] - low) * share, a[1] * share, floor + (a[2] - low) * share)


def inverse(a: Sym) -> Sym:
    """Inverse of a positive covariance (the information)."""
    det = a[0] * a[2] - a[1] * a[1]
    return (a[2] / det, -a[1] / det, a[0] / det)


def times(a: Sym, v: Vec) -> Vec:
    """Matrix times vector."""
    return (a[0] * v[0] + a[1] * v[1], a[1] * v[0] + a[2] * v[1])


def distance2(delta: Vec, covariance: Sym) -> float:
    """Squared Mahalanobis distance."""
    moved = times(inverse(covariance), delta)
    return delta[0] * moved[0] + delta[1] * moved[1]


def pulled(pull: Pull, estimate: Estimate) -> Pull:
    """A mean that takes in one more place, weighted by its error."""
    a, b, c, pull_e, pull_n = pull
    east, north, ee, en, nn = estimate
    det = ee * nn - en * en
    ie, io, inn = nn / det, -en / det, ee / det
    return a + ie, b + io, c + inn, pull_e + ie * east + io * north, pull_n + io * east + inn * north


def mean(pull: Pull) -> Estimate:
    """The mean and its error."""
    a, b, c, pull_e, pull_n = pull
    det = a * c - b * b
    return (c * pull_e - b * pull_n) / det, (a * pull_n - b * pull_e) / det, c / det, -b / det, a / det


def apart2(one: Estimate, other: Estimate) -> float:
    """How far apart two places are, squared, in units of their joint error."""
    east, north, ee, en, nn = one
    e, n, oee, oen, onn = other
    east, north, ee, en, nn = east - e, north - n, ee + oee, en + oen, nn + onn
    return (nn * east * east - 2 * en * east * north + ee * north * north) / (ee * nn - en * en)
