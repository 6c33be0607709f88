"""Flying an uploaded mission: arm, start, follow to the landing, and record everything."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import CommandRefused, NoAnswer, VehicleElsewhere
from flightplan.link import Link, Message
from flightplan.mavlink import Autopilot, lonlat_from_xy
from flightplan.mission import Mission
from flightplan.projection import LocalFrame
from flightplan.tlog import TlogWriter
from flightplan.upload import check_held

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COPTER_GUIDED, _COPTER_AUTO = 4, 3
_COMMAND_WAIT_S = 1.5
_COMMAND_TRIES = 5
_SILENCE_S = 10.0
_START_S = 15.0
_HOME_WITHIN_M = 500.0
_UNKNOWN_HEADING = 65_535
_WANTED_HZ = {
    dialect.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: 4.0,
    dialect.MAVLINK_MSG_ID_ATTITUDE: 4.0,
    dialect.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS: 4.0,
    dialect.MAVLINK_MSG_ID_SYSTEM_TIME: 1.0,
    dialect.MAVLINK_MSG_ID_SYS_STATUS: 1.0,
    dialect.MAVLINK_MSG_ID_GPS_RAW_INT: 1.0,
}
_ARMED = dialect.MAV_MODE_FLAG_SAFETY_ARMED


@dataclass(frozen=True, kw_only=True)
class PhotoEvent:
    """A picture was taken: where the camera was and looked (CAMERA_FEEDBACK).

    Attributes:
        index: The camera's counter.
        lon: Degrees.
        lat: Degrees.
        alt_msl_m: Height above mean sea level.
        alt_home_m: Height above home.
        heading_deg: Of the camera, clockwise from true north, 0 to 360.
        pitch_deg: Of the camera, 0 level, -90 straight down.
        roll_deg: Of the camera.
        at: When, by the vehicle's clock (aware UTC).
    """

    index: int
    lon: float
    lat: float
    alt_msl_m: float
    alt_home_m: float
    heading_deg: float
    pitch_deg: float
    roll_deg: float
    at: datetime


@dataclass(frozen=True, kw_only=True)
class PositionEvent:
    """Where the drone is (GLOBAL_POSITION_INT).

    Attributes:
        at: When, by the vehicle's clock (aware UTC).
        lon: Degrees.
        lat: Degrees.
        alt_msl_m: Height above mean sea level.
        alt_home_m: Height above home.
        heading_deg: Of the nose, clockwise from true north, or None where the vehicle does not know.
        speed_m_s: Over ground.
    """

    at: datetime
    lon: float
    lat: float
    alt_msl_m: float
    alt_home_m: float
    heading_deg: float | None
    speed_m_s: float


@dataclass(frozen=True, kw_only=True)
class FlightLog:
    """A finished flight.

    Attributes:
        started_at: When it was armed, by the vehicle's clock (aware UTC).
        ended_at: When it was disarmed again.
        photos: Every picture, in order.
        track: Every position reported in between.
        flown_m: Horizontal metres along the track.
        last_item: Number of the last mission item that was reached.
        completed: Whether the mission ended with its last item.
        tlog_path: Where the telemetry was recorded, if it was.
    """

    started_at: datetime
    ended_at: datetime
    photos: tuple[PhotoEvent, ...]
    track: tuple[PositionEvent, ...]
    flown_m: float
    last_item: int
    completed: bool
    tlog_path: Path | None

    @property
    def duration_s(self) -> float:
        """Seconds from arming to disarming, by the vehicle's clock."""
        return (self.ended_at - self.started_at).total_seconds()


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
        recorder = _Recorder(on_position, on_photo)
        _arm_and_start(link, recorder)
        _follow(link, recorder)
    last = len(mission.items) - (0 if link.autopilot.home_is_item_0 else 1)
    return recorder.log(last, Path(tlog_path) if tlog_path is not None else None)


