"""What the drone says of itself, wrong by what was planted; the truth file tells how much."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from testbed.camera import BedPose
from testbed.hills import Floats


@dataclass(frozen=True, kw_only=True)
class Planted:
    """Errors of the telemetry; the defaults plant none.

    Attributes:
        clock_offset_s: What the telemetry's clock shows at the first picture of a film. For photos: how much older than
            the picture the pose is that it tells.
        bias_en_m: Error of all positions, east and north.
        bias_height_m: Error of all heights.
        bias_heading_deg: Error of all headings.
        noise_m: One sigma of each position's own error, per axis.
        noise_height_m: One sigma of each height's own error.
        noise_heading_deg: One sigma of each heading's own error.
        noise_tilt_deg: One sigma of each pitch's and roll's own error.
        lasting_s: How long a position's own error lasts (it fades with e in that time); 0: each row has another.
        dropouts_s: Stretches (from, to) of the film's time in which nothing is told.
        seed: Of the noise.
    """

    clock_offset_s: float = 0.0
    bias_en_m: tuple[float, float] = (0.0, 0.0)
    bias_height_m: float = 0.0
    bias_heading_deg: float = 0.0
    noise_m: float = 0.0
    noise_height_m: float = 0.0
    noise_heading_deg: float = 0.0
    noise_tilt_deg: float = 0.0
    lasting_s: float = 0.0
    dropouts_s: tuple[tuple[float, float], ...] = ()
    seed: int = 1

    def is_silent(self, time_s: float) -> bool:
        """Whether nothing is told of that moment of the film."""
        return any(begin <= time_s < end for begin, end in self.dropouts_s)

    def noise(self, times_s: Floats) -> Floats:
        """Own errors (n, 6) of rows at these times: east, north, height in m, heading, pitch, roll in degrees."""
        rng = np.random.default_rng((self.seed, 5))
        drawn = rng.standard_normal((len(times_s), 6))
        for row in range(1, len(times_s)):
            if self.lasting_s > 0:
                kept = math.exp(-(times_s[row] - times_s[row - 1]) / self.lasting_s)
                drawn[row, :3] = kept * drawn[row - 1, :3] + math.sqrt(1 - kept**2) * drawn[row, :3]
        tilt = self.noise_tilt_deg
        return drawn * (self.noise_m, self.noise_m, self.noise_height_m, self.noise_heading_deg, tilt, tilt)

    def told(self, true: BedPose, noise: Floats) -> BedPose:
        """What is told in the place of a true pose, with one row of `noise`."""
        east, north, height, heading, pitch, roll = noise.tolist()
        return BedPose(
            east_m=true.east_m + self.bias_en_m[0] + east,
            north_m=true.north_m + self.bias_en_m[1] + north,
            alt_m=true.alt_m + self.bias_height_m + height,
            heading_deg=(true.heading_deg + self.bias_heading_deg + heading) % 360.0,
            pitch_deg=true.pitch_deg + pitch,
            roll_deg=true.roll_deg + roll,
        )
