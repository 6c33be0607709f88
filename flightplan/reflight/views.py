"""From where a camera sees a target: close enough for its resolution, and the whole of it, in one photo or several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from flightplan.errors import CannotPlan
from flightplan.reflight.model import Target, outline_of
from geo.camera import Camera

Point = tuple[float, float]
Floats = NDArray[np.float64]
STRAIGHT_DOWN_DEG = -90.0
_HEIGHTS = 24
_BISECTIONS = 40
_LEAST_RADIUS_M = 0.5
_MOST_SHOTS = 100


@dataclass(frozen=True, kw_only=True)
class ViewRules:
    """How views are flown.

    Attributes:
        altitude_m: Height above ground on the way, and the greatest for photos.
        lowest_m: Least height above ground for photos.
        pitch_deg: Of the camera in oblique views.
        room: Share of the picture, from its middle, in which the target must lie; the rest is for errors of place,
            height and gimbal.
        run_in_m: How far the drone flies towards the target before an oblique photo, so that its nose points there.
        hold_s: How long it waits before each photo.
    """

    altitude_m: float = 80.0
    lowest_m: float = 30.0
    pitch_deg: float = -45.0
    room: float = 0.8
    run_in_m: float = 15.0
    hold_s: float = 2.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.altitude_m) and 0 < self.lowest_m <= self.altitude_m):
            raise CannotPlan(
                problem=f"heights of {self.lowest_m:g} to {self.altitude_m:g} m for photos are out of range",
                remedy="Give a least height above 0, and an altitude of at least as much",
            )
        if not -80 <= self.pitch_deg <= -20:
            raise CannotPlan(
                problem=f"a camera pitch of {self.pitch_deg:g}° is no oblique view", remedy="Give -80 to -20"
            )
        if not 0.1 <= self.room <= 1 or not 1 <= self.run_in_m <= 200 or not 0 <= self.hold_s <= 60:
            raise CannotPlan(
                problem="room, run-in or waiting time is out of range",
                remedy="Give room 0.1 to 1, run-in 1 to 200 m, waiting 0 to 60 s",
            )


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One photo.

    Attributes:
        point_en: Where the drone is, metres.
        run_in_en: Where it flies from, straight to that place; None where its nose may point anywhere.
        height_m: Above ground.
        pitch_deg: Of the camera.
        centre_en: What the middle of the picture shows.
        radius_m: Of the circle around it that is wholly in the picture, sharply enough, whatever the errors.
    """

    point_en: Point
    run_in_en: Point | None
    height_m: float
    pitch_deg: float
    centre_en: Point
    radius_m: float


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What one photo of a kind shows: the circle of `radius_m` around its middle, from `height_m` above ground."""

    height_m: float
    radius_m: float


def reach(camera: Camera, target: Target, rules: ViewRules, needed_m: float) -> Reach:
    """The highest place from which a circle of `needed_m` is seen in one photo, or else the one that shows most.

    Raises:
        CannotPlan: From no allowed height it is seen as sharply as wanted.
    """
    heights = np.linspace(rules.altitude_m, rules.lowest_m, _HEIGHTS)
    radius = _nadir_radius_m if target.view == "nadir" else _oblique_radius_m
    seen = [radius(camera, target.resolution_m, rules, float(height)) for height in heights]
    for height, radius_m in zip(heights.tolist(), seen, strict=True):
        if radius_m >= max(needed_m, _LEAST_RADIUS_M):
            return Reach(height_m=height, radius_m=radius_m)
    best = int(np.argmax(seen))
    if seen[best] < _LEAST_RADIUS_M:
        raise CannotPlan(
            problem=f"{target.target_id}: {camera.name} sees nothing at {target.resolution_m * 100:g} cm per pixel "
            f"from {rules.lowest_m:g} m above ground or higher",
            remedy="Ask for less resolution, or allow it to fly lower",
        )
    return Reach(height_m=float(heights[best]), radius_m=seen[best])


def shots_of(camera: Camera, target: Target, place_en: Point, bearing_deg: float, rules: ViewRules) -> list[Shot]:
    """The photos that show all of a target, in flying order.

    Args:
        camera: Looking along the nose; the width of its pictures is level.
        target: What to see.
        place_en: Where it is, metres.
        bearing_deg: Where an oblique camera looks, clockwise from north.
        rules: How it is flown.

    Raises:
        CannotPlan: It cannot be seen as sharply as wanted, or only in very many photos.
    """
    outline = outline_of(target, np.array(place_en))
    farthest_m = float(np.hypot(*(shapely.get_coordinates(outline) - place_en).T).max())
    seen = reach(camera, target, rules, farthest_m)
    if seen.radius_m >= farthest_m:
        centres = [place_en]
    else:
        centres = _centres(target, place_en, seen.radius_m)
        if len(centres) > _MOST_SHOTS:
            raise CannotPlan(
                problem=f"{target.target_id}: it takes {len(centres)} photos to show all of it",
                remedy="Plan it as an area with flyonce plan, or ask for less resolution",
            )
    return [_shot(target, centre, seen, bearing_deg, rules) for centre in centres]


def _shot(target: Target, centre: Point, seen: Reach, bearing_deg: float, rules: ViewRules) -> Shot:
    if target.view == "nadir":
        return Shot(
            point_en=centre,
            run_in_en=None,
            height_m=seen.height_m,
            pitch_deg=STRAIGHT_DOWN_DEG,
            centre_en=centre,
            radius_m=seen.radius_m,
        )
    off_m = seen.height_m / math.tan(math.radians(-rules.pitch_deg))
    east, north = math.sin(math.radians(bearing_deg)), math.cos(math.radians(bearing_deg))
    back = [(centre[0] - way_m * east, centre[1] - way_m * north) for way_m in (off_m, off_m + rules.run_in_m)]
    return Shot(
        point_en=back[0],
        run_in_en=back[1],
        height_m=seen.height_m,
        pitch_deg=rules.pitch_deg,
        centre_en=centre,
        radius_m=seen.radius_m,
    )


def _centres(target: Target, place_en: Point, radius_m: float) -> list[Point]:
    """Middles of squares that together hold the target, each within a photo's circle; to and fro along it."""
    spread = target.spread
    outline = spread.outline_en()
    axes = spread.axes()
    along_across = shapely.get_coordinates(outline) @ axes.T
    half = np.abs(along_across).max(axis=0)
    counts = np.maximum(np.ceil(2 * half / (radius_m * math.sqrt(2)) - 1e-9), 1).astype(int)
    sides = 2 * half / counts
    found: list[Point] = []
    for row in range(int(counts[1])):
        across = -half[1] + (row + 0.5) * sides[1]
        columns = range(int(counts[0])) if row % 2 == 0 else range(int(counts[0]) - 1, -1, -1)
        for column in columns:
            along = -half[0] + (column + 0.5) * sides[0]
            corners = np.array([(along + a * sides[0] / 2, across + b * sides[1] / 2) for a, b in _CORNERS])
            if shapely.intersects(outline, shapely.polygons(corners @ axes)):
                east, north = np.array([along, across]) @ axes
                found.append((place_en[0] + float(east), place_en[1] + float(north)))
    return found


