"""The file of thresholds: its defaults, and refusals that name file, line and remedy."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from geo.errors import InputFileError
from geo.identity import IdentityRules, load_rules


def test_the_defaults_are_those_of_the_life_cycle() -> None:
    rules = load_rules()
    assert (rules.merge_probability, rules.suggest_probability) == (0.95, 0.999)
    assert (rules.overlap_share, rules.max_ellipse95_m) == (0.30, 30.0)
    assert rules.windows == {
        "waterlogging": timedelta(hours=72),
        "dumping": timedelta(days=90),
        "fishing": timedelta(hours=2),
    }
    assert rules.family_of("waste") == rules.family_of("overflowing_bin") == "dumping"
    assert rules.family_of("road_damage") == "road_damage"


def test_the_default_file_and_the_code_agree() -> None:
    told = vars(load_rules()) | {"families": {}, "windows": {}}
    assert told == vars(IdentityRules())


def test_a_file_need_not_say_everything(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("offset_floor_m: 0.1\nfamilies:\n  bins: {labels: [bin]}\n", encoding="utf-8")
    rules = load_rules(file)
    assert (rules.offset_floor_m, rules.merge_probability) == (0.1, 0.95)
    assert (rules.family_of("bin"), dict(rules.windows)) == ("bins", {})


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("merge_probability: 0.95\nmerge_prob: 1\n", 2, "merge_prob"),
        ("# a\nmerge_probability: 1.2\n", 2, "between 0 and 1"),
        ("merge_probability: yes\n", 1, "number"),
        ("align_matches: 5.5\n", 1, "whole number"),
        ("overlap_share: 0.3\noverlap_share: 0.4\n", 2, "twice"),
        ("families:\n  water:\n    labels: [w]\n    window: 3 weeks\n", 4, "3 weeks"),
        ("families:\n  a: {labels: [x]}\n  b: {labels: [x]}\n", 3, "two families"),
        ("families:\n  a: {labels: x}\n", 2, "list"),
        ("families:\n  a: {window: 0h}\n", 1, "window"),
        ("- 1\n", 1, "table"),
        ("merge_probability: [\n", 2, "YAML"),
        ("suggest_probability: 0.9\n", 1, "suggest_probability"),
    ],
)
def test_a_mistake_is_refused_with_file_line_and_remedy(tmp_path: Path, text: str, line: int, says: str) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputFileError) as refused:
        load_rules(file)
    message = str(refused.value)
    assert str(file) in message
    assert f"line {line}" in message
    assert says in message
    assert refused.value.remedy


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"missing\.yaml"):
        load_rules(tmp_path / "missing.yaml")


def test_an_empty_file_is_refused_and_not_taken_for_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "empty.yaml"
    file.write_text("", encoding="utf-8")
    with pytest.raises(InputFileError, match="table"):
        load_rules(file)
