"""One flight as identity sees it: what it saw, and the offset of its positions as far as other flights tell it."""

from __future__ import annotations

import math

from geo import gaussian
from geo.gaussian import Sym, Vec
from geo.identity.ground import FlightGround
from geo.identity.piece import Piece
from geo.identity.record import Record

# Scatter and claims before any were seen: twice what is claimed, until that proves too much.
_FIRST_SCATTER_M2 = (2.0, 1.0)


class Chart:
    """Flights whose offsets towards each other are known: their places lie in one frame.

    Attributes:
        flights: Them.
        middle: The mean of their offsets in that frame, metres east and north. Independent offsets are likeliest to
            have a mean of nought, so this is how far the frame lies off the earth.
    """

    def __init__(self, flight: Flight) -> None:
        self.flights = [flight]
        self.middle: Vec = (0.0, 0.0)

    def lay(self, flight: Flight, shift: Vec, covariance: Sym) -> None:
        """Put a flight on the chart, or put it right."""
        flight.shift, flight.shift_covariance = shift, covariance
        if flight.chart is not self:
            left, flight.chart = flight.chart, self
            left.flights.remove(flight)
            left.centre()
            self.flights.append(flight)
        self.centre()

    def centre(self) -> None:
        """Reckon the middle; all that its flights saw is elsewhere on the earth then."""
        if count := len(self.flights):
            self.middle = (
                sum(one.shift[0] for one in self.flights) / count,
                sum(one.shift[1] for one in self.flights) / count,
            )
        for flight in self.flights:
            for piece in flight.pieces:
                piece.gathering.displace()


class Flight:
    """One flight.

    Attributes:
        flight_id: Its name.
        record: What it saw, in the order it came.
        pieces: The same by what it is of.
        alone: Its name as a set.
        grounds: Its pieces by place, by labels; labels of one family have the same.
        lasted_s: The time from its first sighting to its last.
        aligned_at: How many it had given when its offset was last looked for.
        chart: The flights, itself among them, whose offsets towards each other are known.
        shift: Its offset in the frame of its chart, metres east and north: taken off its places.
        shift_covariance: What remains uncertain of that.
    """

    def __init__(self, flight_id: str, record: Record) -> None:
        self.flight_id = flight_id
        self.record = record
        self.alone = frozenset((flight_id,))
        self.pieces: list[Piece] = []
        self.aligned_at = 0
        self.shift: Vec = (0.0, 0.0)
        self.shift_covariance: Sym = gaussian.ZERO
        self.chart = Chart(self)
        self.lasted_s = 0.0
        self._first_s, self._last_s = math.inf, -math.inf
        self._scattered, self._claimed = _FIRST_SCATTER_M2
        self.grounds: dict[str, FlightGround] = {}

    @property
    def sightings(self) -> int:
        """How many sightings it gave."""
        return len(self.record.sightings)

    @property
    def offset(self) -> Vec:
        """Its offset towards the earth, as far as known."""
        return self.shift[0] - self.chart.middle[0], self.shift[1] - self.chart.middle[1]

    @property
    def scatter(self) -> float:
        """How much more its sightings scatter in a picture than they claim of their own, a ratio of variances."""
        return max(1.0, self._scattered / self._claimed)

    def note_time(self, seen_s: float) -> None:
        """Learn when it saw something."""
        self._first_s, self._last_s = min(self._first_s, seen_s), max(self._last_s, seen_s)
        self.lasted_s = self._last_s - self._first_s

    def note_scatter(self, scattered_m2: float, claimed_m2: float) -> None:
        """Learn of one sighting how far it lay off and how far it claims to."""
        self._scattered += scattered_m2
        self._claimed += claimed_m2
