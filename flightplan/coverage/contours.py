"""Which way the ground's contours run: rows along them climb less than rows across."""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import NDArray

from flightplan.coverage.site import Site

Floats = NDArray[np.float64]
_SAMPLES_PER_SIDE = 60
# Ground that rises about as much one way as the other has no direction.
_CLEARLY = 1.3


def contour_angle_deg(site: Site) -> float | None:
    """Direction that climbs least, counter-clockwise from east, 0 to 180; None where no direction does clearly."""
    if site.terrain is None:
        return None
    west, south, east, north = site.target_en.bounds
    step_m = max(max(east - west, north - south) / _SAMPLES_PER_SIDE, 1.0)
    e, n = np.meshgrid(np.arange(west, east + step_m, step_m), np.arange(south, north + step_m, step_m), indexing="ij")
    heights = site.terrain.heights_m(site.frame.lonlat_from_en(np.column_stack([e.ravel(), n.ravel()])))
    rise_e, rise_n = np.gradient(heights.reshape(e.shape), step_m)
    inside = shapely.contains_xy(site.target_en, e, n) & np.isfinite(rise_e) & np.isfinite(rise_n)
    if not inside.any():
        return None
    rises: Floats = np.column_stack([rise_e[inside], rise_n[inside]])
    # Sums of squares in every direction: the smaller axis of their ellipse runs along the contours.
    least, most = np.linalg.eigh(rises.T @ rises / len(rises))
    if math.sqrt(least[1]) < _CLEARLY * math.sqrt(max(least[0], 1e-12)):
        return None
    along_e, along_n = most[:, 0]
    return math.degrees(math.atan2(along_n, along_e)) % 180
