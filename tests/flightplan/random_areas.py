"""Areas as they come out of a seeded hat: concave, with holes, slivers, several parts, and no-fly areas across them."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import shapely
import shapely.affinity
from shapely.geometry import LineString, MultiPolygon, Polygon

SEED = 20_261_122
LEAST_M2 = 150.0


@dataclass(frozen=True, kw_only=True)
class RandomArea:
    """Metres east and north: what is to be shown, where nobody may fly, and what kind it is."""

    kind: str
    area: Polygon | MultiPolygon
    no_fly: tuple[Polygon, ...] = ()

    @property
    def wanted(self):
        """The area without its no-fly areas."""
        return shapely.difference(self.area, shapely.union_all(list(self.no_fly)))

    @property
    def forbidden(self):
        """Holes and no-fly areas."""
        holes = [Polygon(ring) for part in shapely.get_parts(self.area) for ring in part.interiors]
        return shapely.union_all([*holes, *self.no_fly])


def random_areas(count: int, seed: int = SEED) -> list[RandomArea]:
    """The first so many of an endless row, always the same."""
    dice = random.Random(seed)
    kinds = (_star, _comb, _holed, _sliver, _several, _shut)
    found: list[RandomArea] = []
    while len(found) < count:
        one = kinds[len(found) % len(kinds)](dice)
        good = (
            one.area.is_valid and not one.area.is_empty and min(p.area for p in shapely.get_parts(one.area)) > LEAST_M2
        )
        if good and one.wanted.area > LEAST_M2:
            found.append(one)
    return found


def _star(dice: random.Random) -> RandomArea:
    return RandomArea(kind="star", area=_outline(dice, _size(dice)))


def _comb(dice: random.Random) -> RandomArea:
    """A spine with teeth: as concave as areas come."""
    long_m, deep_m = _size(dice) * 1.5, _size(dice) * 0.8
    spine = shapely.box(0, 0, long_m, deep_m * 0.2)
    teeth, at = [spine], 0.0
    while at < long_m * 0.9:
        wide = dice.uniform(0.05, 0.2) * long_m
        teeth.append(shapely.box(at, 0, min(at + wide, long_m), deep_m * dice.uniform(0.3, 1.0)))
        at += wide + dice.uniform(0.05, 0.2) * long_m
    return RandomArea(kind="comb", area=_turned(dice, shapely.union_all(teeth)))


def _holed(dice: random.Random) -> RandomArea:
    size_m = _size(dice)
    outline = _outline(dice, size_m)
    room = outline.buffer(-0.08 * size_m)
    for _ in range(dice.randint(1, 3)):
        hole = _outline(dice, size_m * dice.uniform(0.08, 0.25))
        hole = shapely.affinity.translate(hole, dice.uniform(-0.4, 0.4) * size_m, dice.uniform(-0.4, 0.4) * size_m)
        if not room.is_empty and room.contains(hole):
            outline, room = outline.difference(hole), room.difference(hole.buffer(0.05 * size_m))
    return RandomArea(kind="holed", area=outline)


def _sliver(dice: random.Random) -> RandomArea:
    """A river bank: long, bent and narrow."""
    points, heading = [(0.0, 0.0)], dice.uniform(0, 2 * math.pi)
    for _ in range(dice.randint(1, 4)):
        heading += dice.uniform(-0.9, 0.9)
        step_m = dice.uniform(40, 250)
        points.append((points[-1][0] + step_m * math.cos(heading), points[-1][1] + step_m * math.sin(heading)))
    return RandomArea(kind="sliver", area=LineString(points).buffer(dice.uniform(1.5, 15.0), cap_style="flat"))


def _several(dice: random.Random) -> RandomArea:
    parts = []
    for _ in range(dice.randint(2, 5)):
        part = _outline(dice, _size(dice) * 0.6)
        parts.append(shapely.affinity.translate(part, dice.uniform(-400, 400), dice.uniform(-400, 400)))
    return RandomArea(kind="several", area=shapely.union_all(parts))


def _shut(dice: random.Random) -> RandomArea:
    """No-fly areas that lie inside, across the edge, or right through."""
    size_m = _size(dice)
    area = _outline(dice, size_m)
    no_fly = []
    for _ in range(dice.randint(1, 3)):
        one = _outline(dice, size_m * dice.uniform(0.1, 0.5))
        if dice.random() < 0.3:
            one = _turned(dice, shapely.box(-2 * size_m, -0.05 * size_m, 0.3 * size_m, 0.05 * size_m))
        no_fly.append(
            shapely.affinity.translate(one, dice.uniform(-0.8, 0.8) * size_m, dice.uniform(-0.8, 0.8) * size_m)
        )
    return RandomArea(kind="shut", area=area, no_fly=tuple(no_fly))


def _size(dice: random.Random) -> float:
    return dice.choice([40.0, 90.0, 180.0, 320.0])


def _outline(dice: random.Random, radius_m: float) -> Polygon:
    corners = dice.randint(3, 14)
    polygon = Polygon(
        [
            (
                radius_m * dice.uniform(0.15, 1.0) * math.cos(2 * math.pi * number / corners),
                radius_m * dice.uniform(0.15, 1.0) * math.sin(2 * math.pi * number / corners),
            )
            for number in range(corners)
        ]
    )
    return _turned(dice, polygon if polygon.is_valid else polygon.convex_hull)


def _turned(dice: random.Random, shape):
    return shapely.affinity.rotate(shape, dice.uniform(0, 180), origin=(0, 0))
