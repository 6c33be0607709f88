"""Commands, modes and parameters, as the simulated vehicle answers them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.link.mavlink import Autopilot as Dialect
from flightplan.link.mavlink import MissionItem, lonlat_from_xy
from flightplan.link.modes import Mode, mode_from_custom, mode_from_params
from flightplan.vehicle.autopilot import Autopilot
from flightplan.vehicle.parameters import ParameterDesk
from flightplan.vehicle.telemetry import Telemetry

Message = Any
Reply = Callable[[Message], None]
_FORCE = 21_196.0
# A command that is repeated within so long, with a count of repetition, is the same order and not a second one.
_REPEATED_WITHIN_S = 10.0


class CommandDesk:
    """Answers everything that is not about missions."""

    def __init__(self, autopilot: Autopilot, telemetry: Telemetry) -> None:
        self._autopilot = autopilot
        self._telemetry = telemetry
        self._dialect = autopilot.setup.dialect
        self._parameters = ParameterDesk(autopilot, telemetry.system_id)
        self._orders: dict[tuple[int, int], tuple[tuple[float, ...], int, float]] = {}

    def handle(self, message: Message, reply: Reply, now_s: float) -> None:
        """Answers one message, if there is an answer; `now_s` are real seconds."""
        if self._parameters.handle(message, reply):
            return
        match message.get_type():
            case "COMMAND_LONG" | "COMMAND_INT":
                self._command(message, reply, now_s)
            case "SET_MODE":
                mode = mode_from_custom(message.custom_mode, self._dialect)
                self._autopilot.set_mode(mode or self._autopilot.mode)
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

    def _command(self, message: Message, reply: Reply, now_s: float) -> None:
        sender = (message.get_srcSystem(), message.get_srcComponent())
        order = _order(message)
        known, code, at_s = self._orders.get(sender, ((), 0, 0.0))
        is_repeated = getattr(message, "confirmation", 0) > 0 and known == order and now_s - at_s < _REPEATED_WITHIN_S
        if not is_repeated:
            code, text = self._obey(message, reply)
            self._orders[sender] = (order, code, now_s)
            if text:
                reply(dialect.MAVLink_statustext_message(dialect.MAV_SEVERITY_WARNING, text.encode()[:50]))
        reply(dialect.MAVLink_command_ack_message(message.command, code, 0, 0, *sender))

    def _obey(self, message: Message, reply: Reply) -> tuple[int, str | None]:
        """The MAV_RESULT and, for a refusal, the reason."""
        autopilot = self._autopilot
        match message.command:
            case dialect.MAV_CMD_COMPONENT_ARM_DISARM if message.param1 == 1.0:
                return _result(autopilot.arm())
            case dialect.MAV_CMD_COMPONENT_ARM_DISARM:
                return _result(autopilot.disarm(force=message.param2 == _FORCE))
            case dialect.MAV_CMD_DO_SET_MODE:
                mode = mode_from_params(message.param2, message.param3, self._dialect)
                return _result(autopilot.set_mode(mode) if mode else f"no mode {message.param2:g}")
            case dialect.MAV_CMD_MISSION_START:
                return _result(autopilot.start_mission())
            case dialect.MAV_CMD_NAV_RETURN_TO_LAUNCH:
                return _result(autopilot.set_mode(Mode.RTL))
            case dialect.MAV_CMD_NAV_LAND:
                return _result(autopilot.set_mode(Mode.LAND))
            case dialect.MAV_CMD_DO_PAUSE_CONTINUE if self._dialect is Dialect.ARDUPILOT:
                return _result(autopilot.pause(message.param1 == 0.0))
            case dialect.MAV_CMD_DO_REPOSITION:
                return self._reposition(message)
            case dialect.MAV_CMD_DO_SET_ROI_LOCATION:
                return self._look_at(message)
            case 178 | 205 | 206 | 1000:
                return self._do_at_once(message)
            case dialect.MAV_CMD_DO_FENCE_ENABLE if self._dialect is Dialect.ARDUPILOT:
                autopilot.fence.enabled = message.param1 == 1.0
                return _result(None)
            case dialect.MAV_CMD_DO_SET_MISSION_CURRENT:
                if not math.isfinite(message.param1):
                    return int(dialect.MAV_RESULT_DENIED), None
                offset = 0 if self._dialect.home_is_item_0 else 1
                there_is = autopilot.set_current(int(message.param1) + offset)
                return _result(None if there_is else "no such item")
            case dialect.MAV_CMD_REQUEST_MESSAGE | dialect.MAV_CMD_REQUEST_AUTOPILOT_CAPABILITIES:
                return self._send_requested(message, reply)
            case dialect.MAV_CMD_GET_HOME_POSITION:
                reply(self._telemetry.home_position())
                return _result(None)
            case dialect.MAV_CMD_SET_MESSAGE_INTERVAL:
                return _result(None)
        return int(dialect.MAV_RESULT_UNSUPPORTED), None

    def _reposition(self, message: Message) -> tuple[int, str | None]:
        """Only as COMMAND_INT: single precision does not hold a place."""
        if message.get_type() != "COMMAND_INT":
            return int(dialect.MAV_RESULT_COMMAND_INT_ONLY), None
        if not math.isfinite(message.z):
            return int(dialect.MAV_RESULT_DENIED), "Reposition: no height"
        if not _is_on_earth(message):
            return int(dialect.MAV_RESULT_DENIED), "Reposition: no place"
        above_home = message.frame in (3, 6)
        height = message.z if above_home else message.z - self._autopilot.home.alt_msl_m
        lonlat = lonlat_from_xy(message.x, message.y)
        speed = message.param1 if math.isfinite(message.param1) else -1.0
        return _result(self._autopilot.go_to(lonlat, height, speed))

    def _look_at(self, message: Message) -> tuple[int, str | None]:
        """Only as COMMAND_INT, likewise."""
        if message.get_type() != "COMMAND_INT":
            return int(dialect.MAV_RESULT_COMMAND_INT_ONLY), None
        if not (_is_on_earth(message) and math.isfinite(message.z)):
            return int(dialect.MAV_RESULT_DENIED), None
        self._autopilot.do(
            MissionItem(
                seq=0, frame=message.frame, command=message.command, x=message.x, y=message.y, z=float(message.z)
            )
        )
        return _result(None)

    def _do_at_once(self, message: Message) -> tuple[int, str | None]:
        params = (float(message.param1), float(message.param2), float(message.param3), float(message.param4))
        checked = params if message.command in (178, 206) else params[:1]
        if not all(math.isfinite(value) for value in checked):
            return int(dialect.MAV_RESULT_DENIED), None
        self._autopilot.do(MissionItem(seq=0, frame=2, command=message.command, params=params))
        return _result(None)

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


def _result(problem: str | None) -> tuple[int, str | None]:
    return (int(dialect.MAV_RESULT_ACCEPTED), None) if problem is None else (int(dialect.MAV_RESULT_FAILED), problem)


def _is_on_earth(message: Message) -> bool:
    return bool(abs(message.x) <= 900_000_000 and abs(message.y) <= 1_800_000_000)


def _order(message: Message) -> tuple[float, ...]:
    """What makes two commands the same order."""
    params = tuple(float(getattr(message, f"param{number}", 0.0)) for number in range(1, 8))
    return (float(message.command), *params)
