"""What MAVLink tells of the camera's attitude: three messages, each with its own idea of yaw. As a table.

An autopilot's own ATTITUDE is the aircraft's, and so are the angles in CAMERA_FEEDBACK, which ArduPilot fills with
them: neither says where a camera looks, so neither is taken for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pymavlink.dialects.v20 import ardupilotmega as dialect

from geo.telemetry.attitude import angles_deg, ned_from_quaternion, quaternion
from geo.telemetry.tlog_frames import Message, Stamped

Floats = npt.NDArray[np.float64]

ATTITUDE = "ATTITUDE"
"""The aircraft's own attitude."""
# Attitudes further apart are not interpolated, and none is taken from further away.
_LONGEST_STEP_S = 1.0


@dataclass(frozen=True, kw_only=True)
class GimbalMessage:
    """How one message tells the gimbal's attitude.

    Attributes:
        name: The message.
        attitude: Its quaternion (w, x, y, z), and whether yaw counts from the aircraft's heading.
    """

    name: str
    attitude: Callable[[Message], tuple[Sequence[float], bool]]


def _device(message: Message) -> tuple[Sequence[float], bool]:
    flags = message.flags
    earth = bool(flags & dialect.GIMBAL_DEVICE_FLAGS_YAW_IN_EARTH_FRAME)
    vehicle = bool(flags & dialect.GIMBAL_DEVICE_FLAGS_YAW_IN_VEHICLE_FRAME)
    # Gimbals older than these two flags mean the earth's frame exactly where they lock yaw.
    locked = bool(flags & dialect.GIMBAL_DEVICE_FLAGS_YAW_LOCK)
    return message.q, not earth and (vehicle or not locked)


def _orientation(message: Message) -> tuple[Sequence[float], bool]:
    # The absolute yaw came later: senders that do not know it leave 0.
    absolute = message.yaw_absolute != 0 and math.isfinite(message.yaw_absolute)
    yaw = message.yaw_absolute if absolute else message.yaw
    return quaternion(yaw, message.pitch, message.roll), not absolute


def _status(message: Message) -> tuple[Sequence[float], bool]:
    return quaternion(message.pointing_c / 100, message.pointing_a / 100, message.pointing_b / 100), True


GIMBAL_MESSAGES = (
    GimbalMessage(name="GIMBAL_DEVICE_ATTITUDE_STATUS", attitude=_device),
    GimbalMessage(name="MOUNT_ORIENTATION", attitude=_orientation),
    GimbalMessage(name="MOUNT_STATUS", attitude=_status),
)
"""Best first: of several that a log has, only the first is used."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Gimbal:
    """The camera's attitude in time: quaternions (n, 4) from north-east-down, at rising times (n,)."""

    name: str
    times_s: Floats
    q_wxyz: Floats

    def look_deg(self, times_s: Floats) -> Floats:
        """Heading, pitch and roll (n, 3) at these times; NaN where no attitude is near enough."""
        after = np.clip(np.searchsorted(self.times_s, times_s), 1, max(len(self.times_s) - 1, 1))
        if len(self.times_s) < 2:
            after = np.zeros(len(times_s), dtype=np.intp)
        before = np.maximum(after - 1, 0)
        step_s = self.times_s[after] - self.times_s[before]
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(step_s > 0, (times_s - self.times_s[before]) / step_s, 0.0)
        # Before the first and behind the last the nearest one holds for a moment.
        beyond_s = np.maximum(self.times_s[0] - times_s, times_s - self.times_s[-1])
        known = ((step_s <= _LONGEST_STEP_S) & (beyond_s <= 0)) | ((beyond_s > 0) & (beyond_s <= _LONGEST_STEP_S / 4))
        share = np.clip(share, 0.0, 1.0)[:, None]
        first, second = self.q_wxyz[before], self.q_wxyz[after]
        near = np.where(np.sum(first * second, axis=1, keepdims=True) < 0, -1.0, 1.0)
        look = np.stack(angles_deg(ned_from_quaternion((1 - share) * first + share * near * second)), axis=1)
        look[~known] = math.nan
        return look


