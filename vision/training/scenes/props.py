"""Vehicles, and what stands about and is none of the classes but looks like one: stones, tarpaulins, panels, plants."""

from __future__ import annotations

import numpy as np

from vision.training.scenes.gear import BOXES
from vision.training.scenes.solids import (
    Colour,
    Rng,
    Solid,
    ball,
    box,
    darker,
    joined,
    loft,
    mesh,
    pick,
    prism,
    rod,
    sheet,
)
from vision.training.scenes.waste import CONCRETE, WOOD

STONE: list[Colour] = [(0.3, 0.29, 0.27), (0.4, 0.38, 0.34), (0.22, 0.21, 0.2), (0.36, 0.3, 0.24), (0.48, 0.46, 0.42)]
LEAVES: list[Colour] = [
    (0.05, 0.11, 0.025),
    (0.07, 0.14, 0.03),
    (0.1, 0.14, 0.04),
    (0.04, 0.08, 0.03),
    (0.16, 0.15, 0.05),
]
PAINTS: list[Colour] = [
    (0.75, 0.75, 0.75), (0.7, 0.7, 0.72), (0.02, 0.02, 0.022), (0.03, 0.03, 0.035), (0.35, 0.36, 0.38),
    (0.4, 0.05, 0.04), (0.05, 0.1, 0.3), (0.3, 0.25, 0.18), (0.08, 0.2, 0.35), (0.15, 0.16, 0.17),
]  # fmt: skip
ROOFS: list[Colour] = [(0.32, 0.12, 0.08), (0.1, 0.1, 0.11), (0.3, 0.3, 0.31), (0.05, 0.15, 0.35), (0.45, 0.42, 0.38)]
GLASS: Colour = (0.02, 0.025, 0.03)


def boulder(rng: Rng) -> Solid:
    """Return a stone of 0.3-2 m, half in the ground; upright ones look much like a person from far."""
    size = float(rng.choice([rng.uniform(0.3, 0.6), rng.uniform(0.5, 1.1), rng.uniform(0.9, 2.0)]))
    shape = (size * rng.uniform(0.6, 1.2), size * rng.uniform(0.5, 1), size * rng.uniform(0.5, 1.1))
    turn = (rng.uniform(-30, 30), rng.uniform(-30, 30), rng.uniform(0, 360))
    return ball(shape, pick(rng, STONE, 0.2), (0, 0, shape[2] * 0.2), turn, detail=2, rng=rng, crumple=0.25)


def stones(rng: Rng) -> Solid:
    """Return a patch of riprap, 2 x 2 m."""
    parts = []
    for _ in range(26):
        x, y = rng.uniform(-1.1, 1.1, 2)
        size = rng.uniform(0.2, 0.65)
        shape = (size, size * rng.uniform(0.6, 1), size * rng.uniform(0.4, 0.8))
        turn = (rng.uniform(-40, 40), rng.uniform(-40, 40), rng.uniform(0, 360))
        parts.append(ball(shape, pick(rng, STONE, 0.25), (x, y, 0.02), turn, detail=1, rng=rng, crumple=0.25))
    return joined(parts)


def tree(rng: Rng) -> Solid:
    """Return a tree of 3-9 m: leaves as many small tilted faces around a trunk."""
    high = rng.uniform(3, 9)
    crown = high * rng.uniform(0.28, 0.45)
    leaves = _foliage(rng, crown, high - crown * 0.9, int(180 + 110 * crown))
    return joined([leaves, rod((0, 0, 0), (0, 0, high - crown), (0.18, 0.12), WOOD[3])])


