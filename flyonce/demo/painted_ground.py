"""A painted ground for where the orthophoto's data package is not installed: meadow, bushes, streets, water."""

from __future__ import annotations

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from flyonce.demo.district import District, Street, demo_district
from flyonce.demo.ground import Ground
from flyonce.demo.water import paint_water

Image = NDArray[np.uint8]

_MEADOW_BGR = np.array([98.0, 148.0, 138.0], dtype=np.float32)
_BUSH_BGR = (52, 78, 60)
_SOIL_BGR = (128, 160, 176)
_ROAD_BGR = {"main": (176, 184, 186), "side": (112, 116, 118)}
_LINE_BGR = (120, 190, 225)
# Size in metres of the meadow's patches and the grey levels by which they differ.
_PATCHES = ((0.4, 5.0), (1.6, 6.0), (7.0, 7.0), (30.0, 6.0))
_BUSHES_PER_HA = 18.0


def painted_ground(seed: int, resolution_m: float) -> tuple[District, Ground]:
    """The demo's district on a painted ground; the same seed always paints the same."""
    rng = np.random.default_rng((seed, 11))
    district = demo_district()
    half_east, half_north = district.half_extent_en_m
    shape = (round(2 * half_north / resolution_m), round(2 * half_east / resolution_m))
    ground = Ground(
        image=_meadow(shape, resolution_m, rng), resolution_m=resolution_m, west_north_m=(-half_east, half_north)
    )
    _scatter(ground, rng)
    paint_water(ground.image, _pixels(ground, district.reservoir.exterior), resolution_m, rng)
    for street in district.streets:
        _paint_street(ground, street, district)
    return district, ground


def _meadow(shape_hw: tuple[int, int], resolution_m: float, rng: np.random.Generator) -> Image:
    shade = np.zeros(shape_hw, dtype=np.float32)
    for size_m, spread in _PATCHES:
        step = max(size_m / resolution_m / 2, 1.0)
        small = rng.standard_normal((int(shape_hw[0] / step) + 2, int(shape_hw[1] / step) + 2), dtype=np.float32)
        shade += cv2.resize(small, shape_hw[::-1], interpolation=cv2.INTER_CUBIC) * np.float32(spread)
    channels = [np.clip(shade + level, 0, 255).astype(np.uint8) for level in _MEADOW_BGR]
    return np.asarray(cv2.merge(channels), dtype=np.uint8)


def _scatter(ground: Ground, rng: np.random.Generator) -> None:
    """Bushes and bare spots: something to hold on to for whoever tells motion from the picture."""
    height, width = ground.image.shape[:2]
    area_ha = height * width * ground.resolution_m**2 / 1e4
    for _ in range(int(area_ha * _BUSHES_PER_HA)):
        at = (int(rng.integers(width)), int(rng.integers(height)))
        radius = max(int(rng.uniform(0.4, 1.8) / ground.resolution_m), 1)
        cv2.circle(ground.image, at, radius, _BUSH_BGR if rng.random() < 0.7 else _SOIL_BGR, -1, cv2.LINE_AA)


def _paint_street(ground: Ground, street: Street, district: District) -> None:
    line = _pixels(ground, street.centre_line(district.half_extent_en_m))
    points = [np.round(line * 8).astype(np.int32)]
    width_px = max(round(street.width_m / ground.resolution_m), 1)
    cv2.polylines(ground.image, points, False, _ROAD_BGR[street.road_class], width_px, cv2.LINE_AA, shift=3)
    if street.road_class == "main":
        middle_px = max(round(0.15 / ground.resolution_m), 1)
        cv2.polylines(ground.image, points, False, _LINE_BGR, middle_px, cv2.LINE_AA, shift=3)


def _pixels(ground: Ground, line: shapely.Geometry) -> NDArray[np.float64]:
    return ground.pixel_from_enu(shapely.get_coordinates(line))
