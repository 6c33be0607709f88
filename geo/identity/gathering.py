"""A thing in the making: pieces of one or more flights, and where they say it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import shapely
from shapely.geometry.base import BaseGeometry

from geo import gaussian
from geo.gaussian import Estimate, Sym, Vec
from geo.identity.flight import Flight
from geo.identity.piece import Piece
from geo.identity.point import Box
from geo.identity.told import Told, fuse, tell


class Gathering:
    """A thing in the making.

    Attributes:
        thing_id: Its number: that of the piece that founded it.
        family: Its family.
        pieces: What it consists of.
        pictures: The numbers of the pictures that show it.
        squares: The squares of ground where it is noted.
        recurrence_of: The thing that was here before a clean look, None where there was none.
        boxed: West, south, east, north of place and outlines, as far as that was reckoned.
        changed: Whether it changed since the last merge pass.
        stale: Whether it is marked so, and nothing else is remembered: to touch it would change nothing.
    """

    __slots__ = (
        "_earth",
        "_extent",
        "_floor_m",
        "_seen",
        "_told",
        "boxed",
        "changed",
        "family",
        "pictures",
        "pieces",
        "recurrence_of",
        "squares",
        "stale",
        "thing_id",
    )

    def __init__(self, thing_id: int, family: str, offset_floor_m: float) -> None:
        self.thing_id = thing_id
        self.family = family
        self.pieces: list[Piece] = []
        self.pictures: set[int] = set()
        self.squares: set[int] = set()
        self.recurrence_of: int | None = None
        self.changed = self.stale = True
        self._floor_m = offset_floor_m
        # What was reckoned; tuples of one where None is an answer, too.
        self._told: list[Told] | None = None
        self._earth: Estimate | None = None
        self.boxed: Box | None = None
        self._extent: tuple[BaseGeometry | None] | None = None
        self._seen: tuple[tuple[float, float] | None] | None = None

    def touch(self) -> None:
        """A piece or a sighting came or went, or an offset changed: it is to be compared anew."""
        self.changed = self.stale = True
        self._told = self._earth = self.boxed = self._extent = self._seen = None

    def displace(self) -> None:
        """A chart moved on the earth."""
        self._earth = self.boxed = self._extent = None

    def settle(self) -> None:
        """It was compared with all around it."""
        if self.changed:
            self.changed = self.stale = False
            for piece in self.pieces:
                piece.changed = False

    def take(self, pieces: Iterable[Piece]) -> None:
        """Take in pieces."""
        for piece in pieces:
            piece.gathering = self
            self.pieces.append(piece)
            self.pictures.update(piece.pictures())
        self.touch()

    def give(self, pieces: Iterable[Piece]) -> None:
        """Let go of pieces."""
        gone = {piece.piece_id for piece in pieces}
        self.pieces = [piece for piece in self.pieces if piece.piece_id not in gone]
        self.recount()

    def recount(self) -> None:
        """Its pieces are others, or hold others."""
        self.pictures = {picture for piece in self.pieces for picture in piece.pictures()}
        self.touch()

    def part(self, pieces: Sequence[Piece]) -> Gathering:
        """What some of its flights tell of it, to be compared with what others do; the pieces stay where they are."""
        apart = Gathering(pieces[0].piece_id, self.family, self._floor_m)
        apart.pieces = list(pieces)
        return apart

    def told(self) -> list[Told]:
        """Place and error, by charts."""
        if self._told is None:
            self.stale = False
            if len(self.pieces) == 1:
                self._told = [tell(self.pieces, self._floor_m)]
            else:
                groups: dict[int, list[Piece]] = {}
                for piece in self.pieces:
                    groups.setdefault(id(piece.flight.chart), []).append(piece)
                self._told = [tell(group, self._floor_m) for group in groups.values()]
        return self._told

    def fused(self) -> Estimate:
        """Place on the earth and its error, from all flights."""
        if self._earth is None:
            told = self.told()
            self._earth = told[0].on_earth() if len(told) == 1 else fuse([one.on_earth() for one in told])
        return self._earth

    def common(self) -> Sym:
        """The part of its error that all things of its flights share."""
        told = self.told()
        if len(told) > 1:
            return gaussian.ZERO
        return gaussian.scale(told[0].shared, 1.0 / len(told[0].chart.flights))

    def flights(self) -> set[str]:
        """The flights that saw it."""
        return {piece.flight.flight_id for piece in self.pieces}

    def is_of(self, flight: Flight) -> bool:
        """Whether that flight saw it."""
        # Who saw it last came last.
        return self.pieces[-1].flight is flight or any(piece.flight is flight for piece in self.pieces)

    def count(self) -> int:
        """How many sightings it has."""
        return sum([len(piece.rows) for piece in self.pieces])

    def seen(self) -> tuple[float, float] | None:
        """Earliest and latest time, seconds since 1970; None where no picture told one."""
        if self._seen is None:
            self.stale = False
            first_s = min([piece.first_s for piece in self.pieces])
            last_s = max([piece.last_s for piece in self.pieces])
            self._seen = ((first_s, last_s) if first_s <= last_s else None,)
        return self._seen[0]

    def box(self) -> Box:
        """West, south, east, north of place and outlines."""
        if self.boxed is not None:
            return self.boxed
        east, north, _, _, _ = self.fused()
        west, south = east, north
        for piece in self.pieces:
            if (box := piece.box) is not None:
                (w, s, e, n), (off_e, off_n) = box, piece.flight.offset
                west, south = min(west, w - off_e), min(south, s - off_n)
                east, north = max(east, e - off_e), max(north, n - off_n)
        self.boxed = (west, south, east, north)
        return self.boxed

    def solid_m2(self) -> float:
        """The area of its largest outline."""
        return max(piece.solid_m2 for piece in self.pieces)

    def outline(self) -> BaseGeometry | None:
        """All outlines together; None where there are none."""
        return _together(self.pieces, [piece.outline for piece in self.pieces])

    def extent(self) -> BaseGeometry | None:
        """The ground it covers, for comparison: see `Piece.extent`."""
        if self._extent is None:
            self.stale = False
            pieces = [piece for piece in self.pieces if piece.in_parts]
            pieces = pieces or [max(self.pieces, key=lambda piece: piece.solid_m2)]
            self._extent = (_together(pieces, [piece.extent for piece in pieces]),)
        return self._extent[0]


def _shifted(outline: BaseGeometry, off_m: Vec) -> BaseGeometry:
    """An outline without an offset."""
    return shapely.transform(outline, lambda corners: corners - off_m)


def _together(pieces: Sequence[Piece], outlines: Sequence[BaseGeometry | None]) -> BaseGeometry | None:
    """Outlines of pieces as one, the offsets of their flights taken off."""
    parts = []
    for piece, outline in zip(pieces, outlines, strict=True):
        if outline is not None:
            east, north = piece.flight.offset
            parts.append(outline if east == north == 0.0 else _shifted(outline, (east, north)))
    return shapely.union_all(parts) if len(parts) > 1 else next(iter(parts), None)
