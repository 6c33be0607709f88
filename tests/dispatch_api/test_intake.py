"""Observations become cases: the merge rule, idempotence, review, repeats."""

from __future__ import annotations

import math
import random
from datetime import timedelta

import pytest
from dispatch_builders import NOON, a_zone, an_observation, default_rules, north_of, some_evidence
from sqlalchemy import func, select

from dispatch_api.accounts.model import Account, Role
from dispatch_api.cases.intake import Intake
from dispatch_api.cases.records import get_case
from dispatch_api.cases.schemas import Change
from dispatch_api.cases.service import CaseDesk
from dispatch_api.errors import InvalidRequest
from dispatch_api.store.schema import case, event, feed, observation, tally, task

MATTERS, ROUTING = default_rules()
CHIEF = Account(
    account_id=1, name="chief", display_name_zh="主任", display_name_en="Chief", role=Role.CENTRE, department=None
)


def count(store, table) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def the_case(store, case_id):
    with store.read() as connection:
        return get_case(connection, case_id)


def a_square(side_m: float, *, north_m: float = 0.0):
    return tuple(north_of(north_m + n * side_m, east_m=e * side_m) for n, e in ((0, 0), (0, 1), (1, 1), (1, 0)))


def test_3000_sightings_of_84_puddles_in_one_flight_are_84_cases(store, intake):
    # As a flight errs: one bias for the whole flight, fresh noise in each frame, and each position tells the sum.
    rng = random.Random(7)
    truth = [north_of(25.0 * (n % 12), east_m=25.0 * (n // 12)) for n in range(84)]
    bias_north_m, bias_east_m = rng.gauss(0, 1.2), rng.gauss(0, 1.2)
    sightings = []
    for n in range(3000):
        lon, lat = truth[n % 84]
        lonlat = (lon + (bias_east_m + rng.gauss(0, 0.9)) / 97_470, lat + (bias_north_m + rng.gauss(0, 0.9)) / 110_850)
        sightings.append(an_observation(lonlat=lonlat, sigma_m=1.5))
    rng.shuffle(sightings)

    recorded = intake.record_all(sightings)

    assert sum(one.opened for one in recorded) == 84
    assert (count(store, case), count(store, observation), count(store, task)) == (84, 3000, 84 * 4)
    with store.read() as connection:
        rows = connection.execute(select(case)).all()
    # Each case lies where its puddle is, but for the bias that no average takes away, and its ellipse says so.
    errors_m = [
        min(math.hypot((row.lon - lon) * 97_470, (row.lat - lat) * 110_850) for lon, lat in truth) for row in rows
    ]
    assert max(errors_m) < math.hypot(bias_north_m, bias_east_m) + 0.6
    assert {round(row.cov_ee_m2, 6) for row in rows} == {2.25}
    assert sum(row.observations for row in rows) == 3000


def test_the_same_key_again_refines_its_case_and_opens_none(store, intake):
    first = intake.record(an_observation(key="k", lonlat=north_of(0), sigma_m=3.0, frames=1))
    again = intake.record(an_observation(key="k", lonlat=north_of(2), sigma_m=1.0, frames=5))
    assert (again.case_id, again.opened) == (first.case_id, False)
    row = the_case(store, first.case_id)
    assert (row.observations, row.frames) == (1, 5)
    assert row.lat == pytest.approx(north_of(2)[1], abs=1e-9)
    assert row.cov_ee_m2 == pytest.approx(1.0)


def test_the_very_same_observation_again_changes_nothing_at_all(store, intake):
    seen = an_observation(key="k")
    first = intake.record(seen)
    before = (count(store, event), count(store, feed))
    assert intake.record(seen) == Intake(store, MATTERS, ROUTING).record(seen)
    assert intake.record(seen).case_id == first.case_id
    assert (count(store, event), count(store, feed)) == before


def test_a_refined_place_brings_its_surroundings_along(store, intake):
    first = intake.record(an_observation(key="k", zones=(a_zone(code="G1", name="一号"),), address="甲路"))
    intake.record(an_observation(key="k", zones=(a_zone(code="G2", name="二号"),), address="乙路"))
    row = the_case(store, first.case_id)
    assert (row.grid_code, row.grid_name, row.address, row.zones[0]["code"]) == ("G2", "二号", "乙路", "G2")


def test_a_heap_that_turns_out_larger_changes_its_matter_while_it_waits_and_not_after(store, intake):
    small = {"matter": "dumping.household", "confidence": 0.3, "extent_m2": 9.0}
    large = {"matter": "dumping.construction", "confidence": 0.4, "extent_m2": 14.0}
    waiting = intake.record(an_observation(key="k", **small))
    intake.record(an_observation(key="k", **large))
    assert the_case(store, waiting.case_id).matter == "dumping.construction"
    surer = intake.record(an_observation(key="k", **(large | {"confidence": 0.9})))
    assert [task.department for task in surer.tasks if task.kind == "lead"] == ["enforcement"]
    intake.record(an_observation(key="k", **(small | {"confidence": 0.9})))
    assert the_case(store, waiting.case_id).matter == "dumping.construction"


def test_a_key_that_moves_far_away_stays_with_its_case_in_the_spatial_index(intake):
    first = intake.record(an_observation(key="k", lonlat=north_of(0)))
    intake.record(an_observation(key="k", lonlat=north_of(400)))
    assert intake.record(an_observation(lonlat=north_of(401))).case_id == first.case_id
    assert intake.record(an_observation(lonlat=north_of(0))).opened


@pytest.mark.parametrize(
    ("apart_m", "sigma_m", "merged"),
    [(3.0, 1.5, True), (5.1, 1.5, True), (5.3, 1.5, False), (20.0, 1.5, False), (20.0, 6.0, True)],
)
def test_what_is_the_same_place_depends_on_the_error_and_no_fixed_radius(intake, apart_m, sigma_m, merged):
    # χ² 0.95 of two equal errors: apart < sqrt(5.991 · 2) σ = 3.46 σ.
    first = intake.record(an_observation(sigma_m=sigma_m))
    second = intake.record(an_observation(sigma_m=sigma_m, lonlat=north_of(apart_m)))
    assert (second.case_id == first.case_id) == merged


@pytest.mark.parametrize(("shift_m", "merged"), [(6.0, True), (8.0, False)])
def test_outlines_that_overlap_by_30_percent_are_one_thing(intake, shift_m, merged):
    first = intake.record(an_observation(footprint_lonlat=a_square(10), sigma_m=0.3))
    second = intake.record(
        an_observation(footprint_lonlat=a_square(10, north_m=shift_m), lonlat=north_of(shift_m), sigma_m=0.3)
    )
    assert (second.case_id == first.case_id) == merged


def test_between_the_gates_a_person_is_asked_to_compare(store, intake):
    first = intake.record(an_observation())
    second = intake.record(an_observation(lonlat=north_of(6.5)))
    assert second.opened
    row = the_case(store, second.case_id)
    assert row.suggestions == [{"case_id": first.case_id, "because": "perhaps_same"}]


def test_an_ellipse_over_30_m_may_suggest_but_never_merges(store, intake):
    first = intake.record(an_observation())
    vague = intake.record(an_observation(sigma_m=13.0, lonlat=north_of(2)))
    assert vague.opened
    assert the_case(store, vague.case_id).suggestions[0]["case_id"] == first.case_id


@pytest.mark.parametrize(
    ("matter", "gap", "merged"),
    [
        ("waterlogging.road", timedelta(hours=71), True),
        ("waterlogging.road", timedelta(hours=73), False),
        ("dumping.household", timedelta(days=89), True),
        ("dumping.household", timedelta(days=91), False),
    ],
)
def test_a_thing_is_the_same_only_within_its_familys_window(intake, matter, gap, merged):
    first = intake.record(an_observation(matter=matter))
    later = intake.record(an_observation(matter=matter, first_seen_at=NOON + gap, last_seen_at=NOON + gap))
    assert (later.case_id == first.case_id) == merged


def test_dumping_is_one_family_and_water_is_another(intake):
    heap = intake.record(an_observation(matter="dumping.household"))
    rubble = intake.record(an_observation(matter="dumping.construction"))
    puddle = intake.record(an_observation(matter="waterlogging.road"))
    assert rubble.case_id == heap.case_id
    assert puddle.opened


def test_frames_of_one_flight_average_the_place_but_only_another_flight_shrinks_the_error(store, intake):
    recorded = intake.record(an_observation(flight_id="f1", sigma_m=2.0))
    intake.record(an_observation(flight_id="f1", sigma_m=2.0, lonlat=north_of(2)))
    row = the_case(store, recorded.case_id)
    assert row.lat == pytest.approx(north_of(1)[1], abs=1e-9)
    assert row.cov_nn_m2 == pytest.approx(4.0)
    intake.record(an_observation(flight_id="f2", sigma_m=2.0, lonlat=north_of(1)))
    assert the_case(store, recorded.case_id).cov_nn_m2 == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"confidence": 0.59}, ["below_auto_level"]),
        ({"review_required": True}, ["required"]),
        ({"zones": (a_zone(kind="road", zone_class="underpass"),)}, ["red"]),
        ({"zones": (a_zone(kind="false_alarm_mask"),)}, ["false_alarm_mask"]),
        (
            {"matter": "fishing.reservoir", "zones": (a_zone(kind="no_fishing"),), "confidence": 0.99},
            ["matter_always"],
        ),
    ],
)
def test_what_needs_a_person_waits_for_one_and_no_department_hears_of_it(store, intake, changes, reasons):
    recorded = intake.record(an_observation(**changes))
    assert (recorded.state, recorded.tasks) == ("pending_review", ())
    row = the_case(store, recorded.case_id)
    assert row.review_reasons == reasons
    assert row.verify_deadline_at is not None


