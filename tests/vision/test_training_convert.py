from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from vision.training.convert.coco import decoded_rle
from vision.training.convert.formats import FORMATS, Options, open_source
from vision.training.convert.near_duplicates import difference_hash, groups_of
from vision.training.convert.writer import Written, write_set
from vision.training.dataset import DataSet, read_data_set
from vision.training.errors import BadDataSetError, BadSourceError
from vision.training.exam import true_water

SAMPLES = Path(__file__).parents[2] / "datasets" / "samples"


def converted(kind: str, out: Path, source: Path | None = None, **more) -> Written:
    options = Options(
        **{"renamed": {}, **{key: more.pop(key) for key in ("renamed", "keep_occluded", "images") if key in more}}
    )
    return write_set(partial(open_source, kind, source or SAMPLES / kind, options), out, kind=kind, **more)


def problems(out: Path) -> list[tuple[str, str, str]]:
    rows = [json.loads(line) for line in (out / "problems.jsonl").read_text(encoding="utf-8").splitlines()]
    return [(row["kind"], Path(row["file"]).name, row["place"]) for row in rows]


def card(out: Path) -> dict[str, object]:
    content: dict[str, object] = yaml.safe_load((out / "card.yaml").read_text(encoding="utf-8"))
    return content


def boxes(data: DataSet, name: str) -> list[tuple[str, list[int]]]:
    """Labels of a 64 × 48 picture in whole pixels."""
    sample = next(sample for sample in data.samples if sample.path.name == name)
    return [
        (shape.label, [round(side * length) for side, length in zip(shape.box, (64, 48, 64, 48), strict=True)])
        for shape in data.shapes(sample)
    ]