def _foliage(rng: Rng, reach: float, middle_z: float, count: int) -> Solid:
    """A ball of leaves about a dark, lobed heart."""
    green = pick(rng, LEAVES, 0.25)
    heart = ball((reach * 1.8, reach * 1.8, reach * 1.5), darker(green, 0.7), (0, 0, middle_z), detail=3, rng=rng,
                 crumple=0.22)  # fmt: skip
    at = heart.vertices_m[rng.integers(len(heart.vertices_m), size=count)] * rng.uniform(0.97, 1.06, (count, 1))
    size = rng.uniform(0.15, 0.5, (count, 1, 1)) * min(1.0, 0.4 + reach)
    points = at[:, None, :] + rng.uniform(-0.5, 0.5, (count, 4, 3)) * size * (1, 1, 0.5)
    start = 4 * np.arange(count)[:, None]
    faces = np.concatenate([start + np.array(half) for half in ((0, 1, 2), (0, 2, 3))])
    shades = np.asarray(green) * rng.uniform(0.6, 1.5, (count, 1)) * rng.uniform(0.9, 1.1, (count, 3))
    leaves = Solid(
        vertices_m=points.reshape(-1, 3).astype(np.float32),
        faces=faces.astype(np.int32),
        colours=np.concatenate([shades, shades]).astype(np.float32),
    )
    return joined([leaves, heart])


def bush(rng: Rng) -> Solid:
    """Return a bush of 0.6-2.5 m."""
    reach = rng.uniform(0.3, 1.2)
    return _foliage(rng, reach, reach * 0.5, int(60 + 120 * reach))


def reeds(rng: Rng) -> Solid:
    """Return a tuft of reed as it stands at the waterline."""
    parts = []
    for _ in range(70):
        x, y = rng.normal(0, 0.5, 2)
        tip = (x + rng.normal(0, 0.25), y + rng.normal(0, 0.25), rng.uniform(0.6, 1.7))
        colour = pick(rng, [(0.1, 0.14, 0.04), (0.25, 0.22, 0.1), (0.07, 0.12, 0.03)], 0.3)
        parts.append(mesh([(x - 0.03, y, 0), (x + 0.03, y, 0), tip], [(0, 1, 2)], colour))
    return joined(parts)


def tarpaulin(rng: Rng) -> Solid:
    """Return a tarpaulin that lies on the ground or over something."""
    colour = pick(
        rng, [(0.04, 0.16, 0.5), (0.05, 0.22, 0.1), (0.75, 0.75, 0.75), (0.03, 0.03, 0.035), (0.7, 0.3, 0.04)]
    )
    cover = sheet((rng.uniform(1.5, 6), rng.uniform(1.5, 4)), colour, rng, cells=10, wave_m=0.08, fray=0.02)
    if rng.random() < 0.5:
        return cover
    shape = cover.vertices_m.copy()
    reach = np.abs(shape[:, :2]).max(axis=0)
    inside = (np.abs(shape[:, :2]) < reach * 0.6).all(axis=1)
    shape[inside, 2] += rng.uniform(0.4, 1.1)
    return Solid(vertices_m=shape, faces=cover.faces, colours=cover.colours)


def solar_panels(rng: Rng) -> Solid:
    """Return one to three rows of solar panels on stands."""
    blue = pick(rng, [(0.012, 0.02, 0.06), (0.01, 0.012, 0.02)])
    parts = []
    for row in range(int(rng.integers(1, 4))):
        for i in range(int(rng.integers(3, 8))):
            at = (i * 1.08, row * 3.0, 0.9)
            parts += [box((1.0, 1.7, 0.04), (0.5, 0.5, 0.52), at, (25, 0, 0))]
            parts += [box((0.96, 1.66, 0.02), blue, (at[0], at[1] - 0.01, at[2] + 0.03), (25, 0, 0))]
    return joined(parts)


def pipes(rng: Rng) -> Solid:
    """Return concrete, plastic or steel pipes that lie side by side."""
    colour = pick(rng, [*CONCRETE, (0.03, 0.03, 0.03), (0.05, 0.15, 0.45), (0.45, 0.2, 0.08)])
    radius, long = rng.uniform(0.1, 0.6), rng.uniform(2, 6)
    parts = []
    for i in range(int(rng.integers(1, 5))):
        x, skew = i * radius * 2.1, rng.uniform(-0.3, 0.3)
        parts.append(rod((x, -long / 2 + skew, radius), (x, long / 2 + skew, radius), (radius, radius), colour, 12))
        for end in (-1, 1):
            y = end * long / 2 + skew
            parts.append(rod((x, y, radius), (x, y + end * 0.01, radius), (radius * 0.85,) * 2, (0.02, 0.02, 0.02), 12))
    return joined(parts)