def gimbal_of(messages: Sequence[tuple[float, Stamped]], headings: tuple[Floats, Floats]) -> Gimbal | None:
    """The gimbal of a log.

    Args:
        messages: Each with its time.
        headings: Times and the aircraft's headings (degrees), for yaw that counts from it.

    Returns:
        None where no message tells of one, or all of them say 0: then nothing was measured.
    """
    for kind in GIMBAL_MESSAGES:
        told = [(time_s, *kind.attitude(one.message)) for time_s, one in messages if one.name == kind.name]
        told = [one for one in told if all(map(math.isfinite, one[1])) and any(one[1])]
        rising = [one for index, one in enumerate(told) if index == 0 or one[0] > told[index - 1][0]]
        if not rising:
            continue
        times_s = np.array([one[0] for one in rising])
        order = np.argsort(times_s, kind="stable")
        q = np.array([one[1] for one in rising], dtype=np.float64)
        if np.allclose(np.abs(q[:, 0] / np.linalg.norm(q, axis=1)), 1.0, atol=1e-9):
            continue
        relative = np.array([one[2] for one in rising])
        turn_deg = np.where(relative, _heading_at(times_s, *headings), 0.0)
        q = _turned(q / np.linalg.norm(q, axis=1, keepdims=True), turn_deg)
        known: npt.NDArray[np.bool_] = np.all(np.isfinite(q), axis=1)[order]
        if known.any():
            return Gimbal(name=kind.name, times_s=times_s[order][known], q_wxyz=q[order][known])
    return None


def fixed_to_aircraft(
    messages: Sequence[tuple[float, Stamped]], mount_deg: tuple[float, float, float]
) -> Gimbal | None:
    """The attitude of a camera without a gimbal, by the aircraft's.

    Args:
        messages: Each with its time.
        mount_deg: Heading, pitch and roll of the camera relative to the aircraft: 0, -90, 0 looks out of its belly.

    Returns:
        None where no message tells the aircraft's attitude.
    """
    told = {
        time_s: quaternion(*map(math.degrees, (one.message.yaw, one.message.pitch, one.message.roll)))
        for time_s, one in messages
        if one.name == ATTITUDE and all(map(math.isfinite, (one.message.yaw, one.message.pitch, one.message.roll)))
    }
    if not told:
        return None
    times_s = sorted(told)
    q = np.array([told[time_s] for time_s in times_s], dtype=np.float64)
    mount = np.array([quaternion(*mount_deg)] * len(q), dtype=np.float64)
    return Gimbal(name="fixed_camera", times_s=np.array(times_s), q_wxyz=_product(q, mount))


def _heading_at(times_s: Floats, known_s: Floats, headings_deg: Floats) -> Floats:
    """The aircraft's heading at these times; NaN where none is told near them."""
    if not len(known_s):
        return np.full(len(times_s), math.nan)
    turned = np.degrees(np.unwrap(np.radians(headings_deg)))
    at: Floats = np.interp(times_s, known_s, turned)
    after = np.clip(np.searchsorted(known_s, times_s), 0, len(known_s) - 1)
    near_s = np.minimum(np.abs(known_s[after] - times_s), np.abs(known_s[np.maximum(after - 1, 0)] - times_s))
    at[near_s > _LONGEST_STEP_S] = math.nan
    return at


def _turned(q_wxyz: Floats, about_down_deg: Floats) -> Floats:
    """Quaternions (n, 4) turned about the axis that points down, by angles (n,)."""
    half = np.radians(about_down_deg) / 2
    nothing = np.zeros(len(half))
    return _product(np.stack([np.cos(half), nothing, nothing, np.sin(half)], axis=1), q_wxyz)


def _product(first: Floats, second: Floats) -> Floats:
    """The quaternions (n, 4) of turning by `second`, then by `first`."""
    a, b, c, d = first.T
    w, x, y, z = second.T
    return np.stack(
        [
            a * w - b * x - c * y - d * z,
            a * x + b * w + c * z - d * y,
            a * y - b * z + c * w + d * x,
            a * z + b * y - c * x + d * w,
        ],
        axis=1,
    )
