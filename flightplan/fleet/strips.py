"""Rows over a whole city, cut into cells: the pieces that are shared out among drones and flights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from flightplan.coverage.rows import Pattern, Row, lay_rows, turned, turned_back

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

# Less ground beside an obstacle is rounding.
_LEAST_LEFT_M2 = 1.0
# A shorter end is one cell with its neighbour.
_SHORTEST_M = 200.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Strips:
    """Rows as aligned columns, in a frame turned so that `u` runs along them and `v` across, metres.

    Attributes:
        angle_deg: Direction of the rows, counter-clockwise from east.
        spacing_m: Greatest distance of neighbours.
        start_u_m: (n,) lower ends.
        end_u_m: (n,) upper ends.
        v_m: (n,) where they lie across.
        band: (n,) number of the stretch along the rows that each lies in.
        part: (n,) number of the connected part of the areas that it belongs to.
        slow: (n,) how many times as long flying along each takes as over level ground.
    """

    angle_deg: float
    spacing_m: float
    start_u_m: Floats
    end_u_m: Floats
    v_m: Floats
    band: Ints
    part: Ints
    slow: Floats

    def __len__(self) -> int:
        """How many rows."""
        return len(self.v_m)

    @property
    def length_m(self) -> Floats:
        """(n,) metres from end to end."""
        return self.end_u_m - self.start_u_m

    @cached_property
    def level_m(self) -> Floats:
        """(n,) metres over level ground that take as long."""
        return self.length_m * self.slow

    def where(self, keep: NDArray[np.bool_] | Ints) -> Strips:
        """Some of the rows."""
        return Strips(
            angle_deg=self.angle_deg,
            spacing_m=self.spacing_m,
            start_u_m=self.start_u_m[keep],
            end_u_m=self.end_u_m[keep],
            v_m=self.v_m[keep],
            band=self.band[keep],
            part=self.part[keep],
            slow=self.slow[keep],
        )

    @cached_property
    def ends_uv(self) -> Floats:
        """(n, 2, 2) lower and upper end of each row, (u, v)."""
        lower, upper = np.column_stack((self.start_u_m, self.v_m)), np.column_stack((self.end_u_m, self.v_m))
        return np.stack((lower, upper), axis=1)

    def blocks(self, rows_each: int) -> Ints:
        """(n,) number of the block of each row: neighbours of one band, `rows_each` of them or fewer."""
        order = np.lexsort((self.start_u_m, self.v_m, self.band))
        band = self.band[order]
        begins = np.flatnonzero(np.r_[True, np.diff(band) != 0])
        place = np.arange(len(band)) - np.repeat(begins, np.diff(np.r_[begins, len(band)]))
        first = (place % rows_each) == 0
        number = np.empty(len(band), dtype=np.intp)
        number[order] = np.cumsum(first) - 1
        return number


def lay_strips(
    areas_en: Sequence[BaseGeometry],
    blocked_en: BaseGeometry,
    *,
    spacing_m: float,
    cell_m: float,
    angle_deg: float,
) -> Strips:
    """Rows over all areas, none of them in a blocked place.

    Args:
        areas_en: Where, metres east and north; those that touch become one.
        blocked_en: Where nobody may fly, the same frame.
        spacing_m: Greatest distance between neighbouring rows.
        cell_m: Rows are cut into cells of about this length, at the borders of bands across them.
        angle_deg: Direction of the rows, counter-clockwise from east.
    """
    whole = shapely.transform(shapely.union_all(areas_en), lambda points: turned(points, angle_deg))
    blocked = shapely.transform(blocked_en, lambda points: turned(points, angle_deg))
    # A row shows half the spacing to both sides, so it goes on as far as the area does there.
    pattern = Pattern(spacing_m=spacing_m, edge_m=spacing_m / 2, reach_m=spacing_m / 2)
    rows = []
    for number, part in enumerate(shapely.get_parts(whole)):
        laid = lay_rows(part, blocked, pattern)
        laid += _beside_obstacles(part, blocked, laid, pattern)
        rows += [(row.start_u_m, row.end_u_m, row.v_m, number) for row in laid]
    start, end, v, part = np.array(rows).reshape(-1, 4).T
    return _cut(start, end, v, part, whole.bounds, spacing_m=spacing_m, cell_m=cell_m, angle_deg=angle_deg)


def _beside_obstacles(part: Polygon, blocked: BaseGeometry, laid: Sequence[Row], pattern: Pattern) -> list[Row]:
    """Rows over what the others leave beside an obstacle that only their middle line meets."""
    if blocked.is_empty or not laid:
        return []
    half_m = pattern.spacing_m / 2 + 1e-6
    shown = shapely.box(
        [row.start_u_m for row in laid],
        [row.v_m - half_m for row in laid],
        [row.end_u_m for row in laid],
        [row.v_m + half_m for row in laid],
    )
    left = shapely.get_parts(part.difference(blocked).difference(shapely.union_all(shown)))
    return [row for piece in left if piece.area > _LEAST_LEFT_M2 for row in lay_rows(piece, blocked, pattern)]


def _cut(
    start: Floats,
    end: Floats,
    v: Floats,
    part: Floats,
    bounds: Sequence[float],
    *,
    spacing_m: float,
    cell_m: float,
    angle_deg: float,
) -> Strips:
    """Rows cut at the borders of bands of equal width; ends that would be short stay with their neighbour."""
    low, high = bounds[0], bounds[2]
    bands = max(1, int(np.ceil((high - low) / cell_m - 1e-9)))
    width = (high - low) / bands
    shortest = min(_SHORTEST_M, width / 2)
    first = np.floor((start - low) / width)
    last = np.maximum(np.ceil((end - low) / width) - 1, first)
    first += ((first < last) & (low + (first + 1) * width - start < shortest)).astype(float)
    last -= ((first < last) & (end - (low + last * width) < shortest)).astype(float)
    pieces = (last - first + 1).astype(np.intp)
    row = np.repeat(np.arange(len(v)), pieces)
    number = np.arange(len(row)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    band = first[row] + number
    is_first, is_last = number == 0, number == pieces[row] - 1
    return Strips(
        angle_deg=angle_deg,
        spacing_m=spacing_m,
        start_u_m=np.where(is_first, start[row], low + band * width),
        end_u_m=np.where(is_last, end[row], low + (band + 1) * width),
        v_m=v[row],
        band=band.astype(np.intp),
        part=part[row].astype(np.intp),
        slow=np.ones(len(row)),
    )


def ends_en(strips: Strips) -> Floats:
    """(n, 2, 2) lower and upper end of each row, metres east and north."""
    return turned_back(strips.ends_uv.reshape(-1, 2), strips.angle_deg).reshape(-1, 2, 2)
