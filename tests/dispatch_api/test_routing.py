"""Who is responsible: the table of fishing, borders, seasons, and no guesses."""

from __future__ import annotations

from datetime import date

import pytest
from dispatch_builders import a_zone, default_rules

from dispatch_api.cases.matters import load_matters
from dispatch_api.departments.model import load_departments
from dispatch_api.departments.routing import Season, ZoneFact, load_routing
from dispatch_api.errors import ConfigurationError

MATTERS, ROUTING = default_rules()
DAY = date(2026, 11, 23)


def decide(matter="fishing.reservoir", *zones: ZoneFact, seen_on=DAY, decided_on=DAY, routing=ROUTING):
    return routing.decide(matter=matter, zones=zones, seen_on=seen_on, decided_on=decided_on)


@pytest.mark.parametrize(
    ("zone_kind", "rule", "lead", "co", "basis"),
    [
        (
            "reservoir_protection_1",
            "fishing.first_class_source",
            ("ecology",),
            ("reservoir_manager", "town_enforcement"),
            "《水污染防治法》第六十五条、第九十一条",
        ),
        ("no_fishing", "fishing.no_fishing", ("fisheries",), ("town",), "《渔业法》及当地禁渔通告"),
        (
            "reservoir_management",
            "fishing.management_range",
            ("water",),
            ("reservoir_manager", "town"),
            "当地水库（河道）管理规定",
        ),
        ("permanent_water", "fishing.other_water", (), (), "无"),
    ],
)
def test_who_leads_on_fishing_depends_on_the_zone(zone_kind, rule, lead, co, basis):
    decision = decide("fishing.reservoir", a_zone(kind=zone_kind))
    assert (decision.printed["id"], decision.lead, decision.co) == (rule, lead, co)
    assert decision.printed["basis"]["zh"] == basis
    assert decision.statistics_only == (lead == ())


def test_fishing_in_no_zone_at_all_is_no_offence():
    assert decide("fishing.reservoir").statistics_only


def test_the_strictest_zone_wins_where_zones_lie_on_each_other():
    zones = [a_zone(kind=kind) for kind in ("reservoir_management", "no_fishing", "reservoir_protection_1")]
    assert decide("fishing.reservoir", *zones).lead == ("ecology",)


def test_a_ban_that_is_over_on_the_day_is_no_ban():
    ban = a_zone(kind="no_fishing", valid_from=date(2026, 3, 1), valid_to=date(2026, 6, 30))
    assert decide("fishing.reservoir", ban, seen_on=date(2026, 5, 1)).lead == ("fisheries",)
    assert decide("fishing.reservoir", ban, seen_on=date(2026, 7, 1)).statistics_only


@pytest.mark.parametrize(("probability", "decided"), [(0.95, True), (0.9, True), (0.89, False), (0.3, False)])
def test_a_zone_that_holds_only_perhaps_is_left_to_the_centre(probability, decided):
    decision = decide("fishing.reservoir", a_zone(kind="reservoir_protection_1", probability=probability))
    assert (decision.lead == ("ecology",)) == decided
    if not decided:
        assert decision.rule is None
        assert not decision.statistics_only
        assert decision.printed["candidates"] == ["fishing.first_class_source", "fishing.other_water"]
        assert "饮用水水源一级保护区" in decision.printed["text"]["zh"]


def test_a_zone_that_hardly_touches_does_not_matter():
    assert decide("fishing.reservoir", a_zone(kind="reservoir_protection_1", probability=0.02)).statistics_only


def test_a_matter_without_a_rule_goes_to_the_centre_and_nobody_is_guessed(tmp_path):
    empty = tmp_path / "routing.yaml"
    empty.write_text("author: a\neffective_from: 2026-07-01\nrules: []\n", encoding="utf-8")
    routing = load_routing(empty, matters=MATTERS, departments=load_departments())
    decision = decide("dumping.household", routing=routing)
    assert (decision.rule, decision.lead, decision.co) == (None, (), ())
    assert not decision.statistics_only
    assert "指挥中心" in decision.printed["text"]["zh"]


