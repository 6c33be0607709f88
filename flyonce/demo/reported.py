"""What the staged drone believes about itself: its true pose with the errors of consumer navigation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flyonce.demo.camera_sim import TruePose


@dataclass(frozen=True, kw_only=True)
class NavigationErrors:
    """One-sigma errors; those named `flight` are drawn once per flight, the others per photo.

    Attributes:
        flight_position_m: Bias of each horizontal axis.
        photo_position_m: Noise of each horizontal axis.
        flight_height_m: Bias of the height above take-off.
        photo_height_m: Noise of the height above take-off.
        flight_yaw_deg: Bias of the gimbal's yaw.
        photo_yaw_deg: Noise of the gimbal's yaw.
        photo_tilt_deg: Noise of the gimbal's pitch and roll.
        gimbal_jitter_deg: How far the gimbal really is from where it ought to look.
    """

    flight_position_m: float = 1.0
    photo_position_m: float = 0.4
    flight_height_m: float = 0.6
    photo_height_m: float = 0.15
    flight_yaw_deg: float = 0.8
    photo_yaw_deg: float = 0.25
    photo_tilt_deg: float = 0.35
    gimbal_jitter_deg: float = 0.3

    def __post_init__(self) -> None:
        if min(vars(self).values()) < 0:
            raise ValueError("a one-sigma error cannot be negative")


@dataclass(frozen=True, kw_only=True)
class Navigator:
    """Shakes the gimbal and misreports the pose, the same way for the same seed and photo.

    Attributes:
        errors: How large the errors are.
        seed: The flight.
    """

    errors: NavigationErrors
    seed: int

    def shaken(self, pose: TruePose, index: int) -> TruePose:
        """The pose with the gimbal's real jitter at photo `index`."""
        yaw, pitch, aside = self._rng(index, 1).normal(0, self.errors.gimbal_jitter_deg, 3)
        return TruePose(
            east_m=pose.east_m,
            north_m=pose.north_m,
            up_m=pose.up_m,
            heading_deg=pose.heading_deg + float(yaw),
            pitch_deg=pose.pitch_deg + float(pitch),
            roll_deg=pose.roll_deg,
            aside_deg=float(aside),
        )

    def reported(self, pose: TruePose, index: int) -> TruePose:
        """What the drone writes into photo `index`, taken from the true `pose`."""
        bias, noise, errors = self._rng(0, 2).standard_normal(4), self._rng(index, 3).standard_normal(6), self.errors
        return TruePose(
            east_m=pose.east_m + float(bias[0]) * errors.flight_position_m + float(noise[0]) * errors.photo_position_m,
            north_m=pose.north_m
            + float(bias[1]) * errors.flight_position_m
            + float(noise[1]) * errors.photo_position_m,
            up_m=pose.up_m + float(bias[2]) * errors.flight_height_m + float(noise[2]) * errors.photo_height_m,
            heading_deg=pose.heading_deg
            + float(bias[3]) * errors.flight_yaw_deg
            + float(noise[3]) * errors.photo_yaw_deg,
            pitch_deg=pose.pitch_deg + float(noise[4]) * errors.photo_tilt_deg,
            roll_deg=pose.roll_deg + float(noise[5]) * errors.photo_tilt_deg,
        )

    def _rng(self, index: int, purpose: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, purpose, index))
