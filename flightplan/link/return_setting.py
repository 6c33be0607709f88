"""Telling a vehicle how high to climb before it flies home, and reading it back."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from flightplan.errors import NoAnswer
from flightplan.link.link import Link
from flightplan.link.mavlink import Autopilot
from flightplan.link.parameters import SET_TRIES, read_parameter, set_parameter

# Names and how many of their units are a metre: ArduPilot's newer one first, then centimetres.
_SETTINGS = {
    Autopilot.ARDUPILOT: (("RTL_ALT_M", 1.0), ("RTL_ALT", 100.0)),
    Autopilot.PX4: (("RTL_RETURN_ALT", 1.0),),
}


@dataclass(frozen=True, kw_only=True)
class ReturnSetting:
    """What a vehicle climbs to before it flies home: its `parameter`, and the `height_m` above home that it holds."""

    parameter: str
    height_m: float


def raise_return_height(link: Link, height_m: float) -> ReturnSetting:
    """See to it that the vehicle climbs at least so high; more, where it is set to more, is left.

    Args:
        link: To the vehicle.
        height_m: Above home.

    Raises:
        NoAnswer: It has none of the parameters that vehicles of its kind keep this in, or did not take the figure.
        LinkClosed: The connection broke.
    """
    began_s = time.monotonic()
    for name, per_metre in _SETTINGS[link.autopilot]:
        held = read_parameter(link, name)
        if held is None:
            continue
        wanted = float(max(math.ceil(height_m * per_metre), held))
        if wanted != held and set_parameter(link, name, wanted) != wanted:
            break
        return ReturnSetting(parameter=name, height_m=wanted / per_metre)
    names = " or ".join(name for name, _ in _SETTINGS[link.autopilot])
    raise NoAnswer(waiting_for=f"PARAM_VALUE of {names}", tries=SET_TRIES, seconds=time.monotonic() - began_s)
