from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from onnx_graphs import RED_BGR, picture, redness_map, write_model

import vision.training.quantize as quantizing
from vision.model_card import read_card, read_model
from vision.training.cards import card_of_run
from vision.training.dataset import read_data_set
from vision.training.errors import BadSourceError, ResumeError
from vision.training.quantize import quantize_model
from vision.training.runs import Plan, finish, held_out_pictures, plan_of_run, prepare_run
from vision.training.saved import forget, keep, restore
from vision.training.train import Recipe, note_run, run_facts

SIDE = 64


def pond(folder: Path, count: int = 6) -> Path:
    """Pictures with a red square that is the water, in train and val."""
    for part in ("train", "val"):
        for kind in ("images", "masks"):
            (folder / kind / part).mkdir(parents=True)
        for i in range(count):
            image, mask = picture(SIDE, SIDE), np.zeros((SIDE, SIDE), np.uint8)
            image[8 : 40 + i, 8:48], mask[8 : 40 + i, 8:48] = RED_BGR, 1
            cv2.imwrite(str(folder / "images" / part / f"{i}.png"), image)
            cv2.imwrite(str(folder / "masks" / part / f"{i}.png"), mask)
    table = {"train": "images/train", "val": "images/val", "names": ["standing_water"], "masks_dir": "masks"}
    (folder / "data.yaml").write_text(yaml.safe_dump(table))
    (folder / "card.yaml").write_text(yaml.safe_dump({"name": "pond", "labelled": ["standing_water"]}))
    return folder


def begun(tmp_path: Path) -> Plan:
    (tmp_path / "w.pt").write_bytes(b"weights")
    return prepare_run(
        pond(tmp_path / "set"), model="water", weights=tmp_path / "w.pt", out=tmp_path / "run", recipe=Recipe(epochs=3)
    )


def test_a_run_writes_down_its_pictures_and_can_be_read_again(tmp_path: Path) -> None:
    plan = begun(tmp_path)
    table = yaml.safe_load((plan.data / "data.yaml").read_text())
    assert (table["names"], table["masks_dir"]) == ({0: "standing_water"}, "masks")
    listed = (plan.data / "train.txt").read_text().splitlines()
    assert len(listed) == 6
    assert all(Path(line).is_absolute() and Path(line).is_file() for line in listed)
    _note_begin(plan)
    assert len(held_out_pictures(plan.out, 4)) == 4
    again = plan_of_run(plan.out)
    assert (again.model, again.data, again.recipe) == ("water", plan.data.resolve(), plan.recipe)


def _note_begin(plan: Plan) -> None:
    """Note what training notes when it begins."""
    note_run(
        plan.out,
        model=plan.model,
        data=str(plan.data.resolve()),
        weights="w.pt",
        recipe={"epochs": plan.recipe.epochs},
        finished=False,
    )


def test_what_a_run_notes_is_added_to_what_it_knows(tmp_path: Path) -> None:
    note_run(tmp_path, model="water", finished=False)
    note_run(tmp_path, finished=True)
    assert run_facts(tmp_path) == {"model": "water", "finished": True}
    with pytest.raises(ResumeError, match="holds no run"):
        run_facts(tmp_path / "nothing")


def test_a_folder_with_a_run_is_not_trained_into_again(tmp_path: Path) -> None:
    plan = begun(tmp_path)
    with pytest.raises(BadSourceError, match="holds a run already"):
        prepare_run(tmp_path / "set", model="water", weights=tmp_path / "w.pt", out=plan.out, recipe=Recipe(epochs=3))


def test_pictures_in_which_nobody_looked_do_not_train(tmp_path: Path) -> None:
    place = pond(tmp_path / "set")
    (place / "manifest.json").write_text('[{"name": "0.png", "labelled": []}]')
    (tmp_path / "w.pt").write_bytes(b"weights")
    plan = prepare_run(place, model="water", weights=tmp_path / "w.pt", out=tmp_path / "run", recipe=Recipe(epochs=1))
    assert "0.png" not in (plan.data / "train.txt").read_text()
    assert run_facts(plan.out)["pictures"] == {"train/pond": 5, "val/pond": 5}


