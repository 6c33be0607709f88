"""Who is responsible: the table of fishing, borders, seasons, and no guesses."""

from __future__ import annotations

import json
from datetime import date

import pytest
from dispatch_builders import a_zone, an_observation, default_rules
from typer.testing import CliRunner

from dispatch_api.cases.intake import Intake
from dispatch_api.cases.matters import load_matters
from dispatch_api.departments.facts import Facts, ZoneFact
from dispatch_api.departments.model import load_departments
from dispatch_api.departments.routing import load_routing
from dispatch_api.departments.rules import Season
from dispatch_api.errors import ConfigurationError
from dispatch_api.tasks.records import tasks_of
from flyonce.cli import route

MATTERS, ROUTING = default_rules()
DAY = date(2026, 11, 23)


def decide(matter="fishing.reservoir", *zones: ZoneFact, seen_on=DAY, decided_on=DAY, routing=ROUTING, **more):
    facts = Facts(matter=matter, zones=zones, seen_on=seen_on, decided_on=decided_on, **more)
    return routing.decide(facts)


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


NET_RULES = """author: 渔政科
effective_from: 2026-07-01
rules:
  - {id: nets, matter: fishing.reservoir, zone: no_fishing, labels: [fishing_gear],
     season: {first: 03-01, last: 06-30}, lead: fisheries, with: [police],
     text: {zh: 禁渔期网具, en: Nets}, basis: {zh: 渔业法, en: Law},
     clocks: {t3: 30min}, evidence: [网具特写]}
  - {id: old, matter: fishing.reservoir, zone: no_fishing, effective_until: 2026-12-31,
     lead: town, text: {zh: 旧规定, en: Old}, basis: {zh: 旧, en: Old}}
  - {id: new, matter: fishing.reservoir, zone: no_fishing, effective_from: 2027-01-01,
     lead: water, text: {zh: 新规定, en: New}, basis: {zh: 新, en: New}}
  - {id: large, matter: dumping.construction, min_extent_m2: 50, lead: enforcement,
     text: {zh: 大, en: Large}, basis: {zh: 甲, en: A}}
  - {id: east, matter: dumping.construction, max_extent_m2: 50, districts: [E], lead: town,
     text: {zh: 东区小, en: Small in the east}, basis: {zh: 乙, en: B}}
  - {id: small, matter: dumping.construction, lead: sanitation, text: {zh: 小, en: Small}, basis: {zh: 丙, en: C}}
"""
BAN = a_zone(kind="no_fishing", code="N1", name="千岛湖禁渔区")
MAY = date(2026, 5, 1)


@pytest.fixture
def city(tmp_path):
    file = tmp_path / "routing.yaml"
    file.write_text(NET_RULES, encoding="utf-8")
    return load_routing(file, matters=MATTERS, departments=load_departments())


@pytest.mark.parametrize(
    ("seen_on", "decided_on", "label", "fired"),
    [
        (MAY, DAY, "fishing_gear", "nets"),
        (MAY, DAY, "person", "old"),
        (DAY, DAY, "fishing_gear", "old"),
        (DAY, date(2026, 12, 31), "person", "old"),
        (DAY, date(2027, 1, 1), "person", "new"),
        (MAY, DAY, None, None),  # nobody says whether it was gear: a person decides between the two
    ],
)
def test_gear_season_and_the_days_on_which_a_rule_is_in_effect_decide(city, seen_on, decided_on, label, fired):
    decision = decide("fishing.reservoir", BAN, seen_on=seen_on, decided_on=decided_on, label=label, routing=city)
    assert (decision.rule and decision.rule.id) == fired
    if fired is None:
        assert [rule.id for rule in decision.candidates] == ["nets", "old"]