def test_a_sure_case_opens_by_a_rule_that_is_recorded_as_such(store, intake):
    recorded = intake.record(an_observation(confidence=0.6))
    assert recorded.state == "dispatched"
    with store.read() as connection:
        opened = connection.execute(select(event).where(event.c.kind == "case.opened")).one()
    assert opened.who == "system:auto-rule"
    assert "0.60" in opened.why


def test_a_surer_look_opens_a_case_that_waits_only_for_surety(intake):
    first = intake.record(an_observation(confidence=0.4))
    second = intake.record(an_observation(confidence=0.8, flight_id="f2"))
    assert (first.state, second.case_id, second.state) == ("pending_review", first.case_id, "dispatched")
    assert [task.department for task in second.tasks if task.kind == "lead"] == ["drainage"]


def test_fishing_in_other_water_is_counted_once_and_leaves_no_case_picture_or_place(store, intake, tmp_path):
    zones = (a_zone(kind="permanent_water"), a_zone(code="G7"))
    seen = an_observation(matter="fishing.reservoir", zones=zones, evidence=(some_evidence(tmp_path),))
    recorded = [intake.record(seen), intake.record(seen)]
    assert [(one.case_id, one.opened, one.tasks) for one in recorded] == [(None, False, ())] * 2
    assert (count(store, case), count(store, observation), count(store, tally)) == (0, 0, 1)
    with store.read() as connection:
        row = connection.execute(select(tally)).one()
    assert not store.evidence_dir.exists()
    assert (row.grid_code, row.seen_on, row.rule_id) == ("G7", "2026-11-23", "fishing.other_water")


