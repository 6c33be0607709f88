"""Ground, road, water and puddles of a site as coloured triangles, ready to be handed to the renderer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision.training.scenes.layout import SURFACES, LaidPuddle, Site
from vision.training.scenes.puddles import Film
from vision.training.scenes.solids import Colour, Floats
from vision.training.scenes.terrain import Road, Terrain

Coat = Literal["ground", "paving", "paint", "shiny", "water"]

GROUND, ROAD, RESERVOIR, FIRST_THING = 1, 2, 3, 10
"""Identity numbers in the index picture: things count from `FIRST_THING` in the site's order, puddles after them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Net:
    """A triangle net.

    Attributes:
        vertices_m: (n, 3) float32.
        faces: (m, 3) int32.
        colours: (n, 4) float32 linear RGB and how much it covers, per vertex.
        coat: Its material.
        index: Its identity number.
        shine: For water: how much more than clean still water it mirrors.
        rough: For water: height of its waves, 1 for those of a light breeze.
    """

    vertices_m: Floats
    faces: NDArray[np.int32]
    colours: Floats
    coat: Coat
    index: int
    shine: float = 1.0
    rough: float = 0.6


def _quads(rows: int, columns: int) -> NDArray[np.int32]:
    i = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b, c, d = (part.ravel() for part in (i[:-1, :-1], i[:-1, 1:], i[1:, 1:], i[1:, :-1]))
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)


def _net(points: NDArray[np.float64], colours: NDArray[np.float64], coat: Coat, index: int) -> Net:
    rows, columns = points.shape[:2]
    return Net(
        vertices_m=points.reshape(-1, 3).astype(np.float32),
        faces=_quads(rows, columns),
        colours=colours.reshape(-1, 4).astype(np.float32),
        coat=coat,
        index=index,
    )


def ground_net(terrain: Terrain) -> Net:
    """Return the ground with its bank."""
    x, y = terrain.grid()
    return _net(np.stack([x, y, terrain.height_m(x, y)], -1), terrain.cover(x, y), "ground", GROUND)


def reservoir_net(site: Site) -> Net:
    """Return the reservoir's surface, its colour by depth."""
    terrain = site.terrain
    x, y = terrain.grid()
    shallow, deep, clear_m = site.water_colours
    depth = np.clip(terrain.water_z_m - terrain.height_m(x, y), 0, None)
    share = (1 - np.exp(-depth / clear_m))[..., None]
    colour = np.concatenate([np.array(shallow) * (1 - share) + np.array(deep) * share, np.ones_like(share)], -1)
    net = _net(np.stack([x, y, np.full_like(x, terrain.water_z_m)], -1), colour, "water", RESERVOIR)
    choppy = site.waves > 0.5
    return replace(net, shine=2.0 if choppy else 1.2, rough=2.5 if choppy else 0.6)


def _strip(
    terrain: Terrain, road: Road, sides_m: tuple[float, float], z_m: float, colour: Colour, coat: Coat,
    along_m: NDArray[np.float64] | None = None,
) -> Net:  # fmt: skip
    """A ribbon along the road between two distances from its middle."""
    along = np.concatenate([np.arange(-60, 61, 1.5), np.arange(70, 700, 10.0)]) if along_m is None else along_m
    if along_m is None:
        along = np.unique(np.concatenate([-np.arange(70, 700, 10.0), along]))
    rows = []
    for side in sides_m:
        rows.append(
            [
                (*terrain.point(float(u), road.across_m + road.bend_per_m * min(u * u, 1e4) / 2 + side), z_m)
                for u in along
            ]
        )
    points = np.array(rows)
    if sides_m[1] > sides_m[0]:
        points = points[::-1]  # faces look up
    return _net(points, np.broadcast_to((*colour, 1.0), (*points.shape[:2], 4)), coat, ROAD)