_CORNERS: Sequence[tuple[int, int]] = ((-1, -1), (1, -1), (1, 1), (-1, 1))


def _nadir_radius_m(camera: Camera, resolution_m: float, rules: ViewRules, height_m: float) -> float:
    """Whichever way the drone is turned; 0 where it is too high."""
    if camera.ground_resolution_m(height_m) > resolution_m:
        return 0.0
    return rules.room * min(camera.footprint_wh_m(height_m)) / 2


def _oblique_radius_m(camera: Camera, resolution_m: float, rules: ViewRules, height_m: float) -> float:
    """Of the largest circle around the middle that is sharp enough at its far edge, and in the picture."""
    low, high = 0.0, 0.95 * height_m / math.tan(math.radians(-rules.pitch_deg))
    if not _shows(camera, resolution_m, rules, height_m, _LEAST_RADIUS_M):
        return 0.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _shows(camera, resolution_m, rules, height_m, middle) else (low, middle)
    return low


def _shows(camera: Camera, resolution_m: float, rules: ViewRules, height_m: float, radius_m: float) -> bool:
    down = math.radians(-rules.pitch_deg)
    off_m = height_m / math.tan(down)
    near_m, far_m = off_m - radius_m, off_m + radius_m
    half_u, half_v = (
        rules.room * side / 2 / focal for side, focal in zip(camera.size_wh_px, camera.focal_xy_px, strict=True)
    )
    # Of a pixel on the far ground, along the view: it is seen at a flat angle.
    coarsest_m = (height_m**2 + far_m**2) / (min(camera.focal_xy_px) * height_m)
    below = math.atan2(height_m, near_m) - down
    above = down - math.atan2(height_m, far_m)
    depth_m = near_m * math.cos(down) + height_m * math.sin(down)
    return (
        coarsest_m <= resolution_m and max(math.tan(below), math.tan(above)) <= half_v and radius_m / depth_m <= half_u
    )
