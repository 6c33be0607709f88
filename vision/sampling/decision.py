"""What a sampler answers, and what it counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Reason = Literal["first", "ground", "still", "blind", "relook", "attended", "seen"]
"""Why a frame is looked at, or not.

first: nothing was looked at yet, or the clock or the picture jumped.
ground: ground would otherwise leave the picture having been seen too rarely.
still: the camera stands over ground that was seen too rarely.
blind: the camera moves over known ground, and the last look was long ago.
relook: the last look was very long ago.
attended: a candidate is in view that is neither settled nor out of time.
seen: no look: it would show nothing that was not seen often enough.
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Decision:
    """Whether the network ought to see a frame.

    Attributes:
        look: True if so. Whoever asked is taken to look then: the ground counts as seen once more.
        reason: Why, or why not.
        of_interest: Where the picture is worth looking at, a grid over it of shape (rows, columns), bool; None for
            everywhere. Only ground there counts as seen.
    """

    look: bool
    reason: Reason
    of_interest: NDArray[np.bool_] | None = None


@dataclass(frozen=True, kw_only=True)
class SamplingStats:
    """Counts since the sampler began.

    Attributes:
        asked: Times that it decided.
        looks: Times that it wanted a look.
        by_reason: Looks by reason.
    """

    asked: int
    looks: int
    by_reason: Mapping[Reason, int]
