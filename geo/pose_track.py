"""Poses in time: where a moving camera was at any moment between those that its telemetry tells."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from geo.errors import PoseUnknown
from geo.frames import METRES_PER_DEGREE
from geo.pose import Pose, PoseSigmas, enu_from_camera, wrap_deg

Floats = npt.NDArray[np.float64]

# Telemetry once a second with a line missing here and there is still one flight; more silence than this is not known.
LONGEST_GAP_S = 2.5
# How far the clocks of picture and telemetry are apart, one sigma; times the speed it is an error of the position.
CLOCK_SIGMA_S = 0.1
# Straighter down than this, heading and roll turn about one axis and cannot be told apart.
_NADIR_COSINE = 1e-4
# And beyond this sine of the depression a turn is told as one of the heading rather than shared out between the two.
_STEEP_SINE = 0.98
# A time this little outside the track is its end: containers and subtitles round to milliseconds.
_ROUNDING_S = 0.002


@dataclass(frozen=True, kw_only=True, eq=False)
class PoseTrack:
    """Poses at rising times; between two of them the position goes straight and the attitude the shortest way.

    Attributes:
        times_s: Seconds on the track's own clock, strictly rising, one per pose: a video's media time, or seconds
            since `zero_at`.
        poses: The poses; all of one altitude datum.
        zooms: Digital zoom at each pose, 1 for none; empty for none at all.
        zero_at: The moment of 0 s, aware UTC; None where the track is on a video's clock.
        longest_gap_s: Nothing is interpolated across more time than this.
        clock_sigma_s: One-sigma error between this clock and that of the pictures.
    """

    times_s: Sequence[float]
    poses: Sequence[Pose]
    zooms: Sequence[float] = ()
    zero_at: datetime | None = None
    longest_gap_s: float = LONGEST_GAP_S
    clock_sigma_s: float = CLOCK_SIGMA_S

    def __post_init__(self) -> None:
        if not self.poses or len(self.poses) != len(self.times_s) or len(self.zooms) not in (0, len(self.poses)):
            raise ValueError("a track needs at least one pose, and one time (and zoom, if any) for each")
        times = np.asarray(self.times_s, dtype=np.float64)
        if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
            raise ValueError("the times of a track must be finite and rise")
        if len({pose.alt_datum for pose in self.poses}) != 1:
            raise ValueError("the poses of one track must share one altitude datum")
        if self.zero_at is not None and self.zero_at.tzinfo is None:
            raise ValueError("zero_at must be aware (UTC)")
        object.__setattr__(self, "times_s", tuple(times.tolist()))
        object.__setattr__(self, "poses", tuple(self.poses))
        object.__setattr__(self, "zooms", tuple(self.zooms))

    @property
    def began_s(self) -> float:
        """Time of the first pose."""
        return self.times_s[0]

    @property
    def ended_s(self) -> float:
        """Time of the last pose."""
        return self.times_s[-1]

    @property
    def gaps_s(self) -> tuple[tuple[float, float], ...]:
        """Stretches (from, to) between poses for which `at` raises."""
        return tuple((here, there) for here, there in pairwise(self.times_s) if there - here > self.longest_gap_s)

    def seconds_of(self, moment: datetime) -> float:
        """An aware moment on this track's clock.

        Raises:
            ValueError: The track does not know which moment its 0 s is.
        """
        if self.zero_at is None:
            raise ValueError("this track runs on a video's clock: it knows no moments")
        return (moment - self.zero_at).total_seconds()

    def at(self, time_s: float) -> Pose:
        """The pose at a time.

        Raises:
            PoseUnknown: The time lies before the first pose, after the last one, or in too long a gap.
        """
        index, share = self._between(time_s)
        here = self.poses[index]
        if share == 0.0:
            return self._with_clock_error(here, index)
        return self._with_clock_error(_mixed(here, self.poses[index + 1], share), index)

    def zoom_at(self, time_s: float) -> float:
        """Digital zoom at a time, the larger of its neighbours'; 1 where none is told.

        Raises:
            PoseUnknown: As `at`.
        """
        index, share = self._between(time_s)
        if not self.zooms:
            return 1.0
        return self.zooms[index] if share == 0.0 else max(self.zooms[index], self.zooms[index + 1])

    def shifted(self, offset_s: float) -> PoseTrack:
        """The same poses on a clock that shows `offset_s` less at the same moment."""
        zero_at = None if self.zero_at is None else self.zero_at + timedelta(seconds=offset_s)
        return replace(self, times_s=[time_s - offset_s for time_s in self.times_s], zero_at=zero_at)

    def with_clock_sigma(self, clock_sigma_s: float) -> PoseTrack:
        """The same poses with another one-sigma error between this clock and that of the pictures."""
        return replace(self, clock_sigma_s=clock_sigma_s)

    def _between(self, time_s: float) -> tuple[int, float]:
        """The pose before a time, and how far (0 to 1) it is on the way to the next one."""
        times = self.times_s
        if times[0] - _ROUNDING_S <= time_s <= times[0]:
            return 0, 0.0
        if times[-1] <= time_s <= times[-1] + _ROUNDING_S:
            return len(times) - 1, 0.0
        if not times[0] < time_s < times[-1]:
            raise PoseUnknown(time_s=time_s, reason="before" if time_s < times[0] else "after")
        index = bisect_right(times, time_s) - 1
        step_s = times[index + 1] - times[index]
        if step_s > self.longest_gap_s and time_s != times[index]:
            raise PoseUnknown(time_s=time_s, reason="gap")
        return index, (time_s - times[index]) / step_s

    def _with_clock_error(self, pose: Pose, index: int) -> Pose:
        """The pose with what the clocks' disagreement adds to its position error at this speed."""
        first = max(min(index, len(self.poses) - 2), 0)
        if self.clock_sigma_s == 0 or len(self.poses) < 2:
            return pose
        here, there, step_s = self.poses[first], self.poses[first + 1], self.times_s[first + 1] - self.times_s[first]
        if step_s > self.longest_gap_s:
            return pose
        return replace(pose, sigmas=_moved_by_clock(pose, here, there, self.clock_sigma_s / step_s))


