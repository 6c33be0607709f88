"""Things near each other: joining what is one, parting what no longer fits."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from geo import gaussian
from geo.gaussian import Sym
from geo.identity.flight import Cells
from geo.identity.gathering import Gathering
from geo.identity.journal import Merge, Partings
from geo.identity.likeness import Kind, Likeness, MergeRule
from geo.identity.piece import Piece

_OFTEN = 3
# Squares tell of places as the flights told them, their offsets still in.
_LOOSE_M = 6.0

Join = Callable[[Gathering, Gathering, Likeness], Merge]


class Neighbourhood:
    """Tells which things lie so near each other that they have to be compared."""

    def __init__(self, rule: MergeRule) -> None:
        """Begin with no pieces."""
        self.cells = Cells()
        self._rule = rule
        self._widest_m = 0.0

    def make_room(self, covariance: Sym) -> None:
        """Let things of that error be found by all that they may be compared with."""
        variance = min(gaussian.eigenvalues(covariance)[1], self._rule.most_variance_m2)
        self._widest_m = max(self._widest_m, self._rule.suggest_gate * math.sqrt(variance))

    def of(self, thing: Gathering, *, but_flight: str | None = None) -> list[Gathering]:
        """Things of its family that may be the same, by number, without itself; pieces of one flight may not count."""
        (east, north), covariance = thing.fused()
        pad = self._rule.suggest_gate * math.sqrt(min(gaussian.eigenvalues(covariance)[1], self._rule.most_variance_m2))
        pad = math.hypot(pad, self._widest_m)
        west, south, right, top = thing.box()
        west, south = min(west, east - pad), min(south, north - pad)
        right, top = max(right, east + pad), max(top, north + pad)
        loose = (west - _LOOSE_M, south - _LOOSE_M, right + _LOOSE_M, top + _LOOSE_M)
        found: dict[int, Gathering] = {}
        for pieces in self.cells.around(thing.family, loose):
            flight = pieces[0].flight
            if flight.flight_id == but_flight:
                continue
            off_e, off_n = flight.offset
            low_e, low_n, high_e, high_n = west + off_e, south + off_n, right + off_e, top + off_n
            for piece in pieces:
                e, n = piece.place
                box = piece.box or (e, n, e, n)
                inside = low_e < e < high_e and low_n < n < high_n
                if inside or (low_e < box[2] and box[0] < high_e and low_n < box[3] and box[1] < high_n):
                    found[piece.gathering.thing_id] = piece.gathering
        found.pop(thing.thing_id, None)
        return [found[thing_id] for thing_id in sorted(found)]

    def pairs(self, things: Collection[Gathering]) -> Iterator[tuple[Gathering, Gathering]]:
        """Pairs of one of these things with any other that may be the same, each once, by their numbers."""
        asking = {thing.thing_id for thing in things}
        found = {
            (min(thing.thing_id, other.thing_id), max(thing.thing_id, other.thing_id)): (thing, other)
            for thing in things
            for other in self.of(thing)
            if other.thing_id not in asking or thing.thing_id < other.thing_id
        }
        for _, (one, other) in sorted(found.items(), key=lambda item: item[0]):
            yield (one, other) if one.thing_id < other.thing_id else (other, one)


def merge_all(
    things: Mapping[int, Gathering], around: Neighbourhood, rule: MergeRule, partings: Partings, join: Join
) -> None:
    """Join things that fit each other, the nearest first, until none are left that do."""
    while True:
        changed = [thing for thing in things.values() if thing.changed]
        found = {
            (one.thing_id, other.thing_id): likeness
            for one, other in around.pairs(changed)
            if (likeness := _likeness(one, other, rule, partings)) is not None
        }
        heap = [(_weak(things, *ids), likeness.sigmas, *ids) for ids, likeness in found.items()]
        for thing in changed:
            thing.settle()
        if not heap:
            return
        heapq.heapify(heap)
        while heap:
            weak, sigmas, one_id, other_id = heapq.heappop(heap)
            one, other = things.get(one_id), things.get(other_id)
            if one is None or other is None:
                continue
            fresh = one.changed or other.changed
            likeness = _likeness(one, other, rule, partings) if fresh else found[one_id, other_id]
            if likeness is None:
                continue
            if (now := _weak(things, one_id, other_id)) > weak or likeness.sigmas > sigmas + 1e-9:
                heapq.heappush(heap, (now, likeness.sigmas, one_id, other_id))
                continue
            join(one, other, likeness)


def _weak(things: Mapping[int, Gathering], one_id: int, other_id: int) -> bool:
    """Whether one of two was seen too rarely to say much: such are joined last, lest they bar what is sure."""
    return min(things[one_id].count(), things[other_id].count()) < _OFTEN


def misfits(things: Iterable[Gathering], rule: MergeRule) -> list[Piece]:
    """Pieces of things that changed which do not fit what other flights saw of their thing any more."""
    doubtful = [thing for thing in things if thing.changed and len(thing.pieces) > 1]
    return [piece for thing in doubtful for piece in thing.pieces[1:] if piece.changed and _misfits(piece, rule)]


def _misfits(piece: Piece, rule: MergeRule) -> bool:
    holder = piece.gathering
    others = [one for one in holder.pieces if one.flight is not piece.flight]
    if not others:
        return False
    return rule.compare(holder.part([piece]), holder.part(others)).kind is Kind.OTHER


def _likeness(one: Gathering, other: Gathering, rule: MergeRule, partings: Partings) -> Likeness | None:
    likeness = rule.compare(one, other)
    if likeness.kind is Kind.AGAIN:
        _note_recurrence(one, other)
    if likeness.kind is not Kind.SAME or partings.parted(one.pieces, other.pieces):
        return None
    return likeness


def _note_recurrence(one: Gathering, other: Gathering) -> None:
    seen, also = one.seen(), other.seen()
    if seen is None or also is None:
        return
    earlier, later = (one, other) if seen < also else (other, one)
    later.recurrence_of = earlier.thing_id
