"""A city's thresholds decide in the store as they do in a flight: one file for both."""

from __future__ import annotations

import pytest
from dispatch_builders import an_observation, default_rules, north_of

from dispatch_api.cases.intake import Intake
from dispatch_api.cases.known import KnownCases
from dispatch_api.cases.records import get_case
from geo.errors import InputFileError
from geo.identity.rules import load_rules

MATTERS, ROUTING = default_rules()


@pytest.fixture
def told(store, tmp_path):
    """A function: what becomes of a second observation under rules of its own file, as `joined`, `suggested`, `new`."""

    def judge(text: str, first, second) -> str:
        file = tmp_path / "identity.yaml"
        file.write_text(text, encoding="utf-8")
        intake = Intake(store, MATTERS, ROUTING, identity=load_rules(file))
        before = intake.record(first)
        after = intake.record(second)
        if after.case_id == before.case_id:
            return "joined"
        with store.read() as connection:
            return "suggested" if get_case(connection, after.case_id).suggestions else "new"

    return judge


def a_square(side_m, north_m=0.0):
    return tuple(north_of(north_m + n, east_m=e) for n, e in ((0, 0), (0, side_m), (side_m, side_m), (side_m, 0)))


# Two sigmas of 1.5 m make 2.12 m: 0.95 is reached at 5.19 m, 0.999 at 7.88 m, 0.99999 at 10.18 m.
@pytest.mark.parametrize(
    ("text", "apart_m", "becomes"),
    [
        ("merge_probability: 0.95", 4.5, "joined"),
        ("merge_probability: 0.80", 4.5, "suggested"),
        ("merge_probability: 0.95", 6.5, "suggested"),
        ("merge_probability: 0.99", 6.2, "joined"),
        ("{merge_probability: 0.5, suggest_probability: 0.8}", 4.5, "new"),
        ("suggest_probability: 0.999", 9.5, "new"),
        ("suggest_probability: 0.99999", 9.5, "suggested"),
        ("suggest_probability: 0.99999", 10.5, "new"),
    ],
)
def test_how_far_apart_one_thing_may_lie_is_the_citys_to_say(told, text, apart_m, becomes):
    assert told(text, an_observation(), an_observation(lonlat=north_of(apart_m))) == becomes


@pytest.mark.parametrize(("text", "becomes"), [("overlap_share: 0.30", "joined"), ("overlap_share: 0.6", "new")])
def test_how_much_outlines_must_share_is_the_citys_to_say(told, text, becomes):
    first = an_observation(footprint_lonlat=a_square(10), sigma_m=0.3)
    second = an_observation(footprint_lonlat=a_square(10, 5.0), lonlat=north_of(5.0), sigma_m=0.3)
    assert told(text, first, second) == becomes


@pytest.mark.parametrize(
    ("text", "becomes"), [("max_ellipse95_m: 30", "joined"), ("max_ellipse95_m: 12.2", "suggested")]
)
def test_how_vague_a_place_may_be_that_still_joins_is_the_citys_to_say(told, text, becomes):
    assert told(text, an_observation(), an_observation(sigma_m=5.0, lonlat=north_of(2))) == becomes


def test_without_a_file_the_thresholds_are_those_of_the_lifecycle(store):
    intake = Intake(store, MATTERS, ROUTING)
    outcomes = []
    for number, (apart_m, sigma_m) in enumerate(
        [(5.0, 1.5), (5.4, 1.5), (7.7, 1.5), (8.1, 1.5), (0.0, 12.2), (0.0, 12.4)]
    ):
        here = 1000.0 * number
        first = intake.record(an_observation(lonlat=north_of(here)))
        second = intake.record(an_observation(lonlat=north_of(here + apart_m), sigma_m=sigma_m))
        with store.read() as connection:
            row = get_case(connection, second.case_id)
        outcomes.append("joined" if row.case_id == first.case_id else "suggested" if row.suggestions else "new")
    # 12.2 and 12.4 m are 29.9 and 30.4 m at 95 %.
    assert outcomes == ["joined", "suggested", "suggested", "new", "joined", "suggested"]


def test_the_windows_of_families_that_both_files_name_are_the_same_by_default():
    grouping = load_rules().windows
    assert set(grouping) <= set(MATTERS.windows)
    assert {family: MATTERS.windows[family] for family in grouping} == dict(grouping)


def test_what_a_flight_asks_about_known_cases_is_answered_by_the_same_thresholds(store, tmp_path):
    file = tmp_path / "identity.yaml"
    file.write_text("{merge_probability: 0.5, suggest_probability: 0.6}", encoding="utf-8")
    Intake(store, MATTERS, ROUTING).record(an_observation(flight_id="f1"))
    seen = an_observation(flight_id="f2", lonlat=north_of(6.5))
    assert KnownCases(store, MATTERS).is_doubtful(seen)
    assert not KnownCases(store, MATTERS, identity=load_rules(file)).is_doubtful(seen)


def test_a_threshold_that_no_search_could_reach_is_refused_with_file_line_and_key(tmp_path):
    file = tmp_path / "identity.yaml"
    file.write_text("# ours\nsuggest_probability: 0.9999999\n", encoding="utf-8")
    with pytest.raises(
        InputFileError, match=r"identity\.yaml, line 2: suggest_probability must not be more than 0\.99"
    ):
        load_rules(file)
