"""`flyonce scenes` without Blender: what it counts, and what it says when something is missing."""

import json
import sys

import pytest
from typer.testing import CliRunner

from flyonce.cli.scenes import app


@pytest.fixture
def rendered(tmp_path):
    """A set of one picture's manifest, as the renderer leaves it."""
    thing = {"label": "person", "kind": "walking", "angler": False, "labelled": True, "size_px": 15.0}
    row = {
        "picture": "scene_train_00000.jpg",
        "site": {"kind": "road"},
        "view": {"camera_xyz_m": [0, 0, 60.0], "pitch_deg": -90.0},
        "water": {"reservoir_px": 0, "puddle_px": 900},
        "objects": [thing],
        "lookalikes": [{"kind": "boulder"}],
    }
    (tmp_path / "train" / "meta").mkdir(parents=True)
    (tmp_path / "train" / "meta" / "scene_train_00000.json").write_text(json.dumps(row))
    return tmp_path


def test_the_summary_is_one_json_object(rendered):
    result = CliRunner().invoke(app, ["summary", "--out", str(rendered), "--json"])
    assert result.exit_code == 0
    counted = json.loads(result.stdout)["train"]
    assert counted["objects"] == {"person": 1}
    assert counted["by_size_px"] == {"person 12-24": 1}
    assert counted["heights_m"] == {"40-80": 1}
    assert counted["with_puddles"] == 1


def test_the_summary_is_also_for_people(rendered):
    result = CliRunner().invoke(app, ["summary", "--out", str(rendered)])
    assert "train: 1 pictures, 0 with a reservoir, 1 with puddles; 1 person" in result.stdout


def test_without_blender_rendering_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "bpy", None)
    arguments = [
        "render",
        "--out",
        str(tmp_path),
        "--grounds",
        str(tmp_path),
        "--train",
        "1",
        "--val",
        "0",
        "--test",
        "0",
    ]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "flyonce[scenes]" in result.stderr


def test_a_share_that_cannot_be_is_refused(tmp_path):
    arguments = ["render", "--out", str(tmp_path), "--grounds", str(tmp_path), "--share", "2", "2"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "share" in result.stderr


def test_a_sheet_of_nothing_is_refused(tmp_path):
    result = CliRunner().invoke(app, ["sheet", "--out", str(tmp_path), "--picture", str(tmp_path / "x.png")])
    assert result.exit_code == 2
    assert "render first" in result.stderr