def road_nets(terrain: Terrain) -> list[Net]:
    """Return the road with its lines, kerbs and pavements; empty without one."""
    road = terrain.road
    if road is None:
        return []
    half = road.width_m / 2
    nets = [_strip(terrain, road, (-half, half), 0.03, SURFACES[road.surface], "paving")]
    if road.markings:
        white, yellow = (0.6, 0.6, 0.58), (0.6, 0.42, 0.06)
        nets += [_strip(terrain, road, (s - 0.07, s + 0.07), 0.034, white, "paving") for s in (-half + 0.3, half - 0.3)]
        if road.bend_per_m >= 0:
            nets += [
                _strip(terrain, road, (-0.08, 0.08), 0.034, white, "paving", np.array([u, u + 2.0, u + 4.0]))
                for u in np.arange(-66, 66, 10.0)
            ]
        else:
            nets += [_strip(terrain, road, (s - 0.06, s + 0.06), 0.034, yellow, "paving") for s in (-0.14, 0.14)]
    if road.kerbs:
        for side in (-1.0, 1.0):
            edge, back = side * half, side * (half + 2.2)
            stone, slab = (0.45, 0.44, 0.41), (0.33, 0.31, 0.29)
            nets.append(_strip(terrain, road, tuple(sorted((edge, edge + side * 0.16))), 0.15, stone, "paving"))  # type: ignore[arg-type]
            nets.append(_wall(terrain, road, edge, stone))
            nets.append(_strip(terrain, road, tuple(sorted((edge + side * 0.16, back))), 0.14, slab, "paving"))  # type: ignore[arg-type]
    return nets


def _wall(terrain: Terrain, road: Road, side_m: float, colour: Colour) -> Net:
    low = _strip(terrain, road, (side_m, side_m + 1e-3), 0.0, colour, "paving")
    vertices = low.vertices_m.copy()
    vertices[: len(vertices) // 2, 2] = 0.15
    return Net(vertices_m=vertices, faces=low.faces, colours=low.colours, coat="paving", index=ROAD)


def patch_nets(site: Site) -> list[Net]:
    """Return mended, oily or wet places of the road: dark, sharp and without standing water."""
    road = site.terrain.road
    if road is None:
        return []
    nets = []
    for number, (x, y, radius, dark) in enumerate(site.patches):
        angles = 2 * np.pi * np.arange(28) / 28
        ring = radius * (1 + 0.25 * np.sin(2 * angles + number) + 0.12 * np.sin(5 * angles + 2 * number))
        points = np.column_stack([x + ring * np.cos(angles), y + 0.6 * ring * np.sin(angles), np.full(28, 0.033)])
        middle = np.array([[x, y, 0.033]])
        faces = np.array([(28, i, (i + 1) % 28) for i in range(28)], np.int32)
        keep = site.terrain.off_road_m(points[:, 0], points[:, 1]) < 0
        if not keep.all():
            continue
        colour = (*(c * dark for c in SURFACES[road.surface]), 1.0)
        nets.append(
            Net(vertices_m=np.concatenate([points, middle]).astype(np.float32), faces=faces,
                colours=np.tile(np.array(colour, np.float32), (29, 1)), coat="paving", index=ROAD)
        )  # fmt: skip
    return nets


def puddle_nets(laid: LaidPuddle, index: int) -> list[Net]:
    """Return a puddle's wet rim and its water."""
    x, y, z = laid.at_m

    def net(film: Film, above_m: float, coat: Coat, number: int) -> Net:
        count = len(film.points_m)
        points = np.column_stack([film.points_m + np.array((x, y)), np.full(count, z + above_m)]).astype(np.float32)
        colours = np.column_stack([film.colours, np.ones(count)]).astype(np.float32)
        return Net(
            vertices_m=points, faces=film.faces, colours=colours, coat=coat, index=number, shine=laid.puddle.shine
        )

    return [net(laid.puddle.rim, 0.038, "paving", ROAD), net(laid.puddle.water, 0.042, "water", index)]


def nets(site: Site) -> list[Net]:
    """Return all of the site's ground, water and puddles."""
    found = [ground_net(site.terrain), *road_nets(site.terrain), *patch_nets(site)]
    if site.terrain.bank is not None:
        found.append(reservoir_net(site))
    for number, laid in enumerate(site.puddles):
        found += puddle_nets(laid, FIRST_THING + len(site.things) + number)
    return found
