"""The ground sampler's word for every frame of a staged film, by the pose that the drone reported."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vision.sampling import FrameChoice, GroundSampler, GroundView


class Sampled:
    """Says which frames are wanted, and in which parts; `choice.key` hears of the key pictures."""

    def __init__(self, view_at: Callable[[float], GroundView], *, looks: int = 3) -> None:
        """Begin with nothing seen; `view_at` tells what the camera shows at a time of the film."""
        self.choice = FrameChoice(GroundSampler(looks=looks), view_at)
        self._view_at = view_at
        self._parts: dict[float, NDArray[np.bool_] | None] = {}

    def want(self, media_time_s: float) -> bool:
        """Whether the frame of this time is to be looked at."""
        if self.choice.skips(media_time_s):
            return False
        decision = self.choice.decide(media_time_s, self._view_at(media_time_s))
        if decision.look:
            self._parts[media_time_s] = decision.of_interest
        return decision.look

    def part_of(self, media_time_s: float) -> NDArray[np.bool_] | None:
        """Where a wanted frame is of interest, shape (rows, columns); None for everywhere. To be asked once."""
        return self._parts.pop(media_time_s)
