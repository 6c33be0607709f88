"""From pixels to places: rays through the lens, onto the ground, with the error that the pose's sigmas make.

The covariance is first order: each angle, the focal length, the height and the position are moved a little, the ray
is put again onto the tangent plane of the ground where it hit, and the shifts are added up in squares. What all
pictures of one flight share (compass and position offset, focal length) is also kept apart as `common_m2`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyproj import Geod

from geo.camera import Camera
from geo.errors import PlaceUnknown
from geo.frames import LocalFrame
from geo.ground import CameraHeight, Ground
from geo.lens import normalised_from_pixels, pixels_from_camera
from geo.pose import Pose, enu_from_camera
from geo.position import Fix

Floats = npt.NDArray[np.float64]

# Rays flatter than this say a bearing, not a place: at 12 degrees, one degree of pitch moves the point by 40 % of the
# camera's height.
MIN_DEPRESSION_DEG = 12.0
# One sigma of where somebody, or a detector, puts the pixel.
PIXEL_SIGMA_PX = 1.0

_ANGLE_STEP_DEG = 0.01
_FOCAL_STEP = 1e-4
# A ray that grazes a slope has no usable derivative; it counts as this shallow at least.
_MIN_NORMAL_DOT = 0.05

REASONS = ("", "bearing_unknown", "outside_picture", "above_horizon", "bearing_only", "no_ground_known", "lens_unknown")
_BEARING_UNKNOWN, _OUTSIDE, _ABOVE, _FLAT, _NO_GROUND, _NO_LENS = range(1, 7)


@dataclass(frozen=True, kw_only=True, eq=False)
class Located:
    """Places of pixels, as aligned columns; a sequence of `Fix | None` as well.

    Attributes:
        uv_px: (n, 2) the pixels asked for.
        lonlat_deg: (n, 2) lon, lat; NaN where there is no answer.
        alt_m: (n,) the ground's altitude there, in the ground's datum.
        covariance_m2: (n, 2, 2) east and north, m².
        common_m2: (n, 2, 2) its part that the whole flight shares.
        reason: (n,) index into `REASONS`; 0 where there is an answer.
        height_source: How the camera's height came about.
        yaw_source: Where the heading came from.
        pose_flags: Flags that hold for every point.
    """

    uv_px: Floats
    lonlat_deg: Floats
    alt_m: Floats
    covariance_m2: Floats
    common_m2: Floats
    reason: npt.NDArray[np.int8]
    height_source: str
    yaw_source: str
    pose_flags: tuple[str, ...]

    def __len__(self) -> int:
        """How many pixels were asked for."""
        return len(self.uv_px)

    def __getitem__(self, index: int) -> Fix | None:
        """The fix of one pixel, None where there is no answer (`flags_of` says why)."""
        if self.reason[index]:
            return None
        (ee, en), (_, nn) = self.covariance_m2[index].tolist()
        (cee, cen), (_, cnn) = self.common_m2[index].tolist()
        return Fix(
            lon=float(self.lonlat_deg[index, 0]),
            lat=float(self.lonlat_deg[index, 1]),
            alt_m=float(self.alt_m[index]),
            covariance_m2=((ee, en), (en, nn)),
            common_m2=((cee, cen), (cen, cnn)),
            height_source=self.height_source,
            yaw_source=self.yaw_source,
            flags=self.pose_flags,
        )

    def __iter__(self) -> Iterator[Fix | None]:
        """Each pixel's fix, or None."""
        return (self[index] for index in range(len(self)))

    def flags_of(self, index: int) -> tuple[str, ...]:
        """All flags of one pixel: why it has no answer, then those of the pose."""
        reason = REASONS[self.reason[index]]
        return (reason, *self.pose_flags) if reason else self.pose_flags


@dataclass(frozen=True, kw_only=True, eq=False)
class GroundPolygon:
    """A picture's polygon on the ground.

    Attributes:
        lonlat_deg: (m, 2) corners, not closed.
        area_m2: Its area.
        area_sigma_m2: One-sigma error of the area from height, focal length and angles (not from the outline).
        flags: As of a `Fix`.
    """

    lonlat_deg: Floats
    area_m2: float
    area_sigma_m2: float
    flags: tuple[str, ...]


