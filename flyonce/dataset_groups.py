"""Which samples must stay on one side of a split, decided once: a later export keeps every sample where it was.

Samples are taken in the order of the history, which only grows. Each joins the group that its picture, else its case,
else a place near by already has; otherwise it founds one. What came earlier never moves.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from geo.frames import LocalFrame

NEAR_M = 60.0
"""Things closer together than this are likely to be in the same pictures, flight after flight."""

_CELL_DEG = 0.001


@dataclass(kw_only=True)
class Groups:
    """Groups as they grow."""

    of_picture: dict[str, str] = field(default_factory=dict)
    of_case: dict[str, str] = field(default_factory=dict)
    founders: dict[tuple[int, int], list[tuple[float, float, str]]] = field(default_factory=dict)

    def group_of(self, *, picture: str, case_id: str, lon: float, lat: float) -> tuple[str, str | None]:
        """The group of one sample.

        Args:
            picture: SHA-256 of its original.
            case_id: Its case.
            lon: Degrees east of the thing.
            lat: Degrees north of it.

        Returns:
            The group of its picture, and the group of its case where that is another one: such a sample would show the
            same ground on two sides of a split.
        """
        case_group = self.of_case.get(case_id)
        if case_group is None:
            case_group = self.of_picture.get(picture) or self._near(lon, lat) or self._found(case_id, lon, lat)
            self.of_case[case_id] = case_group
        picture_group = self.of_picture.setdefault(picture, case_group)
        return picture_group, None if picture_group == case_group else case_group

    def _near(self, lon: float, lat: float) -> str | None:
        """The group whose founder is nearest, if it is near at all."""
        column, row = _cell(lon, lat)
        around = [
            founder
            for x in (column - 1, column, column + 1)
            for y in (row - 1, row, row + 1)
            for founder in self.founders.get((x, y), ())
        ]
        if not around:
            return None
        places = LocalFrame(lon=lon, lat=lat).en_from_lonlat([(x, y) for x, y, _ in around])
        distances = np.hypot(places[:, 0], places[:, 1])
        nearest = int(distances.argmin())
        return around[nearest][2] if distances[nearest] <= NEAR_M else None

    def _found(self, case_id: str, lon: float, lat: float) -> str:
        # Case numbers and ids may differ between stores; the name only has to be the same in every export of one.
        group = "verdicts:" + hashlib.sha256(case_id.encode()).hexdigest()[:12]
        self.founders.setdefault(_cell(lon, lat), []).append((lon, lat, group))
        return group


def _cell(lon: float, lat: float) -> tuple[int, int]:
    # A thousandth of a degree is 111 m from south to north, and from west to east 60 m at 57° and more below that.
    return int(np.floor(lon / _CELL_DEG)), int(np.floor(lat / _CELL_DEG))
