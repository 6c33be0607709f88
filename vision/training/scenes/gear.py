"""What anglers have with them, boats, docks and bins."""

from __future__ import annotations

from math import cos, pi, radians, sin, sqrt

import numpy as np

from vision.training.scenes.solids import Colour, Rng, Solid, ball, box, darker, joined, loft, mesh, pick, rod
from vision.training.scenes.waste import WOOD, bag

UMBRELLAS: list[tuple[Colour, Colour]] = [
    ((0.05, 0.12, 0.35), (0.05, 0.12, 0.35)), ((0.08, 0.22, 0.1), (0.08, 0.22, 0.1)),
    ((0.6, 0.06, 0.06), (0.75, 0.75, 0.72)), ((0.05, 0.2, 0.55), (0.78, 0.78, 0.78)),
    ((0.02, 0.02, 0.022), (0.02, 0.02, 0.022)), ((0.7, 0.5, 0.08), (0.1, 0.35, 0.15)),
    ((0.55, 0.57, 0.6), (0.55, 0.57, 0.6)), ((0.2, 0.22, 0.12), (0.12, 0.15, 0.07)),
    ((0.75, 0.35, 0.05), (0.75, 0.35, 0.05)),
]  # fmt: skip
BUCKETS: list[Colour] = [
    (0.75, 0.75, 0.75), (0.05, 0.15, 0.5), (0.65, 0.06, 0.05), (0.05, 0.05, 0.05), (0.75, 0.55, 0.05),
]  # fmt: skip
BOXES: list[Colour] = [
    (0.08, 0.2, 0.1), (0.06, 0.12, 0.4), (0.75, 0.75, 0.76), (0.55, 0.1, 0.06), (0.05, 0.05, 0.05),
]  # fmt: skip
HULLS: list[Colour] = [
    (0.8, 0.8, 0.78), (0.1, 0.25, 0.5), (0.12, 0.3, 0.15), (0.5, 0.07, 0.05), (0.35, 0.36, 0.38), (0.42, 0.27, 0.14),
    (0.75, 0.45, 0.05), (0.08, 0.1, 0.08),
]  # fmt: skip


def fishing_rod(rng: Rng, from_m: tuple[float, float, float] = (0.0, 0.3, 0.8)) -> Solid:
    """Return a rod of 2.4-4.5 m that points over +y, with its stand or reel; the line is too thin to be seen."""
    sway, long = rng.uniform(-0.35, 0.35), rng.uniform(2.4, 4.5)
    x, y, z = from_m
    tip = (x + sway * long, y + sqrt(1 - sway * sway) * long * 0.95, z + long * rng.uniform(0.08, 0.3))
    colour = pick(rng, [(0.02, 0.02, 0.02), (0.45, 0.06, 0.05), (0.6, 0.6, 0.6), (0.5, 0.4, 0.2)])
    butt = (x - sway * 0.35, y - 0.35, z - 0.08)
    return joined([rod(butt, tip, (0.022, 0.01), colour, 5), ball((0.1,) * 3, (0.1, 0.1, 0.1), (x, y, z - 0.06))])


def umbrella(rng: Rng) -> Solid:
    """Return an open umbrella on its pole, a little tilted, with panels of one or two colours."""
    reach, panels = rng.uniform(0.65, 1.1), int(rng.choice([6, 8, 8, 10]))
    colours = UMBRELLAS[int(rng.integers(len(UMBRELLAS)))]
    top, sag = rng.uniform(1.75, 2.15), rng.uniform(0.2, 0.35)
    parts = []
    for panel in range(panels):
        a, b = 2 * pi * panel / panels, 2 * pi * (panel + 1) / panels
        points = [(0.0, 0.0, 0.0)]
        for share in (0.5, 1.0):
            points += [(reach * share * cos(t), reach * share * sin(t), -sag * share**1.8) for t in (a, b)]
        parts.append(mesh(points, [(0, 1, 2), (1, 3, 4, 2)], colours[panel % 2]))
    tilt = (rng.uniform(-18, 18), rng.uniform(-18, 18), rng.uniform(0, 90))
    canopy = joined(parts).moved((0, 0, top), turn_deg=tilt)
    return joined([canopy, rod((0, 0, 0), (0, 0, top), (0.018, 0.018), (0.5, 0.5, 0.5), 4)])