def locate_pixels(uv_px: npt.ArrayLike, pose: Pose, camera: Camera, ground: Ground) -> Located:
    """Places on the ground of pixels of one picture.

    Args:
        uv_px: (n, 2) pixels of the stored raster, u right, v down, from the outer corner of the top left pixel.
        pose: Where the camera was and how it looked.
        camera: The lens, for pictures of this size.
        ground: What the rays meet.

    Returns:
        One answer per pixel, or a reason why there is none.

    Raises:
        HeightUnknown: Pose and ground have no common height datum.
    """
    uv = np.asarray(uv_px, dtype=np.float64).reshape(-1, 2)
    if not pose.has_bearing:
        return _nothing(uv, pose)
    height = ground.camera_height(pose)
    frame = LocalFrame(lon=pose.lon, lat=pose.lat)
    ideal = normalised_from_pixels(uv, camera)
    rays = _rays(ideal, pose)
    reason = _reasons(uv, rays, camera)
    hits = ground.hit(frame, height.alt_m, np.where(reason[:, None] == 0, rays, np.nan))
    reason[(reason == 0) & ~np.isfinite(hits.offset_m).all(axis=1)] = _NO_GROUND
    offset = np.where(reason[:, None] == 0, hits.offset_m, np.nan)
    covariance, common = _covariances(ideal, offset, hits.normal, pose, camera, height)
    return Located(
        uv_px=uv,
        lonlat_deg=frame.lonlat_from_en(offset[:, :2]),
        alt_m=height.alt_m + offset[:, 2],
        covariance_m2=covariance,
        common_m2=common,
        reason=reason,
        height_source=height.source,
        yaw_source=pose.heading_source,
        pose_flags=height.flags,
    )


def locate_polygon(uv_px: npt.ArrayLike, pose: Pose, camera: Camera, ground: Ground) -> GroundPolygon:
    """A picture's polygon (m >= 3 corners, (m, 2) pixels) on the ground, with its area.

    Raises:
        PlaceUnknown: A corner has no place on the ground.
        HeightUnknown: Pose and ground have no common height datum.
    """
    uv = np.asarray(uv_px, dtype=np.float64).reshape(-1, 2)
    if len(uv) < 3:
        raise ValueError("a polygon needs at least three corners")
    located = locate_pixels(uv, pose, camera, ground)
    if located.reason.any():
        raise PlaceUnknown(flags=tuple(sorted({REASONS[code] for code in located.reason if code})))
    height = ground.camera_height(pose)
    offset, normal = _offsets_and_normals(located, pose, height, ground)
    shifts = _shifts(normalised_from_pixels(uv, camera), offset, normal, pose, camera, height)
    area_m2 = _area(offset[:, :2])
    area_sigma_m2 = math.sqrt(sum((_area(offset[:, :2] + shift) - area_m2) ** 2 for shift in shifts.values()))
    return GroundPolygon(
        lonlat_deg=located.lonlat_deg, area_m2=area_m2, area_sigma_m2=area_sigma_m2, flags=located.pose_flags
    )


def project_to_pixels(lonlat_deg: npt.ArrayLike, pose: Pose, camera: Camera, ground: Ground) -> Floats:
    """Pixels (n, 2) where places (n, 2), lon before lat, on the ground appear; NaN behind the camera or off the ground.

    Points beside the picture get pixels outside it.

    Raises:
        PlaceUnknown: The camera's bearing is unknown.
        HeightUnknown: Pose and ground have no common height datum.
    """
    rotation = enu_from_camera(*pose.look_deg())
    frame = LocalFrame(lon=pose.lon, lat=pose.lat)
    height = ground.camera_height(pose)
    en = frame.en_from_lonlat(lonlat_deg)
    up = ground.altitudes_m(frame, en, height.alt_m) - height.alt_m
    return pixels_from_camera(np.column_stack((en, up)) @ rotation, camera)


def ground_area_m2(lonlat_deg: npt.ArrayLike) -> float:
    """Geodesic area in m² of a polygon's ring (m, 2), lon before lat."""
    ring = np.asarray(lonlat_deg, dtype=np.float64).reshape(-1, 2)
    area_m2, _ = Geod(ellps="WGS84").polygon_area_perimeter(ring[:, 0], ring[:, 1])
    return abs(float(area_m2))


