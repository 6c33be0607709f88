"""Cases, cells, complaints and fixed plans out of files, and what is refused."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from reflight_builders import en, lonlat

from flightplan.errors import CannotPlan, InputFileError
from flightplan.reflight.dynamic import DynamicRules, hot_spots, overdue_cells
from flightplan.reflight.reading import read_targets
from flightplan.reflight.recurring import Recurrence, read_fixed_plans

CASES = {
    "cases": [
        {
            "id": "QZ-20261122-0007",
            "lon": 118.8731,
            "lat": 28.9412,
            "ellipse": {"semi_major_m": 6.0, "semi_minor_m": 2.5, "bearing_deg": 40},
            "view": "oblique",
            "resolution_m": 0.02,
            "bearing_deg": 120,
            "priority": 5,
            "due_on": "2026-11-30",
        },
        {"id": 8, "lon": 118.8802, "lat": 28.9377, "covariance": {"east_m2": 4.0, "north_m2": 1.0}},
        {"id": "9", "lon": 118.8911, "lat": 28.9455, "radius_m": 12.5},
    ]
}
DAY = date(2026, 11, 23)


@pytest.mark.parametrize("ending", [".json", ".yaml"])
def test_cases_are_read_from_json_and_yaml_alike(tmp_path, ending):
    path = tmp_path / f"cases{ending}"
    path.write_text(json.dumps(CASES) if ending == ".json" else yaml.safe_dump(CASES))

    first, second, third = read_targets(path)

    assert (first.target_id, first.view, first.priority) == ("QZ-20261122-0007", "oblique", 5)
    assert (first.lon, first.lat, first.bearing_deg, first.resolution_m) == (118.8731, 28.9412, 120.0, 0.02)
    assert (first.spread.half_length_m, first.spread.half_width_m, first.spread.bearing_deg) == (6.0, 2.5, 40.0)
    assert first.due_on == date(2026, 11, 30)
    assert (second.target_id, second.view, second.due_on) == ("8", "nadir", None)
    assert (second.spread.half_length_m, second.spread.bearing_deg) == pytest.approx((4.895, 90.0), abs=1e-3)
    assert third.spread.half_length_m == third.spread.half_width_m == 12.5


def test_a_list_alone_will_do(tmp_path):
    (tmp_path / "c.json").write_text(json.dumps(CASES["cases"]))
    assert [target.target_id for target in read_targets(tmp_path / "c.json")] == ["QZ-20261122-0007", "8", "9"]


@pytest.mark.parametrize(
    ("change", "place", "problem"),
    [
        (lambda c: c[0].pop("lon"), "cases > 0 (id QZ-20261122-0007) > lon", "it is missing"),
        (lambda c: c[0].update(lon=28.94, lat=118.87), "cases > 0", "swapped"),
        (lambda c: c[0].update(lon="east"), "> lon", "valid number"),
        (lambda c: c[0].update(lon=float("nan")), "> lon", "finite number"),
        (lambda c: c[1].pop("covariance"), "cases > 1 (id 8)", "give one of ellipse, covariance and radius_m"),
        (lambda c: c[1].update(radius_m=3), "cases > 1", "give one of"),
        (lambda c: c[1].update(covariance={"east_m2": 1, "north_m2": 1, "east_north_m2": 2}), "cases > 1", "negative"),
        (lambda c: c[0]["ellipse"].update(semi_minor_m=9), "cases > 0", "semi_minor_m must not be more"),
        (lambda c: c[0].update(view="sideways"), "> view", "'nadir' or 'oblique'"),
        (lambda c: c[0].update(resolution_m=0), "cases > 0", "resolution_m must lie between"),
        (lambda c: c[0].update(priority=12), "> priority", "less than or equal to 9"),
        (lambda c: c[0].update(due_on="2026-02-30"), "> due_on", "day is out of range"),
        (lambda c: c[0].update(colour="red"), "> colour", "this key is not known"),
        (lambda c: c[2].update(radius_m=1e9), "cases > 2", "half_length_m must lie between"),
        (lambda c: c.clear(), "cases", "the list is empty"),
        (lambda c: c.append(7), "cases > 3", "no table of keys"),
    ],
)
def test_cases_that_cannot_be_are_refused_with_their_place(tmp_path, change, place, problem):
    cases = json.loads(json.dumps(CASES["cases"]))
    change(cases)
    path = tmp_path / "cases.json"
    path.write_text(json.dumps({"cases": cases}))

    with pytest.raises(InputFileError) as refused:
        read_targets(path)

    assert str(path) in str(refused.value)
    assert place in refused.value.place
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("c.json", '{"cases": [', "this is not JSON"),
        ("c.yaml", "cases: [", "this is no YAML"),
        ("c.yaml", "a: *b", "this is no YAML"),
        ("c.json", "[" * 100_000, "cannot be read"),
        ("c.json", '[{"id": ' + "9" * 5_000 + "}]", "cannot be read"),
        ("c.yaml", "!!python/object/apply:os.system [ls]", "no table of keys"),
        ("c.json", "", "the file is empty"),
        ("c.json", "7", "no table of keys"),
    ],
)
def test_files_that_mean_no_good_are_refused(tmp_path, name, text, problem):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputFileError, match=problem):
        read_targets(tmp_path / name)


CELLS = """cell,lon,lat,size_m,last_seen_on,priority,every_days
A1,118.871,28.941,100,2026-11-22,1,
A2,118.872,28.941,100,2026-11-10,1,
A3,118.873,28.941,100,,2,
A4,118.874,28.941,100,2026-11-20,9,2
A5,118.875,28.941,100,2026-11-16,3,7
"""


def test_cells_that_nobody_looked_at_in_time_are_overdue_the_most_urgent_first(tmp_path):
    (tmp_path / "cells.csv").write_text(CELLS)

    found = overdue_cells(tmp_path / "cells.csv", DAY, DynamicRules(every_days=7))

    assert [target.target_id for target in found] == ["cell A4", "cell A5", "cell A3", "cell A2"]
    assert [target.due_on for target in found] == [
        date(2026, 11, 22), date(2026, 11, 23), date.min, date(2026, 11, 17),
    ]  # fmt: skip
    assert found[0].spread.is_box
    assert found[0].spread.half_length_m == 50.0
    assert overdue_cells(tmp_path / "cells.csv", DAY - timedelta(days=1), DynamicRules())[0].target_id == "cell A4"
    assert len(overdue_cells(tmp_path / "cells.csv", date(2026, 11, 15), DynamicRules(every_days=30))) == 1


def test_a_table_may_be_json_as_well(tmp_path):
    rows = [{"cell": "A2", "lon": 118.872, "lat": 28.941, "size_m": 100, "last_seen_on": "2026-11-10"}]
    (tmp_path / "cells.json").write_text(json.dumps({"cells": rows}))
    assert len(overdue_cells(tmp_path / "cells.json", DAY, DynamicRules())) == 1


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("A2,118.872", "A2,218.872", "beyond the 180° meridian"),
        ("28.941,100,2026-11-10", "28.941,0,2026-11-10", "size_m must lie between"),
        ("9,2", "9,0", "every_days must lie between"),
        ("9,2", "10,2", "priority must lie between"),
        ("2026-11-10", "yesterday", "row 2 > last_seen_on: days are written like"),
        ("size_m", "size", "row 1 > size: this key is not known"),
        ("A2,", "A2,7,", "this key is not known"),
    ],
)
def test_a_table_of_cells_that_cannot_be_is_refused(tmp_path, old, new, problem):
    (tmp_path / "cells.csv").write_text(CELLS.replace(old, new))
    with pytest.raises(InputFileError, match=problem):
        overdue_cells(tmp_path / "cells.csv", DAY, DynamicRules())


def complaints(*places, made_on="2026-11-20"):
    lines = ["id,lon,lat,made_on"]
    for number, (east_m, north_m) in enumerate(places):
        lon, lat = lonlat(east_m, north_m)
        lines.append(f"c{number},{lon!r},{lat!r},{made_on}")
    return "\n".join(lines)


def test_complaints_close_together_are_a_hot_spot_that_holds_them_all(tmp_path):
    chain = [(0, 0), (40, 0), (80, 10), (110, 40)]
    (tmp_path / "c.csv").write_text(complaints(*chain, (900, 900), (930, 900)))

    (spot,) = hot_spots(tmp_path / "c.csv", DAY, DynamicRules(hot_m=50, hot_least=3))

    assert spot.target_id == "hot-spot of 4 complaints since c0"
    assert spot.priority == 3
    middle = en(spot.lon, spot.lat)
    assert all(np.hypot(*(middle - place)) <= spot.spread.half_length_m - 24.9 for place in chain)
    pair = hot_spots(tmp_path / "c.csv", DAY, DynamicRules(hot_m=50, hot_least=2))
    assert [one.priority for one in pair] == [3, 2]
    assert hot_spots(tmp_path / "c.csv", DAY, DynamicRules(hot_m=30, hot_least=3)) == []


def test_complaints_off_the_earth_are_refused_with_their_row(tmp_path):
    (tmp_path / "c.csv").write_text("id,lon,lat,made_on\na,118.87,28.94,2026-11-20\nb,28.94,118.87,2026-11-20\n")
    with pytest.raises(InputFileError, match=r"complaints > row 2 \(b\): .*swapped"):
        hot_spots(tmp_path / "c.csv", DAY, DynamicRules())


def test_a_cell_that_was_seen_at_the_end_of_all_days_is_not_overdue(tmp_path):
    (tmp_path / "cells.csv").write_text(CELLS.replace("2026-11-10", "9999-12-31"))
    assert "cell A2" not in {one.target_id for one in overdue_cells(tmp_path / "cells.csv", DAY, DynamicRules())}


def test_old_complaints_and_those_of_later_days_do_not_count(tmp_path):
    (tmp_path / "c.csv").write_text(complaints((0, 0), (5, 0), (9, 0)))

    assert len(hot_spots(tmp_path / "c.csv", DAY, DynamicRules())) == 1
    assert hot_spots(tmp_path / "c.csv", DAY + timedelta(days=60), DynamicRules()) == []
    assert hot_spots(tmp_path / "c.csv", DAY - timedelta(days=60), DynamicRules()) == []


@pytest.mark.parametrize("rules", [{"every_days": 0}, {"hot_m": 0.0}, {"hot_least": 0}, {"hot_days": 9_999}])
def test_rules_that_cannot_be_are_refused(rules):
    with pytest.raises(CannotPlan, match="out of range"):
        DynamicRules(**rules)


NATIONAL_DAY = frozenset(date(2026, 10, day) for day in range(1, 8))


def test_a_plan_of_weekdays_leaves_holidays_out_or_makes_up_for_them():
    rule = {"first_day": date(2026, 9, 1), "weekdays": frozenset({0, 3}), "holidays": NATIONAL_DAY}
    begin, end = date(2026, 9, 28), date(2026, 10, 12)

    assert Recurrence(**rule).days(begin, end) == [date(2026, 9, 28), date(2026, 10, 8), date(2026, 10, 12)]
    made_up = Recurrence(**rule, on_holiday="next_day").days(begin, end)
    assert made_up == [date(2026, 9, 28), date(2026, 10, 8), date(2026, 10, 12)]
    assert len(Recurrence(**rule, on_holiday="fly").days(begin, end)) == 5


def test_every_so_many_days_count_from_the_first_day_on():
    rule = Recurrence(first_day=date(2026, 11, 1), every_days=3, last_day=date(2026, 11, 12))

    assert [day.day for day in rule.days(date(2026, 10, 1), date(2026, 12, 1))] == [1, 4, 7, 10]
    assert rule.days(date(2026, 11, 5), date(2026, 11, 6)) == []
    assert rule.days(date(2026, 11, 6), date(2026, 11, 5)) == []


def test_a_flight_pushed_off_a_holiday_before_the_beginning_is_found():
    rule = Recurrence(first_day=date(2026, 10, 1), every_days=100, holidays=NATIONAL_DAY, on_holiday="next_day")
    assert rule.days(date(2026, 10, 8), date(2026, 10, 9)) == [date(2026, 10, 8)]


@settings(max_examples=40, deadline=None)
@given(
    every=st.one_of(st.none(), st.integers(1, 20)),
    weekdays=st.frozensets(st.integers(0, 6), max_size=7),
    holidays=st.frozensets(st.integers(0, 60), max_size=15),
    on_holiday=st.sampled_from(["leave_out", "next_day", "fly"]),
    cut=st.integers(1, 59),
)
def test_the_days_of_two_stretches_are_those_of_both_together(every, weekdays, holidays, on_holiday, cut):
    if every is None and not weekdays:
        weekdays = frozenset({2})
    first = date(2026, 9, 1)
    rule = Recurrence(
        first_day=first,
        every_days=every,
        weekdays=weekdays,
        holidays=frozenset(first + timedelta(days=day) for day in holidays),
        on_holiday=on_holiday,
    )
    end, middle = first + timedelta(days=60), first + timedelta(days=cut)

    whole = rule.days(first, end)

    assert whole == sorted(rule.days(first, middle) + rule.days(middle + timedelta(days=1), end))
    if on_holiday != "fly":
        assert not set(whole) & rule.holidays


PLANS = """
holidays: [2026-10-01, 2026-10-02]
plans:
  - {name: river, area: river.geojson, first_day: 2026-09-01, weekdays: [mon, thu]}
  - {name: yards, area: yards.kml, first_day: 2026-09-01, every_days: 10, on_holiday: next_day}
