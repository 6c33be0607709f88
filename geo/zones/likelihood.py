"""How likely a place with a normal error lies in a polygon: integrated along the outline, neither drawn nor sampled.

By Green's theorem the integral of the normal density over a polygon is that of `Phi(x) phi(y) dy` around it, once the
error is scaled to a unit circle. Along one straight edge that is smooth, so a few Gauss nodes give seven digits.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import shapely

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Geometries = npt.NDArray[np.object_]

REACH_SIGMAS = 6.0
"""Beyond this nothing is likely: 2e-9 of a normal error lies farther off on either side."""
ELLIPSE_SIGMAS = math.sqrt(-2 * math.log(0.05))
"""Half axes of the ellipse that holds 95 % of the places, in sigmas."""
_LEAST_SIGMA_M = 1e-3
# Gauss nodes for edges longer than, and up to, so many sigmas: enough of them for seven digits.
_NODES = ((0.0, 1.0, 6), (1.0, 4.0, 14), (4.0, 8.0, 24), (8.0, math.inf, 40))

_WGS84_A_M, _WGS84_E2 = 6_378_137.0, 0.006_694_379_990_141_317


def metres_per_degree(lat: Floats) -> Floats:
    """Metres of one degree east and north (n, 2) on WGS 84 at latitudes in degrees (n,)."""
    flattening = 1 - _WGS84_E2 * np.sin(np.radians(lat)) ** 2
    east = _WGS84_A_M * np.cos(np.radians(lat)) / np.sqrt(flattening)
    north = _WGS84_A_M * (1 - _WGS84_E2) / flattening**1.5
    return np.asarray(np.radians(np.column_stack((east, north))), dtype=np.float64)


def reach_deg(lonlat: Floats, covariance_m2: Floats, sigmas: float = REACH_SIGMAS) -> Floats:
    """Half sides (n, 2) in degrees, lon before lat, of the boxes around error ellipses of so many sigmas.

    Args:
        lonlat: Places in degrees (n, 2).
        covariance_m2: Their errors (n, 2, 2), east before north.
        sigmas: Size of the ellipse.
    """
    sigma_m = np.sqrt(np.maximum(np.diagonal(covariance_m2, axis1=1, axis2=2), _LEAST_SIGMA_M**2))
    return np.asarray(sigmas * sigma_m / metres_per_degree(lonlat[:, 1]), dtype=np.float64)


def likelihoods(polygons: Geometries, lonlat: Floats, covariance_m2: Floats) -> tuple[Floats, Bools]:
    """How likely each place lies in its polygon, and whether its 95 % ellipse meets it.

    Args:
        polygons: Valid polygons or multipolygons (n,) in degrees, lon before lat.
        lonlat: One place for each (n, 2), degrees.
        covariance_m2: Its error (n, 2, 2), east before north; less than a millimetre counts as a millimetre.

    Returns:
        Probabilities (n,), and for each whether the ellipse that holds 95 % of the error meets the polygon (n,).
    """
    reach = reach_deg(lonlat, covariance_m2)
    low, high = (lonlat - reach).tolist(), (lonlat + reach).tolist()
    near = [
        _clipped(one, *west_south, *east_north) for one, west_south, east_north in zip(polygons, low, high, strict=True)
    ]
    scaled = _scaled(np.array(near, dtype=object), lonlat, covariance_m2)
    meets = shapely.dwithin(scaled, shapely.Point(0, 0), ELLIPSE_SIGMAS)
    return np.clip(_unit_integrals(scaled), 0.0, 1.0), meets


def _clipped(polygon: shapely.Geometry, west: float, south: float, east: float, north: float) -> shapely.Geometry:
    try:
        return shapely.clip_by_rect(polygon, west, south, east, north)
    except shapely.GEOSException:
        return shapely.intersection(polygon, shapely.box(west, south, east, north))


def _scaled(polygons: Geometries, lonlat: Floats, covariance_m2: Floats) -> Geometries:
    """The polygons in coordinates in which the place is (0, 0) and its error one sigma all around, clipped there."""
    coordinates, owner = shapely.get_coordinates(polygons, return_index=True)
    metres = (coordinates - lonlat[owner]) * metres_per_degree(lonlat[:, 1])[owner]
    a = np.sqrt(np.maximum(covariance_m2[:, 0, 0], _LEAST_SIGMA_M**2))
    b = covariance_m2[:, 0, 1] / a
    c = np.sqrt(np.maximum(covariance_m2[:, 1, 1] - b**2, _LEAST_SIGMA_M**2))
    x = metres[:, 0] / a[owner]
    y = (metres[:, 1] - b[owner] * x) / c[owner]
    scaled = shapely.set_coordinates(polygons.copy(), np.column_stack((x, y)))
    # A long thin ellipse makes the box around it a stretched one: what lies out of reach must go, or edges get long.
    for index in np.flatnonzero(np.abs(np.nan_to_num(shapely.bounds(scaled))).max(axis=1) > REACH_SIGMAS * 1.01):
        scaled[index] = _clipped(scaled[index], -REACH_SIGMAS, -REACH_SIGMAS, REACH_SIGMAS, REACH_SIGMAS)
    return np.asarray(scaled)


def _unit_integrals(areas: Geometries) -> Floats:
    """The standard normal density in two dimensions, integrated over each geometry's polygons."""
    parts, owner_of_part = shapely.get_parts(areas, return_index=True)
    # Clipping may leave lines and points behind where a polygon only touches the box.
    is_area = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    parts, owner_of_part = shapely.orient_polygons(parts[is_area]), owner_of_part[is_area]
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    follows = ring[1:] == ring[:-1]
    start, end = corners[:-1][follows], corners[1:][follows]
    owner = owner_of_part[part_of_ring[ring[1:][follows]]]
    sums = np.bincount(owner, weights=_edge_integrals(start, end), minlength=len(areas))
    return np.asarray(sums, dtype=np.float64)


def _edge_integrals(start: Floats, end: Floats) -> Floats:
    """Integrals (n,) of `Phi(x) phi(y) dy` along straight edges between points (n, 2)."""
    step = end - start
    length = np.hypot(step[:, 0], step[:, 1])
    result = np.zeros(len(start))
    for above, up_to, nodes in _NODES:
        chosen = (length > above) & (length <= up_to)
        at, weight = _gauss(nodes)
        x = start[chosen, :1] + step[chosen, :1] * at
        y = start[chosen, 1:] + step[chosen, 1:] * at
        density = np.exp(-0.5 * y**2) / math.sqrt(2 * math.pi)
        result[chosen] = (_normal_below(x) * density) @ weight * step[chosen, 1]
    return result


@lru_cache(maxsize=4)
def _gauss(nodes: int) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights on [0, 1]."""
    at, weight = np.polynomial.legendre.leggauss(nodes)
    return (at + 1) / 2, weight / 2


def _normal_below(x: Floats) -> Floats:
    """The standard normal distribution function, good to 1e-7 (Hastings' approximation)."""
    t = 1 / (1 + 0.231_641_9 * np.abs(x))
    tail = t * (0.319_381_530 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))))
    above = tail * np.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)
    return np.where(x >= 0, 1 - above, above)
