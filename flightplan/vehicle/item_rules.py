"""Which mission items the simulated vehicle takes, and how it gives them back: what ArduPilot and PX4 differ in."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.link.mavlink import FENCE_INSIDE, FENCE_OUTSIDE, NAV_RALLY_POINT, MissionItem, plain_frame
from flightplan.link.mavlink import Autopilot as Dialect
from flightplan.link.plan_on_wire import ListKind
from flightplan.vehicle.fencing import CIRCLES

Message = Any
_PLACED_FRAMES = frozenset({0, 3, 5, 6, 10, 11})
_KNOWN_COMMANDS = {
    ListKind.MISSION: frozenset({16, 20, 21, 22, 178, 195, 205, 206, 1000}),
    ListKind.FENCE: frozenset({FENCE_INSIDE, FENCE_OUTSIDE, *CIRCLES}),
    ListKind.RALLY: frozenset({NAV_RALLY_POINT}),
}
_PARAMETER_CODES = (6, 7, 8, 9)
_X_CODE, _Y_CODE = 10, 11


def item_problem(message: Message, kind: ListKind, spoken: Dialect) -> int:
    """The MAV_MISSION_RESULT of one item; ArduPilot refuses NaN, PX4 takes it for "as you like"."""
    params = (message.param1, message.param2, message.param3, message.param4)
    if spoken is Dialect.ARDUPILOT:
        for code, value in zip(_PARAMETER_CODES, params, strict=True):
            if math.isnan(value):
                return code
    if message.command not in _KNOWN_COMMANDS[kind]:
        return int(dialect.MAV_MISSION_UNSUPPORTED)
    is_placed = message.command in (16, 21, 22, 195) or kind is not ListKind.MISSION
    if is_placed and message.frame not in _PLACED_FRAMES:
        return int(dialect.MAV_MISSION_UNSUPPORTED_FRAME)
    if is_placed and (code := _place_problem(message)):
        return code
    if kind is ListKind.FENCE and not (message.param1 > 0 if message.command in CIRCLES else message.param1 >= 3):
        return int(dialect.MAV_MISSION_INVALID_PARAM1)
    unplaced = (message.x, message.y) if not is_placed else ()
    if not all(map(math.isfinite, (message.z, *unplaced))):
        return int(dialect.MAV_MISSION_INVALID_PARAM7)
    return int(dialect.MAV_MISSION_ACCEPTED)


def _place_problem(message: Message) -> int:
    """The code of a latitude or longitude off the earth; 0 for a place on it."""
    per_degree = 1.0 if message.get_type() == "MISSION_ITEM" else 1e7
    for code, value, most_deg in ((_X_CODE, message.x, 90.0), (_Y_CODE, message.y, 180.0)):
        if not abs(value) <= most_deg * per_degree:
            return code
    return 0


def item_from_message(message: Message) -> MissionItem:
    """MISSION_ITEM_INT or the older MISSION_ITEM."""
    params = (float(message.param1), float(message.param2), float(message.param3), float(message.param4))
    common = {"seq": int(message.seq), "frame": int(message.frame), "command": int(message.command)}
    if message.get_type() == "MISSION_ITEM":
        file_params = (*params, float(message.x), float(message.y), float(message.z))
        return MissionItem.from_file_params(**common, params=file_params)
    return MissionItem(**common, params=params, x=int(message.x), y=int(message.y), z=float(message.z))


def as_held(item: MissionItem, spoken: Dialect) -> MissionItem:
    """As the vehicle stores it and gives it back.

    ArduPilot gives frame 0 to items without a place and keeps rally heights in whole metres; both keep figures in
    single precision.
    """
    first, second, third, fourth = (float(np.float32(value)) for value in item.params)
    held = replace(item, params=(first, second, third, fourth), z=float(np.float32(item.z)))
    if spoken is Dialect.PX4:
        return held
    if item.command == NAV_RALLY_POINT:
        return replace(held, frame=plain_frame(item.frame), z=float(round(item.z)))
    return replace(held, frame=plain_frame(item.frame) if item.has_place else 0)
