"""Whether two things are one: the merge rule, by places with their errors, outlines and times."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

import shapely
from shapely.geometry.base import BaseGeometry

from geo import gaussian
from geo.gaussian import Sym, Vec
from geo.identity.gathering import Gathering
from geo.identity.point import BOX_SIGMA_M, Box
from geo.identity.rules import IdentityRules
from geo.identity.told import Told
from geo.position import scale_of_probability

CleanLook = Callable[[Vec, str, float, float, frozenset[str]], bool]
"""(metres east and north, family, after and before in seconds since 1970, flights not to count) → whether a flight
found that place clean."""

# Two neighbours that a flight saw often, but never both in one picture, are one thing even beyond the gate: the gate
# leaves out one true sighting in a hundred, and that one starts a thing of its own. The odds are in how many ways so
# many pictures can be dealt to the two: chance keeps two things apart in one of them.
_HARDLY_NEVER_TOGETHER, _SURELY_NEVER_TOGETHER = 4, 50


class Kind(Enum):
    """What two things are to each other."""

    SAME = "same"
    PERHAPS = "perhaps"
    AGAIN = "again"
    """The same place, but a flight between the two found it clean."""
    OTHER = "other"


class Likeness(NamedTuple):
    """A verdict.

    Attributes:
        kind: What the two are.
        sigmas: How far apart, in units of the error that counts; less for outlines that overlap more.
        why: `place`, `outline` or `vague`.
    """

    kind: Kind
    sigmas: float
    why: str

    @property
    def counts(self) -> bool:
        """Whether the two have anything to do with each other."""
        return self.kind is not Kind.OTHER


OTHER = Likeness(kind=Kind.OTHER, sigmas=math.inf, why="place")


class MergeRule:
    """The merge rule with its gates.

    Attributes:
        rules: The thresholds.
        clean_look: What tells of clean looks; None where nobody knows. It may be set once there is somebody to ask.
    """

    def __init__(self, rules: IdentityRules, clean_look: CleanLook | None = None) -> None:
        """Take the thresholds, and what tells of clean looks."""
        self.rules = rules
        self.merge_gate = scale_of_probability(rules.merge_probability)
        self.suggest_gate = scale_of_probability(rules.suggest_probability)
        self.frame_gate = scale_of_probability(rules.frame_probability)
        self.residual_gate = scale_of_probability(rules.residual_probability)
        self.most_variance_m2 = (rules.max_ellipse95_m / scale_of_probability(0.95)) ** 2
        self._merge_gate2, self._suggest_gate2 = self.merge_gate**2, self.suggest_gate**2
        self._windows_s = {family: window.total_seconds() for family, window in rules.windows.items()}
        self.clean_look = clean_look

    def window_s(self, family: str) -> float:
        """The longest time between sightings of one thing of a family; infinite where there is no limit."""
        return self._windows_s.get(family, math.inf)

    def is_sure(self, covariance: Sym) -> bool:
        """Whether a place is sure enough to merge."""
        return gaussian.eigenvalues(covariance)[1] <= self.most_variance_m2

    def compare(self, one: Gathering, other: Gathering) -> Likeness:
        """What two things are to each other."""
        found = self.resemble(one, other)
        if found is OTHER or not self.was_clean_between(one, other):
            return found
        return found._replace(kind=Kind.AGAIN)

    def resemble(self, one: Gathering, other: Gathering) -> Likeness:
        """The same, but for clean looks between the two."""
        if one.family != other.family:
            return OTHER
        found = self._by_place(one, other)
        return found if found is OTHER or self.in_window(one, other) else OTHER

    def _by_place(self, one: Gathering, other: Gathering) -> Likeness:
        tells, also = one.told(), other.told()
        place, other_place = one.fused(), other.fused()
        covariance, other_covariance = place[2:], other_place[2:]
        ee, en, nn = whole = gaussian.add(covariance, other_covariance)
        if len(tells) == len(also) == 1:
            same_chart = tells[0].chart is also[0].chart
            mine, theirs = (tells[0], also[0]) if same_chart else (None, None)
        else:
            mine, theirs = _common(tells, also)
        east, north = delta = (
            (place[0] - other_place[0], place[1] - other_place[1])
            if mine is None or theirs is None
            else (mine.place[0] - theirs.place[0], mine.place[1] - theirs.place[1])
        )
        broad2 = (nn * east * east - 2 * en * east * north + ee * north * north) / (ee * nn - en * en)
        inside = broad2 < self._suggest_gate2
        if not inside and not boxes_overlap(one.box(), other.box()):
            return OTHER
        if not one.pictures.isdisjoint(other.pictures):
            return OTHER
        sharp, gate = whole, self.merge_gate
        if mine is not None and theirs is not None:
            sharp, gate = self._inside_a_chart(one, other, mine, theirs)
        near = math.sqrt(gaussian.distance2(delta, sharp))
        sure = self.is_sure(covariance) and self.is_sure(other_covariance)
        kind, why = (Kind.SAME, "place") if sure else (Kind.PERHAPS, "vague")
        if broad2 < self._merge_gate2 and near < gate:
            return Likeness(kind, near, why)
        share = overlap(one, other, self.rules.overlap_share)
        if share >= self.rules.overlap_share:
            return Likeness(kind, (1.0 - share) * gate, "outline" if sure else why)
        if inside and near < max(self.residual_gate, self.suggest_gate):
            return Likeness(Kind.PERHAPS, near, why)
        return OTHER

    def _inside_a_chart(self, one: Gathering, other: Gathering, mine: Told, theirs: Told) -> tuple[Sym, float]:
        """The error that counts, and its gate, where offsets cancel."""
        sharp = gaussian.at_least(gaussian.add(mine.place[2:], theirs.place[2:]), BOX_SIGMA_M)
        if mine.flights.isdisjoint(theirs.flights):
            return sharp, self.residual_gate
        odds = math.comb(mine.times + theirs.times, mine.times)
        if odds < _HARDLY_NEVER_TOGETHER:
            return sharp, self.frame_gate
        if odds < _SURELY_NEVER_TOGETHER:
            return sharp, self.residual_gate
        # Each may have taken the sightings on its own side: their means lie farther apart than chance has it.
        halves = (gaussian.scale(mine.place[2:], mine.times), gaussian.scale(theirs.place[2:], theirs.times))
        return gaussian.add(*halves), self.merge_gate

    def in_window(self, one: Gathering, other: Gathering) -> bool:
        """Whether two things of a family were seen near enough in time to be one."""
        window_s = self.window_s(one.family)
        if window_s == math.inf or (seen := one.seen()) is None or (also := other.seen()) is None:
            return True
        return also[0] - seen[1] <= window_s and seen[0] - also[1] <= window_s

    def was_clean_between(self, one: Gathering, other: Gathering) -> bool:
        """Whether a flight between the two found the place clean."""
        if self.clean_look is None or (gap := _gap(one, other)) is None:
            return False
        return self.clean_look(one.fused()[:2], one.family, *gap, frozenset(one.flights() | other.flights()))


def overlap(one: Gathering, other: Gathering, least: float) -> float:
    """Shared area as a share of the smaller outline; 0 where it cannot reach `least`."""
    if not may_overlap(one.box(), other.box(), min(one.solid_m2(), other.solid_m2()), least):
        return 0.0
    return shared_area(one.extent(), other.extent())


def boxes_overlap(one: Box, other: Box) -> bool:
    """Whether two boxes share any ground."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def may_overlap(one: Box, other: Box, solid_m2: float, least: float) -> bool:
    """Whether outlines of at least that area can share `least` of it, by the boxes around them."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return wide > 0 and high > 0 and wide * high >= least * solid_m2


def shared_area(one: BaseGeometry | None, other: BaseGeometry | None) -> float:
    """Shared area as a share of the smaller outline."""
    if one is None or other is None or not shapely.intersects(one, other):
        return 0.0
    smaller = min(one.area, other.area)
    return float(shapely.intersection(one, other).area / smaller) if smaller > 0 else 0.0


def _common(one: list[Told], other: list[Told]) -> tuple[Told | None, Told | None]:
    """What flights say of both whose offsets towards each other are known."""
    for mine in one:
        for theirs in other:
            if mine.chart is theirs.chart:
                return mine, theirs
    return None, None


def _gap(one: Gathering, other: Gathering) -> tuple[float, float] | None:
    """The time from the last sighting before the other thing's to its first; None where they are interleaved."""
    seen, also = one.seen(), other.seen()
    if seen is None or also is None:
        return None
    if seen[1] < also[0]:
        return seen[1], also[0]
    if also[1] < seen[0]:
        return also[1], seen[0]
    return None
