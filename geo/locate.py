"""From pixels to places: rays through the lens, onto the ground, with the error that the pose's sigmas make.

The covariance (`geo.propagation`) is first order: each angle, the focal length, the height and the position are moved
by one sigma and the shifts are added up in squares. What all pictures of one flight share (compass and position
offset, focal length) is also kept apart as `common_m2`. Pixels are worked off a few thousand at a time, so that
millions of them need little more memory than their answers.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from pyproj import Geod

from geo.camera import Camera
from geo.errors import PlaceUnknown
from geo.frames import LocalFrame
from geo.ground import FlatGround, Ground
from geo.lens import pixels_from_camera
from geo.located import BEARING_UNKNOWN, REASONS, GroundPolygon, Located, nothing_located
from geo.pose import Pose, enu_from_camera
from geo.propagation import covariances, shifts
from geo.view import MIN_DEPRESSION_DEG, View, pieces_of

__all__ = [
    "MIN_DEPRESSION_DEG",
    "REASONS",
    "GroundPolygon",
    "Located",
    "ground_area_m2",
    "locate_pixels",
    "locate_polygon",
    "offsets_of_pixels",
    "project_to_pixels",
]

Floats = npt.NDArray[np.float64]

_DRAWN_CORNERS = 24


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
        return nothing_located(uv)
    height = ground.camera_height(pose)
    offset, reason = np.empty((len(uv), 3)), np.empty(len(uv), dtype=np.int8)
    covariance, common = np.empty((len(uv), 2, 2)), np.empty((len(uv), 2, 2))
    view = View.of(pose, camera, ground, height)
    for piece in pieces_of(len(uv)):
        met, reason[piece] = view.meet(uv[piece])
        offset[piece] = met.offset_m
        covariance[piece], common[piece] = covariances(met, pose, camera, height)
    return Located(
        uv_px=uv,
        lonlat_deg=view.frame.lonlat_from_en(offset[:, :2]),
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
    view = View.of(pose, camera, ground, ground.camera_height(pose))
    if isinstance(ground, FlatGround) and view.sees_only_ground(uv):
        return view.on_level_ground(uv, ground.alt_m)
    offset = np.empty((3, len(uv))).T
    level = ground if isinstance(ground, FlatGround) and camera.model == "brown" else None
    shows_all = level is not None and view.shows_all(uv)
    for piece in pieces_of(len(uv)):
        if level is not None and (shows_all or view.shows_all(uv[piece])):
            view.put_on_level_ground(uv[piece], level.alt_m, offset[piece].T)
        else:
            offset[piece] = view.meet(uv[piece], slopes=False)[0].offset_m
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
        raise PlaceUnknown(flags=(REASONS[BEARING_UNKNOWN],))
    height = ground.camera_height(pose)
    view = View.of(pose, camera, ground, height)
    met, reason = view.meet(uv)
    if reason.any():
        raise PlaceUnknown(flags=tuple(sorted({REASONS[code] for code in reason if code})))
    en = met.offset_m[:, :2]
    area_m2 = _area(en)
    moved = {name: np.column_stack(shift) for name, shift in shifts(met, pose, camera, height)}
    # All corners move together with the pose; where the outline was drawn, each by itself.
    together = [_area(en + moved[name]) - area_m2 for name in moved if not name.startswith("pixel")]
    return GroundPolygon(
        lonlat_deg=view.frame.lonlat_from_en(en),
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
