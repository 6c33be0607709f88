"""A file that is written is whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo.whole_file import whole_file


def test_what_is_written_gets_its_name_only_when_all_of_it_is_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "poses.csv"
    with whole_file(path) as partial:
        partial.write_text("first\n")
        assert not path.exists()
        assert partial.name.startswith(".")
        assert partial.suffix == ".csv"
    assert path.read_text() == "first\n"
    assert [file.name for file in path.parent.iterdir()] == ["poses.csv"]


def test_a_writer_that_fails_leaves_the_older_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "zones.gpkg"
    path.write_text("old")

    def fails_half_way() -> None:
        with whole_file(path) as partial:
            partial.write_text("ne")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        fails_half_way()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_that_writes_nothing_is_an_error_not_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "picture.png"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_name_as_long_as_names_may_be_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("流" * 80 + ".csv")
    with whole_file(path) as partial:
        partial.write_text("x")
    assert path.is_file()
