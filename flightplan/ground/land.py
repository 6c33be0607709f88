"""Where land is near, coarsely: enough to notice an area whose longitude and latitude were swapped."""

from __future__ import annotations

import math
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def is_near_land(lon: float, lat: float) -> bool:
    """Whether any land lies in that degree square or the eight around it; small islands off on their own may be missed.

    Args:
        lon: Degrees, -180 to 180.
        lat: Degrees, -90 to 90.
    """
    row = min(max(math.floor(90.0 - lat), 0), 179)
    return bool(_squares()[row, math.floor(lon + 180.0) % 360])


@lru_cache(maxsize=1)
def _squares() -> NDArray[np.bool_]:
    """A degree square a pixel, from 90 north and 180 west; made from NOAA's GLOBE elevations (public domain)."""
    with files("flightplan.ground").joinpath("near_land.png").open("rb") as file, Image.open(file) as picture:
        return np.asarray(picture, dtype=bool)
