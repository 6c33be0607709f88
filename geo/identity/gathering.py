"""A thing in the making: pieces of one or more flights, and where they say it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import shapely
import shapely.affinity
from shapely.geometry.base import BaseGeometry

from geo import gaussian
from geo.gaussian import Sym, Vec
from geo.identity.flight import Flight
from geo.identity.piece import Piece
from geo.identity.point import Box


class Told(NamedTuple):
    """What flights whose offsets towards each other are known say together.

    Attributes:
        mates: Those flights.
        place: Metres, their offsets taken off.
        noise: Its error without the offset that they still share.
        covariance: Its whole error.
    """

    mates: list[Flight]
    place: Vec
    noise: Sym
    covariance: Sym


class Gathering:
    """A thing in the making.

    Attributes:
        thing_id: Its number: that of the piece that founded it.
        family: Its family.
        pieces: What it consists of.
        keys: Flight and picture of every sighting.
        recurrence_of: The thing that was here before a clean look, None where there was none.
        changed: Whether it changed since the last merge pass.
    """

    __slots__ = (
        "_boxed",
        "_floor_m",
        "_fused",
        "_told",
        "changed",
        "family",
        "keys",
        "pieces",
        "recurrence_of",
        "thing_id",
    )

    def __init__(self, thing_id: int, family: str, offset_floor_m: float) -> None:
        self.thing_id = thing_id
        self.family = family
        self.pieces: list[Piece] = []
        self.keys: set[tuple[str, str]] = set()
        self.recurrence_of: int | None = None
        self.changed = True
        self._floor_m = offset_floor_m
        self._told: list[Told] | None = None
        self._fused: tuple[Vec, Sym] | None = None
        self._boxed: Box | None = None

    def touch(self) -> None:
        """A piece or a sighting came or went: it is to be compared anew."""
        self.changed = True
        self.forget()

    def settle(self) -> None:
        """It was compared with all around it."""
        if self.changed:
            self.changed = False
            for piece in self.pieces:
                piece.changed = False

    def forget(self) -> None:
        """Forget what was reckoned, for an offset changed."""
        self._told = self._fused = self._boxed = None

    def take(self, pieces: Iterable[Piece]) -> None:
        """Take in pieces."""
        for piece in pieces:
            piece.gathering = self
            self.pieces.append(piece)
            self.keys.update(point.key for point in piece.points)
        self.touch()

    def give(self, pieces: Iterable[Piece]) -> None:
        """Let go of pieces."""
        gone = {piece.piece_id for piece in pieces}
        self.pieces = [piece for piece in self.pieces if piece.piece_id not in gone]
        self.keys = {point.key for piece in self.pieces for point in piece.points}
        self.touch()

    def part(self, pieces: Sequence[Piece]) -> Gathering:
        """What some of the pieces would be as a thing; they stay where they are."""
        apart = Gathering(pieces[0].piece_id, self.family, self._floor_m)
        apart.pieces = list(pieces)
        apart.keys = {point.key for piece in pieces for point in piece.points}
        return apart

    def told(self) -> list[Told]:
        """Place and error by groups of flights whose offsets towards each other are known."""
        if self._told is None:
            groups: dict[int, list[Piece]] = {}
            for piece in self.pieces:
                groups.setdefault(id(piece.flight.mates), []).append(piece)
            self._told = [_told(group, self._floor_m) for group in groups.values()]
        return self._told

    def fused(self) -> tuple[Vec, Sym]:
        """Place and covariance from all flights; what groups of flights share is independent between them."""
        if self._fused is None:
            told = self.told()
            if len(told) == 1:
                self._fused = (told[0].place, told[0].covariance)
            else:
                self._fused = _fuse((one.place, one.covariance) for one in told)
        return self._fused

    def flights(self) -> set[str]:
        """The flights that saw it."""
        return {piece.flight.flight_id for piece in self.pieces}

    def count(self) -> int:
        """How many sightings it has."""
        return sum(len(piece.points) for piece in self.pieces)

    def seen(self) -> tuple[datetime, datetime] | None:
        """Earliest and latest time, None where no picture told one."""
        first = min((piece.first_seen_at for piece in self.pieces if piece.first_seen_at is not None), default=None)
        last = max((piece.last_seen_at for piece in self.pieces if piece.last_seen_at is not None), default=None)
        return None if first is None or last is None else (first, last)

    def box(self) -> Box:
        """West, south, east, north of place and outlines, offsets taken off."""
        if self._boxed is None:
            (east, north), _ = self.fused()
            boxes = [(east, north, east, north), *_shifted_boxes(self.pieces)]
            west, south, right, top = zip(*boxes, strict=True)
            self._boxed = (min(west), min(south), max(right), max(top))
        return self._boxed

    def solid_m2(self) -> float:
        """The area of its largest outline."""
        return max(piece.solid_m2 for piece in self.pieces)

    def outline(self) -> BaseGeometry | None:
        """All outlines together, offsets taken off; None where there are none."""
        parts = [
            part if piece.flight.shift == (0.0, 0.0) else shapely.affinity.translate(part, *_back(piece.flight.shift))
            for piece in self.pieces
            if (part := piece.outline) is not None
        ]
        if len(parts) < 2:
            return parts[0] if parts else None
        return shapely.union_all(parts)


def _told(pieces: list[Piece], floor_m: float) -> Told:
    flight = pieces[0].flight
    if len(pieces) == 1:
        (piece,) = pieces
        place = (piece.place[0] - flight.shift[0], piece.place[1] - flight.shift[1])
        noise, shared = gaussian.add(piece.noise, flight.shift_covariance), piece.shared
    else:
        place, noise = _fuse(
            (
                (piece.place[0] - piece.flight.shift[0], piece.place[1] - piece.flight.shift[1]),
                gaussian.add(piece.noise, piece.flight.shift_covariance),
            )
            for piece in pieces
        )
        count = sum(len(piece.points) for piece in pieces)
        shared = gaussian.ZERO
        for piece in pieces:
            shared = gaussian.add(shared, gaussian.scale(piece.shared, len(piece.points) / count))
    # The offset of a group of flights is the mean of theirs, and they are independent.
    offset = gaussian.scale(gaussian.at_least(shared, floor_m), 1.0 / len(flight.mates))
    return Told(mates=flight.mates, place=place, noise=noise, covariance=gaussian.add(noise, offset))


def _fuse(estimates: Iterable[tuple[Vec, Sym]]) -> tuple[Vec, Sym]:
    information, weighted = gaussian.ZERO, (0.0, 0.0)
    for place, covariance in estimates:
        own = gaussian.inverse(covariance)
        pull = gaussian.times(own, place)
        information, weighted = gaussian.add(information, own), (weighted[0] + pull[0], weighted[1] + pull[1])
    covariance = gaussian.inverse(information)
    return gaussian.times(covariance, weighted), covariance


def _shifted_boxes(pieces: Iterable[Piece]) -> Iterator[Box]:
    for piece in pieces:
        if piece.box is not None:
            (east, north), (west, south, right, top) = piece.flight.shift, piece.box
            yield west - east, south - north, right - east, top - north


def _back(shift: Vec) -> Vec:
    return -shift[0], -shift[1]
