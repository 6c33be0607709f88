"""Flying an uploaded mission: arm, start, follow to the landing, and record everything."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import CommandRefused, NoAnswer, VehicleElsewhere
from flightplan.flight_log import FlightLog, PhotoEvent, PositionEvent, Recorder
from flightplan.link import Link
from flightplan.mavlink import Autopilot, lonlat_from_xy
from flightplan.mission import Mission
from flightplan.projection import LocalFrame
from flightplan.tlog import TlogWriter
from flightplan.upload import check_held

__all__ = ["FlightLog", "PhotoEvent", "PositionEvent", "fly"]

_COPTER_GUIDED, _COPTER_AUTO = 4, 3
_COMMAND_WAIT_S = 1.5
_COMMAND_TRIES = 5
_SILENCE_S = 10.0
_START_S = 15.0
_HOME_WITHIN_M = 500.0
_WANTED_HZ = {
    dialect.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: 4.0,
    dialect.MAVLINK_MSG_ID_ATTITUDE: 4.0,
    dialect.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS: 4.0,
    dialect.MAVLINK_MSG_ID_SYSTEM_TIME: 1.0,
    dialect.MAVLINK_MSG_ID_SYS_STATUS: 1.0,
    dialect.MAVLINK_MSG_ID_GPS_RAW_INT: 1.0,
}


def fly(
    link: Link,
    mission: Mission,
    on_position: Callable[[PositionEvent], None] | None = None,
    on_photo: Callable[[PhotoEvent], None] | None = None,
    tlog_path: Path | str | None = None,
) -> FlightLog:
    """Flies the mission that the vehicle holds, to the landing.

    The vehicle is armed only after its mission was read back and found to be this one: after a broken-off upload it
    may hold a mixture of an old and a new mission.

    Args:
        link: To the vehicle; the mission must have been uploaded.
        mission: What shall be flown.
        on_position: Called for every position.
        on_photo: Called for every picture.
        tlog_path: Where to record all packets of the flight.

    Raises:
        ReadBackDiffers: The vehicle holds another mission; it was not armed.
        VehicleElsewhere: It stands far from the mission's home; it was not armed.
        CommandRefused: It refused to arm, to change the mode or to start.
        NoAnswer: It fell silent.
        LinkClosed: The connection broke.
    """
    with _recording(link, tlog_path):
        check_held(link, mission)
        _ask_for_telemetry(link)
        _check_place(link, mission)
        recorder = Recorder(on_position, on_photo)
        _arm_and_start(link, recorder)
        _follow(link, recorder)
    last = len(mission.items) - (0 if link.autopilot.home_is_item_0 else 1)
    return recorder.log(last, Path(tlog_path) if tlog_path is not None else None)


@contextlib.contextmanager
def _recording(link: Link, tlog_path: Path | str | None) -> Iterator[None]:
    if tlog_path is None:
        yield
        return
    with TlogWriter(tlog_path) as tlog:
        link.add_listener(tlog.write)
        try:
            yield
        finally:
            link.remove_listener(tlog.write)


def _ask_for_telemetry(link: Link) -> None:
    """ArduPilot sends a new ground station little unasked; a vehicle that refuses is left to its own rates."""
    for message_id, rate_hz in _WANTED_HZ.items():
        interval_us = 1e6 / rate_hz
        link.send(
            dialect.MAVLink_command_long_message(
                link.vehicle_system,
                link.vehicle_component,
                dialect.MAV_CMD_SET_MESSAGE_INTERVAL,
                0,
                float(message_id),
                interval_us,
                *[0.0] * 5,
            )
        )


def _check_place(link: Link, mission: Mission) -> None:
    message = link.receive(("GLOBAL_POSITION_INT",), _SILENCE_S)
    if message is None:
        raise NoAnswer(waiting_for="GLOBAL_POSITION_INT", tries=1, seconds=_SILENCE_S)
    frame = LocalFrame(lon=mission.home.lon, lat=mission.home.lat)
    distance_m = float(np.hypot(*frame.en_from_lonlat(np.array([lonlat_from_xy(message.lat, message.lon)]))[0]))
    if distance_m > _HOME_WITHIN_M:
        raise VehicleElsewhere(distance_m=distance_m, most_m=_HOME_WITHIN_M)


def _arm_and_start(link: Link, recorder: Recorder) -> None:
    """ArduPilot arms in GUIDED and begins on MISSION_START; PX4 changes to its mission mode by that command."""
    if link.autopilot is Autopilot.ARDUPILOT:
        _command(link, recorder, "mode GUIDED", dialect.MAV_CMD_DO_SET_MODE, 1.0, float(_COPTER_GUIDED))
    _command(link, recorder, "arming", dialect.MAV_CMD_COMPONENT_ARM_DISARM, 1.0)
    if link.autopilot is Autopilot.ARDUPILOT:
        _command(link, recorder, "mode AUTO", dialect.MAV_CMD_DO_SET_MODE, 1.0, float(_COPTER_AUTO))
    _command(link, recorder, "mission start", dialect.MAV_CMD_MISSION_START)


def _command(link: Link, recorder: Recorder, name: str, command: int, *params: float) -> None:
    """Sends a command until it is acknowledged; in between the flight goes on being recorded."""
    text = ""
    seven = [*params, *([0.0] * (7 - len(params)))]
    for attempt in range(_COMMAND_TRIES):
        link.send(
            dialect.MAVLink_command_long_message(link.vehicle_system, link.vehicle_component, command, attempt, *seven)
        )
        until = time.monotonic() + _COMMAND_WAIT_S
        while (left_s := until - time.monotonic()) > 0:
            message = link.receive((), left_s)
            if message is None:
                break
            recorder.take(message)
            if message.get_type() == "STATUSTEXT":
                text = str(message.text)
            if message.get_type() != "COMMAND_ACK" or message.command != command:
                continue
            if message.result == dialect.MAV_RESULT_ACCEPTED:
                return
            if message.result != dialect.MAV_RESULT_IN_PROGRESS:
                raise CommandRefused(
                    command=name, code=int(message.result), code_name=_result_name(message.result), text=text
                )
    raise NoAnswer(waiting_for=f"COMMAND_ACK to {name}", tries=_COMMAND_TRIES, seconds=_COMMAND_TRIES * _COMMAND_WAIT_S)


def _follow(link: Link, recorder: Recorder) -> None:
    """Until the vehicle has been armed and is disarmed again."""
    was_armed = recorder.armed
    started_s = time.monotonic()
    while True:
        message = link.receive((), _SILENCE_S)
        if message is None:
            raise NoAnswer(waiting_for="telemetry", tries=1, seconds=_SILENCE_S)
        recorder.take(message)
        was_armed = was_armed or recorder.armed
        if was_armed and not recorder.armed:
            return
        if not was_armed and time.monotonic() - started_s > _START_S:
            raise NoAnswer(waiting_for="armed HEARTBEAT", tries=1, seconds=_START_S)


def _result_name(code: int) -> str:
    entry = dialect.enums["MAV_RESULT"].get(code)
    return str(entry.name) if entry is not None else f"code {code}"