def test_where_no_rule_holds_the_case_waits_opened_for_the_centre_to_name_a_lead(store, tmp_path):
    from dispatch_api.departments.model import load_departments
    from dispatch_api.departments.routing import load_routing

    file = tmp_path / "routing.yaml"
    file.write_text("author: a\neffective_from: 2026-07-01\nrules: []\n", encoding="utf-8")
    routing = load_routing(file, matters=MATTERS, departments=load_departments())
    recorded = Intake(store, MATTERS, routing).record(an_observation())
    assert (recorded.state, recorded.tasks) == ("opened", ())

    desk = CaseDesk(store, MATTERS, routing)
    with pytest.raises(InvalidRequest, match="lead"):
        desk.transition(recorded.case_id, Change(to="dispatched", reason="obvious"), by=CHIEF)
    moved = desk.transition(recorded.case_id, Change(to="dispatched", reason="obvious", lead="water"), by=CHIEF)
    assert moved.state == "dispatched"
    with store.read() as connection:
        (issued,) = connection.execute(select(task)).all()
    assert (issued.department, issued.kind, issued.rule["author"]) == ("water", "lead", "chief")


def test_a_place_that_a_person_called_a_false_alarm_never_opens_by_itself_again(store):
    now = [NOON]
    intake = Intake(store, MATTERS, ROUTING, now=lambda: now[0])
    desk = CaseDesk(store, MATTERS, ROUTING, now=lambda: now[0])
    first = intake.record(an_observation(confidence=0.4))
    desk.transition(first.case_id, Change(to="rejected", reason="shadow of a tree"), by=CHIEF)

    late_picture = intake.record(an_observation(last_seen_at=NOON, confidence=0.9, flight_id="f2"))
    assert (late_picture.case_id, late_picture.state) == (first.case_id, "rejected")

    later = NOON + timedelta(days=1)
    now[0] = later
    again = intake.record(an_observation(confidence=0.95, first_seen_at=later, last_seen_at=later))
    assert (again.opened, again.state) == (True, "pending_review")
    assert the_case(store, again.case_id).review_reasons == ["rejected_here"]