def _moved_by_clock(pose: Pose, here: Pose, there: Pose, share: float) -> PoseSigmas:
    """A pose's sigmas with what `share` of the way and of the turn between two poses adds to them."""
    east_m = wrap_deg(there.lon - here.lon) * METRES_PER_DEGREE * math.cos(math.radians(here.lat)) * share
    north_m = (there.lat - here.lat) * METRES_PER_DEGREE * share
    heading_deg, pitch_deg, roll_deg = _turn_deg(here, there)
    sigmas = pose.sigmas
    return replace(
        sigmas,
        east_m=math.hypot(sigmas.east_m, east_m),
        north_m=math.hypot(sigmas.north_m, north_m),
        east_north_m2=sigmas.east_north_m2 + east_m * north_m,
        height_m=math.hypot(sigmas.height_m, (there.alt_m - here.alt_m) * share),
        heading_deg=math.hypot(sigmas.heading_deg, heading_deg * share),
        pitch_deg=math.hypot(sigmas.pitch_deg, pitch_deg * share),
        roll_deg=math.hypot(sigmas.roll_deg, roll_deg * share),
    )


def _turn_deg(here: Pose, there: Pose) -> tuple[float, float, float]:
    """How far heading, pitch and roll turn from one pose to the next: about the vertical, the level axis, the look.

    Straight down, where heading and roll are one turn, all of it is heading.
    """
    if not (here.has_bearing and there.has_bearing):
        return 0.0, 0.0, 0.0
    first, second = enu_from_camera(*here.look_deg()), enu_from_camera(*there.look_deg())
    turn = second @ first.T
    angle = math.acos(min(max((float(np.trace(turn)) - 1) / 2, -1.0), 1.0))
    if angle < 1e-9 or angle > math.pi - 1e-6:
        return 0.0, 0.0, 0.0
    skew = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
    about = np.degrees(angle) * skew / (2 * math.sin(angle))
    heading = math.radians(here.look_deg()[0])
    axes = np.column_stack(((0.0, 0.0, -1.0), (math.cos(heading), -math.sin(heading), 0.0), first[:, 2]))
    if abs(float(first[2, 2])) > _STEEP_SINE:
        vertical, level = -float(about[2]), float(about @ axes[:, 1])
        return vertical, level, 0.0
    parts = np.linalg.solve(axes, about)
    return float(parts[0]), float(parts[1]), float(parts[2])


