"""Heaps of household waste and of construction rubble."""

from __future__ import annotations

import math
import random

import bmesh
from mathutils import Vector, noise

from sprite_scenes.stage import Colour, add_bmesh, add_mesh, ball, box, paint, rod, transform

BAGS: list[Colour] = [
    (0.012, 0.012, 0.014),
    (0.02, 0.02, 0.022),
    (0.75, 0.76, 0.78),
    (0.85, 0.85, 0.83),
    (0.05, 0.16, 0.5),
    (0.6, 0.05, 0.05),
    (0.06, 0.3, 0.14),
    (0.75, 0.55, 0.08),
    (0.7, 0.3, 0.4),
    (0.35, 0.55, 0.75),
]
CLOTH: list[Colour] = [
    (0.55, 0.05, 0.06),
    (0.06, 0.1, 0.35),
    (0.75, 0.7, 0.6),
    (0.12, 0.35, 0.16),
    (0.7, 0.45, 0.08),
    (0.45, 0.12, 0.4),
    (0.06, 0.06, 0.07),
    (0.8, 0.8, 0.8),
    (0.1, 0.45, 0.55),
    (0.7, 0.25, 0.3),
]
WOOD: list[Colour] = [(0.42, 0.27, 0.14), (0.3, 0.2, 0.11), (0.55, 0.42, 0.27), (0.22, 0.17, 0.13), (0.62, 0.6, 0.55)]
CARD: list[Colour] = [(0.45, 0.31, 0.17), (0.52, 0.38, 0.23), (0.36, 0.25, 0.15), (0.75, 0.73, 0.7)]
SMALL: list[Colour] = [
    (0.8, 0.8, 0.8),
    (0.85, 0.85, 0.88),
    (0.1, 0.3, 0.65),
    (0.7, 0.08, 0.08),
    (0.1, 0.45, 0.2),
    (0.8, 0.65, 0.1),
    (0.6, 0.75, 0.8),
]
CONCRETE: list[Colour] = [
    (0.33, 0.32, 0.3),
    (0.42, 0.41, 0.39),
    (0.25, 0.24, 0.23),
    (0.5, 0.49, 0.46),
    (0.36, 0.33, 0.28),
]
BRICK: list[Colour] = [(0.36, 0.14, 0.09), (0.42, 0.19, 0.12), (0.3, 0.13, 0.09), (0.46, 0.26, 0.17)]
SOIL: list[Colour] = [(0.2, 0.15, 0.1), (0.25, 0.2, 0.14), (0.3, 0.26, 0.21), (0.16, 0.13, 0.1)]


class Mound:
    """The rough shape of a heap: how high it is at each place."""

    def __init__(self, rng: random.Random, width_m: float, height_m: float) -> None:
        self.reach_m = width_m / 2
        self.height_m = height_m
        self.stretch = rng.uniform(0.6, 1.0)
        self.turn = rng.uniform(0, math.pi)
        self.seed = Vector((rng.uniform(-99, 99), rng.uniform(-99, 99), rng.uniform(-99, 99)))

    def radius(self, angle: float) -> float:
        """Distance from the middle to the edge in the direction `angle` (radians), in metres."""
        turned = angle - self.turn
        oval = self.stretch / math.hypot(self.stretch * math.cos(turned), math.sin(turned))
        dent = noise.fractal(Vector((math.cos(angle), math.sin(angle), 0)) * 1.3 + self.seed, 0.8, 2.0, 4)
        return self.reach_m * oval * max(0.45, min(1.0, 0.82 + 0.35 * dent))

    def height(self, x: float, y: float) -> float:
        """Height in metres of the heap at (x, y)."""
        share = math.hypot(x, y) / self.radius(math.atan2(y, x))
        bumps = noise.fractal(Vector((x, y, 0)) * 1.2 + self.seed, 0.9, 2.0, 3)
        return max(0.0, self.height_m * (1 - share**2) * (1 + 0.5 * bumps))

    def place(self, rng: random.Random, spread: float = 1.0) -> tuple[float, float, float]:
        """A random point on the heap, denser in the middle; `spread` above 1 lets pieces lie around it."""
        angle = rng.uniform(0, 2 * math.pi)
        share = spread * rng.random() ** 0.6
        x, y = (self.radius(angle) * share * f(angle) for f in (math.cos, math.sin))
        return x, y, self.height(x, y)


