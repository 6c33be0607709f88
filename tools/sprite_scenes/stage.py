"""The set on which every sprite is photographed: camera straight down, sun and sky; the shadow is cast apart."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from pathlib import Path

import bpy
import numpy as np
from mathutils import Euler, Matrix

from vision.training.scenes.solids import Colour, Solid

# One flat colour per part in the second, unlit render, from which outlines and boxes are measured.
PART_COLOURS: dict[str, Colour] = {
    "object": (1.0, 0.0, 0.0),
    "person": (0.0, 1.0, 0.0),
    "umbrella": (0.0, 0.0, 1.0),
    "rod": (1.0, 1.0, 0.0),
    "tackle": (1.0, 0.0, 1.0),
    "other": (0.0, 1.0, 1.0),
}


def empty_stage(rng: random.Random, sun_azimuth_deg: float, sun_elevation_deg: float) -> None:
    """Starts a new scene with sun and a sky whose clouds differ by `rng`; azimuth clockwise from the picture's top."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    # Little light bounces between rags on a heap; one diffuse bounce is enough and several times faster.
    scene.cycles.max_bounces = 2
    scene.cycles.diffuse_bounces = 1
    scene.cycles.glossy_bounces = 1
    scene.cycles.transmission_bounces = 0
    scene.cycles.caustics_reflective = scene.cycles.caustics_refractive = False
    scene.cycles.use_adaptive_sampling = False
    scene.render.film_transparent = True
    scene.view_settings.view_transform = "Standard"
    _sky(rng)
    sun = bpy.data.lights.new("sun", "SUN")
    sun.energy, sun.angle, sun.color = 3.2, math.radians(1.2), (1.0, 0.96, 0.88)
    lamp = bpy.data.objects.new("sun", sun)
    lamp.rotation_euler = Euler((0.0, math.radians(90 - sun_elevation_deg), math.radians(90 - sun_azimuth_deg)), "XYZ")
    scene.collection.objects.link(lamp)


def _sky(rng: random.Random) -> None:
    world = bpy.data.worlds.new("sky")
    bpy.context.scene.world = world
    world.use_nodes = True
    world.cycles.sampling_method = "NONE"
    nodes, links = world.node_tree.nodes, world.node_tree.links
    nodes.clear()
    place = nodes.new("ShaderNodeTexCoord")
    move = nodes.new("ShaderNodeMapping")
    move.inputs["Location"].default_value = (rng.uniform(-50, 50), rng.uniform(-50, 50), 0)
    clouds = nodes.new("ShaderNodeTexNoise")
    clouds.inputs["Scale"].default_value = rng.uniform(2.0, 5.0)
    clouds.inputs["Detail"].default_value = 6.0
    ramp = nodes.new("ShaderNodeValToRGB")
    ramp.color_ramp.elements[0].position, ramp.color_ramp.elements[0].color = 0.42, (0.16, 0.30, 0.62, 1)
    ramp.color_ramp.elements[1].position, ramp.color_ramp.elements[1].color = 0.62, (0.95, 0.97, 1.0, 1)
    back = nodes.new("ShaderNodeBackground")
    back.inputs["Strength"].default_value = 0.85
    out = nodes.new("ShaderNodeOutputWorld")
    links.new(place.outputs["Generated"], move.inputs["Vector"])
    links.new(move.outputs["Vector"], clouds.inputs["Vector"])
    links.new(clouds.outputs[0], ramp.inputs[0])
    links.new(ramp.outputs[0], back.inputs["Color"])
    links.new(back.outputs[0], out.inputs["Surface"])


def paint(colour: Colour, roughness: float = 0.8, mottle: float = 0.0, mottle_scale: float = 6.0) -> bpy.types.Material:
    """A plain surface of linear `colour`; `mottle` (0-1) darkens it in patches, as dirt and wear do."""
    name = f"{colour[0]:.2f},{colour[1]:.2f},{colour[2]:.2f},{roughness:.2f},{mottle:.2f},{mottle_scale:.1f}"
    if name in bpy.data.materials:
        return bpy.data.materials[name]
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*colour, 1)
    shader.inputs["Roughness"].default_value = roughness
    if mottle > 0:
        nodes, links = material.node_tree.nodes, material.node_tree.links
        spots = nodes.new("ShaderNodeTexNoise")
        spots.inputs["Scale"].default_value = mottle_scale
        spots.inputs["Detail"].default_value = 8.0
        ramp = nodes.new("ShaderNodeValToRGB")
        dark = [channel * (1 - mottle) for channel in colour]
        ramp.color_ramp.elements[0].position, ramp.color_ramp.elements[0].color = 0.4, (*dark, 1)
        ramp.color_ramp.elements[1].position, ramp.color_ramp.elements[1].color = 0.6, (*colour, 1)
        place = nodes.new("ShaderNodeTexCoord")
        links.new(place.outputs["Object"], spots.inputs["Vector"])
        links.new(spots.outputs[0], ramp.inputs[0])
        links.new(ramp.outputs[0], shader.inputs["Base Color"])
    return material


def add_mesh(
    vertices: Iterable[tuple[float, float, float]],
    faces: Iterable[tuple[int, ...]],
    material: bpy.types.Material,
    part: str = "object",
    smooth: bool = False,
) -> bpy.types.Object:
    """Puts a mesh (metres, z up) on the stage and says which part of the sprite it belongs to."""
    mesh = bpy.data.meshes.new("m")
    mesh.from_pydata(list(vertices), [], list(faces))
    return _put(mesh, material, part, smooth)


