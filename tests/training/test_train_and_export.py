"""`flyonce train`, killed and resumed, then `export` and `evaluate`, as a user runs them, on pictures made here."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

SIDE_PX = 96
EPOCHS = 8
WAIT_S = 200


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="module", autouse=True)
def _no_settings_of_others(here):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("YOLO_CONFIG_DIR", str(here / "settings"))
        yield


def ground(random: np.random.Generator) -> np.ndarray:
    return random.integers(90, 140, (SIDE_PX, SIDE_PX, 3), np.uint8)


@pytest.fixture(scope="module")
def heaps(here) -> Path:
    """Pictures with one bright square each, which is the waste."""
    random, folder = np.random.default_rng(5), here / "heaps"
    for part, count in (("train", 16), ("val", 6)):
        for kind in ("images", "labels"):
            (folder / kind / part).mkdir(parents=True)
        for i in range(count):
            image, (left, top) = ground(random), random.integers(4, 50, 2)
            image[top : top + 40, left : left + 40] = (40, 220, 240)
            cv2.imwrite(str(folder / "images" / part / f"{part}{i}.png"), image)
            line = [0, (left + 20) / SIDE_PX, (top + 20) / SIDE_PX, 40 / SIDE_PX, 40 / SIDE_PX]
            (folder / "labels" / part / f"{part}{i}.txt").write_text(" ".join(map(str, line)) + "\n")
    write_cards(folder, "waste")
    return folder


@pytest.fixture(scope="module")
def ponds(here) -> Path:
    """Pictures whose lower part is blue, which is the water."""
    random, folder = np.random.default_rng(6), here / "ponds"
    for part, count in (("train", 12), ("val", 4)):
        for kind in ("images", "masks"):
            (folder / kind / part).mkdir(parents=True)
        for i in range(count):
            image, mask, top = ground(random), np.zeros((SIDE_PX, SIDE_PX), np.uint8), random.integers(30, 70)
            image[top:], mask[top:] = (200, 80, 20), 1
            cv2.imwrite(str(folder / "images" / part / f"{part}{i}.png"), image)
            cv2.imwrite(str(folder / "masks" / part / f"{part}{i}.png"), mask)
    write_cards(folder, "standing_water", masks_dir="masks")
    return folder


def write_cards(folder: Path, label: str, **more: str) -> None:
    table = {"train": "images/train", "val": "images/val", "names": [label], **more}
    (folder / "data.yaml").write_text(yaml.safe_dump(table))
    (folder / "card.yaml").write_text(yaml.safe_dump({"name": folder.name, "labelled": [label], "viewpoint": "nadir"}))


def untrained(config: str, path: Path) -> Path:
    from vision.training.train import prepare_environment

    prepare_environment(1, quiet=True)
    from ultralytics import YOLO

    YOLO(config).save(str(path))
    return path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-c", "from flyonce.cli.main import run; run()", *map(str, arguments)]


def flyonce(*arguments: object, expect: int = 0) -> tuple[str, str]:
    done = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == expect, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    return done.stdout, done.stderr


def epochs_in(run: Path) -> list[dict[str, str]]:
    table = run / "results.csv"
    if not table.is_file():
        return []
    with table.open(newline="") as rows:
        return [{key.strip(): value for key, value in row.items()} for row in csv.DictReader(rows)]


def loss(row: dict[str, str]) -> float:
    return sum(float(value) for name, value in row.items() if name.startswith("train/"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--weights", "good.pt", "--teacher", "text.pt"], "text.pt: is no checkpoint that can be read"),
        (["--weights", "good.pt", "--device", "77"], "--device 77: is not on this machine"),
    ],
)
def test_a_training_that_cannot_begin_says_why_and_leaves_nothing(heaps, tmp_path, options, words):
    (tmp_path / "text.pt").write_text("no weights")
    untrained("yolo11n.yaml", tmp_path / "good.pt")
    command = [sys.executable, "-m", "flyonce", "train", str(heaps), "--model", "objects", "--out", "run"]
    done = subprocess.run(
        [*command, "--epochs", "1", "--input-px", "96", *options],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_detector_is_trained_killed_resumed_exported_and_measured(here, heaps):
    run, weights = here / "runs" / "heaps", untrained("yolo11n.yaml", here / "start.pt")
    begin = command(
        "train", heaps, "--model", "objects", "--weights", weights, "--out", run, "--epochs", EPOCHS,
        "--input-px", SIDE_PX, "--batch", 8, "--threads", 1, "--mosaic", 0,
    )  # fmt: skip
    with (here / "begun.log").open("wb") as log:
        process = subprocess.Popen(begin, stdout=log, stderr=log)
        until = time.monotonic() + WAIT_S
        while not list((run / "kept").glob("[0-9]*")) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    done = len(epochs_in(run))
    assert 0 < done < EPOCHS, (here / "begun.log").read_text()[-2000:]
    checkpoint = run / "weights" / "last.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])  # as if it had been killed while it wrote

    told, _ = flyonce("train", run, "--resume", "--json")
    assert json.loads(told)["epochs"] == EPOCHS
    rows = epochs_in(run)
    assert [int(row["epoch"]) for row in rows] == list(range(1, EPOCHS + 1))
    assert loss(rows[-1]) < 0.9 * loss(rows[0])
    assert not (run / "kept").exists()

    _, told = flyonce("train", run, "--resume", expect=2)
    assert "finished" in told
    model = here / "models" / "heaps"
    told, _ = flyonce("export", run, "--out", model, "--json")
    assert json.loads(told)["greatest_difference"] < 0.05
    told, _ = flyonce("evaluate", heaps, "--split", "val", "--models", model, "--json", "--out", here / "figures")
    assert "waste" in told
    card = yaml.safe_load((model / "card.yaml").read_text())
    assert card["metrics"] == {"not_measured_yet": True}


def test_a_water_model_learns_and_its_export_finds_the_water(here, ponds):
    run, weights = here / "runs" / "ponds", untrained("yolo26n-sem.yaml", here / "sem.pt")
    flyonce(
        "train", ponds, "--model", "water", "--weights", weights, "--out", run, "--epochs", 15,
        "--input-px", SIDE_PX, "--batch", 4, "--threads", 1, "--mosaic", 0, "--learning-rate", 0.003,
    )  # fmt: skip
    rows = epochs_in(run)
    assert loss(rows[-1]) < 0.7 * loss(rows[0])
    model = here / "models" / "ponds"
    flyonce("export", run, "--out", model)
    told, _ = flyonce("evaluate", ponds, "--split", "val", "--models", model, "--json", "--out", here / "wet")
    assert json.loads(told)["water"]["iou"] > 0.8


def test_a_water_model_trains_for_its_overlap_in_sixteen_bits(here, ponds):
    weights, run = untrained("yolo26n-sem.yaml", here / "dry.pt"), here / "runs" / "overlap"
    flyonce(
        "train", ponds, "--model", "water", "--weights", weights, "--out", run, "--epochs", 6, "--overlap", 1,
        "--bfloat16", "--input-px", SIDE_PX, "--batch", 4, "--threads", 1, "--mosaic", 0, "--learning-rate", 0.003,
    )  # fmt: skip
    rows = epochs_in(run)
    terms = [float(row["train/overlap_loss"]) for row in rows]
    assert terms[-1] < 0.8 * terms[0]
    assert float(rows[-1]["val/overlap_loss"]) > 0
    recipe = json.loads((run / "run.json").read_text())["recipe"]
    assert (recipe["overlap"], recipe["bfloat16"]) == (1.0, True)


@pytest.mark.parametrize("option", [["--overlap", "1"], ["--bfloat16"]])
def test_a_detector_is_not_trained_by_what_is_for_surfaces(here, heaps, tmp_path, option):
    weights = untrained("yolo11n.yaml", tmp_path / "start.pt")
    _, told = flyonce(
        "train", heaps, "--model", "objects", "--weights", weights, "--out", tmp_path / "run", "--epochs", 1, *option,
        expect=2,
    )  # fmt: skip
    assert "overlap and bfloat16 are for water alone" in " ".join(told.split())
    assert not (tmp_path / "run").exists()
