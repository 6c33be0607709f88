"""How well an offset between two clocks makes the motion that telemetry tells agree with the motion that was seen."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geo.camera import Camera
from geo.lens import rays_of_pixels
from geo.told_motion import ToldMotion

Floats = npt.NDArray[np.float64]
Kept = npt.NDArray[np.bool_]

PICTURE_NOISE = 0.002
"""What picture motion measured on small pictures errs by, in focal lengths a second."""
# A wrong height above the ground stretches all motion alike; more than this is no height error any more.
_STRETCH = (0.5, 2.0)
_LEAST_DEPRESSION = math.sin(math.radians(12.0))
# How motion goes between two sparse records is a guess: when it changed, to this share of the time between them.
_GUESSED_SHARE = 0.15


@dataclass(frozen=True, kw_only=True, eq=False)
class SeenMotion:
    """How pictures moved, on the video's clock.

    Attributes:
        earlier_s: (n,) times of the earlier pictures.
        later_s: (n,) times of the later ones.
        earlier_from_later: (n, 3, 3) homographies that say where what is seen in the later picture was in the earlier
            one; both pictures reach from (0, 0) to (1, 1).
    """

    earlier_s: Floats
    later_s: Floats
    earlier_from_later: Floats

    def __post_init__(self) -> None:
        count = len(self.earlier_s)
        if self.earlier_s.shape != (count,) or self.later_s.shape != (count,):
            raise ValueError("times must be one column each, of one length")
        if self.earlier_from_later.shape != (count, 3, 3) or not np.isfinite(self.earlier_from_later).all():
            raise ValueError("each pair of pictures needs its homography (3, 3), finite")
        if not (self.later_s > self.earlier_s).all():
            raise ValueError("the later picture must come after the earlier one")


@dataclass(frozen=True, kw_only=True, eq=False)
class OffsetFit:
    """How an offset fits: per pair (n,) the squares of what it leaves unexplained, and of all motion, per second."""

    off: Floats
    moved: Floats

    @property
    def cost(self) -> float:
        """How bad it is: mean square per second, with what pictures err by anyway."""
        return float(np.mean(self.off)) + PICTURE_NOISE**2

    @property
    def explained(self) -> float:
        """The share of all seen motion that is explained."""
        return 1.0 - float(np.sum(self.off)) / max(float(np.sum(self.moved)), 1e-12)

    def only(self, kept: Kept) -> OffsetFit:
        """The same of some pairs."""
        return OffsetFit(off=self.off[kept], moved=self.moved[kept])


@dataclass(frozen=True, kw_only=True, eq=False)
class MotionFit:
    """What was seen, as points of the later pictures (k, 3) and where they were in the earlier ones (n, k, 2)."""

    earlier_s: Floats
    later_s: Floats
    rays: Floats
    seen: Floats
    motions: ToldMotion

    @classmethod
    def of(cls, seen: SeenMotion, camera: Camera, motions: ToldMotion) -> MotionFit:
        """Follow nine points of each later picture back to the earlier one."""
        # Below the middle, where an oblique picture shows ground, and not at the edges, where lenses bend most.
        shares = np.array([(u, v) for u in (0.25, 0.5, 0.75) for v in (0.4, 0.6, 0.8)])
        size = np.array(camera.size_wh_px, dtype=np.float64)
        homogeneous = np.column_stack((shares, np.ones(len(shares))))
        was = np.einsum("nij,kj->nki", seen.earlier_from_later, homogeneous)
        was_px = was[..., :2] / was[..., 2:] * size
        was_at = tangents(rays_of_pixels(was_px.reshape(-1, 2), camera)).reshape(len(was), len(shares), 2)
        return cls(
            earlier_s=seen.earlier_s,
            later_s=seen.later_s,
            rays=rays_of_pixels(shares * size, camera),
            seen=was_at,
            motions=motions,
        )

    @property
    def seconds(self) -> Floats:
        """Between the pictures of each pair."""
        return self.later_s - self.earlier_s

    def only(self, kept: Kept) -> MotionFit:
        """The same of some pairs."""
        return MotionFit(
            earlier_s=self.earlier_s[kept],
            later_s=self.later_s[kept],
            rays=self.rays,
            seen=self.seen[kept],
            motions=self.motions,
        )

    def pairs_told_at(self, offsets: Floats) -> Kept:
        """The pairs (n,) of which the telemetry tells motion at all of these offsets."""
        told = np.isfinite(self.seen).all(axis=(1, 2))
        for offset in offsets[:: max(len(offsets) // 8, 1)]:
            told = told & np.isfinite(self._told(float(offset))[0]).any(axis=(1, 2))
        return np.asarray(told)

    @property
    def liveliness(self) -> float:
        """How the picture moved, in focal lengths a second; one pair in ten moved more."""
        moved = np.median(np.hypot(*np.moveaxis(self.seen - tangents(self.rays), 2, 0)), axis=1)
        return float(np.percentile(moved / self.seconds, 90))

    @property
    def noise_lasts_s(self) -> float:
        """For how long an error of the told motion stays about the same."""
        return max(self.motions.telemetry_step_s, float(np.median(self.seconds)) / 2)

    def guessed_sigma_s(self, offset_s: float) -> float:
        """What guessing between sparse records adds: the less, the more records tell of changing motion."""
        half = min(self.motions.telemetry_step_s, 1.0) / 2
        change = np.nan_to_num(self._told(offset_s + half)[0] - self._told(offset_s - half)[0])
        told = np.sum(change * change, axis=(1, 2))
        power = float(told @ told)
        # As many pairs as would tell as much if all told alike.
        telling = float(told.sum()) ** 2 / power if power > 0 else 1.0
        between_s = float(np.median(np.diff(np.sort(self.earlier_s))))
        records = max(telling * min(between_s / self.motions.telemetry_step_s, 1.0), 1.0)
        return _GUESSED_SHARE * self.motions.telemetry_step_s / math.sqrt(records)

    def fit(self, offset_s: float) -> OffsetFit:
        """How badly an offset explains what was seen, with the best stretch of what moves by flying."""
        turned_and_moved, turned = self._told(offset_s)
        by_flying, left = turned_and_moved - turned, self.seen - turned
        known: Kept = np.asarray(np.isfinite(by_flying).all(axis=2) & np.isfinite(left).all(axis=2))
        by_flying, left = np.where(known[..., None], by_flying, 0.0), np.where(known[..., None], left, 0.0)
        seen = np.where(known[..., None], self.seen - tangents(self.rays), 0.0)
        points = np.maximum(known.sum(axis=1), 1) * self.seconds**2
        moved = np.sum(seen * seen, axis=(1, 2)) / points
        weight = np.ones(len(left))
        for _ in range(3):
            power = float(np.sum(weight * np.sum(by_flying * by_flying, axis=(1, 2))))
            shared = float(np.sum(weight * np.sum(by_flying * left, axis=(1, 2))))
            stretch = min(max(shared / power, _STRETCH[0]), _STRETCH[1]) if power > 0 else 1.0
            off = np.sum((left - stretch * by_flying) ** 2, axis=(1, 2)) / points
            usual = float(np.median(off)) + PICTURE_NOISE**2
            # Pairs whose picture motion went wrong count less the more they are off (Cauchy).
            weight = 1.0 / (1.0 + off / (9.0 * usual))
        return OffsetFit(off=off, moved=moved)

    def independent(self, fit: OffsetFit) -> float:
        """How many independent observations the pairs are worth: errors of telemetry last from record to record."""
        between_s = float(np.median(np.diff(np.sort(self.earlier_s)))) if len(self.earlier_s) > 1 else 1.0
        lasting = max(1.0, self.motions.telemetry_step_s / max(between_s, 1e-3))
        residuals = np.sqrt(fit.off)
        away = residuals - residuals.mean()
        power = float(away @ away)
        if power > 0:
            after = float(away[1:] @ away[:-1]) / power
            lasting = max(lasting, (1 + max(after, 0.0)) / (1 - min(max(after, 0.0), 0.95)))
        return len(self.earlier_s) / lasting

    def _told(self, offset_s: float) -> tuple[Floats, Floats]:
        """Where the later pictures' points were in the earlier ones (n, k, 2), and would have been by turning alone."""
        place_then, look_then = self.motions.at(self.earlier_s + offset_s)
        place_now, look_now = self.motions.at(self.later_s + offset_s)
        rays = np.einsum("nij,kj->nki", look_now, self.rays)
        with np.errstate(invalid="ignore", divide="ignore"):
            steep = -rays[..., 2] > _LEAST_DEPRESSION * np.linalg.norm(rays, axis=2)
            along = np.where(steep, place_now[:, None, 2] / -rays[..., 2], np.nan)
        spots = rays * along[..., None]
        moved = place_now - place_then
        then = np.einsum("nij,nki->nkj", look_then, spots + moved[:, None, :])
        turned = np.einsum("nij,nki->nkj", look_then, spots)
        return tangents(then), tangents(turned)


def tangents(rays: Floats) -> Floats:
    """Ideal image coordinates (..., 2) of rays (..., 3); NaN at or behind the camera."""
    with np.errstate(invalid="ignore", divide="ignore"):
        depth = np.where(rays[..., 2:] > 1e-6, rays[..., 2:], np.nan)
        result: Floats = rays[..., :2] / depth
    return result
