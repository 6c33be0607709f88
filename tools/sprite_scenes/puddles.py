"""Puddles: a flat mirror of water over a bed, thin at its edge, with a dark wet rim around it."""

from __future__ import annotations

import random

import bpy
import cv2
import numpy as np

from sprite_scenes.stage import add_mesh, add_solid
from vision.training.scenes.puddles import TINTS, waves
from vision.training.scenes.solids import ball


def _depth(rng: np.random.Generator, size_px: int, width_m: float, reach_m: float) -> np.ndarray:
    """Signed distance-like field in metres: above 0 is water; (size_px, size_px), row 0 at the top."""
    along = (np.arange(size_px) + 0.5) / size_px * width_m - width_m / 2
    x, y = np.meshgrid(along, -along)
    px = width_m / size_px
    x = x + 0.22 * reach_m * waves(rng, size_px, reach_m / px * 0.9)
    y = y + 0.22 * reach_m * waves(rng, size_px, reach_m / px * 0.9)
    field = np.full((size_px, size_px), -9.0, np.float32)
    turn, stretch = rng.uniform(0, np.pi), rng.uniform(0.3, 0.95)
    for lobe in range(rng.integers(1, 4)):
        off = np.zeros(2) if lobe == 0 else rng.uniform(-0.5, 0.5, 2) * reach_m
        size = reach_m * (0.82 if lobe == 0 else rng.uniform(0.25, 0.5))
        u = (x - off[0]) * np.cos(turn) + (y - off[1]) * np.sin(turn)
        v = -(x - off[0]) * np.sin(turn) + (y - off[1]) * np.cos(turn)
        field = np.maximum(field, size - np.hypot(u, v / stretch))
    field = field + 0.10 * reach_m * waves(rng, size_px, reach_m / px * 0.4) * 0.7
    inside = 1 - (np.hypot(*np.meshgrid(along, along)) / (width_m / 2 * 0.93)) ** 4  # never to the picture's edge
    return np.where(inside > 0, field, np.minimum(field, -1.0)).astype(np.float32)


def _biggest(water: np.ndarray) -> np.ndarray:
    count, marks, stats, _ = cv2.connectedComponentsWithStats(water.astype(np.uint8))
    if count < 2:
        raise RuntimeError("this seed gives no water at all; choose another seed")
    keep = stats[:, cv2.CC_STAT_AREA] >= 0.04 * stats[1:, cv2.CC_STAT_AREA].max()
    keep[0] = False
    return keep[marks]


def puddle(rng: random.Random, px_m: float) -> tuple[float, np.ndarray]:
    """Puts a puddle on the stage.

    Returns:
        The width in metres the camera has to take in, and the water itself as (n, n) bool over that width.
    """
    reach = rng.choice([rng.uniform(1.6, 3.0), rng.uniform(2.5, 4.5), rng.uniform(4.0, 7.0)])
    width = reach * 2.5
    size = round(width / px_m)
    random_fields = np.random.default_rng(rng.randrange(2**32))
    field = _depth(random_fields, size, width, reach)
    water = _biggest(field > 0)
    outside = cv2.distanceTransform((~water).astype(np.uint8), cv2.DIST_L2, 5) * px_m
    inward = cv2.distanceTransform(water.astype(np.uint8), cv2.DIST_L2, 5) * px_m
    _lay(rng, random_fields, width, water, inward, outside)
    _debris(rng, water, width)
    return width, water


def _lay(
    rng: random.Random,
    fields: np.random.Generator,
    width: float,
    water: np.ndarray,
    inward: np.ndarray,
    outside: np.ndarray,
) -> None:
    size = water.shape[0]
    tint = rng.choice(TINTS)
    shallow, deep = np.array(tint[0]) * rng.uniform(0.75, 1.15), np.array(tint[1]) * rng.uniform(0.4, 1.0)
    depth = np.clip(inward / rng.uniform(0.5, 1.4), 0, 1) * (0.85 + 0.15 * waves(fields, size, size / 5))
    mix = np.clip(depth, 0, 1)[..., None]
    bed = shallow * (1 - mix) + deep * mix
    bed *= 1 + 0.07 * waves(fields, size, size / 8)[..., None]
    rim_m = rng.uniform(0.1, 0.5) * np.clip(1 + 0.5 * waves(fields, size, size / 4), 0.2, 2.0)
    rim = np.clip(1 - outside / rim_m, 0, 1) * rng.uniform(0.35, 0.65)
    edge = np.clip(0.45 + inward / rng.uniform(0.2, 0.7), 0, rng.uniform(0.9, 0.98))
    rgba = np.empty((size, size, 4), np.float32)
    rgba[..., :3] = np.where(water[..., None], bed, deep * 0.55)
    rgba[..., 3] = np.where(water, edge, rim)
    shine = np.where(water, np.clip(0.25 + inward / 0.5, 0, 1), 0.0) * rng.choice([0.02, 0.05, 0.1, 0.18, 0.28, 0.4])
    half = width / 2
    sheet = add_mesh(
        [(-half, -half, 0.01), (half, -half, 0.01), (half, half, 0.01), (-half, half, 0.01)],
        [(0, 1, 2, 3)],
        _water(rng, _image("bed", rgba), _image("shine", np.repeat(shine[..., None], 4, 2).astype(np.float32))),
        part="none",
    )
    corners = sheet.data.uv_layers.new(name="uv")
    for loop, uv in zip(corners.data, [(0, 0), (1, 0), (1, 1), (0, 1)], strict=True):
        loop.uv = uv
    sheet.visible_shadow = False


