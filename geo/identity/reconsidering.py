"""A second look at neighbours, once a flight is over: who was seen first may have taken sightings of who came later."""

from __future__ import annotations

from collections.abc import Sequence

from geo.identity.flight import Flight
from geo.identity.journal import Partings
from geo.identity.likeness import MergeRule
from geo.identity.piece import Piece
from geo.identity.point import Point

_ROUNDS = 2

Held = tuple[Point, Piece]


def reconsider(flight: Flight, rule: MergeRule, partings: Partings) -> set[int]:
    """Give sightings of neighbouring pieces to the nearest anew, picture by picture, now that all of them are known.

    Returns:
        The numbers of pieces that changed; those that lost all of their sightings have no points any more.
    """
    changed: set[int] = set()
    asked: set[int] | None = None
    for _ in range(_ROUNDS):
        asked = _one_round(flight, rule, partings, asked)
        changed |= asked
        if not asked:
            break
    return changed


def _one_round(flight: Flight, rule: MergeRule, partings: Partings, asked: set[int] | None) -> set[int]:
    """One round; where pieces are named, only pictures that show one of them or a neighbour are looked at."""
    rivals = {piece.piece_id: _near(piece, rule, partings) for piece in flight.pieces if piece.points}
    pictures: dict[int, list[Held]] = {}
    wanted: set[int] = set()
    for piece in flight.pieces:
        near = rivals.get(piece.piece_id)
        if not near:
            continue
        fresh = asked is None or piece.piece_id in asked or not asked.isdisjoint([other.piece_id for other in near])
        for point in piece.points:
            if point.sure:
                pictures.setdefault(point.picture, []).append((point, piece))
                if fresh and point.picture not in wanted and _is_nearer_to(near, point, piece):
                    wanted.add(point.picture)
    now: dict[int, list[Point]] = {}
    for picture, held in pictures.items():
        if picture in wanted:
            for point, old, new in _better(held, rivals, rule):
                for piece in (old, new):
                    now.setdefault(piece.piece_id, list(piece.points))
                now[old.piece_id].remove(point)
                now[new.piece_id].append(point)
    for piece in flight.pieces:
        if piece.piece_id in now:
            piece.rebuild(now[piece.piece_id])
    return set(now)


def _near(piece: Piece, rule: MergeRule, partings: Partings) -> list[Piece]:
    """Other pieces of the flight so near that they may hold sightings of its thing."""
    thing = piece.gathering
    if not piece.changed and not any(other.changed for other in thing.pieces):
        return []
    east, north = piece.settled_m
    reach2 = rule.frame_gate**2 * 2 * piece.ground.widest_m2
    found = []
    for other in piece.ground.near(piece.settled_m):
        e, n = other.settled_m
        if (e - east) ** 2 + (n - north) ** 2 < reach2 and other.gathering is not thing and other.points:
            found.append(other)
    return [
        other for other in found if rule.in_window(other.gathering, thing) and not partings.parted([piece], [other])
    ]


def _is_nearer_to(others: Sequence[Piece], point: Point, mine: Piece) -> bool:
    """Whether a sighting lies nearer to any of other pieces than to its own; if none of a picture does, all is well."""
    return min([_distance2(point, other) for other in others]) < _distance2(point, mine)


def _distance2(point: Point, piece: Piece) -> float:
    (east, north), (e, n) = point.settled_m, piece.settled_m
    (pee, pen, pnn), (ee, en, nn) = point.settled_noise, piece.settled_noise
    ee, en, nn, east, north = ee + pee, en + pen, nn + pnn, east - e, north - n
    return (nn * east * east - 2 * en * east * north + ee * north * north) / (ee * nn - en * en)


def _better(held: Sequence[Held], rivals: dict[int, list[Piece]], rule: MergeRule) -> list[tuple[Point, Piece, Piece]]:
    """Who in one picture should change from which piece to which."""
    pairs: list[tuple[float, int, int, Piece]] = []
    for index, (point, mine) in enumerate(held):
        for piece in (mine, *rivals[mine.piece_id]):
            distance2 = _distance2(point, piece)
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
