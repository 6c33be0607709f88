from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import typer
import yaml
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from flyonce.cli.convert import convert
from flyonce.cli.evaluate import evaluate
from flyonce.cli.train import train
from vision.training.cards import sha256_of

SAMPLES = Path(__file__).parents[2] / "datasets" / "samples"
SIDE = 64


def run(function, *arguments: object):
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(function)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def always_the_same_box(folder: Path, confidence: float = 0.8) -> Path:
    """A model that finds a boat at (16, 16, 48, 48), whatever it sees."""
    row = np.array([[[16, 16, 48, 48, confidence, 0]]], np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "none"], ["nil"]),
        helper.make_node("Add", ["row", "nil"], ["output0"]),
    ]
    graph = helper.make_graph(
        nodes,
        "same",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 1, 6])],
        [numpy_helper.from_array(row, "row"), numpy_helper.from_array(np.float32(0), "none")],
    )
    folder.mkdir(parents=True)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "model.onnx"
    )
    card = {
        "name": folder.name,
        "task": "detect",
        "classes": ["boat"],
        "input_px": [SIDE, SIDE],
        "sha256": sha256_of(folder / "model.onnx"),
        "end_to_end": True,
        "thresholds": {"boat": 0.5},
    }
    (folder / "card.yaml").write_text(yaml.safe_dump(card))
    return folder


def boats(folder: Path, parts: tuple[str, ...] = ("val", "test"), card: dict[str, object] | None = None) -> Path:
    """Two pictures per part: one with a boat where the model sees it, one without."""
    for part in parts:
        for kind in ("images", "labels"):
            (folder / kind / part).mkdir(parents=True)
        for i, line in enumerate(("0 0.5 0.5 0.5 0.5\n", "")):
            image = np.full((SIDE, SIDE, 3), 40 + 90 * i + len(part), np.uint8)
            cv2.imwrite(str(folder / "images" / part / f"{i}.png"), image)
            (folder / "labels" / part / f"{i}.txt").write_text(line)
    table = {**{part: f"images/{part}" for part in parts}, "names": ["boat"]}
    (folder / "data.yaml").write_text(yaml.safe_dump(table))
    about = {"name": "bay", "labelled": ["boat"], "viewpoint": "oblique"} if card is None else card
    (folder / "card.yaml").write_text(yaml.safe_dump(about))
    return folder


def test_evaluate_prints_one_object_and_leaves_report_curves_and_table(tmp_path: Path) -> None:
    model, out = always_the_same_box(tmp_path / "models" / "m"), tmp_path / "out"
    done = run(evaluate, boats(tmp_path / "set"), "--models", model.parent, "--out", out, "--json")
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    boat = result["objects"]["labels"]["boat"]
    assert (boat["truths"], boat["precision"], boat["recall"], boat["false_alarms"]) == (1, 0.5, 1.0, 1)
    assert result["measured_on"] == "real"
    assert result["data_set"]["parts"] == ["test"]
    assert list(result["objects"]["by_viewpoint"]) == ["oblique"]
    assert result["objects"]["by_size"]["medium"]["labels"]["boat"]["truths"] == 1
    assert result["objects"]["confusion"] == {"labels": ["boat", "nothing"], "counts": [[1, 0], [1, 0]]}
    for path in result["pictures"].values():
        picture = cv2.imread(path)
        assert picture is not None
        assert min(picture.shape[:2]) > 150
        assert picture.std() > 5
    assert json.loads((out / "report.json").read_text())["objects"]["map50"] == result["objects"]["map50"]


