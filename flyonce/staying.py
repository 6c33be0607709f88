"""How long a thing stayed where it is: told from the pictures that show it and from those that show its place empty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from flyonce.confirmation import LookAt
from flyonce.rules import Stay, StayRule
from geo.frames import LocalFrame
from geo.sighting import Sighting

# How far apart two pictures of one thing put it, beyond the offset that the flight shares: at least this, one sigma.
_LEAST_SIGMA_M = 0.3
# What the fixes claim of their own noise counts as much as this many measured deviations.
_PRIOR_WEIGHT = 2.0
# A speed counts as shown when it exceeds the limit by so many of its own sigmas: a wrong "passes by" loses a case,
# a wrong "stays" costs a person one look.
_SHOWN_SIGMAS = 1.5


@dataclass(frozen=True, kw_only=True)
class _Hit:
    clock_s: float
    sighting: Sighting


def longest_stay(
    sightings: Sequence[Sighting], looks: Sequence[LookAt], clocks: Sequence[float | None], rule: StayRule
) -> Stay:
    """The longest time that a thing was seen at its place, without it being seen to be gone in between.

    Args:
        sightings: Of one thing.
        looks: The pictures that showed its place well inside their edges.
        clocks: The flight's clock at each sighting; None where unknown.
        rule: How many looks without it end a stay, and from which speed on a thing passes.

    Returns:
        The stay; its seconds are None if a picture tells no time.
    """
    if any(clock is None for clock in clocks):
        return Stay(seconds=None, frames=len({sighting.source for sighting in sightings}))
    hits = [
        _Hit(clock_s=clock, sighting=sighting)
        for clock, sighting in zip(clocks, sightings, strict=True)
        if clock is not None
    ]
    runs = _runs(sorted(hits, key=lambda hit: hit.clock_s), looks, rule.gone_after_looks)
    best = max(runs, key=lambda run: (run[-1].clock_s - run[0].clock_s, len(run)))
    return Stay(
        seconds=best[-1].clock_s - best[0].clock_s,
        frames=len({hit.sighting.source for hit in best}),
        moves=_lower_speed_m_s(best) > rule.slower_than_m_s,
    )


def _runs(hits: Sequence[_Hit], looks: Sequence[LookAt], gone_after: int) -> list[list[_Hit]]:
    """Hits in stretches between which the place was seen without the thing `gone_after` times in a row."""
    shown = {hit.sighting.source for hit in hits}
    clean = np.array(sorted(look.clock_s for look in looks if look.key not in shown and look.clock_s is not None))
    runs = [[hits[0]]]
    for before, hit in pairwise(hits):
        missing = np.searchsorted(clean, hit.clock_s) - np.searchsorted(clean, before.clock_s, side="right")
        if missing >= gone_after:
            runs.append([])
        runs[-1].append(hit)
    return runs


def _lower_speed_m_s(run: Sequence[_Hit]) -> float:
    """The speed that the run shows at least; 0 where it shows none.

    A straight line is fitted over time. Its error comes from how far the sightings lie off the line, and, as few of
    them say little about that, from the noise that their fixes claim.
    """
    times = np.array([hit.clock_s for hit in run])
    spread = times - times.mean()
    moment = float(spread @ spread)
    if len(run) < 3 or moment <= 0:
        return 0.0
    frame = LocalFrame(lon=run[0].sighting.fix.lon, lat=run[0].sighting.fix.lat)
    places = frame.en_from_lonlat([(hit.sighting.fix.lon, hit.sighting.fix.lat) for hit in run])
    off = places - places.mean(axis=0)
    velocity = spread @ off / moment
    residual = off - spread[:, None] * velocity
    free = 2 * len(run) - 4
    claimed = float(np.mean([_noise_m2(hit.sighting) for hit in run]))
    variance = (_PRIOR_WEIGHT * claimed + float((residual**2).sum())) / (_PRIOR_WEIGHT + free)
    return float(np.hypot(*velocity)) - _SHOWN_SIGMAS * math.sqrt(variance / moment)


def _noise_m2(sighting: Sighting) -> float:
    """Variance per axis of one sighting against the others of its flight."""
    (ee, _), (_, nn) = sighting.fix.covariance_m2
    (cee, _), (_, cnn) = sighting.fix.common_m2
    return max((ee - cee + nn - cnn) / 2, _LEAST_SIGMA_M**2)
