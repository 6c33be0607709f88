"""Which dock's drone visits what, in which flights and order, so that all flights together take the least time.

Ruin and recreate, after Christiaens and Vanden Berghe's "slack induction by string removals": neighbouring strings of
visits are taken out of their flights and put back where they cost least, each place being passed over once in a
hundred; a worse plan is accepted the less often the longer the search lasts. Everything is measured in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_MEAN_REMOVED = 10
_LONGEST_STRING = 10
_BLINK = 0.01
_HOTTEST_S, _COLDEST_S = 150.0, 1.0
_ASKED_EVERY = 250
# How often flights are looked at as a whole: would they be shorter from another dock?
_REHOME = 0.2


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """Docks are the first nodes, visits the others.

    Attributes:
        travel_s: (kinds, nodes, nodes) from the end of one node to the end of the other, its own time included, for
            each kind of drone; infinite where there is no way.
        kind: (docks,) of drone.
        fixed_s: (docks,) of every flight: climb and landing.
        limit_s: (docks,) longest flight.
        items: (nodes,) mission items that a visit takes.
        most_items: (docks,) for all visits of a flight.
        allowed: (docks, nodes) whether the visit is within reach of the dock.
        loss_s: (nodes,) what leaving a visit out counts as; more than any flight where it must not be.
        most_flights: Of all docks together; None for as many as it takes.
    """

    travel_s: Floats
    kind: Ints
    fixed_s: Floats
    limit_s: Floats
    items: Ints
    most_items: Ints
    allowed: NDArray[np.bool_]
    loss_s: Floats
    most_flights: int | None = None

    @property
    def docks(self) -> int:
        """How many."""
        return len(self.kind)

    @property
    def nodes(self) -> int:
        """Docks and visits."""
        return int(self.travel_s.shape[1])


@dataclass(frozen=True, kw_only=True)
class Flights:
    """What a search found.

    Attributes:
        flights: Dock and visits (nodes) of each, in flying order.
        seconds: Of each, climb and landing included.
        left_out: Visits that nobody flies to.
    """

    flights: tuple[tuple[int, tuple[int, ...]], ...]
    seconds: tuple[float, ...]
    left_out: tuple[int, ...]


def search_flights(
    problem: Problem, *, rounds: int, seed: int = 0, told: Callable[[int, int], None] = lambda done, total: None
) -> Flights:
    """The best flights found in so many rounds; the same every time.

    Args:
        problem: What to visit from where.
        rounds: How often flights are torn and mended; 0 for the first plan.
        seed: Of the dice.
        told: Called now and then with the rounds done and all of them.
    """
    dice = np.random.default_rng(seed)
    visits = list(range(problem.docks, problem.nodes))
    neighbours = _neighbours(problem)
    now = best = _mended(problem, _State.empty(problem), visits, dice, blink=0.0)
    cooling = (_COLDEST_S / _HOTTEST_S) ** (1 / max(rounds, 1))
    heat_s = _HOTTEST_S
    for done in range(rounds if len(visits) > 1 else 0):
        torn, removed = _torn(problem, now, neighbours, dice)
        tried = _mended(problem, torn, removed, dice, blink=_BLINK)
        if problem.docks > 1 and dice.random() < _REHOME:
            tried = _rehomed(problem, tried)
        if tried.cost_s < now.cost_s - heat_s * math.log(dice.uniform(1e-12, 1.0)):
            now = tried
            if now.cost_s < best.cost_s - 1e-9:
                best = now
        heat_s *= cooling
        if done % _ASKED_EVERY == 0:
            told(done, rounds)
    return best.flights()


@dataclass(frozen=True, kw_only=True, eq=False)
class _State:
    """Flights one after the other: dock, visits, dock, next flight's dock and so on.

    Attributes:
        node: (n,) of the whole sequence.
        flight: (n,) which flight each belongs to.
        dock: (flights,).
        seconds: (flights,).
        items: (flights,).
        left_out: Visits in no flight.
        cost_s: Of all, with what is left out.
    """

    node: Ints
    flight: Ints
    dock: Ints
    seconds: Floats
    items: Ints
    left_out: tuple[int, ...]
    cost_s: float

    @classmethod
    def empty(cls, problem: Problem) -> _State:
        none = np.zeros(0, dtype=np.intp)
        return cls(
            node=none,
            flight=none,
            dock=none,
            seconds=np.zeros(0),
            items=none,
            left_out=tuple(range(problem.docks, problem.nodes)),
            cost_s=float(problem.loss_s[problem.docks :].sum()),
        )

    @classmethod
    def of(cls, problem: Problem, node: Ints, flight: Ints, left_out: tuple[int, ...]) -> _State:
        """With everything counted anew; flights without a visit vanish."""
        sizes = np.bincount(flight) if len(flight) else np.zeros(0, dtype=np.intp)
        kept = sizes[flight] > 2
        node, flight = node[kept], flight[kept]
        starts = np.r_[True, np.diff(flight) != 0] if len(flight) else np.zeros(0, dtype=bool)
        flight = np.cumsum(starts) - 1
        dock = node[starts]
        flights = len(dock)
        inner = flight[1:] == flight[:-1]
        travel = problem.travel_s[problem.kind[dock[flight[1:]]], node[:-1], node[1:]] if flights else np.zeros(0)
        seconds = problem.fixed_s[dock] + np.bincount(flight[1:][inner], travel[inner], minlength=flights)
        items = np.bincount(flight, problem.items[node], minlength=flights).astype(np.intp)
        cost_s = float(seconds.sum()) + float(problem.loss_s[list(left_out)].sum())
        return cls(node=node, flight=flight, dock=dock, seconds=seconds, items=items, left_out=left_out, cost_s=cost_s)

    def flights(self) -> Flights:
        found = [self.node[self.flight == number][1:-1] for number in range(len(self.dock))]
        return Flights(
            flights=tuple((int(dock), tuple(one.tolist())) for dock, one in zip(self.dock, found, strict=True)),
            seconds=tuple(self.seconds.tolist()),
            left_out=tuple(sorted(self.left_out)),
        )


def _neighbours(problem: Problem) -> Ints:
    """(nodes, visits) the nearest first, by the mean of both ways and the kind of drone that is nearest."""
    near = problem.travel_s.min(axis=0)
    near = (near + near.T)[:, problem.docks :]
    return np.argsort(near, axis=1, kind="stable") + problem.docks


def _torn(problem: Problem, state: _State, neighbours: Ints, dice: np.random.Generator) -> tuple[_State, list[int]]:
    """The plan without strings of visits of neighbouring flights, and what was taken out."""
    at = np.full(problem.nodes, -1, dtype=np.intp)
    is_visit = state.node >= problem.docks
    at[state.node[is_visit]] = np.flatnonzero(is_visit)
    sizes = np.bincount(state.flight) - 2 if len(state.flight) else np.zeros(0, dtype=np.intp)
    mean = max(float(sizes.mean()), 1.0) if len(sizes) else 1.0
    longest = min(_LONGEST_STRING, mean)
    strings = int(dice.uniform(1.0, 4 * _MEAN_REMOVED / (1 + longest))) if len(sizes) else 0
    gone = np.zeros(len(state.node), dtype=bool)
    ruined: set[int] = set()
    seed = int(dice.integers(problem.docks, problem.nodes))
    firsts = np.flatnonzero(np.r_[True, np.diff(state.flight) != 0]) if len(state.flight) else np.zeros(0, np.intp)
    for visit in neighbours[seed].tolist():
        if len(ruined) >= strings:
            break
        place = int(at[visit])
        if place < 0 or int(state.flight[place]) in ruined:
            continue
        flight = int(state.flight[place])
        size = int(sizes[flight])
        length = int(dice.integers(1, min(size, _LONGEST_STRING) + 1))
        first = int(firsts[flight]) + 1
        lowest, highest = max(first, place - length + 1), min(place, first + size - length)
        begin = int(dice.integers(lowest, highest + 1))
        gone[begin : begin + length] = True
        ruined.add(flight)
    removed = [*state.node[gone].tolist(), *state.left_out]
    return _State.of(problem, state.node[~gone], state.flight[~gone], tuple(removed)), removed


def _mended(problem: Problem, state: _State, removed: list[int], dice: np.random.Generator, *, blink: float) -> _State:
    """The plan with the visits put back where they cost least, as far as they fit."""
    for visit in _in_order(problem, removed, dice):
        state = _put_back(problem, state, visit, dice, blink)
    return state


def _rehomed(problem: Problem, state: _State) -> _State:
    """Every flight from the dock that it is shortest from."""
    node, docks = state.node.copy(), np.arange(problem.docks)
    for number in range(len(state.dock)):
        places = np.flatnonzero(state.flight == number)
        flown = state.node[places[1:-1]]
        within = problem.travel_s[:, flown[:-1], flown[1:]].sum(axis=1)[problem.kind]
        seconds = (
            problem.fixed_s
            + problem.travel_s[problem.kind, docks, flown[0]]
            + within
            + problem.travel_s[problem.kind, flown[-1], docks]
        )
        fits = (seconds <= problem.limit_s) & problem.allowed[:, flown].all(axis=1)
        fits &= problem.items[flown].sum() <= problem.most_items
        seconds = np.where(fits, seconds, np.inf)
        best = int(seconds.argmin())
        if seconds[best] < state.seconds[number] - 1e-9:
            node[places[[0, -1]]] = best
    return _State.of(problem, node, state.flight, state.left_out)


def _in_order(problem: Problem, removed: list[int], dice: np.random.Generator) -> list[int]:
    """By chance, the farthest from docks first, the nearest, or the dearest to lose."""
    visits = np.array(removed, dtype=np.intp)
    choice = dice.integers(10)
    if choice < 5:
        return dice.permutation(visits).tolist()  # type: ignore[no-any-return]  # numpy knows no list of int
    if choice < 9:
        far = problem.travel_s[:, : problem.docks].min(axis=(0, 1))[visits]
        return visits[np.argsort(-far if choice < 7 else far, kind="stable")].tolist()  # type: ignore[no-any-return]
    return visits[np.argsort(-problem.loss_s[visits], kind="stable")].tolist()  # type: ignore[no-any-return]


def _put_back(problem: Problem, state: _State, visit: int, dice: np.random.Generator, blink: float) -> _State:
    travel = problem.travel_s
    best_s, place = float(problem.loss_s[visit]), -1
    if len(state.node):
        kinds = problem.kind[state.dock][state.flight[1:]]
        before, after = state.node[:-1], state.node[1:]
        more_s = travel[kinds, before, visit] + travel[kinds, visit, after] - travel[kinds, before, after]
        flight = state.flight[1:]
        dock = state.dock[flight]
        fits = (
            (state.flight[:-1] == flight)
            & (state.seconds[flight] + more_s <= problem.limit_s[dock])
            & (state.items[flight] + problem.items[visit] <= problem.most_items[dock])
            & problem.allowed[dock, visit]
        )
        if blink:
            fits &= dice.random(len(fits)) >= blink
        more_s = np.where(fits, more_s, np.inf)
        cheapest = int(more_s.argmin())
        if more_s[cheapest] < best_s:
            best_s, place = float(more_s[cheapest]), cheapest + 1
    own = _own_flight(problem, state, visit, best_s)
    if own is not None:
        return _with_flight(problem, state, visit, own)
    if place < 0:
        return state
    number = int(state.flight[place])
    seconds, items = state.seconds.copy(), state.items.copy()
    seconds[number] += best_s
    items[number] += problem.items[visit]
    return replace(
        state,
        node=np.insert(state.node, place, visit),
        flight=np.insert(state.flight, place, number),
        seconds=seconds,
        items=items,
        left_out=tuple(one for one in state.left_out if one != visit),
        cost_s=state.cost_s + best_s - float(problem.loss_s[visit]),
    )


def _alone_s(problem: Problem, visit: int) -> Floats:
    """(docks,) a flight to this visit only; infinite where it is none."""
    docks = np.arange(problem.docks)
    kinds = problem.kind
    alone = problem.fixed_s + problem.travel_s[kinds, docks, visit] + problem.travel_s[kinds, visit, docks]
    fits = (alone <= problem.limit_s) & problem.allowed[:, visit] & (problem.items[visit] <= problem.most_items)
    return np.where(fits, alone, np.inf)


def _own_flight(problem: Problem, state: _State, visit: int, best_s: float) -> int | None:
    """The dock whose flight to this visit only costs less than that; None where there is none."""
    if problem.most_flights is not None and len(state.dock) >= problem.most_flights:
        return None
    alone = _alone_s(problem, visit)
    dock = int(alone.argmin())
    return dock if alone[dock] < best_s else None


def _with_flight(problem: Problem, state: _State, visit: int, dock: int) -> _State:
    added = np.array([dock, visit, dock], dtype=np.intp)
    alone_s = float(_alone_s(problem, visit)[dock])
    return replace(
        state,
        node=np.r_[state.node, added],
        flight=np.r_[state.flight, np.full(3, len(state.dock), dtype=np.intp)],
        dock=np.r_[state.dock, dock].astype(np.intp),
        seconds=np.r_[state.seconds, alone_s],
        items=np.r_[state.items, problem.items[visit]].astype(np.intp),
        left_out=tuple(one for one in state.left_out if one != visit),
        cost_s=state.cost_s + alone_s - float(problem.loss_s[visit]),
    )