def _base(mound: Mound, colour: Colour, part_height: float) -> None:
    """The compressed litter or soil under the pieces, so that no grass shows through the middle."""
    rings, spokes = 14, 48
    points = [(0.0, 0.0, mound.height(0, 0) * part_height)]
    for ring in range(1, rings + 1):
        for spoke in range(spokes):
            angle = 2 * math.pi * spoke / spokes
            wobble = 1 + 0.12 * noise.noise(Vector((spoke * 0.9, ring * 0.9, mound.seed.x)))
            reach = mound.radius(angle) * 0.9 * ring / rings * wobble
            x, y = reach * math.cos(angle), reach * math.sin(angle)
            points.append((x, y, mound.height(x, y) * part_height if ring < rings else -0.02))
    faces: list[tuple[int, ...]] = [(0, 1 + s, 1 + (s + 1) % spokes) for s in range(spokes)]
    for ring in range(rings - 1):
        first = 1 + ring * spokes
        faces += [
            (first + s, first + spokes + s, first + spokes + (s + 1) % spokes, first + (s + 1) % spokes)
            for s in range(spokes)
        ]
    add_mesh(points, faces, paint(colour, 0.95, 0.6, 9.0))


def _turn(rng: random.Random, tilt: float = 35) -> tuple[float, float, float]:
    return rng.gauss(0, tilt / 2), rng.gauss(0, tilt / 2), rng.uniform(0, 360)


def _bag(rng: random.Random, at: tuple[float, float, float], colour: Colour | None = None) -> None:
    size = rng.uniform(0.3, 0.8)
    shape = (size, size * rng.uniform(0.6, 0.9), size * rng.uniform(0.4, 0.65))
    lifted = (at[0], at[1], at[2] + shape[2] * 0.3)
    bag = ball(transform(lifted, _turn(rng), shape), 4, 0.28, rng.uniform(-99, 99), rng.uniform(1.6, 3.2))
    add_bmesh(bag, paint(colour or rng.choice(BAGS), rng.uniform(0.22, 0.5)), smooth=True)


def _board(rng: random.Random, at: tuple[float, float, float]) -> None:
    size = (rng.uniform(0.7, 2.0), rng.uniform(0.08, 0.3), 0.03)
    add_bmesh(box(transform((at[0], at[1], at[2] + 0.1), _turn(rng, 25), size)), paint(rng.choice(WOOD), 0.8, 0.4, 4.0))


def _carton(rng: random.Random, at: tuple[float, float, float]) -> None:
    colour = rng.choice(CARD)
    long, wide, high = rng.uniform(0.3, 0.75), rng.uniform(0.25, 0.5), rng.uniform(0.04, 0.45)
    place = (at[0], at[1], at[2] + high * 0.4)
    turn = _turn(rng)
    add_bmesh(box(transform(place, turn, (long, wide, high))), paint(colour, 0.9, 0.25, 3.0))
    if rng.random() < 0.4:  # an open flap
        flap = (place[0], place[1] + wide * 0.5, place[2] + high * 0.5)
        add_bmesh(box(transform(flap, (turn[0] + 50, turn[1], turn[2]), (long, wide * 0.7, 0.01))), paint(colour, 0.9))


