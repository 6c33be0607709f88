"""The staged world in one piece: built from a seed, written to the demo's folder, ready to be photographed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from flyonce.demo.camera_sim import Lens, Photographer
from flyonce.demo.city_files import write_departments
from flyonce.demo.district import District
from flyonce.demo.ground import Ground, build_ground, write_basemap
from flyonce.demo.sprites_file import read_sprites
from flyonce.demo.staging import StagedThing, stage, write_truth
from flyonce.demo.zones_file import write_patrol_area, write_zones
from geo.camera import Camera, camera_by_name

PICTURE_SIZE_WH_PX = (2000, 1500)
CAMERA_NAME = "generic-84dfov"
DEPARTMENTS_FILE = "departments.yaml"
BASEMAP_FILE = "basemap.jpg"


@dataclass(frozen=True, kw_only=True)
class World:
    """What is staged, and where its files lie.

    Attributes:
        district: Its plan.
        ground: Its picture.
        things: What stands in it.
        zones_path: The city's zones file.
        area_path: The patrol area.
        truth_path: The true list; read by nothing but the final measurement.
        departments_path: The city's departments file.
        basemap_path: A small picture of the ground for the map; its place stands in a JSON file beside it.
    """

    district: District
    ground: Ground
    things: tuple[StagedThing, ...]
    zones_path: Path
    area_path: Path
    truth_path: Path
    departments_path: Path
    basemap_path: Path

    def photographer(self, seed: int) -> Photographer:
        """The drone's camera over this world."""
        camera = demo_camera()
        lens = Lens(size_wh_px=camera.size_wh_px, focal_px=camera.focal_xy_px[0])
        return Photographer(ground=self.ground, things=self.things, lens=lens, seed=seed)


def demo_camera() -> Camera:
    """The camera that the demo's flight is planned for: the table's generic one with smaller pictures."""
    return camera_by_name(CAMERA_NAME).resized(PICTURE_SIZE_WH_PX)


def build_world(folder: Path, *, seed: int, today: date) -> World:
    """Builds the world and writes zones, patrol area, departments, true list and base map into `folder`.

    Raises:
        MissingGroundError: The data package with the orthophoto is not installed.
        MissingSpritesError: The sprites cannot be read.
    """
    looks = read_sprites()
    district, ground = build_ground(seed)
    things = tuple(stage(district, ground, looks, seed))
    world = World(
        district=district,
        ground=ground,
        things=things,
        zones_path=folder / "zones.geojson",
        area_path=folder / "area.geojson",
        truth_path=folder / "truth.json",
        departments_path=folder / DEPARTMENTS_FILE,
        basemap_path=folder / BASEMAP_FILE,
    )
    write_zones(world.zones_path, district, today)
    write_patrol_area(world.area_path, district)
    write_departments(world.departments_path, district)
    write_truth(world.truth_path, things, district, seed)
    write_basemap(world.basemap_path, ground)
    extent = {"file": world.basemap_path.name, "extent_lonlat": ground_extent_lonlat(district)}
    world.basemap_path.with_suffix(".json").write_text(json.dumps(extent) + "\n", encoding="utf-8")
    return world


def ground_extent_lonlat(district: District) -> list[float]:
    """West, south, east, north of the ground in degrees; straight edges are true to a centimetre at this size."""
    half_east, half_north = district.half_extent_en_m
    sides = district.frame.lonlat_from_enu([(-half_east, 0.0), (0.0, -half_north), (half_east, 0.0), (0.0, half_north)])
    return [float(sides[0, 0]), float(sides[1, 1]), float(sides[2, 0]), float(sides[3, 1])]
