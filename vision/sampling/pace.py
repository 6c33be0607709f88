"""The clock's part of sampling: how long to wait at most, and how often to look at a candidate."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vision.errors import InvalidValueError


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Times between looks.

    Attributes:
        max_blind_s: Longest time between looks while the camera moves, even over ground that was seen often enough.
        relook_s: Longest time between looks while it does not.
        still_s: Time between the first looks of a camera that stands still.
        attend_every_s: Time between the first looks at a candidate in view.
        attend_closely: So many looks come at that pace: ten, in the 10 s clip that evidence asks for.
        attend_later_s: Time between later ones: what ten looks left open is a question of hours, or of a person.
        max_skip_s: Longest time for which a sampler does not want to be asked: nothing moves far within it.

    Raises:
        InvalidValueError: If a time is not positive and finite.
    """

    max_blind_s: float = 8.0
    relook_s: float = 15.0
    still_s: float = 3.0
    attend_every_s: float = 1.0
    attend_closely: int = 10
    attend_later_s: float = 5.0
    max_skip_s: float = 0.5

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (math.isfinite(value) and value > 0):
                raise InvalidValueError(f"{name} must be positive, not {value}")
