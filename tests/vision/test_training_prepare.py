from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from vision.training.cards import sha256_of
from vision.training.cli import main
from vision.training.crops import boxes_in_window, cut_windows, window_corners
from vision.training.errors import BadSourceError
from vision.training.labels import OBJECT_LABELS, RelativeBox, read_labels
from vision.training.prepare import prepare, read_manifest
from vision.training.pseudo_labels import add_pseudo_labels, boxes_to_add
from vision.training.sources import synthetic_pictures


def picture_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((30, 40, 3), 90, np.uint8))


def data_set(data: Path, name: str, entries: list[dict[str, object]], label: str = "") -> None:
    folder = data / name
    (folder / "labels").mkdir(parents=True)
    for entry in entries:
        stem = Path(str(entry["file"])).stem
        picture_file(folder / "images" / str(entry["file"]))
        (folder / "labels" / f"{stem}.txt").write_text(label, encoding="utf-8")
        if name.startswith("flood"):
            mask = np.zeros((30, 40), np.uint8)
            mask[:10] = 255
            (folder / "masks").mkdir(exist_ok=True)
            cv2.imwrite(str(folder / "masks" / f"{stem}.png"), mask)
    (folder / "manifest.json").write_text(json.dumps(entries), encoding="utf-8")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    street = [{"file": f"garb_{i}.jpg", "near_dup_group": i // 2, "augmented_copy": i < 4} for i in range(40)]
    data_set(folder, "street_garbage_cn", street, "8 0.5 0.5 0.2 0.2\n")
    data_set(
        folder, "aerial_maritime_lake", [{"file": f"lake_DJI_{200 + i}.jpg"} for i in range(50)], "5 0.5 0.5 1 1\n"
    )
    data_set(folder, "flood_area_kaggle", [{"file": f"flood_{i}.jpg", "near_dup_group": i} for i in range(30)])
    return folder


def test_boxes_and_masks_of_all_sources_become_two_sets(data: Path, tmp_path: Path) -> None:
    counts = prepare(data, tmp_path / "set")
    assert sum(n for key, n in counts.items() if key.startswith("objects/")) == 90
    assert counts["water/train/flood_area_kaggle"] + counts["water/val/flood_area_kaggle"] < 30
    assert sum(n for key, n in counts.items() if key.startswith("water/") and "flood" in key) == 30
    names = yaml.safe_load((tmp_path / "set" / "objects" / "data.yaml").read_text())["names"]
    assert tuple(names.values()) == OBJECT_LABELS


def test_labels_keep_their_meaning_in_the_order_of_the_model(data: Path, tmp_path: Path) -> None:
    prepare(data, tmp_path / "set")
    objects = tmp_path / "set" / "objects"
    meant = {"street_garbage_cn": "overflowing_bin", "aerial_maritime_lake": "vehicle"}
    for entry in read_manifest(objects):
        (box,) = read_labels(objects / "labels" / entry.split / f"{Path(entry.name).stem}.txt", OBJECT_LABELS)
        assert box.label == meant[entry.source]
        assert (objects / "images" / entry.split / entry.name).is_file()


def test_what_nobody_looked_for_is_noted_for_each_picture(data: Path, tmp_path: Path) -> None:
    prepare(data, tmp_path / "set")
    looked_for = {e.source: e.labelled for e in read_manifest(tmp_path / "set" / "objects")}
    assert "person" not in looked_for["street_garbage_cn"] | looked_for["aerial_maritime_lake"]
    assert "vehicle" not in looked_for["street_garbage_cn"]


def test_water_masks_hold_zero_and_one(data: Path, tmp_path: Path) -> None:
    prepare(data, tmp_path / "set")
    masks = list((tmp_path / "set" / "water" / "masks").rglob("flood*.png"))
    first = cv2.imread(str(masks[0]), cv2.IMREAD_UNCHANGED)
    assert len(masks) == 30
    assert first is not None
    assert first[:10].min() == 1
    assert first[10:].max() == 0


def test_some_street_pictures_are_dry_ground_for_the_water_model(data: Path, tmp_path: Path) -> None:
    prepare(data, tmp_path / "set")
    dry = list((tmp_path / "set" / "water" / "masks").rglob("garb*.png"))
    assert 5 < len(dry) < 25
    assert all(cv2.imread(str(path), cv2.IMREAD_UNCHANGED).max() == 0 for path in dry)  # type: ignore[union-attr]


def test_preparing_again_gives_the_same_parts(data: Path, tmp_path: Path) -> None:
    prepare(data, tmp_path / "set")
    before = read_manifest(tmp_path / "set" / "objects")
    prepare(data, tmp_path / "set")
    assert read_manifest(tmp_path / "set" / "objects") == before


def test_composed_pictures_join_both_sets_if_they_have_a_mask(data: Path, tmp_path: Path) -> None:
    composed = tmp_path / "composed"
    for name in ("syn_0", "syn_1"):
        picture_file(composed / "images" / f"{name}.jpg")
    (composed / "labels").mkdir()
    (composed / "labels" / "syn_0.txt").write_text("3 0.5 0.5 0.1 0.1\n0 0.2 0.2 0.1 0.1\n")
    (composed / "masks").mkdir()
    cv2.imwrite(str(composed / "masks" / "syn_0.png"), np.ones((30, 40), np.uint8))
    counts = prepare(data, tmp_path / "set", [composed])
    assert sum(n for key, n in counts.items() if key.startswith("objects/") and key.endswith("synthetic")) == 2
    assert sum(n for key, n in counts.items() if key.startswith("water/") and key.endswith("synthetic")) == 1
    first = next(synthetic_pictures(composed))
    assert [box.label for box in first.boxes] == ["fishing_gear", "standing_water"]


def test_a_folder_without_the_data_is_named_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", "--data", str(tmp_path), "--out", str(tmp_path / "set")]) == 2
    assert "manifest.json: is missing; give the folder" in capsys.readouterr().err


def test_an_empty_folder_of_composed_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSourceError, match="holds no picture"):
        next(synthetic_pictures(tmp_path))


def box(label: str, left: float, right: float) -> RelativeBox:
    return RelativeBox(label=label, left=left, top=0.0, right=right, bottom=1.0)


def test_guesses_are_added_only_for_what_nobody_looked_for_and_only_once() -> None:
    given = [box("boat", 0.0, 0.3)]
    guesses = [box("vehicle", 0.4, 0.6), box("vehicle", 0.41, 0.6), box("boat", 0.7, 0.9), box("person", 0.0, 0.3)]
    added = boxes_to_add(given, guesses, frozenset({"boat"}))
    assert added == [guesses[0], guesses[3]]


def test_a_window_keeps_what_mostly_lies_in_it_and_cuts_it_at_the_edge() -> None:
    half_in = RelativeBox(label="waste", left=0.4, top=0.4, right=0.6, bottom=0.6)
    barely_in = RelativeBox(label="boat", left=0.0, top=0.0, right=0.55, bottom=0.55)
    (kept,) = boxes_in_window([half_in, barely_in], (200, 200), 100, 80, 100)
    assert kept.label == "waste"
    assert (kept.left, kept.top, kept.right, kept.bottom) == pytest.approx((0.0, 0.0, 0.2, 0.4))


def test_the_first_window_shows_a_thing_and_all_lie_in_the_picture() -> None:
    thing = RelativeBox(label="waste", left=0.9, top=0.9, right=0.95, bottom=0.95)
    for name in ("a", "b", "c", "d"):
        corners = list(window_corners(name, [thing], (640, 480), 416, 3))
        assert all(0 <= left <= 224 and 0 <= top <= 64 for left, top in corners)
        left, top = corners[0]
        assert [b.label for b in boxes_in_window([thing], (640, 480), left, top, 416)] == ["waste"]


def test_windows_are_cut_from_above_only_and_never_from_the_test_part(data: Path, tmp_path: Path) -> None:
    prepare(data, tmp_path / "set")
    objects = tmp_path / "set" / "objects"
    counts = cut_windows(objects, tmp_path / "windows", 16)
    given = [e for e in read_manifest(objects) if e.split != "test"]
    lake = [e for e in given if e.source == "aerial_maritime_lake"]
    images = list((tmp_path / "windows" / "images").rglob("*.jpg"))
    assert len(images) == sum(counts.values()) == len(given) + len(lake) * (2 - 1)
    assert not any(key.startswith("test") for key in counts)
    window = cv2.imread(str(next(p for p in images if "_w0" in p.name)))
    assert window is not None
    assert window.shape == (16, 16, 3)


def test_remembered_guesses_are_added_without_the_weights_being_run(data: Path, tmp_path: Path) -> None:
    prepare(data, tmp_path / "set")
    objects = tmp_path / "set" / "objects"
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"never loaded")
    person = {"label": "person", "left": 0.1, "top": 0.1, "right": 0.2, "bottom": 0.3}
    guesses = {e.name: [person] if e.source == "street_garbage_cn" else [] for e in read_manifest(objects)}
    notes = {"weights": sha256_of(weights), "min_confidence": 0.35, "guesses": guesses}
    (tmp_path / "set" / "pseudo_labels.json").write_text(json.dumps(notes), encoding="utf-8")

    added = add_pseudo_labels(objects, weights)

    street = [e for e in read_manifest(objects) if e.source == "street_garbage_cn"]
    assert added == {"person": sum(e.split != "test" for e in street)}
    for entry in street:
        labels = read_labels(objects / "labels" / entry.split / f"{Path(entry.name).stem}.txt", OBJECT_LABELS)
        assert [box.label for box in labels] == ["overflowing_bin"] + ["person"] * (entry.split != "test")


def test_a_measuring_picture_with_a_look_that_trains_elsewhere_is_left_out(tmp_path: Path) -> None:
    looks = {"one": ("train", "a"), "two": ("val", "b"), "three": ("val", "c")}
    for folder, trained in (("old", "b"), ("new", "d")):
        rows = {f"{name}.jpg": {"part": part, "sprites": [look]} for name, (part, look) in looks.items()}
        rows["one.jpg"]["sprites"] = [trained]
        for name in looks:
            picture_file(tmp_path / folder / "images" / f"{name}.jpg")
        (tmp_path / folder / "split.json").write_text(json.dumps({"pictures": rows}), encoding="utf-8")
    pictures = list(synthetic_pictures(tmp_path / "old", tmp_path / "new"))
    assert {p.name for p in pictures if p.may_train} == {"old_one.jpg", "new_one.jpg"}
    assert {p.name for p in pictures if not p.may_train} == {"old_three.jpg", "new_three.jpg"}
