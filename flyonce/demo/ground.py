"""Builds the district's ground: one big picture, north up, the orthophoto with streets and a reservoir painted in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from flyonce.demo.district import District, Street, demo_district
from flyonce.demo.orthophoto import MEADOW_FILE, RESOLUTION_M, Image, RoadPatch, read_orthophoto
from flyonce.demo.tiling import tile_seamlessly
from flyonce.demo.water import paint_water

GROUND_RESOLUTION_M = 0.055
_SEAM_PX = 150
_GRAIN_SIGMA = 5.0
_SHOULDER_M = 0.9
# The real road is bright concrete; side streets are asphalt, this much darker.
_ASPHALT_SHARE = 0.58
_PATCH_NORTH_M = 165.0
_PATCH_ROAD_EAST_M = -40.0


@dataclass(frozen=True, kw_only=True)
class Ground:
    """The ground seen from straight above.

    Attributes:
        image: BGR, shape (h, w, 3); row 0 is the northern edge, column 0 the western one.
        resolution_m: Metres per pixel, both ways.
        west_north_m: (east, north) of the outer corner of the top left pixel.
    """

    image: Image
    resolution_m: float
    west_north_m: tuple[float, float]

    def pixel_from_enu(self, enu_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pixels (column, row), shape (n, 2), counted from the outer corner of the top left pixel."""
        west, north = self.west_north_m
        return np.column_stack([enu_m[:, 0] - west, north - enu_m[:, 1]]) / self.resolution_m


def build_ground(seed: int, resolution_m: float = GROUND_RESOLUTION_M) -> tuple[District, Ground]:
    """The district, its main road laid on the orthophoto's real one, and its ground.

    Raises:
        MissingGroundError: The data package with the orthophoto is not installed.
    """
    rng = np.random.default_rng(seed)
    patch = RoadPatch.read()
    district = demo_district(_patch_knots_m(patch))
    base = _natural_ground(district, patch, rng)
    ground = _enlarged(base, district, resolution_m)
    paint_water(ground.image, _pixels(ground, district.reservoir.exterior), resolution_m, rng)
    strip = patch.strip(district.streets[-1].width_m / 2 + _SHOULDER_M, resolution_m)
    asphalt = cv2.convertScaleAbs(strip, alpha=_ASPHALT_SHARE)
    for street in district.streets:
        _paint_street(ground, street, strip if street.road_class == "main" else np.asarray(asphalt, dtype=np.uint8))
    _add_grain(ground.image, rng)
    return district, ground


def write_basemap(path: Path, ground: Ground, width_px: int = 1600) -> None:
    """Writes a small JPEG of the ground for the console's map."""
    height_px = round(ground.image.shape[0] * width_px / ground.image.shape[1])
    small = cv2.resize(ground.image, (width_px, height_px), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(path), small, [cv2.IMWRITE_JPEG_QUALITY, 82])


def _patch_west_m(patch: RoadPatch) -> float:
    return _PATCH_ROAD_EAST_M - float(patch.centre_line_px[0, 0]) * RESOLUTION_M


def _patch_knots_m(patch: RoadPatch) -> tuple[tuple[float, float], ...]:
    line = patch.centre_line_px
    north = _PATCH_NORTH_M - line[:, 1] * RESOLUTION_M
    east = _patch_west_m(patch) + line[:, 0] * RESOLUTION_M
    return tuple((float(n), float(e)) for n, e in zip(north[::-1], east[::-1], strict=True))


def _natural_ground(district: District, patch: RoadPatch, rng: np.random.Generator) -> Image:
    """Meadow all over with the road patch laid in softly, at the orthophoto's own resolution."""
    half_east, half_north = district.half_extent_en_m
    size_wh = (round(2 * half_east / RESOLUTION_M), round(2 * half_north / RESOLUTION_M))
    ground = tile_seamlessly(read_orthophoto(MEADOW_FILE), size_wh, _SEAM_PX)
    top = round((half_north - _PATCH_NORTH_M) / RESOLUTION_M)
    left = round((half_east + _patch_west_m(patch)) / RESOLUTION_M)
    height, width = patch.image.shape[:2]
    target = ground[top : top + height, left : left + width]
    alpha = _ragged_edge(height, width, rng)[..., None]
    target[:] = np.round(alpha * patch.image + (1 - alpha) * target).astype(np.uint8)
    return ground