@pytest.mark.parametrize(
    ("extent_m2", "sigma_m2", "district", "fired"),
    [
        (80.0, 5.0, "E", "large"),
        (20.0, 5.0, "E", "east"),
        (20.0, 5.0, "W", "small"),
        (52.0, 5.0, "E", None),  # it may be on either side of the limit
        (52.0, None, "E", "large"),
        (None, None, "E", None),
    ],
)
def test_the_error_of_an_area_decides_as_the_error_of_a_place_does(city, extent_m2, sigma_m2, district, fired):
    zone = a_zone(kind="district", code=district, name=district)
    decision = decide("dumping.construction", zone, extent_m2=extent_m2, extent_sigma_m2=sigma_m2, routing=city)
    assert (decision.rule and decision.rule.id) == fired
    assert (decision.lead == ()) == (fired is None)


def test_the_task_says_by_which_conditions_its_rule_fired(city):
    printed = decide("fishing.reservoir", BAN, seen_on=MAY, label="fishing_gear", routing=city).printed
    assert printed["because"]["zh"] == (
        "规则 1：06024 ∧ 05-01 在每年 03-01…06-30 期间 ∧ 千岛湖禁渔区（no_fishing，100%） ∧ "
        "识别为 fishing_gear（fishing_gear）"
    )
    assert (printed["number"], printed["evidence"], printed["author"]) == (1, ["网具特写"], "渔政科")
    assert decide("dumping.household").printed["evidence"] == list(MATTERS["dumping.household"].evidence)


@pytest.mark.parametrize(
    ("changed", "to", "complaint"),
    [
        ("season: {first: 03-01, last: 06-30}", "from: 2026-06-30, until: 2026-03-01", "ends .2026-03-01. before"),
        ("effective_until: 2026-12-31", "effective_until: 2026-12-31, effective_from: 2027-03-01", "which is before"),
        ("max_extent_m2: 50", "min_extent_m2: 60, max_extent_m2: 50", "no area is at least 60 and below 50"),
        ("min_extent_m2: 50, ", "", "can never fire, for 'large' before it"),
        ("labels: [fishing_gear]", "gear: [net]", "rules > 0"),
    ],
)
def test_a_rule_that_could_never_fire_is_refused_at_load(tmp_path, changed, to, complaint):
    file = tmp_path / "routing.yaml"
    assert changed in NET_RULES
    file.write_text(NET_RULES.replace(changed, to, 1), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=complaint):
        load_routing(file, matters=MATTERS, departments=load_departments())


def explained(*words):
    return CliRunner().invoke(route.app, ["explain", *(str(word) for word in words)])


def test_route_explain_names_the_rule_and_why_the_others_do_not_hold():
    answer = explained("--matter", "fishing.reservoir", "--zone", "no_fishing:N1:0.97", "--on", "2026-11-23", "--json")
    told = json.loads(answer.stdout)
    assert (told["fired"], told["lead"], told["with"]) == ("fishing.no_fishing", ["fisheries"], ["town"])
    assert [rule["chance"] for rule in told["rules"]] == [0.0, 0.97, 0.0, 1.0]
    words = explained("--matter", "fishing.reservoir", "--zone", "no_fishing:N1:0.6").stdout
    assert "perhaps   2 fishing.no_fishing" in words
    assert "牵头：指挥中心决定" in words


def test_route_explain_tells_of_a_case_what_its_task_says(store, tmp_path):
    recorded = Intake(store, MATTERS, ROUTING).record(an_observation())
    answer = explained("--case", recorded.case_number, "--store", store.url)
    assert answer.exit_code == 0, answer.stderr
    assert "规则 5：10999" in answer.stdout
    assert "牵头：市政排水" in answer.stdout
    with store.read() as connection:
        task = tasks_of(connection, recorded.case_id)[0]
    assert task.rule["because"]["zh"] in answer.stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "either --case"),
        (("--matter", "nonsense"), "'nonsense' is none of"),
        (("--matter", "fishing.reservoir", "--zone", "no_fishing:N:2"), "probability from 0 to 1"),
        (("--matter", "fishing.reservoir", "--zones", "z.geojson"), "belong together"),
        (("--matter", "fishing.reservoir", "--on", "tomorrow"), "is no day"),
        (("--case", "x", "--label", "person"), "--case brings its own"),
    ],
)
def test_route_explain_refuses_what_it_cannot_use(words, complaint):
    answer = explained(*words)
    assert answer.exit_code == 2
    assert complaint in answer.stderr
