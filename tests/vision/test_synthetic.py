"""Composed training pictures: what is labelled lies where it was laid, and the same seed gives the same set."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from vision.training import synthetic_grounds as grounds
from vision.training.errors import BadSourceError
from vision.training.labels import read_labels
from vision.training.synthetic import compose_set, divide_sprites, lake_outlines, main
from vision.training.synthetic_sprites import Placing, Sprite, fill, load_sprites, outlines, paste

SQUARE = [[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]


def write_sprite_folder(folder: Path, looks_per_kind: int = 5) -> Path:
    """Sprites of 1 m (40 px) in the middle of 2 m of nothing."""
    folder.mkdir(parents=True)
    records = []
    for kind, colour in {
        "waste": (0, 0, 255),
        "puddle": (255, 0, 0),
        "angler": (0, 255, 0),
        "person": (0, 255, 0),
    }.items():
        for number in range(looks_per_kind):
            picture = np.zeros((80, 80, 4), np.uint8)
            picture[20:60, 20:60] = (*colour, 255)
            file = f"{kind}-{number}.png"
            cv2.imwrite(str(folder / file), picture)
            record = {
                "file": file,
                "kind": kind,
                "metres_per_pixel": 0.025,
                "anchor_m": [0, 0],
                "box_m": [-0.5, -0.5, 0.5, 0.5],
            }
            if kind in ("waste", "puddle"):
                record["polygon_m"] = SQUARE
            else:
                record |= {"person_hull_m": SQUARE, "facing_deg": 0.0, "gear": []}
            if kind == "angler":
                record["gear"] = [
                    {"what": "tackle", "box_m": [0.6, 0, 1, 0.4], "hull_m": [[0.6, 0], [1, 0], [1, 0.4], [0.6, 0.4]]}
                ]
            records.append(record)
    (folder / "sprites.json").write_text(json.dumps({"format": 1, "sprites": records}))
    return folder


def write_background_folder(folder: Path, names: tuple[str, ...] = ("SOAP_031.png", "SOAP_061.png")) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        cv2.imwrite(str(folder / name), np.random.default_rng(1).integers(90, 130, (400, 400, 3), np.uint8))
    return folder


def a_sprite(**changes) -> Sprite:
    picture = np.zeros((80, 120, 4), np.uint8)
    picture[20:60, 40:60] = (0, 0, 255, 255)
    # 20 px wide, 40 px high, its right edge on the middle of the picture.
    ring = np.array([[-0.5, -0.5], [0.0, -0.5], [0.0, 0.5], [-0.5, 0.5]])
    given = {
        "name": "a",
        "kind": "waste",
        "bgra": picture,
        "metres_per_pixel": 0.025,
        "anchor_m": np.zeros(2),
        "outlines_m": (ring,),
    }
    return Sprite(**{**given, **changes})


def a_placing(**changes) -> Placing:
    return Placing(**{"at_px": (100.0, 60.0), "turn_deg": 0.0, "scale": 1.0, "ground_m": 0.025, **changes})


def red_box(picture: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(picture[..., 2] > 128)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


@pytest.mark.parametrize("turn_deg", [0.0, 90.0, 180.0, 37.0, -120.0])
@pytest.mark.parametrize("scale", [1.0, 0.6, 1.7])
def test_a_label_lies_on_the_pixels_that_were_pasted(turn_deg, scale):
    placing = a_placing(turn_deg=turn_deg, scale=scale, ground_m=0.03)
    picture = paste(np.zeros((200, 200, 3), np.uint8), a_sprite(), placing)
    ((label, ring),) = outlines(a_sprite(), placing).things_px
    assert label == "waste"
    np.testing.assert_allclose(red_box(picture), [*ring.min(axis=0), *ring.max(axis=0)], atol=1.0)


def test_a_quarter_turn_is_clockwise():
    ((_, ring),) = outlines(a_sprite(), a_placing(turn_deg=90.0)).things_px
    # West of the anchor becomes north of it: half a metre is 20 px.
    np.testing.assert_allclose([*ring.min(axis=0), *ring.max(axis=0)], [80, 40, 120, 60], atol=1e-9)


def test_the_anchor_comes_to_the_given_pixel():
    sprite = a_sprite(anchor_m=np.array([-0.5, -0.5]))
    ((_, ring),) = outlines(sprite, a_placing(turn_deg=71.0)).things_px
    assert np.hypot(*(ring - (100, 60)).T).min() < 1e-9


def test_pasting_leaves_the_given_picture_and_everything_outside_alone():
    ground = np.full((200, 200, 3), 77, np.uint8)
    picture = paste(ground, a_sprite(), a_placing())
    assert (ground == 77).all()
    assert (picture[:, 105:] == 77).all()
    assert (picture != 77).any()


def test_rods_are_not_labelled_where_they_are_thinner_than_a_pixel():
    gear = (("rod", np.array(SQUARE)), ("umbrella", np.array(SQUARE)))
    angler = a_sprite(kind="angler", outlines_m=(), person_m=np.array(SQUARE), gear_m=gear)
    near = [label for label, _ in outlines(angler, a_placing(ground_m=0.03)).things_px]
    far = [label for label, _ in outlines(angler, a_placing(ground_m=0.06)).things_px]
    assert near == ["person", "fishing_gear", "fishing_gear"]
    assert far == ["person", "fishing_gear"]


def test_filling_is_right_to_a_pixel():
    filled = fill((np.array([[10, 20], [30, 20], [30, 30], [10, 30]], float),), (64, 48))
    assert filled[20:30, 10:30].all()
    filled[19:31, 9:31] = False
    assert not filled.any()


def test_the_shore_looks_at_the_water():
    water = np.zeros((640, 640), bool)
    water[:, 400:] = True
    shore = grounds.shore_from_water(water)
    assert len(shore) > 20
    assert (np.abs(shore[:, 0] - 398) < 6).all()
    np.testing.assert_allclose(shore[:, 2], 90, atol=1)


def test_the_same_seed_gives_the_same_set_and_another_seed_another(tmp_path):
    sprites, backgrounds = write_sprite_folder(tmp_path / "s"), write_background_folder(tmp_path / "b")
    for name, seed in (("one", 7), ("two", 7), ("three", 8)):
        compose_set(sprites=sprites, backgrounds=backgrounds, out=tmp_path / name, count=2, seed=seed)
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*") if p.is_file())
    assert len(files) >= 2 * 3 + 2
    same = [(tmp_path / "one" / f).read_bytes() == (tmp_path / "two" / f).read_bytes() for f in files]
    assert all(same)
    picture = "images/synthetic_train_0000.jpg"
    assert (tmp_path / "one" / picture).read_bytes() != (tmp_path / "three" / picture).read_bytes()


def test_a_set_is_complete_and_its_parts_share_neither_sprite_nor_photo(tmp_path):
    sprites, backgrounds = write_sprite_folder(tmp_path / "s"), write_background_folder(tmp_path / "b")
    tally = compose_set(sprites=sprites, backgrounds=backgrounds, out=tmp_path / "out", count=8, seed=3)
    split = json.loads((tmp_path / "out" / "split.json").read_text())
    assert (len(split["train"]), len(split["val"])) == (7, 1)
    assert (tmp_path / "out" / "READY").is_file()
    used = {part: {s for n in split[part] for s in split["pictures"][n]["sprites"]} for part in ("train", "val")}
    assert used["train"]
    assert not used["train"] & used["val"]
    assert not any("SOAP_061" in split["pictures"][n]["background"] for n in split["train"])
    labels = [box.label for p in (tmp_path / "out" / "labels").glob("*.txt") for box in read_labels(p)]
    assert labels.count("waste") == tally["waste"] > 0
    for name in split["train"] + split["val"]:
        mask = cv2.imread(str(tmp_path / "out" / "masks" / name.replace(".jpg", ".png")), cv2.IMREAD_GRAYSCALE)
        picture = cv2.imread(str(tmp_path / "out" / "images" / name))
        assert mask.shape == (640, 640)
        assert picture.shape == (640, 640, 3)
        assert set(np.unique(mask)) <= {0, 255}


def test_water_polygons_and_the_mask_tell_the_same(tmp_path):
    sprites, backgrounds = write_sprite_folder(tmp_path / "s"), write_background_folder(tmp_path / "b")
    compose_set(sprites=sprites, backgrounds=backgrounds, out=tmp_path / "out", count=5, seed=5)
    wet = 0
    for path in (tmp_path / "out" / "labels").glob("*.txt"):
        drawn = np.zeros((640, 640), np.uint8)
        for line in path.read_text().splitlines():
            number, *values = line.split()
            if number == "0":
                cv2.fillPoly(
                    drawn, [(np.array(values, float).reshape(-1, 2) * 640 - 0.5).round().astype(np.int32)], 255
                )
        mask = cv2.imread(str(tmp_path / "out" / "masks" / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
        wet += int(mask.any())
        assert ((mask > 0) & (drawn == 0)).sum() <= 0.03 * (mask > 0).sum() + 200
    assert wet >= 2


def test_every_fifth_look_of_each_kind_is_held_out(tmp_path):
    sprites = load_sprites(write_sprite_folder(tmp_path / "s", looks_per_kind=10))
    train, val = (divide_sprites(sprites, part) for part in ("train", "val"))
    assert len(train) == 32
    assert sorted(s.name for s in val if s.kind == "waste") == ["waste-4.png", "waste-9.png"]


def test_the_ground_of_the_demo_is_never_a_background(tmp_path):
    folder = write_background_folder(tmp_path / "b", ("2019_YELL_2_528000_4978000_image_crop2.png",))
    with pytest.raises(BadSourceError, match="holds none of"):
        grounds.find_backgrounds(folder, None, "train")


def test_a_folder_that_holds_something_is_not_written_over(tmp_path, capsys):
    sprites, backgrounds = write_sprite_folder(tmp_path / "s"), write_background_folder(tmp_path / "b")
    code = main(
        ["--sprites", str(sprites), "--backgrounds", str(backgrounds), "--out", str(backgrounds), "--count", "1"]
    )
    assert code == 2
    assert "is not empty" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "{}", '{"sprites": [{"file": "no.png"}]}'])
def test_a_broken_list_of_sprites_is_named(tmp_path, text):
    (tmp_path / "sprites.json").write_text(text)
    with pytest.raises(BadSourceError, match=str(tmp_path)):
        load_sprites(tmp_path)


def test_lake_outlines_are_relative_rings():
    outlines_by_name = lake_outlines()
    assert len(outlines_by_name) >= 20
    for name, rings in outlines_by_name.items():
        assert grounds.lake_group(name)
        for ring in rings:
            points = np.array(ring)
            assert points.shape[1:] == (2,)
            assert len(points) >= 3
            assert ((points >= 0) & (points <= 1)).all()


def test_labels_of_a_lake_tile_turn_with_the_picture(tmp_path):
    tile = np.zeros((600, 800, 3), np.uint8)
    tile[300:360, 400:480] = 255
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    path = tmp_path / "images" / "lake_DJI_0290_t01.jpg"
    cv2.imwrite(str(path), tile)
    (tmp_path / "labels" / "lake_DJI_0290_t01.txt").write_text("4 0.55 0.55 0.1 0.1\n")
    ring = [[[0.5, 0.5], [0.6, 0.5], [0.6, 0.6], [0.5, 0.6]]]
    backgrounds = grounds.Backgrounds(orthophotos=(), lake_tiles=(path,))
    for seed in range(8):
        ground = grounds.lake_tile(np.random.default_rng(seed), backgrounds, {path.name: ring})
        ((label, outline),) = ground.carried
        seen = np.argwhere(ground.picture[..., 0] > 128)
        assert label == "boat"
        low, high = np.clip(outline.min(axis=0), 0, 640), np.clip(outline.max(axis=0), 0, 640)
        np.testing.assert_allclose([*low, *high], [*seen.min(axis=0)[::-1], *(seen.max(axis=0)[::-1] + 1)], atol=2)
        assert ground.water is not None
        assert (ground.water == (ground.picture[..., 0] > 128)).mean() > 0.99
