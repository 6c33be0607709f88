"""A second look at neighbours, once a flight is over: who was seen first may have taken sightings of who came later."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.gaussian import Estimate, apart2
from geo.identity.flight import Flight
from geo.identity.journal import Partings
from geo.identity.likeness import MergeRule
from geo.identity.piece import Piece

_ROUNDS = 2

# A sighting's row, its settled place, and the piece that holds it.
Held = tuple[int, Estimate, Piece]


def reconsider(flight: Flight, rule: MergeRule, partings: Partings) -> set[int]:
    """Give sightings of neighbouring pieces to the nearest anew, picture by picture, now that all of them are known.

    Returns:
        The numbers of pieces that changed; those that lost all of their sightings have no rows any more.
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
    rivals = _rivals(flight, rule, partings)
    now: dict[int, list[int]] = {}
    for held in _doubtful([piece for piece in flight.pieces if piece.piece_id in rivals], rivals, asked):
        for row, old, new in _better(held, rivals, rule):
            for piece in (old, new):
                now.setdefault(piece.piece_id, list(piece.rows))
            now[old.piece_id].remove(row)
            now[new.piece_id].append(row)
    for piece in flight.pieces:
        if piece.piece_id in now:
            piece.rebuild(now[piece.piece_id])
    return set(now)


def _doubtful(pieces: Sequence[Piece], rivals: dict[int, list[Piece]], asked: set[int] | None) -> list[list[Held]]:
    """What pieces hold, picture by picture, of pictures that show anything nearer to a rival than to its own piece."""
    fresh = [
        piece
        for piece in pieces
        if asked is None
        or piece.piece_id in asked
        or not asked.isdisjoint([other.piece_id for other in rivals[piece.piece_id]])
    ]
    wanted = _wanted(fresh, rivals) if fresh else set()
    found: dict[int, list[Held]] = {}
    if wanted:
        for piece in pieces:
            record = piece.flight.record
            for row in piece.rows:
                if record.pictures[row] in wanted and record.is_sure(row):
                    found.setdefault(record.pictures[row], []).append((row, record.settled[row], piece))
    return list(found.values())


def _wanted(pieces: Sequence[Piece], rivals: dict[int, list[Piece]]) -> set[int]:
    """The pictures that show anything of pieces nearer to a rival: all sightings at once, as arrays."""
    rows = [row for piece in pieces for row in piece.rows]
    settled, sure, pictures = pieces[0].flight.record.table(rows)
    of = np.repeat(np.arange(len(pieces)), [len(piece.rows) for piece in pieces])
    own2 = _apart2(settled, np.array([piece.settled for piece in pieces])[of])
    nearer = np.zeros(len(rows), dtype=bool)
    for number in range(max([len(rivals[piece.piece_id]) for piece in pieces])):
        # A piece without so many rivals is its own rival: nothing is nearer to that.
        other = [near[number] if number < len(near := rivals[piece.piece_id]) else piece for piece in pieces]
        nearer |= _apart2(settled, np.array([piece.settled for piece in other])[of]) < own2
    return set(pictures[sure & nearer].tolist())


def _apart2(ones: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """`gaussian.apart2` of many: estimates (n, 5) and (n, 5), answer (n,)."""
    east, north = (ones[:, :2] - others[:, :2]).T
    ee, en, nn = (ones[:, 2:] + others[:, 2:]).T
    answer: NDArray[np.float64] = (nn * east * east - 2 * en * east * north + ee * north * north) / (ee * nn - en * en)
    return answer


def _rivals(flight: Flight, rule: MergeRule, partings: Partings) -> dict[int, list[Piece]]:
    """By piece, other pieces of the flight so near that they may hold sightings of its thing."""
    groups: dict[int, list[Piece]] = {}
    for piece in flight.pieces:
        if piece.rows:
            groups.setdefault(id(piece.ground), []).append(piece)
    found: dict[int, list[Piece]] = {}
    for pieces in groups.values():
        points = np.asarray(shapely.points(np.array([piece.settled[:2] for piece in pieces])), dtype=object)
        reach_m = rule.frame_gate * math.sqrt(2 * pieces[0].ground.widest_m2)
        pairs = shapely.STRtree(points).query(points, predicate="dwithin", distance=reach_m)
        for one, other in pairs.T.tolist():
            if one != other and _is_rival(pieces[other], pieces[one], rule, partings):
                found.setdefault(pieces[one].piece_id, []).append(pieces[other])
    return found


def _is_rival(other: Piece, piece: Piece, rule: MergeRule, partings: Partings) -> bool:
    """Whether a piece beside another one may hold sightings of its thing."""
    thing, rival = piece.gathering, other.gathering
    # A piece that is noted nowhere is too unsure to be given anything.
    if rival is thing or other.squares is None or not any(one.changed for one in thing.pieces):
        return False
    return rule.in_window(rival, thing) and not partings.parted([piece], [other])


def _better(held: Sequence[Held], rivals: dict[int, list[Piece]], rule: MergeRule) -> list[tuple[int, Piece, Piece]]:
    """Who in one picture should change from which piece to which."""
    pairs: list[tuple[float, int, int, Piece]] = []
    for index, (_, settled, mine) in enumerate(held):
        for piece in (mine, *rivals[mine.piece_id]):
            distance2 = apart2(settled, piece.settled)
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
    for index, (_, _, mine) in enumerate(held):
        if index not in given:
            if mine.piece_id in taken:
                return []
            taken.add(mine.piece_id)
    return [(held[index][0], held[index][2], piece) for index, piece in given.items() if piece is not held[index][2]]
