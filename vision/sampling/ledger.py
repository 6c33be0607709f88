"""How often each cell of the ground was seen: tiles of counts, made where the camera comes, the oldest forgotten."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.uint8]
_SIDE = 64


class CellLedger:
    """Counts on an endless grid of square cells; a tile of 64 × 64 cells takes 4 KiB."""

    def __init__(self, *, most_tiles: int) -> None:
        """Keep at most `most_tiles` tiles; beyond that, what was touched longest ago counts as never seen."""
        self._most_tiles = most_tiles
        self._tiles: OrderedDict[tuple[int, int], Counts] = OrderedDict()

    def __len__(self) -> int:
        """How many tiles there are."""
        return len(self._tiles)

    def counts(self, columns: NDArray[np.int64], rows: NDArray[np.int64]) -> Counts:
        """How often cells were seen, shape (n,); columns and rows may be negative."""
        found = np.zeros(len(columns), np.uint8)
        for key, members in _by_tile(columns, rows):
            tile = self._tiles.get(key)
            if tile is not None:
                found[members] = tile[rows[members] % _SIDE, columns[members] % _SIDE]
        return found

    def add(self, columns: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        """Count each of these cells, all different, as seen once more; 255 is the end."""
        for key, members in _by_tile(columns, rows):
            tile = self._tiles.setdefault(key, np.zeros((_SIDE, _SIDE), np.uint8))
            self._tiles.move_to_end(key)
            at = (rows[members] % _SIDE, columns[members] % _SIDE)
            tile[at] = np.minimum(tile[at], 254) + 1
        while len(self._tiles) > self._most_tiles:
            self._tiles.popitem(last=False)

    def remove(self, columns: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        """Take one look of each of these cells, all different, back; what was never seen, or forgotten, stays so."""
        for key, members in _by_tile(columns, rows):
            tile = self._tiles.get(key)
            if tile is not None:
                at = (rows[members] % _SIDE, columns[members] % _SIDE)
                tile[at] = np.maximum(tile[at], 1) - 1


def _by_tile(
    columns: NDArray[np.int64], rows: NDArray[np.int64]
) -> list[tuple[tuple[int, int], NDArray[np.intp] | slice]]:
    """Each tile that holds some of the cells, with the positions of these cells."""
    if not len(columns):
        return []
    across, down = columns // _SIDE, rows // _SIDE
    left, top = int(across.min()), int(down.min())
    width = int(across.max()) - left + 1
    tile = (down - top) * width + (across - left)
    if (tile == tile[0]).all():
        return [((int(across[0]), int(down[0])), slice(None))]
    order = np.argsort(tile, kind="stable")
    numbers, starts = np.unique(tile[order], return_index=True)
    groups = np.split(order, starts[1:])
    return [
        ((left + int(number) % width, top + int(number) // width), members)
        for number, members in zip(numbers, groups, strict=True)
    ]
