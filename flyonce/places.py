"""From a look to sightings: where on the ground each thing lies, with its error."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray

from flyonce.interpretation import Interpretation
from flyonce.looks import Look, Shot
from geo.camera import Camera
from geo.errors import HeightUnknown, PlaceUnknown
from geo.ground import Ground
from geo.locate import GroundPolygon, locate_pixels, locate_polygon
from geo.orientation import stored_from_upright
from geo.pose import Pose
from geo.position import Covariance, Fix
from geo.sighting import CUT_BY_EDGE, Sighting
from vision.edge import is_cut

Floats = NDArray[np.float64]

# Straighter down than this, a thing's middle is where it stands; flatter, the middle of its lower edge is.
_NADIR_PITCH_DEG = -70.0
# Without a polygon on the ground to tell, a cut thing's middle is this uncertain.
_CUT_SIGMA_M = 3.0


class Placer:
    """Places the things of one flight's pictures."""

    def __init__(self, *, flight_id: str, ground: Ground, rules: Interpretation, not_placed: Counter[str]) -> None:
        """Join the parts.

        Args:
            flight_id: The flight, whose pictures share one position offset.
            ground: What the rays meet.
            rules: Say which labels lie flat on the ground.
            not_placed: Counts, by reason, what was found but is no sighting; changed by each look.
        """
        self._flight_id = flight_id
        self._ground = ground
        self._rules = rules
        self._not_placed = not_placed

    def sightings_in(self, look: Look) -> list[Sighting]:
        """The things of one look that have a place."""
        self._not_placed.update(look.masked)
        found = (self._sighting(look, index) for index in range(len(look.detections)))
        return [sighting for sighting in found if sighting is not None]

    def _sighting(self, look: Look, index: int) -> Sighting | None:
        pose, camera = look.shot.pose, look.shot.camera
        # A photo that may be stored upside-down would put things on the wrong side of the drone.
        doubtful = "maybe_turned" in look.shot.flags
        if doubtful or pose is None or camera is None or not pose.has_bearing:
            self._not_placed[why_nowhere(look.shot)] += 1
            return None
        flat = self._rules.is_flat(look.detections.labels[index])
        contact = _stored(look, _contact_px(look, index, flat=flat))
        try:
            located = locate_pixels(contact, pose, camera, self._ground)
        except HeightUnknown:
            self._not_placed["height_unknown"] += 1
            return None
        fix = located[0]
        if fix is None:
            self._not_placed[located.flags_of(0)[0]] += 1
            return None
        outline = _outline(look, index, pose, camera, self._ground) if flat else None
        # Whatever is drawn into a box has an area, but nobody knows how far that is off.
        drawn = outline is not None and look.detections.polygons_px[index] is not None
        box = look.detections.boxes_xyxy_px[index]
        left, top, right, bottom = (float(side) for side in box)
        return Sighting(
            label=look.detections.labels[index],
            confidence=float(look.detections.confidence[index]),
            fix=_loosened(fix, outline) if is_cut(box, look.size_wh_px) else fix,
            footprint_lonlat=None if outline is None else tuple((float(x), float(y)) for x, y in outline.lonlat_deg),
            area_m2=None if outline is None else outline.area_m2,
            area_sigma_m2=outline.area_sigma_m2 if outline is not None and drawn else None,
            seen_at=look.shot.taken_at,
            source=look.key,
            box_xyxy_px=(left, top, right, bottom),
            flight_id=self._flight_id,
        )


_WHY = (
    "maybe_turned",
    "no_telemetry",
    "no_pose",
    "no_gps",
    "gps_zero",
    "gps_invalid",
    "gps_ref_missing",
    "no_altitude",
    "bearing_unknown",
    "no_camera",
    "focal_unknown",
)


def why_nowhere(shot: Shot) -> str:
    """The flag that says best why nothing in a picture can be placed."""
    return next((flag for flag in _WHY if flag in shot.flags), "lens_unknown")


def _contact_px(look: Look, index: int, *, flat: bool) -> Floats:
    """The pixel (1, 2), as displayed, at which the thing touches the ground."""
    left, top, right, bottom = (float(v) for v in look.detections.boxes_xyxy_px[index])
    polygon = look.detections.polygons_px[index]
    if polygon is not None:
        inside = shapely.make_valid(shapely.Polygon(polygon)).centroid
        return np.array([[inside.x, inside.y]])
    pose = look.shot.pose
    straight_down = pose is not None and pose.pitch_deg is not None and pose.pitch_deg <= _NADIR_PITCH_DEG
    if straight_down or flat:
        return np.array([[(left + right) / 2, (top + bottom) / 2]])
    return np.array([[(left + right) / 2, bottom]])


def _outline(look: Look, index: int, pose: Pose, camera: Camera, ground: Ground) -> GroundPolygon | None:
    """The thing's outline on the ground; None where it reaches too far out."""
    polygon = look.detections.polygons_px[index]
    if polygon is None:
        polygon = _ellipse_in(look.detections.boxes_xyxy_px[index])
    try:
        return locate_polygon(_stored(look, polygon), pose, camera, ground)
    except (PlaceUnknown, HeightUnknown):
        return None


def _ellipse_in(box_xyxy_px: NDArray[np.float32]) -> NDArray[np.float32]:
    """The ellipse (24, 2) inside a box: heaps are round, and their boxes' corners would add a quarter to their area."""
    left, top, right, bottom = box_xyxy_px
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    x = (left + right) / 2 + (right - left) / 2 * np.cos(angle)
    y = (top + bottom) / 2 + (bottom - top) / 2 * np.sin(angle)
    return np.column_stack((x, y)).astype(np.float32)


def _stored(look: Look, uv_px: Floats | NDArray[np.float32]) -> Floats:
    """Pixels of the stored raster, for which the camera model holds, of pixels as displayed."""
    return stored_from_upright(uv_px, look.shot.orientation, look.shot.size_wh_px)


def _loosened(fix: Fix, outline: GroundPolygon | None) -> Fix:
    """The fix of a thing cut by the picture's edge: its middle may lie as far off as the part that is seen is wide."""
    sigma_m = _CUT_SIGMA_M if outline is None else max(_CUT_SIGMA_M, outline.area_m2**0.5)
    (ee, en), (ne, nn) = fix.covariance_m2
    loose: Covariance = ((ee + sigma_m**2, en), (ne, nn + sigma_m**2))
    return replace(fix, covariance_m2=loose, flags=(*fix.flags, CUT_BY_EDGE))
