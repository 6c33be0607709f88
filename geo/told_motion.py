"""Where a camera was and how it looked, smoothly in time, as sparse telemetry lets one guess."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geo.errors import HeightUnknown
from geo.frames import LocalFrame
from geo.ground import Ground
from geo.pose import Pose, enu_from_camera
from geo.pose_track import PoseTrack

Floats = npt.NDArray[np.float64]

_MOTION_STEP_S = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class ToldMotion:
    """Places and looks of the camera at close, equal steps of the telemetry's clock.

    Attributes:
        began_s: The telemetry's time of the first step.
        step_s: From step to step.
        places_m: (n, 3) east, north of the first pose, and height above the ground below; NaN where nothing is told.
        rotations: (n, 3, 3) from camera axes to east, north, up; NaN where nothing is told.
        telemetry_step_s: Between the telemetry's own records, usually.
    """

    began_s: float
    step_s: float
    places_m: Floats
    rotations: Floats
    telemetry_step_s: float

    @classmethod
    def of(cls, track: PoseTrack, ground: Ground) -> ToldMotion | None:
        """What a track tells over a ground; None where it tells less than two looks."""
        told = [_placed(pose, ground) for pose in track.poses]
        known = [index for index, one in enumerate(told) if one is not None]
        if len(known) < 2:
            return None
        times = np.array(track.times_s)[known]
        frame = LocalFrame(lon=track.poses[known[0]].lon, lat=track.poses[known[0]].lat)
        lonlat = np.array([(track.poses[index].lon, track.poses[index].lat) for index in known])
        heights = np.array([one for one in told if one is not None])
        looks = np.array([enu_from_camera(*track.poses[index].look_deg()) for index in known])
        columns = np.column_stack((frame.en_from_lonlat(lonlat), heights, looks.reshape(-1, 9)))
        asked = np.arange(times[0], times[-1] + _MOTION_STEP_S / 2, _MOTION_STEP_S)
        smooth = _between(times, columns, np.minimum(asked, times[-1]), track.longest_gap_s)
        return cls(
            began_s=float(times[0]),
            step_s=_MOTION_STEP_S,
            places_m=smooth[:, :3],
            rotations=_as_rotations(smooth[:, 3:].reshape(-1, 3, 3)),
            telemetry_step_s=float(np.median(np.diff(times))),
        )

    def at(self, times_s: Floats) -> tuple[Floats, Floats]:
        """Places (n, 3) and rotations (n, 3, 3); NaN outside and in gaps."""
        place = (times_s - self.began_s) / self.step_s
        last = len(self.places_m) - 1
        inside = (place >= 0) & (place <= last)
        here = np.clip(np.where(inside, place, 0.0), 0, max(last - 1, 0)).astype(int)
        there, share = np.minimum(here + 1, last), (np.where(inside, place, np.nan) - here)[:, None]
        places = self.places_m[here] * (1 - share) + self.places_m[there] * share
        mixed = self.rotations[here] * (1 - share[..., None]) + self.rotations[there] * share[..., None]
        return places, mixed


def _placed(pose: Pose, ground: Ground) -> float | None:
    """Metres above the ground right below; None where that, or the look, is unknown."""
    if not pose.has_bearing:
        return None
    try:
        camera_alt_m = ground.camera_height(pose).alt_m
    except HeightUnknown:
        return None
    here = LocalFrame(lon=pose.lon, lat=pose.lat)
    height_m = camera_alt_m - float(ground.altitudes_m(here, np.zeros((1, 2)), camera_alt_m)[0])
    return height_m if height_m > 0 else None


def _between(times_s: Floats, columns: Floats, asked_s: Floats, longest_gap_s: float) -> Floats:
    """Columns (n, c) at other times (m,), smoothly (Hermite, its slopes by differences); NaN in gaps.

    Straight from record to record, the speed would jump at each of them, and the jumps of sparse telemetry would draw
    the offset towards them.
    """
    slopes = np.gradient(columns, times_s, axis=0)
    index = np.clip(np.searchsorted(times_s, asked_s, side="right") - 1, 0, len(times_s) - 2)
    step = (times_s[index + 1] - times_s[index])[:, None]
    x = (asked_s - times_s[index])[:, None] / step
    here, there = columns[index], columns[index + 1]
    smooth = (
        here * (1 + 2 * x) * (1 - x) ** 2
        + there * x * x * (3 - 2 * x)
        + step * x * (1 - x) * (slopes[index] * (1 - x) - slopes[index + 1] * x)
    )
    return np.where(step > longest_gap_s, np.nan, smooth)


def _as_rotations(nearly: Floats) -> Floats:
    """The rotations (n, 3, 3) nearest to matrices that are mixtures of some."""
    known = np.isfinite(nearly[:, 0, 0])
    result = np.full(nearly.shape, np.nan)
    left, _, right = np.linalg.svd(nearly[known])
    result[known] = left @ right
    return result