def test_evaluate_says_the_same_in_words(tmp_path: Path) -> None:
    model = always_the_same_box(tmp_path / "m")
    done = run(evaluate, boats(tmp_path / "set"), "--models", model, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "real pictures: 2" in done.stdout
    assert "boat" in done.stdout


def test_thresholds_are_chosen_on_val_and_never_on_test(tmp_path: Path) -> None:
    model, place = always_the_same_box(tmp_path / "m"), boats(tmp_path / "set")
    refused = run(evaluate, place, "--models", model, "--out", tmp_path / "a", "--split", "test", "--choose-thresholds")
    assert refused.exit_code == 2
    assert "may be chosen on the part val alone" in refused.stderr
    assert yaml.safe_load((model / "card.yaml").read_text())["thresholds"] == {"boat": 0.5}
    done = run(evaluate, place, "--models", model, "--out", tmp_path / "b", "--choose-thresholds", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["data_set"]["parts"] == ["val"]
    card = yaml.safe_load((model / "card.yaml").read_text())
    assert card["thresholds"] == {"boat": 0.8}
    assert card["thresholds_chosen"]["part"] == "val"


def test_figures_go_into_the_card_when_asked_for(tmp_path: Path) -> None:
    model = always_the_same_box(tmp_path / "m")
    done = run(evaluate, boats(tmp_path / "set"), "--models", model, "--out", tmp_path / "o", "--write-card")
    assert done.exit_code == 0, done.output
    metrics = yaml.safe_load((model / "card.yaml").read_text())["metrics"]
    assert metrics["test"]["real"]["labels"]["boat"]["recall"] == 1.0
    assert metrics["test"]["rendered"] is None


def test_classes_are_renamed_and_what_nobody_looked_for_is_refused(tmp_path: Path) -> None:
    model, place = always_the_same_box(tmp_path / "m"), boats(tmp_path / "set")
    (place / "data.yaml").write_text("test: images/test\nnames: [ship]\n")
    (place / "card.yaml").unlink()
    refused = run(evaluate, place, "--models", model, "--out", tmp_path / "a")
    assert refused.exit_code == 2
    assert "looked for: ship; models answer: boat" in refused.stderr.replace("\n", " ")
    done = run(evaluate, place, "--models", model, "--out", tmp_path / "b", "--rename", "ship=boat", "--json")
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result["objects"]["labels"]["boat"]["recall"] == 1.0
    assert "no card" in result["data_set"]["notes"][0]


def test_a_damaged_picture_is_named_and_the_exit_code_tells(tmp_path: Path) -> None:
    model, place = always_the_same_box(tmp_path / "m"), boats(tmp_path / "set")
    (place / "images" / "test" / "1.png").write_bytes(b"broken")
    done = run(evaluate, place, "--models", model, "--out", tmp_path / "out", "--json")
    assert done.exit_code == 2
    result = json.loads(done.stdout)
    assert "1.png" in result["problems"][0]
    assert result["objects"]["pictures"] == 1


@pytest.mark.parametrize(("place", "words"), [("nowhere", "no such data set"), ("", "no data.yaml is there")])
def test_evaluate_of_no_data_set_is_one_clear_line(place: str, words: str, tmp_path: Path) -> None:
    done = run(evaluate, tmp_path / place, "--models", always_the_same_box(tmp_path / "m"), "--out", tmp_path / "o")
    assert done.exit_code == 2
    assert words in done.stderr


def test_convert_prints_what_it_wrote_and_how_many_problems(tmp_path: Path) -> None:
    done = run(convert, "visdrone", SAMPLES / "visdrone", "--out", tmp_path / "out", "--json")
    assert done.exit_code == 2
    result = json.loads(done.stdout)
    assert result["pictures"] == {"train": 2, "val": 1}
    assert sum(result["problems"].values()) == len(Path(result["problems_file"]).read_text().splitlines()) == 6
    assert "6 problems" in done.stderr


def test_convert_maps_classes_and_refuses_labels_that_we_do_not_have(tmp_path: Path) -> None:
    wrong = run(convert, "yolo", SAMPLES / "yolo", "--out", tmp_path / "a", "--map", "garbage=trash")
    assert wrong.exit_code == 2
    assert "trash is no label of this product" in wrong.stderr.replace("\n", " ")
    nothing = run(convert, "yolo", SAMPLES / "yolo", "--out", tmp_path / "b", "--map", "person=")
    assert "none of its classes is mapped" in nothing.stderr.replace("\n", " ")
    done = run(convert, "yolo", SAMPLES / "yolo", "--out", tmp_path / "c", "--map", "garbage=waste")
    assert "2 waste" in done.stdout


def test_a_converted_set_can_be_evaluated_as_it_is(tmp_path: Path) -> None:
    run(convert, "seadronessee", SAMPLES / "seadronessee", "--out", tmp_path / "sea")
    model = always_the_same_box(tmp_path / "m")
    done = run(evaluate, tmp_path / "sea", "--models", model, "--out", tmp_path / "out", "--json")
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    # of the three pictures one is in val, which is measured where there is no test part
    assert result["objects"]["labels"]["boat"]["truths"] == 2
    assert list(result["objects"]["labels"]) == ["boat"]


def test_training_without_the_extra_says_what_to_install(tmp_path: Path) -> None:
    place = boats(tmp_path / "set", ("train", "val"))
    (tmp_path / "w.pt").write_bytes(b"weights")
    code = (
        "import sys; sys.modules.update(torch=None, ultralytics=None, torchvision=None)\n"
        "import typer; from flyonce.cli.train import train; app = typer.Typer(pretty_exceptions_enable=False)\n"
        "app.command()(train); app()"
    )
    options = ["--model", "objects", "--weights", "w.pt", "--out", "run", "--epochs", "1"]
    done = subprocess.run(
        [sys.executable, "-c", code, str(place), *options], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "pip install 'flyonce[train]'" in done.stderr
    assert not (tmp_path / "run").exists(), "once it is installed the same command must do"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "give --model, --weights, --out, --epochs"),
        (["--model", "fish", "--weights", "w.pt", "--out", "r", "--epochs", "1"], "give objects or water"),
        (["--model", "objects", "--weights", "gone.pt", "--out", "r", "--epochs", "1"], "no file of weights"),
        (
            ["--model", "objects", "--weights", "w.pt", "--out", "r", "--epochs", "1", "--input-px", "100"],
            "multiple of 32",
        ),
        (["--model", "water", "--weights", "w.pt", "--out", "r", "--epochs", "1"], "has no part train"),
        (["--resume"], "holds no run"),
    ],
)
def test_a_training_that_cannot_begin_says_why(options, words: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.pt").write_bytes(b"weights")
    done = run(train, boats(tmp_path / "set", ("train", "val")), *options)
    assert done.exit_code == 2
    assert words in done.stderr.replace("\n", " ")


def test_what_nobody_looked_for_is_not_trained_as_background(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.pt").write_bytes(b"weights")
    place = boats(tmp_path / "set", ("train", "val"))
    (place / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [boat, waste]\n")
    done = run(train, place, "--model", "objects", "--weights", "w.pt", "--out", "r", "--epochs", "1")
    assert done.exit_code == 2
    assert "nobody looked for waste" in done.stderr.replace("\n", " ")
    assert not (tmp_path / "r").exists()


def test_settings_come_from_a_yaml_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    boats(tmp_path / "set", ("train", "val"))
    settings = {"data": "set", "model": "objects", "weights": "gone.pt", "out": "run", "epochs": 2}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(settings))
    assert "gone.pt: is no file of weights" in run(train, tmp_path / "run.yaml").stderr.replace("\n", " ")
    (tmp_path / "run.yaml").write_text(yaml.safe_dump({**settings, "epoch": 2}))
    assert "unknown settings epoch" in run(train, tmp_path / "run.yaml").stderr
