"""What a careless or hostile hand gives the commands: one clear line, exit code 2, and nothing left half-done."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from sqlalchemy import Connection
from typer.testing import CliRunner

from dispatch_api.errors import StoreFull
from dispatch_api.store import open_store
from flyonce.cli.errors import exit_code_for
from flyonce.cli.main import GROUPS, app
from flyonce.feed import Wanted
from flyonce.feeds import feed_of
from flyonce.photo_material import PhotoMaterial
from flyonce.picture_masks import Masks
from flyonce.rules_file import load_interpretation
from geo.errors import InputFileError
from geo.ground import FlatGround
from geo.telemetry.photo import read_photo
from geo.telemetry.poses_csv import read_poses_csv
from geo.telemetry.srt import read_srt

RULES = load_interpretation()


def refused(*arguments: object) -> str:
    """What the command said, as one line; tracebacks and other exit codes than 2 fail."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        assert exit_code_for(done.exception) == 2, done.exception
        return str(done.exception)
    assert done.exit_code == 2, done.output
    return " ".join(done.stderr.split())


def photo(path: Path) -> Path:
    Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(path)
    return path


@pytest.mark.parametrize("option", ["--offset-s", "--ground-alt-m"])
@pytest.mark.parametrize("number", ["nan", "inf"])
def test_a_figure_that_is_none_is_refused(option, number, tmp_path):
    store = tmp_path / "city.db"
    told = refused("analyze", photo(tmp_path / "a.jpg"), option, number, "--store", f"sqlite:///{store}")
    assert option in told
    assert "no finite number" in told
    assert not store.exists()


def test_two_grounds_at_once_are_refused(tmp_path):
    dem = tmp_path / "dem.tif"
    assert "exclude each other" in refused("analyze", photo(tmp_path / "a.jpg"), "--ground-alt-m", 3, "--dem", dem)


def test_a_single_photo_is_refused_for_its_own_reason(tmp_path):
    empty, cut = tmp_path / "empty.jpg", tmp_path / "cut.jpg"
    empty.touch()
    cut.write_bytes(photo(tmp_path / "whole.jpg").read_bytes()[:400])
    with pytest.raises(InputFileError, match=r"empty\.jpg: the file is empty"):
        feed_of([str(empty)], Wanted())
    with pytest.raises(InputFileError, match=r"cut\.jpg: .*truncated or damaged"):
        feed_of([str(cut)], Wanted())


def test_a_folder_of_videos_says_that_the_videos_are_to_be_named(tmp_path):
    card = tmp_path / "DCIM"
    card.mkdir()
    (card / "DJI_0001.MP4").write_bytes(b"film")
    told = refused("analyze", card)
    assert f"{card}: holds no picture, but 1 videos; name the videos, like {card / 'DJI_0001.MP4'}" in told
    photo(card / "DJI_0002.JPG")
    feed = feed_of([str(card)], Wanted())
    assert feed.words == "1 photos; 1 videos beside them are not looked at: name them by themselves"


def test_telemetry_that_is_a_folder_says_so(tmp_path):
    folder = tmp_path / "log.csv"
    folder.mkdir()
    with pytest.raises(InputFileError, match=r"log\.csv: is a folder"):
        read_srt(folder)
    with pytest.raises(InputFileError, match=r"log\.csv: cannot be read \(Is a directory\)"):
        read_poses_csv(folder)


def test_a_file_without_permission_is_not_called_damaged(tmp_path, monkeypatch):
    shut, told = photo(tmp_path / "shut.jpg"), tmp_path / "shut.SRT"
    told.write_text("1\n")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    # Tests may run as root, who may read every file.
    monkeypatch.setattr(Image, "open", refuse)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(InputFileError, match=r"shut\.jpg: cannot be read\. Check its permissions"):
        read_photo(shut)
    with pytest.raises(
        InputFileError, match=r"shut\.SRT: cannot be read \(Permission denied\)\. Check its permissions"
    ):
        read_srt(told)


@pytest.mark.parametrize("option", ["--since", "--until"])
@pytest.mark.parametrize("text", ["9999-12-31", "0001-01-01", "9999-12-31T23:59+00:00", "0001-01-01T00:00+14:00"])
def test_a_day_that_no_clock_knows_is_refused(option, text, tmp_path):
    told = refused("dataset", "export", "--out", tmp_path / "set", option, text, "--store", "sqlite:///none.db")
    assert f"{option} {text}: no verdict is of the year" in told
    assert not (tmp_path / "set").exists()


