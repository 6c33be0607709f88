"""How far a video's clock and its telemetry's clock are apart, told by how the picture moved.

For each offset that may be, the telemetry says how every pair of pictures ought to have moved; the right one makes that
and what was seen agree. It can be told only where the motion changes: a turn, a stop, a start. Hovering, or flying
straight at one speed, all offsets fit alike, and the answer is a reason instead of a number. The error comes from how
fast the agreement is lost to both sides, with residuals counted as independent no more often than they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from geo.camera import Camera
from geo.ground import FlatGround, Ground
from geo.motion_fit import PICTURE_NOISE, MotionFit, SeenMotion
from geo.pose_track import PoseTrack
from geo.told_motion import ToldMotion

Floats = npt.NDArray[np.float64]
Unknown = Literal["too_few_pairs", "hovering", "constant_motion", "ambiguous", "does_not_fit", "bearing_unknown"]

SEARCH_S = 10.0
# Beyond this the estimate is of no use: at 10 m/s it would be as large as a consumer's GNSS error.
WORST_SIGMA_S = 0.2
# What neither a subtitle's rounding nor a rolling shutter lets anybody know better.
_LEAST_SIGMA_S = 0.02
_COARSE_S, _FINE_S = 0.1, 0.04
_LEAST_PAIRS = 12
# A picture that moves by less than this share of the focal length a second shows a camera that stands still: a metre a
# second from 70 m.
_HOVER_PER_S = 0.015
# An offset is out when all pairs together are this much less likely: 3 sigma.
_THREE_SIGMA = 9.0
_DEEPEST_CHANCE = 4.0
# Offsets over more than this that all may be right are no answer; one that leaves no more than this share out is whole.
_WIDEST_S, _WHOLE = 3.0, 0.8
# How much worse than usual (in squares) a pair is, at the offset that suits it best, whose motion went wrong.
_WRONG_AT_BEST = 25.0
# With less than this share of the seen motion explained, picture and telemetry are not of one flight.
_LEAST_EXPLAINED = 0.5


@dataclass(frozen=True, kw_only=True)
class ClockOffset:
    """What the telemetry's clock shows at the video's 0 s, or why that cannot be told.

    Attributes:
        offset_s: To be given to `PoseTrack.shifted`; None where it cannot be told.
        sigma_s: Its one-sigma error; None where it cannot be told.
        reason: Why it cannot; None where it can.
        pairs: Pairs of pictures that it rests on.
        explained: The share of the seen motion that the telemetry explains at the best offset.
    """

    offset_s: float | None
    sigma_s: float | None
    reason: Unknown | None
    pairs: int
    explained: float

    def applied_to(self, track: PoseTrack) -> PoseTrack:
        """The track on the video's clock, its clock error that of this estimate.

        Raises:
            ValueError: The offset is not known.
        """
        if self.offset_s is None or self.sigma_s is None:
            raise ValueError(f"the offset is not known: {self.reason}")
        return track.shifted(self.offset_s).with_clock_sigma(self.sigma_s)


def estimate_clock_offset(
    seen: SeenMotion,
    track: PoseTrack,
    camera: Camera,
    *,
    ground: Ground | None = None,
    around_s: float = 0.0,
    search_s: float = SEARCH_S,
) -> ClockOffset:
    """Find what the telemetry's clock shows at the video's 0 s.

    Args:
        seen: How the picture moved.
        track: The telemetry on its own clock.
        camera: The lens at the video's size.
        ground: What lies below; level ground at the take-off height by default.
        around_s: The offset that is expected.
        search_s: How far from it the true one may lie.
    """
    if len(seen.earlier_s) < _LEAST_PAIRS:
        return _unknown("too_few_pairs", len(seen.earlier_s))
    motions = ToldMotion.of(track, ground or FlatGround())
    if motions is None:
        return _unknown("bearing_unknown", len(seen.earlier_s))
    scene = MotionFit.of(seen, camera, motions)
    offsets = np.arange(-search_s, search_s + _COARSE_S / 2, _COARSE_S) + around_s
    usable = scene.pairs_told_at(offsets)
    if usable.sum() < _LEAST_PAIRS:
        # Too little overlap of video and telemetry to try all offsets on the same pairs: try the nearest ones.
        offsets = offsets[np.abs(offsets - around_s) <= search_s / 4]
        usable = scene.pairs_told_at(offsets)
    if usable.sum() < _LEAST_PAIRS:
        return _unknown("too_few_pairs", int(usable.sum()))
    return _searched(scene.only(usable), offsets)


def _unknown(reason: Unknown, pairs: int, explained: float = 0.0) -> ClockOffset:
    return ClockOffset(offset_s=None, sigma_s=None, reason=reason, pairs=pairs, explained=explained)


def _searched(scene: MotionFit, offsets: Floats) -> ClockOffset:
    fits = [scene.fit(offset) for offset in offsets]
    # A pair that fits at no offset says that its picture motion went wrong.
    at_best = np.min([fit.off for fit in fits], axis=0)
    right = at_best <= _WRONG_AT_BEST * (np.median(at_best) + PICTURE_NOISE**2)
    if not right.all():
        scene = scene.only(right)
        fits = [fit.only(right) for fit in fits]
    pairs = len(scene.seconds)
    if pairs < _LEAST_PAIRS:
        return _unknown("does_not_fit", pairs)
    costs = np.array([fit.cost for fit in fits])
    best = int(np.argmin(costs))
    fit = fits[best]
    if scene.liveliness < _HOVER_PER_S:
        return _unknown("hovering", pairs, fit.explained)
    if fit.explained < _LEAST_EXPLAINED:
        return _unknown("does_not_fit", pairs, fit.explained)
    independent = scene.independent(fit)
    # The telemetry's own noise makes another cost at each offset: dips that this alone makes say nothing.
    by_chance = _THREE_SIGMA / independent + _DEEPEST_CHANCE * math.sqrt(2.0 / independent)
    likely = np.flatnonzero(np.log(costs / costs[best]) < by_chance)
    first, last = int(likely[0]), int(likely[-1])
    if first == 0 or last == len(offsets) - 1 or offsets[last] - offsets[first] > _WIDEST_S:
        # Good offsets on end are one broad answer, good ones with bad ones between are several.
        several = len(likely) < _WHOLE * (last - first + 1)
        return _unknown("ambiguous" if several else "constant_motion", pairs, fit.explained)
    offset_s, sigma_s = _lowest(scene, offsets[first] - _COARSE_S, offsets[last] + _COARSE_S, independent)
    sigma_s = math.hypot(sigma_s, _LEAST_SIGMA_S, scene.guessed_sigma_s(offset_s))
    if not sigma_s <= WORST_SIGMA_S:
        return _unknown("constant_motion", pairs, fit.explained)
    return ClockOffset(offset_s=offset_s, sigma_s=sigma_s, reason=None, pairs=pairs, explained=fit.explained)


def _lowest(scene: MotionFit, first_s: float, last_s: float, independent: float) -> tuple[float, float]:
    """Where the cost is lowest between two offsets, by a parabola over all of it, and the one-sigma error of that."""
    tried = np.linspace(first_s, last_s, max(round((last_s - first_s) / _FINE_S), 8) + 1)
    costs = np.array([scene.fit(offset).cost for offset in tried])
    middle, half = (first_s + last_s) / 2, (last_s - first_s) / 2
    x = (tried - middle) / half
    (bend, slope, level), *_ = np.linalg.lstsq(np.column_stack((x * x, x, np.ones_like(x))), costs, rcond=None)
    if bend <= 0 or abs(slope) > 2 * bend:
        return middle, math.inf
    at = -slope / (2 * bend)
    lowest = max(float(level - slope * slope / (4 * bend)), float(costs.min()) / 2)
    by_curvature = math.sqrt(lowest / (bend * independent))
    # Costs of offsets nearer together than the telemetry's noise lasts are one observation.
    scatter = float(np.std(costs - (bend * x * x + slope * x + level)))
    apart = max(min(len(tried), 2 * half / max(scene.noise_lasts_s, _FINE_S)), 2.0)
    by_scatter = scatter / (2 * bend * math.sqrt(apart * float(np.mean(x * x))))
    return float(middle + at * half), half * math.hypot(by_curvature, by_scatter)
