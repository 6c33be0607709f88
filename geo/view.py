"""One picture's way of looking at the ground: its rays, where they meet, and which of them say no place."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from geo.camera import Camera
from geo.frames import LocalFrame
from geo.ground import CameraHeight, Ground
from geo.lens import rays_with_slopes
from geo.located import ABOVE_HORIZON, BEARING_ONLY, LENS_UNKNOWN, NO_GROUND_KNOWN, OUTSIDE_PICTURE
from geo.pose import Pose, enu_from_camera
from geo.propagation import Meeting
from geo.undistortion import undistortion_of

Floats = npt.NDArray[np.float64]

# Rays flatter than this say a bearing, not a place: at 12 degrees, one degree of pitch moves the point by 40 % of the
# camera's height.
MIN_DEPRESSION_DEG = 12.0
_FLATTEST = math.tan(math.radians(MIN_DEPRESSION_DEG)) ** 2
# So many pixels at a time stay in the processor's cache with all that is reckoned about them.
_AT_A_TIME = 16384
_ROWS_AT_A_TIME = 1024
# Detectors round outlines to whole pixels, so the border itself is a pixel wide.
_EDGE_PX = 1.0


def pieces_of(count: int) -> Iterator[slice]:
    """Slices that cut so many pixels into pieces small enough for the processor's cache."""
    return (slice(begin, min(begin + _AT_A_TIME, count)) for begin in range(0, count, _AT_A_TIME))


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """One picture's way of looking at the ground.

    Attributes:
        camera: The lens.
        ground: What is looked at.
        camera_alt_m: The camera's altitude, in the ground's datum.
        frame: East and north around the camera.
        rotation: (3, 3) from camera axes to east, north, up.
    """

    camera: Camera
    ground: Ground
    camera_alt_m: float
    frame: LocalFrame
    rotation: Floats

    @classmethod
    def of(cls, pose: Pose, camera: Camera, ground: Ground, height: CameraHeight) -> View:
        """What a camera sees from a pose.

        Raises:
            PlaceUnknown: The camera's bearing is unknown.
        """
        return cls(
            camera=camera,
            ground=ground,
            camera_alt_m=height.alt_m,
            frame=LocalFrame(lon=pose.lon, lat=pose.lat),
            rotation=enu_from_camera(*pose.look_deg()),
        )

    def meet(self, uv: Floats, *, slopes: bool = True) -> tuple[Meeting, npt.NDArray[np.int8]]:
        """Where the rays of pixels (n, 2) meet the ground, and per pixel why not; for errors with `slopes`."""
        u, v = np.ascontiguousarray(uv.T)
        camera_rays = rays_with_slopes(u, v, self.camera, slopes=slopes)
        rays = self.rotation @ camera_rays.ray
        reason = _reasons(u, v, rays, self.camera)
        barred = reason != 0
        asked = np.where(barred, np.nan, rays) if barred.any() else rays
        hits = self.ground.hit(self.frame, self.camera_alt_m, asked.T)
        missed = np.isnan(hits.offset_m[:, 2])
        if missed.any():
            reason[missed & ~barred] = NO_GROUND_KNOWN
        met = Meeting(
            uv_px=uv,
            camera_rays=camera_rays,
            rays=rays,
            rotation=self.rotation,
            offset_m=hits.offset_m,
            normal=hits.normal,
        )
        return met, reason

    def sees_only_ground(self, uv: Floats) -> bool:
        """Whether all these pixels (n, 2) surely look at the ground: as the corners of an ideal lens's picture do.

        Rays steep enough fill a cone, which is convex, so what lies between steep corners is steep.
        """
        if not self.camera.is_pinhole or not len(uv):
            return False
        (left, top), (right, bottom) = _extreme(uv, np.minimum), _extreme(uv, np.maximum)
        u, v = np.array([left, right, right, left]), np.array([top, top, bottom, bottom])
        rays = self.rotation @ rays_with_slopes(u, v, self.camera, slopes=False).ray
        return not _reasons(u, v, rays, self.camera).any()

    def on_level_ground(self, uv: Floats, ground_alt_m: float) -> Floats:
        """Offsets (n, 3) of pixels that see only level ground, through an ideal lens: one plane onto another."""
        (fx, fy), (cx, cy) = self.camera.focal_xy_px, self.camera.principal_xy_px
        rays_from_pixels = self.rotation @ np.array([[1 / fx, 0.0, -cx / fx], [0.0, 1 / fy, -cy / fy], [0.0, 0.0, 1.0]])
        height_m = self.camera_alt_m - ground_alt_m
        plane = np.stack((rays_from_pixels[0] * height_m, rays_from_pixels[1] * height_m, -rays_from_pixels[2]))
        offset = np.empty((3, len(uv)))
        for piece in pieces_of(len(uv)):
            offset[:2, piece] = cv2.perspectiveTransform(uv[piece, None, :], plane)[:, 0].T
        offset[2] = -height_m
        return offset.T

    def shows_all(self, uv: Floats) -> bool:
        """Whether all these pixels (n, 2) are the picture's."""
        if not len(uv):
            return True
        (left, top), (right, bottom) = _extreme(uv, np.minimum), _extreme(uv, np.maximum)
        width, height = self.camera.size_wh_px
        return bool(min(left, top) >= -_EDGE_PX and right <= width + _EDGE_PX and bottom <= height + _EDGE_PX)

    def put_on_level_ground(self, uv: Floats, ground_alt_m: float, out: Floats) -> None:
        """Put the offsets (3, n) of a picture's pixels (n, 2), seen through any but a fisheye lens, into `out`."""
        lens = undistortion_of(self.camera)
        ideal = np.empty((2, len(uv)))
        lens.ideal(uv.T, out=ideal)
        rays = (self.rotation[:, :2] @ lens.to_image) @ ideal
        rays += self.rotation[:, 2:]
        is_below = rays[2].max() < 0
        height_m = self.camera_alt_m - ground_alt_m
        # Rays along the horizon meet the ground endlessly far off.
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            stretch = np.divide(-height_m, rays[2], out=rays[2])
            np.multiply(rays[:2], stretch, out=out[:2])
            far, room = out[0] * out[0], out[1] * out[1]
            far += room
        is_steep = far <= height_m**2 / _FLATTEST
        if not is_below:
            is_steep &= stretch > 0
        out[2] = -height_m
        if not is_steep.all():
            out[:, np.flatnonzero(~is_steep)] = np.nan


