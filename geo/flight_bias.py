"""What all pictures of one flight are off by, told by the spots that overlapping pictures share.

A compass that is off turns every picture about its own camera, so that neighbours disagree across the way between them;
a lens or a height that is off makes them disagree along it. A camera that fires late, or looks a little ahead, is off
along its own heading: rows flown to and fro disagree by twice that. Where all pictures are off alike in east and north,
they agree with each other, and nothing here can tell.

Each pair of pictures says one thing, its mean disagreement: spots of one pair share the errors of its two poses. These
own errors are solved for, too, with their usual sizes, so that the answer's error is honest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from geo.camera import Camera
from geo.errors import GeoError
from geo.frames import LocalFrame
from geo.ground import Ground
from geo.locate import offsets_of_pixels
from geo.pose import Pose, PoseSigmas, wrap_deg
from geo.telemetry.tie_points import TiePoints

Floats = npt.NDArray[np.float64]

# How far each may be off before anything is known, one sigma: degrees, share, metres, metres.
_PRIOR = np.array([3.0, 0.03, 3.0, 3.0])
# What pictures tell counts when it halves what was not known.
_TOLD = 0.5
_LEAST_SPOTS, _LEAST_PAIRS = 5, 4
# Relief and pitch errors put on some of these faces, too: a correction must have many witnesses and help them all.
_WORTH_PAIRS, _WORTH_SHARE = 10, 0.93
_ROUNDS = 8
# Pairs further off than so many of their sigmas count less (Huber).
_OUTLYING = 2.0
# Matching, relief within a pair, and rolling shutters, metres.
_PAIR_SIGMA_M = 0.3


@dataclass(frozen=True, kw_only=True)
class Told:
    """A figure with its one-sigma error."""

    value: float
    sigma: float

    @property
    def is_clear(self) -> bool:
        """Whether it is surely not 0."""
        return abs(self.value) > 2 * self.sigma


@dataclass(frozen=True, kw_only=True)
class FlightBias:
    """What a flight's pictures are off by; None where they cannot tell.

    Attributes:
        heading_deg: The told headings are larger than the true ones by this.
        forward_m: The told places lie this far ahead, along each camera's heading.
        right_m: And this far to its right.
        stretch: Distances from each camera come out too large by this share: its height is, or its focal length too
            small.
        pairs: Overlapping pairs that it rests on.
        disagreement_m: Median of how far the places of a shared spot lie apart, as told.
        left_m: The same with what is clear corrected.
    """

    heading_deg: Told | None
    forward_m: Told | None
    right_m: Told | None
    stretch: Told | None
    pairs: int
    disagreement_m: float | None
    left_m: float | None

    @property
    def is_worth_correcting(self) -> bool:
        """Whether enough pairs say so, and agree clearly better with it."""
        if self.disagreement_m is None or self.left_m is None or self.pairs < _WORTH_PAIRS:
            return False
        return self.left_m < _WORTH_SHARE * self.disagreement_m

    def corrected(self, pose: Pose) -> Pose:
        """A pose of this flight without what is clearly off, its heading's error that which is left."""
        if not pose.has_bearing or pose.heading_deg is None:
            return pose
        heading = pose.heading_deg
        if self.heading_deg is not None and self.heading_deg.is_clear:
            pose = replace(
                pose,
                heading_deg=wrap_deg(heading - self.heading_deg.value),
                sigmas=_with_heading(pose.sigmas, self.heading_deg.sigma),
            )
        forward, right = (
            0.0 if told is None or not told.is_clear else told.value for told in (self.forward_m, self.right_m)
        )
        if forward == right == 0.0:
            return pose
        east, north = -forward * _forward(heading) - right * _right(heading)
        (lon, lat), *_ = LocalFrame(lon=pose.lon, lat=pose.lat).lonlat_from_en([[east, north]])
        return replace(pose, lon=float(lon), lat=float(lat))