def test_what_comes_back_after_closing_is_a_new_case_that_names_the_old_one(store):
    now = [NOON]
    intake = Intake(store, MATTERS, ROUTING, now=lambda: now[0])
    colours, previous = [], None
    for week in range(3):
        now[0] = NOON + timedelta(days=7 * week)
        recorded = intake.record(an_observation(matter="dumping.household", first_seen_at=now[0], last_seen_at=now[0]))
        row = the_case(store, recorded.case_id)
        assert recorded.opened
        assert (row.recurrence_of, row.repeats) == (previous, week)
        colours.append(row.colour)
        if week < 2:
            _close(store, recorded, now)
        previous = recorded.case_id
    assert colours == ["green", "yellow", "red"]


def _close(store, recorded, now):
    from dispatch_api.tasks.service import TaskDesk

    lead = next(task.task_id for task in recorded.tasks if task.kind == "lead")
    cleaner = Account(
        account_id=2, name="c", display_name_zh="c", display_name_en="c", role=Role.LEADER, department="sanitation"
    )
    tasks = TaskDesk(store, MATTERS, ROUTING, now=lambda: now[0])
    for to in ("signed", "working", "done"):
        tasks.transition(lead, Change(to=to), by=cleaner)
    now[0] += timedelta(hours=1)
    CaseDesk(store, MATTERS, ROUTING, now=lambda: now[0]).transition(
        recorded.case_id, Change(to="closed", reason="clean on the re-flight"), by=CHIEF
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"confidence": 1.2},
        {"lon": float("nan")},
        {"lat": 91.0},
        {"covariance_m2": ((1.0, 0.0), (0.0, 0.0))},
        {"covariance_m2": ((1.0, 0.5), (0.2, 1.0))},
        {"covariance_m2": ((1.0, 2.0), (2.0, 1.0))},
        {"key": ""},
        {"frames": 0},
        {"footprint_lonlat": ((1.0, 2.0), (2.0, 3.0))},
        {"first_seen_at": NOON.replace(tzinfo=None)},
        {"last_seen_at": NOON - timedelta(hours=1)},
    ],
)
def test_an_observation_that_makes_no_sense_does_not_exist(changes):
    with pytest.raises(ValueError, match="observation"):
        an_observation(**changes)


def test_an_unknown_matter_is_refused_and_nothing_is_recorded(store, intake):
    with pytest.raises(InvalidRequest, match="matter"):
        intake.record(an_observation(matter="nonsense"))
    assert count(store, case) == 0
