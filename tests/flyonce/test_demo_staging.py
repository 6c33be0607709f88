"""The staged district and its things: the same for the same seed, and where the demo says they are."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from demo_builders import a_look, plain_ground, write_sprites
from shapely.geometry import Point, Polygon, shape

from flyonce.demo.district import Grid, demo_district
from flyonce.demo.errors import MissingSpritesError
from flyonce.demo.frame import LocalFrame
from flyonce.demo.sprites_file import read_sprites
from flyonce.demo.staging import StagedThing, stage, write_truth
from flyonce.demo.tiling import tile_seamlessly
from flyonce.demo.zones_file import write_patrol_area, write_zones, zone_features

LOOKS = [a_look("puddle", side_m=3.0), a_look("waste"), a_look("angler", side_m=1.0)]
KINDS = {
    "district", "grid", "road", "street",
    "permanent_water", "reservoir_protection_1", "reservoir_management", "no_fishing",
}  # fmt: skip


def staged(seed: int) -> list[StagedThing]:
    district, ground = plain_ground()
    return stage(district, ground, LOOKS, seed)


def places(things: list[StagedThing]) -> list[tuple[str, float, float]]:
    return [(thing.thing_id, thing.east_m, thing.north_m) for thing in things]


def test_the_same_seed_stages_the_same_things_and_another_seed_others() -> None:
    assert places(staged(1)) == places(staged(1))
    assert places(staged(1)) != places(staged(2))


@pytest.mark.parametrize("seed", range(5))
def test_puddles_lie_on_streets_and_never_in_the_reservoir(seed: int) -> None:
    district, _ = plain_ground()
    puddles = [thing for thing in staged(seed) if thing.label == "standing_water"]
    assert len(puddles) == 6
    for puddle in puddles:
        at = Point(puddle.east_m, puddle.north_m)
        lines = [street.centre_line(district.half_extent_en_m) for street in district.streets]
        assert min(line.distance(at) for line in lines) < 2.0
        assert not district.reservoir.intersects(Polygon(puddle.outline_m()))


@pytest.mark.parametrize("seed", range(5))
def test_one_puddle_lies_across_the_border_of_two_grids(seed: int) -> None:
    outline = Polygon(next(thing for thing in staged(seed) if thing.thing_id == "puddle-1").outline_m())
    border_m = demo_district().towns[0][2][1]
    assert outline.bounds[0] < border_m < outline.bounds[2]


@pytest.mark.parametrize("seed", range(5))
def test_anglers_stand_at_the_water_and_face_it(seed: int) -> None:
    district, _ = plain_ground()
    for angler in [thing for thing in staged(seed) if thing.label == "person"]:
        at = Point(angler.east_m, angler.north_m)
        assert 1.2 < district.reservoir.distance(at) < 2.0
        facing = np.radians((angler.look.facing_deg or 0.0) + angler.turned_deg)
        ahead = Point(angler.east_m + 3 * np.sin(facing), angler.north_m + 3 * np.cos(facing))
        assert district.reservoir.contains(ahead)


def test_things_keep_apart_and_inside_the_patrol_area() -> None:
    things = staged(3)
    spots = np.array([(thing.east_m, thing.north_m) for thing in things])
    gaps = np.linalg.norm(spots[:, None] - spots[None], axis=2) + 1e3 * np.eye(len(spots))
    assert gaps.min() >= 22
    assert all(demo_district().patrol_area.contains(Point(*spot)) for spot in spots)


def test_heaps_keep_off_trees_and_shadows() -> None:
    district, ground = plain_ground()
    half = ground.image.shape[1] // 2
    ground.image[:, :half] = 40
    things = stage(district, ground, LOOKS, 1)
    assert all(thing.east_m > 0 for thing in things if thing.label == "waste")


def test_the_truth_list_names_everything_with_place_and_size(tmp_path: Path) -> None:
    district, things = demo_district(), staged(1)
    write_truth(tmp_path / "truth.json", things, district, 1)
    rows = json.loads((tmp_path / "truth.json").read_text())["things"]
    assert [row["id"] for row in rows] == [thing.thing_id for thing in things]
    back = district.frame.enu_from_lonlat((rows[0]["lon"], rows[0]["lat"]))[0]
    assert back == pytest.approx((things[0].east_m, things[0].north_m), abs=0.002)
    assert rows[0]["area_m2"] == pytest.approx(9.0, abs=0.01)


def test_a_missing_kind_of_sprite_is_named() -> None:
    district, ground = plain_ground()
    with pytest.raises(ValueError, match="no sprite of kind angler"):
        stage(district, ground, LOOKS[:2], 1)


def test_sprites_are_read_with_premultiplied_colours_and_their_shadows_direction(tmp_path: Path) -> None:
    write_sprites(tmp_path)
    puddle, *_, angler = read_sprites(tmp_path)
    assert puddle.kind == "puddle"
    assert puddle.shadow_deg == 315.0
    assert angler.facing_deg == 40.0
    assert tuple(puddle.image[60, 60]) == (120, 105, 90, 255)
    assert tuple(puddle.image[0, 0]) == (0, 0, 0, 0)
    assert puddle.reduced(0.06).shape[0] == pytest.approx(puddle.image.shape[0] / 2, rel=0.1)


def test_a_folder_without_sprites_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(MissingSpritesError, match="Reinstall flyonce"):
        read_sprites(tmp_path)


def test_the_zones_file_has_every_kind_with_codes_names_and_dates() -> None:
    features = zone_features(demo_district(), date(2026, 7, 1))
    assert {feature["properties"]["kind"] for feature in features} == KINDS
    assert all(feature["properties"]["code"] and feature["properties"]["name"] for feature in features)
    notice = next(f["properties"] for f in features if f["properties"]["kind"] == "no_fishing")
    assert notice["valid_from"] <= "2026-07-01" <= notice["valid_to"]
    grids = [feature["properties"]["code"] for feature in features if feature["properties"]["kind"] == "grid"]
    assert len(grids) == 4
    assert all(len(code) == 15 for code in grids)


def test_zones_nest_as_the_law_has_them_and_lie_in_china() -> None:
    shapes = {
        feature["properties"]["kind"]: shape(feature["geometry"])
        for feature in zone_features(demo_district(), date(2026, 7, 1))
    }
    assert shapes["no_fishing"].covers(shapes["permanent_water"])
    assert shapes["reservoir_protection_1"].covers(shapes["no_fishing"])
    assert shapes["reservoir_management"].covers(shapes["reservoir_protection_1"])
    assert shapes["permanent_water"].centroid.x == pytest.approx(118.87, abs=0.01)
    assert shapes["permanent_water"].centroid.y == pytest.approx(28.95, abs=0.01)


def test_zones_and_patrol_area_are_written_as_feature_collections(tmp_path: Path) -> None:
    write_zones(tmp_path / "zones.geojson", demo_district(), date(2026, 7, 1))
    write_patrol_area(tmp_path / "area.geojson", demo_district())
    zones = json.loads((tmp_path / "zones.geojson").read_text(encoding="utf-8"))
    area = json.loads((tmp_path / "area.geojson").read_text(encoding="utf-8"))
    assert zones["type"] == area["type"] == "FeatureCollection"
    assert len(zones["features"]) == 16
    assert area["features"][0]["geometry"]["type"] == "Polygon"


def test_the_local_frame_goes_there_and_back_and_north_is_up() -> None:
    frame = LocalFrame(lon=118.87, lat=28.95)
    lonlat = frame.lonlat_from_enu([(0.0, 100.0), (100.0, 0.0)])
    assert lonlat[0, 1] > 28.95
    assert lonlat[1, 0] > 118.87
    assert frame.enu_from_lonlat(lonlat) == pytest.approx(np.array([(0.0, 100.0), (100.0, 0.0)]), abs=1e-6)


def test_a_street_passes_through_its_knots_and_stays_smooth() -> None:
    street = demo_district().streets[0]
    knots = np.array(street.knots_m)
    assert street.offset_m(knots[:, 0]) == pytest.approx(knots[:, 1])
    along = np.linspace(-230, 230, 4000)
    assert np.abs(np.diff(street.offset_m(along), 2)).max() < 1e-3


def test_a_grid_code_must_have_fifteen_digits() -> None:
    with pytest.raises(ValueError, match="15 digits"):
        Grid(code="123", name="x", town="y", bounds_m=(0, 0, 1, 1))


def test_tiling_fills_the_size_and_leaves_no_edge() -> None:
    rows, columns = np.mgrid[0:200, 0:240]
    tile = np.repeat((120 + 50 * np.sin(rows / 9) * np.cos(columns / 13))[..., None], 3, axis=2).astype(np.uint8)
    tiled = tile_seamlessly(tile, (700, 500), 60)
    assert tiled.shape == (500, 700, 3)
    inside = np.abs(np.diff(tile.astype(int), axis=1)).max()
    assert np.abs(np.diff(tiled.astype(int), axis=1)).max() <= inside + 12


def test_an_overlap_larger_than_half_a_tile_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        tile_seamlessly(np.zeros((50, 50, 3), dtype=np.uint8), (100, 100), 30)