def _reasons(u: Floats, v: Floats, rays: Floats, camera: Camera) -> npt.NDArray[np.int8]:
    reason = np.zeros(len(u), dtype=np.int8)
    is_steep, up = _is_steep(rays), rays[2]
    if not is_steep.all():
        reason[~is_steep] = np.where(up[~is_steep] >= 0, ABOVE_HORIZON, BEARING_ONLY)
        reason[np.isnan(up)] = LENS_UNKNOWN
    (width, height), edge = camera.size_wh_px, _EDGE_PX
    if not (_within(u, -edge, width + edge) and _within(v, -edge, height + edge)):
        reason[~((u >= -edge) & (u <= width + edge) & (v >= -edge) & (v <= height + edge))] = OUTSIDE_PICTURE
    return reason


def _is_steep(rays: Floats) -> npt.NDArray[np.bool_]:
    """Which rays (3, n) go down steeply enough to say a place."""
    east, north, up = rays
    flat = east * east
    flat += north * north
    flat *= _FLATTEST
    with np.errstate(invalid="ignore"):
        is_steep = up * up >= flat
        is_steep &= up < 0
    return np.asarray(is_steep)


def _extreme(uv: Floats, pick: np.ufunc) -> Floats:
    """The least or greatest u and v of pixels (n, 2), found many rows at a time: two columns by themselves are slow."""
    whole = len(uv) - len(uv) % _ROWS_AT_A_TIME
    best = pick.reduce(uv[:whole].reshape(-1, 2 * _ROWS_AT_A_TIME), axis=0) if whole else uv[:1].ravel()
    result: Floats = pick.reduce(np.vstack((best.reshape(-1, 2), uv[whole:])), axis=0)
    return result


def _within(values: Floats, low: float, high: float) -> bool:
    return not len(values) or bool(values.min() >= low and values.max() <= high)