def slabs(rng: Rng) -> Solid:
    """Return concrete slabs, planks or pallets, neatly laid: from above much like a jetty or a boat."""
    colour = pick(rng, [*CONCRETE, *WOOD])
    size = (rng.uniform(0.8, 2.5), rng.uniform(2, 6), rng.uniform(0.1, 0.4))
    count = int(rng.integers(1, 4))
    return joined([box(size, pick(rng, [colour]), (i * (size[0] + 0.15), 0, size[2] / 2)) for i in range(count)])


def stump(rng: Rng) -> Solid:
    """Return a post, a stump, a bollard or a hydrant: as upright and as thick as a person."""
    high, radius = rng.uniform(0.5, 1.8), rng.uniform(0.08, 0.3)
    colour = pick(rng, [*WOOD, *CONCRETE, (0.6, 0.05, 0.04), (0.7, 0.55, 0.03), (0.03, 0.03, 0.03)])
    top = rod((0, 0, high), (0, 0, high + 0.12), (radius * 1.15, radius * 0.9), pick(rng, [colour], 0.4), 8)
    return joined([rod((0, 0, 0), (0, 0, high), (radius, radius), colour, 8), top])


def lamp(rng: Rng) -> Solid:
    """Return a street lamp or a pole with a sign."""
    high = rng.uniform(4, 8)
    arm = (rng.uniform(0.8, 2.0), 0.0, high)
    grey = (0.4, 0.41, 0.42)
    parts = [rod((0, 0, 0), (0, 0, high), (0.09, 0.06), grey), rod((0, 0, high), arm, (0.05, 0.05), grey)]
    return joined([*parts, box((0.6, 0.25, 0.12), (0.6, 0.6, 0.6), arm)])


def house(rng: Rng) -> Solid:
    """Return a small building with a flat or ridged roof."""
    x, y, high = rng.uniform(3, 8), rng.uniform(4, 12), rng.uniform(2.4, 5)
    wall = pick(rng, [(0.6, 0.57, 0.5), (0.5, 0.5, 0.5), (0.7, 0.68, 0.64), (0.4, 0.3, 0.22)])
    roof = pick(rng, ROOFS)
    body = box((x, y, high), wall, (0, 0, high / 2))
    if rng.random() < 0.5:
        rim = box((x + 0.3, y + 0.3, 0.25), roof, (0, 0, high))
        machines = [
            box((0.9, 0.9, 0.7), (0.55, 0.55, 0.55), (rng.uniform(-x, x) / 3, rng.uniform(-y, y) / 3, high + 0.45))
            for _ in range(rng.integers(0, 4))
        ]
        return joined([body, rim, *machines])
    a, b, top = x / 2 + 0.4, y / 2 + 0.4, high + rng.uniform(0.8, 2)
    points = [(-a, -b, high), (a, -b, high), (a, b, high), (-a, b, high), (0, -b, top), (0, b, top)]
    return joined([body, mesh(points, [(0, 3, 5, 4), (1, 4, 5, 2), (0, 4, 1), (3, 2, 5)], roof)])


def equipment(rng: Rng) -> Solid:
    """Return a generator, a container or a transformer box: parked, but no vehicle."""
    size = (rng.uniform(1.0, 2.5), rng.uniform(1.2, 6.0), rng.uniform(1.2, 2.6))
    colour = pick(rng, [*BOXES, (0.7, 0.45, 0.03), (0.35, 0.36, 0.37)])
    rim = box((size[0] * 0.7, size[1] * 0.3, 0.15), (0.15, 0.15, 0.16), (0, 0, size[2]))
    return joined([box(size, colour, (0, 0, size[2] / 2)), rim])


