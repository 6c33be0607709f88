"""Turns the messages of a flight into its log."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.flying.flight_log import BreakPoint, FlightLog, PhotoEvent, PositionEvent
from flightplan.link.link import Message
from flightplan.link.mavlink import Autopilot, lonlat_from_xy
from flightplan.link.modes import Mode, mode_from_custom
from flightplan.link.wire import is_from_autopilot
from flightplan.projection import LocalFrame

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNKNOWN_HEADING = 65_535
_ARMED = dialect.MAV_MODE_FLAG_SAFETY_ARMED
# Packets are numbered up to 255 and from 0 again; so many numbers back is late, more is a new round.
_LATE_PACKETS = 64
_FINISHED = (Mode.AUTO, Mode.LAND, Mode.RTL)


class Recorder:
    """Collects what a flight reports; mission items count from 1.

    Attributes:
        photos: Every picture.
        track: Every position.
        last_item: The last item that was reached.
        item: The item that the vehicle says it is at; 0 before it says so.
        tells_item: Whether it has said so.
        armed: By its last heartbeat.
        mode: By its last heartbeat; None for one not known here.
        heartbeats: How many came.
        battery: Share left; None where it does not tell.
        texts: What it said.
    """

    def __init__(
        self,
        on_position: Callable[[PositionEvent], None] | None,
        on_photo: Callable[[PhotoEvent], None] | None,
        autopilot: Autopilot = Autopilot.ARDUPILOT,
    ) -> None:
        self._on_position = on_position or (lambda event: None)
        self._on_photo = on_photo or (lambda event: None)
        self._autopilot = autopilot
        self._first = 0 if autopilot.home_is_item_0 else 1
        self.photos: list[PhotoEvent] = []
        self.track: list[PositionEvent] = []
        self.texts: list[str] = []
        self.last_item = self.item = self.heartbeats = 0
        self.armed = self.tells_item = False
        self.mode: Mode | None = None
        self.battery: float | None = None
        self._boot_at: datetime | None = None
        self._packets: dict[int, int] = {}

    def take(self, message: Message) -> None:
        """Notes one message."""
        match message.get_type():
            case "SYSTEM_TIME" if message.time_unix_usec:
                boot_ms = timedelta(milliseconds=message.time_boot_ms)
                self._boot_at = _at(message.time_unix_usec) - boot_ms
            case "GLOBAL_POSITION_INT" if self._boot_at is not None and not self._is_late(message):
                self._take_position(_position(message, self._boot_at))
            case "CAMERA_FEEDBACK":
                self._take_photo(_photo(message))
            case "CAMERA_IMAGE_CAPTURED" if message.capture_result == 1:
                self._take_photo(_captured(message))
            case "MISSION_ITEM_REACHED":
                self.last_item = max(self.last_item, int(message.seq) + self._first)
            case "MISSION_CURRENT" if not self._is_late(message):
                self.item, self.tells_item = int(message.seq) + self._first, True
            case "SYS_STATUS" if message.battery_remaining >= 0:
                self.battery = message.battery_remaining / 100
            case "STATUSTEXT":
                self.texts.append(str(message.text))
            case "HEARTBEAT" if is_from_autopilot(message) and not self._is_late(message):
                self.heartbeats += 1
                self.armed = bool(message.base_mode & _ARMED)
                self.mode = mode_from_custom(message.custom_mode, self._autopilot)

    def log(self, *, items: int, tlog_path: Path | None, plan_hash: str, break_point: BreakPoint | None) -> FlightLog:
        """The flight as a whole; `items` is the number of the mission's last item."""
        now = datetime.now(UTC)
        # A lost message about the last item must not make a flown mission a broken-off one.
        ended_with_it = break_point is None and self.mode in _FINISHED and self.item >= items
        completed = self.last_item >= items or ended_with_it
        return FlightLog(
            started_at=self.track[0].at if self.track else now,
            ended_at=self.track[-1].at if self.track else now,
            photos=tuple(self.photos),
            track=tuple(self.track),
            flown_m=_flown_m(self.track),
            last_item=self.last_item,
            completed=completed,
            tlog_path=tlog_path,
            plan_hash=plan_hash,
            break_point=None if completed else break_point,
            texts=tuple(self.texts),
        )

    def _is_late(self, message: Message) -> bool:
        """Whether a later packet of the same sender overtook this one: it would tell of a mode that is over."""
        sender, number = message.get_srcComponent(), int(message.get_seq())
        if 0 < (self._packets.get(sender, number) - number) % 256 <= _LATE_PACKETS:
            return True
        self._packets[sender] = number
        return False

    def _take_position(self, event: PositionEvent) -> None:
        # Packets that overtook each other on the way must not make the drone fly back.
        if self.track and event.at <= self.track[-1].at:
            return
        self.track.append(event)
        self._on_position(event)

    def _take_photo(self, photo: PhotoEvent) -> None:
        # A lossy link doubles packets, and a vehicle may tell of a picture by two kinds of message.
        if any(one.index == photo.index and one.at == photo.at for one in self.photos[-16:]):
            return
        self.photos.append(photo)
        self._on_photo(photo)


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


def _captured(message: Message) -> PhotoEvent:
    lon, lat = lonlat_from_xy(message.lat, message.lon)
    heading, pitch, roll = _angles_deg(message.q)
    return PhotoEvent(
        index=int(message.image_index),
        lon=lon,
        lat=lat,
        alt_msl_m=message.alt / 1000,
        alt_home_m=message.relative_alt / 1000,
        heading_deg=heading % 360,
        pitch_deg=pitch,
        roll_deg=roll,
        at=_at(message.time_utc),
    )


def _angles_deg(quaternion: list[float]) -> tuple[float, float, float]:
    """Heading, pitch and roll of w, x, y, z; a camera straight down has no roll of its own."""
    w, x, y, z = quaternion
    sine = max(-1.0, min(1.0, 2 * (w * y - z * x)))
    if abs(sine) > 1 - 1e-6:
        return math.degrees(-2 * math.copysign(1.0, sine) * math.atan2(x, w)), math.degrees(math.asin(sine)), 0.0
    heading = math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    roll = math.atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y))
    return math.degrees(heading), math.degrees(math.asin(sine)), math.degrees(roll)


def _at(time_usec: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_usec)


def _flown_m(track: list[PositionEvent]) -> float:
    if len(track) < 2:
        return 0.0
    frame = LocalFrame(lon=track[0].lon, lat=track[0].lat)
    path = frame.en_from_lonlat(np.array([[event.lon, event.lat] for event in track]))
    return float(np.hypot(*np.diff(path, axis=0).T).sum())
