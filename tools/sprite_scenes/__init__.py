"""Scenes that `tools/make_sprites.py` renders; every module here needs Blender as a Python module (`bpy`)."""

import bpy  # noqa: F401  (bmesh and mathutils can only be imported after it)
