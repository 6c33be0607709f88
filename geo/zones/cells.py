"""Which zones may hold a point, answered from a table of cells: only a point in a cell with a border needs geometry.

`geopandas.sjoin` asks a tree, and then the geometry for every pair that it finds. A city's zones stay while its points
come and go, so here the ground is cut into cells once, and each cell knows the zones that cover it whole and those
whose border may cross it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Geometries = npt.NDArray[np.object_]

_MOST_CELLS_ASIDE = 512
_CELLS_ASIDE_OF_ZONE = 8
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class _Lists:
    """For each cell a list of zone numbers: those of cell `i` are `zones[starts[i]:starts[i + 1]]`."""

    starts: Ints
    zones: Ints

    @classmethod
    def of(cls, zone: Ints, cell: Ints, count: int) -> _Lists:
        """Lists over `count` cells of pairs (n,) of zone and cell."""
        order = np.argsort(cell, kind="stable")
        starts = np.concatenate(([0], np.cumsum(np.bincount(cell, minlength=count))))
        return cls(starts=starts, zones=zone[order])

    def of_points(self, cell: Ints) -> tuple[Ints, Ints]:
        """Pairs of point number and zone, of points in these cells (n,)."""
        first = self.starts[cell]
        counts = self.starts[cell + 1] - first
        point = np.repeat(np.arange(len(cell)), counts)
        within = np.arange(len(point)) - np.repeat(np.cumsum(counts) - counts, counts)
        return point, self.zones[first[point] + within]


class CellIndex:
    """Zones by cell of a regular grid over all of them, in degrees."""

    def __init__(self, geometries: Geometries) -> None:
        """Cut the ground; `geometries` (n,) are valid, prepared polygons or multipolygons."""
        self._geometries = geometries
        self._low, self._size, (columns, rows) = _grid_of(geometries)
        self._shape_xy = (columns, rows)
        crossed = self._crossed()
        self._asked = _Lists.of(*np.divmod(crossed, columns * rows), columns * rows)
        self._whole = _Lists.of(*np.divmod(self._covered(crossed), columns * rows), columns * rows)

    def zones_of_points(self, lonlat: Floats) -> tuple[Ints, Ints]:
        """Pairs of point number and zone number, of points (n, 2) that lie in zones or on their borders."""
        x, y = self._position(lonlat)
        known = np.flatnonzero((x >= 0) & (x < self._shape_xy[0]) & (y >= 0) & (y < self._shape_xy[1]))
        cell = self._number(x[known].astype(np.int64), y[known].astype(np.int64))
        sure, sure_zone = self._whole.of_points(cell)
        asked, asked_zone = self._asked.of_points(cell)
        asked = known[asked]
        inside = self._inside(asked_zone, lonlat[asked])
        return np.concatenate((known[sure], asked[inside])), np.concatenate((sure_zone, asked_zone[inside]))

    def zones_of_boxes(self, low: Floats, high: Floats) -> tuple[Bools, Ints, Ints, Bools]:
        """Which zones small boxes may touch.

        Args:
            low: South-west corners (n, 2) in degrees.
            high: North-east corners (n, 2).

        Returns:
            Which boxes are answered (n,): those within two cells each way; and for these, in pairs, number of the box,
            number of the zone, and whether the zone surely covers the whole box.
        """
        west, south = (np.floor(one).astype(np.int64) for one in self._position(low))
        east, north = (np.floor(one).astype(np.int64) for one in self._position(high))
        columns, rows = self._shape_xy
        answered = (east - west <= 1) & (north - south <= 1)
        # Nothing lies around the grid: a box that reaches out of it is for geometry, or for nobody.
        answered &= (west >= 0) & (south >= 0) & (east < columns) & (north < rows)
        wide, high_up = answered & (east > west), answered & (north > south)
        corners = [
            (np.flatnonzero(chosen), column, row)
            for chosen, column, row in (
                (answered, west, south), (wide, east, south), (high_up, west, north), (wide & high_up, east, north)
            )
        ]  # fmt: skip
        whole = [self._pairs(self._whole, *corner) for corner in corners]
        asked = np.unique(np.concatenate([self._pairs(self._asked, *corner) for corner in corners]))
        covered, times = np.unique(np.concatenate(whole), return_counts=True)
        cells_of_box = (1 + wide.astype(np.int64)) * (1 + high_up)
        sure = times == cells_of_box[covered // len(self._geometries)]
        doubted = np.union1d(asked, covered[~sure])
        pairs = np.concatenate((covered[sure], doubted))
        return answered, *np.divmod(pairs, len(self._geometries)), np.arange(len(pairs)) < sure.sum()

    def _pairs(self, lists: _Lists, box: Ints, column: Ints, row: Ints) -> Ints:
        """Box and zone of each pair as one number."""
        place, zone = lists.of_points(self._number(column[box], row[box]))
        return box[place] * len(self._geometries) + zone

    def _inside(self, zone: Ints, lonlat: Floats) -> Bools:
        # One zone after the other: its prepared geometry stays in the processor's memory.
        order = np.argsort(zone, kind="stable")
        inside = np.empty(len(zone), dtype=bool)
        inside[order] = shapely.intersects_xy(self._geometries[zone[order]], *lonlat[order].T)
        return inside

    def _position(self, lonlat: Floats) -> tuple[Floats, Floats]:
        """Column and row, with fractions, of points (n, 2)."""
        return (lonlat[:, 0] - self._low[0]) / self._size[0], (lonlat[:, 1] - self._low[1]) / self._size[1]

    def _number(self, column: Ints, row: Ints) -> Ints:
        return row * self._shape_xy[0] + column

    def _crossed(self) -> Ints:
        """Cells that a zone's border may cross (m,), each as zone times count of cells plus cell, ascending."""
        rings, owner = _rings(self._geometries)
        corners, ring = shapely.get_coordinates(rings, return_index=True)
        x, y = self._position(corners)
        column, row = x.astype(np.int64), y.astype(np.int64)
        follows = ring[1:] == ring[:-1]
        moves = (column[1:] != column[:-1]) | (row[1:] != row[:-1])
        # An outline stays in a cell for many corners: one of them names it, and edges into another cell are followed.
        kept = np.flatnonzero(np.concatenate(([True], moves | ~follows)))
        edge = np.flatnonzero(moves & follows)
        crossing, edge_column, edge_row = _cells_of_edges(x[edge], y[edge], x[edge + 1], y[edge + 1])
        zone = owner[ring[np.concatenate((kept, edge[crossing]))]]
        columns, rows = self._shape_xy
        all_columns = np.clip(np.concatenate((column[kept], edge_column)), 0, columns - 1)
        all_rows = np.clip(np.concatenate((row[kept], edge_row)), 0, rows - 1)
        return np.unique(zone * (columns * rows) + self._number(all_columns, all_rows))

    def _covered(self, crossed: Ints) -> Ints:
        """Cells that a zone covers whole, as `_crossed`: in a row, from border to border, all of them or none."""
        columns, rows = self._shape_xy
        gap = np.flatnonzero((crossed[1:] // columns == crossed[:-1] // columns) & (np.diff(crossed) > 1))
        first, after = crossed[:-1][gap] + 1, crossed[1:][gap]
        zone, cell = np.divmod(first, columns * rows)
        row, column = np.divmod(cell, columns)
        middle = np.column_stack((column, row)) + 0.5
        inside = self._inside(zone, self._low + middle * self._size)
        first, counts = first[inside], (after - first)[inside]
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.asarray(np.repeat(first, counts) + within, dtype=np.int64)


def _rings(geometries: Geometries) -> tuple[Geometries, Ints]:
    """Geometries of one closed ring each, and the number of the zone that each belongs to."""
    plain = (shapely.get_type_id(geometries) == shapely.GeometryType.POLYGON) & (
        shapely.get_num_interior_rings(geometries) == 0
    )
    if plain.all():
        return geometries, np.arange(len(geometries))
    parts, owner = shapely.get_parts(geometries, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    return rings, owner[part]


def _cells_of_edges(x0: Floats, y0: Floats, x1: Floats, y1: Floats) -> tuple[Ints, Ints, Ints]:
    """Number of the edge, column and row of every cell that edges between two positions cross, and of some others."""
    # Pieces no longer than half a cell: the corners of a piece's box name every cell that it crosses.
    pieces = np.maximum(np.ceil(2 * np.maximum(np.abs(x1 - x0), np.abs(y1 - y0))), 1).astype(np.int64)
    edge = np.repeat(np.arange(len(x0)), pieces)
    number = np.arange(len(edge)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    columns, rows = (_ends(a[edge], ((b - a) / pieces)[edge], number) for a, b in ((x0, x1), (y0, y1)))
    pairs = [(column, row) for column in columns for row in rows]
    return np.tile(edge, len(pairs)), np.concatenate([c for c, _ in pairs]), np.concatenate([r for _, r in pairs])


def _ends(begin: Floats, step: Floats, number: Ints) -> tuple[Ints, Ints]:
    """First and last column (or row) of each piece, with room for rounding."""
    one, other = begin + step * number, begin + step * (number + 1)
    first = np.floor(np.minimum(one, other) - _ROUNDING).astype(np.int64)
    return first, np.floor(np.maximum(one, other) + _ROUNDING).astype(np.int64)


def _grid_of(geometries: Geometries) -> tuple[Floats, Floats, tuple[int, int]]:
    """South-west corner, size of a cell and count of cells, in columns and rows, of a grid around all zones."""
    bounds = shapely.bounds(geometries)
    low, high = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
    typical = np.median(bounds[:, 2:] - bounds[:, :2], axis=0) / _CELLS_ASIDE_OF_ZONE
    wanted = np.ceil((high - low) / np.maximum(typical, 1e-12))
    columns, rows = (int(count) for count in np.clip(wanted, 1, _MOST_CELLS_ASIDE))
    # A little wider than the zones, so that a point on the outermost border has a cell.
    size = np.maximum(high - low, 1e-9) * (1 + 1e-6) / (columns, rows)
    return low - size * 0.25e-6, size, (columns, rows)