def test_the_best_epoch_of_the_log_is_told(tmp_path: Path) -> None:
    plan = begun(tmp_path)
    (plan.out / "weights").mkdir()
    (plan.out / "weights" / "best.pt").write_bytes(b"best")
    (plan.out / "results.csv").write_text("epoch, metrics/mIoU\n1, 0.4\n2, 0.7\n3, 0.6\n")
    told = finish(plan)
    assert (told["epochs"], told["best"], told["seed"]) == (3, {"epoch": 2.0, "metrics/mIoU": 0.7}, 7)


def test_the_card_of_a_run_is_what_the_run_time_reads_and_claims_nothing(tmp_path: Path) -> None:
    plan = begun(tmp_path)
    _note_begin(plan)
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"network")
    made = card_of_run(run_facts(plan.out), folder, input_px=320, difference=1e-5)
    (folder / "card.yaml").write_text(yaml.safe_dump(made))
    card = read_card(folder)
    assert (card.name, card.task, card.labels, card.input_px) == ("mine", "semantic", ("standing_water",), (320, 320))
    assert made["metrics"] == {"not_measured_yet": True}
    assert made["training_data"][0]["pictures"] == 6


def water_model(folder: Path) -> Path:
    return write_model(folder, redness_map(stride=1), task="semantic", classes=["standing_water"])


def test_eight_bits_are_kept_where_they_cost_nothing(tmp_path: Path) -> None:
    place, folder = pond(tmp_path / "set"), water_model(tmp_path / "m")
    before = (folder / "model.onnx").read_bytes()
    loss = quantize_model(folder, read_data_set(place, part="train"), read_data_set(place, part="val"))
    assert loss.measure == "iou"
    assert loss.before > 0.9
    assert loss.bearable
    card, data = read_model(folder)  # checks the SHA-256 in the card
    assert data != before
    assert b"QuantizeLinear" in data
    assert yaml.safe_load((folder / "card.yaml").read_text())["int8"]["measure"] == "iou"
    assert card.labels == ("standing_water",)


def test_eight_bits_that_cost_too_much_leave_the_model_as_it_was(tmp_path: Path, monkeypatch) -> None:
    place, folder = pond(tmp_path / "set"), water_model(tmp_path / "m")
    kept = shutil.copytree(folder, tmp_path / "kept")
    monkeypatch.setattr(quantizing, "MOST_LOSS", -100.0)  # no model is as good as that
    loss = quantize_model(folder, read_data_set(place, part="train"), read_data_set(place, part="val"))
    assert not loss.bearable
    for name in ("model.onnx", "card.yaml"):
        assert (folder / name).read_bytes() == (kept / name).read_bytes()


def half_written(run: Path, epoch: int) -> None:
    """As a trainer leaves it that is killed in the middle of an epoch's last words."""
    (run / "weights").mkdir(parents=True, exist_ok=True)
    (run / "weights" / "last.pt").write_bytes(b"hal")
    (run / "results.csv").write_text("epoch\n" + "".join(f"{i + 1}\n" for i in range(epoch)))


def test_a_run_goes_on_from_the_last_epoch_that_was_kept_whole(tmp_path: Path) -> None:
    half_written(tmp_path, 1)
    assert restore(tmp_path) is None
    for epoch in (1, 2):
        half_written(tmp_path, epoch)
        (tmp_path / "weights" / "last.pt").write_bytes(b"epoch %d" % epoch)
        keep(tmp_path, epoch)
    half_written(tmp_path, 3)
    (tmp_path / "kept" / ".000003.partial").mkdir()
    assert restore(tmp_path) == tmp_path / "weights" / "last.pt"
    assert (tmp_path / "weights" / "last.pt").read_bytes() == b"epoch 2"
    assert (tmp_path / "results.csv").read_text() == "epoch\n1\n2\n"
    forget(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.csv", "weights"]
