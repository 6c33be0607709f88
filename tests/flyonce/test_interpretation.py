from __future__ import annotations

import pytest

from flyonce.context import Surroundings
from flyonce.rules import Stay
from flyonce.rules_file import RulesError, load_interpretation
from vision.detections import LABELS

AT_SHORE = {"reservoir_protection_1": 0.0, "permanent_water": 2.0}


def matter(
    label,
    *,
    area_m2=None,
    inside_m=None,
    edge_m=None,
    mapped=("road",),
    stay=Stay(seconds=30.0, frames=5),  # noqa: B008 - frozen
    rules=None,
):
    rule = (rules or load_interpretation()).rule_for(
        label=label,
        area_m2=area_m2,
        around=Surroundings(inside_m=inside_m or {}, edge_m=inside_m or {} if edge_m is None else edge_m),
        mapped_kinds=mapped,
        stay_of=lambda rule: stay,
    )
    return None if rule is None else (rule.matter, rule.review)


def test_water_on_a_road_is_waterlogging_and_water_in_a_field_is_no_matter():
    assert matter("standing_water", area_m2=8, inside_m={"road": 1.0}) == ("waterlogging.road", False)
    assert matter("standing_water", area_m2=8, inside_m={"road": 30.0}) is None


def test_water_where_no_road_is_mapped_goes_to_a_person():
    assert matter("standing_water", area_m2=8, mapped=()) == ("waterlogging.road", True)


def test_an_unknown_area_passes_no_size_rule():
    assert matter("waste", area_m2=None) == ("dumping.household", False)
    assert matter("waste", area_m2=15) == ("dumping.household", False)
    assert matter("waste", area_m2=40) == ("dumping.construction", False)


def test_waste_that_is_driven_past_is_no_dump():
    assert matter("waste", area_m2=15, stay=Stay(seconds=4.0, frames=5, moves=True)) is None


def test_one_picture_of_waste_is_enough_for_its_rule():
    assert matter("waste", area_m2=15, stay=Stay(seconds=0.0, frames=1)) == ("dumping.household", False)


@pytest.mark.parametrize("label", ["person", "fishing_gear", "boat"])
def test_who_stays_at_protected_water_is_suspected_of_fishing_and_always_reviewed(label):
    assert matter(label, inside_m=AT_SHORE) == ("fishing.reservoir", True)
    assert matter(label, inside_m={"permanent_water": 2.0}) is None
    assert matter(label, inside_m={"reservoir_protection_1": 0.0, "permanent_water": 60.0}) is None


def test_a_boat_in_the_middle_of_the_reservoir_is_not_at_its_shore():
    inside = {"reservoir_protection_1": 0.0, "permanent_water": 0.0}
    assert matter("boat", inside_m=inside, edge_m={"permanent_water": 140.0}) is None
    assert matter("boat", inside_m=inside, edge_m={"permanent_water": 6.0}) == ("fishing.reservoir", True)


@pytest.mark.parametrize(
    "stay",
    [
        Stay(seconds=2.9, frames=9),
        Stay(seconds=60.0, frames=2),
        Stay(seconds=60.0, frames=20, moves=True),
    ],
)
def test_who_passes_or_is_seen_too_shortly_is_not_suspected(stay):
    assert matter("person", inside_m=AT_SHORE, stay=stay) is None


def test_pictures_without_a_time_leave_the_stay_to_a_person():
    assert matter("person", inside_m=AT_SHORE, stay=Stay(seconds=None, frames=3)) == ("fishing.reservoir", True)


def test_a_new_matter_is_a_rule_and_a_label_and_no_code(tmp_path):
    path = tmp_path / "city.yaml"
    path.write_text(
        "labels: {graffiti: {flat: false}}\n"
        "rules: [{id: wall, label: graffiti, near: {kinds: [street], distance_m: 5}, matter: city.graffiti}]\n"
    )
    rules = load_interpretation(path, labels=[*LABELS, "graffiti"], matters=["city.graffiti"])
    assert matter("graffiti", inside_m={"street": 3.0}, rules=rules) == ("city.graffiti", False)
    assert matter("graffiti", inside_m={"street": 9.0}, rules=rules) is None


RULE = "id: a, label: waste, matter: dumping.household"


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("rules: [", "whole file", "YAML"),
        ("rules: 5", "top level", "list `rules`"),
        ("rules: []\nwetlook: {}", "top level", "unknown key wetlook. Use one of: rules"),
        ("rules: [{id: a, label: waste}]", "rules[0]", "lacks matter"),
        ("rules: [5]", "rules[0]", "table of keys"),
        (f"rules: [{{{RULE}, mater: b}}]", "rules[0]", "unknown key mater. Use one of: id, label, matter"),
        (f"rules: [{{{RULE}, near: {{kinds: [lake], distance_m: 1}}}}]", "rules[0].near", "unknown kind of zone lake"),
        (f"rules: [{{{RULE}, near: {{kinds: [road]}}}}]", "rules[0].near", "lacks distance_m"),
        (f"rules: [{{{RULE}, stay: {{seconds: long}}}}]", "rules[0].stay", "not supported between"),
        ("rules: [{id: a, label: wates, matter: dumping.household}]", "rules[0].label", "'wates'. Use one of: boat"),
        ("rules: [{id: a, label: waste, matter: dumping}]", "rules[0].matter", "no matter 'dumping' is configured"),
        ("rules: []\nconfirmation: {person: {min_frames: 0}}", "confirmation.person", "at least 1"),
        ("rules: []\nconfirmation: {persn: {min_frames: 2}}", "confirmation.persn", "no model knows the label 'persn'"),
        ("rules: []\nwet_look: {labels: [water]}", "wet_look.labels", "'water'"),
        ("rules: []\npermanent_water: {max_share: 0.5}", "permanent_water", "unknown key max_share"),
        ("rules: []\nfalse_alarms: {kind: masks}", "false_alarms", "unknown kind of zone masks"),
    ],
)
def test_broken_rules_are_refused_with_file_place_and_remedy(tmp_path, text, place, words):
    path = tmp_path / "city.yaml"
    path.write_text(text)
    with pytest.raises(RulesError) as caught:
        load_interpretation(path, labels=LABELS, matters=["dumping.household"])
    assert str(path) in str(caught.value)
    assert place in str(caught.value)
    assert words in str(caught.value)