def _cloth(rng: random.Random, at: tuple[float, float, float]) -> None:
    shape = bmesh.new()
    bmesh.ops.create_grid(shape, x_segments=14, y_segments=14, size=0.5)
    seed = Vector((rng.uniform(-99, 99), rng.uniform(-99, 99), 0))
    for vertex in shape.verts:
        wave = noise.fractal(vertex.co * 3.0 + seed, 0.8, 2.0, 3)
        vertex.co += Vector(
            (0.12 * noise.noise(vertex.co * 4 - seed), 0.12 * noise.noise(vertex.co * 4 + seed * 2), 0.22 * wave)
        )
    size = (rng.uniform(0.4, 1.4), rng.uniform(0.3, 0.9), rng.uniform(0.4, 0.9))
    place = transform((at[0], at[1], at[2] + 0.12), _turn(rng, 30), size)
    bmesh.ops.transform(shape, matrix=place, verts=shape.verts)
    add_bmesh(shape, paint(rng.choice(CLOTH), 0.9), smooth=True)


def _bottle(rng: random.Random, at: tuple[float, float, float]) -> None:
    angle, reach = rng.uniform(0, math.pi), rng.uniform(0.08, 0.16)
    dx, dy = reach * math.cos(angle), reach * math.sin(angle)
    low = at[2] + 0.06
    bottle = rod((at[0] - dx, at[1] - dy, low), (at[0] + dx, at[1] + dy, low), (0.05, 0.035))
    add_bmesh(bottle, paint(rng.choice(SMALL), 0.3), smooth=True)


def _paper(rng: random.Random, at: tuple[float, float, float]) -> None:
    size = (rng.uniform(0.1, 0.35), rng.uniform(0.08, 0.25), 0.01)
    add_bmesh(box(transform((at[0], at[1], at[2] + 0.05), _turn(rng, 30), size)), paint(rng.choice(SMALL + CARD), 0.7))


def _tyre(rng: random.Random, at: tuple[float, float, float]) -> None:
    place = transform((at[0], at[1], at[2] + 0.1), _turn(rng, 30), (1, 1, 1))
    black = paint((0.015, 0.015, 0.016), 0.7)
    for step in range(20):
        a, b = (2 * math.pi * s / 20 for s in (step, step + 1.15))
        start = place @ Vector((0.24 * math.cos(a), 0.24 * math.sin(a), 0))
        end = place @ Vector((0.24 * math.cos(b), 0.24 * math.sin(b), 0))
        add_bmesh(rod(tuple(start), tuple(end), (0.09, 0.09)), black, smooth=True)


def _mattress(rng: random.Random, at: tuple[float, float, float]) -> None:
    colour = rng.choice([(0.7, 0.66, 0.58), (0.75, 0.75, 0.75), (0.5, 0.55, 0.65)])
    size = (rng.uniform(1.5, 1.9), rng.uniform(0.8, 1.2), 0.18)
    add_bmesh(box(transform((at[0], at[1], at[2] + 0.2), _turn(rng, 20), size)), paint(colour, 0.9, 0.2, 3.0))


def household_heap(rng: random.Random) -> float:
    """Puts a heap of household waste on the stage; returns the width in metres the camera has to take in."""
    width = rng.uniform(2.2, 5.8)
    mound = Mound(rng, width, rng.uniform(0.35, 0.9) * min(1.0, width / 3))
    _base(mound, rng.choice([*SOIL, (0.3, 0.28, 0.26)]), 0.75)
    makers = [_bag, _board, _carton, _cloth, _bottle, _paper]
    weights = [rng.uniform(0.6, 3.0), rng.uniform(0.1, 0.8), rng.uniform(0.5, 1.6), rng.uniform(0.5, 1.6), 1.2, 1.6]
    for maker in rng.choices(makers, weights, k=int(rng.uniform(120, 250) * min(1.0, 0.4 + width / 6))):
        maker(rng, mound.place(rng, 0.95))
    for maker in rng.choices([_paper, _bottle, _cloth, _bag], [3, 2, 0.5, 0.3], k=rng.randint(12, 40)):
        maker(rng, mound.place(rng, 1.25))
    if rng.random() < 0.4 and width > 3.5:
        _mattress(rng, mound.place(rng, 0.5))
    for _ in range(rng.choice([0, 0, 1, 3])):
        _tyre(rng, mound.place(rng, 0.9))
    return width * 1.35 + 2.0