def bucket(rng: Rng) -> Solid:
    """Return a bucket with water or bait in it."""
    reach, high = rng.uniform(0.13, 0.19), rng.uniform(0.25, 0.36)
    inside = pick(rng, [(0.06, 0.07, 0.06), (0.12, 0.14, 0.12), (0.02, 0.02, 0.02)])
    wall = rod((0, 0, 0), (0, 0, high), (reach * 0.85, reach), pick(rng, BUCKETS), 10)
    return joined([wall, rod((0, 0, high), (0, 0, high + 0.006), (reach * 0.85, reach * 0.85), inside, 10)])


def tackle_box(rng: Rng) -> Solid:
    """Return a tackle or cool box."""
    size = (rng.uniform(0.3, 0.65), rng.uniform(0.22, 0.38), rng.uniform(0.2, 0.36))
    lid = box((size[0] * 0.8, size[1] * 0.15, 0.02), (0.6, 0.6, 0.6), (0, 0, size[2] + 0.01))
    return joined([box(size, pick(rng, BOXES), (0, 0, size[2] / 2)), lid])


def net(rng: Rng) -> Solid:
    """Return a landing net that lies, or a keep net of hoops stretched out over +y."""
    dark = pick(rng, [(0.05, 0.08, 0.05), (0.1, 0.12, 0.1), (0.25, 0.25, 0.22), (0.05, 0.12, 0.2)])
    if rng.random() < 0.5:
        angles = 2 * pi * np.arange(10) / 10
        hoop = np.column_stack([0.32 * np.cos(angles), 1.7 + 0.38 * np.sin(angles), np.full(10, 0.08)])
        inner = hoop * (0.85, 1, 1) - (0, 0, 0.05)
        return joined([loft([hoop, inner], dark), rod((0, 0, 0.06), (0, 1.35, 0.08), (0.02, 0.02), (0.5, 0.5, 0.5), 4)])
    angles = 2 * pi * np.arange(8) / 8
    rings = [
        np.column_stack([0.22 * np.cos(angles), np.full(8, y), 0.2 + 0.2 * np.sin(angles)])
        for y in np.linspace(0, rng.uniform(1.2, 2.2), 6)
    ]
    return loft(rings, dark)


def stool(rng: Rng) -> Solid:
    """Return a folding stool or chair."""
    wide = rng.uniform(0.36, 0.52)
    colour = pick(rng, BOXES)
    parts = [box((wide, wide, 0.03), colour, (0, -0.05, 0.4))]
    feet = [(x * wide / 2, y * wide / 2 - 0.05) for x in (-1, 1) for y in (-1, 1)]
    parts += [
        rod((*foot, 0), (*foot, 0.4), (0.015, 0.015), (0.4, 0.4, 0.4), 4) for foot in feet
    ]  # fmt: skip
    if rng.random() < 0.5:
        parts.append(box((wide, 0.03, 0.4), colour, (0, -0.05 - wide * 0.55, 0.65), (-15, 0, 0)))
    return joined(parts)


def tent(rng: Rng) -> Solid:
    """Return an angler's shelter: a dome or ridge tent of 2-3 m, open to +y."""
    wide, high = rng.uniform(1.8, 3.0), rng.uniform(1.2, 1.7)
    colour = pick(rng, [(0.1, 0.15, 0.07), (0.2, 0.2, 0.12), (0.6, 0.3, 0.05), (0.06, 0.15, 0.4), (0.45, 0.45, 0.4)])
    if rng.random() < 0.5:
        x, y = wide / 2, wide * 0.55
        points = [(-x, -y, 0), (x, -y, 0), (x, y, 0), (-x, y, 0), (0, -y, high), (0, y, high)]
        return mesh(points, [(0, 3, 5, 4), (1, 4, 5, 2), (0, 4, 1)], colour)
    return ball((wide, wide * 1.1, high * 2), colour, (0, 0, 0.0), detail=2)


