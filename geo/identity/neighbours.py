"""Things near each other: joining what is one, parting what no longer fits."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

import numpy as np
import shapely
from numpy.typing import NDArray

from geo import gaussian
from geo.identity.gathering import Gathering
from geo.identity.journal import Merge, Partings
from geo.identity.likeness import Kind, Likeness, MergeRule
from geo.identity.piece import Piece
from geo.identity.point import Box

Indices = NDArray[np.intp]
Join = Callable[[Gathering, Gathering, Likeness], Merge]


def near_pairs(
    things: Collection[Gathering], rule: MergeRule, *, changed_only: bool = False
) -> Iterator[tuple[Gathering, Gathering]]:
    """Pairs of one family whose reaches touch, each once, in the order of their numbers."""
    listed = sorted(things, key=lambda thing: thing.thing_id)
    if len(listed) < 2:
        return
    numbers: dict[str, int] = {}
    families = np.array([numbers.setdefault(thing.family, len(numbers)) for thing in listed])
    changed = np.array([thing.changed for thing in listed])
    boxes = shapely.box(*np.array([reach(thing, rule) for thing in listed]).T)
    asking = np.flatnonzero(changed) if changed_only else np.arange(len(listed))
    ones, others = shapely.STRtree(boxes).query(boxes[asking])
    ones = asking[ones]
    wanted = (families[ones] == families[others]) & (ones != others)
    # A pair of two that ask comes twice.
    wanted &= (ones < others) | (~changed[others] if changed_only else False)
    ones, others = ones[wanted], others[wanted]
    wanted = _may_be_one(listed, ones, others, rule)
    pairs = {(min(a, b), max(a, b)) for a, b in zip(ones[wanted].tolist(), others[wanted].tolist(), strict=True)}
    for one, other in sorted(pairs):
        yield listed[one], listed[other]


def _may_be_one(listed: list[Gathering], ones: Indices, others: Indices, rule: MergeRule) -> NDArray[np.bool_]:
    """Which pairs are near enough by place, or have outlines whose boxes touch."""
    told = [thing.fused() for thing in listed]
    places, (ee, en, nn) = np.array([place for place, _ in told]), np.array([covariance for _, covariance in told]).T
    (east, north), box = (places[ones] - places[others]).T, np.array([thing.box() for thing in listed])
    ee, en, nn = ee[ones] + ee[others], en[ones] + en[others], nn[ones] + nn[others]
    distance2 = (nn * east * east - 2 * en * east * north + ee * north * north) / (ee * nn - en * en)
    low, high = np.maximum(box[ones, :2], box[others, :2]), np.minimum(box[ones, 2:], box[others, 2:])
    near: NDArray[np.bool_] = (distance2 < rule.suggest_gate**2) | (low < high).all(axis=1)
    return near


def merge_all(things: Mapping[int, Gathering], rule: MergeRule, partings: Partings, join: Join) -> None:
    """Join things that fit each other, the nearest first, until none are left that do."""
    while True:
        found = {
            (one.thing_id, other.thing_id): likeness
            for one, other in near_pairs(things.values(), rule, changed_only=True)
            if (likeness := _likeness(one, other, rule, partings)) is not None
        }
        heap = [(likeness.sigmas, *ids) for ids, likeness in found.items()]
        for thing in things.values():
            thing.settle()
        if not heap:
            return
        heapq.heapify(heap)
        while heap:
            sigmas, one_id, other_id = heapq.heappop(heap)
            one, other = things.get(one_id), things.get(other_id)
            if one is None or other is None:
                continue
            fresh = one.changed or other.changed
            likeness = _likeness(one, other, rule, partings) if fresh else found[one_id, other_id]
            if likeness is None:
                continue
            if likeness.sigmas > sigmas + 1e-9:
                heapq.heappush(heap, (likeness.sigmas, one_id, other_id))
                continue
            join(one, other, likeness)


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


def reach(thing: Gathering, rule: MergeRule) -> Box:
    """West, south, east, north of all that may be merged with a thing or suggested."""
    (east, north), covariance = thing.fused()
    pad = rule.suggest_gate * math.sqrt(min(gaussian.eigenvalues(covariance)[1], rule.most_variance_m2))
    west, south, right, top = thing.box()
    return min(west, east - pad), min(south, north - pad), max(right, east + pad), max(top, north + pad)
