"""Matters as configuration, their colours, and their clocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch_api.cases.clocks import Clock, WorkingCalendar
from dispatch_api.cases.matters import load_matters
from dispatch_api.cases.model import Colour
from dispatch_api.errors import ConfigurationError

MATTERS = load_matters()
SHANGHAI = ZoneInfo("Asia/Shanghai")
CALENDAR = MATTERS.calendar
ROAD = {"road": frozenset[str]()}


def local(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=SHANGHAI)


def test_the_defaults_carry_the_codes_and_clocks_of_the_list_of_matters():
    expected = {
        "waterlogging.road": ("10999", "15min", "30min", "4wh"),
        "dumping.household": ("06010", "2h", "2wh", "4wh"),
        "dumping.construction": ("06011", "1h", "2wh", "2wd"),
        "dumping.site_waste": ("08005", "1h", "2wh", "2wd"),
        "dumping.landfill": ("06032", "4h", "1wd", "5wd"),
        "river.rubbish": ("06025", "2h", "4wh", "1wd"),
        "river.pollution": ("06026", "30min", "1h", "1wd"),
        "river.occupation": ("06046", "4h", "4wh", "5wd"),
        "fishing.reservoir": ("06024", "5min", "10min", "60min"),
        "truck.uncovered": ("08011", "15min", "30min", None),
    }
    found = {
        key: (matter.code, *(clock and clock.text for clock in (c.t1, c.t2, c.t3)))
        for key, matter in MATTERS.by_key.items()
        for c in [matter.clocks]
    }
    assert found == expected
    red = MATTERS["waterlogging.road"].clocks_for(Colour.RED)
    assert [clock.text for clock in (red.t1, red.t2, red.t3)] == ["10min", "15min", "2h"]
    families = {matter.family for key, matter in MATTERS.by_key.items() if matter.code in {"06010", "06011", "08005"}}
    assert families == {"dumping"}
    windows = {name: MATTERS.windows[name] for name in ("waterlogging", "dumping", "fishing")}
    assert windows == {
        "waterlogging": timedelta(hours=72),
        "dumping": timedelta(days=90),
        "fishing": timedelta(hours=2),
    }
    assert MATTERS["fishing.reservoir"].review == "always"


@pytest.mark.parametrize(
    ("start", "clock", "end"),
    [
        (local(23, 10), "30min", local(23, 10, 30)),
        (local(23, 23), "2h", local(24, 1)),
        (local(23, 10), "4wh", local(23, 14)),
        (local(23, 16), "4wh", local(24, 11)),
        (local(23, 7), "4wh", local(23, 13)),
        (local(23, 20), "4wh", local(24, 13)),
        (local(27, 17), "2wh", local(30, 10)),
        (local(28, 12), "2wh", local(30, 11)),
        (local(23, 10), "2wd", local(25, 10)),
        (local(27, 10), "1wd", local(30, 10)),
        (local(23, 9), "1wd", local(23, 18)),
    ],
)
def test_a_clock_runs_in_its_own_hours(start, clock, end):
    assert CALENDAR.deadline(start, Clock.parse(clock)) == end.astimezone(UTC)


def test_a_holiday_is_no_working_day():
    calendar = WorkingCalendar(time_zone=SHANGHAI, holidays=frozenset({date(2026, 11, 24)}))
    assert calendar.deadline(local(23, 16), Clock.parse("4wh")) == local(25, 11)


@pytest.mark.parametrize("text", ["", "4", "4 weeks", "-1h", "0h", "h"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match=r"duration|more than nothing"):
        Clock.parse(text)


@pytest.mark.parametrize(
    ("key", "zones", "extent_m2", "repeats", "colour"),
    [
        ("waterlogging.road", {"road": frozenset({"underpass"})}, 1.0, 0, "red"),
        ("waterlogging.road", {"road": frozenset({"main"})}, 150.0, 0, "red"),
        ("waterlogging.road", {"road": frozenset({"main"})}, 30.0, 0, "yellow"),
        ("waterlogging.road", ROAD, 150.0, 0, "yellow"),
        ("waterlogging.road", ROAD, 5.0, 0, "green"),
        ("waterlogging.road", ROAD, None, 0, "green"),
        ("waterlogging.road", {}, 150.0, 0, "green"),
        ("dumping.household", {}, 1.0, 0, "green"),
        ("dumping.household", {}, 1.0, 1, "yellow"),
        ("dumping.household", {}, 1.0, 2, "red"),
        ("dumping.household", {}, 80.0, 0, "red"),
        ("dumping.construction", {"reservoir_protection_1": frozenset()}, 1.0, 0, "red"),
        ("fishing.reservoir", {"reservoir_protection_1": frozenset()}, None, 0, "red"),
        ("fishing.reservoir", {"no_fishing": frozenset()}, None, 0, "yellow"),
        ("dumping.landfill", {}, None, 0, "yellow"),
        ("river.rubbish", {"reservoir_protection_1": frozenset()}, None, 0, "red"),
    ],
)
def test_the_colour_follows_from_place_size_and_repeats(key, zones, extent_m2, repeats, colour):
    assert MATTERS[key].colour_of(zones=zones, extent_m2=extent_m2, repeats=repeats) == colour


@pytest.mark.parametrize(
    ("before", "after", "place"),
    [
        ('code: "10999"', 'code: "999"', "matters > 0 (waterlogging.road) > code"),
        (
            "t1: 15min, t2: 30min, t3: 4wh",
            "t1: soon, t2: 30min, t3: 4wh",
            "matters > 0 (waterlogging.road) > clocks > t1",
        ),
        ("family: waterlogging", "family: puddles", "matters > 0 (waterlogging.road) > family"),
        ("auto_level: 0.6", "auto_level: 6", "matters > 0 (waterlogging.road) > auto_level"),
        ("time_zone: Asia/Shanghai", "time_zone: Asia/Nowhere", "calendar"),
        ("window: 72h", "window: 3wd", "families > waterlogging"),
        ("key: dumping.household", "key: waterlogging.road", "matters"),
    ],
)
def test_a_mistake_in_the_matters_is_named_with_file_and_place(tmp_path, before, after, place):
    from importlib.resources import files

    text = files("dispatch_api").joinpath("defaults", "matters.yaml").read_text(encoding="utf-8")
    assert before in text
    file = tmp_path / "city.yaml"
    file.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        load_matters(file)
    assert f"{file}, {place}" in str(refused.value)


@pytest.mark.parametrize("content", ["", "- a\n- b\n", "matters: [", "\x00"])
def test_a_file_that_is_no_configuration_is_refused(tmp_path, content):
    file = tmp_path / "city.yaml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"city\.yaml"):
        load_matters(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"none\.yaml"):
        load_matters(tmp_path / "none.yaml")


# The State Council's notice for 2026: off 1 to 7 October, worked on Sunday 20 September and Saturday 10 October.
OCTOBER = [
    (date(2026, 9, 19), False),
    (date(2026, 9, 20), True),
    (date(2026, 9, 30), True),
    (date(2026, 10, 1), False),
    (date(2026, 10, 7), False),
    (date(2026, 10, 8), True),
    (date(2026, 10, 10), True),
    (date(2026, 10, 11), False),
]


@pytest.mark.parametrize(("day", "works"), OCTOBER)
def test_the_national_holidays_and_make_up_days_are_known(day, works):
    assert CALENDAR.works_on(day) is works


def test_a_clock_runs_over_the_national_holiday_and_through_the_make_up_day():
    start = datetime(2026, 9, 30, 17, tzinfo=SHANGHAI)
    assert CALENDAR.deadline(start, Clock.parse("2wd")) == datetime(2026, 10, 9, 17, tzinfo=SHANGHAI)
    saturday = datetime(2026, 10, 10, 10, tzinfo=SHANGHAI)
    assert CALENDAR.deadline(saturday, Clock.parse("4wh")) == datetime(2026, 10, 10, 14, tzinfo=SHANGHAI)


def test_a_year_that_nobody_published_yet_goes_by_the_week():
    assert CALENDAR.works_on(date(2099, 10, 1))  # a Thursday
    assert not CALENDAR.works_on(date(2099, 10, 3))


def test_the_citys_own_days_win_over_the_list():
    own = replace(CALENDAR, holidays=frozenset({date(2026, 11, 24)}), working_days=frozenset({date(2026, 10, 1)}))
    assert not own.works_on(date(2026, 11, 24))
    assert own.works_on(date(2026, 10, 1))
    with pytest.raises(ValueError, match="2026-10-01 is a holiday and a working day"):
        replace(own, holidays=frozenset({date(2026, 10, 1)}))


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1)).map(lambda at: at.replace(tzinfo=UTC))


@given(start=MOMENTS, minutes=st.integers(1, 20_000), working=st.booleans())
def test_what_lies_between_a_moment_and_a_later_one_is_what_was_added(start, minutes, working):
    left = timedelta(minutes=minutes)
    end = CALENDAR.later(start, left, working=working)
    assert CALENDAR.between(start, end, working=working) == left
    assert CALENDAR.between(end, start, working=working) == timedelta(0)


def test_a_calendar_without_a_working_day_is_told_instead_of_waiting_for_ever():
    days = frozenset(date(2026, 1, 1) + timedelta(days=n) for n in range(1200))
    with pytest.raises(ConfigurationError, match="no working day"):
        replace(CALENDAR, holidays=days).deadline(local(23, 10), Clock.parse("1wh"))
