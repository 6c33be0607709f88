"""The few parameters of the simulated vehicle that a ground station reads and sets."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.link.mavlink import Autopilot as Dialect
from flightplan.vehicle.autopilot import Autopilot

Message = Any
Reply = Callable[[Message], None]
_INT8, _INT32, _REAL32 = 2, 6, 9
_HEIGHT, _DISTANCE, _AREAS = 1, 2, 4  # bits of FENCE_TYPE
_USUAL_HEIGHT_M, _USUAL_DISTANCE_M = 100.0, 300.0


@dataclass(frozen=True, kw_only=True)
class _Parameter:
    """A figure, its MAV_PARAM_TYPE, and what happens when it is set; `set` returns whether it may be that."""

    kind: int
    get: Callable[[], float]
    set: Callable[[float], bool]


class ParameterDesk:
    """Answers what is asked about parameters, in the names and numbers of the dialect."""

    def __init__(self, autopilot: Autopilot, system_id: int) -> None:
        self._autopilot = autopilot
        self._fence = autopilot.fence
        self._is_px4 = autopilot.setup.dialect is Dialect.PX4
        self._limits_m = {
            "height": self._fence.max_height_m or _USUAL_HEIGHT_M,
            "distance": self._fence.max_distance_m or _USUAL_DISTANCE_M,
        }
        self._table = self._px4() if self._is_px4 else self._ardupilot()
        self._table[("MAV_SYS_ID" if self._is_px4 else "SYSID_THISMAV")] = _kept(_INT32, float(system_id))

    def handle(self, message: Message, reply: Reply) -> bool:
        """Answers a message about parameters; false when it is about something else."""
        match message.get_type():
            case "PARAM_REQUEST_LIST":
                for name in self._table:
                    self._tell(name, reply)
            case "PARAM_REQUEST_READ":
                names, index = list(self._table), int(message.param_index)
                name = names[index] if 0 <= index < len(names) else _name(message.param_id)
                if name in self._table:
                    self._tell(name, reply)
            case "PARAM_SET":
                self._set(message, reply)
            case _:
                return False
        return True

    def _ardupilot(self) -> dict[str, _Parameter]:
        return {
            "WPNAV_SPEED": _kept(_REAL32, 1000.0),
            "FRAME_CLASS": _kept(_INT8, 2.0),
            "RTL_ALT": _Parameter(
                kind=_REAL32, get=lambda: self._autopilot.return_alt_m * 100, set=self._set_return_cm
            ),
            "FENCE_ENABLE": _Parameter(kind=_INT8, get=lambda: float(self._fence.enabled), set=self._enable_fence),
            "FENCE_ACTION": self._action(_INT8),
            "FENCE_TYPE": _Parameter(kind=_INT8, get=self._fence_type, set=self._set_fence_type),
            "FENCE_ALT_MAX": _Parameter(
                kind=_REAL32, get=lambda: self._limits_m["height"], set=lambda value: self._set_limit("height", value)
            ),
            "FENCE_RADIUS": _Parameter(
                kind=_REAL32,
                get=lambda: self._limits_m["distance"],
                set=lambda value: self._set_limit("distance", value),
            ),
        }

    def _px4(self) -> dict[str, _Parameter]:
        return {
            "RTL_RETURN_ALT": _Parameter(
                kind=_REAL32,
                get=lambda: self._autopilot.return_alt_m,
                set=lambda value: self._set_return_cm(value * 100),
            ),
            "GF_ACTION": self._action(_INT32),
            "GF_MAX_VER_DIST": _Parameter(
                kind=_REAL32, get=lambda: self._fence.max_height_m or 0.0, set=self._set_px4_height
            ),
            "GF_MAX_HOR_DIST": _Parameter(
                kind=_REAL32, get=lambda: self._fence.max_distance_m or 0.0, set=self._set_px4_distance
            ),
        }

    def _action(self, kind: int) -> _Parameter:
        return _Parameter(kind=kind, get=lambda: float(self._fence.action), set=self._fence.takes_action)

    def _set_return_cm(self, value: float) -> bool:
        self._autopilot.return_alt_m = max(value / 100, 0.0)
        return True

    def _enable_fence(self, value: float) -> bool:
        self._fence.enabled = value != 0
        return True

    def _fence_type(self) -> float:
        height = _HEIGHT if self._fence.max_height_m is not None else 0
        return float(_AREAS | height | (_DISTANCE if self._fence.max_distance_m is not None else 0))

    def _set_fence_type(self, value: float) -> bool:
        bits = int(value)
        self._fence.max_height_m = self._limits_m["height"] if bits & _HEIGHT else None
        self._fence.max_distance_m = self._limits_m["distance"] if bits & _DISTANCE else None
        return True

    def _set_limit(self, what: str, value: float) -> bool:
        kinds = self._fence_type()
        self._limits_m[what] = max(value, 0.0)
        return self._set_fence_type(kinds)

    def _set_px4_height(self, value: float) -> bool:
        self._fence.max_height_m = value if value > 0 else None
        return True

    def _set_px4_distance(self, value: float) -> bool:
        self._fence.max_distance_m = value if value > 0 else None
        return True

    def _set(self, message: Message, reply: Reply) -> None:
        """PX4 does not take a figure of another type than the parameter's; whole ones it packs as their bits."""
        name = _name(message.param_id)
        parameter = self._table.get(name)
        if parameter is None or (self._is_px4 and message.param_type != parameter.kind):
            return
        is_packed = self._is_px4 and parameter.kind == _INT32
        value = float(_unpacked(message.param_value) if is_packed else message.param_value)
        if math.isfinite(value):
            parameter.set(value)
            self._tell(name, reply)

    def _tell(self, name: str, reply: Reply) -> None:
        names, parameter = list(self._table), self._table[name]
        value = parameter.get()
        if self._is_px4 and parameter.kind == _INT32:
            value = struct.unpack("<f", struct.pack("<i", int(value)))[0]
        reply(dialect.MAVLink_param_value_message(name.encode(), value, parameter.kind, len(names), names.index(name)))


def _kept(kind: int, value: float) -> _Parameter:
    """One without an effect here."""
    held = [value]

    def put(new: float) -> bool:
        held[0] = new
        return True

    return _Parameter(kind=kind, get=lambda: held[0], set=put)


def _unpacked(value: float) -> int:
    return int(struct.unpack("<i", struct.pack("<f", value))[0])


def _name(raw: str | bytes) -> str:
    return raw.decode(errors="replace").rstrip("\0") if isinstance(raw, bytes) else raw.rstrip("\0")
