"""Mixtures to train on, and the teacher's part in them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from vision.training.blend import blended
from vision.training.dataset import read_data_set
from vision.training.errors import BadSourceError
from vision.training.kept_knowledge import read_judged, teacher_columns, write_judged
from vision.training.labels import OBJECT_LABELS, read_labels
from vision.training.mixture import Ingredients, read_picture
from vision.training.mixture_objects import NOT_IN_STREETS, NOT_ON_DRY_GROUND, mix_objects
from vision.training.mixture_water import mix_water
from vision.training.prepare import Entry, write_manifest
from vision.training.runs import prepare_run
from vision.training.sources import FLOOD, LAKE, STREET
from vision.training.splits import Split
from vision.training.train import Recipe

Pictures = list[tuple[str, Split, str, frozenset[str], str]]

STREET_LABELS = frozenset({"waste", "waste_bin", "overflowing_bin"})
WATER_ONLY = frozenset({"standing_water"})


def _picture(path: Path, size_wh: tuple[int, int], value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((size_wh[1], size_wh[0], 3), value, np.uint8))


def _prepared(folder: Path) -> Path:
    boxes: Pictures = [
        ("garb_1.jpg", "train", STREET, STREET_LABELS, "0 0.5 0.5 0.2 0.2\n"),
        ("garb_2.jpg", "test", STREET, STREET_LABELS, "0 0.5 0.5 0.2 0.2\n"),
        ("garb_3.jpg", "val", STREET, STREET_LABELS, ""),
        ("lake_DJI_0001.jpg", "train", LAKE, frozenset(OBJECT_LABELS) - {"person"}, "3 0.25 0.25 0.1 0.1\n"),
    ]
    for name, part, _, _, labels in boxes:
        _picture(folder / "objects" / "images" / part / name, (320, 240), 100)
        file = folder / "objects" / "labels_given" / part / Path(name).with_suffix(".txt")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(labels)
    write_manifest(
        folder / "objects",
        [Entry(name=n, split=part, source=source, group=n, labelled=looked) for n, part, source, looked, _ in boxes],
    )
    for name, part, value in (("flood_1.jpg", "train", 1), ("flood_2.jpg", "val", 1)):
        _picture(folder / "water" / "images" / part / name, (1000, 500), 90)
        mask = folder / "water" / "masks" / part / Path(name).with_suffix(".png")
        mask.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(mask), np.full((500, 1000), value, np.uint8))
    write_manifest(
        folder / "water",
        [
            Entry(name="flood_1.jpg", split="train", source=FLOOD, group="a", labelled=WATER_ONLY),
            Entry(name="flood_2.jpg", split="val", source=FLOOD, group="b", labelled=WATER_ONLY),
        ],
    )
    return folder


def _flight(folder: Path) -> Path:
    for i in range(10):
        _picture(folder / "images" / f"IMG_{i:02d}.jpg", (900, 700), 10 * i)
    return folder / "images"


def _scenes(folder: Path) -> Path:
    for part, number in (("train", 0), ("train", 1), ("val", 2)):
        stem = f"scene_{part}_{number:05d}"
        _picture(folder / part / "images" / f"{stem}.jpg", (640, 640), 50)
        for kind in ("labels", "masks", "meta"):
            (folder / part / kind).mkdir(parents=True, exist_ok=True)
        (folder / part / "labels" / f"{stem}.txt").write_text(
            "0 0.1 0.1 0.2 0.1 0.2 0.2\n3 0.5 0.5 0.1 0.1\n"  # a puddle and, by the common ids, fishing gear
        )
        mask = np.zeros((640, 640), np.uint8)
        mask[:64] = 255
        cv2.imwrite(str(folder / part / "masks" / f"{stem}.png"), mask)
        if number != 1:  # the second one is still being rendered
            (folder / part / "meta" / f"{stem}.json").write_text("{}")
    return folder


@pytest.fixture
def things(tmp_path: Path) -> Ingredients:
    """A tiny prepared set, a dry flight of ten photos and two finished scenes."""
    return Ingredients(
        prepared=_prepared(tmp_path / "set"), flights=[_flight(tmp_path / "dry")], scenes=_scenes(tmp_path / "scenes")
    )


def test_a_mixture_holds_no_test_picture_and_the_first_part_of_a_flight(things: Ingredients, tmp_path: Path) -> None:
    counts = mix_objects(things, tmp_path / "mix")

    names = {path.name for path in (tmp_path / "mix" / "images").rglob("*.jpg")}
    assert "garb_2.jpg" not in names
    assert counts["train/dry"] == 7 * 3  # seven of ten photos, whole and two windows each
    assert not any("IMG_07" in name for name in names)
    assert counts["train/scenes"] == 1
    assert sum(counts.values()) == len(names)


def test_the_manifest_says_for_which_classes_labels_are_complete(things: Ingredients, tmp_path: Path) -> None:
    mix_objects(things, tmp_path / "mix")

    labelled = {sample.path.name: sample.labelled for sample in read_data_set(tmp_path / "mix").samples}
    assert labelled["garb_1.jpg"] == STREET_LABELS | NOT_IN_STREETS
    assert labelled["flood_1.jpg"] == frozenset()
    assert labelled["dry_dry_IMG_00_whole.jpg"] == NOT_ON_DRY_GROUND
    assert labelled["scene_train_00000.jpg"] == frozenset(OBJECT_LABELS)
    viewpoints = {sample.path.name: sample.viewpoint for sample in read_data_set(tmp_path / "mix").samples}
    assert viewpoints["scene_val_00002.jpg"] == "rendered"


def test_scenes_change_their_class_ids_and_lose_their_puddles(things: Ingredients, tmp_path: Path) -> None:
    mix_objects(things, tmp_path / "mix")

    boxes = read_labels(tmp_path / "mix" / "labels" / "train" / "scene_train_00000.txt", OBJECT_LABELS)
    assert [box.label for box in boxes] == ["fishing_gear"]


def test_far_streets_keep_their_boxes_on_the_canvas(things: Ingredients, tmp_path: Path) -> None:
    mix_objects(things, tmp_path / "mix")

    boxes = read_labels(tmp_path / "mix" / "labels" / "train" / "streets_far_0000.txt", OBJECT_LABELS)
    assert len(boxes) in {4, 9, 16}
    assert {box.label for box in boxes} == {"waste"}
    grid = round(len(boxes) ** 0.5)
    assert boxes[0].left == pytest.approx(0.4 / grid, abs=0.01)  # the box lies in the middle, so a flip moves nothing


def test_water_mixtures_take_floods_whole_and_close_and_dry_ground_as_dry(things: Ingredients, tmp_path: Path) -> None:
    counts = mix_water(things, tmp_path / "mix")

    assert counts[f"train/{FLOOD}"] == 2
    whole = read_picture(tmp_path / "mix" / "images" / "train" / "flood_1.jpg")
    assert whole.shape == (320, 640, 3)
    files = (tmp_path / "mix" / "masks" / "train").glob("*.png")
    masks = {path.stem: read_picture(path, cv2.IMREAD_GRAYSCALE) for path in files}
    assert masks["flood_1"].all()
    assert masks["flood_1_close"].all()
    assert not any(masks[name].any() for name in masks if name.startswith("dry_"))
    assert masks["scene_train_00000"].mean() == pytest.approx(0.1)


def test_the_same_round_draws_the_same_pictures_and_another_one_others(things: Ingredients) -> None:
    again = Ingredients(prepared=things.prepared)
    other = Ingredients(prepared=things.prepared, round="2")

    assert things.draw("a picture") == again.draw("a picture") != other.draw("a picture")


def test_a_mixture_of_a_stated_size_holds_the_stated_share_of_scenes(things: Ingredients, tmp_path: Path) -> None:
    sized = replace(things, pictures=10, scenes_share=0.1)

    for mix, second in ((mix_objects, "labels"), (mix_water, "masks")):
        out = tmp_path / second
        counts = mix(sized, out)

        assert sum(count for key, count in counts.items() if key.startswith("train/")) == 10
        assert counts["train/scenes"] == 1
        pictures = {path.stem for path in (out / "images" / "train").iterdir()}
        assert pictures == {path.stem for path in (out / second / "train").iterdir()}
        assert pictures == {Path(s.path).stem for s in read_data_set(out).samples if s.part == "train"}
        without = mix(replace(sized, scenes_share=0.0), out)
        assert sum(count for key, count in without.items() if key.startswith("train/")) == 10
        assert "train/scenes" not in without
        assert without["val/scenes"] == counts["val/scenes"]


def test_a_mixture_that_lacks_pictures_says_of_which_kind(things: Ingredients, tmp_path: Path) -> None:
    with pytest.raises(BadSourceError, match="has 1 rendered pictures to train on, 5 were asked for"):
        mix_water(replace(things, pictures=10, scenes_share=0.5), tmp_path / "mix")


def test_a_flight_without_readable_pictures_is_named(things: Ingredients, tmp_path: Path) -> None:
    (things.flights[0] / "IMG_00.jpg").write_bytes(b"no picture")

    with pytest.raises(BadSourceError, match=r"IMG_00\.jpg"):
        mix_water(things, tmp_path / "mix")


def test_a_run_with_a_teacher_notes_what_is_judged_and_shows_one_picture_at_a_time(
    things: Ingredients, tmp_path: Path
) -> None:
    mix_objects(things, tmp_path / "mix")
    weights = tmp_path / "coco.pt"
    weights.write_bytes(b"weights")

    plan = prepare_run(
        tmp_path / "mix", model="objects", weights=weights, out=tmp_path / "run", recipe=Recipe(epochs=1),
        teacher=weights,
    )  # fmt: skip

    judged = read_judged(plan.data)
    flood = str((tmp_path / "mix" / "images" / "train" / "flood_1.jpg").absolute())
    assert judged[flood] == frozenset()
    assert plan.recipe.mosaic == 0
    assert json.loads((tmp_path / "run" / "run.json").read_text())["teacher_sha256"]


def test_a_teacher_has_nothing_to_say_about_water(things: Ingredients, tmp_path: Path) -> None:
    weights = tmp_path / "coco.pt"
    weights.write_bytes(b"weights")

    with pytest.raises(BadSourceError, match="cannot teach where water is"):
        prepare_run(
            things.prepared, model="water", weights=weights, out=tmp_path / "run", recipe=Recipe(epochs=1),
            teacher=weights,
        )  # fmt: skip


def test_the_teacher_answers_for_people_vehicles_and_boats() -> None:
    coco = {0: "person", 1: "bicycle", 2: "car", 5: "bus", 7: "truck", 8: "boat"}

    assert teacher_columns(coco, OBJECT_LABELS) == {1: [0], 2: [2, 5, 7], 3: [8]}
    assert teacher_columns({0: "cat"}, OBJECT_LABELS) == {}
    assert teacher_columns(coco, ["waste", "boat"]) == {1: [8]}


def test_what_is_judged_survives_being_written(tmp_path: Path) -> None:
    write_judged(tmp_path, {"a.jpg": ["waste", "boat"], "b.jpg": []})

    assert read_judged(tmp_path) == {"a.jpg": frozenset({"boat", "waste"}), "b.jpg": frozenset()}
    with pytest.raises(BadSourceError, match=r"judged\.json"):
        read_judged(tmp_path / "elsewhere")


class _Weights:
    """Stands for a tensor where torch is not installed."""

    def __init__(self, values: list[Any], *, floating: bool = True) -> None:
        self.values = np.array(values, np.float64)
        self.dtype = type("Kind", (), {"is_floating_point": floating})
        self.shape = self.values.shape

    def clone(self) -> _Weights:
        return _Weights(self.values.tolist())

    def __getitem__(self, row: int) -> Any:
        return self.values[row]

    def __setitem__(self, row: int, value: Any) -> None:
        self.values[row] = value

    def __rmul__(self, share: float) -> np.ndarray[Any, Any]:
        return share * self.values


def test_blending_averages_what_both_know_and_keeps_what_only_we_know() -> None:
    ours = {
        "neck": _Weights([2.0, 4.0]),
        "rows": _Weights([[1.0], [3.0], [5.0]]),
        "steps": _Weights([7], floating=False),
    }
    theirs = {"neck": _Weights([0.0, 0.0]), "rows": _Weights([[9.0], [9.0], [9.0], [7.0]]), "steps": _Weights([1])}

    mixed = blended(ours, theirs, {1: 3}, 0.25)

    assert mixed["neck"].tolist() == [1.5, 3.0]
    assert mixed["rows"].values.tolist() == [[1.0], [4.0], [5.0]]
    assert mixed["steps"] is ours["steps"]
    with pytest.raises(ValueError, match="share"):
        blended(ours, theirs, {}, 1.5)