class _Recorder:
    """Collects what a flight reports."""

    def __init__(
        self, on_position: Callable[[PositionEvent], None] | None, on_photo: Callable[[PhotoEvent], None] | None
    ) -> None:
        self._on_position = on_position or (lambda event: None)
        self._on_photo = on_photo or (lambda event: None)
        self.photos: list[PhotoEvent] = []
        self.track: list[PositionEvent] = []
        self.last_item = 0
        self.armed = False
        self._boot_at: datetime | None = None

    def take(self, message: Message) -> None:
        """Notes one message."""
        match message.get_type():
            case "SYSTEM_TIME" if message.time_unix_usec:
                boot_ms = timedelta(milliseconds=message.time_boot_ms)
                self._boot_at = _at(message.time_unix_usec) - boot_ms
            case "GLOBAL_POSITION_INT" if self._boot_at is not None:
                event = _position(message, self._boot_at)
                self.track.append(event)
                self._on_position(event)
            case "CAMERA_FEEDBACK":
                photo = _photo(message)
                self.photos.append(photo)
                self._on_photo(photo)
            case "MISSION_ITEM_REACHED":
                self.last_item = max(self.last_item, int(message.seq))
            case "HEARTBEAT":
                self.armed = bool(message.base_mode & _ARMED)

    def log(self, last_item: int, tlog_path: Path | None) -> FlightLog:
        """The flight as a whole."""
        now = datetime.now(UTC)
        return FlightLog(
            started_at=self.track[0].at if self.track else now,
            ended_at=self.track[-1].at if self.track else now,
            photos=tuple(self.photos),
            track=tuple(self.track),
            flown_m=_flown_m(self.track),
            last_item=self.last_item,
            completed=self.last_item >= last_item,
            tlog_path=tlog_path,
        )


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


def _arm_and_start(link: Link, recorder: _Recorder) -> None:
    """ArduPilot arms in GUIDED and begins on MISSION_START; PX4 changes to its mission mode by that command."""
    if link.autopilot is Autopilot.ARDUPILOT:
        _command(link, recorder, "mode GUIDED", dialect.MAV_CMD_DO_SET_MODE, 1.0, float(_COPTER_GUIDED))
    _command(link, recorder, "arming", dialect.MAV_CMD_COMPONENT_ARM_DISARM, 1.0)
    if link.autopilot is Autopilot.ARDUPILOT:
        _command(link, recorder, "mode AUTO", dialect.MAV_CMD_DO_SET_MODE, 1.0, float(_COPTER_AUTO))
    _command(link, recorder, "mission start", dialect.MAV_CMD_MISSION_START)


def _command(link: Link, recorder: _Recorder, name: str, command: int, *params: float) -> None:
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


def _follow(link: Link, recorder: _Recorder) -> None:
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


def _position(message: Message, boot_at: datetime) -> PositionEvent:
    lon, lat = lonlat_from_xy(message.lat, message.lon)
    return PositionEvent(
        at=boot_at + timedelta(milliseconds=message.time_boot_ms),
        lon=lon,
        lat=lat,
        alt_msl_m=message.alt / 1000,
        alt_home_m=message.relative_alt / 1000,
        heading_deg=None if message.hdg == _UNKNOWN_HEADING else message.hdg / 100,
        speed_m_s=math.hypot(message.vx, message.vy) / 100,
    )


def _photo(message: Message) -> PhotoEvent:
    lon, lat = lonlat_from_xy(message.lat, message.lng)
    return PhotoEvent(
        index=int(message.img_idx),
        lon=lon,
        lat=lat,
        alt_msl_m=float(message.alt_msl),
        alt_home_m=float(message.alt_rel),
        heading_deg=float(message.yaw) % 360,
        pitch_deg=float(message.pitch),
        roll_deg=float(message.roll),
        at=_at(message.time_usec),
    )


def _at(time_usec: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_usec)


def _flown_m(track: list[PositionEvent]) -> float:
    if len(track) < 2:
        return 0.0
    frame = LocalFrame(lon=track[0].lon, lat=track[0].lat)
    path = frame.en_from_lonlat(np.array([[event.lon, event.lat] for event in track]))
    return float(np.hypot(*np.diff(path, axis=0).T).sum())


def _result_name(code: int) -> str:
    entry = dialect.enums["MAV_RESULT"].get(code)
    return str(entry.name) if entry is not None else f"code {code}"
