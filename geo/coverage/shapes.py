"""Cells as polygons: what was seen, for maps, and what was not, for the planner of the next flight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio.features
import shapely
from rasterio import Affine
from shapely.geometry.base import BaseGeometry

from geo.coverage.cells import NEVER_MM, Cells
from geo.coverage.grid import (
    ROWS_PER_DEGREE,
    Keys,
    areas_m2,
    bands_of,
    column_deg,
    keys_within,
    middles,
    rows_and_columns,
)
from geo.frames import LocalFrame

# Upper ends in mm of ground per pixel of the classes that maps show, finest first; beyond them, and unsure, two more.
CLASSES_MM = (20, 30, 60, 120, NEVER_MM - 1)
UNSURE = len(CLASSES_MM)

_NO_TIME_S = 2**32 - 1

# More cells than this are not laid out side by side at a time: 64 million bytes.
_MOST_RASTER_CELLS = 64_000_000


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """Ground of an area that was not seen well enough.

    Attributes:
        polygons: Pieces in degrees, lon before lat, the largest first: one area each for the planner.
        area_m2: Of the cells in them, before they were made flyable.
        share: Their share of the area.
    """

    polygons: tuple[shapely.Polygon, ...]
    area_m2: float
    share: float


def class_of(cells: Cells) -> npt.NDArray[np.uint8]:
    """Class (n,) of each cell: position of the first of `CLASSES_MM` that its finest sure look keeps, or `UNSURE`."""
    by_resolution = np.searchsorted(np.array(CLASSES_MM), cells.sure_finest_mm)
    return np.minimum(by_resolution, UNSURE).astype(np.uint8)


def outlines(keys: Keys, values: npt.NDArray[np.uint8] | None = None) -> Iterator[tuple[BaseGeometry, int]]:
    """Cells that touch and share a value, as polygons in degrees; holes stay holes.

    Args:
        keys: Cells, each once.
        values: (n,) below 255; None for one and the same.

    Yields:
        The polygon, and its value.
    """
    for part, origin, band in _rasters(keys):
        rows, columns = rows_and_columns(keys[part])
        image = np.full(origin[2:], 255, dtype=np.uint8)
        image[origin[0] - rows, columns - origin[1]] = 0 if values is None else values[part]
        step = column_deg(band)
        top = (origin[0] + 1) / ROWS_PER_DEGREE - 90.0
        place = Affine(step, 0.0, origin[1] * step - 180.0, 0.0, -1.0 / ROWS_PER_DEGREE, top)
        for shape, value in rasterio.features.shapes(image, mask=image != 255, transform=place):
            yield shapely.geometry.shape(shape), int(value)


def unseen(
    area: BaseGeometry,
    seen: Cells,
    *,
    least_m2: float = 400.0,
    wider_m: float = 5.0,
    join_m: float = 40.0,
    fill_m2: float = 10_000.0,
) -> Unseen:
    """What of an area no cell among `seen` covers, as areas for the planner of the next flight.

    Args:
        area: Polygon or MultiPolygon in degrees, lon before lat.
        seen: The cells that need no new look.
        least_m2: Smaller pieces, which errors of poses make along edges, are left out.
        wider_m: By how much pieces are widened within the area, so that their edges are seen surely.
        join_m: Pieces no farther apart become one: a drone turns between two of them for longer than it flies on.
        fill_m2: Smaller patches of seen ground within a piece are flown over again; holes of the area never are.

    Returns:
        Polygons within the area.
    """
    cells = keys_within(*area.bounds)
    here = middles(cells)
    cells = cells[shapely.contains_xy(area, here[:, 0], here[:, 1])]
    missing = np.setdiff1d(cells, seen.key, assume_unique=True)
    whole_m2, missing_m2 = float(areas_m2(cells).sum()), float(areas_m2(missing).sum())
    pieces = [piece for piece, _ in outlines(missing)]
    polygons = _flyable(pieces, area, least_m2, wider_m, join_m, fill_m2) if pieces else ()
    return Unseen(polygons=polygons, area_m2=missing_m2, share=missing_m2 / whole_m2 if whole_m2 else 0.0)


def as_features(cells: Cells, **properties: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON values
    """GeoJSON features of cells: one polygon for each stretch of one class, with its figures.

    Args:
        cells: Any.
        **properties: More properties of each feature.
    """
    features = []
    for outline, number in outlines(cells.key, class_of(cells)):
        inside = cells.at(_keys_in(outline))
        figures = {
            "kind": "seen",
            "sure": number != UNSURE,
            "finest_m_up_to": None if number >= UNSURE - 1 else CLASSES_MM[number] / 1000,
            "looks_min": int(inside.looks.min()),
            "looks_max": int(inside.looks.max()),
            "area_m2": round(inside.area_m2(), 1),
            "first_at": _moment(inside.first_s[inside.first_s > 0].min(initial=_NO_TIME_S)),
            "last_at": _moment(inside.last_s.max()),
        }
        features.append({"type": "Feature", "properties": figures | properties, "geometry": _rounded(outline)})
    return features


def _moment(seconds: int) -> str | None:
    return datetime.fromtimestamp(int(seconds), tz=UTC).isoformat() if 0 < seconds < _NO_TIME_S else None


def _keys_in(outline: BaseGeometry) -> Keys:
    keys = keys_within(*outline.bounds)
    here = middles(keys)
    return keys[shapely.contains_xy(outline, here[:, 0], here[:, 1])]


def _rounded(outline: BaseGeometry) -> dict[str, Any]:
    geometry: dict[str, Any] = shapely.geometry.mapping(shapely.transform(outline, lambda points: points.round(8)))
    return geometry


def _rasters(keys: Keys) -> Iterator[tuple[npt.NDArray[np.intp], tuple[int, int, int, int], int]]:
    """Which cells go into one raster: its top row, left column, height and width; and its band.

    One band of latitude at a time, for columns of two do not line up; and in tiles where flights lie far apart.
    """
    bands = bands_of(keys)
    for band in np.unique(bands).tolist():
        yield from _tiles(keys, np.flatnonzero(bands == band), band)


def _tiles(
    keys: Keys, part: npt.NDArray[np.intp], band: int
) -> Iterator[tuple[npt.NDArray[np.intp], tuple[int, int, int, int], int]]:
    rows, columns = rows_and_columns(keys[part])
    top, left = int(rows.max()), int(columns.min())
    height, width = top - int(rows.min()) + 1, int(columns.max()) - left + 1
    if height * width <= _MOST_RASTER_CELLS:
        yield part, (top, left, height, width), band
        return
    first = rows <= int(rows.min()) + height // 2 if height > width else columns <= left + width // 2
    yield from _tiles(keys, part[first], band)
    yield from _tiles(keys, part[~first], band)


def _flyable(
    pieces: list[BaseGeometry], area: BaseGeometry, least_m2: float, wider_m: float, join_m: float, fill_m2: float
) -> tuple[shapely.Polygon, ...]:
    """Pieces widened, joined where near, without small holes, cut to the area, smoothed of the grid's steps."""
    west, south, east, north = area.bounds
    frame = LocalFrame(lon=(west + east) / 2, lat=(south + north) / 2)
    whole = shapely.transform(area, frame.en_from_lonlat)
    missing = shapely.union_all([shapely.transform(piece, frame.en_from_lonlat) for piece in pieces])
    kept = [part for part in shapely.get_parts(missing) if part.area >= least_m2]
    if not kept:
        return ()
    near = shapely.buffer(shapely.union_all(kept), wider_m + join_m / 2, join_style="mitre")
    wide = shapely.simplify(shapely.buffer(near, -join_m / 2, join_style="mitre"), wider_m / 2)
    filled = shapely.union_all([_filled(part, fill_m2) for part in shapely.get_parts(wide)])
    parts = [part for part in shapely.get_parts(shapely.intersection(filled, whole)) if part.geom_type == "Polygon"]
    parts = sorted((part for part in parts if part.area >= least_m2), key=lambda part: -part.area)
    return tuple(shapely.transform(part, frame.lonlat_from_en) for part in parts)


def _filled(part: shapely.Polygon, fill_m2: float) -> shapely.Polygon:
    holes = [hole for hole in part.interiors if shapely.Polygon(hole).area >= fill_m2]
    return shapely.Polygon(part.exterior, holes)
