"""The offset of one flight's places against a map: the shift that brings most of the things that both saw together.

Each pair of neighbours votes for the shift between its two; right pairs agree and wrong ones scatter. The shift with
the highest posterior is looked for on a grid over all that the claimed errors allow, then refined, so that no first
guess of who is who is needed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from geo import gaussian
from geo.gaussian import Sym, Vec

Floats = NDArray[np.float64]

# How far to look, in sigmas of the offset, and how finely.
_REACH_SIGMAS, _LEAST_REACH_M, _STEP_M = 4.0, 4.0, 0.75
# Ground at which a stray pair is as likely as a right one: it keeps wrong pairs from pulling.
_STRAY_WEIGHT = 0.05
# A second peak as good as this (in log likelihood) leaves the offset undecided.
_CLEARLY_BETTER, _OTHER_PEAK_M = 3.0, 1.5
_MOST_VOTERS = 250
_REFINEMENTS = 8


@dataclass(frozen=True, kw_only=True)
class Places:
    """Things of a map, or of one flight.

    Attributes:
        en_m: Metres east and north, shape (n, 2).
        noise_m2: ee, en, nn of their error without any offset, shape (n, 3).
        families: A number per family, shape (n,).
    """

    en_m: Floats
    noise_m2: Floats
    families: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.families)


@dataclass(frozen=True, kw_only=True)
class Offset:
    """How far a flight lies off the map: `shift_m` is to be taken off its places; `matches` things say so."""

    shift_m: Vec
    covariance: Sym
    matches: int


def offset_between(
    flight: Places, chart: Places, *, expected_m: Vec, sigma_m: float, least_matches: int
) -> Offset | None:
    """The offset of a flight against a chart; None where too few things tell it, or two offsets fit as well.

    Args:
        flight: What the flight saw.
        chart: What is known.
        expected_m: The offset to be expected, metres east and north.
        sigma_m: How far from it the offset may be, one sigma per axis.
        least_matches: So many things must agree.
    """
    reach_m = max(_REACH_SIGMAS * sigma_m, _LEAST_REACH_M)
    votes = _votes(flight, chart, np.array(expected_m), reach_m)
    if votes is None or len(np.unique(votes.of)) < least_matches:
        return None
    start = _best_on_grid(votes, sigma_m, reach_m)
    found = None if start is None else _refined(votes, start, sigma_m, least_matches)
    if found is None:
        return None
    return replace(found, shift_m=(found.shift_m[0] + expected_m[0], found.shift_m[1] + expected_m[1]))


@dataclass(frozen=True, kw_only=True)
class _Votes:
    """Pairs of neighbours: their differences (m, 2), the inverses of their errors (m, 3), and whose pair it is."""

    delta_m: Floats
    inverse: Floats
    of: NDArray[np.int64]

    def weights(self, shifts_m: Floats) -> Floats:
        """How well each pair fits each shift, 0 to 1: shifts (..., 2), answer (..., m)."""
        east, north = self.delta_m[:, 0] - shifts_m[..., :1], self.delta_m[:, 1] - shifts_m[..., 1:]
        a, b, c = self.inverse.T
        fit: Floats = np.exp(-0.5 * (a * east * east + 2 * b * east * north + c * north * north))
        return fit

    def scores(self, steps_m: Floats, sigma_m: float) -> Floats:
        """Log posterior of each shift of a grid, but for a constant: k steps per axis, answer (k, k), east first."""
        order = np.argsort(self.of, kind="stable")
        starts = np.flatnonzero(np.diff(self.of[order], prepend=-1))
        (a, b, c), (east, north) = self.inverse[order].T, self.delta_m[order].T
        norths = north - steps_m[:, None]
        of_norths = -0.5 * c * norths * norths
        prior = steps_m**2 / (2 * sigma_m * sigma_m)
        answer = np.empty((len(steps_m), len(steps_m)))
        # A row of the grid at a time, lest a large city take much memory.
        for row, step_m in enumerate(steps_m):
            off = east - step_m
            fit = norths * (-b * off)
            fit += of_norths
            fit += -0.5 * a * off * off
            np.exp(fit, out=fit)
            per_thing = np.add.reduceat(fit, starts, axis=1)
            answer[row] = np.log1p(per_thing / _STRAY_WEIGHT).sum(axis=1) - prior - prior[row]
        return answer


def _votes(flight: Places, chart: Places, expected_m: Floats, reach_m: float) -> _Votes | None:
    if not len(flight) or not len(chart):
        return None
    voters = np.arange(len(flight))
    if len(voters) > _MOST_VOTERS:
        voters = np.argsort(flight.noise_m2[:, 0] + flight.noise_m2[:, 2], kind="stable")[:_MOST_VOTERS]
    tree = shapely.STRtree(np.asarray(shapely.points(chart.en_m), dtype=object))
    places = flight.en_m - expected_m
    west_south, east_north = places[voters] - reach_m, places[voters] + reach_m
    boxes = shapely.box(west_south[:, 0], west_south[:, 1], east_north[:, 0], east_north[:, 1])
    mine, theirs = tree.query(boxes)
    same = flight.families[voters[mine]] == chart.families[theirs]
    mine, theirs = voters[mine[same]], theirs[same]
    if not len(mine):
        return None
    noise = flight.noise_m2[mine] + chart.noise_m2[theirs]
    noise = noise + np.array([0.04, 0.0, 0.04])
    det = noise[:, 0] * noise[:, 2] - noise[:, 1] ** 2
    inverse = np.column_stack((noise[:, 2], -noise[:, 1], noise[:, 0])) / det[:, None]
    return _Votes(delta_m=places[mine] - chart.en_m[theirs], inverse=inverse, of=mine.astype(np.int64))


def _best_on_grid(votes: _Votes, sigma_m: float, reach_m: float) -> Floats | None:
    count = math.ceil(reach_m / _STEP_M)
    steps: Floats = _STEP_M * np.arange(-count, count + 1, dtype=np.float64)
    scores = votes.scores(steps, sigma_m).ravel()
    shifts = np.column_stack((np.repeat(steps, len(steps)), np.tile(steps, len(steps))))
    best = int(scores.argmax())
    away = np.hypot(*(shifts - shifts[best]).T) > _OTHER_PEAK_M
    if away.any() and scores[best] - scores[away].max() < _CLEARLY_BETTER:
        return None
    winner: Floats = shifts[best]
    return winner


def _refined(votes: _Votes, start: Floats, sigma_m: float, least_matches: int) -> Offset | None:
    shift = start
    prior = 1.0 / (sigma_m * sigma_m)
    for _ in range(_REFINEMENTS):
        fit = votes.weights(shift)
        rivals = np.bincount(votes.of, fit)[votes.of]
        trust = fit / (_STRAY_WEIGHT + rivals)
        a, b, c = (votes.inverse * trust[:, None]).sum(axis=0)
        a, c = a + prior, c + prior
        pull_e = (trust * (votes.inverse[:, 0] * votes.delta_m[:, 0] + votes.inverse[:, 1] * votes.delta_m[:, 1])).sum()
        pull_n = (trust * (votes.inverse[:, 1] * votes.delta_m[:, 0] + votes.inverse[:, 2] * votes.delta_m[:, 1])).sum()
        det = a * c - b * b
        shift = np.array([(c * pull_e - b * pull_n) / det, (a * pull_n - b * pull_e) / det])
    matches = int((np.bincount(votes.of, trust) > 0.5).sum())
    if matches < least_matches:
        return None
    covariance = gaussian.inverse((float(a), float(b), float(c)))
    return Offset(shift_m=(float(shift[0]), float(shift[1])), covariance=covariance, matches=matches)