def test_settings_whose_paths_are_none_are_refused(tmp_path):
    settings = tmp_path / "run.yaml"
    settings.write_text(yaml.safe_dump({"data": 5, "model": "objects", "weights": [1], "out": "run", "epochs": 1}))
    assert f"{settings}: data, weights must be a path" in refused("train", settings)


@pytest.mark.parametrize(
    ("text", "words"), [("{", "run.json is damaged"), ("{}", "never began"), ("[]", "run.json is damaged")]
)
@pytest.mark.parametrize("command", [("train", "--resume"), ("export", "--out", "model")])
def test_a_damaged_run_is_named(text, words, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text(text)
    told = refused(command[0], "run", *command[1:])
    assert words in told
    assert not (tmp_path / "model").exists()


def test_an_export_of_an_odd_size_is_refused(tmp_path):
    assert "--input-px 65: is no multiple of 32" in refused(
        "export", tmp_path, "--out", tmp_path / "m", "--input-px", 65
    )


def test_an_evaluation_that_cannot_begin_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for kind in ("images", "labels"):
        (tmp_path / "set" / kind / "test").mkdir(parents=True)
    photo(tmp_path / "set" / "images" / "test" / "a.jpg")
    (tmp_path / "set" / "labels" / "test" / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (tmp_path / "set" / "data.yaml").write_text("test: images/test\nnames: [boat]\n")
    told = refused("evaluate", "set", "--models", "none", "--out", "new/report")
    assert "none: holds no model" in told
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("command", ["analyze", "detect"])
def test_models_that_are_not_there_are_refused_by_all_commands_alike(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = refused(command, photo(tmp_path / "a.jpg"), "--models", "none")
    assert "none: no such folder; name the folder that holds the models" in told
    assert list(tmp_path.iterdir()) == [tmp_path / "a.jpg"]


@pytest.mark.parametrize("group", GROUPS)
def test_groups_speak_in_the_layout_of_single_commands(group):
    alone = CliRunner().invoke(app, ["serve", "--help"])
    helped = CliRunner().invoke(app, [group, "--help"])
    assert alone.stdout.startswith("Usage: ")
    assert helped.stdout.startswith("Usage: ")
    assert refused(group, "--nonsense").startswith("Usage: ")


def test_scenes_that_are_not_there_are_not_counted_as_none(tmp_path):
    assert f"{tmp_path / 'none'}: holds no scenes" in refused("scenes", "summary", "--out", tmp_path / "none")


def test_an_empty_name_is_not_the_present_folder():
    assert "an empty name is no place" in refused("analyze", "")


def test_the_same_picture_twice_is_looked_at_once(tmp_path):
    first, copy = photo(tmp_path / "a.jpg"), photo(tmp_path / "b.jpg")
    other = tmp_path / "c.png"
    Image.fromarray(np.full((48, 64, 3), 30, np.uint8)).save(other)
    material = PhotoMaterial([first, copy, other], ground=FlatGround(), masks=Masks(None, RULES, FlatGround()))
    assert [Path(picture.frame.source) for picture in material.pictures()] == [first, other]
    assert material.unreadable == [(copy, f"{copy}: is the same picture as {first}. Give each once.")]
    watched = PhotoMaterial(iter([first, first]), ground=FlatGround(), masks=Masks(None, RULES, FlatGround()))
    assert len(list(watched.pictures())) == 1
    assert watched.unreadable == []


def test_a_full_disk_is_one_line_and_leaves_the_store_as_it_was(tmp_path):
    def write_much(connection: Connection) -> None:
        connection.exec_driver_sql("pragma max_page_count = 1")  # SQLite takes the present size for the least
        connection.exec_driver_sql("create table much as select zeroblob(1000000)")

    with open_store(f"sqlite:///{tmp_path / 'city.db'}", create=True) as store:
        with pytest.raises(StoreFull, match=r"the disk is full\. Make room and do the same again") as caught:
            store.write(write_much)
        assert exit_code_for(caught.value) == 1
        with store.read() as connection:
            tables = connection.exec_driver_sql("select name from sqlite_master where name = 'much'").all()
        assert tables == []
    full = OSError(errno.ENOSPC, "No space left on device", "evidence/a.jpg")
    assert exit_code_for(full) == 1
    assert exit_code_for(OSError(errno.EIO, "broken")) is None
