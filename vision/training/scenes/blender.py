"""Hands a site to Blender and lets Cycles photograph it; the one module here that needs `bpy`.

Light is made so that few samples are enough: the sun is the only lamp, the sky's light is added in each material (more
for what looks up), and only water and shiny things send a ray on. One sample per pixel is then nearly free of noise.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.training.scenes import grounds
from vision.training.scenes.assets import KINDS, Part, look
from vision.training.scenes.errors import NoBlenderError, RenderError
from vision.training.scenes.exr import read_exr
from vision.training.scenes.layout import Site
from vision.training.scenes.scenery import FIRST_THING, Net, nets
from vision.training.scenes.solids import Solid
from vision.training.scenes.views import View

Shot = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]
_GRAIN_M, _WEAR_M = 2.7, 24.0


def _bpy() -> Any:  # noqa: ANN401  (Blender has no types)
    try:
        import bpy
    except ImportError as error:
        raise NoBlenderError from error
    return bpy


@contextmanager
def _silent() -> Iterator[None]:
    """Send what Blender writes to stdout to stderr: stdout belongs to the command's one JSON object."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


class Studio:
    """Blender with the materials, ground pictures and meshes that all sites of a part share."""

    def __init__(self, part: Part, grounds_folder: Path, *, size_px: int, samples: int, threads: int) -> None:
        self.part = part
        self.folder = grounds_folder
        self.bpy = _bpy()
        self.bpy.ops.wm.read_factory_settings(use_empty=True)
        self.scene = self.bpy.context.scene
        self._settings(size_px, samples, threads)
        self._light()
        self._pictures: dict[str, Any] = {}
        self._meshes: dict[tuple[str, int], Any] = {}
        self._passing: list[Any] = []
        self._ambient: list[Any] = []
        self._places: list[Any] = []
        self._ground_picture: Any = None
        self._ground_gain: Any = None
        self._materials = {coat: self._material(coat) for coat in ("ground", "paving", "paint", "shiny")}
        self._waters: dict[tuple[float, float], Any] = {}

    def _settings(self, size_px: int, samples: int, threads: int) -> None:
        scene = self.scene
        scene.render.engine = "CYCLES"
        cycles = scene.cycles
        cycles.device, cycles.samples, cycles.use_adaptive_sampling = "CPU", samples, False
        cycles.max_bounces = cycles.glossy_bounces = 1
        cycles.diffuse_bounces = cycles.transmission_bounces = cycles.transparent_max_bounces = 0
        cycles.caustics_reflective = cycles.caustics_refractive = False
        cycles.sample_clamp_direct, cycles.sample_clamp_indirect = 4.0, 4.0
        cycles.pixel_filter_type, cycles.filter_width = "BOX", 1.0
        cycles.use_denoising = False
        cycles.use_light_tree = False
        cycles.light_sampling_threshold = 0.0  # a weak sun would come through at random, as speckles
        render = scene.render
        render.use_persistent_data = True
        render.threads_mode, render.threads = "FIXED", threads
        render.resolution_x = render.resolution_y = size_px
        render.resolution_percentage = 100
        render.use_compositing = render.use_sequencer = False
        image = render.image_settings
        image.media_type = "MULTI_LAYER_IMAGE"
        image.file_format, image.color_depth, image.exr_codec = "OPEN_EXR_MULTILAYER", "32", "NONE"
        image.use_exr_interleave = True
        layer = scene.view_layers[0]
        layer.use_pass_z = layer.use_pass_object_index = True

    def _light(self) -> None:
        bpy = self.bpy
        sun = bpy.data.lights.new("sun", "SUN")
        sun.angle, sun.color = np.radians(0.5), (1.0, 0.95, 0.86)
        self.sun = bpy.data.objects.new("sun", sun)
        self.scene.collection.objects.link(self.sun)
        camera = bpy.data.cameras.new("camera")
        camera.sensor_width, camera.sensor_fit, camera.clip_end = 36.0, "HORIZONTAL", 4000.0
        self.camera = bpy.data.objects.new("camera", camera)
        self.scene.collection.objects.link(self.camera)
        self.scene.camera = self.camera
        world = bpy.data.worlds.new("sky")
        self.scene.world = world
        world.cycles.sampling_method = "NONE"
        tree = _Nodes(world.node_tree)
        place = tree.add("ShaderNodeTexCoord")
        self.cloud_place = tree.add("ShaderNodeMapping")
        noise = tree.add("ShaderNodeTexNoise", Scale=3.0, Detail=4.0)
        self.cloud_ramp = tree.add("ShaderNodeValToRGB").color_ramp
        self.cloud_ramp.elements[0].color = (0.13, 0.26, 0.58, 1)
        self.cloud_ramp.elements[1].color = (0.9, 0.92, 0.95, 1)
        self.sky = tree.add("ShaderNodeBackground")
        out = tree.add("ShaderNodeOutputWorld")
        tree.link(place, "Generated", self.cloud_place, "Vector")
        tree.link(self.cloud_place, "Vector", noise, "Vector")
        tree.link(noise, 0, tree.last["ShaderNodeValToRGB"], 0)
        tree.link(tree.last["ShaderNodeValToRGB"], 0, self.sky, "Color")
        tree.link(self.sky, 0, out, "Surface")

    def _picture(self, name: str, pixels: NDArray[np.uint8], colour: bool) -> Any:  # noqa: ANN401
        if name not in self._pictures:
            height, width = pixels.shape[:2]
            rgb = pixels[..., ::-1] if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
            rgba = np.dstack([rgb[::-1].astype(np.float32) / 255, np.ones((height, width), np.float32)])
            picture = self.bpy.data.images.new(name, width, height)
            picture.colorspace_settings.name = "sRGB" if colour else "Non-Color"
            picture.pixels.foreach_set(np.ascontiguousarray(rgba, np.float32).ravel())
            picture.pack()
            self._pictures[name] = picture
        return self._pictures[name]

    def _texture(self, tree: _Nodes, picture: Any, side_m: float, way: str) -> Any:  # noqa: ANN401
        place = tree.add("ShaderNodeNewGeometry")
        scale = tree.add("ShaderNodeMapping")
        scale.inputs["Scale"].default_value = (1 / side_m, 1 / side_m, 0)
        scale.inputs["Location"].default_value = (0.5, 0.5, 0)
        texture = tree.add("ShaderNodeTexImage")
        texture.image, texture.extension = picture, way
        tree.link(place, "Position", scale, "Vector")
        tree.link(scale, "Vector", texture, "Vector")
        return texture

    def _times(self, tree: _Nodes, a: Any, b: Any, gain: float) -> Any:  # noqa: ANN401
        """Colour a times colour b times a number."""
        node = tree.add("ShaderNodeVectorMath")
        node.operation = "MULTIPLY"
        tree.link(a, 0, node, 0)
        tree.link(b, 0, node, 1)
        more = tree.add("ShaderNodeVectorMath")
        more.operation = "SCALE"
        more.inputs["Scale"].default_value = gain
        tree.link(node, 0, more, 0)
        return more

    def _material(self, coat: str, shine: float = 1.0, rough: float = 0.6) -> Any:  # noqa: ANN401
        material = self.bpy.data.materials.new(f"{coat} {shine} {rough}")
        material.cycles.emission_sampling = "NONE"
        tree = _Nodes(material.node_tree)
        colour = tree.add("ShaderNodeAttribute")
        colour.attribute_name = "colour"
        albedo = colour
        if coat in ("ground", "paving"):
            wear = self._texture(tree, self._picture("wear", grounds.wear(self.part, 0), False), _WEAR_M, "REPEAT")
            albedo = self._times(tree, colour, wear, 255 / 170)
        if coat == "ground":
            picture = self._texture(tree, None, grounds.TILE_M, "MIRROR")
            self._ground_picture = picture
            gained = tree.add("ShaderNodeVectorMath")
            gained.operation = "MULTIPLY"
            self._ground_gain = gained.inputs[1]
            tree.link(picture, 0, gained, 0)
            mix = tree.add("ShaderNodeMix")
            mix.data_type = "RGBA"
            tree.link(colour, "Alpha", mix, 0)
            tree.link(gained, 0, mix, 6)
            tree.link(albedo, 0, mix, 7)
            picked = tree.add("ShaderNodeVectorMath")
            tree.link(mix, 2, picked, 0)
            albedo = picked
        if coat in ("ground", "paving"):
            grain = self._texture(tree, self._picture("grain", grounds.grain(self.part), False), _GRAIN_M, "REPEAT")
            albedo = self._times(tree, albedo, grain, 255 / 200)
        surface = self._lit(tree, albedo)
        if coat in ("shiny", "water"):
            surface = self._mirror(tree, surface, coat, shine, rough)
        tree.link(surface, 0, tree.add("ShaderNodeOutputMaterial"), "Surface")
        return material

    def _lit(self, tree: _Nodes, albedo: Any) -> Any:  # noqa: ANN401
        """Diffuse, and the sky's light as if it shone by itself: more on what looks up."""
        diffuse = tree.add("ShaderNodeBsdfDiffuse")
        geometry, split = tree.add("ShaderNodeNewGeometry"), tree.add("ShaderNodeSeparateXYZ")
        up, strength = tree.add("ShaderNodeMath"), tree.add("ShaderNodeMath")
        up.operation, strength.operation = "MULTIPLY_ADD", "MULTIPLY"
        up.inputs[1].default_value, up.inputs[2].default_value = 0.35, 0.65
        self._ambient.append(strength.inputs[1])
        glow, both = tree.add("ShaderNodeEmission"), tree.add("ShaderNodeAddShader")
        tree.link(geometry, "Normal", split, 0)
        tree.link(split, 2, up, 0)
        tree.link(up, 0, strength, 0)
        tree.link(strength, 0, glow, "Strength")
        tree.link(albedo, 0, diffuse, "Color")
        tree.link(albedo, 0, glow, "Color")
        tree.link(diffuse, 0, both, 0)
        tree.link(glow, 0, both, 1)
        return both

    def _mirror(self, tree: _Nodes, below: Any, coat: str, shine: float, rough: float) -> Any:  # noqa: ANN401
        kind = "BsdfAnisotropic" if coat == "water" else "Emission"
        gloss, fresnel, more, mix = (tree.add(f"ShaderNode{name}") for name in (kind, "Fresnel", "Math", "MixShader"))
        if coat == "water":
            gloss.inputs["Roughness"].default_value = 0.05
        else:  # the sky's mean colour, not a ray: cars need no more, and it makes no noise
            gloss.inputs["Color"].default_value = (0.55, 0.63, 0.75, 1)
        fresnel.inputs["IOR"].default_value = 1.33 if coat == "water" else 1.5
        more.operation, more.use_clamp = "MULTIPLY", True
        more.inputs[1].default_value = shine
        if coat == "water":
            normal = self._waves(tree, rough)
            tree.link(normal, 0, gloss, "Normal")
            tree.link(normal, 0, fresnel, "Normal")
        tree.link(fresnel, 0, more, 0)
        tree.link(more, 0, mix, 0)
        tree.link(below, 0, mix, 1)
        tree.link(gloss, 0, mix, 2)
        return mix

    def _waves(self, tree: _Nodes, strength: float) -> Any:  # noqa: ANN401
        place, shift = tree.add("ShaderNodeNewGeometry"), tree.add("ShaderNodeMapping")
        self._places.append(shift.inputs["Location"])
        tree.link(place, "Position", shift, "Vector")
        noise = tree.add("ShaderNodeTexNoise", Scale=1.3, Detail=2.0)
        bump = tree.add("ShaderNodeBump", Strength=1.0, Distance=0.06 * strength)
        tree.link(shift, "Vector", noise, "Vector")
        tree.link(noise, 0, bump, "Height")
        return bump

    def _coat(self, net: Net) -> Any:  # noqa: ANN401
        if net.coat != "water":
            return self._materials[net.coat]
        key = net.shine, net.rough
        if key not in self._waters:
            self._waters[key] = self._material("water", *key)
        return self._waters[key]

    def _mesh(
        self, vertices: NDArray[np.float32], faces: NDArray[np.int32], corners: NDArray[np.float32], material: Any  # noqa: ANN401
    ) -> Any:  # noqa: ANN401  # fmt: skip
        mesh = self.bpy.data.meshes.new("m")
        mesh.vertices.add(len(vertices))
        mesh.vertices.foreach_set("co", np.ascontiguousarray(vertices, np.float32).ravel())
        mesh.loops.add(faces.size)
        mesh.loops.foreach_set("vertex_index", np.ascontiguousarray(faces, np.int32).ravel())
        mesh.polygons.add(len(faces))
        mesh.polygons.foreach_set("loop_start", np.arange(0, faces.size, 3, dtype=np.int32))
        layer = mesh.attributes.new("colour", "FLOAT_COLOR", "CORNER")
        layer.data.foreach_set("color", np.ascontiguousarray(corners, np.float32).ravel())
        mesh.materials.append(material)
        mesh.update(calc_edges=True)
        return mesh

    def _solid(self, kind: str, number: int) -> Any:  # noqa: ANN401
        if (kind, number) not in self._meshes:
            solid: Solid = look(kind, self.part, number)
            corners = np.ones((len(solid.faces), 3, 4), np.float32)
            corners[..., :3] = solid.colours[:, None, :]
            material = self._materials["shiny" if KINDS[kind].shiny else "paint"]
            self._meshes[kind, number] = self._mesh(solid.vertices_m, solid.faces, corners, material)
        return self._meshes[kind, number]

    def build(self, site: Site) -> None:
        """Set up a site in place of the one before."""
        data = self.bpy.data
        for thing in self._passing:
            mesh = thing.data
            data.objects.remove(thing)
            if mesh.users == 0 and mesh not in self._meshes.values():
                data.meshes.remove(mesh)
        self._passing = []
        number = grounds.ground_number(self.part, site.ground)
        name = f"ground {number}"
        if name not in self._pictures:
            self._picture(name, grounds.ground(self.folder, self.part, number), True)
        self._ground_picture.image = self._pictures[name]
        self._ground_gain.default_value = site.ground_gain
        for net in nets(site):
            mesh = self._mesh(net.vertices_m, net.faces, net.colours[net.faces], self._coat(net))
            self._put(mesh, net.index, (0, 0, 0), 0.0)
        for i, thing in enumerate(site.things):
            self._put(self._solid(thing.kind, thing.look), FIRST_THING + i, thing.at_m, thing.heading_deg)

    def _put(self, mesh: Any, index: int, at: tuple[float, float, float], heading_deg: float) -> None:  # noqa: ANN401
        thing = self.bpy.data.objects.new("o", mesh)
        thing.pass_index = index
        thing.location = at
        thing.rotation_euler = (0, 0, -np.radians(heading_deg))
        self.scene.collection.objects.link(thing)
        self._passing.append(thing)

    def photograph(self, view: View) -> Shot:
        """Render one picture of the site that stands.

        Returns:
            Linear RGB (n, n, 3) float32, depth along the view in metres (n, n), identity numbers (n, n) int32.

        Raises:
            RenderError: Blender wrote something else.
        """
        self._aim(view)
        self._shine(view)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "shot.exr"
            self.scene.render.filepath = str(path)
            with _silent():
                self.bpy.ops.render.render(write_still=True)
            channels = {name.split(".", 1)[1]: values for name, values in read_exr(path).items() if "." in name}
        try:
            rgb = np.dstack([channels[f"Combined.{c}"] for c in "RGB"])
            depth = next(values for name, values in channels.items() if name.startswith("Depth"))
            index = next(values for name, values in channels.items() if "Index" in name)
        except (KeyError, StopIteration) as error:
            raise RenderError(path, f"lacks a channel; it holds {', '.join(channels)}") from error
        return rgb, depth, np.rint(index).astype(np.int32)

    def _aim(self, view: View) -> None:
        from mathutils import Matrix

        right, down, forward = view.pose.axes()
        turn = Matrix([[right[i], -down[i], -forward[i]] for i in range(3)]).to_4x4()
        self.camera.matrix_world = Matrix.Translation(view.pose.at_m) @ turn
        lens = self.camera.data
        lens.lens = view.lens.focal_px / view.lens.size_px * lens.sensor_width
        lens.shift_x = view.lens.offset_px[0] / view.lens.size_px
        lens.shift_y = -view.lens.offset_px[1] / view.lens.size_px

    def _shine(self, view: View) -> None:
        weather = view.weather
        rng = np.random.default_rng(view.seed)
        self.sun.rotation_euler = (
            0.0, np.radians(90 - weather.sun_elevation_deg), np.radians(90 - weather.sun_azimuth_deg)
        )  # fmt: skip
        self.sun.data.energy = np.pi * weather.sun
        for strength in self._ambient:
            strength.default_value = weather.sky
        for place in self._places:
            place.default_value = tuple(rng.uniform(-99, 99, 3))
        self.cloud_place.inputs["Location"].default_value = tuple(rng.uniform(-50, 50, 3))
        middle = 0.75 - 0.5 * weather.clouds
        self.cloud_ramp.elements[0].position, self.cloud_ramp.elements[1].position = middle - 0.1, middle + 0.1
        self.sky.inputs["Strength"].default_value = 0.5 + 0.6 * weather.sky


class _Nodes:
    """A node tree that is emptied and wired anew."""

    def __init__(self, tree: Any) -> None:  # noqa: ANN401
        self.tree = tree
        tree.nodes.clear()
        self.last: dict[str, Any] = {}

    def add(self, kind: str, **inputs: float) -> Any:  # noqa: ANN401
        node = self.tree.nodes.new(kind)
        for name, value in inputs.items():
            node.inputs[name].default_value = value
        self.last[kind] = node
        return node

    def link(self, source: Any, out: str | int, target: Any, into: str | int) -> None:  # noqa: ANN401
        self.tree.links.new(source.outputs[out], target.inputs[into])
