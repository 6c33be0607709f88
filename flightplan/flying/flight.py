"""Flying an uploaded mission: arm, start, follow to the landing, and record everything."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import NoAnswer, VehicleElsewhere
from flightplan.flying.control import FlightControl, Order
from flightplan.flying.flight_log import BreakPoint, FlightLog, PhotoEvent, PositionEvent
from flightplan.flying.follow import Follower, Watchers
from flightplan.flying.progress import FlightProgress, Phase
from flightplan.flying.tlog import TlogWriter
from flightplan.link.fence_limits import check_fence_limits
from flightplan.link.link import Link
from flightplan.link.mavlink import Autopilot, lonlat_from_xy
from flightplan.link.modes import Mode
from flightplan.link.upload import Held, check_held
from flightplan.mission.mission import Mission
from flightplan.projection import LocalFrame

__all__ = [
    "BreakPoint", "FlightControl", "FlightLog", "FlightProgress", "Order", "Phase", "PhotoEvent", "PositionEvent",
    "fly", "follow",
]  # fmt: skip

_SILENCE_S = 10.0
_HOME_WITHIN_M = 500.0
LOST_LINK_S = 300.0
_WANTED_HZ = {
    dialect.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: 4.0,
    dialect.MAVLINK_MSG_ID_ATTITUDE: 4.0,
    dialect.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS: 4.0,
    dialect.MAVLINK_MSG_ID_SYSTEM_TIME: 1.0,
    dialect.MAVLINK_MSG_ID_SYS_STATUS: 1.0,
    dialect.MAVLINK_MSG_ID_GPS_RAW_INT: 1.0,
    dialect.MAVLINK_MSG_ID_MISSION_CURRENT: 1.0,
}


def fly(
    link: Link,
    mission: Mission,
    on_position: Callable[[PositionEvent], None] | None = None,
    on_photo: Callable[[PhotoEvent], None] | None = None,
    tlog_path: Path | str | None = None,
    *,
    on_progress: Callable[[FlightProgress], None] | None = None,
    control: FlightControl | None = None,
    lost_link_s: float = LOST_LINK_S,
) -> FlightLog:
    """Flies the mission that the vehicle holds, to the landing.

    The vehicle is armed only after its mission, fence and rally points were read back and found to be these: after a
    broken-off upload it may hold a mixture of an old and a new mission.

    Args:
        link: To the vehicle; the mission must have been uploaded.
        mission: What shall be flown.
        on_position: Called for every position.
        on_photo: Called for every picture.
        tlog_path: Where to record all packets of the flight.
        on_progress: Called for every position with how the flight goes, and when its phase changes.
        control: Through which the flight can be paused, resumed, and called home.
        lost_link_s: How long a vehicle that is not heard any more is waited for.

    Raises:
        NotCleared: The mission may not take off now.
        ReadBackDiffers: The vehicle holds something else; it was not armed.
        VehicleElsewhere: It stands far from the mission's home; it was not armed.
        BeyondFence: Its own limits of height or distance would end the mission; it was not armed.
        SeveralVehicles: More than one is on this link, and none was chosen.
        SignatureNeeded: The vehicle signs its messages, and this link has no key.
        CommandRefused: It refused to arm, to change the mode or to start.
        NoAnswer: It fell silent.
        LinkClosed: The connection broke, and could not be opened again.
    """
    watchers = Watchers(on_position=on_position, on_photo=on_photo, on_progress=on_progress)
    control = control or FlightControl()
    with _recording(link, tlog_path), control.until_the_end():
        link.require_commandable()
        follower = Follower(link, mission, watchers, control, lost_link_s)
        held = check_held(link, mission)
        _ask_for_telemetry(link)
        _check_place(link, mission)
        check_fence_limits(link, mission)
        _check_cleared(mission)
        _arm_and_start(link, follower, mission, held)
        follower.follow()
    return _log(follower, mission, held, tlog_path)


def follow(
    link: Link,
    mission: Mission,
    on_position: Callable[[PositionEvent], None] | None = None,
    on_photo: Callable[[PhotoEvent], None] | None = None,
    tlog_path: Path | str | None = None,
    *,
    on_progress: Callable[[FlightProgress], None] | None = None,
    control: FlightControl | None = None,
    lost_link_s: float = LOST_LINK_S,
) -> FlightLog:
    """Follows a flight that is under way already, to the landing: after the program that began it has ended.

    One that is found holding in the air is a paused one, and may be resumed from where it hovers; the log tells that
    place among its `gaps`, because it may not be where the mission was left.

    Arguments and errors are those of `fly`; nothing is armed or started, and a record that is there already goes on.
    """
    watchers = Watchers(on_position=on_position, on_photo=on_photo, on_progress=on_progress)
    control = control or FlightControl()
    with _recording(link, tlog_path, goes_on=True), control.until_the_end():
        link.require_commandable()
        follower = Follower(link, mission, watchers, control, lost_link_s, joins=True)
        held = check_held(link, mission)
        _ask_for_telemetry(link)
        follower.follow()
    return _log(follower, mission, held, tlog_path)


def _log(follower: Follower, mission: Mission, held: Held, tlog_path: Path | str | None) -> FlightLog:
    log = follower.recorder.log(
        items=len(mission.items),
        tlog_path=Path(tlog_path) if tlog_path is not None else None,
        plan_hash=held.plan_hash,
        break_point=follower.break_point,
    )
    return replace(log, gaps=tuple(follower.gaps), pauses=follower.pauses, link_losses=follower.link_losses)


@contextlib.contextmanager
def _recording(link: Link, tlog_path: Path | str | None, *, goes_on: bool = False) -> Iterator[None]:
    if tlog_path is None:
        yield
        return
    with TlogWriter(tlog_path, goes_on=goes_on) as tlog:
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


def _check_cleared(mission: Mission) -> None:
    """The law of the air has the last word before arming."""
    if mission.clearance is not None:
        mission.clearance.check(datetime.now(UTC))


def _arm_and_start(link: Link, follower: Follower, mission: Mission, held: Held) -> None:
    """ArduPilot arms in GUIDED and begins on MISSION_START; PX4 changes to its mission mode by that command.

    PX4 stays in its returning mode after a landing, and does not arm in that one.

    `held` is the proof that the vehicle holds this plan; without it nothing is armed.
    """
    if held.system_id != link.vehicle_system:
        raise ValueError(f"vehicle {held.system_id} was checked, not vehicle {link.vehicle_system}")
    link.require_commandable()
    recorder, commander = follower.recorder, follower.commander
    is_ardupilot = link.autopilot is Autopilot.ARDUPILOT
    if is_ardupilot:
        if mission.fence is not None:
            # It keeps to a fence only when told. One of the operator's own stays as it is where the plan has none.
            commander.order("fence", dialect.MAV_CMD_DO_FENCE_ENABLE, 1.0)
        commander.set_mode(Mode.GUIDED, lambda: recorder.mode is Mode.GUIDED)
    else:
        commander.set_mode(Mode.LOITER, lambda: recorder.mode is Mode.LOITER)
    commander.order("arming", dialect.MAV_CMD_COMPONENT_ARM_DISARM, 1.0, seen=lambda: recorder.armed)
    if is_ardupilot:
        commander.set_mode(Mode.AUTO, lambda: recorder.mode is Mode.AUTO)
        commander.order("mission start", dialect.MAV_CMD_MISSION_START)
    else:
        commander.order("mission start", dialect.MAV_CMD_MISSION_START, seen=lambda: recorder.mode is Mode.AUTO)
