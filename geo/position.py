"""A place never without its error: `Fix`, and the error ellipse that it draws."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geo.frames import LocalFrame

Floats = npt.NDArray[np.float64]
Covariance = tuple[tuple[float, float], tuple[float, float]]

NO_COVARIANCE: Covariance = ((0.0, 0.0), (0.0, 0.0))


@dataclass(frozen=True, kw_only=True)
class ErrorEllipse:
    """One-sigma error ellipse: half axes in metres, azimuth of the major axis in degrees from true north, [0, 180)."""

    major_m: float
    minor_m: float
    azimuth_deg: float


@dataclass(frozen=True, kw_only=True)
class Fix:
    """A place on the ground with its error.

    Attributes:
        lon: Degrees east, WGS 84.
        lat: Degrees north.
        alt_m: Altitude of the ground there, in the ground model's own datum (`height_source` names it).
        covariance_m2: ((east-east, east-north), (east-north, north-north)) of the whole error, m².
        height_source: How the camera's height above the ground came about.
        yaw_source: Where the camera's heading came from.
        flags: What a reader should know, short machine names.
        common_m2: The part of `covariance_m2` that all fixes of one flight share.
    """

    lon: float
    lat: float
    alt_m: float
    covariance_m2: Covariance
    height_source: str
    yaw_source: str
    flags: tuple[str, ...] = ()
    common_m2: Covariance = NO_COVARIANCE

    def __post_init__(self) -> None:
        if not (-180 <= self.lon <= 180 and -90 <= self.lat <= 90):
            raise ValueError(f"lon {self.lon}, lat {self.lat} is no place on the earth")
        (ee, en), (ne, nn) = self.covariance_m2
        if not all(math.isfinite(value) for value in (ee, en, ne, nn)) or abs(en - ne) > 1e-6 * (ee + nn) + 1e-12:
            raise ValueError("the covariance of a fix must be finite and symmetric")
        if ee < 0 or nn < 0 or ee * nn - en * en < -1e-6 * (ee + nn) ** 2 - 1e-12:
            raise ValueError("the covariance of a fix must not be negative")

    def ellipse(self) -> ErrorEllipse:
        """The one-sigma error ellipse."""
        major_m, minor_m, azimuth_deg = ellipses(np.array([self.covariance_m2]))[0]
        return ErrorEllipse(major_m=float(major_m), minor_m=float(minor_m), azimuth_deg=float(azimuth_deg))


def ellipses(covariance_m2: Floats) -> Floats:
    """One-sigma ellipses (n, 3) as major m, minor m, azimuth of the major axis deg [0, 180), of (n, 2, 2) m² (E, N)."""
    ee, en, nn = covariance_m2[:, 0, 0], covariance_m2[:, 0, 1], covariance_m2[:, 1, 1]
    middle, spread = (ee + nn) / 2, np.hypot((ee - nn) / 2, en)
    # Azimuth runs from north to east, so north takes the place of x in the usual formula.
    azimuth_deg = np.degrees(np.arctan2(2 * en, nn - ee)) / 2 % 180.0
    return np.column_stack((np.sqrt(middle + spread), np.sqrt(np.maximum(middle - spread, 0.0)), azimuth_deg))


def scale_of_probability(probability: float) -> float:
    """How many sigmas an ellipse needs to hold the truth with this probability (two dimensions)."""
    if not 0 < probability < 1:
        raise ValueError("a probability must lie between 0 and 1")
    return math.sqrt(-2.0 * math.log1p(-probability))


def ellipse_polygon(fix: Fix, probability: float = 0.95, n: int = 48) -> Floats:
    """The ellipse that holds the truth with `probability`, as a closed ring (n + 1, 2) of lon, lat in degrees."""
    ellipse, scale = fix.ellipse(), scale_of_probability(probability)
    angle = np.linspace(0.0, 2 * math.pi, n + 1)
    along, across = scale * ellipse.major_m * np.cos(angle), scale * ellipse.minor_m * np.sin(angle)
    sin, cos = math.sin(math.radians(ellipse.azimuth_deg)), math.cos(math.radians(ellipse.azimuth_deg))
    ring = np.column_stack((along * sin + across * cos, along * cos - across * sin))
    ring[-1] = ring[0]
    return LocalFrame(lon=fix.lon, lat=fix.lat).lonlat_from_en(ring)