"""


def test_fixed_plans_are_read_with_the_city_s_holidays(tmp_path):
    (tmp_path / "plans.yaml").write_text(PLANS)

    river, yards = read_fixed_plans(tmp_path / "plans.yaml")

    assert (river.name, river.area, river.recurrence.weekdays) == ("river", "river.geojson", frozenset({0, 3}))
    assert river.recurrence.days(date(2026, 9, 28), date(2026, 10, 5)) == [date(2026, 9, 28), date(2026, 10, 5)]
    assert yards.recurrence.days(date(2026, 9, 28), date(2026, 10, 5)) == [date(2026, 10, 3)]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("weekdays: [mon, thu]", "weekdays: [mon, thor]", "plans > 0 > weekdays"),
        (", weekdays: [mon, thu]", "", "give weekdays, every_days, or both"),
        ("every_days: 10", "every_days: 0", "every_days must lie between"),
        ("2026-10-02", "2026-13-02", "holidays > 1"),
        ("name: river,", "", "it is missing"),
    ],
)
def test_fixed_plans_that_cannot_be_are_refused(tmp_path, old, new, problem):
    (tmp_path / "plans.yaml").write_text(PLANS.replace(old, new))
    with pytest.raises(InputFileError, match=problem):
        read_fixed_plans(tmp_path / "plans.yaml")


def test_the_examples_of_the_documentation_are_read(tmp_path):
    text = (Path(__file__).resolve().parents[2] / "docs" / "reflight.md").read_text(encoding="utf-8")
    cases, plans = (part.split("```")[0] for part in text.split("```yaml\n")[1:])
    cells, complaints = (part.split("```")[0] for part in text.split("```csv\n")[1:])
    for name, part in (("cases.yaml", cases), ("plans.yaml", plans), ("cells.csv", cells), ("hot.csv", complaints)):
        (tmp_path / name).write_text(part, encoding="utf-8")

    assert [target.priority for target in read_targets(tmp_path / "cases.yaml")] == [5, 1, 1]
    assert [plan.name for plan in read_fixed_plans(tmp_path / "plans.yaml")] == ["river", "yards"]
    assert len(overdue_cells(tmp_path / "cells.csv", DAY, DynamicRules())) == 1
    assert len(hot_spots(tmp_path / "hot.csv", DAY, DynamicRules(hot_least=1))) == 1


CASE = '{"id": "a", "lon": 118.85, "lat": 28.96, %s}'


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ('"radius_m": true', "cases > 0 (id a) > radius_m: true is neither a number nor a text"),
        ('"radius_m": 1, "radius_m": 2', "the key 'radius_m' stands twice in one table"),
        ('"radius_m": 1, "due_on": 20261130', "days are written like 2026-11-30, not 20261130"),
        ('"radius_m": 1, "due_on": "1795400000"', "days are written like 2026-11-30"),
    ],
)
def test_nothing_is_made_of_what_is_no_number_no_day_or_told_twice(tmp_path, told, said):
    path = tmp_path / "cases.json"
    path.write_text(f"[{CASE % told}]")
    with pytest.raises(InputFileError) as refused:
        read_targets(path)

    assert said in str(refused.value)


def test_a_key_that_stands_twice_in_yaml_is_refused_too(tmp_path):
    path = tmp_path / "cases.yaml"
    path.write_text("cases:\n  - {id: a, lon: 118.85, lat: 28.96, radius_m: 1, radius_m: 2}\n")
    with pytest.raises(InputFileError, match="'radius_m' stands twice"):
        read_targets(path)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("[]", "cases: the list is empty"),
        ("null", "this is no table of keys and values, but None"),
        ("[1]", "cases > 0: this is no table of keys and values, but 1"),
    ],
)
def test_another_shape_is_refused_in_words(tmp_path, told, said):
    path = tmp_path / "cases.json"
    path.write_text(told)
    with pytest.raises(InputFileError) as refused:
        read_targets(path)

    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["cell;lon;lat;size_m\n", "cell,lon,lat\n", "\x00\x01"])
def test_a_table_without_its_columns_is_refused_although_it_has_no_row(tmp_path, text):
    path = tmp_path / "cells.csv"
    path.write_text(text)
    with pytest.raises(InputFileError, match="line 1: there is no column"):
        overdue_cells(path, date(2026, 11, 23), DynamicRules())