def _mixed(here: Pose, there: Pose, share: float) -> Pose:
    heading_deg, pitch_deg, roll_deg = _mixed_attitude(here, there, share)
    return Pose(
        at=None if here.at is None or there.at is None else here.at + (there.at - here.at) * share,
        lon=here.lon + wrap_deg(there.lon - here.lon) * share,
        lat=_mean(here.lat, there.lat, share),
        alt_m=_mean(here.alt_m, there.alt_m, share),
        alt_datum=here.alt_datum,
        heading_deg=heading_deg,
        pitch_deg=pitch_deg,
        roll_deg=roll_deg,
        sigmas=_looser(here.sigmas, there.sigmas),
        height_above_home_m=_mean_if_known(here.height_above_home_m, there.height_above_home_m, share),
        reported_alt_m=_mean_if_known(here.reported_alt_m, there.reported_alt_m, share),
        heading_source=here.heading_source if here.heading_source == there.heading_source else "mixed",
    )


def _mean(here: float, there: float, share: float) -> float:
    return here + (there - here) * share


def _mean_if_known(here: float | None, there: float | None, share: float) -> float | None:
    return None if here is None or there is None else _mean(here, there, share)


def _looser(here: PoseSigmas, there: PoseSigmas) -> PoseSigmas:
    if here == there:
        return here
    names = ("east_m", "north_m", "height_m", "heading_deg", "pitch_deg", "roll_deg", "common_position_m")
    # Two different ellipses in one: without a slant, whatever theirs were.
    looser = {name: max(getattr(here, name), getattr(there, name)) for name in names}
    return replace(here, **looser, east_north_m2=0.0)


def _mixed_attitude(here: Pose, there: Pose, share: float) -> tuple[float | None, float | None, float | None]:
    """Spherical interpolation: angle by angle would turn the picture wildly near straight down."""
    if not (here.has_bearing and there.has_bearing):
        return None, None, None
    first, second = enu_from_camera(*here.look_deg()), enu_from_camera(*there.look_deg())
    turn = first.T @ second
    angle = math.acos(min(max((float(np.trace(turn)) - 1) / 2, -1.0), 1.0))
    if angle < 1e-9:
        return here.heading_deg, here.pitch_deg, here.roll_deg
    return attitude_deg(first @ _turned(turn, angle, share))


def _turned(turn: Floats, angle: float, share: float) -> Floats:
    """The rotation by a share of `angle` about the axis of `turn` (Rodrigues)."""
    if angle > math.pi - 1e-6:  # half a turn: the skew part vanishes, the axis stands in the symmetric part
        symmetric = (turn + np.eye(3)) / 2
        axis = symmetric[:, int(np.argmax(np.diag(symmetric)))]
        axis = axis / np.linalg.norm(axis)
    else:
        skew = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
        axis = skew / (2 * math.sin(angle))
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    part = angle * share
    result: Floats = np.eye(3) + math.sin(part) * cross + (1 - math.cos(part)) * (cross @ cross)
    return result


def attitude_deg(enu_from_camera_axes: Floats) -> tuple[float, float, float]:
    """Heading, pitch and roll of a rotation (3, 3) as `enu_from_camera` makes it.

    Straight down, where heading and roll are one turn, all of it is heading and the roll is 0.
    """
    right, ahead = enu_from_camera_axes[:, 0], enu_from_camera_axes[:, 2]
    pitch = math.asin(min(max(float(ahead[2]), -1.0), 1.0))
    if math.hypot(float(ahead[0]), float(ahead[1])) < _NADIR_COSINE:
        return math.degrees(math.atan2(-float(right[1]), float(right[0]))), math.degrees(pitch), 0.0
    heading = math.atan2(float(ahead[0]), float(ahead[1]))
    level_right = np.array([math.cos(heading), -math.sin(heading), 0.0])
    level_down = np.cross(ahead, level_right)
    roll = math.atan2(float(right @ level_down), float(right @ level_right))
    return math.degrees(heading), math.degrees(pitch), math.degrees(roll)