def car(rng: Rng) -> Solid:
    """Return a car or van of 3.6-5.2 m, its front at +y."""
    van = rng.random() < 0.25
    long, wide, high = rng.uniform(3.7, 4.9), rng.uniform(1.65, 1.9), rng.uniform(1.4, 1.6)
    if van:
        long, high = long + 0.4, rng.uniform(1.9, 2.3)
    paint = pick(rng, PAINTS)
    shape = [(-0.5, 0.55), (-0.5, 0.85), (0.47, 0.72), (0.5, 0.5)]
    side = np.array([(y * long, z) for y, z in [(-0.5, 0.25), *shape, (0.5, 0.25)]])
    body = loft([np.column_stack([np.full(len(side), s * wide / 2), side]) for s in (-1, 1)], paint)
    back, front = (-0.48, 0.36) if van else (-0.42, 0.22)
    low = np.array([(x * wide * 0.47, y * long, 0.78) for x, y in ((-1, back), (1, back), (1, front), (-1, front))])
    top = low * (0.82, 0.85 if van else 0.7, 0) + (0, -0.02 * long, high)
    parts = [body, loft([low, top * (1, 1, 0.99)], GLASS), prism(top[:, :2], high - 0.02, high + 0.02, paint)]
    for x in (-1, 1):
        for y in (-0.31, 0.31):
            at = (x * wide * 0.46, y * long, 0.32)
            parts.append(
                rod((at[0] - 0.1, at[1], at[2]), (at[0] + 0.1, at[1], at[2]), (0.32, 0.32), (0.02, 0.02, 0.02), 10)
            )
    return joined(parts)


def truck(rng: Rng) -> Solid:
    """Return a lorry with a box, a tipper's trough or a bare bed, its front at +y."""
    long, paint = rng.uniform(5, 8.5), pick(rng, [*PAINTS, (0.6, 0.4, 0.03)])
    cab = box((2.2, 1.8, 2.0), paint, (0, long / 2 - 0.9, 1.5))
    screen = box((2.0, 0.06, 0.7), GLASS, (0, long / 2 + 0.01, 1.95))
    bed_long = long - 2.1
    cargo = pick(rng, [(0.7, 0.7, 0.7), (0.1, 0.25, 0.5), (0.3, 0.25, 0.18), (0.5, 0.1, 0.06)])
    y = -long / 2 + bed_long / 2
    parts = [cab, screen, box((1.0, long, 0.35), (0.05, 0.05, 0.05), (0, 0, 0.7))]
    if rng.random() < 0.5:
        parts.append(box((2.3, bed_long, 2.3), cargo, (0, y, 2.05)))
    else:
        parts += [box((2.3, bed_long, 0.15), cargo, (0, y, 1.0))]
        parts += [box((0.08, bed_long, 0.8), cargo, (s * 1.12, y, 1.4)) for s in (-1, 1)]
        parts += [box((2.2, bed_long * 0.9, 0.5), pick(rng, CONCRETE), (0, y, 1.3))]
    return joined(parts)


def excavator(rng: Rng) -> Solid:
    """Return a tracked digger."""
    yellow = pick(rng, [(0.7, 0.42, 0.02), (0.65, 0.3, 0.02), (0.5, 0.5, 0.05)])
    tracks = [box((0.5, 3.2, 0.7), (0.04, 0.04, 0.04), (s * 1.0, 0, 0.35)) for s in (-1, 1)]
    body = [box((2.3, 2.4, 1.0), yellow, (0, -0.5, 1.3)), box((0.95, 1.4, 1.5), GLASS, (-0.6, 0.4, 1.9))]
    reach, turn = rng.uniform(1.8, 3.2), rng.uniform(0, 360)
    arm = [
        rod((0.3, 0.5, 1.5), (0.3, 0.5 + reach, 3.2), (0.22, 0.2), yellow, 4),
        rod((0.3, 0.5 + reach, 3.2), (0.3, 1.0 + reach * 1.4, 0.9), (0.18, 0.14), yellow, 4),
        box((0.9, 0.7, 0.7), (0.08, 0.08, 0.08), (0.3, 1.0 + reach * 1.4, 0.7)),
    ]
    return joined([*tracks, joined([*body, *arm]).moved(turn_deg=(0, 0, turn))])
