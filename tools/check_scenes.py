"""Checks the rendering of scenes against their own geometry; needs Blender as a Python module (extra `scenes`).

    python tools/check_scenes.py --grounds DIR

Blender is 1 GB and so is not installed where the tests run; this is their missing half, for whoever changes
`vision/training/scenes`. `--grounds` is the folder of the unpacked data package with the orthophotos. Checked: things
appear where our own camera says, within a pixel; shadows fall away from the sun; water is where the mask says and
mirrors what stands on it; the same numbers give the same picture; an interrupted run goes on and changes nothing.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from vision.training.scenes.assets import KINDS
from vision.training.scenes.blender import Studio
from vision.training.scenes.generate import Order, render
from vision.training.scenes.layout import Site, Thing, plan_site, without
from vision.training.scenes.scenery import FIRST_THING, RESERVOIR
from vision.training.scenes.terrain import Terrain
from vision.training.scenes.truth import placed_m, silhouette
from vision.training.scenes.views import Lens, Pose, View, Weather, project

SIZE_PX = 256
CLEAR = Weather(sun_azimuth_deg=90, sun_elevation_deg=35, sun=1.0, sky=0.3, clouds=0.0, haze_per_m=0.0)


def _view(pitch_deg: float, at_m: tuple[float, float, float], offset_px: tuple[float, float] = (0.0, 0.0)) -> View:
    pose = Pose(at_m=at_m, heading_deg=0.0, pitch_deg=pitch_deg, roll_deg=0.0)
    lens = Lens(focal_px=700.0, size_px=SIZE_PX, offset_px=offset_px)
    return View(pose=pose, lens=lens, weather=CLEAR, fov_deg=70.0, seed=1)


def _site(*things: Thing, bank: bool = False) -> Site:
    plain = Terrain(turn=0, waves=(), bank="sand" if bank else None, bank_wide_m=4, water_z_m=-1, road=None)
    bare = without(plan_site(1, "train", 0), frozenset(KINDS))
    return dataclasses.replace(bare, things=things, puddles=(), patches=(), terrain=plain)


def _thing(kind: str, x: float, y: float, z: float = 0.0) -> Thing:
    return Thing(kind=kind, look=0, at_m=(x, y, z), heading_deg=30.0)


def things_appear_where_the_camera_says(studio: Studio) -> str:
    """Compare silhouettes by our own projection with the identity picture, straight down and in oblique windows."""
    site = _site(_thing("car", 3, 2), _thing("standing", -3, -1), _thing("truck", -3, 5), _thing("boat", 3, -4))
    studio.build(site)
    least = 1.0
    for view in (_view(-90, (0, 0, 30)), _view(-45, (0, -30, 30)), _view(-60, (2, -25, 30), (60, -45))):
        _, _, index = studio.photograph(view)
        for number, thing in enumerate(site.things):
            vertices, faces = placed_m(thing, "train")
            ours = silhouette(project(view.pose, view.lens, vertices)[0], faces, SIZE_PX)
            theirs = index == FIRST_THING + number
            if ours.sum() < 60:
                continue
                # One pixel of play: a ray meets its pixel anywhere, not in the middle.
            rim = sum(np.roll(theirs, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1))
            assert not (ours & (rim == 0)).any(), f"{thing.kind} is more than a pixel off"
            least = min(least, float((ours & theirs).sum() / (ours | theirs).sum()))
    assert least > 0.75, f"silhouettes overlap by no more than {least:.2f}"
    return f"least overlap of two silhouettes {least:.2f}"


def shadows_fall_away_from_the_sun(studio: Studio) -> str:
    """A post of known height: with the sun in the east the ground to its west is dark, that to its east is not."""
    studio.build(_site(_thing("lamp", 0, 0)))
    light, _, _ = studio.photograph(_view(-90, (0, 0, 30)))
    high = float(placed_m(_thing("lamp", 0, 0), "train")[0][:, 2].max())
    reach = 0.5 * high / np.tan(np.radians(CLEAR.sun_elevation_deg)) * 700 / 30
    row, middle = SIZE_PX // 2, SIZE_PX // 2
    west = light[row - 1 : row + 2, int(middle - reach)].mean()
    east = light[row - 1 : row + 2, int(middle + reach)].mean()
    assert west < 0.75 * east, f"west {west:.3f}, east {east:.3f}"
    return f"shadow {west:.3f}, sun {east:.3f}"


def water_mirrors_what_stands_on_it(studio: Studio) -> str:
    """A white wall at the far side of the water brightens the water before it."""
    view = _view(-30, (0, 25, 18))
    view = dataclasses.replace(view, pose=dataclasses.replace(view.pose, heading_deg=180.0))
    wall = _thing("house", 0, -6, -1.0)
    shots = []
    for things in ((), (wall,)):
        studio.build(_site(*things, bank=True))
        light, _, index = studio.photograph(view)
        shots.append((light, index))
    (bare, dry_index), (light, index) = shots
    columns = (index == FIRST_THING).any(axis=0)
    water = (index == RESERVOIR) & (dry_index == RESERVOIR) & columns
    assert water.sum() > 500, "no water is seen before the wall"
    changed = water & (np.abs(light - bare).sum(axis=2) > 0.02)
    assert changed.sum() > 30, "nothing is mirrored"
    return f"{int(changed.sum())} pixels of water changed"


def the_same_numbers_give_the_same_pictures(grounds: Path) -> str:
    """Render a tiny set, take one picture away, go on: every file is as before."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        order = Order(out=out, grounds=grounds, counts={"train": 3, "val": 0, "test": 1}, seed=4, size_px=160)
        render(order)
        first = _hashes(out)
        for path in out.rglob("scene_train_00001.*"):
            path.unlink()
        assert render(order)["rendered"] == 1
        assert _hashes(out) == first, "a picture changed when it was rendered again"
        assert sum(name.endswith(".jpg") for name in first) == 4
    return "4 pictures, one rendered twice"


def _hashes(out: Path) -> dict[str, str]:
    files = (path for path in sorted(out.rglob("*")) if path.is_file())
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def main() -> int:
    """Run every check; returns 1 if one fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grounds", type=Path, required=True)
    options = parser.parse_args()
    studio = Studio("train", options.grounds, size_px=SIZE_PX, samples=1, threads=1)
    checks: list[partial[str]] = [
        partial(things_appear_where_the_camera_says, studio),
        partial(shadows_fall_away_from_the_sun, studio),
        partial(water_mirrors_what_stands_on_it, studio),
        partial(the_same_numbers_give_the_same_pictures, options.grounds),
    ]
    failed = 0
    for check in checks:
        name = check.func.__name__.replace("_", " ")
        try:
            sys.stderr.write(f"ok: {name} ({check()})\n")
        except AssertionError as error:
            failed += 1
            sys.stderr.write(f"FAILED: {name}: {error}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
