"""What one sigma of each source of error does to places on the ground, to first order.

Each source turns or lengthens the ray a little; the ray is put again onto the tangent plane of the ground where it hit.
Everything is a column (n,) or (3, n): this runs over millions of pixels, a few thousand at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geo.camera import Camera
from geo.ground import CameraHeight
from geo.lens import PixelRays
from geo.pose import Pose

Floats = npt.NDArray[np.float64]
Shift = tuple[Floats, Floats]

# One sigma of where somebody, or a detector, puts the pixel.
PIXEL_SIGMA_PX = 1.0
# A ray that grazes a slope has no usable derivative; it counts as this steep at least.
_MIN_NORMAL_DOT = 0.05

SHARED_SOURCES = ("heading", "focal", "height")
"""Sources of which a flight's pictures share `PoseSigmas.common_attitude_share`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Meeting:
    """Where the rays of some pixels meet the ground.

    Attributes:
        uv_px: (n, 2) the pixels.
        camera_rays: Their rays in camera axes.
        rays: (3, n) east, north, up.
        rotation: (3, 3) from camera axes to east, north, up.
        offset_m: (n, 3) the meeting, from the camera; NaN where there is none.
        normal: (n, 3) upward normals of the ground there.
    """

    uv_px: Floats
    camera_rays: PixelRays
    rays: Floats
    rotation: Floats
    offset_m: Floats
    normal: Floats


def shifts(met: Meeting, pose: Pose, camera: Camera, height: CameraHeight) -> Iterator[tuple[str, Shift]]:
    """By source, the metres east and north, (n,) each, that one sigma of it moves the places."""
    move = _Plane.of(met)
    sigmas, ray = pose.sigmas, met.rays
    heading_rad = math.radians(pose.look_deg()[0])
    level_right = np.array([math.cos(heading_rad), -math.sin(heading_rad), 0.0])
    down = np.array([0.0, 0.0, -1.0])
    for name, axis, sigma_deg in (
        ("heading", down, sigmas.heading_deg),
        ("pitch", level_right, sigmas.pitch_deg),
        ("roll", met.rotation[:, 2], sigmas.roll_deg),
    ):
        yield name, move(_turned(axis * math.radians(sigma_deg), ray))
    by_u, by_v = met.rotation @ met.camera_rays.by_u, met.rotation @ met.camera_rays.by_v
    off_u, off_v = ((met.uv_px[:, i] - camera.principal_xy_px[i]) * camera.focal_sigma_ratio for i in (0, 1))
    yield "focal", move(by_u * off_u + by_v * off_v)
    yield "height", move.raised(height.sigma_m)
    yield "pixel_u", move(by_u * PIXEL_SIGMA_PX)
    yield "pixel_v", move(by_v * PIXEL_SIGMA_PX)


def covariances(met: Meeting, pose: Pose, camera: Camera, height: CameraHeight) -> tuple[Floats, Floats]:
    """The whole error and its part common to the flight, (n, 2, 2) each, in m², east and north."""
    sigmas = pose.sigmas
    count = len(met.uv_px)
    own, shared = np.zeros((3, count)), np.zeros((3, count))
    for name, (east, north) in shifts(met, pose, camera, height):
        into = shared if name in SHARED_SOURCES else own
        into[0] += east * east
        into[1] += east * north
        into[2] += north * north
    own += shared
    shared *= sigmas.common_attitude_share**2
    move = _Plane.of(met)
    move.add_position(own, sigmas.east_m**2, sigmas.east_north_m2, sigmas.north_m**2)
    common = [min(sigma, sigmas.common_position_m) ** 2 for sigma in (sigmas.east_m, sigmas.north_m)]
    move.add_position(shared, common[0], 0.0, common[1])
    return _matrices(own), _matrices(shared)


def _matrices(columns: Floats) -> Floats:
    result = np.empty((columns.shape[1], 2, 2))
    result[:, 0, 0], result[:, 0, 1], result[:, 1, 1] = columns
    result[:, 1, 0] = columns[1]
    return result


def _turned(axis: Floats, ray: Floats) -> Floats:
    """How rays (3, n) change when turned about an axis by its length in radians."""
    x, y, z = axis
    return np.stack((y * ray[2] - z * ray[1], z * ray[0] - x * ray[2], x * ray[1] - y * ray[0]))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Plane:
    """How the meeting with the ground's tangent plane moves with the ray."""

    normal: Floats
    along: Floats
    east: Floats
    north: Floats
    is_level: bool

    @classmethod
    def of(cls, met: Meeting) -> _Plane:
        ray, normal = met.rays, met.normal.T
        is_level = normal.strides[-1] == 0 and not normal[:2].any()
        if is_level:
            normal = normal[:, :1]
        # How steeply rays go into the ground, negative; kept away from 0 where they only graze it.
        with np.errstate(invalid="ignore"):
            into = _dot(normal, ray)
            into = np.minimum(into, -_MIN_NORMAL_DOT * np.sqrt(_dot(ray, ray)))
            along = met.offset_m[:, 2] / ray[2]
        return cls(normal=normal, along=along, east=ray[0] / into, north=ray[1] / into, is_level=is_level)

    def __call__(self, change: Floats) -> Shift:
        """Metres east and north that the places move when their rays change so (3, n) or, all alike, (3, 1)."""
        sideways = change[2] if self.is_level else _dot(self.normal, change)
        return (change[0] - self.east * sideways) * self.along, (change[1] - self.north * sideways) * self.along

    def add_position(self, covariance: Floats, east_m2: float, both_m2: float, north_m2: float) -> None:
        """Add what the camera's own place is unsure by to the places' covariance, columns (3, n).

        On level ground a place moves as its camera does; on a slope the ray meets the ground earlier or later.
        """
        if self.is_level:
            covariance += np.array([[east_m2], [both_m2], [north_m2]])
            return
        ee, en = 1.0 - self.east * self.normal[0], self.east * -self.normal[1]
        ne, nn = self.north * -self.normal[0], 1.0 - self.north * self.normal[1]
        covariance[0] += ee * ee * east_m2 + en * en * north_m2
        covariance[1] += ee * ne * east_m2 + en * nn * north_m2
        covariance[2] += ne * ne * east_m2 + nn * nn * north_m2
        if both_m2:
            covariance[0] += 2 * both_m2 * ee * en
            covariance[1] += both_m2 * (ee * nn + en * ne)
            covariance[2] += 2 * both_m2 * ne * nn

    def raised(self, height_m: float) -> Shift:
        """The same when the camera is higher above the ground."""
        rise = self.normal[2] * -height_m
        return self.east * rise, self.north * rise


def _dot(one: Floats, other: Floats) -> Floats:
    return np.asarray(one[0] * other[0] + one[1] * other[1] + one[2] * other[2])