def _ragged_edge(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Opacity of the patch: full from 5 m inside its edge, which wanders like a wood's; a straight one would show."""
    rows = np.minimum(np.arange(height), np.arange(height)[::-1])[:, None]
    cols = np.minimum(np.arange(width), np.arange(width)[::-1])[None, :]
    coarse = rng.uniform(-1, 1, (height // 30, width // 30)).astype(np.float32)
    wander = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip((np.minimum(rows, cols) - 24 + 16 * wander) / 8, 0, 1), dtype=np.float32)


def _enlarged(base: Image, district: District, resolution_m: float) -> Ground:
    half_east, half_north = district.half_extent_en_m
    size_wh = (round(2 * half_east / resolution_m), round(2 * half_north / resolution_m))
    image = cv2.resize(base, size_wh, interpolation=cv2.INTER_CUBIC)
    return Ground(
        image=np.asarray(image, dtype=np.uint8), resolution_m=resolution_m, west_north_m=(-half_east, half_north)
    )


def _pixels(ground: Ground, ring: shapely.Geometry) -> NDArray[np.float64]:
    return ground.pixel_from_enu(shapely.get_coordinates(ring))


def _paint_street(ground: Ground, street: Street, strip: Image) -> None:
    """Lays the unrolled real road along the street, except where the orthophoto shows the street itself."""
    height, width = ground.image.shape[:2]
    west, north = ground.west_north_m
    step = ground.resolution_m
    if street.axis == "north":
        along = north - (np.arange(height, dtype=np.float64) + 0.5) * step
        _paint_lines(ground.image, street, strip, along, west, step)
    else:
        along = west + (np.arange(width, dtype=np.float64) + 0.5) * step
        _paint_lines(ground.image.transpose(1, 0, 2), street, strip, along, north, -step)


def _paint_lines(
    image: Image, street: Street, strip: Image, along_m: NDArray[np.float64], start_m: float, step_m: float
) -> None:
    """Paints the lines of pixels that cross the street at `along_m`.

    Args:
        image: BGR; axis 0 runs along the street.
        street: What to paint.
        strip: The real road unrolled: rows along it, columns across it.
        along_m: Place of every line along the street.
        start_m: Place across the street of a line's first edge.
        step_m: Metres across the street from one pixel to the next; negative where they count southwards.
    """
    centre = street.offset_m(along_m)
    stretch = np.hypot(1.0, np.gradient(centre, along_m))
    texture_row = _mirrored(np.cumsum(stretch).astype(np.int64), len(strip))
    half_px = int((street.width_m / 2 + _SHOULDER_M) * stretch.max() / abs(step_m)) + 1
    middle_px = ((centre - start_m) / step_m).astype(np.int64)
    columns = middle_px[:, None] + np.arange(-half_px, half_px + 1)
    painted = ~((along_m > street.visible_m[0]) & (along_m < street.visible_m[1]))
    inside = (columns >= 0) & (columns < image.shape[1]) & painted[:, None]
    across_m = (start_m + (columns + 0.5) * step_m - centre[:, None]) / stretch[:, None]
    rows, picked = np.nonzero(inside)
    columns, across_m = columns[rows, picked], across_m[rows, picked]
    colour = strip[texture_row[rows], _texture_column(across_m, street, strip.shape[1], abs(step_m))]
    edge = np.clip((street.width_m / 2 + 0.35 - np.abs(across_m)) / 0.35, 0, 1)[:, None].astype(np.float32)
    image[rows, columns] = np.round(edge * colour + (1 - edge) * image[rows, columns]).astype(np.uint8)


def _mirrored(index: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    folded = index % (2 * length)
    return np.where(folded < length, folded, 2 * length - 1 - folded)


def _texture_column(
    across_m: NDArray[np.float64], street: Street, strip_width_px: int, step_m: float
) -> NDArray[np.int64]:
    middle = (strip_width_px - 1) / 2
    if street.road_class == "main":
        at = middle + across_m / step_m
    else:
        # A side street has no yellow line: its halves are drawn from beside the real road's line.
        lane_m = strip_width_px * step_m / 2 - _SHOULDER_M
        share = np.abs(across_m) / (street.width_m / 2)
        at = middle + np.sign(across_m) * (0.45 + share * (lane_m - 0.45)) / step_m
    return np.clip(np.round(at), 0, strip_width_px - 1).astype(np.int64)


def _add_grain(image: Image, rng: np.random.Generator) -> None:
    """Fine brightness grain: the orthophoto is coarser than the camera and would look smooth without it."""
    side = 1024
    grain = cv2.GaussianBlur(rng.normal(0, _GRAIN_SIGMA * 1.6, (side, side)).astype(np.float32), (3, 3), 0.7)
    lighter = cv2.merge([np.clip(grain, 0, 255).astype(np.uint8)] * 3)
    darker = cv2.merge([np.clip(-grain, 0, 255).astype(np.uint8)] * 3)
    for top in range(0, image.shape[0], side):
        for left in range(0, image.shape[1], side):
            block = image[top : top + side, left : left + side]
            height, width = block.shape[:2]
            block[:] = cv2.subtract(cv2.add(block, lighter[:height, :width]), darker[:height, :width])