def _image(name: str, rgba: np.ndarray) -> bpy.types.Image:
    """Hands a top-down array to Blender, whose rows count from the bottom."""
    picture = bpy.data.images.new(name, rgba.shape[1], rgba.shape[0], alpha=True, float_buffer=True)
    picture.colorspace_settings.name = "Non-Color"
    picture.alpha_mode = "CHANNEL_PACKED"
    picture.pixels.foreach_set(np.ascontiguousarray(rgba[::-1]).ravel())
    return picture


def _water(rng: random.Random, bed: bpy.types.Image, shine: bpy.types.Image) -> bpy.types.Material:
    material = bpy.data.materials.new("water")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    colour, gloss = nodes.new("ShaderNodeTexImage"), nodes.new("ShaderNodeTexImage")
    colour.image, gloss.image = bed, shine
    ground, mirror = nodes.new("ShaderNodeBsdfDiffuse"), nodes.new("ShaderNodeBsdfGlossy")
    mirror.inputs["Roughness"].default_value = rng.uniform(0.02, 0.1)
    # A camera overhead sees a different piece of the sky in each part of a puddle; an orthographic one would see
    # the zenith only. Very long, low waves on the mirror bring the clouds back, short ones the ripples.
    previous = None
    for scale, strength in (
        (rng.uniform(0.12, 0.35), rng.uniform(0.4, 1.2)),
        (rng.uniform(3, 8), rng.uniform(0.003, 0.02)),
    ):
        place, noise, bump = (nodes.new(f"ShaderNode{n}") for n in ("TexCoord", "TexNoise", "Bump"))
        noise.inputs["Scale"].default_value = scale
        noise.inputs["Detail"].default_value = 2.0
        bump.inputs["Strength"].default_value = 1.0
        bump.inputs["Distance"].default_value = strength
        links.new(place.outputs["Object"], noise.inputs["Vector"])
        links.new(noise.outputs[0], bump.inputs["Height"])
        if previous is not None:
            links.new(previous.outputs["Normal"], bump.inputs["Normal"])
        previous = bump
    links.new(previous.outputs["Normal"], mirror.inputs["Normal"])
    clear = nodes.new("ShaderNodeBsdfTransparent")
    wet, cover = nodes.new("ShaderNodeMixShader"), nodes.new("ShaderNodeMixShader")
    links.new(colour.outputs["Color"], ground.inputs["Color"])
    links.new(gloss.outputs["Color"], wet.inputs[0])
    links.new(ground.outputs[0], wet.inputs[1])
    links.new(mirror.outputs[0], wet.inputs[2])
    links.new(colour.outputs["Alpha"], cover.inputs[0])
    links.new(clear.outputs[0], cover.inputs[1])
    links.new(wet.outputs[0], cover.inputs[2])
    out = nodes.new("ShaderNodeOutputMaterial")
    links.new(cover.outputs[0], out.inputs["Surface"])
    return material


def _debris(rng: random.Random, water: np.ndarray, width: float) -> None:
    """A few stones and leaves at the edge and in the shallows."""
    rows, columns = np.nonzero(cv2.dilate(water.astype(np.uint8), np.ones((9, 9))))
    for _ in range(rng.randint(0, 14)):
        spot = rng.randrange(len(rows))
        x, y = (
            (columns[spot] + 0.5) / water.shape[1] * width - width / 2,
            width / 2 - (rows[spot] + 0.5) / water.shape[0] * width,
        )
        size = rng.uniform(0.04, 0.18)
        colour = rng.choice([(0.3, 0.28, 0.25), (0.2, 0.14, 0.07), (0.12, 0.15, 0.05), (0.45, 0.43, 0.4)])
        shape, turn = (size, size * 0.7, size * 0.4), (0, 0, rng.uniform(0, 360))
        fields = np.random.default_rng(rng.randrange(2**32))
        add_solid(ball(shape, colour, (x, y, 0.02), turn, detail=2, rng=fields, crumple=0.2), part="none")