def add_solid(solid: Solid, part: str) -> bpy.types.Object:
    """Puts a finished shape on the stage, each face in its own colour, and says which part of the sprite it is."""
    mesh = bpy.data.meshes.new("m")
    mesh.from_pydata(solid.vertices_m.tolist(), [], solid.faces.tolist())
    corners = np.ones((len(solid.faces), 3, 4), np.float32)
    corners[..., :3] = solid.colours[:, None, :]
    mesh.attributes.new("colour", "FLOAT_COLOR", "CORNER").data.foreach_set("color", corners.ravel())
    return _put(mesh, _coloured(), part, smooth=False)


def _coloured() -> bpy.types.Material:
    if "coloured" in bpy.data.materials:
        return bpy.data.materials["coloured"]
    material = bpy.data.materials.new("coloured")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    colour = nodes.new("ShaderNodeAttribute")
    colour.attribute_name = "colour"
    shader = nodes["Principled BSDF"]
    shader.inputs["Roughness"].default_value = 0.7
    links.new(colour.outputs["Color"], shader.inputs["Base Color"])
    return material


def _put(mesh: bpy.types.Mesh, material: bpy.types.Material, part: str, smooth: bool) -> bpy.types.Object:
    mesh.materials.append(material)
    if smooth:
        mesh.polygons.foreach_set("use_smooth", [True] * len(mesh.polygons))
    thing = bpy.data.objects.new("o", mesh)
    thing["part"] = part
    bpy.context.scene.collection.objects.link(thing)
    return thing


def photograph(path: Path, width_m: float, size_px: int, samples: int, threads: int) -> np.ndarray:
    """Renders the stage from straight above, without the shadow on the ground (`photograph_shadow` has it).

    Returns:
        (size_px, size_px, 4) uint8 RGBA, straight alpha, row 0 at the top (north).
    """
    _camera(width_m, size_px, threads)
    scene = bpy.context.scene
    scene.cycles.samples = samples
    scene.cycles.use_denoising = True
    scene.cycles.denoiser = "OPENIMAGEDENOISE"
    scene.cycles.denoising_quality = "BALANCED"
    return _render(path)


def photograph_parts(path: Path, width_m: float, size_px: int, threads: int) -> dict[str, np.ndarray]:
    """Renders the stage unlit, each part in its own colour, the ground away.

    Returns:
        Part name to (size_px, size_px) bool of the pixels in which that part is seen.
    """
    _camera(width_m, size_px, threads)
    scene = bpy.context.scene
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    scene.render.filter_size = 0.01
    scene.view_settings.view_transform = "Raw"
    for thing in list(scene.objects):
        if thing.type != "MESH":
            continue
        if thing["part"] == "none":
            thing.hide_render = True
            continue
        thing.data.materials.clear()
        thing.data.materials.append(_flat(thing["part"]))
    picture = _render(path)
    seen = picture[..., 3] > 127
    found = {}
    for part, colour in PART_COLOURS.items():
        wanted = np.array(colour) > 0.5
        found[part] = seen & ((picture[..., :3] > 127) == wanted).all(axis=2)
    return found


def photograph_shadow(
    path: Path, width_m: float, size_px: int, threads: int, sun_azimuth_deg: float, sun_elevation_deg: float
) -> np.ndarray:
    """Casts everything onto the ground along the sun's rays and renders that; call it last, it flattens the stage.

    A shadow catcher gives the same picture (the sun is far away, so a shadow is a shear) at five times the cost.

    Returns:
        (size_px, size_px) bool, True in the shadow or under the thing.
    """
    bearing, run = math.radians(sun_azimuth_deg), 1 / math.tan(math.radians(sun_elevation_deg))
    fall = Matrix.Identity(4)
    fall[0][2], fall[1][2], fall[2][2] = -math.sin(bearing) * run, -math.cos(bearing) * run, 0.001
    for thing in bpy.context.scene.objects:
        if thing.type == "MESH":
            thing.data.transform(fall @ thing.matrix_world)
            thing.matrix_world = Matrix.Identity(4)
    return np.logical_or.reduce(list(photograph_parts(path, width_m, size_px, threads).values()))


def _flat(part: str) -> bpy.types.Material:
    name = f"flat-{part}"
    if name in bpy.data.materials:
        return bpy.data.materials[name]
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    light = nodes.new("ShaderNodeEmission")
    light.inputs["Color"].default_value = (*PART_COLOURS[part], 1)
    out = nodes.new("ShaderNodeOutputMaterial")
    links.new(light.outputs[0], out.inputs["Surface"])
    return material


def _camera(width_m: float, size_px: int, threads: int) -> None:
    scene = bpy.context.scene
    if scene.camera is None:
        lens = bpy.data.cameras.new("camera")
        lens.type = "ORTHO"
        lens.clip_end = 100.0
        camera = bpy.data.objects.new("camera", lens)
        camera.location = (0, 0, 50)
        scene.collection.objects.link(camera)
        scene.camera = camera
    scene.camera.data.ortho_scale = width_m
    scene.render.resolution_x = scene.render.resolution_y = size_px
    scene.render.resolution_percentage = 100
    scene.render.threads_mode = "FIXED"
    scene.render.threads = threads


def _render(path: Path) -> np.ndarray:
    scene = bpy.context.scene
    scene.render.filepath = str(path)
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGBA"
    bpy.ops.render.render(write_still=True)
    from PIL import Image  # only the makers' environment has both

    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGBA"))
