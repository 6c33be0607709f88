"""One flight as identity sees it: what it saw, and the offset of its positions as far as other flights tell it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from geo import gaussian
from geo.gaussian import Sym, Vec
from geo.identity.piece import Piece
from geo.identity.point import Box

_CELL_M = 20.0
# Scatter and claims before any were seen: twice what is claimed, until that proves too much.
_FIRST_SCATTER_M2 = (2.0, 1.0)


class Cells:
    """Pieces by family, by the squares of ground that they touch, and by flight."""

    def __init__(self) -> None:
        self._squares: dict[tuple[str, int, int], dict[str, list[Piece]]] = {}

    def put(self, piece: Piece, family: str) -> None:
        """Note where a piece lies now; squares it once touched keep it, for a comparison follows anyway."""
        east, north = piece.place
        west, south, right, top = piece.box or (east, north, east, north)
        west, south = (west if west < east else east) / _CELL_M, (south if south < north else north) / _CELL_M
        right, top = (right if right > east else east) / _CELL_M, (top if top > north else north) / _CELL_M
        known = piece.cells
        if known is not None and (
            known[0] <= west and known[1] <= south and right < known[2] + 1 and top < known[3] + 1
        ):
            return
        cells = (math.floor(west), math.floor(south), math.floor(right), math.floor(top))
        if known is not None:
            cells = (
                min(cells[0], known[0]), min(cells[1], known[1]), max(cells[2], known[2]), max(cells[3], known[3])
            )  # fmt: skip
        for column in range(cells[0], cells[2] + 1):
            for row in range(cells[1], cells[3] + 1):
                if known is None or not (known[0] <= column <= known[2] and known[1] <= row <= known[3]):
                    square = self._squares.setdefault((family, column, row), {})
                    square.setdefault(piece.flight.flight_id, []).append(piece)
        piece.cells = cells

    def drop(self, piece: Piece, family: str) -> None:
        """Forget a piece that lost all of its sightings."""
        if piece.cells is not None:
            for column in range(piece.cells[0], piece.cells[2] + 1):
                for row in range(piece.cells[1], piece.cells[3] + 1):
                    square = self._squares[family, column, row]
                    left = [one for one in square.pop(piece.flight.flight_id) if one is not piece]
                    if left:
                        square[piece.flight.flight_id] = left

    def of_flight(self, flight_id: str, family: str, box: Box) -> list[Piece]:
        """Pieces of one flight that may touch a box, each once."""
        west, south = math.floor(box[0] / _CELL_M), math.floor(box[1] / _CELL_M)
        east, north = math.floor(box[2] / _CELL_M), math.floor(box[3] / _CELL_M)
        if west == east and south == north:
            square = self._squares.get((family, west, south))
            return [] if square is None else square.get(flight_id, [])
        found: dict[int, Piece] = {}
        for square in self._touched(family, box):
            for piece in square.get(flight_id, ()):
                found[piece.piece_id] = piece
        return list(found.values())

    def around(self, family: str, box: Box) -> list[list[Piece]]:
        """Pieces of all flights that may touch a box, some of them more than once; each list is of one flight."""
        return [pieces for square in self._touched(family, box) for pieces in square.values()]

    def _touched(self, family: str, box: Box) -> Iterator[dict[str, list[Piece]]]:
        for column in range(math.floor(box[0] / _CELL_M), math.floor(box[2] / _CELL_M) + 1):
            for row in range(math.floor(box[1] / _CELL_M), math.floor(box[3] / _CELL_M) + 1):
                square = self._squares.get((family, column, row))
                if square is not None:
                    yield square


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
            flight.chart.flights.remove(flight)
            flight.chart = self
            self.flights.append(flight)
        count = len(self.flights)
        self.middle = (
            sum(one.shift[0] for one in self.flights) / count,
            sum(one.shift[1] for one in self.flights) / count,
        )


class Flight:
    """One flight.

    Attributes:
        flight_id: Its name.
        order: It was the how-manieth to come.
        pieces: What it saw, in the order it came.
        alone: Its name as a set.
        sightings: How many sightings it gave.
        widest_m2: The largest variance among the noises of its sightings.
        aligned_at: How many it had given when its offset was last looked for.
        chart: The flights, itself among them, whose offsets towards each other are known.
        shift: Its offset in the frame of its chart, metres east and north: taken off its places.
        shift_covariance: What remains uncertain of that.
    """

    def __init__(self, flight_id: str, order: int) -> None:
        self.flight_id = flight_id
        self.order = order
        self.alone = frozenset((flight_id,))
        self.pieces: list[Piece] = []
        self.sightings = 0
        self.widest_m2 = 0.0
        self.aligned_at = 0
        self.shift: Vec = (0.0, 0.0)
        self.shift_covariance: Sym = gaussian.ZERO
        self.chart = Chart(self)
        self._scattered, self._claimed = _FIRST_SCATTER_M2

    @property
    def offset(self) -> Vec:
        """Its offset towards the earth, as far as known."""
        return self.shift[0] - self.chart.middle[0], self.shift[1] - self.chart.middle[1]

    @property
    def scatter(self) -> float:
        """How much more its sightings scatter in a picture than they claim of their own, a ratio of variances."""
        return max(1.0, self._scattered / self._claimed)

    def note_scatter(self, scattered_m2: float, claimed_m2: float) -> None:
        """Learn of one sighting how far it lay off and how far it claims to."""
        self._scattered += scattered_m2
        self._claimed += claimed_m2
