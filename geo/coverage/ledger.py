"""The ledger over all flights: was this spot looked at, on that day, and could the model have seen a thing there?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from shapely.geometry.base import BaseGeometry

from geo.coverage.cells import NEVER_MM, Cells, added_up
from geo.coverage.files import SUFFIX, Header, read_coverage, read_header
from geo.coverage.flight import Blind, FlightCoverage, ModelSight
from geo.coverage.grid import keys_at

_CACHED_FLIGHTS = 16
# 5.5 km: a city of 40 km across fills 220 km² of it at a time.
_STRIP_DEG = 0.05


class Answer(StrEnum):
    """Whether a model could have seen a thing of some size at a place."""

    YES = "yes"
    """A look surely showed the place, finely enough for a model that knows such things."""
    UNSURE = "unsure"
    """Only looks whose pose leaves it open whether the place was in them were fine enough."""
    TOO_COARSE = "too_coarse"
    """The place was looked at, but never finely enough."""
    NO_MODEL = "no_model"
    """The place was looked at, but not by a model that knows such things."""
    NOT_LOOKED_AT = "not_looked_at"
    """No picture that was looked at showed the place."""


@dataclass(frozen=True, kw_only=True)
class FlightLooks:
    """What one flight's looks on one day showed of a place.

    Attributes:
        flight_id: The flight.
        day: The city's day; None where the pictures tell no time.
        looks: How many looks showed it.
        sure_looks: How many surely did.
        first_at: The first of them, aware; None where unknown.
        last_at: The last of them.
        finest_m: Metres of ground per pixel of the finest look.
        coarsest_m: Of the coarsest one.
        sure_finest_m: Of the finest sure one; None where none was.
        sure: How likely the surest look showed it, 0.5 to 1.
        models: What looked.
    """

    flight_id: str
    day: date | None
    looks: int
    sure_looks: int
    first_at: datetime | None
    last_at: datetime | None
    finest_m: float
    coarsest_m: float
    sure_finest_m: float | None
    sure: float
    models: tuple[ModelSight, ...]

    def could_have_seen(self, size_m: float, label: str | None = None) -> Answer:
        """Whether its models could have seen a thing of this size; of one label, or of any."""
        knowing = [model for model in self.models if label is None or label in model.labels]
        if not knowing:
            return Answer.NO_MODEL
        needed_m = max(model.coarsest_for_m(size_m) for model in knowing)
        if self.sure_finest_m is not None and self.sure_finest_m <= needed_m:
            return Answer.YES
        return Answer.UNSURE if self.finest_m <= needed_m else Answer.TOO_COARSE


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What is known of a place.

    Attributes:
        lon: Degrees east.
        lat: Degrees north.
        flights: By flight and day, the earliest first; empty for a place that nobody looked at.
        blind: When flights whose looks lie around the place saw nothing, by flight.
        undated: Whether a day was asked for, and pictures that tell no time showed the place besides.
    """

    lon: float
    lat: float
    flights: tuple[FlightLooks, ...]
    blind: tuple[tuple[str, Blind], ...] = ()
    undated: bool = False

    @property
    def looks(self) -> int:
        """Of all flights."""
        return sum(flight.looks for flight in self.flights)

    def could_have_seen(self, size_m: float, label: str | None = None) -> Answer:
        """The best answer of all flights."""
        answers = {flight.could_have_seen(size_m, label) for flight in self.flights}
        return next((answer for answer in Answer if answer in answers), Answer.NOT_LOOKED_AT)