def estimate_flight_bias(
    pictures: Sequence[tuple[Pose, Camera] | None], tie_points: Sequence[TiePoints], ground: Ground
) -> FlightBias:
    """What the pictures of one flight are off by.

    Args:
        pictures: Pose and lens of each, stored upside-down ones already turned; None where unknown.
        tie_points: Spots that two of them share, by their indices.
        ground: What they look at.
    """
    pairs = [found for spots in tie_points if (found := _pair(spots, pictures, ground)) is not None]
    apart = float(np.median(np.concatenate([pair.apart_m for pair in pairs]))) if pairs else None
    if len(pairs) < _LEAST_PAIRS:
        return FlightBias(
            heading_deg=None,
            forward_m=None,
            right_m=None,
            stretch=None,
            pairs=len(pairs),
            disagreement_m=apart,
            left_m=apart,
        )
    values, sigmas = _solved(pairs, len(pictures))
    told = [
        Told(value=float(value), sigma=float(sigma)) if sigma < _TOLD * prior else None
        for value, sigma, prior in zip(values, sigmas, _PRIOR, strict=True)
    ]
    heading, stretch, forward, right = told
    bias = FlightBias(
        heading_deg=heading,
        forward_m=forward,
        right_m=right,
        stretch=stretch,
        pairs=len(pairs),
        disagreement_m=apart,
        left_m=None,
    )
    mended = [None if one is None else (bias.corrected(one[0]), one[1]) for one in pictures]
    after = [found.apart_m for spots in tie_points if (found := _pair(spots, mended, ground)) is not None]
    return replace(bias, left_m=float(np.median(np.concatenate(after))))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pair:
    """One pair's mean disagreement.

    Attributes:
        first: Index of one picture.
        second: Index of the other.
        off_m: East and north, the first picture's places less the second's.
        by_bias: (2, 4) how it changes with heading (degrees), stretch, forward and right (metres).
        sigma_m: What the two poses' own angles and matching explain, one sigma per axis.
        own_m: One sigma of each picture's own place.
        apart_m: (n,) how far each spot's two places lie apart.
    """

    first: int
    second: int
    off_m: Floats
    by_bias: Floats
    sigma_m: float
    own_m: tuple[float, float]
    apart_m: Floats


def _pair(spots: TiePoints, pictures: Sequence[tuple[Pose, Camera] | None], ground: Ground) -> _Pair | None:
    one, other = pictures[spots.first], pictures[spots.second]
    if one is None or other is None or not (one[0].has_bearing and other[0].has_bearing):
        return None
    try:
        here = offsets_of_pixels(spots.uv_first_px, one[0], one[1], ground)
        there = offsets_of_pixels(spots.uv_second_px, other[0], other[1], ground)
        height_m = math.hypot(_height_m(one[0], ground), _height_m(other[0], ground)) / math.sqrt(2)
    except GeoError:
        return None
    known = np.isfinite(here[:, 0]) & np.isfinite(there[:, 0])
    if known.sum() < _LEAST_SPOTS:
        return None
    here, there = here[known, :2], there[known, :2]
    (way,) = LocalFrame(lon=one[0].lon, lat=one[0].lat).en_from_lonlat([(other[0].lon, other[0].lat)])
    off = here - (there + way)
    middle = np.median(off, axis=0)
    slant_m = max(float(np.abs(here).mean()), float(np.abs(there).mean()), 1.0)
    own_deg = max(_own(one[0].sigmas, "heading_deg"), _own(other[0].sigmas, "heading_deg"))
    tilt_deg = math.hypot(one[0].sigmas.pitch_deg, other[0].sigmas.pitch_deg)
    by_bias = _by_bias(here.mean(axis=0), one[0]) - _by_bias(there.mean(axis=0), other[0])
    return _Pair(
        first=spots.first,
        second=spots.second,
        off_m=middle,
        by_bias=by_bias,
        sigma_m=math.hypot(_PAIR_SIGMA_M, math.radians(own_deg) * slant_m, math.radians(tilt_deg) * height_m),
        own_m=(_own_place_m(one[0].sigmas), _own_place_m(other[0].sigmas)),
        apart_m=np.hypot(off[:, 0], off[:, 1]),
    )