def _rays(ideal: Floats, pose: Pose, *, heading: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> Floats:
    """Rays (n, 3) east, north, up, with the angles moved by some degrees."""
    heading_deg, pitch_deg, roll_deg = pose.look_deg()
    rotation = enu_from_camera(heading_deg + heading, pitch_deg + pitch, roll_deg + roll)
    result: Floats = np.column_stack((ideal, np.ones(len(ideal)))) @ rotation.T
    return result


def _reasons(uv: Floats, rays: Floats, camera: Camera) -> npt.NDArray[np.int8]:
    reason = np.zeros(len(uv), dtype=np.int8)
    with np.errstate(invalid="ignore"):
        depression_deg = np.degrees(np.arctan2(-rays[:, 2], np.hypot(rays[:, 0], rays[:, 1])))
        reason[depression_deg < MIN_DEPRESSION_DEG] = _FLAT
        reason[depression_deg <= 0] = _ABOVE
    reason[~np.isfinite(rays).all(axis=1)] = _NO_LENS
    # Detectors round outlines to whole pixels, so the border itself is a pixel wide.
    inside = (uv >= -1).all(axis=1) & (uv <= np.add(camera.size_wh_px, 1)).all(axis=1)
    reason[~inside] = _OUTSIDE
    return reason


def _dot(one: Floats, other: Floats) -> Floats:
    product: Floats = np.einsum("ij,ij->i", one, other)
    return product


def _below(rays: Floats, normal: Floats) -> Floats:
    """How steeply (n,) rays go into the ground, negative; kept away from 0 where they only graze it."""
    with np.errstate(invalid="ignore"):
        return np.minimum(_dot(rays, normal), -_MIN_NORMAL_DOT * np.sqrt(_dot(rays, rays)))


def _plane_shift(rays: Floats, offset: Floats, normal: Floats) -> Floats:
    """How far (n, 2), east and north, the meeting with the tangent plane moves when the ray changes to `rays`."""
    along = _dot(offset, normal) / _below(rays, normal)
    shift: Floats = (rays * along[:, None] - offset)[:, :2]
    return shift


def _shifts(
    ideal: Floats, offset: Floats, normal: Floats, pose: Pose, camera: Camera, height: CameraHeight
) -> dict[str, Floats]:
    """What one sigma of each source of error does to each point: metres east, north (n, 2)."""
    sigmas = pose.sigmas

    def angle(name: str, sigma_deg: float) -> Floats:
        ahead = _plane_shift(_rays(ideal, pose, **{name: _ANGLE_STEP_DEG}), offset, normal)
        behind = _plane_shift(_rays(ideal, pose, **{name: -_ANGLE_STEP_DEG}), offset, normal)
        return (ahead - behind) * (sigma_deg / (2 * _ANGLE_STEP_DEG))

    def pixels(move: Floats) -> Floats:
        ahead, behind = (_plane_shift(_rays(ideal + sign * move, pose), offset, normal) for sign in (1.0, -1.0))
        return (ahead - behind) / 2

    rays = _rays(ideal, pose)
    rise = -normal[:, 2] / _below(rays, normal) * height.sigma_m
    pixel_u, pixel_v = np.zeros_like(ideal), np.zeros_like(ideal)
    pixel_u[:, 0], pixel_v[:, 1] = PIXEL_SIGMA_PX / camera.focal_xy_px[0], PIXEL_SIGMA_PX / camera.focal_xy_px[1]
    return {
        "heading": angle("heading", sigmas.heading_deg),
        "pitch": angle("pitch", sigmas.pitch_deg),
        "roll": angle("roll", sigmas.roll_deg),
        "focal": pixels(ideal * _FOCAL_STEP) * (camera.focal_sigma_ratio / _FOCAL_STEP),
        "height": rays[:, :2] * rise[:, None],
        "pixel_u": pixels(pixel_u),
        "pixel_v": pixels(pixel_v),
    }


def _covariances(
    ideal: Floats, offset: Floats, normal: Floats, pose: Pose, camera: Camera, height: CameraHeight
) -> tuple[Floats, Floats]:
    """The whole error and its part common to the flight, (n, 2, 2) each, in m²."""
    sigmas = pose.sigmas
    shifts = _shifts(ideal, offset, normal, pose, camera, height)
    outer = {name: shift[:, :, None] * shift[:, None, :] for name, shift in shifts.items()}
    position = np.diag([sigmas.east_m**2, sigmas.north_m**2])
    shared_m = sigmas.common_position_m
    shared = np.diag([min(sigmas.east_m, shared_m) ** 2, min(sigmas.north_m, shared_m) ** 2])
    common = shared + sum(outer[name] for name in ("heading", "height", "focal")) * sigmas.common_attitude_share**2
    return sum(outer.values()) + position, common


def _offsets_and_normals(located: Located, pose: Pose, height: CameraHeight, ground: Ground) -> tuple[Floats, Floats]:
    frame = LocalFrame(lon=pose.lon, lat=pose.lat)
    offset = np.column_stack((frame.en_from_lonlat(located.lonlat_deg), located.alt_m - height.alt_m))
    return offset, ground.hit(frame, height.alt_m, offset).normal


def _area(en_m: Floats) -> float:
    x, y = en_m[:, 0], en_m[:, 1]
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2


def _nothing(uv: Floats, pose: Pose) -> Located:
    n = len(uv)
    return Located(
        uv_px=uv,
        lonlat_deg=np.full((n, 2), np.nan),
        alt_m=np.full(n, np.nan),
        covariance_m2=np.full((n, 2, 2), np.nan),
        common_m2=np.full((n, 2, 2), np.nan),
        reason=np.full(n, _BEARING_UNKNOWN, dtype=np.int8),
        height_source="none",
        yaw_source="none",
        pose_flags=(),
    )
