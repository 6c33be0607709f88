"""What lies near a place: pieces of a flight, and things, by squares of ground: a look costs the same in any city."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from geo.identity.flight import Flight
    from geo.identity.gathering import Gathering
    from geo.identity.piece import Piece
    from geo.identity.point import Box

# A square's number: a city has fewer rows than this.
_STRIDE = 1 << 24
# A reach is taken a little larger than asked for, lest all pieces be noted anew for every sighting that is less sure.
_SPARE = 1.3
# Larger squares hold more pieces to look at; smaller ones are more to note, and an object each.
_SIDE_REACHES = 3
_THING_SIDE_M = 24.0


class FlightGround:
    """The pieces of one flight and family. Each is noted wherever one may stand and reach it: a look is at one square.

    Attributes:
        flight: The flight.
        family: The family.
        window_s: The longest time between its sightings of one thing, infinite for no limit.
        reach_m: How far off a place pieces are found, at least.
        widest_m2: The largest variance among the sightings that came.
    """

    __slots__ = ("_gate", "_side_m", "_squares", "family", "flight", "reach_m", "widest_m2", "window_s")

    def __init__(self, flight: Flight, family: str, *, gate: float, window_s: float) -> None:
        """Begin with no pieces; sightings reach as many sigmas as the gate is wide."""
        self.flight = flight
        self.family = family
        self.window_s = window_s
        self._gate = gate
        self._squares: dict[int, list[Piece]] = {}
        self._side_m = 1.0
        self.reach_m = 0.0
        self.widest_m2 = 0.0

    def widen(self, variance_m2: float) -> None:
        """Let sightings of that variance, which is the largest so far, be found by all that they are compared with."""
        self.widest_m2 = variance_m2
        reach_m = self._gate * math.sqrt(2 * variance_m2)
        if reach_m > self.reach_m:
            pieces = {piece.piece_id: piece for square in self._squares.values() for piece in square}
            self.reach_m = _SPARE * reach_m
            self._side_m = _SIDE_REACHES * self.reach_m
            self._squares.clear()
            for piece in pieces.values():
                piece.squares = None
                self.note(piece)

    def note(self, piece: Piece) -> None:
        """Note a piece on the ground it says it lies on; squares that it once touched keep it."""
        west, south, east, north = piece.noted
        side_m, pad_m, known = self._side_m, self.reach_m, piece.squares
        now = (
            math.floor((west - pad_m) / side_m),
            math.floor((south - pad_m) / side_m),
            math.floor((east + pad_m) / side_m),
            math.floor((north + pad_m) / side_m),
        )
        if known is not None:
            now = (min(now[0], known[0]), min(now[1], known[1]), max(now[2], known[2]), max(now[3], known[3]))
        for column in range(now[0], now[2] + 1):
            for row in range(now[1], now[3] + 1):
                if known is None or not (known[0] <= column <= known[2] and known[1] <= row <= known[3]):
                    self._squares.setdefault(column * _STRIDE + row, []).append(piece)
        piece.squares = now

    def drop(self, piece: Piece) -> None:
        """Forget a piece that lost all of its sightings."""
        if (known := piece.squares) is not None:
            for column in range(known[0], known[2] + 1):
                for row in range(known[1], known[3] + 1):
                    self._squares[column * _STRIDE + row].remove(piece)
            piece.squares = None

    def near(self, east: float, north: float, box: Box | None = None) -> list[Piece]:
        """Pieces that lie within reach of a place or whose outlines may touch a box, and some more; each once."""
        side_m, reach_m = self._side_m, self.reach_m
        key = int(east // side_m) * _STRIDE + int(north // side_m)
        # Who lies within reach of a piece's outline finds the piece here, so an outline no larger than that does, too.
        if box is None or (
            east - box[0] <= reach_m
            and box[2] - east <= reach_m
            and north - box[1] <= reach_m
            and box[3] - north <= reach_m
        ):
            return self._squares.get(key, [])
        found = {piece.piece_id: piece for piece in self._squares.get(key, ())}
        for key in squares_of(box, side_m):
            for piece in self._squares.get(key, ()):
                found[piece.piece_id] = piece
        return list(found.values())


class ThingGround:
    """Things by family and by the squares that their pieces lie on, as the flights told it, offsets still in."""

    __slots__ = ("_families",)

    def __init__(self) -> None:
        self._families: dict[str, dict[int, dict[int, Gathering]]] = {}

    def note(self, piece: Piece) -> None:
        """Note a piece's thing on the ground where the piece lies now."""
        thing = piece.gathering
        squares = self._families.setdefault(thing.family, {})
        for key in squares_of(piece.noted, _THING_SIDE_M):
            squares.setdefault(key, {})[thing.thing_id] = thing
            thing.squares.add(key)

    def join(self, kept: Gathering, gone: Gathering) -> None:
        """Where a thing was, there is now the one it went into."""
        squares = self._families[kept.family]
        for key in gone.squares:
            squares[key][kept.thing_id] = kept
        kept.squares |= gone.squares
        self.drop(gone)

    def drop(self, thing: Gathering) -> None:
        """Forget a thing."""
        squares = self._families[thing.family]
        for key in thing.squares:
            squares[key].pop(thing.thing_id, None)
        thing.squares = set()

    def touching(self, family: str, box: Box) -> list[Gathering]:
        """Things on the squares that a box touches, each once."""
        squares = self._families.get(family, {})
        found: dict[int, Gathering] | None = None
        west, east = int(box[0] // _THING_SIDE_M) * _STRIDE, int(box[2] // _THING_SIDE_M) * _STRIDE
        south, north = int(box[1] // _THING_SIDE_M), int(box[3] // _THING_SIDE_M) + 1
        for column in range(west, east + 1, _STRIDE):
            for key in range(column + south, column + north):
                if square := squares.get(key):
                    found = square if found is None else found | square
        return [] if found is None else list(found.values())


def squares_of(box: Box, side_m: float) -> Iterator[int]:
    """The numbers of the squares that a box touches."""
    south, north = math.floor(box[1] / side_m), math.floor(box[3] / side_m) + 1
    for column in range(math.floor(box[0] / side_m), math.floor(box[2] / side_m) + 1):
        yield from range(column * _STRIDE + south, column * _STRIDE + north)
