"""What a ray from the camera can hit: the ground as a plane, and what every other ground must offer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from geo.errors import HeightUnknown
from geo.frames import LocalFrame
from geo.pose import Pose

Floats = npt.NDArray[np.float64]
GroundDatum = Literal["home", "absolute", "photo"]

# How well the altitude of consumer GNSS or barometer, in a datum that nobody states, is trusted.
REPORTED_ALTITUDE_SIGMA_M = 5.0


@dataclass(frozen=True, kw_only=True)
class CameraHeight:
    """The camera's altitude in the ground's own datum.

    Attributes:
        alt_m: The altitude.
        sigma_m: Its one-sigma error against the ground.
        source: The rule that gave it, for people.
        flags: Short machine names of what a reader should know.
    """

    alt_m: float
    sigma_m: float
    source: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class GroundHits:
    """Where rays meet the ground.

    Attributes:
        offset_m: (n, 3) metres east, north, up from the camera; NaN where the ray meets no known ground.
        normal: (n, 3) upward normals of the ground there.
    """

    offset_m: Floats
    normal: Floats


class Ground(Protocol):
    """The shape of the ground around a camera."""

    def camera_height(self, pose: Pose) -> CameraHeight:
        """The camera's altitude in this ground's datum.

        Raises:
            HeightUnknown: The pose and this ground have no datum in common.
        """
        ...

    def hit(self, frame: LocalFrame, camera_alt_m: float, rays_enu: Floats) -> GroundHits:
        """The first meeting of each ray (n, 3), east, north, up from the camera at the frame's origin."""
        ...

    def altitudes_m(self, frame: LocalFrame, en_m: Floats, camera_alt_m: float) -> Floats:
        """Ground altitude (n,) at metres east, north (n, 2) of the frame; NaN where unknown."""
        ...


@dataclass(frozen=True, kw_only=True)
class FlatGround:
    """Level ground at one altitude.

    Attributes:
        alt_m: Its altitude.
        datum: `home`: above the take-off point. `absolute`: in the datum of the picture's own absolute altitude.
            `photo`: whichever of the two the number fits better, see `camera_height`.
        sigma_m: How uneven the real ground is, one sigma.
    """

    alt_m: float = 0.0
    datum: GroundDatum = "home"
    sigma_m: float = 0.5

    def __post_init__(self) -> None:
        if not math.isfinite(self.alt_m) or not (math.isfinite(self.sigma_m) and self.sigma_m >= 0):
            raise ValueError("the ground's altitude must be finite, its sigma not negative")

    def camera_height(self, pose: Pose) -> CameraHeight:
        """The camera's altitude in this ground's datum.

        With the datum `photo`, the number is read as an absolute altitude when the pose's own altitude is absolute
        (RTK), or when it lies nearer to the take-off point's reported altitude than to 0; else as metres above the
        take-off point. The flags say which reading was used.

        Raises:
            HeightUnknown: The pose lacks the altitude that this datum needs, or the camera is under the ground.
        """
        reading = self.datum if self.datum != "photo" else self._reading(pose)
        height = _absolute_height(pose) if reading == "absolute" else _home_height(pose)
        if height.alt_m - self.alt_m <= 0:
            raise HeightUnknown(
                reason=f"the camera, {height.alt_m:.1f} m ({height.source}), is under the ground, {self.alt_m:.1f} m",
                remedy="Give the ground's altitude in the datum of the picture's altitude",
            )
        rule = "flat ground at the take-off point's height" if (reading, self.alt_m) == ("home", 0.0) else "flat ground"
        flags = (*height.flags, f"flat_ground_{'above_take_off' if reading == 'home' else 'absolute'}")
        return CameraHeight(
            alt_m=height.alt_m,
            sigma_m=math.hypot(height.sigma_m, self.sigma_m),
            source=f"{rule}, {height.source}",
            flags=flags,
        )

    def hit(self, frame: LocalFrame, camera_alt_m: float, rays_enu: Floats) -> GroundHits:
        """The meeting of rays (n, 3) with the plane; NaN for rays that do not go down."""
        up = rays_enu[:, 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            along = (self.alt_m - camera_alt_m) / up
            goes_down = up < 0
        if not goes_down.all():
            along[~goes_down] = np.nan
        return GroundHits(
            offset_m=rays_enu * along[:, None],
            normal=np.broadcast_to(np.array([0.0, 0.0, 1.0]), rays_enu.shape),
        )

    def altitudes_m(self, frame: LocalFrame, en_m: Floats, camera_alt_m: float) -> Floats:
        """The plane's altitude, once per point."""
        return np.full(len(en_m), self.alt_m)

    def _reading(self, pose: Pose) -> GroundDatum:
        if pose.alt_datum != "home":
            return "absolute"
        if pose.reported_alt_m is None:
            return "home"
        take_off_m = pose.reported_alt_m - pose.alt_m
        return "absolute" if abs(self.alt_m - take_off_m) < abs(self.alt_m) else "home"


def _home_height(pose: Pose) -> CameraHeight:
    if pose.alt_datum == "home":
        return CameraHeight(alt_m=pose.alt_m, sigma_m=pose.sigmas.height_m, source="height above take-off")
    if pose.height_above_home_m is None:
        raise HeightUnknown(
            reason="the picture tells no height above the take-off point",
            remedy="Give the ground's altitude, or a DEM, in the datum of the picture's altitude",
        )
    # The barometer says it, so the RTK sigma does not apply.
    sigma_m = max(pose.sigmas.height_m, 1.0)
    return CameraHeight(alt_m=pose.height_above_home_m, sigma_m=sigma_m, source="height above take-off")


def _absolute_height(pose: Pose) -> CameraHeight:
    if pose.alt_datum != "home":
        source = "absolute altitude by RTK" if pose.alt_datum == "ellipsoid" else "absolute altitude by GPS"
        return CameraHeight(alt_m=pose.alt_m, sigma_m=pose.sigmas.height_m, source=source)
    if pose.reported_alt_m is None:
        raise HeightUnknown(
            reason="the picture tells no absolute altitude", remedy="Give the ground's height above the take-off point"
        )
    return CameraHeight(
        alt_m=pose.reported_alt_m,
        sigma_m=max(pose.sigmas.height_m, REPORTED_ALTITUDE_SIGMA_M),
        source="absolute altitude as reported, without RTK",
        flags=("absolute_altitude_without_rtk",),
    )
