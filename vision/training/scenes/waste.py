"""Waste: heaps of household waste, of construction rubble and of both, strewn litter, bag piles, single things."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vision.training.scenes.solids import (
    Colour,
    Rng,
    Solid,
    Vector,
    ball,
    box,
    bumps,
    joined,
    loft,
    mesh,
    pick,
    rod,
    sheet,
)  # fmt: skip

BAGS: list[Colour] = [
    (0.012, 0.012, 0.014), (0.02, 0.02, 0.022), (0.75, 0.76, 0.78), (0.85, 0.85, 0.83), (0.05, 0.16, 0.5),
    (0.6, 0.05, 0.05), (0.06, 0.3, 0.14), (0.75, 0.55, 0.08), (0.7, 0.3, 0.4), (0.35, 0.55, 0.75),
]  # fmt: skip
CLOTH: list[Colour] = [
    (0.55, 0.05, 0.06), (0.06, 0.1, 0.35), (0.75, 0.7, 0.6), (0.12, 0.35, 0.16), (0.7, 0.45, 0.08), (0.45, 0.12, 0.4),
    (0.06, 0.06, 0.07), (0.8, 0.8, 0.8), (0.1, 0.45, 0.55), (0.7, 0.25, 0.3),
]  # fmt: skip
WOOD: list[Colour] = [(0.42, 0.27, 0.14), (0.3, 0.2, 0.11), (0.55, 0.42, 0.27), (0.22, 0.17, 0.13), (0.62, 0.6, 0.55)]
CARD: list[Colour] = [(0.45, 0.31, 0.17), (0.52, 0.38, 0.23), (0.36, 0.25, 0.15), (0.75, 0.73, 0.7)]
SMALL: list[Colour] = [
    (0.8, 0.8, 0.8), (0.85, 0.85, 0.88), (0.1, 0.3, 0.65), (0.7, 0.08, 0.08), (0.1, 0.45, 0.2), (0.8, 0.65, 0.1),
    (0.6, 0.75, 0.8),
]  # fmt: skip
CONCRETE: list[Colour] = [
    (0.33, 0.32, 0.3), (0.42, 0.41, 0.39), (0.25, 0.24, 0.23), (0.5, 0.49, 0.46), (0.36, 0.33, 0.28),
]  # fmt: skip
BRICK: list[Colour] = [(0.36, 0.14, 0.09), (0.42, 0.19, 0.12), (0.3, 0.13, 0.09), (0.46, 0.26, 0.17)]
SOIL: list[Colour] = [(0.2, 0.15, 0.1), (0.25, 0.2, 0.14), (0.3, 0.26, 0.21), (0.16, 0.13, 0.1)]


@dataclass(frozen=True, kw_only=True)
class Mound:
    """The rough shape of a heap: an oval with a dented rim, highest in the middle.

    Attributes:
        reach_m: Greatest distance from the middle to the rim.
        height_m: Height of the middle.
        stretch: Width by length, 0..1.
        turn: Direction of the long axis, radians.
        dents: Phases of the rim's dents.
    """

    reach_m: float
    height_m: float
    stretch: float
    turn: float
    dents: tuple[float, float, float]

    @classmethod
    def random(cls, rng: Rng, width_m: float, height_m: float, stretch: float | None = None) -> Mound:
        """Return a mound of that width and height with random dents."""
        chosen = rng.uniform(0.55, 1.0) if stretch is None else stretch
        a, b, c = rng.uniform(0, 2 * np.pi, 3)
        return cls(reach_m=width_m / 2, height_m=height_m, stretch=chosen, turn=rng.uniform(0, np.pi), dents=(a, b, c))

    def radius_m(self, angle: float) -> float:
        """Distance from the middle to the rim in the direction `angle`, radians."""
        turned = angle - self.turn
        oval = self.stretch / np.hypot(self.stretch * np.cos(turned), np.sin(turned))
        a, b, c = self.dents
        dent = 0.5 * np.sin(2 * angle + a) + 0.35 * np.sin(3 * angle + b) + 0.25 * np.sin(7 * angle + c)
        return float(self.reach_m * oval * np.clip(0.85 + 0.18 * dent, 0.45, 1.0))

    def place(self, rng: Rng, spread: float = 1.0) -> Vector:
        """Return a random place on the heap, denser in the middle; `spread` above 1 lets pieces lie around it."""
        angle, share = rng.uniform(0, 2 * np.pi), spread * rng.random() ** 0.6
        reach = self.radius_m(angle) * share
        return float(reach * np.cos(angle)), float(reach * np.sin(angle)), self.height_m * max(0.0, 1 - share**2)

    def base(self, rng: Rng, colour: Colour, share: float) -> Solid:
        """Return what lies under the pieces, so that no ground shows through the middle."""
        angles = 2 * np.pi * np.arange(24) / 24
        rim = np.array([self.radius_m(angle) for angle in angles]) * 0.92
        rings = []
        for part in (1.0, 0.8, 0.55, 0.3, 0.05):
            r = rim * part * rng.uniform(0.9, 1.1, 24)
            z = share * self.height_m * (1 - part**2) * rng.uniform(0.75, 1.2, 24) - (0.03 if part == 1.0 else 0)
            rings.append(np.column_stack([r * np.cos(angles), r * np.sin(angles), z]))
        skin = loft(rings, colour)
        shade = rng.uniform(0.55, 1.1, (len(skin.faces), 1)).astype(np.float32)
        return Solid(vertices_m=skin.vertices_m, faces=skin.faces, colours=skin.colours * shade)


def _turn(rng: Rng, tilt: float = 35) -> Vector:
    return rng.normal(0, tilt / 2), rng.normal(0, tilt / 2), rng.uniform(0, 360)


def bag(rng: Rng, at: Vector, colours: Sequence[Colour] = BAGS) -> Solid:
    """Return one knotted rubbish bag, 0.3-0.8 m."""
    size = rng.uniform(0.3, 0.8)
    shape = (size, size * rng.uniform(0.6, 0.9), size * rng.uniform(0.45, 0.7))
    lifted = (at[0], at[1], at[2] + shape[2] * 0.3)
    return ball(shape, pick(rng, colours), lifted, _turn(rng), detail=2, rng=rng, crumple=0.22)


def board(rng: Rng, at: Vector) -> Solid:
    """Return a plank."""
    size = (rng.uniform(0.7, 2.0), rng.uniform(0.08, 0.3), 0.03)
    return box(size, pick(rng, WOOD), (at[0], at[1], at[2] + 0.1), _turn(rng, 25))


def carton(rng: Rng, at: Vector) -> Solid:
    """Return a cardboard box, flattened or whole, sometimes with an open flap."""
    colour = pick(rng, CARD)
    long, wide, high = rng.uniform(0.3, 0.75), rng.uniform(0.25, 0.5), rng.uniform(0.04, 0.45)
    place, turn = (at[0], at[1], at[2] + high * 0.4), _turn(rng)
    whole = box((long, wide, high), colour, place, turn)
    if rng.random() < 0.6:
        return whole
    flap = (place[0], place[1] + wide * 0.5, place[2] + high * 0.5)
    return joined([whole, box((long, wide * 0.7, 0.01), colour, flap, (turn[0] + 50, turn[1], turn[2]))])


def cloth(rng: Rng, at: Vector) -> Solid:
    """Return a rag or a sheet of plastic."""
    size = (rng.uniform(0.4, 1.4), rng.uniform(0.3, 0.9))
    rag = sheet(size, pick(rng, CLOTH), rng, wave_m=rng.uniform(0.05, 0.15), fray=0.18)
    return rag.moved((at[0], at[1], at[2] + 0.05), turn_deg=_turn(rng, 30))


def bottle(rng: Rng, at: Vector) -> Solid:
    """Return a bottle or can that lies."""
    angle, reach, low = rng.uniform(0, np.pi), rng.uniform(0.08, 0.16), at[2] + 0.06
    dx, dy = float(reach * np.cos(angle)), float(reach * np.sin(angle))
    return rod((at[0] - dx, at[1] - dy, low), (at[0] + dx, at[1] + dy, low), (0.05, 0.035), pick(rng, SMALL), 5)


def paper(rng: Rng, at: Vector) -> Solid:
    """Return a piece of paper or packaging."""
    size = (rng.uniform(0.1, 0.35), rng.uniform(0.08, 0.25), 0.01)
    return box(size, pick(rng, SMALL + CARD), (at[0], at[1], at[2] + 0.05), _turn(rng, 30))


def tyre(rng: Rng, at: Vector) -> Solid:
    """Return a car tyre that lies."""
    rings = []
    for a in 2 * np.pi * np.arange(13) / 12:
        section = 2 * np.pi * np.arange(6) / 6
        reach = 0.25 + 0.09 * np.cos(section)
        rings.append(np.column_stack([reach * np.cos(a), reach * np.sin(a), 0.09 * np.sin(section)]))
    ring = loft(rings, (0.015, 0.015, 0.016), closed_ends=False)
    return ring.moved((at[0], at[1], at[2] + 0.1), turn_deg=_turn(rng, 25))


def furniture(rng: Rng, at: Vector) -> Solid:
    """Return a mattress, a sofa or a fridge."""
    what, turn = rng.integers(3), rng.uniform(0, 360)
    x, y, z = at
    if what == 0:
        colour = pick(rng, [(0.7, 0.66, 0.58), (0.75, 0.75, 0.75), (0.5, 0.55, 0.65)])
        return box((rng.uniform(1.6, 1.95), rng.uniform(0.8, 1.4), 0.18), colour, (x, y, z + 0.15), _turn(rng, 15))
    if what == 1:
        colour = pick(rng, CLOTH + WOOD)
        seat = box((1.7, 0.75, 0.42), colour, (0, 0, 0.21))
        back = box((1.7, 0.2, 0.8), colour, (0, -0.35, 0.4))
        return joined([seat, back]).moved((x, y, z), turn_deg=(0, 0, turn))
    return box((0.6, 0.62, 1.6), (0.8, 0.8, 0.8), (x, y, z + 0.31), (90, 0, turn))


def chunk(rng: Rng, at: Vector, colours: Sequence[Colour], size: float) -> Solid:
    """Return a broken lump of about `size` metres."""
    shape = (size * rng.uniform(0.7, 1.4), size * rng.uniform(0.5, 1.0), size * rng.uniform(0.3, 0.7))
    place = (at[0], at[1], at[2] + shape[2] * 0.2)
    return ball(shape, pick(rng, colours), place, _turn(rng, 60), detail=1, rng=rng, crumple=0.35)


def brick(rng: Rng, at: Vector) -> Solid:
    """Return a brick or half of one."""
    size = (0.24, 0.115, 0.055) if rng.random() < 0.6 else (0.14, 0.115, 0.055)
    return box(size, pick(rng, BRICK), (at[0], at[1], at[2] + 0.04), _turn(rng, 60))


HOUSEHOLD: tuple[Callable[[Rng, Vector], Solid], ...] = (bag, board, carton, cloth, bottle, paper)


def _thrown(
    rng: Rng, mound: Mound, weights: Sequence[float], count: int, spread: float, *, bags: Sequence[Colour] = BAGS
) -> list[Solid]:
    shares = np.asarray(weights, float) / np.sum(weights)
    chosen = rng.choice(len(HOUSEHOLD), count, p=shares)
    return [
        bag(rng, mound.place(rng, spread), bags) if number == 0 else HOUSEHOLD[number](rng, mound.place(rng, spread))
        for number in chosen
    ]


def household_heap(rng: Rng, width_m: float) -> Solid:
    """Return a heap of household waste."""
    mound = Mound.random(rng, width_m, rng.uniform(0.3, 0.8) * min(1.0, width_m / 3))
    weights = [rng.uniform(0.6, 3.0), rng.uniform(0.1, 0.8), rng.uniform(0.5, 1.6), rng.uniform(0.5, 1.6), 0.9, 1.2]
    parts = [mound.base(rng, pick(rng, [*SOIL, (0.3, 0.28, 0.26)]), 0.75)]
    parts += _thrown(rng, mound, weights, int(rng.uniform(14, 26) * width_m + 6), 0.95)
    parts += _thrown(rng, mound, [0.2, 0.1, 0.1, 0.5, 2, 3], int(rng.uniform(4, 16)), 1.12)
    if width_m > 2.5 and rng.random() < 0.5:
        parts.append(furniture(rng, mound.place(rng, 0.6)))
    parts += [tyre(rng, mound.place(rng, 0.9)) for _ in range(rng.choice([0, 0, 1, 3]))]
    return joined(parts)


def rubble_heap(rng: Rng, width_m: float) -> Solid:
    """Return a heap of construction rubble."""
    mound = Mound.random(rng, width_m, rng.uniform(0.4, 1.2) * min(1.0, width_m / 4))
    parts = [mound.base(rng, pick(rng, [*SOIL, *CONCRETE[:3]]), 0.95)]
    brickish = rng.random() * 0.6
    for _ in range(int(rng.uniform(28, 45) * width_m)):
        at = mound.place(rng, 1.0 if rng.random() < 0.9 else 1.15)
        size = float(rng.choice([0.12, 0.2, 0.3, 0.3, 0.45, 0.7]))
        colours = CONCRETE if rng.random() < 0.8 else SOIL
        parts.append(brick(rng, at) if rng.random() < brickish else chunk(rng, at, colours, size))
    parts += [board(rng, mound.place(rng, 0.95)) for _ in range(rng.integers(1, 7))]
    return joined(parts)


def mixed_heap(rng: Rng, width_m: float) -> Solid:
    """Return rubble with household waste on and around it."""
    mound = Mound.random(rng, width_m * 0.9, 0.35)
    weights = [1.5, 0.8, 1.0, 1.0, 0.6, 1.0]
    top = joined(_thrown(rng, mound, weights, int(rng.uniform(6, 14) * width_m), 1.0))
    return joined([rubble_heap(rng, width_m), top.moved((0, 0, 0.15))])


def strewn(rng: Rng, width_m: float) -> Solid:
    """Return waste that lies flat and scattered, often in a long strip as along a road."""
    mound = Mound.random(rng, width_m, 0.1, float(rng.uniform(0.25, 0.8)))
    weights = [rng.uniform(0.3, 2.0), rng.uniform(0.1, 0.8), rng.uniform(0.5, 2.0), rng.uniform(0.5, 2.0), 1.6, 2.4]
    return joined(_thrown(rng, mound, weights, int(rng.uniform(12, 22) * width_m * mound.stretch + 10), 1.0))


def bag_pile(rng: Rng, width_m: float) -> Solid:
    """Return rubbish bags of one or a few colours, as households leave them for collection."""
    mound = Mound.random(rng, width_m, 0.2 * min(1.0, width_m / 2), float(rng.uniform(0.35, 1.0)))
    few = [pick(rng, BAGS[:4] if rng.random() < 0.7 else BAGS) for _ in range(rng.choice([1, 1, 2, 3]))]
    count = int(rng.uniform(3.0, 6.0) * width_m**2 * mound.stretch) + 2
    parts = [bag(rng, mound.place(rng, 0.9), few) for _ in range(count)]
    return joined(parts + _thrown(rng, mound, [0, 0.3, 1, 0.3, 0.5, 1], int(rng.uniform(0, 8)) + 1, 1.0))


def single_things(rng: Rng, width_m: float) -> Solid:
    """Return one to three bulky things that somebody left: a mattress, a sofa, tyres, cartons."""
    mound = Mound.random(rng, max(width_m, 1.0), 0.05)
    parts = [furniture(rng, (0.0, 0.0, 0.0))] if rng.random() < 0.6 else [carton(rng, (0.0, 0.0, 0.0))]
    others: tuple[Callable[[Rng, Vector], Solid], ...] = (tyre, carton, board, bag)
    parts += [others[rng.integers(4)](rng, mound.place(rng)) for _ in range(rng.integers(1, 4))]
    return joined(parts)


def gravel(rng: Rng, width_m: float, colours: Sequence[Colour], height: float = 0.3) -> Solid:
    """Return a clean heap of one bulk material (gravel, sand, earth): no waste."""
    mound = Mound.random(rng, width_m, height * width_m, float(rng.uniform(0.6, 1.0)))
    angles = 2 * np.pi * np.arange(32) / 32
    rim = np.array([mound.radius_m(angle) for angle in angles])
    parts = np.linspace(1.0, 0.02, 9)
    points = np.array([np.column_stack([rim * p * np.cos(angles), rim * p * np.sin(angles), 0 * rim]) for p in parts])
    rough = bumps(points.reshape(-1, 3), rng, pitch=3).reshape(9, 32)
    points[..., 2] = mound.height_m * ((1 - parts) ** 0.85)[:, None] * (1 + 0.12 * rough) - (parts == 1)[:, None] * 0.05
    skin = loft(points, pick(rng, colours))
    shade = rng.uniform(0.8, 1.15, (len(skin.faces), 1)).astype(np.float32)
    return Solid(vertices_m=skin.vertices_m, faces=skin.faces, colours=np.clip(skin.colours * shade, 0, 1))


def flat_piece(size_m: tuple[float, float], colour: Colour, above_m: float = 0.02) -> Solid:
    """Return a rectangle that lies on the ground."""
    x, y = size_m[0] / 2, size_m[1] / 2
    return mesh([(-x, -y, above_m), (x, -y, above_m), (x, y, above_m), (-x, y, above_m)], [(0, 1, 2, 3)], colour)
