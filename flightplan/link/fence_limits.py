"""Limits of height and distance that a vehicle keeps by itself beside its plan's fence, held against a mission.

ArduCopter's fence comes with 100 m and 300 m: switched on with a plan's rings, it would end most missions at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from flightplan.errors import BeyondFence
from flightplan.link.link import Link
from flightplan.link.mavlink import Autopilot
from flightplan.link.parameters import read_parameter
from flightplan.mission.mission import Mission
from flightplan.mission.path import MissionPath

# A vehicle swings a little over what it is told to fly.
_SWING_M = 1.0
# Of ArduPilot, with their bits of FENCE_TYPE.
_ARDUPILOT = {"FENCE_ALT_MAX": 1, "FENCE_RADIUS": 2}


def check_fence_limits(link: Link, mission: Mission) -> None:
    """Checks that the limits in force once the mission's fence is switched on let the mission be flown.

    What the vehicle does not tell is not checked, nor are heights above terrain.

    Raises:
        BeyondFence: The vehicle would break the mission off.
        LinkClosed: The connection broke.
    """
    legs = MissionPath(mission).legs
    highest_m = max((leg.end_alt_m for leg in legs if leg.end_alt_m is not None), default=0.0)
    farthest_m = max(math.hypot(*leg.end_en) for leg in legs)
    for name, limit_m, is_height in _limits(link, mission):
        wanted_m = highest_m if is_height else farthest_m
        if wanted_m + _SWING_M > limit_m:
            raise BeyondFence(parameter=name, limit_m=limit_m, wanted_m=wanted_m, is_height=is_height)


def _limits(link: Link, mission: Mission) -> Iterator[tuple[str, float, bool]]:
    """Parameter, metres, and whether it limits the height."""
    if link.autopilot is Autopilot.PX4:
        names = {"GF_MAX_VER_DIST": True, "GF_MAX_HOR_DIST": False}
    elif mission.fence is None and not read_parameter(link, "FENCE_ENABLE"):
        return
    else:
        kinds = int(read_parameter(link, "FENCE_TYPE") or 0)
        names = {name: name == "FENCE_ALT_MAX" for name, bit in _ARDUPILOT.items() if kinds & bit}
    for name, is_height in names.items():
        limit_m = read_parameter(link, name)
        if limit_m is None:
            return
        if link.autopilot is Autopilot.ARDUPILOT or limit_m > 0:
            yield name, limit_m, is_height
