"""What the simulated vehicle reports about itself, as MAVLink messages."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.link.mavlink import Autopilot as Dialect
from flightplan.link.mavlink import xy_from_lonlat
from flightplan.link.modes import custom_mode
from flightplan.vehicle.autopilot import Autopilot
from flightplan.vehicle.camera import Photo

Message = Any
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FULL_MV, _EMPTY_MV = 25_200, 19_800
_SATELLITES = 17
_SENSORS = 0x0020_000F


class Telemetry:
    """Turns the autopilot's state into messages; `switched_on_at` is the UTC time of its second 0."""

    def __init__(self, autopilot: Autopilot, switched_on_at: datetime, system_id: int = 1) -> None:
        self._autopilot = autopilot
        self._dialect = autopilot.setup.dialect
        self.switched_on_at = switched_on_at
        self.system_id = system_id

    def heartbeat(self) -> Message:
        """HEARTBEAT of a hexarotor."""
        autopilot = self._autopilot
        base_mode = dialect.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED
        base_mode |= dialect.MAV_MODE_FLAG_SAFETY_ARMED if autopilot.armed else 0
        state = dialect.MAV_STATE_ACTIVE if autopilot.armed else dialect.MAV_STATE_STANDBY
        mode = custom_mode(autopilot.mode, self._dialect)
        return dialect.MAVLink_heartbeat_message(
            dialect.MAV_TYPE_HEXAROTOR, self._dialect.value, base_mode, mode, state, 3
        )

    def fast(self) -> Iterator[Message]:
        """Position, attitude and gimbal."""
        yield self.position()
        yield self.attitude()
        yield self.gimbal()

    def slow(self) -> Iterator[Message]:
        """GPS, battery, clock, landed state, current item."""
        yield self.gps()
        yield self.system_status()
        yield self.system_time()
        yield self.landed_state()
        yield self.mission_current()
        if self._autopilot.fence.enabled and self._dialect is Dialect.ARDUPILOT:
            yield self.fence_status()

    def position(self) -> Message:
        """GLOBAL_POSITION_INT."""
        autopilot, body = self._autopilot, self._autopilot.body
        x, y = xy_from_lonlat(*autopilot.lonlat())
        east, north = body.velocity_en_m_s
        return dialect.MAVLink_global_position_int_message(
            self._boot_ms(),
            x,
            y,
            round((autopilot.home.alt_msl_m + body.alt_m) * 1000),
            round(body.alt_m * 1000),
            round(north * 100),
            round(east * 100),
            round(-body.climb_m_s * 100),
            round(body.heading_deg * 100) % 36_000,
        )

    def attitude(self) -> Message:
        """ATTITUDE (radians)."""
        body = self._autopilot.body
        heading = math.radians((body.heading_deg + 180) % 360 - 180)
        return dialect.MAVLink_attitude_message(
            self._boot_ms(), 0.0, math.radians(body.pitch_deg), heading, 0.0, 0.0, math.radians(body.yaw_rate_deg_s)
        )

    def gimbal(self) -> Message:
        """GIMBAL_DEVICE_ATTITUDE_STATUS: the camera's attitude in the earth frame."""
        autopilot = self._autopilot
        flags = dialect.GIMBAL_DEVICE_FLAGS_ROLL_LOCK | dialect.GIMBAL_DEVICE_FLAGS_PITCH_LOCK
        flags |= dialect.GIMBAL_DEVICE_FLAGS_YAW_IN_EARTH_FRAME
        quaternion = _quaternion(autopilot.camera.heading_deg, autopilot.camera.pitch_deg)
        return dialect.MAVLink_gimbal_device_attitude_status_message(
            0, 0, self._boot_ms(), flags, quaternion, 0.0, 0.0, 0.0, 0
        )

    def gps(self) -> Message:
        """GPS_RAW_INT."""
        autopilot = self._autopilot
        x, y = xy_from_lonlat(*autopilot.lonlat())
        body = autopilot.body
        return dialect.MAVLink_gps_raw_int_message(
            self.time_usec(autopilot.time_s),
            dialect.GPS_FIX_TYPE_3D_FIX,
            x,
            y,
            round((autopilot.home.alt_msl_m + body.alt_m) * 1000),
            80,
            120,
            round(body.speed_m_s * 100),
            round(body.course_deg * 100) % 36_000,
            _SATELLITES,
        )

    def system_status(self) -> Message:
        """SYS_STATUS with the battery."""
        battery = self._autopilot.battery
        voltage_mv = round(_EMPTY_MV + (_FULL_MV - _EMPTY_MV) * battery)
        current_ca = 2_000 if self._autopilot.armed else 50
        fence = self._autopilot.fence
        present = _SENSORS | dialect.MAV_SYS_STATUS_GEOFENCE
        enabled = present if fence.enabled else _SENSORS
        healthy = _SENSORS if fence.breached else present
        return dialect.MAVLink_sys_status_message(
            present, enabled, healthy, 200, voltage_mv, current_ca, round(battery * 100), 0, 0, 0, 0, 0, 0
        )

    def system_time(self) -> Message:
        """SYSTEM_TIME: the simulated clock."""
        return dialect.MAVLink_system_time_message(self.time_usec(self._autopilot.time_s), self._boot_ms())

    def landed_state(self) -> Message:
        """EXTENDED_SYS_STATE."""
        on_ground = self._autopilot.body.alt_m <= 0.1
        state = dialect.MAV_LANDED_STATE_ON_GROUND if on_ground else dialect.MAV_LANDED_STATE_IN_AIR
        return dialect.MAVLink_extended_sys_state_message(dialect.MAV_VTOL_STATE_UNDEFINED, state)

    def mission_current(self) -> Message:
        """MISSION_CURRENT."""
        autopilot = self._autopilot
        last = max(len(autopilot.mission) - 1, 0)
        current = min(autopilot.current, last)
        state = dialect.MISSION_STATE_PAUSED if autopilot.paused else dialect.MISSION_STATE_UNKNOWN
        return dialect.MAVLink_mission_current_message(self._seq(current), self._seq(last), state)

    def item_reached(self, number: int) -> Message:
        """MISSION_ITEM_REACHED."""
        return dialect.MAVLink_mission_item_reached_message(self._seq(number))

    def fence_status(self) -> Message:
        """FENCE_STATUS; PX4 has none."""
        fence = self._autopilot.fence
        at_ms = round(fence.breached_at_s * 1000)
        return dialect.MAVLink_fence_status_message(int(fence.breached), fence.breaches, fence.breach_type, at_ms)

    def text(self, text: str) -> Message:
        """STATUSTEXT."""
        return dialect.MAVLink_statustext_message(dialect.MAV_SEVERITY_INFO, text.encode()[:50])

    def home_position(self) -> Message:
        """HOME_POSITION."""
        home = self._autopilot.home
        x, y = xy_from_lonlat(home.lon, home.lat)
        return dialect.MAVLink_home_position_message(
            x, y, round(home.alt_msl_m * 1000), 0.0, 0.0, 0.0, [1.0, 0.0, 0.0, 0.0], 0.0, 0.0, 0.0
        )

    def version(self) -> Message:
        """AUTOPILOT_VERSION: ArduCopter 4.6, or PX4 1.15."""
        capabilities = dialect.MAV_PROTOCOL_CAPABILITY_MISSION_INT | dialect.MAV_PROTOCOL_CAPABILITY_COMMAND_INT
        capabilities |= dialect.MAV_PROTOCOL_CAPABILITY_MAVLINK2 | dialect.MAV_PROTOCOL_CAPABILITY_MISSION_FENCE
        capabilities |= dialect.MAV_PROTOCOL_CAPABILITY_MISSION_RALLY
        number = 0x0406_00FF if self._dialect is Dialect.ARDUPILOT else 0x010F_00FF
        return dialect.MAVLink_autopilot_version_message(
            capabilities, number, 0, 0, 0, [0] * 8, [0] * 8, [0] * 8, 0, 0, 0
        )

    def photo(self, photo: Photo) -> Message:
        """The true place and attitude of the camera: CAMERA_FEEDBACK from ArduPilot, CAMERA_IMAGE_CAPTURED from PX4."""
        return self._image_captured(photo) if self._dialect is Dialect.PX4 else self._feedback(photo)

    def _feedback(self, photo: Photo) -> Message:
        x, y = xy_from_lonlat(photo.lon, photo.lat)
        return dialect.MAVLink_camera_feedback_message(
            self.time_usec(photo.at_s),
            self.system_id,
            0,
            photo.index,
            x,
            y,
            self._autopilot.home.alt_msl_m + photo.alt_home_m,
            photo.alt_home_m,
            photo.roll_deg,
            photo.pitch_deg,
            photo.heading_deg,
            0.0,
            dialect.CAMERA_FEEDBACK_PHOTO,
            photo.index,
        )

    def _image_captured(self, photo: Photo) -> Message:
        x, y = xy_from_lonlat(photo.lon, photo.lat)
        return dialect.MAVLink_camera_image_captured_message(
            round(photo.at_s * 1000),
            self.time_usec(photo.at_s),
            0,
            x,
            y,
            round((self._autopilot.home.alt_msl_m + photo.alt_home_m) * 1000),
            round(photo.alt_home_m * 1000),
            _quaternion(photo.heading_deg, photo.pitch_deg),
            photo.index,
            1,
            b"",
        )

    def time_usec(self, seconds: float) -> int:
        """UTC in microseconds at a second of the simulated clock."""
        at = self.switched_on_at + timedelta(seconds=seconds)
        return (at - _EPOCH) // timedelta(microseconds=1)

    def _seq(self, number: int) -> int:
        """An item's number on the wire; ours count from home, as ArduPilot's do."""
        return number if self._dialect.home_is_item_0 else max(number - 1, 0)

    def _boot_ms(self) -> int:
        return round(self._autopilot.time_s * 1000)


def _quaternion(heading_deg: float, pitch_deg: float) -> list[float]:
    """w, x, y, z of a camera that looks along `heading_deg`, tilted by `pitch_deg`, level."""
    half_yaw, half_pitch = math.radians(heading_deg) / 2, math.radians(pitch_deg) / 2
    return [
        math.cos(half_pitch) * math.cos(half_yaw),
        -math.sin(half_pitch) * math.sin(half_yaw),
        math.sin(half_pitch) * math.cos(half_yaw),
        math.cos(half_pitch) * math.sin(half_yaw),
    ]
