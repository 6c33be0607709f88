"""A second look at neighbours, once a flight is over: who was seen first may have taken sightings of who came later."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from geo import gaussian
from geo.identity.flight import Cells, Flight
from geo.identity.journal import Partings
from geo.identity.likeness import MergeRule
from geo.identity.piece import Piece
from geo.identity.point import Point

_ROUNDS = 2

Held = tuple[Point, Piece]


def reconsider(flight: Flight, cells: Cells, rule: MergeRule, partings: Partings) -> set[int]:
    """Give sightings of neighbouring pieces to the nearest anew, picture by picture, now that all of them are known.

    Returns:
        The numbers of pieces that changed; those that lost all of their sightings have no points any more.
    """
    changed: set[int] = set()
    for _ in range(_ROUNDS):
        moved = _one_round(flight, cells, rule, partings)
        changed |= moved
        if not moved:
            break
    return changed


def _one_round(flight: Flight, cells: Cells, rule: MergeRule, partings: Partings) -> set[int]:
    rivals = {
        piece.piece_id: [other for other in _near(piece, flight, cells, rule) if not partings.parted([piece], [other])]
        for piece in flight.pieces
        if piece.points
    }
    pictures: dict[tuple[str, str], list[Held]] = defaultdict(list)
    for piece in flight.pieces:
        if rivals.get(piece.piece_id):
            for point in piece.points:
                if rule.is_sure(point.covariance):
                    pictures[point.key].append((point, piece))
    now: dict[int, list[Point]] = {}
    for held in pictures.values():
        for point, old, new in _better(held, rivals, rule):
            for piece in (old, new):
                now.setdefault(piece.piece_id, list(piece.points))
            now[old.piece_id].remove(point)
            now[new.piece_id].append(point)
    for piece in flight.pieces:
        if piece.piece_id in now:
            piece.rebuild(now[piece.piece_id])
    return set(now)


def _near(piece: Piece, flight: Flight, cells: Cells, rule: MergeRule) -> list[Piece]:
    """Other pieces of the flight so near that they may hold sightings of its thing."""
    if not piece.changed and not any(other.changed for other in piece.gathering.pieces):
        return []
    east, north = piece.settled_m
    reach = rule.frame_gate * math.sqrt(2 * flight.widest_m2)
    box = (east - reach, north - reach, east + reach, north + reach)
    return [
        other
        for other in cells.of_flight(flight.flight_id, piece.gathering.family, box)
        if other.gathering is not piece.gathering
        and other.points
        and math.dist(other.settled_m, piece.settled_m) < reach
        and rule.in_window(other.gathering, piece.gathering)
    ]


def _better(held: Sequence[Held], rivals: dict[int, list[Piece]], rule: MergeRule) -> list[tuple[Point, Piece, Piece]]:
    """Who in one picture should change from which piece to which."""
    pairs: list[tuple[float, int, int, Piece]] = []
    for index, (point, mine) in enumerate(held):
        for piece in (mine, *rivals[mine.piece_id]):
            (east, north), (e, n) = point.settled_m, piece.settled_m
            covariance = gaussian.add(point.settled_noise, piece.settled_noise)
            distance2 = gaussian.distance2((east - e, north - n), covariance)
            if distance2 < rule.frame_gate**2:
                pairs.append((distance2, index, piece.piece_id, piece))
    pairs.sort()
    given: dict[int, Piece] = {}
    taken: set[int] = set()
    for _, index, piece_id, piece in pairs:
        if index not in given and piece_id not in taken:
            given[index] = piece
            taken.add(piece_id)
    # Whoever finds no place keeps its own; where that is taken now, the picture stays as it was.
    for index, (_, mine) in enumerate(held):
        if index not in given:
            if mine.piece_id in taken:
                return []
            taken.add(mine.piece_id)
    return [(held[index][0], held[index][1], piece) for index, piece in given.items() if piece is not held[index][1]]
