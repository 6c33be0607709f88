"""Telling a vehicle how high to climb before it flies home, and reading it back."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import NoAnswer
from flightplan.link.link import Link, Message
from flightplan.link.mavlink import Autopilot

# Names and how many of their units are a metre: ArduPilot's newer one first, then centimetres.
_SETTINGS = {
    Autopilot.ARDUPILOT: (("RTL_ALT_M", 1.0), ("RTL_ALT", 100.0)),
    Autopilot.PX4: (("RTL_RETURN_ALT", 1.0),),
}
_WAIT_S = 1.0
_TRIES = 5
_REAL32 = 9


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
    for name, per_metre in _SETTINGS[link.autopilot]:
        held = _value(link, name, None)
        if held is None:
            continue
        wanted = float(max(math.ceil(height_m * per_metre), held))
        if wanted != held and _value(link, name, wanted) != wanted:
            break
        return ReturnSetting(parameter=name, height_m=wanted / per_metre)
    names = " or ".join(name for name, _ in _SETTINGS[link.autopilot])
    raise NoAnswer(waiting_for=f"PARAM_VALUE of {names}", tries=_TRIES, seconds=_TRIES * _WAIT_S)


def _value(link: Link, name: str, wanted: float | None) -> float | None:
    """What the vehicle says the parameter is, set to `wanted` where that is given; None for no answer."""
    system, component, told = link.vehicle_system, link.vehicle_component, None
    for _ in range(_TRIES if wanted is not None else 2):
        if wanted is None:
            link.send(dialect.MAVLink_param_request_read_message(system, component, name.encode(), -1))
        else:
            link.send(dialect.MAVLink_param_set_message(system, component, name.encode(), wanted, _REAL32))
        until = time.monotonic() + _WAIT_S
        while (left_s := until - time.monotonic()) > 0:
            message = link.receive(("PARAM_VALUE",), left_s)
            if message is not None and _name_of(message) == name:
                told = float(message.param_value)
                if wanted is None or told == wanted:
                    return told
    return told


def _name_of(message: Message) -> str:
    name = message.param_id
    return str(name if isinstance(name, str) else name.decode(errors="replace")).rstrip("\0")
