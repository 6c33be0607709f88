"""Whether a flight between two times found a place clean."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from geo.gaussian import Vec
from geo.identity.intake import Intake
from geo.identity.neighbours import Neighbourhood
from geo.identity.piece import Piece
from geo.identity.point import Box
from geo.sighting import LonLat

CleanLookAt = Callable[[LonLat, datetime, datetime, frozenset[str]], bool]

# A flight that saw something of the family this near to a place did not find it clean.
_BESIDE_M = 2.5


class CleanLooks:
    """Asks who knows what was looked at, and does not count flights that saw something beside the place."""

    def __init__(self, looked: CleanLookAt, intake: Intake, around: Neighbourhood) -> None:
        """Take who knows, and what was seen."""
        self._looked = looked
        self._intake = intake
        self._around = around

    def between(self, place: Vec, family: str, after_s: float, before_s: float, but_not: frozenset[str]) -> bool:
        """Whether a flight, none of `but_not`, found a place clean between two times (seconds since 1970)."""
        plane = self._intake.plane
        assert plane is not None
        lonlat = plane.lonlat(place)
        after, before = datetime.fromtimestamp(after_s, UTC), datetime.fromtimestamp(before_s, UTC)
        if not self._looked(lonlat, after, before, but_not):
            return False
        # What a flight saw beside the place may be the thing after all: such a flight did not find it clean.
        east, north = place
        box = (east - _BESIDE_M, north - _BESIDE_M, east + _BESIDE_M, north + _BESIDE_M)
        near = self._around.touching(family, box)
        saw = {piece.flight.flight_id for thing in near for piece in thing.pieces if _is_in(piece, box)}
        return self._looked(lonlat, after, before, but_not | saw)


def _is_in(piece: Piece, box: Box) -> bool:
    (off_e, off_n), (east, north, *_) = piece.flight.offset, piece.told
    return box[0] <= east - off_e <= box[2] and box[1] <= north - off_n <= box[3]