class CoverageLedger:
    """Flights' coverage, of which only what a question needs is read."""

    def __init__(self, headers: Iterable[Header] = (), flights: Iterable[FlightCoverage] = ()) -> None:
        """Join files, known by their headers, and flights in memory."""
        self._headers = list(headers)
        self._flights = list(flights)
        self._all: list[Header | FlightCoverage] = [*self._headers, *self._flights]
        self._read = lru_cache(maxsize=_CACHED_FLIGHTS)(read_coverage)

    @classmethod
    def of_folder(cls, folder: Path) -> CoverageLedger:
        """All flights of a folder; a folder that is not there has none.

        Raises:
            InputFileError: A file is no file of coverage, or damaged.
        """
        return cls([read_header(path) for path in sorted(folder.glob(f"*{SUFFIX}"))])

    @property
    def flight_ids(self) -> tuple[str, ...]:
        """The flights, by name."""
        return tuple(sorted({one.flight_id for one in self._all}))

    def of_flight(self, flight_id: str) -> CoverageLedger:
        """The ledger of one flight alone."""
        return CoverageLedger(
            [header for header in self._headers if header.flight_id == flight_id],
            [flight for flight in self._flights if flight.flight_id == flight_id],
        )

    def looked_at(self, lon: float, lat: float, *, on: date | None = None) -> Looked:
        """What is known of a place, in degrees on WGS 84.

        Args:
            lon: Degrees east.
            lat: Degrees north.
            on: Only looks of this day of the city's; looks without a time are of no day.

        Raises:
            InputFileError: A flight's file is damaged.
        """
        keys = keys_at([(lon, lat)])
        found: list[FlightLooks] = []
        blind: list[tuple[str, Blind]] = []
        undated = False
        for flight in self.near((lon, lat, lon, lat)):
            blind += [(flight.flight_id, gap) for gap in flight.blind]
            for day, cells in flight.days.items():
                here = cells.at(keys)
                if len(here) and (on is None or day == on):
                    found.append(_looks(flight, day, here))
                undated |= bool(len(here)) and on is not None and day is None
        found.sort(key=lambda looks: (looks.first_at is None, looks.first_at or datetime.min.replace(tzinfo=UTC)))
        return Looked(lon=lon, lat=lat, flights=tuple(found), blind=tuple(blind), undated=undated)

    def cells(self, *, on: date | None = None, within: BaseGeometry | None = None) -> Cells:
        """All cells of all flights added up; of one day, and around a geometry in degrees, where given.

        Raises:
            InputFileError: A flight's file is damaged.
        """
        bounds = None if within is None else within.bounds
        return added_up([_cells_of(flight, on, bounds) for flight in self.near(bounds, on=on)])

    def strips(self, *, on: date | None = None) -> Iterator[Cells]:
        """All cells of all flights, or of one day, added up in strips of latitude: a city does not fit into memory.

        Raises:
            InputFileError: A flight's file is damaged.
        """
        bounds = [one for one in map(_bounds_of, self._all) if one is not None]
        spans = [(math.floor(one[1] / _STRIP_DEG), math.floor(one[3] / _STRIP_DEG)) for one in bounds]
        for number in sorted({number for first, last in spans for number in range(first, last + 1)}):
            south, north = number * _STRIP_DEG, (number + 1) * _STRIP_DEG
            parts = [flight.cells(on=on) for flight in self.near((-180.0, south, 180.0, north), on=on)]
            yield added_up([part.between(south, north) for part in parts])

    def cells_good_for(
        self, size_m: float, label: str | None = None, *, on: date | None = None, within: BaseGeometry | None = None
    ) -> Cells:
        """The cells in which a model could surely have seen a thing of this size.

        Raises:
            InputFileError: A flight's file is damaged.
        """
        good = []
        bounds = None if within is None else within.bounds
        for flight in self.near(bounds, on=on):
            cells = _cells_of(flight, on, bounds)
            knowing = [model for model in flight.models if label is None or label in model.labels]
            needed_mm = max((model.coarsest_for_m(size_m) for model in knowing), default=0.0) * 1000
            good.append(cells.where((cells.sure_finest_mm != NEVER_MM) & (cells.sure_finest_mm <= needed_mm)))
        return added_up(good)

    def models(self) -> tuple[ModelSight, ...]:
        """What looked, over all flights."""
        return tuple(dict.fromkeys(model for one in self._all for model in one.models))

    def blind(self) -> tuple[tuple[str, Blind], ...]:
        """When flights saw nothing, by flight."""
        return tuple((one.flight_id, gap) for one in self._all for gap in one.blind)

    def near(self, bounds: Sequence[float] | None, *, on: date | None = None) -> Iterable[FlightCoverage]:
        """The flights that looked at anything in a box (west, south, east, north in degrees), on a day.

        Raises:
            InputFileError: A flight's file is damaged.
        """
        for header in self._headers:
            if _touch(header.bounds, bounds) and (on is None or on in header.days):
                yield self._read(header.path)
        for flight in self._flights:
            if _touch(flight.bounds(), bounds) and (on is None or on in flight.days):
                yield flight


def _cells_of(flight: FlightCoverage, on: date | None, bounds: Sequence[float] | None) -> Cells:
    cells = flight.cells(on=on)
    return cells if bounds is None else cells.within(bounds)


def _bounds_of(one: Header | FlightCoverage) -> tuple[float, float, float, float] | None:
    return one.bounds if isinstance(one, Header) else one.bounds()


def _touch(one: Sequence[float] | None, other: Sequence[float] | None) -> bool:
    if one is None:
        return False
    if other is None:
        return True
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def _looks(flight: FlightCoverage, day: date | None, here: Cells) -> FlightLooks:
    sure_mm = int(here.sure_finest_mm[0])
    return FlightLooks(
        flight_id=flight.flight_id,
        day=day,
        looks=int(here.looks[0]),
        sure_looks=int(here.sure_looks[0]),
        first_at=_moment(int(here.first_s[0])),
        last_at=_moment(int(here.last_s[0])),
        finest_m=int(here.finest_mm[0]) / 1000,
        coarsest_m=int(here.coarsest_mm[0]) / 1000,
        sure_finest_m=None if sure_mm == NEVER_MM else sure_mm / 1000,
        sure=int(here.sure_percent[0]) / 100,
        models=flight.models,
    )


def _moment(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, tz=UTC) if seconds else None