def strewn_waste(rng: random.Random) -> float:
    """Puts waste on the stage that lies flat and scattered, often in a long strip as along a road."""
    width = rng.uniform(2.5, 6.5)
    mound = Mound(rng, width, 0.12)
    mound.stretch = rng.uniform(0.18, 0.8)
    makers = [_bag, _board, _carton, _cloth, _bottle, _paper]
    weights = [rng.uniform(0.3, 2.0), rng.uniform(0.1, 0.8), rng.uniform(0.5, 2.0), rng.uniform(0.5, 2.0), 2.0, 3.0]
    for maker in rng.choices(makers, weights, k=int(rng.uniform(14, 26) * width * mound.stretch + 18)):
        maker(rng, mound.place(rng, 1.0))
    return width * 1.2 + 1.6


def bag_pile(rng: random.Random) -> float:
    """Puts a pile of rubbish bags on the stage, of one or two colours, as households leave them for collection."""
    width = rng.uniform(1.2, 3.6)
    mound = Mound(rng, width, 0.35)
    mound.stretch = rng.uniform(0.3, 1.0)
    colours = [rng.choice(BAGS[:4] if rng.random() < 0.7 else BAGS) for _ in range(rng.choice([1, 1, 2, 3]))]
    for _ in range(int(rng.uniform(3.0, 6.0) * width * width * mound.stretch) + 4):
        _bag(rng, mound.place(rng, 0.9), rng.choice(colours))
    for maker in rng.choices([_carton, _paper, _board, _bottle], [2, 3, 0.5, 1], k=rng.randint(0, 14)):
        maker(rng, mound.place(rng, 1.1))
    return width * 1.2 + 2.0


def _chunk(rng: random.Random, at: tuple[float, float, float], colours: list[Colour], size: float) -> None:
    shape = (size * rng.uniform(0.7, 1.4), size * rng.uniform(0.5, 1.0), size * rng.uniform(0.3, 0.7))
    chunk = ball(
        transform((at[0], at[1], at[2] + shape[2] * 0.2), _turn(rng, 60), shape), 2, 0.5, rng.uniform(-99, 99), 1.2
    )
    add_bmesh(chunk, paint(rng.choice(colours), 0.95, 0.3, 8.0))


def rubble_heap(rng: random.Random) -> float:
    """Puts a heap of construction rubble on the stage; returns the width in metres the camera has to take in."""
    width = rng.uniform(3.0, 5.8)
    mound = Mound(rng, width, rng.uniform(0.6, 1.2) * min(1.0, width / 4))
    _base(mound, rng.choice([*SOIL, *CONCRETE[:3]]), 0.95)
    brickish = rng.random()
    for _ in range(int(rng.uniform(150, 250))):
        at = mound.place(rng, 1.0 if rng.random() < 0.9 else 1.25)
        if rng.random() < brickish * 0.6:
            size = (0.24, 0.115, 0.055) if rng.random() < 0.6 else (0.14, 0.115, 0.055)
            add_bmesh(
                box(transform((at[0], at[1], at[2] + 0.04), _turn(rng, 60), size)), paint(rng.choice(BRICK), 0.95)
            )
        else:
            _chunk(rng, at, CONCRETE if rng.random() < 0.8 else SOIL, rng.choice([0.12, 0.2, 0.3, 0.3, 0.45, 0.7]))
    for _ in range(rng.randint(2, 9)):
        _board(rng, mound.place(rng, 0.95))
    for _ in range(rng.randint(0, 5)):
        rng.choice([_bag, _cloth, _carton])(rng, mound.place(rng, 0.9))
    for _ in range(rng.randint(0, 5)):
        x, y, z = mound.place(rng, 0.8)
        dx, dy = rng.uniform(-1, 1), rng.uniform(-1, 1)
        add_bmesh(rod((x, y, z + 0.05), (x + dx, y + dy, z + 0.25), (0.015, 0.015)), paint((0.2, 0.1, 0.06), 0.7))
    return width * 1.35 + 2.4
