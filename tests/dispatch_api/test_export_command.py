"""`flyonce db export`."""

from __future__ import annotations

import json

import pyogrio.raw
import pytest
from dispatch_builders import an_observation, north_of
from typer.testing import CliRunner

from flyonce.cli.db import app


def run(*words: object):
    return CliRunner().invoke(app, ["export", *map(str, words)])


@pytest.mark.both_stores
def test_the_command_line_writes_the_same_files_whole_or_not_at_all(store, intake, tmp_path):
    puddle = intake.record(an_observation())
    intake.record(an_observation(lonlat=north_of(900), matter="dumping.household"))
    assert run(tmp_path / "all.csv", "--store", store.url).exit_code == 0
    assert (tmp_path / "all.csv").read_text("utf-8-sig").count("\n") == 3
    assert run(tmp_path / "some.gpkg", "--store", store.url, "--matter", "waterlogging.road").exit_code == 0
    meta, _, _, columns = pyogrio.raw.read(tmp_path / "some.gpkg")
    assert list(columns[list(meta["fields"]).index("case_id")]) == [puddle.case_id]
    assert run(tmp_path / "gbt.json", "--store", store.url, "--gbt").exit_code == 0
    assert len(json.loads((tmp_path / "gbt.json").read_text("utf-8"))["cases"]) == 2

    for words in (
        ("all.csv",),
        ("new.txt",),
        ("new.json",),
        ("new.csv", "--state", "nonsense"),
        ("no/folder/new.csv",),
    ):
        before = sorted(tmp_path.iterdir())
        refused = run(tmp_path / words[0], "--store", store.url, *words[1:])
        assert refused.exit_code == 2, words
        assert sorted(tmp_path.iterdir()) == before
