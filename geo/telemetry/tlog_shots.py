"""Moments at which an autopilot says that it had a picture taken, and its positions as records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from geo.pose import PoseSigmas
from geo.telemetry.entry import Entry
from geo.telemetry.screening import Account
from geo.telemetry.tlog_frames import Message, Stamped
from geo.telemetry.tlog_gimbal import fixed_to_aircraft

SHOTS = frozenset({"CAMERA_FEEDBACK", "CAMERA_IMAGE_CAPTURED"})
"""The messages that tell of pictures."""
# Angles in CAMERA_FEEDBACK that differ from the aircraft's by more than this are the camera's.
_OTHER_ANGLES_DEG = 5.0
_SIGMAS = PoseSigmas(east_m=2.0, north_m=2.0, height_m=2.0, common_position_m=1.5)


@dataclass(frozen=True, kw_only=True, eq=False)
class Log:
    """One vehicle's messages, each with its time on the autopilot's clock, and that clock's 0 in seconds since 1970."""

    messages: Sequence[tuple[float, Stamped]]
    zero_s: float

    def named(self, *names: str) -> list[tuple[float, Stamped]]:
        """Those messages, in order."""
        return [(time_s, one) for time_s, one in self.messages if one.name in names]


def heights_of(message: Message) -> tuple[float, float]:
    """Metres above the take-off point, and above sea level, of a message that tells millimetres."""
    return message.relative_alt / 1000, message.alt / 1000


def entry_at(where: str, time_s: float, lonlat_e7: tuple[int, int], heights_m: tuple[float, float]) -> Entry:
    """A record of that place (1e-7 degrees) and those heights (above take-off, above sea level); without a look."""
    home_m, msl_m = heights_m
    return Entry(
        where=where,
        time_s=time_s,
        lon=lonlat_e7[0] / 1e7,
        lat=lonlat_e7[1] / 1e7,
        alt_m=home_m,
        alt_datum="home",
        height_above_home_m=home_m,
        reported_alt_m=msl_m,
        heading_source="none",
        sigmas=_SIGMAS,
    )


def shots_in(log: Log, account: Account) -> list[Entry]:
    """Where and when the autopilot says that pictures were taken, and how the camera looked if it says that too."""
    shots = []
    for time_s, one in log.named(*SHOTS):
        message = one.message
        if one.name == "CAMERA_FEEDBACK":
            place, heights, number = (message.lng, message.lat), (message.alt_rel, message.alt_msl), message.img_idx
            angles = (message.yaw, message.pitch, message.roll)
        else:
            place, heights, number = (message.lon, message.lat), heights_of(message), message.image_index
            angles = (None, None, None)
        told = dict(zip(("heading_deg", "pitch_deg", "roll_deg"), angles, strict=True))
        shots.append(replace(entry_at(f"picture {number}", time_s, place, heights), **told))
    return _without_platform_angles(shots, log, account)


def _without_platform_angles(shots: list[Entry], log: Log, account: Account) -> list[Entry]:
    """The shots without the angles that are the aircraft's: the standard wants the camera's, and ArduPilot its own."""
    told = [shot for shot in shots if shot.has_bearing]
    aircraft = fixed_to_aircraft(log.messages, (0.0, 0.0, 0.0)) if told else None
    if told and aircraft is not None:
        own = aircraft.look_deg(np.array([shot.time_s for shot in told], dtype=np.float64))[:, 1:]
        camera = np.array([(shot.pitch_deg, shot.roll_deg) for shot in told], dtype=np.float64)
        if np.nanmedian(np.nan_to_num(np.abs(camera - own), nan=0.0).max(axis=1)) > _OTHER_ANGLES_DEG:
            return [replace(shot, heading_source="gimbal") if shot.has_bearing else shot for shot in shots]
    account.flags["shot_angles_of_platform"] = len(told)
    return [replace(shot, heading_deg=None, pitch_deg=None, roll_deg=None) for shot in shots]
