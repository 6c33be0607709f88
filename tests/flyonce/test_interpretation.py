from __future__ import annotations

import pytest

from flyonce.interpretation import RulesError, load_interpretation


def matter(label: str, *, area_m2: float | None = None, distances_m: dict[str, float] | None = None, mapped=("road",)):
    rule = load_interpretation().rule_for(
        label=label, area_m2=area_m2, distances_m=distances_m or {}, mapped_kinds=mapped
    )
    return None if rule is None else (rule.matter, rule.review)


def test_water_on_a_road_is_waterlogging_and_water_in_a_field_is_no_matter():
    assert matter("standing_water", area_m2=8, distances_m={"road": 1.0}) == ("waterlogging.road", False)
    assert matter("standing_water", area_m2=8, distances_m={"road": 30.0}) is None


def test_water_where_no_road_is_mapped_goes_to_a_person():
    assert matter("standing_water", area_m2=8, mapped=()) == ("waterlogging.road", True)


def test_an_unknown_area_passes_no_size_rule():
    assert matter("waste", area_m2=None) == ("dumping.household", False)
    assert matter("waste", area_m2=15) == ("dumping.household", False)
    assert matter("waste", area_m2=40) == ("dumping.construction", False)


def test_a_person_is_suspected_of_fishing_only_at_protected_water_and_always_reviewed():
    at_shore = {"reservoir_protection_1": 0.0, "permanent_water": 2.0}
    assert matter("person", distances_m=at_shore) == ("fishing.reservoir", True)
    assert matter("person", distances_m={"permanent_water": 2.0}) is None
    assert matter("person", distances_m={"reservoir_protection_1": 0.0, "permanent_water": 60.0}) is None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("rules: [", "whole file"),
        ("rules: 5", "top level"),
        ("rules: [{id: a, label: waste}]", "rules[0]"),
        ("rules: []\nconfirmation: {person: {min_frames: 0}}", "confirmation.person"),
    ],
)
def test_broken_rules_are_refused_with_file_and_place(tmp_path, text, place):
    path = tmp_path / "city.yaml"
    path.write_text(text)
    with pytest.raises(RulesError) as caught:
        load_interpretation(path)
    assert str(path) in str(caught.value)
    assert place in str(caught.value)