def mask(out: Path, part: str, stem: str) -> np.ndarray:
    image = cv2.imread(str(out / "masks" / part / f"{stem}.png"), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return np.asarray(image)


def test_floodnet_water_and_flooded_roads_are_water_and_pools_and_roofs_are_not(tmp_path: Path) -> None:
    out = tmp_path / "out"
    written = converted("floodnet", out)
    ids = mask(out, "train", "6651")
    assert (ids[25, 40], ids[40, 5], ids[5, 5], ids[5, 55], ids[40, 40]) == (1, 1, 0, 0, 0)
    assert mask(out, "train", "6652")[2, 2] == 255  # background: nobody judged it
    assert (written.pictures, written.labels) == ({"train": 2, "val": 1}, {"standing_water": 1})
    assert problems(out) == [("bad_mask", "7001_lab.png", ""), ("bad_mask", "7002_lab.png", "")]
    assert card(out)["labelled"] == ["standing_water"]
    data = read_data_set(out)
    dry = next(sample for sample in data.samples if sample.path.stem == "7000")
    water, judged = true_water(data, dry, (64, 48))
    assert not water.any()
    assert judged.all()


def test_another_class_map_makes_pools_water(tmp_path: Path) -> None:
    converted("floodnet", tmp_path / "out", renamed={"pool": "standing_water"})
    assert mask(tmp_path / "out", "train", "6651")[5, 5] == 1


def test_visdrone_regions_do_not_count_and_are_hidden_from_training(tmp_path: Path) -> None:
    out = tmp_path / "out"
    written = converted("visdrone", out)
    name = "0000001_00000_d_0000001"
    data = read_data_set(out)
    assert boxes(data, f"{name}.jpg") == [("person", [10, 10, 16, 18]), ("vehicle", [20, 10, 32, 18])]
    assert len((out / "ignored" / "train" / f"{name}.txt").read_text().splitlines()) == 2
    hidden = cv2.imread(str(out / "images" / "train" / f"{name}.jpg"))
    assert hidden is not None
    assert abs(float(hidden[8:22, 44:56].mean()) - 114) < 6
    assert written.passed_over == {"bicycle": 1}
    row = next(row for row in json.loads((out / "manifest.json").read_text()) if row["name"] == f"{name}.jpg")
    assert row["heavily_occluded"] == 1


def test_visdrone_mistakes_are_listed_with_their_lines(tmp_path: Path) -> None:
    converted("visdrone", tmp_path / "out")
    file = "0000002_00000_d_0000002.txt"
    assert sorted(problems(tmp_path / "out")) == [
        ("bad_label", "0000002_00000_d_0000002.txt", "line 5"),
        ("bad_label", "0000004_00000_d_0000004.txt", ""),
        ("cut_at_edge", file, "line 6"),
        ("out_of_picture", file, "line 2"),
        ("unknown_class", file, "line 4"),
        ("zero_area", file, "line 3"),
    ]


def test_things_mostly_hidden_can_be_made_not_to_count(tmp_path: Path) -> None:
    converted("visdrone", tmp_path / "out", keep_occluded=False, hide_ignored=False)
    assert boxes(read_data_set(tmp_path / "out"), "0000001_00000_d_0000001.jpg") == [("person", [10, 10, 16, 18])]


def test_uavvaste_keeps_its_own_parts(tmp_path: Path) -> None:
    written = converted("uavvaste", tmp_path / "out")
    assert (written.pictures, written.groups) == ({"test": 1, "train": 1, "val": 1}, None)
    assert boxes(read_data_set(tmp_path / "out"), "BATCH_a_img_1.jpg") == [("waste", [5, 5, 15, 13])]


def test_taco_pictures_of_the_same_name_stay_apart(tmp_path: Path) -> None:
    written = converted("taco", tmp_path / "out")
    data = read_data_set(tmp_path / "out")
    assert boxes(data, "batch_1_000001.jpg") == [("waste", [4, 4, 14, 14])]
    assert boxes(data, "batch_2_000001.jpg") == [("waste", [20, 20, 28, 26])]
    assert written.problems == {"missing_picture": 1}
    assert {sample.viewpoint for sample in data.samples} == {"ground"}


def test_seadronessee_swimmers_are_persons_and_buoys_are_passed_over(tmp_path: Path) -> None:
    written = converted("seadronessee", tmp_path / "out")
    assert sorted(boxes(read_data_set(tmp_path / "out"), "4000.jpg")) == [
        ("boat", [5, 40, 11, 44]),
        ("boat", [30, 20, 50, 30]),
        ("person", [10, 10, 13, 14]),
    ]
    assert (written.pictures, written.passed_over) == ({"train": 2, "val": 1}, {"buoy": 3})
    assert card(tmp_path / "out")["not_annotated"] == [
        "standing_water", "waste", "fishing_gear", "vehicle", "dock_or_lift", "waste_bin", "overflowing_bin",
    ]  # fmt: skip


def test_aerialwaste_positives_without_outlines_are_no_negatives(tmp_path: Path) -> None:
    converted("aerialwaste", tmp_path / "out")
    data = read_data_set(tmp_path / "out")
    looked_for = {sample.path.name: set(sample.labelled) for sample in data.samples}
    assert looked_for == {"662.png": {"waste"}, "700.png": {"waste"}, "842.png": set(), "900.png": {"waste"}}
    assert boxes(data, "662.png") == [("waste", [10, 10, 30, 25])]
    assert {sample.path.name: sample.part for sample in data.samples}["842.png"] == "train"
    rows = {row["name"]: row for row in json.loads((tmp_path / "out" / "manifest.json").read_text())}
    assert (rows["842.png"]["image_labels"], rows["842.png"]["severity"]) == (["waste"], 2)


def test_coco_boxes_polygons_and_run_lengths_are_read_and_every_mistake_is_listed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    written = converted("coco", out, renamed={"puddle": "standing_water"})
    data = read_data_set(out)
    assert boxes(data, "1.jpg") == [("boat", [10, 10, 18, 16])]
    assert boxes(data, "2.jpg") == [("boat", [20, 20, 30, 26])]
    assert boxes(data, "3.jpg") == [("boat", [60, 40, 64, 48])]
    one = next(sample for sample in data.samples if sample.path.name == "1.jpg")
    water, _ = true_water(data, one, (64, 48))
    expected = np.zeros((48, 64), np.bool_)
    expected[10:30, 5:25] = expected[3:20, 40:60] = True
    expected[8:12, 45:50] = False
    assert (water == expected).all()
    assert sorted(problems(out)) == [
        ("bad_label", "instances.json", "id 12"),
        ("bad_label", "instances.json", "id 13"),
        ("cut_at_edge", "instances.json", "id 7"),
        ("duplicate_id", "instances.json", "id 10"),
        ("duplicate_id", "instances.json", "id 3"),
        ("missing_picture", "instances.json", "id 5"),
        ("no_such_picture", "instances.json", "id 11"),
        ("out_of_picture", "instances.json", "id 8"),
        ("unknown_class", "instances.json", "id 10"),
        ("unreadable_picture", "instances.json", "id 4"),
        ("zero_area", "instances.json", "id 9"),
    ]
    assert written.passed_over == {"tree": 1}
    assert sum(written.problems.values()) == 11


def test_yolo_boxes_and_outlines_are_read_and_every_bad_line_is_listed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    converted("yolo", out, renamed={"garbage": "waste"})
    data = read_data_set(out)
    assert boxes(data, "a.jpg") == [("waste", [24, 18, 40, 30]), ("person", [6, 5, 13, 14])]
    assert boxes(data, "c.jpg") == []
    assert sorted(problems(out)) == [
        ("bad_label", "b.txt", "line 1"),
        ("bad_label", "b.txt", "line 6"),
        ("cut_at_edge", "b.txt", "line 5"),
        ("duplicate_id", "b.txt", "line 8"),
        ("out_of_picture", "b.txt", "line 3"),
        ("unknown_class", "b.txt", "line 2"),
        ("zero_area", "b.txt", "line 4"),
    ]
    assert card(out)["class_map"] == {"garbage": "waste", "person": "person", "dog": None}


def test_a_class_that_the_source_does_not_have_is_not_claimed_to_be_looked_for(tmp_path: Path) -> None:
    with pytest.raises(BadSourceError, match="puddle is no class of this source; its classes are garbage, person, dog"):
        converted("yolo", tmp_path / "out", renamed={"puddle": "standing_water"})


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_says_clearly_that_a_folder_is_not_it_and_leaves_nothing(kind: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises((BadDataSetError, BadSourceError), match="empty"):
        converted(kind, tmp_path / "out", tmp_path / "empty")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_a_folder_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(BadSourceError, match="is there already"):
        converted("uavvaste", tmp_path / "out")
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("link", ["copy", "hard", "symbolic"])
def test_pictures_are_copied_or_linked(link: str, tmp_path: Path) -> None:
    source = shutil.copytree(SAMPLES / "uavvaste", tmp_path / "source")
    converted("uavvaste", tmp_path / "out", source, link=link)
    picture = tmp_path / "out" / "images" / "train" / "BATCH_a_img_1.jpg"
    original = source / "images" / "BATCH_a_img_1.jpg"
    assert picture.read_bytes() == original.read_bytes()
    assert picture.samefile(original) == (link != "copy")


def test_near_duplicates_are_never_divided(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "images" / "train").mkdir(parents=True)
    (source / "data.yaml").write_text("train: images/train\nval: images/train\nnames: [waste]\n")
    random = np.random.default_rng(5)
    for scene in range(12):
        ground = cv2.resize(random.integers(0, 255, (6, 6, 3), dtype=np.uint8), (90, 80), interpolation=cv2.INTER_CUBIC)
        for look in range(3):
            noisy = np.clip(ground.astype(int) + random.integers(-3, 4, ground.shape), 0, 255).astype(np.uint8)
            cv2.imwrite(str(source / "images" / "train" / f"{scene}_{look}.jpg"), noisy)
    written = converted("yolo", tmp_path / "out", source, division="groups")
    rows = json.loads((tmp_path / "out" / "manifest.json").read_text())
    parts = {scene: {row["split"] for row in rows if row["name"].startswith(f"{scene}_")} for scene in range(12)}
    assert all(len(part) == 1 for part in parts.values())
    assert written.groups == 12
    assert len(written.pictures) > 1


def test_grouping_is_transitive_and_leaves_the_different_alone() -> None:
    assert groups_of([0, 0b1111111, 0b11111111111111, ~0 & (2**64 - 1), None, 0]) == [0, 0, 0, 3, 4, 0]


def test_a_hash_survives_a_smaller_copy(tmp_path: Path) -> None:
    picture = cv2.imread(str(SAMPLES / "coco" / "images" / "1.jpg"))
    assert picture is not None
    cv2.imwrite(str(tmp_path / "small.png"), cv2.resize(picture, (32, 24), interpolation=cv2.INTER_AREA))
    a, b = difference_hash(SAMPLES / "coco" / "images" / "1.jpg"), difference_hash(tmp_path / "small.png")
    assert (a ^ b).bit_count() <= 4


def test_a_picture_of_another_size_than_stated_is_listed(tmp_path: Path) -> None:
    source = shutil.copytree(SAMPLES / "uavvaste", tmp_path / "source")
    file = source / "annotations" / "annotations.json"
    file.write_text(file.read_text().replace('"width": 64', '"width": 640', 1))
    assert converted("uavvaste", tmp_path / "out", source).problems == {"size_differs": 1}


@pytest.mark.parametrize(
    ("counts", "message"),
    [([3, 2], "cover 5 pixels"), ([10, -4], "cover 6 pixels"), ("1~", "no letter"), ("Q", "amid a number")],
)
def test_run_lengths_that_fit_no_mask_are_refused(counts, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decoded_rle(counts, (2, 3))


def test_run_lengths_run_down_the_columns() -> None:
    assert decoded_rle([1, 2, 3], (2, 3)).astype(int).tolist() == [[0, 1, 0], [1, 0, 0]]
