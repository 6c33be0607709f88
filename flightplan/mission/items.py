"""What a mission is made of: its home and its items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AltitudeReference = Literal["home", "msl", "terrain"]


@dataclass(frozen=True, kw_only=True)
class Home:
    """Where the drone takes off and lands: degrees, and the ground's height above mean sea level."""

    lon: float
    lat: float
    alt_msl_m: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TakeOff:
    """Climb straight up from home to `alt_home_m` above it."""

    alt_home_m: float


@dataclass(frozen=True, kw_only=True)
class Waypoint:
    """Fly straight to a place.

    Attributes:
        lon: Degrees, WGS 84.
        lat: Degrees, WGS 84.
        alt_m: Height in metres above what `alt_reference` says.
        alt_reference: Above `home`, mean sea level (`msl`), or the vehicle's own `terrain` model.
        hold_s: Seconds to wait there.
    """

    lon: float
    lat: float
    alt_m: float
    alt_reference: AltitudeReference = "home"
    hold_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class SetSpeed:
    """Fly with this ground speed from here on."""

    speed_m_s: float


@dataclass(frozen=True, kw_only=True)
class PointCamera:
    """Turn the gimbal: `pitch_deg` 0 is the horizon, -90 straight down; yaw follows the drone's nose."""

    pitch_deg: float


@dataclass(frozen=True, kw_only=True)
class LookAt:
    """Keep the camera on a place from here on, until `PointCamera`: degrees, and metres above home."""

    lon: float
    lat: float
    alt_home_m: float


@dataclass(frozen=True, kw_only=True)
class PhotosByDistance:
    """A photo every `distance_m` metres, the first one `at_once` or after the first distance."""

    distance_m: float
    at_once: bool = True


@dataclass(frozen=True, kw_only=True)
class PhotosOff:
    """No more photos."""


@dataclass(frozen=True, kw_only=True)
class ReturnHome:
    """Fly straight home and land."""


@dataclass(frozen=True, kw_only=True)
class LandHere:
    """Land straight below the last waypoint."""


Item = TakeOff | Waypoint | SetSpeed | PointCamera | LookAt | PhotosByDistance | PhotosOff | ReturnHome | LandHere

# On leaving a place, one photo: autopilots know no single one that all of them take, and the trigger fires at once.
ONE_PHOTO: tuple[Item, ...] = (PhotosByDistance(distance_m=1_000.0), PhotosOff())