def boat(rng: Rng) -> Solid:
    """Return a rowing, motor or inflatable boat of 2.5-6 m, its bow at +y, the waterline at z = 0."""
    long, colour = rng.uniform(2.6, 6.0), pick(rng, HULLS)
    wide = long * rng.uniform(0.28, 0.4)
    inside = pick(rng, [(0.55, 0.55, 0.53), (0.3, 0.22, 0.14), (0.25, 0.27, 0.3), (0.6, 0.56, 0.45)])
    shape = [(-0.5, 0.75), (-0.45, 0.9), (-0.1, 1.0), (0.25, 0.85), (0.42, 0.5), (0.5, 0.06)]
    side = [(s * long, w * wide / 2) for s, w in shape]
    ring = [(x, y) for y, x in side] + [(-x, y) for y, x in reversed(side)]
    rim = np.array([(x, y, 0.42) for x, y in ring])
    floor = np.array([(x * 0.8, y * 0.9, 0.1) for x, y in ring])
    parts = [
        loft([rim * (0.85, 0.95, -0.6), rim], colour, closed_ends=False),
        loft([rim, rim * (0.86, 0.95, 1.0), floor], inside),
    ]
    benches = (-0.28, 0.02, 0.25)[: rng.integers(1, 4)]
    parts += [box((wide * 0.8, 0.25, 0.05), pick(rng, WOOD), (0, y * long, 0.34)) for y in benches]
    kind = rng.random()
    if kind < 0.4:  # an outboard engine
        parts.append(box((0.3, 0.4, 0.6), (0.03, 0.03, 0.035), (0, -long * 0.52, 0.45)))
    elif kind < 0.6 and long > 4:  # a cabin or awning
        parts.append(box((wide * 0.7, long * 0.3, 0.9), pick(rng, HULLS), (0, -long * 0.05, 0.7)))
    elif kind < 0.85:  # oars
        parts += [rod((s * wide * 0.3, 0, 0.45), (s * wide * 1.1, -0.6, 0.1), (0.03, 0.04), WOOD[2]) for s in (-1, 1)]
    return joined(parts)


def dock(rng: Rng) -> Solid:
    """Return a plank jetty from the origin over +y, its deck 0.5 m above the water (z = 0), sometimes with a head."""
    long, wide, colour = rng.uniform(4, 12), rng.uniform(1.0, 2.2), pick(rng, [*WOOD, (0.5, 0.5, 0.48)])
    count = int(long / 0.35)
    parts = [
        box((wide, 0.32, 0.06), pick(rng, [colour], 0.15), (0, (i + 0.5) * long / count - 1.5, 0.5))
        for i in range(count)
    ]
    if rng.random() < 0.45:
        parts.append(box((wide * rng.uniform(2, 3.5), wide, 0.06), colour, (0, long - 1.5, 0.5)))
    for y in np.arange(0.5, long - 1.5, 2.0):
        parts += [rod((s * wide / 2, y, -2), (s * wide / 2, y, 0.8), (0.07, 0.07), WOOD[3]) for s in (-1, 1)]
    return joined(parts)


def waste_bin(rng: Rng, *, overflowing: bool) -> Solid:
    """Return a wheeled bin or a container; an overflowing one has bags on top and around."""
    colour = pick(rng, [(0.05, 0.2, 0.08), (0.05, 0.12, 0.4), (0.1, 0.1, 0.11), (0.45, 0.06, 0.05), (0.6, 0.45, 0.04)])
    big = rng.random() < 0.4
    wide, deep, high = (1.3, 0.95, 1.15) if big else (0.58, 0.72, 1.02)
    count = int(rng.integers(1, 4))
    parts = []
    for i in range(count):
        x = i * (wide + 0.12)
        parts.append(box((wide, deep, high), colour, (x, 0, high / 2)))
        lid = (radians(70) if overflowing and rng.random() < 0.5 else 0.0, x)
        parts.append(
            box((wide + 0.06, 0.06, deep), colour, (lid[1], -deep / 2, high + deep / 2 * sin(lid[0])), (-20, 0, 0))
            if lid[0]
            else box((wide + 0.06, deep + 0.06, 0.08), darker(colour, 0.8), (x, 0, high + 0.03))
        )
        if overflowing:
            parts += [bag(rng, (x + rng.uniform(-0.3, 0.3), rng.uniform(-0.2, 0.2), high)) for _ in range(3)]
            parts += [
                bag(rng, (x + rng.uniform(-0.8, 0.8), rng.uniform(0.4, 0.9), 0.0)) for _ in range(rng.integers(1, 5))
            ]
    return joined(parts).moved((-(count - 1) * (wide + 0.12) / 2, 0, 0))