def test_a_rule_is_not_applied_before_its_effective_date():
    assert decide("dumping.household", decided_on=date(2026, 6, 30)).rule is None
    assert decide("dumping.household", decided_on=date(2026, 7, 1)).lead == ("sanitation",)


def test_the_task_prints_the_rule_its_author_and_the_zone_that_fired():
    zone = a_zone(kind="reservoir_protection_1", code="S1", name="黄沙水库一级保护区", basis="府发〔2020〕1 号")
    printed = decide("fishing.reservoir", zone).printed
    assert printed["author"] == "flyonce defaults"
    assert printed["effective_from"] == "2026-07-01"
    assert printed["zone"] == [
        {"code": "S1", "name": "黄沙水库一级保护区", "probability": 1.0, "basis": "府发〔2020〕1 号"}
    ]


def test_an_ellipse_across_a_border_names_both_districts_and_both_local_towns(tmp_path):
    file = tmp_path / "departments.yaml"
    file.write_text(
        "departments:\n"
        "  - {key: centre, name: {zh: 指挥中心, en: Centre}}\n"
        "  - {key: sanitation, name: {zh: 环卫, en: Sanitation}}\n"
        "  - {key: town, name: {zh: 属地镇街, en: Town}}\n"
        "  - {key: town_east, name: {zh: 东镇, en: East}, stands_for: town, districts: ['E']}\n"
        "  - {key: town_west, name: {zh: 西镇, en: West}, stands_for: town, districts: ['W']}\n",
        encoding="utf-8",
    )
    rules = tmp_path / "routing.yaml"
    rules.write_text(
        "author: a\neffective_from: 2026-07-01\nrules:\n"
        "  - {id: r, matter: dumping.household, lead: sanitation, with: [town], text: {zh: 垃圾, en: Waste},"
        " basis: {zh: 依据, en: Basis}}\n",
        encoding="utf-8",
    )
    routing = load_routing(rules, matters=MATTERS, departments=load_departments(file))
    east = a_zone(kind="district", code="E", name="东区", probability=0.7)
    west = a_zone(kind="district", code="W", name="西区", probability=0.3)

    border = decide("dumping.household", east, west, routing=routing)
    assert border.co == ("town_east", "town_west")
    assert "东区（70%）" in border.printed["text"]["zh"]
    assert "西区（30%）" in border.printed["text"]["zh"]

    inside = decide("dumping.household", a_zone(kind="district", code="E", name="东区"), routing=routing)
    assert inside.co == ("town_east",)
    assert "交界" not in inside.printed["text"]["zh"]


@pytest.mark.parametrize(
    ("first", "last", "inside", "outside"),
    [("03-01", "06-30", date(2026, 5, 1), date(2026, 7, 1)), ("11-15", "02-15", date(2027, 1, 1), date(2027, 3, 1))],
)
def test_a_season_may_run_over_new_year(first, last, inside, outside):
    season = Season(first=first, last=last)
    assert season.has(inside)
    assert not season.has(outside)


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ("{id: a, matter: nonsense, lead: null, text: {zh: a, en: a}, basis: {zh: a, en: a}}", "matter 'nonsense'"),
        (
            "{id: a, matter: truck.uncovered, lead: nobody, text: {zh: a, en: a}, basis: {zh: a, en: a}}",
            "department 'nobody'",
        ),
        ("{id: a, matter: truck.uncovered, text: {zh: a, en: a}, basis: {zh: a, en: a}}", "lead"),
        ("{id: a, matter: truck.uncovered, leader: ecology}", "rules > 0 (a)"),
    ],
)
def test_a_wrong_rule_is_named_with_file_place_and_remedy(tmp_path, rule, complaint):
    file = tmp_path / "routing.yaml"
    file.write_text(f"author: a\neffective_from: 2026-07-01\nrules:\n  - {rule}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        load_routing(file, matters=load_matters(), departments=load_departments())
    assert str(file) in str(refused.value)
    assert "rules > 0 (a)" in str(refused.value)
    assert complaint in str(refused.value)


def test_every_matter_of_the_defaults_has_a_rule():
    for key in MATTERS.by_key:
        assert any(rule.matter == key for rule in ROUTING.rules), key
