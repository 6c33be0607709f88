"""Mapped surroundings, projected into each picture: `zones → polygons → pixels`, only where the pose is good.

`vision` gets pixels and knows no earth. The polygons are grown by the position's own error (one sigma, in whole half
metres) besides what is set for the map, so that a shore a little off does not turn the reservoir's edge into puddles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from flyonce.city_time import city_day
from flyonce.interpretation import Interpretation
from flyonce.looks import Shot
from geo.camera import Camera
from geo.errors import HeightUnknown, NothingSeen
from geo.footprint import clip_to_picture, footprint_polygon
from geo.frames import METRES_PER_DEGREE, LocalFrame
from geo.ground import Ground
from geo.locate import locate_pixels
from geo.orientation import upright_from_stored
from geo.pose import Pose
from geo.zones import Zone, Zones
from vision.context_masks import PictureMask

# A picture whose middle is less sure than this (one sigma, major axis) is masked by nothing: it hides too much.
_LEAST_SURE_M = 8.0
_STEP_M = 0.5
_ROUND_CORNER = 4  # segments of a quarter circle


class Masks:
    """The masks of one flight's pictures; without zones there are none."""

    def __init__(
        self, zones: Zones | None, rules: Interpretation, ground: Ground, *, time_zone: ZoneInfo | None = None
    ) -> None:
        """Sort the zones that mask anything; `rules` says which labels, and how far to grow.

        `time_zone` is the city's, for zones with dates; None for UTC.
        """
        self._time_zone = time_zone
        self._ground = ground
        self._layers: list[_Layer] = []
        if zones is None:
            return
        water, deceiving = rules.permanent_water, rules.false_alarms
        wet = [zone for zone in zones.all if zone.kind == water.kind]
        if wet and water.labels:
            self._layers.append(
                _Layer(wet, name="permanent_water", labels=frozenset(water.labels), grow_m=water.grow_m)
            )
        for labels, masks in _by_labels([zone for zone in zones.all if zone.kind == deceiving.kind]):
            self._layers.append(_Layer(masks, name="false_alarm_mask", labels=labels, grow_m=deceiving.grow_m))

    def of(self, shot: Shot) -> tuple[PictureMask, ...]:
        """The masks of one picture, in its pixels as displayed."""
        pose, camera = shot.pose, shot.camera
        if not self._layers or pose is None or camera is None or not shot.locatable or "maybe_turned" in shot.flags:
            return ()
        try:
            seen = shapely.Polygon(footprint_polygon(pose, camera, self._ground))
            error_m = _error_m(pose, camera, self._ground)
        except (NothingSeen, HeightUnknown):
            return ()
        if error_m is None or error_m > _LEAST_SURE_M:
            return ()
        on = self._day(shot)
        masks = (layer.mask(seen, pose, camera, self._ground, shot, error_m, on) for layer in self._layers)
        return tuple(mask for mask in masks if mask.rings_px)

    def _day(self, shot: Shot) -> date | None:
        if shot.taken_at is None:
            return None
        # A time that is told without its zone is the city's already, and only looks like UTC.
        zone = None if "time_zone_unknown" in shot.flags else self._time_zone
        return city_day(shot.taken_at, zone)


class _Layer:
    """Zones of one kind that do one thing to the same labels."""

    def __init__(self, zones: Sequence[Zone], *, name: str, labels: frozenset[str] | None, grow_m: float) -> None:
        self._zones = tuple(zones)
        self._tree = shapely.STRtree([zone.geometry for zone in zones])
        self._name, self._labels, self._grow_m = name, labels, grow_m
        self._grown: dict[tuple[int, int], BaseGeometry] = {}

    def mask(
        self,
        seen: shapely.Polygon,
        pose: Pose,
        camera: Camera,
        ground: Ground,
        shot: Shot,
        error_m: float,
        on: date | None,
    ) -> PictureMask:
        steps = math.ceil((self._grow_m + error_m) / _STEP_M)
        reach_deg = 2 * steps * _STEP_M / METRES_PER_DEGREE / max(math.cos(math.radians(pose.lat)), 0.01)
        found = [int(index) for index in self._tree.query(seen.buffer(reach_deg))]
        near = [self._grown_zone(index, steps) for index in found if on is None or self._zones[index].valid_on(on)]
        rings = clip_to_picture(shapely.union_all(near), pose, camera, ground) if near else []
        return PictureMask(
            name=self._name,
            effect="cut" if self._name == "permanent_water" else "drop",
            labels=self._labels,
            rings_px=tuple(upright_from_stored(ring, shot.orientation, shot.size_wh_px) for ring in rings),
        )

    def _grown_zone(self, index: int, steps: int) -> BaseGeometry:
        known = self._grown.get((index, steps))
        if known is None:
            known = self._grown[index, steps] = _grown(self._zones[index].geometry, steps * _STEP_M)
        return known


def _grown(geometry: BaseGeometry, by_m: float) -> BaseGeometry:
    """A zone in degrees, wider by metres on all sides."""
    west, south, east, north = geometry.bounds
    frame = LocalFrame(lon=(west + east) / 2, lat=(south + north) / 2)
    local = shapely.buffer(shapely.transform(geometry, frame.en_from_lonlat), by_m, quad_segs=_ROUND_CORNER)
    return shapely.transform(local, frame.lonlat_from_en)


def _error_m(pose: Pose, camera: Camera, ground: Ground) -> float | None:
    """One sigma, along the major axis, of where the picture's middle lies; None where it shows no ground."""
    width, height = camera.size_wh_px
    middle = locate_pixels(np.array([[width / 2, height / 2]]), pose, camera, ground)[0]
    return None if middle is None else middle.ellipse().major_m


def _by_labels(zones: Sequence[Zone]) -> list[tuple[frozenset[str] | None, list[Zone]]]:
    """Deceiving ground by the labels that it deceives: its property `labels`, or all of them without one."""
    groups: dict[frozenset[str] | None, list[Zone]] = {}
    for zone in zones:
        named = zone.properties.get("labels")
        labels = [named] if isinstance(named, str) else named
        groups.setdefault(frozenset(map(str, labels)) if labels else None, []).append(zone)
    return list(groups.items())
