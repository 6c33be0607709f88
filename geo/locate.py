"""From pixels to places: rays through the lens, onto the ground, with the error that the pose's sigmas make.

The covariance (`geo.propagation`) is first order: each angle, the focal length, the height and the position are moved
by one sigma and the shifts are added up in squares. What all pictures of one flight share (compass and position
offset, focal length) is also kept apart as `common_m2`. Pixels are worked off a few thousand at a time, so that
millions of them need little more memory than their answers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from pyproj import Geod

from geo.camera import Camera
from geo.errors import PlaceUnknown
from geo.frames import LocalFrame
from geo.ground import CameraHeight, FlatGround, Ground
from geo.lens import pixels_from_camera, rays_with_slopes
from geo.pose import Pose, enu_from_camera
from geo.position import Fix
from geo.propagation import Meeting, covariances, shifts
from geo.undistortion import undistortion_of

Floats = npt.NDArray[np.float64]

# Rays flatter than this say a bearing, not a place: at 12 degrees, one degree of pitch moves the point by 40 % of the
# camera's height.
MIN_DEPRESSION_DEG = 12.0
_FLATTEST = math.tan(math.radians(MIN_DEPRESSION_DEG)) ** 2
# So many pixels at a time stay in the processor's cache with all that is reckoned about them.
_AT_A_TIME = 16384
_ROWS_AT_A_TIME = 1024
_DRAWN_CORNERS = 24
# Detectors round outlines to whole pixels, so the border itself is a pixel wide.
_EDGE_PX = 1.0

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
        area_sigma_m2: One-sigma error of the area, from height, focal length, angles and where the outline was drawn.
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
    offset, reason = np.empty((len(uv), 3)), np.empty(len(uv), dtype=np.int8)
    covariance, common = np.empty((len(uv), 2, 2)), np.empty((len(uv), 2, 2))
    sight = _Sight.of(pose, camera, ground, height)
    for piece in _pieces(len(uv)):
        met, reason[piece] = sight.meet(uv[piece])
        offset[piece] = met.offset_m
        covariance[piece], common[piece] = covariances(met, pose, camera, height)
    return Located(
        uv_px=uv,
        lonlat_deg=sight.frame.lonlat_from_en(offset[:, :2]),
        alt_m=height.alt_m + offset[:, 2],
        covariance_m2=covariance,
        common_m2=common,
        reason=reason,
        height_source=height.source,
        yaw_source=pose.heading_source,
        pose_flags=height.flags,
    )


def offsets_of_pixels(uv_px: npt.ArrayLike, pose: Pose, camera: Camera, ground: Ground) -> Floats:
    """Where pixels (n, 2) lie: metres (n, 3) east, north, up from the camera, NaN where there is no answer.

    Without the errors that `locate_pixels` gives, and many times quicker: for outlines, masks and coverage, which are
    about ground and not about one thing on it.

    Raises:
        PlaceUnknown: The camera's bearing is unknown.
        HeightUnknown: Pose and ground have no common height datum.
    """
    uv = np.asarray(uv_px, dtype=np.float64).reshape(-1, 2)
    sight = _Sight.of(pose, camera, ground, ground.camera_height(pose))
    if isinstance(ground, FlatGround) and sight.sees_only_ground(uv):
        return sight.on_level_ground(uv, ground.alt_m)
    offset = np.empty((3, len(uv))).T
    level = ground if isinstance(ground, FlatGround) and camera.model == "brown" else None
    shows_all = level is not None and sight.shows_all(uv)
    for piece in _pieces(len(uv)):
        if level is not None and (shows_all or sight.shows_all(uv[piece])):
            sight.put_on_level_ground(uv[piece], level.alt_m, offset[piece].T)
        else:
            offset[piece] = sight.meet(uv[piece], slopes=False)[0].offset_m
    return offset


def locate_polygon(uv_px: npt.ArrayLike, pose: Pose, camera: Camera, ground: Ground) -> GroundPolygon:
    """A picture's polygon (m >= 3 corners, (m, 2) pixels) on the ground, with its area.

    Raises:
        PlaceUnknown: A corner has no place on the ground.
        HeightUnknown: Pose and ground have no common height datum.
    """
    uv = np.asarray(uv_px, dtype=np.float64).reshape(-1, 2)
    if len(uv) < 3:
        raise ValueError("a polygon needs at least three corners")
    if not pose.has_bearing:
        raise PlaceUnknown(flags=(REASONS[_BEARING_UNKNOWN],))
    height = ground.camera_height(pose)
    sight = _Sight.of(pose, camera, ground, height)
    met, reason = sight.meet(uv)
    if reason.any():
        raise PlaceUnknown(flags=tuple(sorted({REASONS[code] for code in reason if code})))
    en = met.offset_m[:, :2]
    area_m2 = _area(en)
    moved = {name: np.column_stack(shift) for name, shift in shifts(met, pose, camera, height)}
    # All corners move together with the pose; where the outline was drawn, each by itself.
    together = [_area(en + moved[name]) - area_m2 for name in moved if not name.startswith("pixel")]
    return GroundPolygon(
        lonlat_deg=sight.frame.lonlat_from_en(en),
        area_m2=area_m2,
        area_sigma_m2=math.hypot(*together, _outline_sigma_m2(en, moved["pixel_u"], moved["pixel_v"])),
        flags=height.flags,
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


def _pieces(count: int) -> Iterator[slice]:
    return (slice(begin, min(begin + _AT_A_TIME, count)) for begin in range(0, count, _AT_A_TIME))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sight:
    """One picture's way of looking at the ground."""

    camera: Camera
    ground: Ground
    camera_alt_m: float
    frame: LocalFrame
    rotation: Floats

    @classmethod
    def of(cls, pose: Pose, camera: Camera, ground: Ground, height: CameraHeight) -> _Sight:
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
            reason[missed & ~barred] = _NO_GROUND
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
        for piece in _pieces(len(uv)):
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
        with np.errstate(divide="ignore"):
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
        reason[~is_steep] = np.where(up[~is_steep] >= 0, _ABOVE, _FLAT)
        reason[np.isnan(up)] = _NO_LENS
    (width, height), edge = camera.size_wh_px, _EDGE_PX
    if not (_within(u, -edge, width + edge) and _within(v, -edge, height + edge)):
        reason[~((u >= -edge) & (u <= width + edge) & (v >= -edge) & (v <= height + edge))] = _OUTSIDE
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


def _outline_sigma_m2(en_m: Floats, by_u: Floats, by_v: Floats) -> float:
    """One sigma of a polygon's area (m, 2) from where its outline was drawn, each corner moved by itself.

    An outline of many corners is no surer than one of few: neighbours that lie nearer together than the eye tells
    apart were put down together, so an outline counts as drawn with `_DRAWN_CORNERS` strokes at most.
    """
    before, after = np.roll(en_m, 1, axis=0), np.roll(en_m, -1, axis=0)
    chord = after - before
    pushes = [(chord[:, 1] * by[:, 0] - chord[:, 0] * by[:, 1]) / 2 for by in (by_u, by_v)]
    variance = sum(float(push @ push) for push in pushes)
    return math.sqrt(variance * max(len(en_m) / _DRAWN_CORNERS, 1.0))


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
