"""What is kept of each cell, as aligned columns; adding sets of cells up is the one operation all else is made of.

Adding up is associative and does not mind the order, so pictures, flights and days may be joined in any way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from geo.coverage.grid import Keys, areas_m2, corners, row_at, rows_and_columns

NEVER_MM = 65_535
"""Ground resolution of a cell that no sure look showed; also the coarsest that is kept."""

_MOST = 65_535


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """Cells that were looked at, their keys rising.

    Attributes:
        key: (n,) int64, see `geo.coverage.grid`.
        looks: (n,) uint16, looks that showed the cell's middle more likely than not; stays at 65,535.
        sure_looks: (n,) uint16, those that showed it with 95 % or more, by the error of their pose.
        first_s: (n,) uint32, the first look, seconds since 1970 UTC; 0 where no look knows its time.
        last_s: (n,) uint32, the last one.
        finest_mm: (n,) uint16, ground per pixel of the finest look, along the coarser axis.
        coarsest_mm: (n,) uint16, of the coarsest one.
        sure_finest_mm: (n,) uint16, of the finest sure one; `NEVER_MM` where none was sure.
        sure_percent: (n,) uint8, how likely the surest look showed the cell, 50 to 100.
    """

    key: Keys
    looks: npt.NDArray[np.uint16]
    sure_looks: npt.NDArray[np.uint16]
    first_s: npt.NDArray[np.uint32]
    last_s: npt.NDArray[np.uint32]
    finest_mm: npt.NDArray[np.uint16]
    coarsest_mm: npt.NDArray[np.uint16]
    sure_finest_mm: npt.NDArray[np.uint16]
    sure_percent: npt.NDArray[np.uint8]

    def __post_init__(self) -> None:
        for column in fields(self):
            values = getattr(self, column.name)
            if values.shape != self.key.shape or values.dtype != DTYPES[column.name]:
                raise ValueError(f"{column.name}: {len(self.key)} values of {DTYPES[column.name]} are needed")
        if (np.diff(self.key) <= 0).any():
            raise ValueError("the keys of cells must rise, each standing once")

    def __len__(self) -> int:
        """How many cells."""
        return len(self.key)

    @classmethod
    def empty(cls) -> Cells:
        """No cells."""
        return cls(**{name: np.empty(0, dtype=dtype) for name, dtype in DTYPES.items()})

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return sum(getattr(self, name).nbytes for name in DTYPES)

    def area_m2(self) -> float:
        """Ground under all of them."""
        return float(areas_m2(self.key).sum())

    def where(self, keep: npt.NDArray[np.bool_] | slice) -> Cells:
        """Those cells for which `keep` (n,) holds, or a run of them."""
        return Cells(**{name: getattr(self, name)[keep] for name in DTYPES})

    def within(self, bounds: Sequence[float]) -> Cells:
        """Those that a box (west, south, east, north in degrees) touches."""
        low, high = corners(self.key)
        west, south, east, north = bounds
        inside = (low[:, 0] <= east) & (high[:, 0] >= west) & (low[:, 1] <= north) & (high[:, 1] >= south)
        return self if inside.all() else self.where(inside)

    def between(self, south: float, north: float) -> Cells:
        """Those whose middles lie in a strip of latitude, degrees; the northern edge belongs to the next strip."""
        first, last = np.searchsorted(rows_and_columns(self.key)[0], np.ceil(row_at(np.array([south, north])) - 0.5))
        return self.where(slice(int(first), int(last)))

    def rows_of(self, keys: Keys) -> npt.NDArray[np.intp]:
        """Where those of the given cells stand that are among these."""
        at = np.searchsorted(self.key, keys)
        known = at < len(self.key)
        known[known] = self.key[at[known]] == keys[known]
        return np.asarray(at[known])

    def at(self, keys: Keys) -> Cells:
        """Those of the given cells that are among these."""
        keep = np.zeros(len(self), dtype=bool)
        keep[self.rows_of(keys)] = True
        return self.where(keep)


DTYPES: dict[str, type[np.generic]] = {
    "key": np.int64,
    "looks": np.uint16,
    "sure_looks": np.uint16,
    "first_s": np.uint32,
    "last_s": np.uint32,
    "finest_mm": np.uint16,
    "coarsest_mm": np.uint16,
    "sure_finest_mm": np.uint16,
    "sure_percent": np.uint8,
}
_LEAST = ("first_s", "finest_mm", "sure_finest_mm")
_GREATEST = ("last_s", "coarsest_mm", "sure_percent")
_ADDED = ("looks", "sure_looks")


def added_up(parts: Sequence[Cells]) -> Cells:
    """All looks of several sets of cells."""
    return _joined(parts, np.add)


def overlaid(parts: Sequence[Cells]) -> Cells:
    """Several sets of cells that may tell of the same looks: each cell has the most looks that one of them tells of."""
    return _joined(parts, np.maximum)


def _joined(parts: Sequence[Cells], count: np.ufunc) -> Cells:
    parts = [part for part in parts if len(part)]
    if len(parts) <= 1:
        return parts[0] if parts else Cells.empty()
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in DTYPES}
    order = np.argsort(columns["key"], kind="stable")
    key = columns["key"][order]
    starts = np.flatnonzero(np.concatenate(([True], np.diff(key) > 0)))
    # A look without a time says nothing of the first one: 0 is not the earliest.
    columns["first_s"] = columns["first_s"] - np.uint32(1)
    result: dict[str, npt.NDArray[Any]] = {"key": key[starts]}
    for names, how in ((_LEAST, np.minimum), (_GREATEST, np.maximum)):
        result |= {name: how.reduceat(columns[name][order], starts) for name in names}
    result["first_s"] = result["first_s"] + np.uint32(1)
    for name in _ADDED:
        total = count.reduceat(columns[name][order].astype(np.int64), starts)
        result[name] = np.minimum(total, _MOST).astype(np.uint16)
    return Cells(**result)
