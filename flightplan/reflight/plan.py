"""Re-flights over one or several docks: what to see in which flight, so that all flights take the least time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon

from flightplan.coverage.routing import Router, obstacles
from flightplan.errors import CannotPlan
from flightplan.fleet.model import Dock, DroneModel, Fleet
from flightplan.ground.meridian import REMEDY, is_across_180
from flightplan.mission.figures import LANDING_OVERHEAD_S
from flightplan.mission.limits import FlightLimits
from flightplan.projection import LocalFrame
from flightplan.reflight.model import Target
from flightplan.reflight.search import Problem, search_flights
from flightplan.reflight.views import ViewRules
from flightplan.reflight.visits import DroneKind, Visit, travel_s, visit_of
from geo.camera import camera_by_name

Point = tuple[float, float]
CLEARANCE_M = 3.0
_ROUNDS_BESIDES, _ROUNDS_PER_TARGET, _MOST_ROUNDS = 500, 40, 8_000
# Home, take-off, speed, camera, return.
_ITEMS_BESIDES_VISITS = 6
# Kept free for ways round obstacles.
_ITEMS_IN_HAND = 60
# To leave out a target that can be seen is worse than any flight; the more urgent, the worse.
_LOSS_S = 1e5
MOST_TARGETS = 1_000


@dataclass(frozen=True, kw_only=True)
class Sortie:
    """One flight of one drone: from which `dock`, to which `visits` in order, in how many `seconds` at most."""

    dock: Dock
    visits: tuple[Visit, ...]
    seconds: float

    @property
    def urgency(self) -> tuple[int, object, str]:
        """Of its most urgent target."""
        return min(visit.target.urgency for visit in self.visits)


@dataclass(frozen=True, kw_only=True, eq=False)
class ReflightPlan:
    """Flights to everything that can be seen.

    Attributes:
        fleet: The docks.
        rules: How photos are taken.
        frame: The metres of all places.
        router: Ways round places that nobody may fly over.
        sorties: The most urgent first.
        not_planned: What nobody can fly to, and why: (id, reason).
        left_for_later: Ids of what would have taken more flights than were allowed, the most urgent first.
        docks_left_out: Names of docks that lie where nobody may fly.
    """

    fleet: Fleet
    rules: ViewRules
    frame: LocalFrame
    router: Router
    sorties: tuple[Sortie, ...]
    not_planned: tuple[tuple[str, str], ...]
    left_for_later: tuple[str, ...] = ()
    docks_left_out: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """In the air, all flights together."""
        return math.fsum(sortie.seconds for sortie in self.sorties)


def plan_reflight(
    targets: Sequence[Target],
    fleet: Fleet,
    rules: ViewRules | None = None,
    *,
    no_fly: Sequence[Polygon | MultiPolygon] = (),
    most_flights: int | None = None,
    battery_share: float = 1.0,
    rounds: int | None = None,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> ReflightPlan:
    """The cheapest flights that look again at the targets.

    Args:
        targets: What to see; ids are their own.
        fleet: Docks and drones; a dock's place in the fleet does not matter, and each may fly several times.
        rules: How photos are taken.
        no_fly: Places that no leg may lead over, degrees.
        most_flights: Of all docks together; what is least urgent is left out then. None for as many as it takes.
        battery_share: Of what a drone's reserve leaves, for these flights; less than 1 keeps some in hand for hills.
        rounds: Of the search; None for enough.
        told: Called with the rounds done and all of them.

    Raises:
        CannotPlan: There is nothing to see, too much for one plan, an id comes twice, or every dock lies where nobody
            may fly.
    """
    rules = rules or ViewRules()
    _check(targets, most_flights, battery_share)
    ground = _Ground.of(targets, fleet, no_fly)
    crews = [_Crew.of(drone, ground, targets, rules) for drone in ground.drones()]
    seen = [number for number in range(len(targets)) if any(crew.visits[number] is not None for crew in crews)]
    not_planned = [
        (target.target_id, crews[0].refusals[number]) for number, target in enumerate(targets) if number not in seen
    ]
    sorties: list[Sortie] = []
    later: list[Target] = []
    if seen:
        problem = _problem(ground, crews, [targets[number] for number in seen], seen, rules)
        problem = replace(problem, most_flights=most_flights, limit_s=problem.limit_s * battery_share)
        if rounds is None:
            rounds = min(_ROUNDS_BESIDES + _ROUNDS_PER_TARGET * len(seen), _MOST_ROUNDS)
        found = search_flights(problem, rounds=rounds, told=told)
        docks = len(ground.docks)
        for (dock, nodes), seconds in zip(found.flights, found.seconds, strict=True):
            made = [crews[int(problem.kind[dock])].visits[seen[node - docks]] for node in nodes]
            visits = tuple(visit for visit in made if visit is not None)
            sorties.append(Sortie(dock=ground.docks[dock], visits=visits, seconds=seconds))
        for node in found.left_out:
            target = targets[seen[node - docks]]
            why = _why_left_out(problem, node)
            if why is None:
                later.append(target)
            else:
                not_planned.append((target.target_id, why))
    return ReflightPlan(
        fleet=fleet,
        rules=rules,
        frame=ground.frame,
        router=ground.router,
        sorties=tuple(sorted(sorties, key=lambda sortie: sortie.urgency)),
        not_planned=tuple(not_planned),
        left_for_later=tuple(target.target_id for target in sorted(later, key=lambda target: target.urgency)),
        docks_left_out=tuple(dock.name for dock in fleet.docks if dock not in ground.docks),
    )


def _check(targets: Sequence[Target], most_flights: int | None, battery_share: float) -> None:
    if not 0 < battery_share <= 1:
        raise CannotPlan(problem=f"{battery_share:g} is no share of a battery", remedy="Give above 0 to 1")
    if not targets:
        raise CannotPlan(problem="there is nothing to look at again", remedy="Give at least one case")
    if len(targets) > MOST_TARGETS:
        raise CannotPlan(
            problem=f"{len(targets)} places are too many for one plan of re-flights",
            remedy=f"Give at most {MOST_TARGETS} at a time, the most urgent first",
        )
    ((name, times),) = Counter(one.target_id for one in targets).most_common(1)
    if times > 1:
        raise CannotPlan(problem=f"the id {name!r:.60} is given twice", remedy="Give each case once")
    if most_flights is not None and most_flights < 1:
        raise CannotPlan(problem=f"{most_flights} flights are none", remedy="Allow at least one")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Ground:
    """Places in metres around the middle of all."""

    frame: LocalFrame
    router: Router
    docks: tuple[Dock, ...]
    docks_en: tuple[Point, ...]
    targets_en: tuple[Point, ...]

    @classmethod
    def of(cls, targets: Sequence[Target], fleet: Fleet, no_fly: Sequence[Polygon | MultiPolygon]) -> _Ground:
        lonlat = np.array([(target.lon, target.lat) for target in targets])
        if is_across_180([*lonlat[:, 0].tolist(), *(dock.lon for dock in fleet.docks)]):
            raise CannotPlan(problem="docks and cases lie on both sides of the 180° meridian", remedy=REMEDY)
        west, south = lonlat.min(axis=0)
        east, north = lonlat.max(axis=0)
        frame = LocalFrame(lon=float(west + east) / 2, lat=float(south + north) / 2)
        router = Router(obstacles([frame.local_polygon(place) for place in no_fly], CLEARANCE_M))
        places = [_pair(one) for one in frame.en_from_lonlat(np.array([(dock.lon, dock.lat) for dock in fleet.docks]))]
        free = [(dock, place) for dock, place in zip(fleet.docks, places, strict=True) if not router.is_inside(place)]
        if not free:
            raise CannotPlan(problem="every dock lies where nobody may fly", remedy="Check the no-fly areas")
        return cls(
            frame=frame,
            router=router,
            docks=tuple(dock for dock, _ in free),
            docks_en=tuple(place for _, place in free),
            targets_en=tuple(_pair(one) for one in frame.en_from_lonlat(lonlat)),
        )

    def drones(self) -> list[DroneModel]:
        return list(dict.fromkeys(dock.drone for dock in self.docks))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Crew:
    """One kind of drone, with what it does at each target: None where it cannot, and the reason why."""

    drone: DroneModel
    kind: DroneKind
    visits: tuple[Visit | None, ...]
    refusals: tuple[str, ...]
    travel_s: NDArray[np.float64]

    @classmethod
    def of(cls, drone: DroneModel, ground: _Ground, targets: Sequence[Target], rules: ViewRules) -> _Crew:
        kind = DroneKind(camera=camera_by_name(drone.camera), kinematics=drone.kinematics, speed_m_s=drone.speed_m_s)
        visits: list[Visit | None] = []
        refusals: list[str] = []
        for target, place in zip(targets, ground.targets_en, strict=True):
            try:
                visits.append(visit_of(target, place, kind, rules, ground.router, ground.docks_en))
                refusals.append("")
            except CannotPlan as error:
                visits.append(None)
                refusals.append(error.problem.removeprefix(f"{target.target_id}: "))
        seen = [visit for visit in visits if visit is not None]
        return cls(
            drone=drone,
            kind=kind,
            visits=tuple(visits),
            refusals=tuple(refusals),
            travel_s=travel_s(ground.docks_en, visits, kind, ground.router) if seen else np.zeros((0, 0)),
        )


def _problem(
    ground: _Ground,
    crews: Sequence[_Crew],
    targets: Sequence[Target],
    seen: Sequence[int],
    rules: ViewRules,
) -> Problem:
    docks = len(ground.docks)
    nodes = [*range(docks), *(docks + number for number in seen)]
    able = [crew for crew in crews if len(crew.travel_s)]
    travel = np.stack([crew.travel_s[np.ix_(nodes, nodes)] if crew in able else _nowhere(len(nodes)) for crew in crews])
    kind = np.array([[crew.drone for crew in crews].index(dock.drone) for dock in ground.docks], dtype=np.intp)
    items = [max(visit.items for crew in crews if (visit := crew.visits[number]) is not None) for number in seen]
    urgent = np.array([4.0 ** (target.priority - 1) for target in targets])
    return Problem(
        travel_s=travel,
        kind=kind,
        fixed_s=np.array(
            [crews[number].kind.down_and_up_s(rules.altitude_m) + LANDING_OVERHEAD_S for number in kind.tolist()]
        ),
        limit_s=np.array([dock.drone.usable_s for dock in ground.docks]),
        items=np.r_[np.zeros(docks, dtype=np.intp), items].astype(np.intp),
        most_items=np.full(docks, FlightLimits().max_items - _ITEMS_BESIDES_VISITS - _ITEMS_IN_HAND, dtype=np.intp),
        allowed=_allowed(ground, crews, kind, seen),
        loss_s=np.r_[np.zeros(docks), _LOSS_S * urgent],
    )


def _nowhere(nodes: int) -> NDArray[np.float64]:
    return np.full((nodes, nodes), np.inf)


def _allowed(ground: _Ground, crews: Sequence[_Crew], kind: NDArray[np.intp], seen: Sequence[int]) -> NDArray[np.bool_]:
    """Whether all of a visit lies within reach of the dock."""
    allowed = np.ones((len(ground.docks), len(ground.docks) + len(seen)), dtype=np.bool_)
    for row, (dock, place) in enumerate(zip(ground.docks, ground.docks_en, strict=True)):
        for column, number in enumerate(seen, len(ground.docks)):
            visit = crews[int(kind[row])].visits[number]
            reach_m = dock.drone.max_range_m
            allowed[row, column] = visit is not None and all(math.dist(place, point) <= reach_m for point in visit.way)
    return allowed


def _why_left_out(problem: Problem, node: int) -> str | None:
    """None where a flight of its own could reach it."""
    if not problem.allowed[:, node].any():
        return "it lies farther from every dock than drones may fly"
    docks = np.arange(problem.docks)
    alone = problem.fixed_s + problem.travel_s[problem.kind, docks, node] + problem.travel_s[problem.kind, node, docks]
    if not np.isfinite(alone).any():
        return "no way leads there round the places where nobody may fly"
    if not (alone <= problem.limit_s)[problem.allowed[:, node]].any():
        return "one battery does not reach it and back"
    if not (problem.items[node] <= problem.most_items).any():
        return "it takes more photos than a vehicle stores"
    return None


def _pair(place: NDArray[np.float64]) -> Point:
    return float(place[0]), float(place[1])
