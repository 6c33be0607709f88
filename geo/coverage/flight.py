"""The coverage of one flight: its cells by day, under which models it looked, and when it was blind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo

import numpy as np
import numpy.typing as npt

from geo.camera import Camera
from geo.coverage.cells import Cells, added_up, overlaid
from geo.coverage.grid import Keys, corners
from geo.coverage.look import Floats, Grid, cells_shown
from geo.ground import Ground
from geo.pose import Pose

# Cells of single looks are kept until they are so many, and then added up: 12 MB at most.
_LOOSE_CELLS = 500_000


@dataclass(frozen=True, kw_only=True)
class ModelSight:
    """What a model can see, as plain numbers.

    Attributes:
        name: Of the model.
        sha256: Of its network, at least the first twelve digits.
        labels: What it can answer.
        coarsest_m: Metres of ground per pixel beyond which it finds nothing surely; None where that is not known.
        looks_at_m: Metres per pixel to which finer pictures are shrunk before it looks; 0 for not at all.
        least_px: On how many of these pixels a thing must show, across.
    """

    name: str
    sha256: str
    labels: tuple[str, ...]
    coarsest_m: float | None = None
    looks_at_m: float = 0.0
    least_px: float = 12.0

    def __post_init__(self) -> None:
        if self.least_px <= 0 or self.looks_at_m < 0 or (self.coarsest_m is not None and self.coarsest_m <= 0):
            raise ValueError(f"model {self.name}: resolutions and pixels must be positive")

    def coarsest_for_m(self, size_m: float) -> float:
        """Coarsest metres per pixel at which it could find a thing of this size; 0 where it could at none."""
        needed_m = size_m / self.least_px * (1 + 1e-6)
        if needed_m < self.looks_at_m:
            return 0.0
        return needed_m if self.coarsest_m is None else min(needed_m, self.coarsest_m)


@dataclass(frozen=True, kw_only=True)
class Blind:
    """A time in which a flight saw nothing, though it flew.

    Attributes:
        began_at: Aware.
        ended_at: Aware; None for until the end.
        reason: In words.
    """

    began_at: datetime
    ended_at: datetime | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class FlightCoverage:
    """What one flight looked at.

    Attributes:
        flight_id: The flight.
        models: What looked; none where a person did, or nobody knows.
        days: The cells by the city's day; None for pictures that tell no time.
        blind: When it saw nothing.
        looks: How many pictures were looked at.
        unplaced: How many of them could not be put on the ground: nobody knows what they showed.
        pictures: Digests (n,) uint64 of their names, rising: which pictures this was made of.
        sighted: Cells (k,) int64, rising, in which anything was sighted, whatever became of it: that ground was not
            clean.
    """

    flight_id: str
    models: tuple[ModelSight, ...] = ()
    days: dict[date | None, Cells] = field(default_factory=dict)
    blind: tuple[Blind, ...] = ()
    looks: int = 0
    unplaced: int = 0
    pictures: npt.NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, dtype=np.uint64))
    sighted: Keys = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def after(self, before: FlightCoverage) -> FlightCoverage:
        """This coverage and an earlier one of the same flight.

        If this one was made of all the earlier one's pictures, it takes its place; if of none of them, they add up.
        Where they share some, what both tell of a cell counts once.
        """
        shared = np.isin(before.pictures, self.pictures)
        if shared.all():
            return self
        join = overlaid if shared.any() else added_up
        again = int(shared.sum())
        return replace(
            self,
            models=tuple(dict.fromkeys((*before.models, *self.models))),
            days={
                day: join([one.days[day] for one in (before, self) if day in one.days])
                for day in (*before.days, *(day for day in self.days if day not in before.days))
            },
            blind=tuple(dict.fromkeys((*before.blind, *self.blind))),
            looks=before.looks + self.looks - again,
            unplaced=max(before.unplaced, self.unplaced) if again else before.unplaced + self.unplaced,
            pictures=np.union1d(before.pictures, self.pictures),
            sighted=np.union1d(before.sighted, self.sighted),
        )

    def cells(self, *, on: date | None = None) -> Cells:
        """All cells, or those of one day."""
        return added_up(list(self.days.values())) if on is None else self.days.get(on, Cells.empty())

    def bounds(self) -> tuple[float, float, float, float] | None:
        """West, south, east, north in degrees; None where nothing was seen."""
        keys = [cells.key for cells in self.days.values() if len(cells)]
        if not keys:
            return None
        low, high = corners(np.concatenate(keys))
        (west, south), (east, north) = low.min(axis=0).tolist(), high.max(axis=0).tolist()
        return west, south, east, north


class CoverageRecorder:
    """Takes the looks of one flight, one after the other, in bounded memory."""

    def __init__(self, *, models: Sequence[ModelSight] = (), time_zone: tzinfo | None = None) -> None:
        """Begin without a look.

        Args:
            models: What looks.
            time_zone: The city's, which says what day it is; None for UTC.
        """
        self._models = tuple(models)
        self._zone = time_zone
        self._loose: dict[date | None, list[Cells]] = {}
        self._count = 0
        self._looks = 0
        self._unplaced = 0

    def add(
        self,
        pose: Pose,
        camera: Camera,
        ground: Ground,
        *,
        footprint_lonlat: Floats,
        of_interest: Grid | None = None,
        at: datetime | None = None,
    ) -> Cells:
        """Note one picture that was looked at; the arguments are those of `cells_shown`, and so is what it returns.

        Raises:
            HeightUnknown: Pose and ground have no common height datum.
            PlaceUnknown: The camera's bearing is unknown.
        """
        cells = cells_shown(pose, camera, ground, footprint_lonlat=footprint_lonlat, of_interest=of_interest, at=at)
        self._looks += 1
        day = None if at is None else at.astimezone(self._zone).date() if self._zone else at.date()
        self._loose.setdefault(day, []).append(cells)
        self._count += len(cells)
        if self._count > _LOOSE_CELLS:
            self._tidy()
        return cells

    def add_unplaced(self) -> None:
        """Note one picture that was looked at and could not be put on the ground."""
        self._looks += 1
        self._unplaced += 1

    def result(
        self,
        flight_id: str,
        *,
        blind: Sequence[Blind] = (),
        pictures: npt.NDArray[np.uint64] | None = None,
        sighted: Keys | None = None,
    ) -> FlightCoverage:
        """All of it so far; `pictures` and `sighted` as in `FlightCoverage`."""
        self._tidy()
        return FlightCoverage(
            flight_id=flight_id,
            models=self._models,
            days={day: parts[0] for day, parts in self._loose.items()},
            blind=tuple(blind),
            looks=self._looks,
            unplaced=self._unplaced,
            pictures=np.empty(0, dtype=np.uint64) if pictures is None else pictures,
            sighted=np.empty(0, dtype=np.int64) if sighted is None else sighted,
        )

    def _tidy(self) -> None:
        self._loose = {day: [added_up(parts)] for day, parts in self._loose.items()}
        # What is added up already does not count towards the next time, or a large flight would add up at every look.
        self._count = 0
