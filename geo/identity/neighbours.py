"""Things near each other: joining what is one, parting what no longer fits."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from geo import gaussian
from geo.gaussian import Sym
from geo.identity.flight import Flight
from geo.identity.gathering import Gathering
from geo.identity.ground import ThingGround
from geo.identity.journal import Merge, Partings
from geo.identity.likeness import Kind, Likeness, MergeRule, boxes_overlap
from geo.identity.piece import Piece
from geo.identity.point import Box

_OFTEN = 3

Join = Callable[[Gathering, Gathering, Likeness], Merge]


class Neighbourhood:
    """Tells which things lie so near each other that they have to be compared."""

    def __init__(self, rule: MergeRule) -> None:
        """Begin with no things."""
        self.ground = ThingGround()
        self._rule = rule
        self._widest_m = 0.0
        self._loose_m = 0.0

    def make_room(self, covariance: Sym) -> None:
        """Let things of that error be found by all that they may be compared with."""
        self._widest_m = max(self._widest_m, self._gate_m(covariance))

    def loosen(self, flights: Iterable[Flight]) -> None:
        """Learn how far flights lie off: the ground tells of places as the flights told them."""
        self._loose_m = max((math.hypot(*flight.offset) for flight in flights), default=0.0)

    def of(self, thing: Gathering, *, but_of: Flight | None = None) -> list[Gathering]:
        """Things of its family that may be the same, by number, without itself and without those that a flight saw."""
        east, north, ee, en, nn = thing.fused()
        pad = math.hypot(self._gate_m((ee, en, nn)), self._widest_m)
        west, south, right, top = thing.box()
        around = (min(west, east - pad), min(south, north - pad), max(right, east + pad), max(top, north + pad))
        found = []
        for other in self.touching(thing.family, around):
            box = other.boxed
            if other is thing or (box is not None and not boxes_overlap(box, around)):
                continue
            # What the flight sees just now changes all the time: to ask where it lies is dear.
            if but_of is not None and other.is_of(but_of):
                continue
            if box is not None or boxes_overlap(other.box(), around):
                found.append((other.thing_id, other))
        found.sort()
        return [other for _, other in found]

    def touching(self, family: str, box: Box) -> list[Gathering]:
        """Things of a family that may touch a box on the earth, and some more."""
        loose = self._loose_m
        return self.ground.touching(family, (box[0] - loose, box[1] - loose, box[2] + loose, box[3] + loose))

    def _gate_m(self, covariance: Sym) -> float:
        variance = min(gaussian.eigenvalues(covariance)[1], self._rule.most_variance_m2)
        return self._rule.suggest_gate * math.sqrt(variance)

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
) -> list[tuple[int, int]]:
    """Join things that fit each other, the nearest first, until none are left that do.

    Returns:
        Pairs that hardly any picture shows side by side: a stray sighting may be all that keeps them apart.
    """
    barred: list[tuple[int, int]] = []
    while True:
        changed = [thing for thing in things.values() if thing.changed]
        found: dict[tuple[int, int], Likeness] = {}
        for thing, beside in around.pairs(changed):
            if (likeness := _likeness(thing, beside, rule, partings)) is not None:
                found[thing.thing_id, beside.thing_id] = likeness
            elif 0 < len(thing.pictures & beside.pictures) < _OFTEN:
                barred.append((thing.thing_id, beside.thing_id))
        heap = [(_weak(things, *ids), likeness.sigmas, *ids) for ids, likeness in found.items()]
        for thing in changed:
            thing.settle()
        if not heap:
            return barred
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


def strays(one: Gathering, other: Gathering, rule: MergeRule, partings: Partings) -> list[Piece]:
    """Pieces of hardly any sightings without which two things would be one: a false alarm beside a thing may join it.

    None where the two differ without them, too, or where more than such pieces was seen side by side.
    """
    shared = one.pictures & other.pictures
    if not 0 < len(shared) < _OFTEN or partings.parted(one.pieces, other.pieces):
        return []
    pieces = [piece for piece in (*one.pieces, *other.pieces) if len(piece.rows) < _OFTEN]
    few = [piece for piece in pieces if not shared.isdisjoint(piece.pictures())]
    rests = [[piece for piece in thing.pieces if piece not in few] for thing in (one, other)]
    if not all(rests) or not shared <= {picture for piece in few for picture in piece.pictures()}:
        return []
    return few if rule.compare(one.part(rests[0]), other.part(rests[1])).kind is Kind.SAME else []


def misfits(things: Iterable[Gathering], rule: MergeRule) -> list[Piece]:
    """Pieces of things that changed which do not fit what other flights saw of their thing any more."""
    doubtful = [thing for thing in things if thing.changed and len(thing.pieces) > 1]
    return [piece for thing in doubtful for piece in thing.pieces[1:] if piece.changed and _misfits(piece, rule)]


def _misfits(piece: Piece, rule: MergeRule) -> bool:
    holder = piece.gathering
    others = [one for one in holder.pieces if one.flight is not piece.flight]
    if not others:
        return False
    return not rule.resemble(holder.part([piece]), holder.part(others)).counts


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
