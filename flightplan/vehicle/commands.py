"""Commands, modes and parameters, as the simulated vehicle answers them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.vehicle.autopilot import Autopilot, Mode
from flightplan.vehicle.telemetry import Telemetry

Message = Any
Reply = Callable[[Message], None]
_FORCE = 21_196.0
_PARAMETER_REAL32 = 9


class CommandDesk:
    """Answers everything that is not about missions."""

    def __init__(self, autopilot: Autopilot, telemetry: Telemetry) -> None:
        self._autopilot = autopilot
        self._telemetry = telemetry
        self._parameters = {"SYSID_THISMAV": 1.0, "WPNAV_SPEED": 1000.0, "RTL_ALT": 1500.0, "FRAME_CLASS": 2.0}

    def handle(self, message: Message, reply: Reply) -> None:
        """Answers one message, if there is an answer."""
        match message.get_type():
            case "COMMAND_LONG" | "COMMAND_INT":
                self._command(message, reply)
            case "SET_MODE":
                self._autopilot.set_mode(_mode(message.custom_mode) or self._autopilot.mode)
            case "PARAM_REQUEST_LIST":
                for name in self._parameters:
                    self._tell_parameter(name, reply)
            case "PARAM_REQUEST_READ":
                self._read_parameter(message, reply)
            case "PARAM_SET":
                self._set_parameter(message, reply)
            case "MISSION_SET_CURRENT":
                if self._autopilot.set_current(message.seq):
                    reply(self._telemetry.mission_current())
            case "TIMESYNC" if message.tc1 == 0:
                now_ns = self._telemetry.time_usec(self._autopilot.time_s) * 1000
                reply(dialect.MAVLink_timesync_message(now_ns, message.ts1))
            case "PING" if message.target_system == 0:
                reply(
                    dialect.MAVLink_ping_message(
                        message.time_usec, message.seq, message.get_srcSystem(), message.get_srcComponent()
                    )
                )

    def _command(self, message: Message, reply: Reply) -> None:
        code, text = self._obey(message, reply)
        if text:
            reply(dialect.MAVLink_statustext_message(dialect.MAV_SEVERITY_WARNING, text.encode()[:50]))
        reply(
            dialect.MAVLink_command_ack_message(
                message.command, code, 0, 0, message.get_srcSystem(), message.get_srcComponent()
            )
        )

    def _obey(self, message: Message, reply: Reply) -> tuple[int, str | None]:
        """The MAV_RESULT and, for a refusal, the reason."""
        autopilot = self._autopilot
        match message.command:
            case dialect.MAV_CMD_COMPONENT_ARM_DISARM if message.param1 == 1.0:
                return _result(autopilot.arm())
            case dialect.MAV_CMD_COMPONENT_ARM_DISARM:
                return _result(autopilot.disarm(force=message.param2 == _FORCE))
            case dialect.MAV_CMD_DO_SET_MODE:
                mode = _mode(message.param2)
                return _result(autopilot.set_mode(mode) if mode else f"no mode {message.param2:g}")
            case dialect.MAV_CMD_MISSION_START:
                return _result(autopilot.start_mission())
            case dialect.MAV_CMD_NAV_RETURN_TO_LAUNCH:
                return _result(autopilot.set_mode(Mode.RTL))
            case dialect.MAV_CMD_NAV_LAND:
                return _result(autopilot.set_mode(Mode.LAND))
            case dialect.MAV_CMD_DO_SET_MISSION_CURRENT:
                there_is = autopilot.set_current(int(message.param1))
                return _result(None if there_is else "no such item")
            case dialect.MAV_CMD_REQUEST_MESSAGE | dialect.MAV_CMD_REQUEST_AUTOPILOT_CAPABILITIES:
                return self._send_requested(message, reply)
            case dialect.MAV_CMD_GET_HOME_POSITION:
                reply(self._telemetry.home_position())
                return _result(None)
            case dialect.MAV_CMD_SET_MESSAGE_INTERVAL:
                return _result(None)
        return int(dialect.MAV_RESULT_UNSUPPORTED), None

    def _send_requested(self, message: Message, reply: Reply) -> tuple[int, str | None]:
        wanted = int(message.param1) if message.command == dialect.MAV_CMD_REQUEST_MESSAGE else 148
        makers: dict[int, Callable[[], Message]] = {
            dialect.MAVLINK_MSG_ID_AUTOPILOT_VERSION: self._telemetry.version,
            dialect.MAVLINK_MSG_ID_HOME_POSITION: self._telemetry.home_position,
            dialect.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: self._telemetry.position,
            dialect.MAVLINK_MSG_ID_SYS_STATUS: self._telemetry.system_status,
            dialect.MAVLINK_MSG_ID_MISSION_CURRENT: self._telemetry.mission_current,
            dialect.MAVLINK_MSG_ID_EXTENDED_SYS_STATE: self._telemetry.landed_state,
        }
        maker = makers.get(wanted)
        if maker is None:
            return int(dialect.MAV_RESULT_UNSUPPORTED), None
        reply(maker())
        return _result(None)

    def _read_parameter(self, message: Message, reply: Reply) -> None:
        names = list(self._parameters)
        index = int(message.param_index)
        name = names[index] if 0 <= index < len(names) else _parameter_name(message.param_id)
        if name in self._parameters:
            self._tell_parameter(name, reply)

    def _set_parameter(self, message: Message, reply: Reply) -> None:
        name = _parameter_name(message.param_id)
        if name in self._parameters and math.isfinite(message.param_value):
            self._parameters[name] = float(message.param_value)
            self._tell_parameter(name, reply)

    def _tell_parameter(self, name: str, reply: Reply) -> None:
        names = list(self._parameters)
        reply(
            dialect.MAVLink_param_value_message(
                name.encode(), self._parameters[name], _PARAMETER_REAL32, len(names), names.index(name)
            )
        )


def _result(problem: str | None) -> tuple[int, str | None]:
    return (int(dialect.MAV_RESULT_ACCEPTED), None) if problem is None else (int(dialect.MAV_RESULT_FAILED), problem)


def _mode(number: float) -> Mode | None:
    try:
        return Mode(int(number))
    except ValueError:
        return None


def _parameter_name(raw: str | bytes) -> str:
    return raw.decode(errors="replace").rstrip("\0") if isinstance(raw, bytes) else raw.rstrip("\0")
