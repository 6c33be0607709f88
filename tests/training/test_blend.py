"""`python -m vision.training blend`: two checkpoints averaged, as the shipped models were."""

from __future__ import annotations

import json

import pytest

from vision.training.cli import main


def _network(path, config, classes, value):
    from vision.training.train import prepare_environment

    prepare_environment(1, quiet=True)
    import torch
    from ultralytics import YOLO

    model = YOLO(config)
    model.model.names = dict(enumerate(classes))
    with torch.no_grad():
        for weight in model.model.parameters():
            weight.fill_(value)
    model.save(str(path))
    return path


def _values(path):
    from ultralytics import YOLO

    return {name: weight.detach().float() for name, weight in YOLO(str(path)).model.named_parameters()}


def test_two_checkpoints_of_one_kind_are_averaged(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    one = _network(tmp_path / "one.pt", "yolo26n-sem.yaml", ["standing_water"], 1.0)
    other = _network(tmp_path / "other.pt", "yolo26n-sem.yaml", ["standing_water"], 3.0)

    assert main(["blend", str(one), str(other), "--share", "0.25", "--out", str(tmp_path / "mean" / "b.pt")]) == 0

    made = json.loads(capsys.readouterr().out)["checkpoint"]
    means = {float(weight.mean()) for weight in _values(made).values()}
    assert means == {1.5}


def test_networks_of_two_kinds_are_not_averaged(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    one = _network(tmp_path / "one.pt", "yolo26n-sem.yaml", ["standing_water"], 1.0)
    other = _network(tmp_path / "other.pt", "yolo11n.yaml", [f"c{i}" for i in range(80)], 1.0)

    assert main(["blend", str(one), str(other), "--share", "0.5", "--out", str(tmp_path / "b.pt")]) == 2

    assert "another kind of network" in capsys.readouterr().err
    assert not (tmp_path / "b.pt").exists()


@pytest.mark.parametrize("share", ["1.5", "-0.1", "half"])
def test_a_share_out_of_range_is_refused(share, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["blend", "a.pt", "b.pt", "--share", share, "--out", str(tmp_path / "b.pt")])
    assert ended.value.code == 2
    assert "--share" in capsys.readouterr().err


def test_weights_that_are_not_there_are_named(tmp_path, capsys):
    assert main(["blend", str(tmp_path / "a.pt"), "b.pt", "--share", "0.5", "--out", str(tmp_path / "b.pt")]) == 2
    assert "a.pt: is no file of weights" in capsys.readouterr().err
