"""The ledger of coverage, asked on behalf of cases: was it looked at in between, and found clean?"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dispatch_api.cases.looked_again import CouldNotTell, LookedAgain, NothingFound
from dispatch_api.cases.merging import Spot
from dispatch_api.cases.observation import Evidence
from dispatch_api.cases.records import CaseRow
from dispatch_api.cases.verification import WAITING, Unseen
from geo.coverage import Answer, CoverageLedger, FlightCoverage, clean_looks, place_cells
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


def note_clean_looks(
    coverage: FlightCoverage,
    desk: LookedAgain,
    *,
    least_looks: int,
    picture_of: Callable[[str], Evidence | None] = lambda case_id: None,
) -> int:
    """Tell every open case whose place a flight looked at, well enough, and where it found nothing.

    Cases that wait for proof, and whose place it looked at without being able to tell, hear of that too.

    Args:
        coverage: Of the flight, all of whose findings are recorded already.
        desk: Where cases are told.
        least_looks: So many sure looks make a clean one.
        picture_of: The picture that shows a case's place best, where one was kept.

    Returns:
        How many cases were told that their place was clean.
    """
    told = 0
    for row in _flown_over(coverage, desk):
        # Of a case that waits for proof every sure look counts: its matter says how many are enough.
        found = _nothing_found(coverage, row, 1 if row.state in WAITING else least_looks)
        if found is not None:
            told += desk.note(replace(found, picture=picture_of(row.case_id)))
        elif row.state in WAITING:
            _tell_unseen(coverage, desk, row)
    return told


def _flown_over(coverage: FlightCoverage, desk: LookedAgain) -> Sequence[CaseRow]:
    bounds = coverage.bounds()
    times = [int(cells.last_s.max()) for day, cells in coverage.days.items() if day is not None and len(cells)]
    if bounds is None or not times:
        return ()
    before = datetime.fromtimestamp(max(times), tz=UTC)
    return desk.open_cases(bounds, flight_id=coverage.flight_id, before=before)


def _nothing_found(coverage: FlightCoverage, row: CaseRow, least_looks: int) -> NothingFound | None:
    looks = clean_looks(
        CoverageLedger(flights=[coverage]),
        _place(row),
        label=row.label,
        size_m=size_of(row.label),
        after=row.last_seen_at,
        least_looks=least_looks,
    )
    if not looks:
        return None
    look = looks[-1]
    return NothingFound(
        case_id=row.case_id,
        flight_id=look.flight_id,
        looks=look.looks,
        resolution_m=look.resolution_m,
        first_at=look.first_at,
        last_at=look.last_at,
    )


_UNSEEN = {
    Answer.YES: Unseen.TOO_FEW_LOOKS,
    Answer.UNSURE: Unseen.UNSURE,
    Answer.TOO_COARSE: Unseen.TOO_COARSE,
    Answer.NO_MODEL: Unseen.NO_MODEL,
}


def _tell_unseen(coverage: FlightCoverage, desk: LookedAgain, row: CaseRow) -> None:
    """Say why a flight that looked at a place cannot tell; one that never showed it says nothing."""
    looked = CoverageLedger(flights=[coverage]).looked_at(row.lon, row.lat)
    last_at = max((flight.last_at for flight in looked.flights if flight.last_at is not None), default=None)
    if last_at is None:
        return
    sighted = bool(np.isin(_place(row), coverage.sighted).any())
    reason = Unseen.SOMETHING_THERE if sighted else _UNSEEN[looked.could_have_seen(size_of(row.label), row.label)]
    told = CouldNotTell(case_id=row.case_id, flight_id=coverage.flight_id, reason=reason, last_at=last_at)
    desk.could_not_tell(told)


def _place(row: CaseRow) -> NDArray[np.int64]:
    return place_cells(row.lon, row.lat, ((row.cov_ee_m2, row.cov_en_m2), (row.cov_en_m2, row.cov_nn_m2)))
