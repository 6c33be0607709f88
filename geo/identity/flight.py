"""One flight as identity sees it: what it saw, and the offset of its positions as far as other flights tell it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from geo import gaussian
from geo.gaussian import Sym, Vec
from geo.identity.piece import Piece
from geo.identity.point import Box

_CELL_M = 20.0


class Cells:
    """Pieces by family, by the squares of ground that they touch, and by flight."""

    def __init__(self) -> None:
        self._squares: dict[tuple[str, int, int], dict[str, list[Piece]]] = {}

    def put(self, piece: Piece, family: str) -> None:
        """Note where a piece lies now; squares it once touched keep it, for a comparison follows anyway."""
        east, north = piece.place
        west, south, right, top = piece.box or (east, north, east, north)
        cells = (
            math.floor(min(west, east) / _CELL_M),
            math.floor(min(south, north) / _CELL_M),
            math.floor(max(right, east) / _CELL_M),
            math.floor(max(top, north) / _CELL_M),
        )
        known = piece.cells
        if cells == known:
            return
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

    def of_flight(self, flight_id: str, family: str, box: Box) -> Iterator[Piece]:
        """Pieces of one flight that may touch a box, some of them more than once."""
        for square in self._touched(family, box):
            yield from square.get(flight_id, ())

    def of_others(self, flight_id: str, family: str, box: Box) -> Iterator[Piece]:
        """Pieces of the other flights that may touch a box, some of them more than once."""
        for square in self._touched(family, box):
            for other, pieces in square.items():
                if other != flight_id:
                    yield from pieces

    def _touched(self, family: str, box: Box) -> Iterator[dict[str, list[Piece]]]:
        for column in range(math.floor(box[0] / _CELL_M), math.floor(box[2] / _CELL_M) + 1):
            for row in range(math.floor(box[1] / _CELL_M), math.floor(box[3] / _CELL_M) + 1):
                square = self._squares.get((family, column, row))
                if square is not None:
                    yield square


class Flight:
    """One flight.

    Attributes:
        flight_id: Its name.
        order: It was the how-manieth to come.
        pieces: What it saw, in the order it came.
        sightings: How many sightings it gave.
        aligned_at: How many it had given when its offset was last looked for.
        shift: Its offset as far as known, metres east and north: taken off its places.
        shift_covariance: What remains uncertain of the offset between it and its mates.
        mates: The flights, itself among them, whose offsets towards each other are known.
    """

    def __init__(self, flight_id: str, order: int) -> None:
        self.flight_id = flight_id
        self.order = order
        self.pieces: list[Piece] = []
        self.sightings = 0
        self.aligned_at = 0
        self.shift: Vec = (0.0, 0.0)
        self.shift_covariance: Sym = gaussian.ZERO
        self.mates: list[Flight] = [self]
