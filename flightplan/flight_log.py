"""What a flight reports: positions, pictures, and the whole of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.link import Message
from flightplan.mavlink import lonlat_from_xy
from flightplan.projection import LocalFrame

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNKNOWN_HEADING = 65_535
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
        started_at: Time of the first position, just before arming, by the vehicle's clock (aware UTC).
        ended_at: Time of the last position, when it was disarmed again.
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
        """Seconds from the first to the last position, by the vehicle's clock."""
        return (self.ended_at - self.started_at).total_seconds()


class Recorder:
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
