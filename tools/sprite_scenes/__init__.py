"""Scenes that `tools/make_sprites.py` renders; every module here needs Blender as a Python module (`bpy`)."""

import sys
from pathlib import Path

import bpy  # noqa: F401  (mathutils can only be imported after it)

# The shapes are those of rendered scenes; the makers' environment has Blender, but need not have flyonce installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
