"""Where a mission passes over the ground, and how high above it, all along its legs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from flightplan.mission.items import ReturnHome, TakeOff, Waypoint
from flightplan.projection import LocalFrame

if TYPE_CHECKING:
    from flightplan.mission.mission import Mission

Floats = NDArray[np.float64]
# Closer than the cells of the elevation models that cities have (12.5 to 30 m), and than most walls are long.
STEP_M = 10.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Profile:
    """A flight, sampled at both ends of each leg and at most `STEP_M` apart between them.

    Attributes:
        lonlat: (n, 2) degrees.
        along_m: (n,) metres flown, horizontally, from home.
        alt_msl_m: (n,) height above mean sea level; NaN where the vehicle follows ground that is not known.
        agl_m: (n,) height above the ground straight below; NaN where that is not known.
        leg: (n,) number of the item (from 1) that the sample is flown towards; the place of a finding.
    """

    lonlat: Floats
    along_m: Floats
    alt_msl_m: Floats
    agl_m: Floats
    leg: NDArray[np.intp]

    def place(self, sample: int) -> str:
        """A sample in words, for people."""
        lon, lat = self.lonlat[sample]
        return f"leg to item {self.leg[sample]} at {lon:.6f}, {lat:.6f}"


def profile_of(mission: Mission) -> Profile:
    """Samples along the mission, from above home to above the landing place.

    Without terrain the ground is taken to be everywhere as high as at home. A vehicle returning home keeps the height
    of its last waypoint.
    """
    home = mission.home
    lonlats, heights, items, follows = [(home.lon, home.lat)], [home.alt_msl_m], [1], [False]
    for number, item in enumerate(mission.items, 1):
        match item:
            case TakeOff(alt_home_m=height):
                heights[0], items[0] = home.alt_msl_m + height, number
            case Waypoint(lon=lon, lat=lat, alt_m=height, alt_reference=reference):
                lonlats.append((lon, lat))
                heights.append(height + (home.alt_msl_m if reference == "home" else 0.0))
                follows.append(reference == "terrain")
                items.append(number)
            case ReturnHome():
                lonlats.append((home.lon, home.lat))
                heights.append(heights[-1])
                follows.append(follows[-1])
                items.append(number)
    return _sampled(mission, np.array(lonlats), np.array(heights), np.array(follows), np.array(items))


def _sampled(
    mission: Mission, lonlat: Floats, heights_m: Floats, follows: NDArray[np.bool_], items: NDArray[np.intp]
) -> Profile:
    frame = LocalFrame(lon=mission.home.lon, lat=mission.home.lat)
    en = frame.en_from_lonlat(lonlat)
    lengths_m = np.hypot(*np.diff(en, axis=0).T)
    parts = np.maximum(np.ceil(lengths_m / STEP_M), 1).astype(np.intp)
    # Both ends of a leg are among its own samples: what is found at a corner is found on both legs.
    counts = parts + 1
    leg = np.repeat(np.arange(len(parts)), counts)
    share = (np.arange(len(leg)) - np.repeat(np.cumsum(counts) - counts, counts)) / parts[leg]
    between = (1 - share)[:, None] * en[leg] + share[:, None] * en[leg + 1]
    places = frame.lonlat_from_en(between)
    flown_m = np.r_[0.0, np.cumsum(lengths_m)]
    heights = (1 - share) * heights_m[leg] + share * heights_m[leg + 1]
    ground_m = _ground_m(mission, places)
    # A vehicle that follows the ground does so on the way to a place that is told above the ground.
    on_ground = follows[leg + 1]
    return Profile(
        lonlat=places,
        along_m=flown_m[leg] + share * lengths_m[leg],
        alt_msl_m=np.where(on_ground, heights + ground_m, heights),
        agl_m=np.where(on_ground, heights, heights - ground_m),
        leg=items[leg + 1],
    )


def _ground_m(mission: Mission, lonlat: Floats) -> Floats:
    if mission.terrain is None:
        return np.full(len(lonlat), mission.home.alt_msl_m)
    return mission.terrain.heights_m(lonlat)
