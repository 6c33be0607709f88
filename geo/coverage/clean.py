"""Clean looks: a flight saw a place so often, surely and finely that finding nothing there says something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import shapely

from geo.coverage.cells import Cells
from geo.coverage.flight import FlightCoverage
from geo.coverage.grid import Keys, keys_at, keys_within, middles
from geo.coverage.ledger import CoverageLedger
from geo.frames import LocalFrame
from geo.position import scale_of_probability

Covariance = tuple[tuple[float, float], tuple[float, float]]

_CHI2_95 = scale_of_probability(0.95) ** 2
_DEGREE_M = 110_000.0


@dataclass(frozen=True, kw_only=True)
class CleanLook:
    """A flight's look at a place, good enough to have found a thing there.

    Attributes:
        flight_id: The flight.
        looks: Sure looks at that part of the place that had the fewest.
        resolution_m: Metres of ground per pixel of the finest sure look at that part of it that was shown worst.
        first_at: The first look at any of it, aware.
        last_at: The last one.
    """

    flight_id: str
    looks: int
    resolution_m: float
    first_at: datetime
    last_at: datetime


def place_cells(
    lon: float,
    lat: float,
    covariance_m2: Covariance,
    footprint_lonlat: Sequence[tuple[float, float]] | None = None,
) -> Keys:
    """The cells in which a thing may lie: that of its place, and those whose middles its 95 % ellipse or outline holds.

    Args:
        lon: Degrees east.
        lat: Degrees north.
        covariance_m2: Of the place, east and north, m².
        footprint_lonlat: Corners of its outline, degrees; None where it has none.
    """
    error = np.array(covariance_m2)
    reach_deg = float(np.sqrt(_CHI2_95 * np.linalg.eigvalsh(error)[-1])) / _DEGREE_M
    wide_deg = reach_deg / max(float(np.cos(np.radians(lat))), 0.01)
    keys = keys_within(lon - wide_deg, lat - reach_deg, lon + wide_deg, lat + reach_deg)
    off = LocalFrame(lon=lon, lat=lat).en_from_lonlat(middles(keys))
    inside = np.einsum("ij,ij->i", off, np.linalg.solve(error, off.T).T) <= _CHI2_95
    return np.union1d(np.concatenate((keys[inside], _cells_in(footprint_lonlat))), keys_at([(lon, lat)]))


def _cells_in(footprint_lonlat: Sequence[tuple[float, float]] | None) -> Keys:
    if footprint_lonlat is None:
        return np.empty(0, dtype=np.int64)
    outline = shapely.make_valid(shapely.Polygon(footprint_lonlat))
    keys = keys_within(*outline.bounds)
    here = middles(keys)
    return keys[shapely.contains_xy(outline, here[:, 0], here[:, 1])]


def clean_looks(
    ledger: CoverageLedger,
    place: Keys,
    *,
    label: str,
    size_m: float,
    after: datetime,
    before: datetime | None = None,
    but_not: frozenset[str] = frozenset(),
    least_looks: int,
) -> tuple[CleanLook, ...]:
    """The flights that looked at all of a place, would have found a thing there, and sighted nothing at all there.

    Args:
        ledger: Of all flights.
        place: Its cells, see `place_cells`.
        label: What the thing is.
        size_m: How large it is at least.
        after: Only flights all of whose looks at the place came later, aware.
        before: And all earlier than this; None for no such end.
        but_not: Flights that do not count, because they saw the thing.
        least_looks: So many sure looks at every cell are needed.

    Raises:
        InputFileError: A flight's file is damaged.
    """
    low, high = middles(place).min(axis=0), middles(place).max(axis=0)
    found = []
    for flight in ledger.near((low[0], low[1], high[0], high[1])):
        if flight.flight_id in but_not or np.isin(place, flight.sighted).any():
            continue
        for day, cells in flight.days.items():
            look = None if day is None else _clean_look(flight, cells.at(place), len(place), label, size_m, least_looks)
            if look and look.first_at > after and (before is None or look.last_at < before):
                found.append(look)
    return tuple(sorted(found, key=lambda look: look.first_at))


def _clean_look(
    flight: FlightCoverage, here: Cells, needed: int, label: str, size_m: float, least_looks: int
) -> CleanLook | None:
    if len(here) < needed or int(here.sure_looks.min()) < least_looks:
        return None
    resolution_m = int(here.sure_finest_mm.max()) / 1000
    knowing = [model for model in flight.models if label in model.labels]
    if not any(resolution_m <= model.coarsest_for_m(size_m) for model in knowing):
        return None
    return CleanLook(
        flight_id=flight.flight_id,
        looks=int(here.sure_looks.min()),
        resolution_m=resolution_m,
        first_at=datetime.fromtimestamp(int(here.first_s.min()), tz=UTC),
        last_at=datetime.fromtimestamp(int(here.last_s.max()), tz=UTC),
    )
