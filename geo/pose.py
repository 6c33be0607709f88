"""Where a camera was and how it looked, at one moment.

Angles are those of the camera (the gimbal), absolute, in north-east-down: heading clockwise from true north, pitch 0
level and -90 straight down, roll clockwise as seen from behind. See docs/conventions.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt

from geo.errors import PlaceUnknown

Floats = npt.NDArray[np.float64]
AltitudeDatum = Literal["home", "msl", "ellipsoid"]


@dataclass(frozen=True, kw_only=True)
class PoseSigmas:
    """One-sigma errors of a pose.

    Attributes:
        east_m: Position, east.
        north_m: Position, north.
        height_m: Height above the take-off point, or altitude.
        heading_deg: Camera heading.
        pitch_deg: Camera pitch.
        roll_deg: Camera roll.
        common_position_m: The part of the position error that all pictures of one flight share, per axis.
        common_attitude_share: The share of heading, height and focal sigma that all pictures of one flight share.
        east_north_m2: Covariance of the position's errors east and north, m²: not 0 where a clock's error moves the
            position along the way.
    """

    east_m: float = 1.5
    north_m: float = 1.5
    height_m: float = 1.5
    heading_deg: float = 1.5
    pitch_deg: float = 0.8
    roll_deg: float = 1.2
    common_position_m: float = 1.2
    common_attitude_share: float = 0.8
    east_north_m2: float = 0.0

    def __post_init__(self) -> None:
        numbers = (self.east_m, self.north_m, self.height_m, self.heading_deg, self.pitch_deg, self.roll_deg)
        if not all(math.isfinite(number) and number >= 0 for number in (*numbers, self.common_position_m)):
            raise ValueError("sigmas of a pose must be finite and not negative")
        if not 0 <= self.common_attitude_share <= 1:
            raise ValueError("common_attitude_share must lie between 0 and 1")
        if not abs(self.east_north_m2) <= self.east_m * self.north_m * (1 + 1e-9):
            raise ValueError("the covariance of a position's errors cannot be larger than the errors")


@dataclass(frozen=True, kw_only=True)
class Pose:
    """A camera's place and look.

    Attributes:
        at: Aware UTC time, None where the file tells none.
        lon: Degrees east, WGS 84.
        lat: Degrees north.
        alt_m: The altitude that is to be believed, in `alt_datum`.
        alt_datum: `home` (above the take-off point), `msl` or `ellipsoid`.
        heading_deg: Camera heading from true north; None where unknown.
        pitch_deg: Camera pitch, -90 straight down; None where unknown.
        roll_deg: Camera roll; None where unknown.
        sigmas: One-sigma errors.
        height_above_home_m: Height above take-off, where known beside `alt_m`.
        reported_alt_m: The absolute altitude that the file tells but that is not believed without a second proof.
        heading_source: Where the heading comes from: `gimbal`, `platform`, `none`.
    """

    at: datetime | None
    lon: float
    lat: float
    alt_m: float
    alt_datum: AltitudeDatum
    heading_deg: float | None
    pitch_deg: float | None
    roll_deg: float | None
    sigmas: PoseSigmas = field(default_factory=PoseSigmas)
    height_above_home_m: float | None = None
    reported_alt_m: float | None = None
    heading_source: str = "gimbal"

    def __post_init__(self) -> None:
        if self.at is not None and self.at.tzinfo is None:
            raise ValueError("a pose's time must be aware (UTC)")
        if not (-180 <= self.lon <= 180 and -90 <= self.lat <= 90):
            raise ValueError(f"lon {self.lon}, lat {self.lat} is no place on the earth")
        if self.lon == 0 and self.lat == 0:
            raise ValueError("lon 0, lat 0 means that there was no fix")
        angles = (self.heading_deg, self.pitch_deg, self.roll_deg)
        if not all(angle is None or math.isfinite(angle) for angle in (*angles, self.alt_m)):
            raise ValueError("altitude and angles of a pose must be finite")

    @property
    def has_bearing(self) -> bool:
        """Whether heading and pitch are known, so that pixels can be located at all."""
        return self.heading_deg is not None and self.pitch_deg is not None

    def look_deg(self) -> tuple[float, float, float]:
        """Heading, pitch and roll; an unknown roll counts as 0, which a stabilised camera keeps.

        Raises:
            PlaceUnknown: Heading or pitch is unknown: they are never assumed.
        """
        if self.heading_deg is None or self.pitch_deg is None:
            raise PlaceUnknown(flags=("bearing_unknown",))
        return self.heading_deg, self.pitch_deg, self.roll_deg or 0.0

    def turned_half(self) -> Pose:
        """The pose of the same picture stored turned by 180 degrees about the camera's axis."""
        return replace(self, roll_deg=wrap_deg((self.roll_deg or 0.0) + 180.0))


def wrap_deg(angle_deg: float) -> float:
    """The same angle in [-180, 180)."""
    return (angle_deg + 180.0) % 360.0 - 180.0


# Camera axes (x right, y down, z forward) in body axes (x forward, y right, z down), and ENU from NED.
_BODY_FROM_CAMERA = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
_ENU_FROM_NED = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])


def enu_from_camera(heading_deg: float, pitch_deg: float, roll_deg: float) -> Floats:
    """The rotation (3, 3) that takes camera axes to east, north, up: Rz(heading) Ry(pitch) Rx(roll) of geo's rules."""
    (sz, cz), (sy, cy), (sx, cx) = (
        (math.sin(math.radians(angle)), math.cos(math.radians(angle))) for angle in (heading_deg, pitch_deg, roll_deg)
    )
    rz = np.array([[cz, -sz, 0.0], [sz, cz, 0.0], [0.0, 0.0, 1.0]])
    ry = np.array([[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]])
    rx = np.array([[1.0, 0.0, 0.0], [0.0, cx, -sx], [0.0, sx, cx]])
    rotation: Floats = _ENU_FROM_NED @ rz @ ry @ rx @ _BODY_FROM_CAMERA
    return rotation
