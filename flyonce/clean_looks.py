"""The ledger of coverage, asked on behalf of cases: was it looked at in between, and found clean?"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from dispatch_api.cases.looked_again import LookedAgain, NothingFound
from dispatch_api.cases.merging import Spot
from geo.coverage import CoverageLedger, FlightCoverage, clean_looks, place_cells
from geo.errors import InputFileError
from vision.tiling import SMALLEST_OBJECT_M

_log = logging.getLogger(__name__)

# Things of labels that nobody gave a size.
_OTHER_SIZE_M = 0.5


class CleanLooks:
    """Answers `LookedClean` from the files of a folder, which may change meanwhile."""

    def __init__(self, folder: Path, *, least_looks: int) -> None:
        """Look at the files when first asked; `least_looks` sure looks make a clean one."""
        self._folder = folder
        self._least = least_looks
        self._ledger = CoverageLedger()
        self._changed_ns = 0

    def __call__(self, spot: Spot, *, label: str, after: datetime, before: datetime, but_not: frozenset[str]) -> bool:
        """Whether a flight, none of `but_not`, looked at a place between two times and would have found such a thing.

        A file that cannot be read says nothing, and the log says so.
        """
        try:
            return bool(
                clean_looks(
                    self._fresh(),
                    place_cells(spot.lon, spot.lat, spot.covariance_m2),
                    label=label,
                    size_m=size_of(label),
                    after=after,
                    before=before,
                    but_not=but_not,
                    least_looks=self._least,
                )
            )
        except InputFileError as error:
            _log.warning("%s Until then nobody knows of clean looks.", error)
            return False

    def _fresh(self) -> CoverageLedger:
        # Files come by renaming, which changes the folder's own time.
        changed_ns = self._folder.stat().st_mtime_ns if self._folder.is_dir() else 0
        if changed_ns != self._changed_ns:
            self._ledger, self._changed_ns = CoverageLedger.of_folder(self._folder), changed_ns
        return self._ledger


def size_of(label: str) -> float:
    """Metres across of the smallest thing of a label that somebody would be sent for."""
    return SMALLEST_OBJECT_M.get(label, _OTHER_SIZE_M)


def note_clean_looks(coverage: FlightCoverage, desk: LookedAgain, *, least_looks: int) -> int:
    """Tell every open case whose place a flight looked at, well enough, and where it found nothing.

    Args:
        coverage: Of the flight, all of whose findings are recorded already.
        desk: Where cases are told.
        least_looks: So many sure looks make a clean one.

    Returns:
        How many cases were told.
    """
    return sum(desk.note(found) for found in _nothing_found(coverage, desk, least_looks))


def _nothing_found(coverage: FlightCoverage, desk: LookedAgain, least_looks: int) -> Iterator[NothingFound]:
    bounds = coverage.bounds()
    times = [int(cells.last_s.max()) for day, cells in coverage.days.items() if day is not None and len(cells)]
    if bounds is None or not times:
        return
    ledger = CoverageLedger(flights=[coverage])
    before = datetime.fromtimestamp(max(times), tz=UTC)
    for row in desk.open_cases(bounds, flight_id=coverage.flight_id, before=before):
        covariance = ((row.cov_ee_m2, row.cov_en_m2), (row.cov_en_m2, row.cov_nn_m2))
        for look in clean_looks(
            ledger,
            place_cells(row.lon, row.lat, covariance),
            label=row.label,
            size_m=size_of(row.label),
            after=row.last_seen_at,
            least_looks=least_looks,
        ):
            yield NothingFound(
                case_id=row.case_id,
                flight_id=look.flight_id,
                looks=look.looks,
                resolution_m=look.resolution_m,
                first_at=look.first_at,
                last_at=look.last_at,
            )
