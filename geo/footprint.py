"""The piece of ground that a picture sees."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from geo.camera import Camera
from geo.errors import NothingSeen
from geo.frames import LocalFrame
from geo.ground import Ground
from geo.lens import normalised_from_pixels, rays_of_pixels
from geo.locate import MIN_DEPRESSION_DEG, locate_pixels, project_to_pixels
from geo.pose import Pose, enu_from_camera

Floats = npt.NDArray[np.float64]

_DISC_CORNERS = 64
# A picture's edge over uneven ground is followed at this many places per side.
_EDGE_POINTS, _FISHEYE_EDGE_POINTS = 8, 24


def footprint_polygon(pose: Pose, camera: Camera, ground: Ground) -> Floats:
    """The ground seen by a picture, out to where rays become too flat to be located.

    Returns:
        (m, 2) corners, lon before lat, degrees, counter-clockwise, not closed.

    Raises:
        NothingSeen: The bearing is unknown, or the picture shows no ground near enough.
        HeightUnknown: Pose and ground have no common height datum.
    """
    if not pose.has_bearing:
        raise NothingSeen(flag="bearing_unknown")
    frame = LocalFrame(lon=pose.lon, lat=pose.lat)
    camera_alt_m = ground.camera_height(pose).alt_m
    under_m = float(ground.altitudes_m(frame, np.zeros((1, 2)), camera_alt_m)[0])
    if not math.isfinite(under_m):
        raise NothingSeen(flag="no_ground_known")
    plane = _seen_on_plane(pose, camera, camera_alt_m - under_m)
    rays = np.column_stack((plane, np.full(len(plane), under_m - camera_alt_m)))
    offset = ground.hit(frame, camera_alt_m, rays).offset_m
    offset = offset[np.isfinite(offset).all(axis=1)]
    if len(offset) < 3:
        raise NothingSeen(flag="no_ground_known")
    return frame.lonlat_from_en(offset[:, :2])


def ground_of_ring(uv_px: npt.ArrayLike, pose: Pose, camera: Camera, ground: Ground) -> Floats:
    """The ground that a part of a picture sees.

    Args:
        uv_px: The part's corners (n >= 3, 2), pixels of the stored raster, not closed.
        pose: Where the camera was and how it looked.
        camera: The lens, for pictures of this size.
        ground: What the rays meet.

    Returns:
        (m, 2) corners, lon before lat, degrees, not closed; corners of the part that have no place are left out.

    Raises:
        NothingSeen: Fewer than three corners have a place.
        HeightUnknown: Pose and ground have no common height datum.
    """
    located = locate_pixels(uv_px, pose, camera, ground)
    corners: Floats = located.lonlat_deg[located.reason == 0]
    if len(corners) < 3:
        raise NothingSeen(flag="no_ground_known")
    return corners


def clip_to_picture(geometry: BaseGeometry, pose: Pose, camera: Camera, ground: Ground) -> list[Floats]:
    """Where polygons on the ground (lon, lat degrees) appear in a picture.

    Returns:
        Outer rings in pixels (k, 2), clipped to what the picture sees of the ground; empty where it sees none of
        them. Holes are cut into strips, so the rings hold no more than the geometry.

    Raises:
        NothingSeen: The picture shows no ground that can be located.
        HeightUnknown: Pose and ground have no common height datum.
    """
    seen = shapely.Polygon(footprint_polygon(pose, camera, ground))
    shared = shapely.intersection(shapely.make_valid(geometry), seen)
    rings: list[Floats] = []
    for part in shapely.get_parts(shared):
        if part.geom_type != "Polygon" or part.is_empty:
            continue
        for piece in _without_holes(part):
            # Straight on the ground is not straight through a lens: add corners every 20 m or so.
            dense = shapely.segmentize(piece, 2e-4)
            ring = project_to_pixels(shapely.get_coordinates(dense)[:-1], pose, camera, ground)
            ring = ring[np.isfinite(ring).all(axis=1)]
            if len(ring) >= 3:
                rings.append(ring)
    return rings


def _without_holes(polygon: BaseGeometry) -> list[BaseGeometry]:
    """The polygon cut along vertical lines through its holes, so that no piece has a hole."""
    if shapely.get_num_interior_rings(polygon) == 0:
        return [polygon]
    west, south, east, north = polygon.bounds
    hole_west, _, hole_east, _ = shapely.bounds(shapely.get_interior_ring(polygon, 0))
    middle = (hole_west + hole_east) / 2
    halves = (shapely.box(west, south, middle, north), shapely.box(middle, south, east, north))
    pieces: list[BaseGeometry] = []
    for half in halves:
        for part in shapely.get_parts(shapely.intersection(polygon, half)):
            if part.geom_type == "Polygon":
                pieces += _without_holes(part)
    return pieces


def _seen_on_plane(pose: Pose, camera: Camera, height_m: float) -> Floats:
    """Corners (m, 2), metres east and north, of what is seen on a plane `height_m` below the camera."""
    if height_m <= 0:
        raise NothingSeen(flag="camera_under_ground")
    reach_m = height_m / math.tan(math.radians(MIN_DEPRESSION_DEG))
    if camera.model == "fisheye":
        return _seen_by_fisheye(pose, camera, height_m, reach_m)
    angle = np.linspace(0.0, 2 * math.pi, _DISC_CORNERS, endpoint=False)
    polygon = reach_m * np.column_stack((np.cos(angle), np.sin(angle)))
    corners = _corner_rays(pose, camera)
    for here, there in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        # The plane through the camera and one edge of the picture; its normal points into the picture.
        inward = np.cross(here, there)
        if inward @ corners.mean(axis=0) < 0:
            inward = -inward
        polygon = _clip(polygon, inward[:2], -inward[2] * height_m)
        if len(polygon) < 3:
            raise NothingSeen(flag="above_horizon" if pose.look_deg()[1] > -MIN_DEPRESSION_DEG else "bearing_only")
    return _denser(polygon)


def _seen_by_fisheye(pose: Pose, camera: Camera, height_m: float, reach_m: float) -> Floats:
    """The same for a lens that bends straight lines: the picture's edge followed all around.

    Where the edge looks too flat or above the horizon, the ground is seen as far as it counts in that direction.
    """
    (width, height), along = camera.size_wh_px, np.linspace(0.0, 1.0, _FISHEYE_EDGE_POINTS, endpoint=False)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    edge = np.concatenate(
        [a + along[:, None] * (b - a) for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)]
    )
    # Beyond the lens's circle of light, its rim is the edge.
    inward = np.linspace(1.0, 0.0, _FISHEYE_EDGE_POINTS)[:, None, None]
    tried = camera.principal_xy_px + inward * (edge - camera.principal_xy_px)
    rays = rays_of_pixels(tried.reshape(-1, 2), camera).reshape(len(inward), len(edge), 3)
    outermost = np.argmax(np.isfinite(rays[..., 0]), axis=0)
    enu = rays[outermost, np.arange(len(edge))] @ enu_from_camera(*pose.look_deg()).T
    flat = np.hypot(enu[:, 0], enu[:, 1])
    steep = -enu[:, 2] * reach_m >= flat * height_m
    if not steep.any() and enu_from_camera(*pose.look_deg())[2, 2] > 0:
        raise NothingSeen(flag="above_horizon")
    far = np.where(steep, flat * height_m / np.where(steep, -enu[:, 2], 1.0), reach_m)
    ring = enu[:, :2] * (far / np.maximum(flat, 1e-12))[:, None]
    outline = max(shapely.get_parts(shapely.make_valid(shapely.Polygon(ring))), key=lambda part: float(part.area))
    corners_m: Floats = shapely.get_coordinates(outline)[:-1]
    return corners_m


def _corner_rays(pose: Pose, camera: Camera) -> Floats:
    width_px, height_px = camera.size_wh_px
    corners = np.array([[0, 0], [width_px, 0], [width_px, height_px], [0, height_px]], dtype=np.float64)
    ideal = normalised_from_pixels(corners, camera)
    if not np.isfinite(ideal).all():
        ideal = (corners - camera.principal_xy_px) / camera.focal_xy_px
    rotation = enu_from_camera(*pose.look_deg())
    rays: Floats = np.column_stack((ideal, np.ones(4))) @ rotation.T
    return rays


def _clip(polygon: Floats, normal: Floats, offset: float) -> Floats:
    """The part of a convex polygon (m, 2) where `normal . p + offset >= 0` (Sutherland-Hodgman, one edge)."""
    side = polygon @ normal + offset
    kept: list[Floats] = []
    for index, here in enumerate(side):
        there = side[(index + 1) % len(side)]
        if here >= 0:
            kept.append(polygon[index])
        if (here >= 0) != (there >= 0):
            share = here / (here - there)
            kept.append(polygon[index] + share * (polygon[(index + 1) % len(side)] - polygon[index]))
    return np.array(kept).reshape(-1, 2)


def _denser(polygon: Floats) -> Floats:
    """More corners along long sides."""
    if len(polygon) > 4 * _EDGE_POINTS:
        return polygon
    share = np.linspace(0.0, 1.0, _EDGE_POINTS, endpoint=False)[None, :, None]
    following = np.roll(polygon, -1, axis=0)
    return (polygon[:, None, :] * (1 - share) + following[:, None, :] * share).reshape(-1, 2)
