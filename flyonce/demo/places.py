"""Where staged things may stand: endless candidates for each kind of thing, drawn at random."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from shapely.geometry import LineString, Point, box
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from flyonce.demo.district import District
from flyonce.demo.ground import Ground
from flyonce.demo.sprites_file import SpriteLook

# Shadows of the orthophoto's trees fall this way, clockwise from north: read off the picture.
GROUND_SHADOW_DEG = 70.0
_TRIES = 600
_EDGE_M = 12.0
_TURN_SPREAD_DEG = 12.0
_SHORE_DISTANCE_M = 1.6
# Meadow is brighter and calmer than trees and their shadows (grey levels of the orthophoto).
_OPEN_MEAN = 105.0
_OPEN_SPREAD = 30.0


@dataclass(frozen=True, kw_only=True)
class Place:
    """A candidate: metres east and north of the district's origin, and the sprite's turn clockwise."""

    east_m: float
    north_m: float
    turned_deg: float


@dataclass(frozen=True, kw_only=True)
class Places:
    """Draws candidate places; each method gives up after some hundred tries.

    Attributes:
        district: Streets, reservoir, patrol area.
        ground: Its picture tells open ground from trees.
        rng: Draws the places.
    """

    district: District
    ground: Ground
    rng: np.random.Generator

    def on_street(self, look: SpriteLook, number: int) -> Iterator[Place]:
        """Places on the pavement; number 0 lies where a street crosses the border of two towns."""
        streets = (self.district.streets[0], self.district.streets[2], self.district.streets[1])
        street = streets[number % len(streets)]
        east_reach, north_reach = self.district.half_patrol_en_m
        reach = (east_reach if street.axis == "east" else north_reach) - _EDGE_M
        border_m = self.district.towns[0][2][1]
        for _ in range(_TRIES):
            along = border_m + self.rng.uniform(-0.6, 0.6) if number == 0 else self.rng.uniform(-reach, reach)
            aside = self.rng.uniform(-0.25, 0.25) * street.width_m
            other = float(street.offset_m(np.array([along]))[0]) + aside
            east, north = (along, other) if street.axis == "east" else (other, along)
            if self._patrolled.contains(Point(east, north)):
                yield Place(east_m=east, north_m=north, turned_deg=self._turn(look))

    def on_open_ground(self, look: SpriteLook, *, near_water: bool) -> Iterator[Place]:
        """Places in the meadow, beside the streets or, `near_water`, in the reservoir's protection zone."""
        where = self._bank if near_water else self._verges
        west, south, east, north = where.bounds
        for _ in range(_TRIES * 4):
            at = Point(self.rng.uniform(west, east), self.rng.uniform(south, north))
            if where.contains(at) and self._is_open(at.x, at.y, half_side_m=2.5):
                yield Place(east_m=at.x, north_m=at.y, turned_deg=self._turn(look))

    def on_shore(self, look: SpriteLook) -> Iterator[Place]:
        """Places at the water's edge where the sprite, turned as its shadow demands, faces the water."""
        shore = np.asarray(self.district.reservoir.exterior.coords)[:-1]
        along = np.roll(shore, -1, axis=0) - np.roll(shore, 1, axis=0)
        # The ring runs counter-clockwise: the water lies to the left of its direction.
        inward = np.column_stack([-along[:, 1], along[:, 0]]) / np.linalg.norm(along, axis=1, keepdims=True)
        facing_water_deg = np.degrees(np.arctan2(inward[:, 0], inward[:, 1]))
        for spread in (10.0, 25.0, 60.0):
            for index in self.rng.permutation(len(shore)):
                turn = self._turn(look)
                off = (facing_water_deg[index] - (look.facing_deg or 0.0) - turn + 180) % 360 - 180
                east, north = shore[index] - _SHORE_DISTANCE_M * inward[index]
                behind = shore[index] - 3.5 * inward[index]
                if abs(off) <= spread and self._is_open(*behind, half_side_m=1.5) and self._inside(east, north):
                    yield Place(east_m=float(east), north_m=float(north), turned_deg=turn)

    def _turn(self, look: SpriteLook) -> float:
        if look.kind == "puddle":
            return float(self.rng.uniform(0, 360))
        # A little disagreement with the trees' shadows does not show; the same turn every time would.
        return GROUND_SHADOW_DEG - look.shadow_deg + float(self.rng.uniform(-_TURN_SPREAD_DEG, _TURN_SPREAD_DEG))

    def _inside(self, east_m: float, north_m: float) -> bool:
        return bool(self._patrolled.contains(Point(east_m, north_m)))

    @cached_property
    def _patrolled(self) -> BaseGeometry:
        return self.district.patrol_area.buffer(-_EDGE_M, join_style="mitre")

    @cached_property
    def _pavement(self) -> BaseGeometry:
        extent = self.district.half_extent_en_m
        return unary_union([street.centre_line(extent).buffer(street.width_m / 2) for street in self.district.streets])

    @cached_property
    def _verges(self) -> BaseGeometry:
        lines: list[LineString] = [s.centre_line(self.district.half_extent_en_m) for s in self.district.streets]
        beside = unary_union(lines).buffer(16.0)
        wet = self.district.reservoir.buffer(45.0)
        return self._patrolled.intersection(beside).difference(self._pavement.buffer(3.0)).difference(wet)

    @cached_property
    def _bank(self) -> BaseGeometry:
        ring = self.district.reservoir.buffer(16.0).difference(self.district.reservoir.buffer(6.0))
        return self._patrolled.intersection(ring).difference(self._pavement.buffer(3.0))

    def _is_open(self, east_m: float, north_m: float, *, half_side_m: float) -> bool:
        square = box(east_m - half_side_m, north_m - half_side_m, east_m + half_side_m, north_m + half_side_m)
        if not self.district.bounds.contains(square):
            return False
        column, row = self.ground.pixel_from_enu(np.array([[east_m, north_m]]))[0].astype(int)
        reach = round(half_side_m / self.ground.resolution_m)
        grey = cv2.cvtColor(
            self.ground.image[row - reach : row + reach, column - reach : column + reach], cv2.COLOR_BGR2GRAY
        )
        return bool(grey.mean() > _OPEN_MEAN and grey.std() < _OPEN_SPREAD)
