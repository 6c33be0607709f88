from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import typer
from onnx_graphs import RED_BGR, picture, red_box, redness_map, write_model
from typer.testing import CliRunner

from flyonce.cli.detect import detect


@pytest.fixture
def models(tmp_path):
    folder = tmp_path / "models"
    write_model(folder / "objects", red_box(input_wh=(160, 160)), input_px=[160, 160])
    write_model(
        folder / "water",
        redness_map(input_wh=(160, 160)),
        task="semantic",
        classes=["standing_water"],
        input_px=[160, 160],
    )
    return folder


@pytest.fixture
def photo(tmp_path):
    image = picture(300, 200)
    image[50:100, 60:140] = RED_BGR
    path = tmp_path / "水面 1.png"
    cv2.imencode(".png", image)[1].tofile(path)
    return path


def run(*words):
    app = typer.Typer()
    app.command()(detect)
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_answer_is_one_object_with_boxes_and_outlines(models, photo):
    outcome = run(photo, "--models", models, "--json")
    assert outcome.exit_code == 0
    (image,) = json.loads(outcome.stdout)["images"]
    assert (image["image"], image["width"], image["height"]) == (str(photo), 300, 200)
    by_label = {found["label"]: found for found in image["detections"]}
    assert set(by_label) == {"boat", "standing_water"}
    assert by_label["boat"]["box_xyxy_px"] == pytest.approx([60, 50, 140, 100], abs=3)
    assert by_label["boat"]["polygon_px"] is None
    assert len(by_label["standing_water"]["polygon_px"]) >= 4
    assert by_label["boat"]["confidence"] == pytest.approx(0.9)


def test_bad_files_are_named_and_the_good_ones_still_done(models, photo, tmp_path):
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    outcome = run(text, photo, tmp_path / "absent.jpg", "--models", models, "--json")
    assert outcome.exit_code == 2
    answer = json.loads(outcome.stdout)
    assert [image["image"] for image in answer["images"]] == [str(photo)]
    assert {problem["image"] for problem in answer["problems"]} == {str(text), str(tmp_path / "absent.jpg")}
    assert "text.jpg: is not a picture" in outcome.stderr
    assert "absent.jpg: no such file" in outcome.stderr


def test_pictures_with_the_findings_drawn_in_are_written(models, photo, tmp_path):
    out = tmp_path / "new" / "out"
    outcome = run(photo, "--models", models, "--out", out)
    assert outcome.exit_code == 0
    assert "1 boat" in outcome.stdout
    (drawn,) = out.iterdir()
    copy = cv2.imdecode(np.fromfile(drawn, np.uint8), cv2.IMREAD_COLOR)
    assert copy.shape == (200, 300, 3)
    difference = np.abs(copy.astype(int) - picture(300, 200)).max(axis=2)
    assert difference[49:51, 60:140].mean() > 60  # the upper side of the box
    assert difference[150:, 200:].max() < 20


def test_the_least_confidence_is_obeyed(models, photo):
    outcome = run(photo, "--models", models, "--conf", "0.95", "--json")
    labels = [found["label"] for found in json.loads(outcome.stdout)["images"][0]["detections"]]
    assert "boat" not in labels


def test_without_models_the_remedy_is_told(photo, tmp_path):
    outcome = run(photo, "--models", tmp_path / "none")
    assert outcome.exit_code == 2
    assert "no such folder" in outcome.stderr
    assert outcome.stdout == ""