def _height_m(pose: Pose, ground: Ground) -> float:
    """Metres from a camera down to the ground right below; 0 where unknown."""
    camera_alt_m = ground.camera_height(pose).alt_m
    below = ground.altitudes_m(LocalFrame(lon=pose.lon, lat=pose.lat), np.zeros((1, 2)), camera_alt_m)
    height_m = camera_alt_m - float(below[0])
    return height_m if math.isfinite(height_m) else 0.0


def _by_bias(from_camera_m: Floats, pose: Pose) -> Floats:
    """How a told place (2,), from the camera, moves with heading (degrees), stretch, forward and right: (2, 4)."""
    east, north = from_camera_m
    heading = pose.look_deg()[0]
    turned = math.radians(1.0) * np.array([north, -east])
    return np.column_stack((turned, from_camera_m, _forward(heading), _right(heading)))


def _solved(pairs: Sequence[_Pair], count: int) -> tuple[Floats, Floats]:
    """The four biases and their sigmas, each picture's own place solved for beside them."""
    used = sorted({index for pair in pairs for index in (pair.first, pair.second)})
    column = {index: 4 + 2 * number for number, index in enumerate(used)}
    own_m = np.full(count, np.nan)
    rows = np.zeros((2 * len(pairs), 4 + 2 * len(used)))
    off, sigma = np.zeros(2 * len(pairs)), np.zeros(2 * len(pairs))
    for number, pair in enumerate(pairs):
        at = slice(2 * number, 2 * number + 2)
        rows[at, :4], off[at], sigma[at] = pair.by_bias, pair.off_m, pair.sigma_m
        rows[at, column[pair.first] : column[pair.first] + 2] = np.eye(2)
        rows[at, column[pair.second] : column[pair.second] + 2] = -np.eye(2)
        own_m[pair.first], own_m[pair.second] = pair.own_m
    prior = np.concatenate((_PRIOR, np.repeat(own_m[used], 2)))
    weight = np.ones(len(pairs))
    for _ in range(_ROUNDS):
        scaled = rows * (np.repeat(np.sqrt(weight), 2) / sigma)[:, None]
        told = off * np.repeat(np.sqrt(weight), 2) / sigma
        information = scaled.T @ scaled + np.diag(1.0 / prior**2)
        found = np.linalg.solve(information, scaled.T @ told)
        left = (off - rows @ found) / sigma
        far = np.hypot(left[0::2], left[1::2])
        weight = np.minimum(1.0, _OUTLYING / np.maximum(far, 1e-9))
    covariance = np.linalg.inv(information)
    return found[:4], np.sqrt(np.diag(covariance)[:4])


def _own(sigmas: PoseSigmas, name: str) -> float:
    """The part of an angle's sigma that each picture has for itself."""
    return float(getattr(sigmas, name)) * math.sqrt(1.0 - sigmas.common_attitude_share**2)


def _own_place_m(sigmas: PoseSigmas) -> float:
    """One sigma, per axis, of what each picture's place is off by itself."""
    mean = (sigmas.east_m**2 + sigmas.north_m**2) / 2
    return math.sqrt(max(mean - sigmas.common_position_m**2, 0.1 * mean, 0.02**2))


def _with_heading(sigmas: PoseSigmas, common_deg: float) -> PoseSigmas:
    return replace(sigmas, heading_deg=math.hypot(_own(sigmas, "heading_deg"), common_deg))


def _forward(heading_deg: float) -> Floats:
    return np.array([math.sin(math.radians(heading_deg)), math.cos(math.radians(heading_deg))])


def _right(heading_deg: float) -> Floats:
    return np.array([math.cos(math.radians(heading_deg)), -math.sin(math.radians(heading_deg))])
